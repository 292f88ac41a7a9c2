//! Errors of reading and writing decks, with hints.

use rounds_support::{Cancel, FailureKind, FileError, Hint, errors, sanitise};

/// Why a deck could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum ExchangeError {
    /// A file operation failed.
    #[error(transparent)]
    File(#[from] FileError),
    /// Neither a package nor a table.
    #[error("this is not a deck: {name}{}", .looks_like.map(|kind| format!(" (it looks like {kind})")).unwrap_or_default())]
    Unknown {
        /// Sanitised file name.
        name: String,
        /// What it looks like instead, with an article.
        looks_like: Option<&'static str>,
    },
    /// A package that only newer versions of Anki read.
    #[error("this package has Anki's newer format, which only Anki reads")]
    NewerPackage,
    /// The file violates its format.
    #[error("the deck is damaged: {0}")]
    Damaged(String),
    /// Over a limit.
    #[error("too much in this deck: {what} {}; the limit is {}", amount(*.found, *.in_bytes), amount(*.limit, *.in_bytes))]
    TooMuch {
        /// What was measured or counted, such as `cards:`.
        what: &'static str,
        /// What the file holds, or says it holds.
        found: u64,
        /// The most accepted.
        limit: u64,
        /// Whether the two are lengths in bytes.
        in_bytes: bool,
    },
    /// A table whose first line names no question or no answer.
    #[error("the table has no column {missing}; its first line has: {}", .found.join(", "))]
    Columns {
        /// The column that was looked for.
        missing: &'static str,
        /// The first few names found, sanitised.
        found: Vec<String>,
    },
    /// Nothing could be imported, or there is nothing to export.
    #[error("no card could be used{}", .first.as_ref().map(|first| format!("; {first}")).unwrap_or_default())]
    Empty {
        /// Place and reason of the first card that was skipped.
        first: Option<String>,
    },
    /// The caller could not keep an image.
    #[error("an image could not be kept: {0}")]
    Keep(String),
    /// The user stopped it.
    #[error("stopped")]
    Stopped,
    /// A package could not be put together.
    #[error("the package could not be made: {0}")]
    Make(String),
}

fn amount(number: u64, in_bytes: bool) -> String {
    match in_bytes {
        true => errors::bytes(number),
        false => number.to_string(),
    }
}

/// The error for a file that violates its format.
pub(crate) fn damaged(what: impl ToString) -> ExchangeError {
    ExchangeError::Damaged(sanitise::clean_line_max(&what.to_string(), 300))
}

/// The error for a package that could not be put together.
pub(crate) fn unmade(what: impl ToString) -> ExchangeError {
    ExchangeError::Make(sanitise::clean_line_max(&what.to_string(), 300))
}

/// Errors if `found`, a number of `what`, is greater than `limit`.
pub(crate) fn at_most(what: &'static str, found: usize, limit: usize) -> Result<(), ExchangeError> {
    if found > limit {
        return Err(ExchangeError::TooMuch {
            what,
            found: found as u64,
            limit: limit as u64,
            in_bytes: false,
        });
    }
    Ok(())
}

/// Errors if `found`, the length of `what` in bytes, is greater than `limit`.
pub(crate) fn at_most_bytes(
    what: &'static str,
    found: u64,
    limit: u64,
) -> Result<(), ExchangeError> {
    if found > limit {
        return Err(ExchangeError::TooMuch {
            what,
            found,
            limit,
            in_bytes: true,
        });
    }
    Ok(())
}

impl Hint for ExchangeError {
    fn hint(&self) -> Option<String> {
        let text = match self {
            Self::File(error) => return error.hint(),
            Self::Unknown { .. } => {
                "give an Anki package (.apkg) or a table (.csv, .tsv, .json, .jsonl)"
            }
            Self::NewerPackage => {
                "export it from Anki again with the box \"Support older Anki versions\" checked"
            }
            Self::Damaged(_) => "export or download it again",
            Self::TooMuch { .. } => "split the deck, and import its parts",
            Self::Columns { .. } => {
                "name the columns in the first line: question, answer, and if you like rationale, image, choices, tags, source, licence"
            }
            Self::Empty { first: None } => "look into the file: it has no cards",
            Self::Empty { first: Some(_) } => "correct what the message says, then try again",
            Self::Keep(_) | Self::Make(_) | Self::Stopped => return None,
        };
        Some(text.to_owned())
    }

    fn kind(&self) -> FailureKind {
        match self {
            Self::Stopped => FailureKind::Interrupted,
            _ => FailureKind::Io,
        }
    }
}

/// Errors once the user wants to stop.
pub(crate) fn unless_stopped(cancel: &Cancel) -> Result<(), ExchangeError> {
    match cancel.is_cancelled() {
        true => Err(ExchangeError::Stopped),
        false => Ok(()),
    }
}

//! Errors of study mode, with hints.

use rounds_database::DatabaseError;
use rounds_index::IndexError;
use rounds_support::{FailureKind, FileError, Hint, sanitise};

/// An error of study mode.
#[derive(Debug, thiserror::Error)]
pub enum StudyError {
    /// A file operation failed.
    #[error(transparent)]
    File(#[from] FileError),
    /// The index that cards are made from cannot be read.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// The database file is broken.
    #[error("the study store is damaged: {0}")]
    Damaged(String),
    /// A single card, review or image is damaged; the rest of the store is fine.
    #[error("part of a deck cannot be read: {0}")]
    Unreadable(String),
    /// Written by a newer version of the program.
    #[error("the study store has version {found}; this program reads versions up to {known}")]
    Version {
        /// Version of the file.
        found: i64,
        /// Newest version this program reads.
        known: i64,
    },
    /// Another process has the store locked.
    #[error("another process has locked the study store")]
    Busy,
    /// There is no deck of this name.
    #[error("there is no deck {0}")]
    NoDeck(String),
    /// A deck cannot have this name.
    #[error("a deck cannot be called {0:?}")]
    DeckName(String),
    /// The deck has no card with this id.
    #[error("the deck {deck} has no card {card}")]
    NoCard {
        /// Name of the deck.
        deck: String,
        /// Id of the card.
        card: String,
    },
    /// The card was graded, undone or removed since it was shown.
    #[error("the card {0} was changed in another window")]
    Changed(String),
    /// A review that contradicts itself; nothing was written.
    #[error("a review cannot be recorded: {0}")]
    Review(&'static str),
    /// There is no kind of card of this name.
    #[error("there is no kind of card {0}")]
    Kind(String),
    /// A setting has a value that it cannot have.
    #[error("{name} {reason}")]
    Setting {
        /// Its name, as it is typed.
        name: String,
        /// What is wrong with the value.
        reason: String,
    },
    /// No example of the index has the wanted tags and gives a card of the wanted kinds.
    #[error("no cards of this kind can be made from the index")]
    NoCards,
    /// Over a limit.
    #[error("too many {what}: {found}; the limit is {limit}")]
    TooMuch {
        /// What was counted, with its unit.
        what: &'static str,
        /// The number found.
        found: usize,
        /// The largest number accepted.
        limit: usize,
    },
    /// There are too few reviews to fit parameters to.
    #[error(
        "own parameters need {needed} reviews of a day or more after the last; there are {found}"
    )]
    TooFewReviews {
        /// Reviews that count.
        found: usize,
        /// Reviews that are needed.
        needed: usize,
    },
    /// The scheduler's library could not do it.
    #[error("the scheduler failed: {0}")]
    Scheduler(String),
    /// The user stopped it.
    #[error("stopped")]
    Stopped,
    /// Any other SQLite error.
    #[error("the study store cannot be used: {}", sanitise::clean_line(&.0.to_string()))]
    Database(rusqlite::Error),
}

/// The error for a single damaged card, review or image.
pub(crate) fn unreadable(what: impl ToString) -> StudyError {
    StudyError::Unreadable(sanitise::clean_line_max(&what.to_string(), 300))
}

/// Errors if `found` is greater than `limit`.
pub(crate) fn at_most(what: &'static str, found: usize, limit: usize) -> Result<(), StudyError> {
    if found > limit {
        return Err(StudyError::TooMuch { what, found, limit });
    }
    Ok(())
}

impl From<DatabaseError> for StudyError {
    fn from(error: DatabaseError) -> Self {
        match error {
            DatabaseError::File(error) => Self::File(error),
            DatabaseError::Damaged(what) => Self::Damaged(what),
            DatabaseError::Unreadable(what) => Self::Unreadable(what),
            DatabaseError::Version { found, known } => Self::Version { found, known },
            DatabaseError::Busy => Self::Busy,
            DatabaseError::Sqlite(error) => Self::Database(error),
        }
    }
}

impl From<rusqlite::Error> for StudyError {
    fn from(error: rusqlite::Error) -> Self {
        DatabaseError::from(error).into()
    }
}

impl Hint for StudyError {
    fn hint(&self) -> Option<String> {
        let text = match self {
            Self::File(error) => return error.hint(),
            Self::Index(error) => return error.hint(),
            Self::Damaged(_) => {
                "start the program again: it moves the damaged store aside (nothing is deleted) and creates a new one"
            }
            Self::Unreadable(_) => "other decks are not affected",
            Self::Version { .. } => "update the program, or choose another folder with ROUNDS_HOME",
            Self::Busy => {
                "wait a moment and try again; if that does not help, close other windows of the program"
            }
            Self::NoDeck(_) => "list your decks with `rounds study decks`",
            Self::DeckName(_) => "use 1 to 80 characters, not only blanks",
            Self::NoCard { .. } | Self::Changed(_) => "go on with the next card",
            Self::Kind(_) => "there are: question, choice, spot, occlusion, compare, staged",
            Self::Setting { .. } => "`rounds study settings DECK` lists the settings",
            Self::NoCards => {
                "choose another kind with --kind, or fewer conditions with --tag; spots and occlusions need examples with boxes"
            }
            Self::TooMuch { .. } => "choose fewer cards with --tag NAME=VALUE or --kind",
            Self::TooFewReviews { .. } => {
                "go on studying; until then the parameters of FSRS, fitted to many learners, do well"
            }
            Self::Database(error) => return rounds_database::hint_of(error).map(str::to_owned),
            Self::Review(_) | Self::Scheduler(_) | Self::Stopped => return None,
        };
        Some(text.to_owned())
    }

    fn kind(&self) -> FailureKind {
        match self {
            Self::Index(error) => error.kind(),
            Self::NoDeck(_)
            | Self::DeckName(_)
            | Self::NoCard { .. }
            | Self::Kind(_)
            | Self::Setting { .. }
            | Self::NoCards
            | Self::TooFewReviews { .. } => FailureKind::Usage,
            Self::Stopped => FailureKind::Interrupted,
            _ => FailureKind::Io,
        }
    }
}

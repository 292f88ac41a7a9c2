//! Errors that end the reading of a data set, with hints.

use std::path::Path;

use rounds_support::errors::display_path;
use rounds_support::sanitise::{clean_line, clean_line_max};
use rounds_support::{FailureKind, FileError, Hint};

/// Longest quote from the input in a message, in characters.
const MAX_QUOTE: usize = 120;

/// Why a data set cannot be read, or not past its last row.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DatasetError {
    /// A file is missing or cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// The scans cannot be read.
    #[error(transparent)]
    Scan(#[from] rounds_scan::ScanError),
    /// The folder has no file of the format.
    #[error("no {wanted} in {place}")]
    Nothing {
        /// What was expected.
        wanted: String,
        /// Cleaned path.
        place: String,
    },
    /// The folder has several tables, so it is unclear which to read.
    #[error("there are several tables in {place}: {names}")]
    Several {
        /// Cleaned path.
        place: String,
        /// Names of the tables, cleaned.
        names: String,
    },
    /// The file is damaged, so the rest of it cannot be read.
    #[error("{origin}: {reason}")]
    Broken {
        /// File and position in it.
        origin: String,
        /// What is wrong, cleaned.
        reason: String,
    },
    /// The file is valid but uses something that is not supported.
    #[error("{origin}: {reason}")]
    Unsupported {
        /// File and position in it.
        origin: String,
        /// What is not supported, cleaned.
        reason: String,
    },
    /// The file has another format than stated.
    #[error("{origin}: {reason}")]
    Other {
        /// The file.
        origin: String,
        /// What is wrong with its format, cleaned.
        reason: String,
    },
    /// A required column is missing; the message lists the columns there are.
    #[error("{0}")]
    Columns(String),
    /// An option is invalid.
    #[error("{0}")]
    Option(String),
}

impl DatasetError {
    /// There is no `wanted` at `path`.
    pub(super) fn nothing(wanted: &str, path: &Path) -> Self {
        Self::Nothing {
            wanted: wanted.to_owned(),
            place: display_path(path),
        }
    }

    /// The input is damaged at `origin`.
    pub(super) fn broken(origin: &str, reason: impl ToString) -> Self {
        Self::Broken {
            origin: clean_line(origin),
            reason: clean_line(&reason.to_string()),
        }
    }

    /// The input has another format.
    pub(super) fn other(origin: &str, reason: impl ToString) -> Self {
        Self::Other {
            origin: clean_line(origin),
            reason: clean_line(&reason.to_string()),
        }
    }

    /// The input uses something that is not supported.
    pub(super) fn unsupported(origin: &str, reason: impl ToString) -> Self {
        Self::Unsupported {
            origin: clean_line(origin),
            reason: clean_line(&reason.to_string()),
        }
    }
}

impl Hint for DatasetError {
    fn hint(&self) -> Option<String> {
        let text = match self {
            Self::File(error) => return error.hint(),
            Self::Scan(error) => return error.hint(),
            Self::Nothing { .. } => {
                "give the file itself, or the folder the data set was unpacked into"
            }
            Self::Several { .. } => {
                "give the table itself, and the folder of the images with --images"
            }
            Self::Broken { .. } => {
                "the rows before this point are fine; download the file again, or repair it there"
            }
            Self::Unsupported { .. } => {
                "save the file without it, or convert the data to CSV or JSON Lines and use `--format folder`"
            }
            Self::Other { .. } => {
                "choose the right format: `--format folder` reads CSV, TSV, JSON and JSON Lines tables in UTF-8"
            }
            Self::Columns(_) => {
                "the first line of a table must name its columns; map a column with --map COLUMN=FIELD, for example --map photo=image"
            }
            Self::Option(_) => return None,
        };
        Some(text.to_owned())
    }

    fn kind(&self) -> FailureKind {
        FailureKind::Usage
    }
}

/// A quote from the input, cleaned and shortened for a message.
pub(super) fn quote(text: &str) -> String {
    clean_line_max(text.trim(), MAX_QUOTE)
}

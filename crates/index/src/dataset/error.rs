//! Why a data set as a whole cannot be read, or not further.

use std::path::Path;

use rounds_support::errors::shown;
use rounds_support::sanitise::{clean_line, clean_line_max};
use rounds_support::{FileError, Hint};

/// Longest piece of the input, in characters, that a message repeats.
const MAX_QUOTE: usize = 120;

/// Why a data set cannot be read, or not further than its last row.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DatasetError {
    /// A file that is missing, or that the system does not give.
    #[error(transparent)]
    File(#[from] FileError),
    /// The folder holds nothing of the format.
    #[error("no {wanted} in {place}")]
    Nothing {
        /// What was looked for.
        wanted: String,
        /// Cleaned path.
        place: String,
    },
    /// The folder holds several tables, and nothing says which is meant.
    #[error("several tables in {place}: {names}")]
    Several {
        /// Cleaned path.
        place: String,
        /// Their cleaned names.
        names: String,
    },
    /// The file is damaged, so that what follows cannot be told apart.
    #[error("{origin}: {reason}")]
    Broken {
        /// Where: file, and the place in it.
        origin: String,
        /// What is wrong; already clean.
        reason: String,
    },
    /// The file is sound, but beyond what is read.
    #[error("{origin}: {reason}")]
    Unsupported {
        /// Where: file, and the place in it.
        origin: String,
        /// What is not read; already clean.
        reason: String,
    },
    /// The file is of another kind than was said.
    #[error("{origin}: {reason}")]
    Other {
        /// Which file.
        origin: String,
        /// What it is not; already clean.
        reason: String,
    },
    /// No row has a column that is needed; says which there are.
    #[error("{0}")]
    Columns(String),
    /// An option that makes no sense.
    #[error("{0}")]
    Option(String),
}

impl DatasetError {
    /// Nothing of the kind `wanted` lies at `path`.
    pub(super) fn nothing(wanted: &str, path: &Path) -> Self {
        Self::Nothing {
            wanted: wanted.to_owned(),
            place: shown(path),
        }
    }

    /// The input breaks off at `origin`.
    pub(super) fn broken(origin: &str, reason: impl ToString) -> Self {
        Self::Broken {
            origin: clean_line(origin),
            reason: clean_line(&reason.to_string()),
        }
    }

    /// The input is of another kind.
    pub(super) fn other(origin: &str, reason: impl ToString) -> Self {
        Self::Other {
            origin: clean_line(origin),
            reason: clean_line(&reason.to_string()),
        }
    }

    /// The input is beyond what is read.
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
            Self::Nothing { .. } => {
                "name the file itself, or the folder that the data set was unpacked into"
            }
            Self::Several { .. } => "name the table itself, and the images with --images",
            Self::Broken { .. } => {
                "the rows before this place are good; fetch the file again, or mend it there"
            }
            Self::Unsupported { .. } => {
                "write the file again without it, or convert the data to CSV or JSON Lines and use the folder format"
            }
            Self::Other { .. } => {
                "say what it is: `--format folder` takes tables as CSV, TSV, JSON and JSON Lines, all as UTF-8"
            }
            Self::Columns(_) => {
                "the first line of a table names its columns; say what a column is with --map COLUMN=FIELD, for example --map photo=image"
            }
            Self::Option(_) => return None,
        };
        Some(text.to_owned())
    }
}

/// A piece of the input as a message may repeat it.
pub(super) fn quote(text: &str) -> String {
    clean_line_max(text.trim(), MAX_QUOTE)
}

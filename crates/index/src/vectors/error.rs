//! What can go wrong with vector files, and what to do about it.
//!
//! A message names the file by its name inside the index, never by a path, and says nothing of what is in a vector.

use rounds_support::{FileError, Hint};

/// What can go wrong with vectors, their files and the graph over them.
#[derive(Debug, thiserror::Error)]
pub enum VectorError {
    /// The system refused to read or write.
    #[error(transparent)]
    File(#[from] FileError),
    /// The encoder's name cannot be a file's name.
    #[error("{name:?} cannot be the name of a vector file")]
    Name {
        /// The name, cleaned.
        name: String,
    },
    /// A dimension that no vector file has.
    #[error(
        "vectors of {found} values are not stored, from 1 to {} are",
        super::layout::MAX_DIMENSION
    )]
    DimensionRange {
        /// The dimension that was asked for.
        found: usize,
    },
    /// More rows than row numbers.
    #[error("{rows} rows are more than a vector file holds")]
    TooMany {
        /// The count that was asked for.
        rows: usize,
    },
    /// A vector of another length than the index has.
    #[error("a vector of {found} values, the index has {expected}")]
    Dimension {
        /// Values of the vector that was given.
        found: usize,
        /// Values of a row.
        expected: usize,
    },
    /// A vector with NaN or infinity in it.
    #[error("a vector holds a value that is not a number")]
    NotFinite,
    /// A vector without a direction.
    #[error("a vector is zero")]
    Zero,
    /// No such row.
    #[error("row {row} of {rows} vectors")]
    NoRow {
        /// The row that was asked for.
        row: usize,
        /// How many there are.
        rows: usize,
    },
    /// Bytes that are not what was written.
    #[error("{file} is damaged: {reason}")]
    Damaged {
        /// The file's name.
        file: String,
        /// What is wrong, and at which row or block.
        reason: String,
    },
    /// Fewer rows in the file than were committed.
    #[error("{file} holds {found} rows, {wanted} were committed")]
    Short {
        /// The file's name.
        file: String,
        /// Whole rows in the file.
        found: usize,
        /// Rows that must be there.
        wanted: usize,
    },
    /// A file of a later program.
    #[error(
        "{file} is of format version {found}, this program reads version {}",
        super::layout::VERSION
    )]
    Version {
        /// The file's name.
        file: String,
        /// The version it says it has.
        found: u32,
    },
    /// Another writer holds the file.
    #[error("another process is writing {file}")]
    Busy {
        /// The file's name.
        file: String,
    },
    /// The graph could not be made.
    #[error("the search graph could not be made: {reason}")]
    Graph {
        /// Why.
        reason: String,
    },
    /// A raised cancel flag was seen.
    #[error("interrupted")]
    Cancelled,
}

impl VectorError {
    /// Damage in `file`, in words of our own.
    pub(super) fn damaged(file: &str, reason: impl Into<String>) -> Self {
        Self::Damaged {
            file: file.to_owned(),
            reason: reason.into(),
        }
    }
}

impl Hint for VectorError {
    fn hint(&self) -> Option<String> {
        let text = match self {
            Self::File(error) => return error.hint(),
            Self::Name { .. } => {
                "use letters, digits, `.`, `-` and `_`, and begin with a letter or a digit"
            }
            Self::Dimension { .. } => "use the model that the index was made with",
            Self::NotFinite | Self::Zero => {
                "the encoder gave no usable vector for this image; leave the image out"
            }
            Self::Damaged { .. } | Self::Short { .. } => {
                "see all damage with `rounds index verify`; restore the file from a copy, or embed the images again"
            }
            Self::Version { .. } => "use the program that wrote it, or embed the images again",
            Self::Busy { .. } => "wait until it is done; reading goes on meanwhile",
            Self::Graph { .. } => "exact search needs no graph: use --search exact",
            _ => return None,
        };
        Some(text.to_owned())
    }
}

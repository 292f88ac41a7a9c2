//! Errors of vectors and vector files, with hints.
//!
//! Messages give the file name inside the index, never a path, and never the content of a vector.

use rounds_support::{FailureKind, FileError, Hint};

/// What can go wrong with vectors, their files and the graph over them.
#[derive(Debug, thiserror::Error)]
pub enum VectorError {
    /// A file could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The encoder's name is not valid as a file name.
    #[error("{name:?} cannot be the name of a vector file")]
    Name {
        /// The name, cleaned.
        name: String,
    },
    /// The dimension is out of range.
    #[error(
        "vectors of {found} values cannot be stored; the dimension must be 1 to {}",
        super::limits::MAX_DIMENSION
    )]
    DimensionRange {
        /// The dimension requested.
        found: usize,
    },
    /// Too many rows for row numbers.
    #[error("{rows} rows are more than a vector file can hold")]
    TooMany {
        /// The number of rows requested.
        rows: usize,
    },
    /// A vector of another dimension than the index.
    #[error("the vector has {found} values, the index {expected}")]
    Dimension {
        /// Values of the given vector.
        found: usize,
        /// Values of a row.
        expected: usize,
    },
    /// A vector contains NaN or infinity.
    #[error("the vector contains a value that is not a number")]
    NotFinite,
    /// A vector is all zeros, so it has no direction.
    #[error("the vector is zero")]
    Zero,
    /// No such row.
    #[error("there is no row {row}: the file has {rows} rows")]
    NoRow {
        /// The row requested.
        row: usize,
        /// Number of rows.
        rows: usize,
    },
    /// A file fails its check.
    #[error("{file} is damaged: {reason}")]
    Damaged {
        /// The file's name.
        file: String,
        /// What is wrong, with the row or block.
        reason: String,
    },
    /// A file has fewer rows than were committed.
    #[error("{file} has {found} rows, but {wanted} were committed")]
    Short {
        /// The file's name.
        file: String,
        /// Complete rows in the file.
        found: usize,
        /// Rows that were committed.
        wanted: usize,
    },
    /// A file has another format version.
    #[error(
        "{file} has format version {found}, this program reads version {}",
        super::limits::VERSION
    )]
    Version {
        /// The file's name.
        file: String,
        /// Version of the file.
        found: u32,
    },
    /// Another process holds the lock of the file.
    #[error("another process is writing to {file}")]
    Busy {
        /// The file's name.
        file: String,
    },
    /// The graph could not be built.
    #[error("the search graph could not be built: {reason}")]
    Graph {
        /// Why.
        reason: String,
    },
    /// The cancel flag was raised.
    #[error("interrupted")]
    Cancelled,
}

impl VectorError {
    /// The error for damage in `file`.
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
                "use letters, digits, `.`, `-` and `_`, starting with a letter or digit"
            }
            Self::Dimension { .. } => "use the model the index was made with",
            Self::NotFinite | Self::Zero => {
                "the encoder gave no usable vector for this image; skip the image"
            }
            Self::Damaged { .. } | Self::Short { .. } => {
                "list the damage with `rounds index verify`; restore the file from a backup, or embed the images again"
            }
            Self::Version { .. } => {
                "use the version of the program that wrote it, or embed the images again"
            }
            Self::Busy { .. } => "wait until it is done; the index can be read meanwhile",
            Self::Graph { .. } => "use --search exact, which needs no graph",
            _ => return None,
        };
        Some(text.to_owned())
    }

    fn kind(&self) -> FailureKind {
        match self {
            Self::Cancelled => FailureKind::Interrupted,
            _ => FailureKind::Model,
        }
    }
}

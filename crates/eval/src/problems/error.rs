//! Why problems cannot be read.

use std::path::{Path, PathBuf};

use rounds_imaging::ImagingError;
use rounds_support::errors::display_path;
use rounds_support::{FailureKind, FileError, Hint, sanitise};

/// Why problems cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ProblemError {
    /// A file could not be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// An image could not be decoded.
    #[error(transparent)]
    Image(#[from] ImagingError),
    /// The file is not as described.
    #[error("{}: {reason}", display_path(.path))]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong; sanitised.
        reason: String,
    },
    /// There is no problem of this name.
    #[error("there is no problem {id}")]
    Unknown {
        /// The name; sanitised.
        id: String,
        /// Those that there are, in words.
        known: String,
    },
    /// A file that should be in the program is not.
    #[error("{0} is not in this program")]
    Missing(String),
}

impl ProblemError {
    pub(super) fn format(path: &Path, reason: impl std::fmt::Display) -> Self {
        Self::Format {
            path: path.to_path_buf(),
            reason: sanitise::clean_line_max(&reason.to_string(), 400),
        }
    }
}

impl Hint for ProblemError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::File(error) => error.hint(),
            Self::Image(error) => error.hint(),
            Self::Format { .. } => Some("docs/problems.md describes the format".into()),
            Self::Unknown { known, .. } => Some(format!("there are: {known}")),
            Self::Missing(_) => None,
        }
    }

    fn kind(&self) -> FailureKind {
        match self {
            Self::File(error) => error.kind(),
            Self::Image(error) => error.kind(),
            Self::Format { .. } | Self::Missing(_) => FailureKind::Io,
            Self::Unknown { .. } => FailureKind::Usage,
        }
    }
}

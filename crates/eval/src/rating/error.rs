//! What can go wrong with rating files.

use std::path::{Path, PathBuf};

use rounds_support::errors::display_path;
use rounds_support::{FailureKind, FileError, Hint, sanitise};

/// What can go wrong with rating files.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RatingError {
    /// A file could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// A file is not what it should be.
    #[error("{}: {reason}", display_path(.path))]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong; sanitised.
        reason: String,
    },
    /// A file was changed after it had been sealed.
    #[error("the seal of {} is broken: {reason}", display_path(.path))]
    Seal {
        /// The file.
        path: PathBuf,
        /// What does not match.
        reason: String,
    },
    /// The results cannot be paired.
    #[error("{0}")]
    Pairing(String),
    /// A rater's name that cannot be part of a file name.
    #[error("`{0}` cannot be a rater's name")]
    Rater(String),
    /// Somebody rates under this name at the moment.
    #[error("{} is in use by another program", display_path(.0))]
    InUse(PathBuf),
}

impl RatingError {
    pub(super) fn format(path: &Path, reason: impl std::fmt::Display) -> Self {
        Self::Format {
            path: path.to_path_buf(),
            reason: sanitise::clean_line_max(&reason.to_string(), 300),
        }
    }

    pub(super) fn seal(path: &Path, reason: impl std::fmt::Display) -> Self {
        Self::Seal {
            path: path.to_path_buf(),
            reason: sanitise::clean_line_max(&reason.to_string(), 300),
        }
    }

    pub(super) fn pairing(reason: impl std::fmt::Display) -> Self {
        Self::Pairing(sanitise::clean_line_max(&reason.to_string(), 500))
    }
}

impl Hint for RatingError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::File(error) => error.hint(),
            Self::Format { .. } => {
                Some("docs/rating.md describes the files of a rating and their fields".into())
            }
            Self::Seal { .. } => Some(
                "use the file as `rounds rate new` wrote it; ratings of a changed file do not count"
                    .into(),
            ),
            Self::Pairing(_) => {
                Some("give runs of the same items, and at least two systems in all".into())
            }
            Self::Rater(_) => {
                Some("use 1 to 40 letters a to z, digits, hyphens and underscores".into())
            }
            Self::InUse(_) => Some("close the other program, or rate under another name".into()),
        }
    }

    fn kind(&self) -> FailureKind {
        match self {
            Self::File(error) => error.kind(),
            Self::Format { .. } | Self::Seal { .. } | Self::InUse(_) => FailureKind::Io,
            Self::Pairing(_) | Self::Rater(_) => FailureKind::Usage,
        }
    }
}

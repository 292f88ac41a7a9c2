//! Why the data of a plan cannot be made ready.

use super::plan::PlanError;
use crate::problems::ProblemError;
use rounds_assistant::AssistantError;
use rounds_assistant::maintenance::ImportError;
use rounds_index::IndexError;
use rounds_support::{FailureKind, FileError, Hint};

/// Why data cannot be made ready.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// The plan cannot be used.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// Published files could not be imported.
    #[error("{name}: {error}")]
    Import {
        /// The data set.
        name: String,
        /// Why.
        error: ImportError,
    },
    /// An index could not be read.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// A model could not be loaded.
    #[error(transparent)]
    Model(#[from] AssistantError),
    /// Problems could not be read.
    #[error(transparent)]
    Problems(#[from] ProblemError),
    /// A file could not be written.
    #[error(transparent)]
    File(#[from] FileError),
}

impl Hint for DataError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Plan(error) => error.hint(),
            Self::Import { error, .. } => error.hint(),
            Self::Index(error) => error.hint(),
            Self::Model(error) => error.hint(),
            Self::Problems(error) => error.hint(),
            Self::File(error) => error.hint(),
        }
    }

    fn kind(&self) -> FailureKind {
        match self {
            Self::Plan(error) => error.kind(),
            Self::Import { error, .. } => error.kind(),
            Self::Index(error) => error.kind(),
            Self::Model(error) => error.kind(),
            Self::Problems(error) => error.kind(),
            Self::File(error) => error.kind(),
        }
    }
}

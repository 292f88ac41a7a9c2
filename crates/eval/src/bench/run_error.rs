//! Why a run ends early.

use super::plan::PlanError;
use super::run_folder::RunFolderError;
use rounds_assistant::AssistantError;
use rounds_index::IndexError;
use rounds_support::{FailureKind, FileError, Hint};

/// Why a run ended early.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The folder cannot be used.
    #[error(transparent)]
    Folder(#[from] RunFolderError),
    /// The model or an index cannot be used.
    #[error(transparent)]
    Model(#[from] AssistantError),
    /// The plan cannot be used.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// A thread ended unexpectedly.
    #[error("internal error: a worker panicked")]
    Panic,
}

impl From<IndexError> for RunError {
    fn from(error: IndexError) -> Self {
        Self::Model(error.into())
    }
}

impl From<FileError> for RunError {
    fn from(error: FileError) -> Self {
        Self::Folder(error.into())
    }
}

impl Hint for RunError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Folder(error) => error.hint(),
            Self::Model(error) => error.hint(),
            Self::Plan(error) => error.hint(),
            Self::Panic => Some("run it again: finished answers are kept".into()),
        }
    }

    fn kind(&self) -> FailureKind {
        match self {
            Self::Folder(error) => error.kind(),
            Self::Model(error) => error.kind(),
            Self::Plan(error) => error.kind(),
            Self::Panic => FailureKind::Model,
        }
    }
}

//! A failed command: its message, hint and exit code.

use std::io::Write;

use rounds_assistant::{AssistantError, SettingsError};
use rounds_support::{Hint, sanitise};

/// Why a command failed, and its exit code.
pub struct Failure {
    pub message: String,
    pub hint: Option<String>,
    pub code: u8,
}

impl Failure {
    /// A mistake in the command line or settings: exit code 2.
    pub fn usage(message: impl ToString, hint: Option<String>) -> Self {
        Self {
            message: message.to_string(),
            hint,
            code: 2,
        }
    }

    /// A setting with an unusable value, named by its flag.
    pub fn invalid_setting(error: &SettingsError) -> Self {
        let flag = match error {
            SettingsError::Range(..) => "--",
            _ => "",
        };
        Self::usage(format!("{flag}{error}"), error.hint())
    }

    /// An error of the assistant: exit code 2 if the request caused it, else 3.
    pub fn assistant(error: &AssistantError) -> Self {
        match error.is_request() {
            true => Self::usage(error, error.hint()),
            false => Self::model(error),
        }
    }

    /// An error that the user did not cause: exit code 3.
    pub fn model<E: std::fmt::Display + Hint>(error: &E) -> Self {
        Self {
            message: error.to_string(),
            hint: error.hint(),
            code: 3,
        }
    }

    /// A failed read or write; a closed pipe is not a failure.
    pub fn io(error: &std::io::Error) -> Self {
        Self {
            message: if error.kind() == std::io::ErrorKind::BrokenPipe {
                String::new()
            } else {
                format!("cannot read or write: {error}")
            },
            hint: None,
            // The reader closed the pipe: not a failure.
            code: if error.kind() == std::io::ErrorKind::BrokenPipe {
                0
            } else {
                3
            },
        }
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self {
            message: format!("{error:#}"),
            hint: None,
            code: 3,
        }
    }
}

/// The exit code of a command.
pub type Outcome = Result<u8, Failure>;

/// Prints the failure on standard error and returns its exit code.
pub fn report(failure: Failure) -> u8 {
    // Messages may contain names from untrusted files.
    let mut err = std::io::stderr().lock();
    if !failure.message.is_empty() {
        let _ = writeln!(err, "error: {}", sanitise::clean(&failure.message));
    }
    if let Some(hint) = failure.hint {
        let _ = writeln!(err, "hint: {}", sanitise::clean(&hint));
    }
    failure.code
}

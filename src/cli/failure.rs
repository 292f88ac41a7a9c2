//! How a command ends badly.

use std::io::Write;

use rounds_assistant::{AssistantError, SettingsError};
use rounds_support::{Hint, sanitise};

/// Why a command ended badly, and the exit code that says so.
pub struct Failure {
    pub message: String,
    pub hint: Option<String>,
    pub code: u8,
}

impl Failure {
    pub fn usage(message: impl ToString, hint: Option<String>) -> Self {
        Self {
            message: message.to_string(),
            hint,
            code: 2,
        }
    }

    /// Settings that cannot be used, by the names of their flags.
    pub fn unusable(error: &SettingsError) -> Self {
        let flag = match error {
            SettingsError::Range(..) => "--",
            _ => "",
        };
        Self::usage(format!("{flag}{error}"), error.hint())
    }

    /// The request's fault or the program's.
    pub fn assistant(error: &AssistantError) -> Self {
        match error.is_request() {
            true => Self::usage(error, error.hint()),
            false => Self::model(error),
        }
    }

    pub fn model<E: std::fmt::Display + Hint>(error: &E) -> Self {
        Self {
            message: error.to_string(),
            hint: error.hint(),
            code: 3,
        }
    }

    pub fn io(error: &std::io::Error) -> Self {
        Self {
            message: if error.kind() == std::io::ErrorKind::BrokenPipe {
                String::new()
            } else {
                format!("input or output failed: {error}")
            },
            hint: None,
            // Whoever reads us has had enough: not a failure.
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

/// Says it on standard error, and gives the exit code.
pub fn complain(failure: Failure) -> u8 {
    // Parts of a message may be names that somebody else chose.
    let mut err = std::io::stderr().lock();
    if !failure.message.is_empty() {
        let _ = writeln!(err, "error: {}", sanitise::clean(&failure.message));
    }
    if let Some(hint) = failure.hint {
        let _ = writeln!(err, "hint: {}", sanitise::clean(&hint));
    }
    failure.code
}

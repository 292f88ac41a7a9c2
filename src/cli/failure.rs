//! How a command ends: its exit code, or the failure that is printed.

use rounds_support::{Failure, stderr_line};

/// The exit code of a command.
pub type Outcome = Result<u8, Failure>;

/// Prints the failure on standard error and returns its exit code.
pub fn report(failure: &Failure) -> u8 {
    failure.lines().for_each(stderr_line);
    failure.exit_code()
}

/// The failure of a library that reports no kind and no hint.
pub fn other(error: anyhow::Error) -> Failure {
    match error.downcast::<Failure>() {
        Ok(failure) => failure,
        Err(error) => Failure::model(format_args!("{error:#}")),
    }
}

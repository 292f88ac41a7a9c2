//! How commands write their data to standard output. Messages to the user go to standard error through `support::stderr_line`.
//!
//! A closed pipe ends a command quietly. Never use `println!` in a command: it panics on a closed pipe.

use rounds_support::Failure;
use std::fmt::Display;
use std::io::Write;

/// Writes a line.
///
/// Errors if it cannot be written; for a closed pipe the error is silent and has exit code 0.
pub fn print(text: impl Display) -> Result<(), Failure> {
    write(format!("{text}\n").as_bytes())
}

/// Writes bytes as they are; errors as [`print`].
pub fn write(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    out.write_all(bytes)
        .and_then(|()| out.flush())
        .map_err(|e| Failure::io(&e))
}

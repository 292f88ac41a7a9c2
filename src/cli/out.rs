//! How commands write their data to standard output. What is said beside it goes through `support::aside`.
//!
//! A reader that has had enough ends a command quietly. Never use `println!` in a command: it panics there.

use std::fmt::Display;
use std::io::Write;

use super::Failure;

/// Writes a line.
///
/// Errors where it cannot be written; the error of a reader that has gone away is silent and has exit code 0.
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

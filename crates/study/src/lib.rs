//! Study mode: cases as cards that come back when they should.
//!
//! Cards are made from an index or imported; reviews are kept in SQLite in the user's data folder, private. No screen and no
//! model lives here: the program's `study` module draws and asks, and only hands grades over.

#![warn(missing_docs, unreachable_pub)]

pub mod card;
pub mod days;
pub mod deck;
pub mod error;
pub mod fit;
pub mod mark;
pub mod queue;
pub mod schedule;
mod scheduler;
pub mod settings;
pub mod stats;
pub mod store;

#[cfg(test)]
mod tests;

pub use error::StudyError;
pub use jiff::tz::TimeZone;

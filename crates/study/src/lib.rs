//! Study mode: cases as cards that come back when they should.
//!
//! Cards are made from an index or imported; reviews are kept in SQLite in the user's data folder, private. No screen and no
//! model lives here: the program's `study` module draws and asks, and only hands grades over.

pub mod card;
pub mod exchange;
pub mod schedule;

//! Anki packages: a zip of a SQLite database (`collection.anki2` or `collection.anki21`, schema 11), a map of media, and media
//! files named 0, 1, 2 …
//!
//! Facts of the format: Anki's own source and its documented schema 11. A package is untrusted: lengths and counts are checked
//! before memory is taken, the database must consist of plain tables, and names of media are only ever looked up.

mod archive;
mod collection;
mod history;
mod media;
mod note_types;
mod notes;
mod own;
mod read;
mod write;

pub(super) use read::read;
pub use write::{DeckExport, Exported, MediaSource, write_apkg};

/// A day in milliseconds.
const DAY_MS: i64 = 86_400_000;

/// Separates the fields of a note.
const FIELD_SEPARATOR: &str = "\u{1F}";

//! Reads JSON Lines: one object per line. A broken line affects only itself.

use super::error::DatasetError;
use super::inputs::Input;
use super::record::{Entries, Entry};
use super::{json, text};

/// The records of a JSON Lines file; empty lines are skipped.
pub(super) fn entries(input: &Input) -> Result<Entries, DatasetError> {
    let split = input.split.clone();
    text::entries(input, move |line, origin| {
        json::record(line.as_bytes(), origin, &split)
    })
}

/// Whether the first line of the file is a JSON object of its own.
pub(super) fn starts_as_lines(input: &Input) -> bool {
    let first = entries(input)
        .ok()
        .and_then(|mut entries| entries.iterator.next());
    matches!(first, Some(Ok(Entry::Record(_))))
}

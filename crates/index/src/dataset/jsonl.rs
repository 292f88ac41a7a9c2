//! Reads JSON Lines: one object a line. A broken line costs only itself.

use super::error::DatasetError;
use super::inputs::Input;
use super::record::{Entries, Entry};
use super::{json, text};

/// The records of a file of JSON Lines; empty lines are none.
pub(super) fn entries(input: &Input) -> Result<Entries, DatasetError> {
    let split = input.split.clone();
    text::entries(input, move |line, origin| {
        json::record(line.as_bytes(), origin, &split)
    })
}

/// The first record of the file's lines, if its first line is one.
pub(super) fn starts_as_lines(input: &Input) -> bool {
    let first = entries(input)
        .ok()
        .and_then(|mut entries| entries.iterator.next());
    matches!(first, Some(Ok(Entry::Record(_))))
}

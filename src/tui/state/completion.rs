//! The list of completions for the typed text.

use std::path::PathBuf;

/// The list of completions for the typed text.
#[derive(Clone, Debug, Default)]
pub struct Completion {
    pub items: Vec<Item>,
    /// The selected item; `None` until the user selects one.
    pub chosen: Option<usize>,
    /// The folder that is listed.
    pub(super) folder: Option<PathBuf>,
    /// Byte offset in the input where the replaced text starts.
    pub(super) start: usize,
}

/// One completion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    pub text: String,
    pub note: String,
    /// More text follows: an argument, or a name in the folder.
    pub(super) more: bool,
}

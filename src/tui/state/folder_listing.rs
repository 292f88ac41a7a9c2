//! The entries of a folder.

use std::path::PathBuf;
use std::time::Duration;

use super::event::Entry;

/// The entries of a folder when it was last read.
#[derive(Clone, Debug)]
pub(super) struct FolderListing {
    pub folder: PathBuf,
    /// Empty if it could not be read.
    pub entries: Vec<Entry>,
    pub(super) read: Duration,
    /// A new listing was requested.
    pub(super) requested: bool,
}

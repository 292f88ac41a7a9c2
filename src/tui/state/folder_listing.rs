//! The folder on the screen, in a completion or in the file picker; it is reread, since other programs may change it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::effect::Effect;
use super::event::Entry;
use super::user_error::UserError;
use super::{Overlay, State};

/// How old a list may be before the folder is read again.
const MAX_AGE: Duration = Duration::from_secs(2);

/// The entries of a folder when it was last read.
#[derive(Clone, Debug)]
pub(super) struct FolderListing {
    pub folder: PathBuf,
    /// Empty if it could not be read.
    pub entries: Vec<Entry>,
    read: Duration,
    /// A new listing was requested.
    requested: bool,
}

impl State {
    /// The known entries of a folder; requests a new listing if they are missing or old.
    pub(super) fn folder_entries(&mut self, folder: &Path) -> Option<&[Entry]> {
        self.read_folder(folder);
        let listing = self.listing.as_ref();
        listing
            .filter(|listing| listing.folder == folder)
            .map(|listing| listing.entries.as_slice())
    }

    fn read_folder(&mut self, folder: &Path) {
        if let Some(listing) = self.listing.as_mut().filter(|l| l.folder == folder) {
            if listing.requested || self.now.saturating_sub(listing.read) < MAX_AGE {
                return;
            }
            listing.requested = true;
        }
        self.emit(Effect::ListFolder(folder.to_path_buf()));
    }

    /// The folder on the screen.
    fn visible_folder(&self) -> Option<&Path> {
        match &self.overlay {
            _ if self.linear => None,
            // The first listing was already requested.
            Some(Overlay::Picker(picker)) => Some(&picker.folder).filter(|_| !picker.is_reading()),
            Some(_) => None,
            None => self.completion.as_ref()?.folder.as_ref(),
        }
        .map(PathBuf::as_path)
    }

    /// Whether a folder is on the screen, so that tick events are needed.
    pub(super) fn shows_folder(&self) -> bool {
        self.visible_folder().is_some()
    }

    /// Rereads the folder on the screen from time to time.
    pub(super) fn watch_folder(&mut self) {
        if let Some(folder) = self.visible_folder().map(Path::to_path_buf) {
            self.read_folder(&folder);
        }
    }

    pub(super) fn on_folder(&mut self, folder: PathBuf, result: Result<Vec<Entry>, UserError>) {
        if let Some(Overlay::Picker(picker)) = &mut self.overlay
            && picker.folder == folder
        {
            picker.fill(result.clone());
        }
        let entries = result.unwrap_or_default();
        let before = self.listing.as_ref().filter(|l| l.folder == folder);
        let changed = before.is_none_or(|before| before.entries != entries);
        self.listing = Some(FolderListing {
            folder,
            entries,
            read: self.now,
            requested: false,
        });
        if changed && self.overlay.is_none() && !self.completion_dismissed {
            self.complete_again();
        }
    }
}

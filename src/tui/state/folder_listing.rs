//! Folders that are on the screen, in a completion or in the file picker: read again while they are, since others change them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::effect::Effect;
use super::event::Entry;
use super::user_error::Trouble;
use super::{Overlay, State};

/// How old a list may be before the folder is read again.
const MAX_AGE: Duration = Duration::from_secs(2);

/// What a folder held when it was read last.
#[derive(Clone, Debug)]
pub(super) struct FolderListing {
    pub folder: PathBuf,
    /// Empty where it could not be read.
    pub entries: Vec<Entry>,
    read: Duration,
    /// It is being read again.
    requested: bool,
}

impl State {
    /// The entries of a folder as they are known; has it read where they are not, or not lately.
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

    /// The folder that is on the screen.
    fn visible_folder(&self) -> Option<&Path> {
        match &self.overlay {
            _ if self.linear => None,
            // The first time it was requested for already.
            Some(Overlay::Picker(picker)) => Some(&picker.folder).filter(|_| !picker.is_reading()),
            Some(_) => None,
            None => self.completion.as_ref()?.folder.as_ref(),
        }
        .map(PathBuf::as_path)
    }

    /// Whether a folder is on the screen, so that time must be told.
    pub(super) fn shows_folder(&self) -> bool {
        self.visible_folder().is_some()
    }

    /// Has the folder on the screen read again now and then.
    pub(super) fn watch_folder(&mut self) {
        if let Some(folder) = self.visible_folder().map(Path::to_path_buf) {
            self.read_folder(&folder);
        }
    }

    pub(super) fn on_folder(&mut self, folder: PathBuf, result: Result<Vec<Entry>, Trouble>) {
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

//! The folder and the names on the screen, in a completion or in the file picker; they are reread, since other programs
//! may change them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rounds_support::Failure;

use super::effect::Effect;
use super::event::Entry;
use super::folder_listing::FolderListing;
use super::library::{Library, LibraryNames};
use super::machine::State;
use super::overlay::Overlay;

/// How old a list may be before it is read again.
const MAX_AGE: Duration = Duration::from_secs(2);

impl State {
    /// The known entries of a folder; requests a new listing if they are missing or old.
    pub(super) fn folder_entries(&mut self, folder: &Path) -> Option<&[Entry]> {
        self.read_folder(folder);
        let listing = self.composer.listing.as_ref();
        listing
            .filter(|listing| listing.folder == folder)
            .map(|listing| listing.entries.as_slice())
    }

    fn read_folder(&mut self, folder: &Path) {
        if let Some(listing) = self
            .composer
            .listing
            .as_mut()
            .filter(|l| l.folder == folder)
        {
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
            None => self.composer.completion.as_ref()?.folder.as_ref(),
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

    pub(super) fn on_folder(&mut self, folder: PathBuf, result: Result<Vec<Entry>, Failure>) {
        if let Some(Overlay::Picker(picker)) = &mut self.overlay
            && picker.folder == folder
        {
            picker.fill(result.clone());
        }
        let entries = result.unwrap_or_default();
        let before = self
            .composer
            .listing
            .as_ref()
            .filter(|l| l.folder == folder);
        let changed = before.is_none_or(|before| before.entries != entries);
        self.composer.listing = Some(FolderListing {
            folder,
            entries,
            read: self.now,
            requested: false,
        });
        if changed && self.overlay.is_none() && !self.composer.completion_dismissed {
            self.complete_again();
        }
    }
}

impl State {
    /// The known names; requests new ones if they are missing or old.
    pub(super) fn library_names(&mut self) -> LibraryNames {
        let now = self.now;
        let is_fresh = |read: Duration| now.saturating_sub(read) < MAX_AGE;
        if !self.composer.library.requested && !self.composer.library.read.is_some_and(is_fresh) {
            self.composer.library.requested = true;
            self.emit(Effect::ListLibrary);
        }
        self.composer.library.names.clone()
    }

    /// Requests the names, however old they are.
    pub(super) fn reread_library(&mut self) {
        self.composer.library.read = None;
        self.composer.library.requested = false;
        self.library_names();
    }

    pub(super) fn on_library(&mut self, names: LibraryNames) {
        let changed = self.composer.library.names != names;
        self.composer.library = Library {
            names,
            read: Some(self.now),
            requested: false,
        };
        if self.linear {
            self.print_offered_names();
        } else if changed && self.overlay.is_none() && !self.composer.completion_dismissed {
            self.complete_again();
        }
    }
}

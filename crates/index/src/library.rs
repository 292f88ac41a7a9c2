//! The user's own indexes, by name.

use std::path::{Path, PathBuf};

use super::database::DATABASE;
use super::error::IndexError;
use super::manifest::MANIFEST;
use super::owned_files::FolderContents;
use super::store::Index;
use rounds_support::{FileError, Paths, Shelf, paths};

/// Whether an index is in `folder`.
pub fn is_index(folder: &Path) -> bool {
    folder.join(MANIFEST).exists()
}

/// The folder of indexes, one a subfolder.
pub struct Library {
    folders: Shelf,
}

impl Library {
    /// `indexes` in the program's data folder.
    pub fn of(paths: &Paths) -> Self {
        Self {
            folders: Shelf::new(paths.data_dir.join("indexes")),
        }
    }

    /// An index's folder: what was given where it is one, else the index of that name.
    pub fn find(&self, given: &Path) -> PathBuf {
        self.folders.find(given, is_index)
    }

    /// What [`Library::find`] finds `given` by again, wherever the program is started.
    pub fn lasting(&self, given: &Path) -> PathBuf {
        paths::lasting(&self.find(given), self.folders.folder())
    }

    /// Where a new index goes: a bare name into the library, a path where it says.
    ///
    /// Errors where the name is a word of the program's own.
    pub fn place(&self, given: &Path) -> Result<PathBuf, IndexError> {
        Ok(self.folders.place(given)?)
    }

    /// Every index, or why it cannot be opened; sorted by name.
    pub fn list(&self) -> Vec<(String, Result<Index, IndexError>)> {
        let folders = self.folders.list().into_iter();
        folders
            .map(|(name, folder)| (name, Index::open(Some(&folder))))
            .collect()
    }

    /// Makes the library's folder.
    pub fn create(&self) -> Result<(), IndexError> {
        Ok(self.folders.create()?)
    }
}

/// Deletes a whole index: the files that are an index's, and the folders if nothing else is in them. Returns what else contents
/// is, below `folder`.
///
/// Errors where `folder` is not an index (nothing else may be deleted by a slip of the hand), and where somebody writes it.
pub fn delete(folder: &Path) -> Result<Vec<PathBuf>, IndexError> {
    super::store::read_manifest(folder)?;
    let _lock = super::writer::lock(folder)?;
    let contents = FolderContents::scan(folder);
    let gone = |name: &Path| match std::fs::remove_file(folder.join(name)) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
            Err(FileError::from_io(&folder.join(name), "delete", &e))
        }
        _ => Ok(()),
    };
    // The manifest first: what is left after an interruption is no longer taken for an index, and without the database
    // next, a new one may take its place.
    gone(Path::new(MANIFEST))?;
    gone(Path::new(DATABASE))?;
    for file in &contents.owned {
        gone(file)?;
    }
    for inner in &contents.folders {
        let _ = std::fs::remove_dir(folder.join(inner));
    }
    let _ = std::fs::remove_dir(folder);
    Ok(contents.others)
}

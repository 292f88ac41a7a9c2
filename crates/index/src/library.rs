//! The user's indexes, by name.

use std::path::{Path, PathBuf};

use super::database::DATABASE;
use super::error::IndexError;
use super::manifest::MANIFEST;
use super::owned_files::FolderContents;
use super::store::Index;
use rounds_support::{FileError, NamedFolders, Paths, paths};

/// Whether `folder` holds an index.
pub fn is_index(folder: &Path) -> bool {
    folder.join(MANIFEST).exists()
}

/// The folder of the user's indexes, one per subfolder.
pub struct Library {
    folders: NamedFolders,
}

impl Library {
    /// The library in the program's data folder (`indexes/`).
    pub fn of(paths: &Paths) -> Self {
        Self {
            folders: NamedFolders::new(paths.data_dir.join("indexes")),
        }
    }

    /// The folder of an index given by path or by name; a path to an index wins.
    pub fn find(&self, given: &Path) -> PathBuf {
        self.folders.find(given, is_index)
    }

    /// A form of `given` that [`Library::find`] resolves to the same index from any working directory.
    pub fn stable_path(&self, given: &Path) -> PathBuf {
        paths::stable_path(&self.find(given), self.folders.folder())
    }

    /// The folder for a new index: a bare name goes into the library, a path is used as it is.
    ///
    /// Errors if the name is reserved.
    pub fn new_folder(&self, given: &Path) -> Result<PathBuf, IndexError> {
        Ok(self.folders.place(given)?)
    }

    /// The names of all indexes, sorted, without opening any.
    pub fn names(&self) -> Vec<String> {
        let folders = self.folders.list().into_iter();
        folders
            .filter(|(_, folder)| is_index(folder))
            .map(|(name, _)| name)
            .collect()
    }

    /// Every index, or the error of opening it; sorted by name.
    pub fn list(&self) -> Vec<(String, Result<Index, IndexError>)> {
        let folders = self.folders.list().into_iter();
        folders
            .map(|(name, folder)| (name, Index::open(Some(&folder))))
            .collect()
    }

    /// Creates the library's folder.
    pub fn create(&self) -> Result<(), IndexError> {
        Ok(self.folders.create()?)
    }
}

/// Deletes a whole index: its own files, and its folders if they are empty afterwards. Returns the other files found,
/// relative to `folder`.
///
/// Errors if `folder` is not an index, so that a typo cannot delete anything else, or if the index is being written.
pub fn delete(folder: &Path) -> Result<Vec<PathBuf>, IndexError> {
    super::store::read_manifest(folder)?;
    let _lock = super::lock::lock(folder)?;
    let contents = FolderContents::scan(folder);
    let remove = |name: &Path| match std::fs::remove_file(folder.join(name)) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
            Err(FileError::from_io(&folder.join(name), "delete", &e))
        }
        _ => Ok(()),
    };
    // The manifest goes first, so that what an interruption leaves is no longer taken for an index; then the database, so
    // that a new index can be created in its place.
    remove(Path::new(MANIFEST))?;
    remove(Path::new(DATABASE))?;
    for file in &contents.owned {
        remove(file)?;
    }
    for inner in &contents.folders {
        let _ = std::fs::remove_dir(folder.join(inner));
    }
    let _ = std::fs::remove_dir(folder);
    Ok(contents.others)
}

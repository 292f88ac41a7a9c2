//! The user's own indexes, by name.

use std::path::{Path, PathBuf};

use super::error::IndexError;
use super::manifest::MANIFEST;
use super::store::Index;
use crate::support::{FileError, Paths, files, library};

/// The folder of indexes, one a subfolder.
pub struct Library {
    folder: PathBuf,
}

impl Library {
    /// `indexes` in the program's data folder.
    pub fn of(paths: &Paths) -> Self {
        Self {
            folder: paths.data_dir.join("indexes"),
        }
    }

    /// An index's folder: what was given where it is one, else the index of that name.
    pub fn find(&self, given: &Path) -> PathBuf {
        let own = self.folder.join(given);
        let is_own = library::is_name(given) && own.join(MANIFEST).exists();
        match is_own && !given.join(MANIFEST).exists() {
            true => own,
            false => given.to_path_buf(),
        }
    }

    /// Where a new index goes: a bare name into the library, a path where it says.
    ///
    /// Errors where the name is a word of the program's own.
    pub fn place(&self, given: &Path) -> Result<PathBuf, IndexError> {
        Ok(library::place(&self.folder, given)?)
    }

    /// Every index, or why it cannot be opened; sorted by name.
    pub fn list(&self) -> Vec<(String, Result<Index, IndexError>)> {
        let entries = std::fs::read_dir(&self.folder)
            .into_iter()
            .flatten()
            .flatten();
        let mut out: Vec<_> = entries
            .filter(|entry| entry.path().is_dir())
            .map(|entry| {
                let name = entry.file_name().to_string_lossy().into_owned();
                (name, Index::open(Some(&entry.path())))
            })
            .collect();
        out.sort_by(|a, b| a.0.cmp(&b.0));
        out
    }

    /// Makes the library's folder.
    pub fn create(&self) -> Result<(), IndexError> {
        Ok(files::create_private_dir(&self.folder)?)
    }
}

/// Deletes a whole index: the files that are an index's, and the folder if nothing else is in it.
///
/// Errors where `folder` is not an index (nothing else may be deleted by a slip of the hand), and where somebody writes it.
pub fn delete(folder: &Path) -> Result<(), IndexError> {
    super::store::read_manifest(folder)?;
    let _lock = super::writer::lock(folder)?;
    let failed = |path: &Path, e: std::io::Error| FileError::from_io(path, "delete", &e);
    // The manifest first: what is left after an interruption is no longer taken for an index.
    let manifest = folder.join(MANIFEST);
    std::fs::remove_file(&manifest).map_err(|e| failed(&manifest, e))?;
    for name in ["images", "vectors", "graph", "latents"] {
        match std::fs::remove_dir_all(folder.join(name)) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                return Err(failed(&folder.join(name), e).into());
            }
            _ => {}
        }
    }
    for name in [
        "examples.sqlite3",
        "examples.sqlite3-wal",
        "examples.sqlite3-shm",
        "seal.toml",
        "writer.lock",
    ] {
        let _ = std::fs::remove_file(folder.join(name));
    }
    let _ = std::fs::remove_dir(folder);
    Ok(())
}

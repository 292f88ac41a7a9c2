//! Images of sessions: files in one folder, each named by the SHA-256 of its content.
//!
//! A session keeps its images even if the user's files move. Every read is checked against the file's name. To be safe with
//! several processes, a file is removed only inside a write transaction in which nothing refers to it, and whoever adds one
//! checks for it again inside the transaction that refers to it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::{SessionError, at_most, unreadable};
use crate::record::is_sha256;
use rounds_imaging::limits::MAX_FILE_BYTES;
use rounds_support::{FileError, files};

/// Folder in the data directory.
pub(crate) const FOLDER: &str = "session-images";
/// Most images in one turn.
pub const MAX_IMAGES: usize = 16;
/// Largest thumbnail of a shot in bytes.
pub const MAX_THUMBNAIL_BYTES: usize = 512 << 10;

/// Where images are stored.
pub(crate) enum Images {
    /// In a folder, one file each.
    Folder(PathBuf),
    /// In memory, by SHA-256; shared with whoever attached them.
    Memory(BTreeMap<String, Arc<[u8]>>),
}

impl Images {
    /// The image folder below the data directory.
    pub(crate) fn below(data: &Path) -> Self {
        Self::Folder(data.join(FOLDER))
    }

    /// Stores `content` under its hash, unless an intact copy exists.
    pub(crate) fn put(&mut self, sha256: &str, content: &Arc<[u8]>) -> Result<(), SessionError> {
        let limit = usize::try_from(MAX_FILE_BYTES).unwrap_or(usize::MAX);
        at_most("bytes in an image", content.len(), limit)?;
        let path = match self {
            Self::Memory(kept) => {
                kept.entry(sha256.to_owned())
                    .or_insert_with(|| content.clone());
                return Ok(());
            }
            Self::Folder(folder) => {
                files::create_private_dir(folder)?;
                path_of(folder, sha256)?
            }
        };
        if is_file(&path) && files::sha256_file(&path).is_ok_and(|found| found == sha256) {
            return Ok(());
        }
        Ok(files::write_atomic(&path, content)?)
    }

    /// Checks, without reading it, that an image [put](Self::put) a moment ago still exists, and stores it again if another
    /// process has removed it as unused.
    pub(crate) fn ensure(&mut self, sha256: &str, content: &Arc<[u8]>) -> Result<(), SessionError> {
        if let Self::Folder(folder) = self {
            let path = path_of(folder, sha256)?;
            if is_file(&path) && files::length(&path).is_ok_and(|n| n == content.len() as u64) {
                return Ok(());
            }
        }
        self.put(sha256, content)
    }

    /// The bytes of an image.
    ///
    /// Errors if it is missing, is not a regular file, or does not match its name.
    pub(crate) fn get(&self, sha256: &str) -> Result<Vec<u8>, SessionError> {
        let content = match self {
            Self::Memory(kept) => kept.get(sha256).ok_or_else(|| missing(sha256))?.to_vec(),
            Self::Folder(folder) => {
                let path = path_of(folder, sha256)?;
                // A link could lead out of the folder.
                if fs::symlink_metadata(&path).is_ok_and(|found| !found.is_file()) {
                    return Err(unreadable(format!("image {sha256} is not a regular file")));
                }
                files::read_limited(&path, MAX_FILE_BYTES)?
            }
        };
        if files::sha256_hex(&content) != sha256 {
            return Err(unreadable(format!(
                "image {sha256} was changed after it was saved"
            )));
        }
        Ok(content)
    }

    /// Removes an image; does nothing if it does not exist.
    pub(crate) fn remove(&mut self, sha256: &str) -> Result<(), SessionError> {
        let path = match self {
            Self::Memory(kept) => {
                kept.remove(sha256);
                return Ok(());
            }
            Self::Folder(folder) => path_of(folder, sha256)?,
        };
        match fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(FileError::from_io(&path, "remove", &error).into())
            }
            _ => Ok(()),
        }
    }

    /// Hashes of all stored images.
    pub(crate) fn names(&self) -> Result<Vec<String>, SessionError> {
        let folder = match self {
            Self::Memory(kept) => return Ok(kept.keys().cloned().collect()),
            Self::Folder(folder) => folder,
        };
        let entries = match fs::read_dir(folder) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other.map_err(|error| FileError::from_io(folder, "read", &error))?,
        };
        let names = entries
            .flatten()
            .filter_map(|entry| entry.file_name().into_string().ok());
        Ok(names.filter(|name| is_sha256(name)).collect())
    }
}

fn is_file(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.is_file())
}

/// Only a valid hash becomes a path, so no name can lead out of the folder.
fn path_of(folder: &Path, sha256: &str) -> Result<PathBuf, SessionError> {
    if !is_sha256(sha256) {
        return Err(missing(sha256));
    }
    Ok(folder.join(sha256))
}

fn missing(sha256: &str) -> SessionError {
    unreadable(format!("image {sha256} is missing"))
}

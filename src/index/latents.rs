//! What a model's resampler makes of the pictures of an index, kept on the disk.
//!
//! A cache: every file carries the hash of its content, and one that is not whole is passed over and made again. Files are
//! used in the order of their last use: the longest unused goes first where a limit is reached.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::support::{FileError, files};

const HASH: usize = 64;

/// The cache of one model below an index's folder.
#[derive(Clone, Debug)]
pub struct Latents {
    folder: PathBuf,
}

/// What a cache holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    pub files: usize,
    pub bytes: u64,
}

impl Latents {
    /// `model` is the SHA-256 of the model's bundle.
    pub fn new(index: &Path, model: &str) -> Self {
        let short: String = model
            .chars()
            .filter(char::is_ascii_hexdigit)
            .take(16)
            .collect();
        Self {
            folder: index.join("latents").join(short),
        }
    }

    /// Whether anybody asked for it to be kept.
    pub fn exists(&self) -> bool {
        self.folder.is_dir()
    }

    fn path(&self, picture: &str) -> Option<PathBuf> {
        let plain = picture.len() == HASH && picture.bytes().all(|b| b.is_ascii_hexdigit());
        let (front, rest) = picture.split_at_checked(2)?;
        plain.then(|| self.folder.join(front).join(rest))
    }

    /// What is kept for a picture, if it is whole; it counts as used now.
    pub fn get(&self, picture: &str) -> Option<Vec<u8>> {
        let path = self.path(picture)?;
        let mut bytes = files::read(&path).ok()?;
        let content = bytes.get(HASH..)?;
        if files::sha256_hex(content).as_bytes() != bytes.get(..HASH)? {
            tracing::warn!("a kept latent is damaged and is made again");
            return None;
        }
        // Only the order of eviction hangs on it.
        let _ = File::options()
            .append(true)
            .open(&path)
            .and_then(|file| file.set_modified(SystemTime::now()));
        bytes.drain(..HASH);
        Some(bytes)
    }

    /// Whether something is kept for a picture, whole or not.
    pub fn has(&self, picture: &str) -> bool {
        self.path(picture).is_some_and(|path| path.is_file())
    }

    /// Keeps `content` for a picture.
    pub fn put(&self, picture: &str, content: &[u8]) -> Result<(), FileError> {
        let Some(path) = self.path(picture) else {
            return Ok(());
        };
        files::create_private_dir(path.parent().unwrap_or(&self.folder))?;
        let mut bytes = files::sha256_hex(content).into_bytes();
        bytes.extend_from_slice(content);
        files::write_atomic(&path, &bytes)
    }

    /// Every file with its last use and length.
    fn list(&self) -> Vec<(SystemTime, u64, PathBuf)> {
        let below = |folder: &Path| {
            let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
            entries.map(|e| e.path()).collect::<Vec<_>>()
        };
        let all = below(&self.folder)
            .into_iter()
            .flat_map(|folder| below(&folder));
        all.filter_map(|path| {
            let metadata = std::fs::metadata(&path).ok().filter(|m| m.is_file())?;
            Some((metadata.modified().ok()?, metadata.len(), path))
        })
        .collect()
    }

    /// How much is kept.
    pub fn held(&self) -> Held {
        let list = self.list();
        Held {
            files: list.len(),
            bytes: list.iter().map(|(_, bytes, _)| bytes).sum(),
        }
    }

    /// Deletes what was not used for the longest time until at most `limit` bytes are left; returns how many files went.
    pub fn shrink(&self, limit: u64) -> Result<usize, FileError> {
        let mut list = self.list();
        list.sort();
        let mut bytes: u64 = list.iter().map(|(_, bytes, _)| bytes).sum();
        let mut gone = 0;
        for (_, length, path) in list {
            if bytes <= limit {
                break;
            }
            std::fs::remove_file(&path).map_err(|e| FileError::from_io(&path, "delete", &e))?;
            bytes -= length;
            gone += 1;
        }
        Ok(gone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn the_longest_unused_goes_first_and_a_damaged_one_is_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let latents = Latents::new(folder.path(), &"a".repeat(64));
        let name = |i: usize| format!("{i:02}").repeat(32);
        for i in 0..4 {
            latents.put(&name(i), &[i as u8; 100]).unwrap();
            let path = latents.path(&name(i)).unwrap();
            let then = SystemTime::now() - Duration::from_secs(100 - i as u64);
            File::options()
                .append(true)
                .open(path)
                .unwrap()
                .set_modified(then)
                .unwrap();
        }
        assert_eq!(latents.get(&name(0)), Some(vec![0; 100]), "used now");
        assert_eq!(
            latents.held(),
            Held {
                files: 4,
                bytes: 4 * 164
            }
        );
        assert_eq!(latents.shrink(2 * 164).unwrap(), 2);
        assert!(latents.has(&name(0)) && latents.has(&name(3)) && !latents.has(&name(1)));
        let path = latents.path(&name(3)).unwrap();
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[120] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        assert_eq!(latents.get(&name(3)), None);
        assert_eq!(latents.get("../../etc/passwd"), None);
    }
}

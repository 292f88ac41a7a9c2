//! What a model's resampler makes of the pictures of an index, kept on the disk.
//!
//! A cache: every file carries the hash of its content, and one that is not whole is passed over and made again. Files are
//! used in the order of their last use: the longest unused goes first where the limit is reached. The limit is kept beside
//! the files and holds for whoever adds to them. Latents are made of pictures: those of a picture that left the index must
//! not stay.

mod tally;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rounds_support::{FileError, files, files::below};
pub(super) use tally::FILE as TALLY;
use tally::Tally;

const HASH: usize = 64;
/// Most bytes of a cache for which no other limit was set.
pub const USUAL_LIMIT: u64 = 4 << 30;
/// The part of a full cache that is let go at once, so that not every further picture needs a look at all files.
const AT_ONCE: u64 = 16;

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

/// One file of a cache.
struct Kept {
    used: SystemTime,
    bytes: u64,
    path: PathBuf,
}

impl Kept {
    /// SHA-256 of the picture it was made of; something else for what an interrupted write left.
    fn picture(&self) -> String {
        let parts = [
            self.path.parent().and_then(Path::file_name),
            self.path.file_name(),
        ];
        let parts = parts.into_iter().flatten();
        parts.map(|part| part.to_string_lossy()).collect()
    }

    fn delete(&self) -> Result<(), FileError> {
        match std::fs::remove_file(&self.path) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                Err(FileError::from_io(&self.path, "delete", &e))
            }
            _ => Ok(()),
        }
    }
}

impl Latents {
    /// `model` is the SHA-256 of the model's bundle; it is computed in f32.
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

    /// The same for what was computed in another type than f32, by its name: the numbers differ, and where one type can be
    /// used another cannot.
    #[must_use]
    pub fn computed_in(mut self, dtype: &str) -> Self {
        if dtype != "f32" {
            let name = self.folder.file_name().unwrap_or_default();
            let name = format!("{}-{dtype}", name.to_string_lossy());
            self.folder.set_file_name(name);
        }
        self
    }

    /// The caches of all models in an index's folder.
    pub fn all(index: &Path) -> Vec<Self> {
        let folders = below(&index.join("latents")).filter(|path| path.is_dir());
        folders.map(|folder| Self { folder }).collect()
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

    /// Keeps `content` for a picture. Where the limit is reached what was not used for the longest time goes; what alone is
    /// above it is not kept.
    pub fn put(&self, picture: &str, content: &[u8]) -> Result<(), FileError> {
        let Some(path) = self.path(picture) else {
            return Ok(());
        };
        let tally = Tally::hold(&self.folder)?;
        let length = (HASH + content.len()) as u64;
        if length > tally.limit {
            return Ok(());
        }
        let replaced = || std::fs::metadata(&path).map_or(0, |m| m.len());
        let mut held = tally.bytes.unwrap_or_else(|| sum(&self.list()));
        if held.saturating_sub(replaced()).saturating_add(length) > tally.limit {
            let room = tally.limit - length;
            (held, _) = self.shrink(room - room / AT_ONCE)?;
        }
        let others = held.saturating_sub(replaced());
        files::create_private_dir(path.parent().unwrap_or(&self.folder))?;
        let mut bytes = files::sha256_hex(content).into_bytes();
        bytes.extend_from_slice(content);
        files::write_atomic(&path, &bytes)?;
        tally.write(others.saturating_add(length))
    }

    /// Deletes what is kept for a picture.
    pub fn forget(&self, picture: &str) -> Result<(), FileError> {
        self.retain(&|kept| kept != picture).map(|_| ())
    }

    /// Every file.
    fn list(&self) -> Vec<Kept> {
        let all = below(&self.folder).flat_map(|folder| below(&folder));
        all.filter_map(|path| {
            let metadata = std::fs::metadata(&path).ok().filter(|m| m.is_file())?;
            Some(Kept {
                used: metadata.modified().ok()?,
                bytes: metadata.len(),
                path,
            })
        })
        .collect()
    }

    /// How much is kept of the pictures that `of` names.
    pub fn held(&self, of: &dyn Fn(&str) -> bool) -> Held {
        let mut list = self.list();
        list.retain(|kept| of(&kept.picture()));
        Held {
            files: list.len(),
            bytes: sum(&list),
        }
    }

    /// Most bytes that may be kept.
    pub fn limit(&self) -> u64 {
        Tally::limit(&self.folder)
    }

    /// Sets how many bytes may be kept from now on, and lets go what is above that; returns how many files went.
    pub fn set_limit(&self, limit: u64) -> Result<usize, FileError> {
        let mut tally = Tally::hold(&self.folder)?;
        tally.limit = limit;
        let (bytes, gone) = self.shrink(limit)?;
        tally.write(bytes)?;
        Ok(gone)
    }

    /// Deletes everything but what was made of the pictures that `of` names; returns how many files went.
    pub fn retain(&self, of: &dyn Fn(&str) -> bool) -> Result<usize, FileError> {
        if !self.exists() {
            return Ok(0);
        }
        let tally = Tally::hold(&self.folder)?;
        let (kept, others): (Vec<_>, Vec<_>) =
            self.list().into_iter().partition(|k| of(&k.picture()));
        for other in &others {
            other.delete()?;
        }
        tally.write(sum(&kept))?;
        Ok(others.len())
    }

    /// Deletes what was not used for the longest time until at most `limit` bytes are left; returns how many those are and
    /// how many files went. The caller holds the tally.
    fn shrink(&self, limit: u64) -> Result<(u64, usize), FileError> {
        let mut list = self.list();
        list.sort_by(|a, b| (a.used, &a.path).cmp(&(b.used, &b.path)));
        let mut bytes = sum(&list);
        let mut gone = 0;
        for kept in list {
            if bytes <= limit {
                break;
            }
            kept.delete()?;
            bytes -= kept.bytes;
            gone += 1;
        }
        Ok((bytes, gone))
    }
}

fn sum(list: &[Kept]) -> u64 {
    list.iter().map(|kept| kept.bytes).sum()
}

#[cfg(test)]
mod tests;

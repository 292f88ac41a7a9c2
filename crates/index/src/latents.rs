//! What a model's resampler makes of the images of an index, kept on the disk.
//!
//! A cache: every file carries the hash of its content, and one that is not whole is passed over and made again. Files are
//! used in the order of their last use: the longest unused goes first where the limit is reached. The limit is kept beside
//! the files and holds for whoever adds to them. Latents are made of images: those of an image that left the index must
//! not stay.

mod usage;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rounds_support::{FileError, files, files::below};
pub(super) use usage::FILE as USAGE_FILE;
use usage::Usage;

const HASH: usize = 64;
/// Most bytes of a cache for which no other limit was set.
pub const DEFAULT_LIMIT: u64 = 4 << 30;
/// The part of a full cache that is let go at once, so that not every further image needs a look at all files.
const EVICTED_SHARE: u64 = 16;

/// The cache of one model below an index's folder.
#[derive(Clone, Debug)]
pub struct Latents {
    folder: PathBuf,
}

/// What a cache holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheSize {
    pub files: usize,
    pub bytes: u64,
}

/// One file of a cache.
struct CacheFile {
    used: SystemTime,
    bytes: u64,
    path: PathBuf,
}

impl CacheFile {
    /// SHA-256 of the image it was made of; something else for what an interrupted write left.
    fn image(&self) -> String {
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

    fn path(&self, image: &str) -> Option<PathBuf> {
        let plain = image.len() == HASH && image.bytes().all(|b| b.is_ascii_hexdigit());
        let (front, rest) = image.split_at_checked(2)?;
        plain.then(|| self.folder.join(front).join(rest))
    }

    /// What is kept for an image, if it is whole; it counts as used now.
    pub fn get(&self, image: &str) -> Option<Vec<u8>> {
        let path = self.path(image)?;
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

    /// Whether something is kept for an image, whole or not.
    pub fn has(&self, image: &str) -> bool {
        self.path(image).is_some_and(|path| path.is_file())
    }

    /// Keeps `content` for an image. Where the limit is reached what was not used for the longest time goes; what alone is
    /// above it is not kept.
    pub fn put(&self, image: &str, content: &[u8]) -> Result<(), FileError> {
        let Some(path) = self.path(image) else {
            return Ok(());
        };
        let usage = Usage::lock(&self.folder)?;
        let length = (HASH + content.len()) as u64;
        if length > usage.limit {
            return Ok(());
        }
        let replaced = || std::fs::metadata(&path).map_or(0, |m| m.len());
        let mut held = usage.bytes.unwrap_or_else(|| sum(&self.list()));
        if held.saturating_sub(replaced()).saturating_add(length) > usage.limit {
            let room = usage.limit - length;
            (held, _) = self.evict(room - room / EVICTED_SHARE)?;
        }
        let others = held.saturating_sub(replaced());
        files::create_private_dir(path.parent().unwrap_or(&self.folder))?;
        let mut bytes = files::sha256_hex(content).into_bytes();
        bytes.extend_from_slice(content);
        files::write_atomic(&path, &bytes)?;
        usage.write(others.saturating_add(length))
    }

    /// Deletes what is kept for an image.
    pub fn forget(&self, image: &str) -> Result<(), FileError> {
        self.retain(&|kept| kept != image).map(|_| ())
    }

    /// Every file.
    fn list(&self) -> Vec<CacheFile> {
        let all = below(&self.folder).flat_map(|folder| below(&folder));
        all.filter_map(|path| {
            let metadata = std::fs::metadata(&path).ok().filter(|m| m.is_file())?;
            Some(CacheFile {
                used: metadata.modified().ok()?,
                bytes: metadata.len(),
                path,
            })
        })
        .collect()
    }

    /// How much is kept of the images that `of` names.
    pub fn held(&self, of: &dyn Fn(&str) -> bool) -> CacheSize {
        let mut list = self.list();
        list.retain(|kept| of(&kept.image()));
        CacheSize {
            files: list.len(),
            bytes: sum(&list),
        }
    }

    /// Most bytes that may be kept.
    pub fn limit(&self) -> u64 {
        Usage::limit(&self.folder)
    }

    /// Sets how many bytes may be kept from now on, and lets go what is above that; returns how many files went.
    pub fn set_limit(&self, limit: u64) -> Result<usize, FileError> {
        let mut usage = Usage::lock(&self.folder)?;
        usage.limit = limit;
        let (bytes, gone) = self.evict(limit)?;
        usage.write(bytes)?;
        Ok(gone)
    }

    /// Deletes everything but what was made of the images that `of` names; returns how many files went.
    pub fn retain(&self, of: &dyn Fn(&str) -> bool) -> Result<usize, FileError> {
        if !self.exists() {
            return Ok(0);
        }
        let usage = Usage::lock(&self.folder)?;
        let (kept, others): (Vec<_>, Vec<_>) =
            self.list().into_iter().partition(|k| of(&k.image()));
        for other in &others {
            other.delete()?;
        }
        usage.write(sum(&kept))?;
        Ok(others.len())
    }

    /// Deletes what was not used for the longest time until at most `limit` bytes are left; returns how many those are and
    /// how many files went. The caller holds the usage.
    fn evict(&self, limit: u64) -> Result<(u64, usize), FileError> {
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

fn sum(list: &[CacheFile]) -> u64 {
    list.iter().map(|kept| kept.bytes).sum()
}

#[cfg(test)]
mod tests;

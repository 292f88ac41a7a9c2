//! A disk cache of latents: what a model's resampler computes from the images of an index.
//!
//! Every file carries the hash of its content; a damaged one is ignored and computed again. When the limit is reached, the
//! least recently used files are evicted. The limit is stored with the files and applies to every process. Latents are
//! derived from images, so those of an image that left the index must be deleted.

mod usage;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rounds_support::{FileError, files, files::below};
pub(super) use usage::FILE as USAGE_FILE;
use usage::Usage;

/// Hexadecimal digits of a SHA-256.
const HASH: usize = 64;
/// Size limit in bytes of a cache without its own limit.
pub const DEFAULT_LIMIT: u64 = 4 << 30;
/// The fraction of a full cache that is evicted at once, one in this many, so that not every new image needs a scan of all files.
const EVICTED_SHARE: u64 = 16;

/// The cache of one model in an index's folder.
#[derive(Clone, Debug)]
pub struct Latents {
    folder: PathBuf,
}

/// Size of a cache, or of a part of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheSize {
    /// Number of files.
    pub files: usize,
    /// Their total size.
    pub bytes: u64,
}

/// One file of a cache.
struct CacheFile {
    used: SystemTime,
    bytes: u64,
    path: PathBuf,
}

impl CacheFile {
    /// SHA-256 of its image; another text if it was left by an interrupted write.
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
    /// The f32 cache of a model, given by the SHA-256 of its bundle.
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

    /// The cache for latents computed in another type, by its name: they differ and cannot stand in for each other.
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

    /// Whether caching was requested, that is, the folder exists.
    pub fn exists(&self) -> bool {
        self.folder.is_dir()
    }

    fn path(&self, image: &str) -> Option<PathBuf> {
        let plain = image.len() == HASH && image.bytes().all(|b| b.is_ascii_hexdigit());
        let (front, rest) = image.split_at_checked(2)?;
        plain.then(|| self.folder.join(front).join(rest))
    }

    /// The cached content of an image, if present and intact; marks it as used now.
    pub fn get(&self, image: &str) -> Option<Vec<u8>> {
        let path = self.path(image)?;
        let mut bytes = files::read(&path).ok()?;
        let content = bytes.get(HASH..)?;
        if files::sha256_hex(content).as_bytes() != bytes.get(..HASH)? {
            tracing::warn!("a cached latent is damaged and will be computed again");
            return None;
        }
        // A failure only affects the order of eviction.
        let _ = File::options()
            .append(true)
            .open(&path)
            .and_then(|file| file.set_modified(SystemTime::now()));
        bytes.drain(..HASH);
        Some(bytes)
    }

    /// Whether there is a file for an image, intact or not.
    pub fn has(&self, image: &str) -> bool {
        self.path(image).is_some_and(|path| path.is_file())
    }

    /// Caches `content` for an image, evicting the least recently used files at the limit. Content larger than the limit is
    /// not cached.
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
        let mut total = usage.bytes.unwrap_or_else(|| sum(&self.list()));
        if total.saturating_sub(replaced()).saturating_add(length) > usage.limit {
            let room = usage.limit - length;
            (total, _) = self.evict(room - room / EVICTED_SHARE)?;
        }
        let others = total.saturating_sub(replaced());
        files::create_private_dir(path.parent().unwrap_or(&self.folder))?;
        let mut bytes = files::sha256_hex(content).into_bytes();
        bytes.extend_from_slice(content);
        files::write_atomic(&path, &bytes)?;
        usage.write(others.saturating_add(length))
    }

    /// Deletes the cached content of an image.
    pub fn remove(&self, image: &str) -> Result<(), FileError> {
        self.retain(&|other| other != image).map(|_| ())
    }

    /// All files.
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

    /// Size of the cached content of the images that `of` accepts.
    pub fn size_of(&self, of: &dyn Fn(&str) -> bool) -> CacheSize {
        let mut list = self.list();
        list.retain(|file| of(&file.image()));
        CacheSize {
            files: list.len(),
            bytes: sum(&list),
        }
    }

    /// The size limit in bytes.
    pub fn limit(&self) -> u64 {
        Usage::limit(&self.folder)
    }

    /// Sets the size limit in bytes and evicts what exceeds it; returns the number of files deleted.
    pub fn set_limit(&self, limit: u64) -> Result<usize, FileError> {
        let mut usage = Usage::lock(&self.folder)?;
        usage.limit = limit;
        let (bytes, deleted) = self.evict(limit)?;
        usage.write(bytes)?;
        Ok(deleted)
    }

    /// Deletes everything except the content of the images that `of` accepts; returns the number of files deleted.
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

    /// Deletes the least recently used files until at most `limit` bytes remain; returns the remaining bytes and the number of
    /// files deleted. The caller holds the lock.
    fn evict(&self, limit: u64) -> Result<(u64, usize), FileError> {
        let mut list = self.list();
        list.sort_by(|a, b| (a.used, &a.path).cmp(&(b.used, &b.path)));
        let mut bytes = sum(&list);
        let mut deleted = 0;
        for file in list {
            if bytes <= limit {
                break;
            }
            file.delete()?;
            bytes -= file.bytes;
            deleted += 1;
        }
        Ok((bytes, deleted))
    }
}

fn sum(list: &[CacheFile]) -> u64 {
    list.iter().map(|file| file.bytes).sum()
}

#[cfg(test)]
mod tests;

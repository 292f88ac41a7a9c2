//! The size limit and current size of a cache, in a file shared by all processes.
//!
//! It saves scanning the cache for every image added; if it cannot be read, the files are counted again. Never add or delete
//! a cache file without holding its lock.

use std::fs::{File, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::DEFAULT_LIMIT;
use rounds_support::{FileError, files};

/// Name of the file in the cache's folder.
pub(crate) const FILE: &str = "tally";
/// Attempts, and the pause between them, while another process holds the lock.
const TRIES: u32 = 100;
const PAUSE: Duration = Duration::from_millis(20);

/// The content of the file, locked for this process.
pub(super) struct Usage {
    file: File,
    path: PathBuf,
    /// The size limit in bytes.
    pub limit: u64,
    /// Bytes in the cache; `None` if they have to be counted.
    pub bytes: Option<u64>,
}

impl Usage {
    /// Locks the usage file of the cache in `folder`, creating both if missing.
    ///
    /// Errors if it cannot be written, or if another process does not release it in time.
    pub(super) fn lock(folder: &Path) -> Result<Self, FileError> {
        files::create_private_dir(folder)?;
        let path = folder.join(FILE);
        let mut options = File::options();
        options.create(true).truncate(false).read(true).write(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options
            .open(&path)
            .map_err(|e| FileError::from_io(&path, "write", &e))?;
        lock(&file, &path)?;
        let mut text = String::new();
        // A file that is not text counts as unreadable.
        let _ = (&file).take(64).read_to_string(&mut text);
        let (limit, bytes) = parsed(&text).unzip();
        Ok(Self {
            limit: limit.unwrap_or(DEFAULT_LIMIT),
            bytes,
            file,
            path,
        })
    }

    /// The size limit, read without the lock.
    pub(super) fn limit(folder: &Path) -> u64 {
        let text = files::read_limited(&folder.join(FILE), 64).ok();
        let text = text.and_then(|bytes| String::from_utf8(bytes).ok());
        let known = text.and_then(|text| parsed(&text));
        known.map_or(DEFAULT_LIMIT, |(limit, _)| limit)
    }

    /// Saves the limit and the given size. The length never changes, so that a crash leaves the old or the new content.
    pub(super) fn write(mut self, bytes: u64) -> Result<(), FileError> {
        let text = format!("{:020} {bytes:020}\n", self.limit);
        self.file
            .seek(SeekFrom::Start(0))
            .and_then(|_| self.file.write_all(text.as_bytes()))
            .and_then(|()| self.file.set_len(text.len() as u64))
            .map_err(|e| FileError::from_io(&self.path, "write", &e))
    }
}

fn parsed(text: &str) -> Option<(u64, u64)> {
    let (limit, bytes) = text.trim_end().split_once(' ')?;
    Some((limit.parse().ok()?, bytes.parse().ok()?))
}

fn lock(file: &File, path: &Path) -> Result<(), FileError> {
    for _ in 0..TRIES {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) => std::thread::sleep(PAUSE),
            // On a file system without locks the size may be slightly off until it is counted again.
            Err(TryLockError::Error(e)) if e.kind() == std::io::ErrorKind::Unsupported => {
                return Ok(());
            }
            Err(TryLockError::Error(e)) => return Err(FileError::from_io(path, "lock", &e)),
        }
    }
    Err(FileError::other(
        path,
        "write",
        "another process is using it; try again when it is done",
    ))
}

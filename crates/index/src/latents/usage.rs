//! How much a cache may hold and how much it holds, in a file beside it that all processes share.
//!
//! It spares a look at every file of the cache for each image that is added. What cannot be read is counted again. Never
//! add a file to a cache or take one away without holding this.

use std::fs::{File, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::DEFAULT_LIMIT;
use rounds_support::{FileError, files};

/// Its name in the folder of a cache.
pub const FILE: &str = "tally";
/// How often, and how long in between, it is tried while another process holds it.
const TRIES: u32 = 100;
const PAUSE: Duration = Duration::from_millis(20);

/// What the file says; nobody else holds it meanwhile.
pub struct Usage {
    file: File,
    path: PathBuf,
    /// Most bytes that may be kept.
    pub limit: u64,
    /// Bytes that are kept; `None` where they have to be counted.
    pub bytes: Option<u64>,
}

impl Usage {
    /// Waits for the tally of the cache in `folder`, and makes both where there are none.
    ///
    /// Errors where it cannot be written, or another process does not let go of it.
    pub fn lock(folder: &Path) -> Result<Self, FileError> {
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
        // Anything but text is as good as nothing.
        let _ = (&file).take(64).read_to_string(&mut text);
        let (limit, bytes) = parsed(&text).unzip();
        Ok(Self {
            limit: limit.unwrap_or(DEFAULT_LIMIT),
            bytes,
            file,
            path,
        })
    }

    /// The limit, without waiting for anybody.
    pub fn limit(folder: &Path) -> u64 {
        let text = files::read_limited(&folder.join(FILE), 64).ok();
        let text = text.and_then(|bytes| String::from_utf8(bytes).ok());
        let known = text.and_then(|text| parsed(&text));
        known.map_or(DEFAULT_LIMIT, |(limit, _)| limit)
    }

    /// Writes it down: of one length always, so that a crash leaves the old or the new one.
    pub fn write(mut self, bytes: u64) -> Result<(), FileError> {
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
            // A file system without locks: the count may be a little wrong until it is made again.
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

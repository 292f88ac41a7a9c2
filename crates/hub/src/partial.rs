//! An unfinished download: `blobs/{etag}.incomplete`.
//!
//! It is hashed while it grows, so that it need not be read again when finished. It stays on disk after an error, and is
//! only deleted if its content is known to be wrong.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::error::HubError;
use rounds_support::{Cancel, FileError};

/// Bytes read at a time.
const CHUNK_BYTES: usize = 1 << 20;

/// The partial file, open for appending.
pub(super) struct Partial {
    path: PathBuf,
    file: File,
    hasher: Sha256,
    written: u64,
}

impl Partial {
    /// Opens or creates the file, and hashes its content. A file longer than `size` bytes is emptied. `report` receives
    /// the number of bytes hashed.
    pub(super) fn open(
        path: &Path,
        size: Option<u64>,
        cancel: &Cancel,
        report: &mut dyn FnMut(u64),
    ) -> Result<Self, HubError> {
        let file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .open(path)
            .map_err(|error| FileError::from_io(path, "write", &error))?;
        let mut partial = Self {
            path: path.to_path_buf(),
            file,
            hasher: Sha256::new(),
            written: 0,
        };
        let length = partial
            .file
            .metadata()
            .map_err(|error| partial.failed(&error))?
            .len();
        if size.is_some_and(|size| length > size) {
            partial.restart()?;
        } else if length > 0 {
            (partial.hasher, partial.written) = hash(&mut partial.file, path, cancel, report)?;
        }
        Ok(partial)
    }

    /// Length in bytes.
    pub(super) fn written(&self) -> u64 {
        self.written
    }

    /// Appends bytes.
    pub(super) fn append(&mut self, bytes: &[u8]) -> Result<(), FileError> {
        self.file
            .write_all(bytes)
            .map_err(|error| self.failed(&error))?;
        self.hasher.update(bytes);
        self.written += bytes.len() as u64;
        Ok(())
    }

    /// Empties the file.
    pub(super) fn restart(&mut self) -> Result<(), FileError> {
        self.file
            .set_len(0)
            .and_then(|()| self.file.seek(SeekFrom::Start(0)))
            .map_err(|error| self.failed(&error))?;
        self.hasher = Sha256::new();
        self.written = 0;
        Ok(())
    }

    /// Syncs the file to disk; returns its SHA-256.
    pub(super) fn finish(self) -> Result<String, FileError> {
        self.file.sync_all().map_err(|error| self.failed(&error))?;
        Ok(format!("{:x}", self.hasher.finalize()))
    }

    fn failed(&self, error: &std::io::Error) -> FileError {
        FileError::from_io(&self.path, "write", error)
    }
}

/// SHA-256 of a file: 64 lower-case hexadecimal digits. Unlike [`rounds_support::files::sha256_file`], it can be cancelled.
pub(super) fn sha256(
    path: &Path,
    cancel: &Cancel,
    report: &mut dyn FnMut(u64),
) -> Result<String, HubError> {
    let mut file = File::open(path).map_err(|error| FileError::from_io(path, "read", &error))?;
    let (hasher, _) = hash(&mut file, path, cancel, report)?;
    Ok(format!("{:x}", hasher.finalize()))
}

/// Hashes a whole file; also returns its length in bytes.
fn hash(
    file: &mut File,
    path: &Path,
    cancel: &Cancel,
    report: &mut dyn FnMut(u64),
) -> Result<(Sha256, u64), HubError> {
    let failed = |error: std::io::Error| FileError::from_io(path, "read", &error);
    file.seek(SeekFrom::Start(0)).map_err(failed)?;
    let mut hasher = Sha256::new();
    let mut length = 0;
    let mut chunk = vec![0_u8; CHUNK_BYTES];
    loop {
        if cancel.is_cancelled() {
            return Err(HubError::Cancelled);
        }
        match file.read(&mut chunk) {
            Ok(0) => return Ok((hasher, length)),
            Ok(count) => {
                hasher.update(chunk.get(..count).unwrap_or_default());
                length += count as u64;
                report(length);
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(failed(error).into()),
        }
    }
}

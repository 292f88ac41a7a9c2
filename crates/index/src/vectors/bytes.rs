//! The bytes of a vector file, wherever they are: mapped, in the binary, or in memory.
//!
//! A mapped file is only safe while nobody cuts it below the mapped length. Writers of ours never do: they cut what lies
//! past the committed rows, and readers map no further. A file is opened only if it is a plain file, never through a link.

use std::fs::{File, OpenOptions};
use std::ops::Deref;
use std::path::Path;

use memmap2::{Mmap, MmapOptions};

use super::error::VectorError;
use rounds_support::FileError;

/// Read-only bytes.
pub enum Bytes {
    /// Of a file on disk.
    Mapped(Mmap),
    /// Of the program itself.
    Static(&'static [u8]),
    /// Made in memory.
    Owned(Vec<u8>),
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Mapped(map) => map,
            Self::Static(bytes) => bytes,
            Self::Owned(bytes) => bytes,
        }
    }
}

/// Opens a plain file; a link, a folder or a device is refused. With `write`, it is made (0600) where it is missing.
pub fn open_regular_file(path: &Path, write: bool) -> Result<File, VectorError> {
    let action = if write { "write" } else { "read" };
    let mut options = OpenOptions::new();
    options.read(true).write(write).create(write);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    #[cfg(target_os = "linux")]
    std::os::unix::fs::OpenOptionsExt::custom_flags(
        &mut options,
        libc::O_NOFOLLOW | libc::O_NONBLOCK,
    );
    let plain = |kind: std::fs::FileType| kind.is_file();
    if std::fs::symlink_metadata(path).is_ok_and(|found| !plain(found.file_type())) {
        return Err(FileError::other(path, action, "not a plain file").into());
    }
    let file = options
        .open(path)
        .map_err(|error| FileError::from_io(path, action, &error))?;
    if !length_and_kind(&file, path)?.1 {
        return Err(FileError::other(path, action, "not a plain file").into());
    }
    Ok(file)
}

/// Length of an open file in bytes, and whether it is a plain file.
fn length_and_kind(file: &File, path: &Path) -> Result<(u64, bool), VectorError> {
    file.metadata()
        .map(|found| (found.len(), found.is_file()))
        .map_err(|error| FileError::from_io(path, "read", &error).into())
}

/// Length of an open file in bytes.
pub fn length(file: &File, path: &Path) -> Result<u64, VectorError> {
    Ok(length_and_kind(file, path)?.0)
}

/// Maps the first `wanted` bytes of an open file, which must have them.
pub fn map(file: &File, path: &Path, wanted: usize) -> Result<Bytes, VectorError> {
    // SAFETY: the file is a plain file of at least this length, and no writer of ours cuts it below what was committed.
    let map = unsafe { MmapOptions::new().len(wanted).map(file) };
    map.map(Bytes::Mapped)
        .map_err(|error| FileError::from_io(path, "map", &error).into())
}

//! The bytes of a vector file: memory-mapped, built into the binary, or in memory.
//!
//! A mapping is only safe while the file is not truncated below the mapped length. Our writers truncate only past the
//! committed rows, and readers map no further. Only regular files are opened, never links.

use std::fs::{File, OpenOptions};
use std::ops::Deref;
use std::path::Path;

use memmap2::{Mmap, MmapOptions};

use super::error::VectorError;
use rounds_support::FileError;

/// Read-only bytes.
pub(super) enum Bytes {
    /// A mapped file.
    Mapped(Mmap),
    /// Part of the program.
    Static(&'static [u8]),
    /// In memory.
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

/// Opens a regular file; links, folders and devices are refused. With `write` it is created (0600) if missing.
pub(super) fn open_regular_file(path: &Path, write: bool) -> Result<File, VectorError> {
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
    let is_regular = |kind: std::fs::FileType| kind.is_file();
    if std::fs::symlink_metadata(path).is_ok_and(|found| !is_regular(found.file_type())) {
        return Err(FileError::other(path, action, "not a regular file").into());
    }
    let file = options
        .open(path)
        .map_err(|error| FileError::from_io(path, action, &error))?;
    if !length_and_kind(&file, path)?.1 {
        return Err(FileError::other(path, action, "not a regular file").into());
    }
    Ok(file)
}

/// Length of an open file in bytes, and whether it is a regular file.
fn length_and_kind(file: &File, path: &Path) -> Result<(u64, bool), VectorError> {
    file.metadata()
        .map(|found| (found.len(), found.is_file()))
        .map_err(|error| FileError::from_io(path, "read", &error).into())
}

/// Length of an open file in bytes.
pub(super) fn length(file: &File, path: &Path) -> Result<u64, VectorError> {
    Ok(length_and_kind(file, path)?.0)
}

/// Maps the first `wanted` bytes of an open file, which must be at least that long.
pub(super) fn map(file: &File, path: &Path, wanted: usize) -> Result<Bytes, VectorError> {
    // SAFETY: this is a regular file of at least this length, and our writers never truncate it below the committed rows.
    let map = unsafe { MmapOptions::new().len(wanted).map(file) };
    map.map(Bytes::Mapped)
        .map_err(|error| FileError::from_io(path, "map", &error).into())
}

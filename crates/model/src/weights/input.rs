//! The bytes of a published file: on disk, read in parts, or in memory.
//!
//! Published files can be larger than memory, so never read one whole. Never map one either: if another program truncates a
//! mapped file, the next access kills this process.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::weights::WeightError;
use rounds_support::errors::display_path;

/// Bytes that can be read at any offset.
pub(in crate::weights) struct Input {
    /// Cleaned name for messages.
    name: String,
    length: u64,
    kind: Kind,
}

enum Kind {
    /// The lock keeps a seek and the read after it together.
    File {
        path: PathBuf,
        file: Mutex<File>,
    },
    Memory(Vec<u8>),
    /// Part of the program, so that it is mapped anyway.
    Static(&'static [u8]),
}

impl Input {
    /// Opens the file at `path`. A folder, pipe or device is an error.
    pub(in crate::weights) fn open(path: &Path) -> Result<Self, WeightError> {
        let failed = |error: std::io::Error| WeightError::io(path, &error);
        // Check before opening: opening a pipe would block until its other end is opened.
        if !fs::metadata(path).map_err(failed)?.is_file() {
            return Err(failed(std::io::Error::other("it is not a regular file")));
        }
        let file = File::open(path).map_err(failed)?;
        Ok(Self {
            name: display_path(path),
            length: file.metadata().map_err(failed)?.len(),
            kind: Kind::File {
                path: path.to_path_buf(),
                file: Mutex::new(file),
            },
        })
    }

    /// Bytes already in memory, called `name` in messages.
    pub(in crate::weights) fn memory(name: &str, bytes: Vec<u8>) -> Self {
        Self {
            name: display_path(Path::new(name)),
            length: bytes.len() as u64,
            kind: Kind::Memory(bytes),
        }
    }

    /// Bytes that are part of the program, called `name` in messages.
    pub(in crate::weights) fn shipped(name: &str, bytes: &'static [u8]) -> Self {
        Self {
            name: display_path(Path::new(name)),
            length: bytes.len() as u64,
            kind: Kind::Static(bytes),
        }
    }

    /// `length` bytes from `offset` without copying them; `None` unless they are part of the program.
    pub(in crate::weights) fn borrow(&self, offset: u64, length: u64) -> Option<&'static [u8]> {
        let Kind::Static(bytes) = self.kind else {
            return None;
        };
        let from = usize::try_from(offset).ok()?;
        bytes.get(from..from.checked_add(usize::try_from(length).ok()?)?)
    }

    /// Cleaned name for messages.
    pub(in crate::weights) fn name(&self) -> &str {
        &self.name
    }

    /// Length in bytes when it was opened.
    pub(in crate::weights) fn length(&self) -> u64 {
        self.length
    }

    /// Exactly `length` bytes from `offset`. A range outside the file is an error before any memory is allocated.
    pub(in crate::weights) fn read(
        &self,
        offset: u64,
        length: u64,
    ) -> Result<Vec<u8>, WeightError> {
        let outside = || {
            let reason = format!("{length} bytes at byte {offset} are outside the file");
            WeightError::format(&self.name, reason)
        };
        let end = offset.checked_add(length).ok_or_else(outside)?;
        if end > self.length {
            return Err(outside());
        }
        let wanted = usize::try_from(length).map_err(|_| outside())?;
        let mut content = Vec::new();
        content.try_reserve_exact(wanted).map_err(|_| {
            let what = format!("a part of {length} bytes");
            WeightError::too_large(&self.name, what, "the memory of this machine")
        })?;
        match &self.kind {
            Kind::Memory(bytes) => {
                let start = usize::try_from(offset).map_err(|_| outside())?;
                let part = bytes.get(start..start.saturating_add(wanted));
                content.extend_from_slice(part.ok_or_else(outside)?);
            }
            Kind::Static(bytes) => {
                let start = usize::try_from(offset).map_err(|_| outside())?;
                let part = bytes.get(start..start.saturating_add(wanted));
                content.extend_from_slice(part.ok_or_else(outside)?);
            }
            Kind::File { path, file } => {
                let failed = |error: std::io::Error| WeightError::io(path, &error);
                let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
                file.seek(SeekFrom::Start(offset)).map_err(failed)?;
                let mut part = (&mut *file).take(length);
                part.read_to_end(&mut content).map_err(failed)?;
            }
        }
        // The file may have been truncated since it was opened.
        if content.len() == wanted {
            Ok(content)
        } else {
            Err(outside())
        }
    }
}

//! The image files of an index, named by their SHA-256; the first two digits are the folder.
//!
//! An existing file is complete, because files are written under a temporary name and renamed. Every read checks the hash.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};

use super::error::{IndexError, damaged};
use super::example::ExampleImage;
use rounds_support::{FileError, files, shipped};

/// Largest image file accepted, in bytes; the decoder refuses larger ones.
pub(crate) const MAX_IMAGE_BYTES: u64 = rounds_imaging::limits::MAX_FILE_BYTES;

/// Reads the images of an index; can be cloned and sent to other threads.
#[derive(Clone, Debug)]
pub struct Images {
    /// `None` for the built-in index.
    folder: Option<PathBuf>,
}

/// Path of an image relative to the index's folder.
pub(crate) fn relative(image: &ExampleImage) -> String {
    let (front, rest) = image.sha256.split_at_checked(2).unwrap_or(("", ""));
    format!("images/{front}/{rest}.{}", image.extension)
}

impl Images {
    /// The images of the index in `folder`; `None` is the built-in one.
    pub fn new(folder: Option<&Path>) -> Self {
        Self {
            folder: folder.map(Path::to_path_buf),
        }
    }

    /// The bytes of an image file.
    ///
    /// Errors if it is missing or does not match its hash.
    pub fn bytes(&self, image: &ExampleImage) -> Result<Cow<'static, [u8]>, IndexError> {
        let name = relative(image);
        let bytes = match &self.folder {
            Some(folder) => Cow::Owned(files::read_limited(&folder.join(&name), MAX_IMAGE_BYTES)?),
            None => shipped::file(&format!("{}/{name}", shipped::INDEX))
                .map(Cow::Borrowed)
                .ok_or_else(|| damaged(&name, "it is not part of this build"))?,
        };
        if files::sha256_hex(&bytes) != image.sha256 {
            return Err(damaged(&name, "its SHA-256 does not match its name"));
        }
        Ok(bytes)
    }
}

/// Adds images; they are not durable before [`ImageWriter::sync`].
pub(crate) struct ImageWriter {
    folder: PathBuf,
    unsynced: BTreeSet<PathBuf>,
}

impl ImageWriter {
    /// A writer for the index in `folder`.
    pub(crate) fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_path_buf(),
            unsynced: BTreeSet::new(),
        }
    }

    /// Writes an image unless it exists.
    pub(crate) fn put(&mut self, image: &ExampleImage, bytes: &[u8]) -> Result<(), IndexError> {
        let path = self.folder.join(relative(image));
        // A file of another length was left by a system crash; write it again.
        if std::fs::metadata(&path).is_ok_and(|m| m.len() == bytes.len() as u64) {
            return Ok(());
        }
        let folder = path.parent().unwrap_or(&self.folder).to_path_buf();
        files::create_private_dir(&folder)?;
        let failed = |e: std::io::Error| FileError::from_io(&path, "write", &e);
        let mut temporary = tempfile::Builder::new()
            .prefix(".rounds-")
            .tempfile_in(&folder)
            .map_err(failed)?;
        std::io::Write::write_all(&mut temporary, bytes).map_err(failed)?;
        temporary.persist(&path).map_err(|e| failed(e.error))?;
        self.unsynced.insert(folder);
        self.unsynced.insert(path);
        Ok(())
    }

    /// Waits until all images written so far are on disk.
    pub(crate) fn sync(&mut self) -> Result<(), IndexError> {
        for path in std::mem::take(&mut self.unsynced) {
            File::open(&path)
                .and_then(|file| file.sync_all())
                .map_err(|e| FileError::from_io(&path, "write", &e))?;
        }
        Ok(())
    }
}

//! Bytes of a file, of memory or of an entry of a zip, with gzip around them or not.
//!
//! Nothing is read beyond the limits, whatever a length in an archive says. Names of files inside an archive or a folder may be
//! names of patients: they are never shown.

use std::fs::File;
use std::io::{Cursor, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use flate2::read::MultiGzDecoder;
use rounds_support::errors::FileError;
use zip::ZipArchive;

use crate::error::{Fault, ScanError};
use crate::limits::{MAX_FILE_BYTES, MAX_FILES, MAX_GROWTH, UNSUSPICIOUS_BYTES};

/// What an archive is read from.
trait Source: Read + Seek + Send {}
impl<T: Read + Seek + Send> Source for T {}

/// An open zip, shared by its entries.
#[derive(Clone)]
pub(crate) struct Archive(Arc<Mutex<ZipArchive<Box<dyn Source>>>>);

#[derive(Clone)]
enum Place {
    File(PathBuf),
    Memory(Arc<Vec<u8>>),
    Entry {
        archive: Archive,
        index: usize,
        length: u64,
        packed: u64,
    },
}

/// Something that can be read, several times.
#[derive(Clone)]
pub(crate) struct Content {
    place: Place,
    /// Where it begins there, in bytes as they are stored.
    from: u64,
    gzip: bool,
    /// Sanitised name of what the user gave.
    name: String,
}

const GZIP: [u8; 2] = [0x1F, 0x8B];

impl Content {
    /// The file at `path`, of which errors speak as `name`.
    pub(crate) fn file(path: &Path, name: &str) -> Result<Self, ScanError> {
        Self {
            place: Place::File(path.to_path_buf()),
            from: 0,
            gzip: false,
            name: name.to_owned(),
        }
        .looked_at()
    }

    /// The file at `path` as it is, even if it looks like gzip.
    pub(crate) fn stored_file(path: &Path, name: &str) -> Self {
        Self {
            place: Place::File(path.to_path_buf()),
            from: 0,
            gzip: false,
            name: name.to_owned(),
        }
    }

    pub(crate) fn memory(bytes: Vec<u8>, name: &str) -> Result<Self, ScanError> {
        Self {
            place: Place::Memory(Arc::new(bytes)),
            from: 0,
            gzip: false,
            name: name.to_owned(),
        }
        .looked_at()
    }

    /// Sees whether there is gzip around it.
    fn looked_at(mut self) -> Result<Self, ScanError> {
        self.gzip = self.prefix(2)? == GZIP;
        Ok(self)
    }

    pub(crate) fn is_gzip(&self) -> bool {
        self.gzip
    }

    /// What is inside the gzip that begins at `start`, if one does. There must be none around all of it.
    pub(crate) fn unpacked_from(&self, start: u64) -> Result<Option<Self>, ScanError> {
        let is_gzip = !self.gzip && self.range(start, 2)? == GZIP;
        Ok(is_gzip.then(|| Self {
            from: self.from.saturating_add(start),
            gzip: true,
            ..self.clone()
        }))
    }

    /// How many bytes there are; `None` if only unpacking them would tell.
    pub(crate) fn length(&self) -> Result<Option<u64>, ScanError> {
        if self.gzip {
            return Ok(None);
        }
        let stored = match &self.place {
            Place::File(path) => {
                let metadata = open_regular(path)?.metadata();
                metadata.map_err(|error| self.failed(&error))?.len()
            }
            Place::Memory(bytes) => bytes.len() as u64,
            Place::Entry { length, .. } => *length,
        };
        Ok(Some(stored.saturating_sub(self.from)))
    }

    /// Whether a part can be read without what lies before it.
    pub(crate) fn is_seekable(&self) -> bool {
        !self.gzip && !matches!(self.place, Place::Entry { .. })
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Its file, if it is one.
    pub(crate) fn path(&self) -> Option<&Path> {
        match &self.place {
            Place::File(path) => Some(path),
            _ => None,
        }
    }

    fn failed(&self, error: &std::io::Error) -> ScanError {
        match &self.place {
            Place::File(path) => FileError::from_io(path, "read", error).into(),
            _ => self.fault(Fault::broken("zip", "an entry cannot be read")),
        }
    }

    fn fault(&self, fault: Fault) -> ScanError {
        fault.in_file(&self.name)
    }

    /// The first `count` bytes, or all if there are fewer.
    pub(crate) fn prefix(&self, count: usize) -> Result<Vec<u8>, ScanError> {
        self.range(0, count as u64)
    }

    /// Everything.
    pub(crate) fn all(&self) -> Result<Vec<u8>, ScanError> {
        let bytes = self.range(0, MAX_FILE_BYTES + 1)?;
        if bytes.len() as u64 > MAX_FILE_BYTES {
            return Err(self.fault(Fault::TooLong {
                what: "the file",
                limit: MAX_FILE_BYTES,
            }));
        }
        Ok(bytes)
    }

    /// `length` bytes from `offset`, or as many as there are.
    pub(crate) fn range(&self, offset: u64, length: u64) -> Result<Vec<u8>, ScanError> {
        match &self.place {
            Place::File(path) => {
                let mut file = open_regular(path)?;
                let packed = file.metadata().map_err(|error| self.failed(&error))?.len();
                let start = if self.gzip {
                    self.from
                } else {
                    self.from.saturating_add(offset)
                };
                file.seek(SeekFrom::Start(start))
                    .map_err(|error| self.failed(&error))?;
                let rest = packed.saturating_sub(start);
                if self.gzip {
                    return self.unpacked(file, rest, offset, length);
                }
                self.read(file, length.min(rest), length)
            }
            Place::Memory(bytes) => {
                let from = usize::try_from(self.from).unwrap_or(usize::MAX);
                let bytes = bytes.get(from..).unwrap_or_default();
                if self.gzip {
                    return self.unpacked(bytes, bytes.len() as u64, offset, length);
                }
                let start = usize::try_from(offset)
                    .unwrap_or(usize::MAX)
                    .min(bytes.len());
                let end = usize::try_from(offset.saturating_add(length))
                    .unwrap_or(usize::MAX)
                    .min(bytes.len());
                Ok(bytes.get(start..end).unwrap_or_default().to_vec())
            }
            Place::Entry {
                archive,
                index,
                length: whole,
                packed,
            } => {
                let mut archive = archive.0.lock().unwrap_or_else(PoisonError::into_inner);
                let broken = || self.fault(Fault::broken("zip", "an entry cannot be read"));
                let mut entry = archive.by_index(*index).map_err(|_| broken())?;
                if self.gzip {
                    self.skip(&mut entry, self.from)?;
                    let rest = whole.saturating_sub(self.from);
                    return self.unpacked(entry, rest, offset, length);
                }
                let offset = self.from.saturating_add(offset);
                self.skip(&mut entry, offset)?;
                self.guard(
                    *packed,
                    offset.saturating_add(length.min(whole.saturating_sub(offset))),
                )?;
                self.read(entry, length.min(*whole), length)
            }
        }
    }

    /// A range of what is inside gzip.
    fn unpacked(
        &self,
        packed: impl Read,
        packed_length: u64,
        offset: u64,
        length: u64,
    ) -> Result<Vec<u8>, ScanError> {
        let limit = UNSUSPICIOUS_BYTES
            .max(packed_length.saturating_mul(MAX_GROWTH))
            .min(MAX_FILE_BYTES);
        let mut reader = MultiGzDecoder::new(packed).take(limit.saturating_add(1));
        self.skip(&mut reader, offset)?;
        let bytes = self.read(&mut reader, 0, length)?;
        if offset.saturating_add(bytes.len() as u64) > limit {
            return Err(self.fault(Fault::Bomb { reached: limit }));
        }
        Ok(bytes)
    }

    /// Refuses what grows out of proportion.
    fn guard(&self, packed: u64, unpacked: u64) -> Result<(), ScanError> {
        let limit = UNSUSPICIOUS_BYTES
            .max(packed.saturating_mul(MAX_GROWTH))
            .min(MAX_FILE_BYTES);
        if unpacked > limit {
            return Err(self.fault(Fault::Bomb { reached: limit }));
        }
        Ok(())
    }

    fn skip(&self, reader: &mut impl Read, offset: u64) -> Result<(), ScanError> {
        // A stream that is cut off has nothing at the offset, which the caller will see.
        let _ = std::io::copy(&mut reader.by_ref().take(offset), &mut std::io::sink());
        Ok(())
    }

    /// Reads at most `length` bytes; `expected` of them are sure to be there. What comes before an error is kept, as files are cut
    /// off.
    fn read(&self, reader: impl Read, expected: u64, length: u64) -> Result<Vec<u8>, ScanError> {
        let mut bytes = Vec::with_capacity(usize::try_from(expected).unwrap_or(0));
        match reader.take(length).read_to_end(&mut bytes) {
            Err(error) if bytes.is_empty() && !self.gzip => Err(self.failed(&error)),
            _ => Ok(bytes),
        }
    }
}

/// A pipe would block, and a device has no end.
fn open_regular(path: &Path) -> Result<File, FileError> {
    let failed = |error: std::io::Error| FileError::from_io(path, "read", &error);
    let metadata = std::fs::metadata(path).map_err(failed)?;
    if metadata.is_dir() {
        return Err(FileError::IsDirectory {
            path: path.to_path_buf(),
        });
    }
    if !metadata.is_file() {
        return Err(FileError::other(path, "read", "not a regular file"));
    }
    File::open(path).map_err(failed)
}

/// Whether `bytes`, the beginning of a file, are a zip.
pub(crate) fn is_zip(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06")
}

/// The files in a zip, with their paths in it; and how many cannot be unpacked, as they need a password or an unknown method.
pub(crate) fn entries(zip: &Content) -> Result<(Vec<(String, Content)>, usize), ScanError> {
    let source: Box<dyn Source> = match &zip.place {
        Place::File(path) => Box::new(open_regular(path)?),
        Place::Memory(bytes) => Box::new(Cursor::new(SharedBytes(Arc::clone(bytes)))),
        Place::Entry { .. } => {
            return Err(zip.fault(Fault::unsupported("zip", "an archive in an archive")));
        }
    };
    let broken = || zip.fault(Fault::broken("zip", "its directory cannot be read"));
    let archive = rounds_imaging::catch_panic(|| ZipArchive::new(source)).ok_or_else(broken)?;
    let archive = Archive(Arc::new(Mutex::new(archive.map_err(|_| broken())?)));
    let mut found = Vec::new();
    let mut locked = 0;
    let mut total = 0_u64;
    let count = archive
        .0
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .len();
    for index in 0..count.min(MAX_FILES) {
        let (name, length, packed) = {
            let mut archive = archive.0.lock().unwrap_or_else(PoisonError::into_inner);
            let Ok(entry) = archive.by_index(index) else {
                locked += 1;
                continue;
            };
            if !entry.is_file() {
                continue;
            }
            (
                entry
                    .name()
                    .map(|name| name.into_owned())
                    .unwrap_or_default(),
                entry.size(),
                entry.compressed_size(),
            )
        };
        total = total.saturating_add(length);
        let place = Place::Entry {
            archive: archive.clone(),
            index,
            length,
            packed,
        };
        let entry = Content {
            place,
            from: 0,
            gzip: false,
            name: zip.name.clone(),
        };
        zip.guard(packed, length)?;
        if total > MAX_FILE_BYTES * 4 {
            return Err(zip.fault(Fault::TooLong {
                what: "what the zip holds",
                limit: MAX_FILE_BYTES * 4,
            }));
        }
        match entry.looked_at() {
            Ok(entry) => found.push((name, entry)),
            Err(_) => locked += 1,
        }
    }
    Ok((found, locked))
}

/// Lets a cursor read bytes that others share.
struct SharedBytes(Arc<Vec<u8>>);

impl AsRef<[u8]> for SharedBytes {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

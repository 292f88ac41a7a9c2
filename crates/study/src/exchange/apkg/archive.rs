//! The zip around a package. Nothing is unpacked beyond its limit, whatever lengths the zip states.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use rounds_support::{FileError, errors};
use zip::ZipArchive;

use crate::exchange::error::{ExchangeError, at_most, at_most_bytes, damaged};
use crate::exchange::limits::Limits;

/// Below this an entry may grow by any factor.
const UNSUSPICIOUS_BYTES: u64 = 16 << 20;
/// By which factor a longer entry may grow. Deflate reaches 1,032 only with nothing in it; databases of notes reach 20.
const MAX_GROWTH: u64 = 200;

/// An open package.
pub(super) struct Archive {
    zip: ZipArchive<BufReader<File>>,
}

impl Archive {
    pub(super) fn open(path: &Path, limits: &Limits) -> Result<Self, ExchangeError> {
        let failed = |error: std::io::Error| FileError::from_io(path, "read", &error);
        let metadata = std::fs::metadata(path).map_err(failed)?;
        at_most_bytes("a package of", metadata.len(), limits.package_bytes)?;
        let file = File::open(path).map_err(failed)?;
        let opened = rounds_imaging::catch_panic(|| ZipArchive::new(BufReader::new(file)));
        let broken = || damaged("the directory of its zip cannot be read");
        let zip = opened.ok_or_else(broken)?.map_err(|_| broken())?;
        at_most("files:", zip.len(), limits.files)?;
        Ok(Self { zip })
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.index(name).is_some()
    }

    /// By the bytes of the name: a search for other spellings takes as long as the zip has entries.
    fn index(&self, name: &str) -> Option<usize> {
        self.zip.index_for_name_raw(name.as_bytes())
    }

    /// The content of the entry `name`, of at most `limit` bytes; a message for people if it cannot be read.
    pub(super) fn content(&mut self, name: &str, limit: u64) -> Result<Vec<u8>, String> {
        let Some(index) = self.index(name) else {
            return Err("it is missing in the package".to_owned());
        };
        let entry = self.zip.by_index(index);
        let entry = entry.map_err(|_| "it cannot be unpacked".to_owned())?;
        let (packed, stated) = (entry.compressed_size(), entry.size());
        let suspicious = UNSUSPICIOUS_BYTES.max(packed.saturating_mul(MAX_GROWTH));
        let most = limit.min(suspicious);
        let mut bytes = Vec::new();
        if stated <= most {
            let read = entry.take(most.saturating_add(1)).read_to_end(&mut bytes);
            read.map_err(|_| "it cannot be unpacked".to_owned())?;
        }
        if stated > most || bytes.len() as u64 > most {
            let limit = errors::bytes(most);
            return Err(format!("unpacked it is larger than {limit}"));
        }
        Ok(bytes)
    }
}

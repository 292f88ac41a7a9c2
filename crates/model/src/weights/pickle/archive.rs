//! The zip archive of a PyTorch file: its records and where their bytes are.
//!
//! `torch.save` writes every record uncompressed, so that a tensor can be read by its offset; only such records are
//! read here. No name in the archive ever becomes a path, nothing is decompressed, and records cannot overlap, so an
//! archive cannot expand. Checksums are not verified, because PyTorch can be told to leave them out.

use std::collections::HashMap;

use super::directory::{self, Entry};
use super::record::Record;
use crate::weights::WeightError;
use crate::weights::input::Input;
use rounds_support::pickle::Cursor;

const LOCAL_HEADER: u32 = 0x0403_4b50;
const LOCAL_HEADER_LENGTH: u64 = 30;

/// An opened archive; records are read on request.
pub(super) struct Archive<'a> {
    input: &'a Input,
    entries: HashMap<Vec<u8>, Entry>,
}

impl<'a> Archive<'a> {
    /// Reads and checks the list of records in `input`.
    pub(super) fn open(input: &'a Input) -> Result<Self, WeightError> {
        let entries = directory::read(input)?;
        Ok(Self { input, entries })
    }

    /// Cleaned name of the file for messages.
    pub(super) fn file(&self) -> &str {
        self.input.name()
    }

    /// The folder with `data.pkl`, including its slash, in which PyTorch puts everything. `None` if there is none, or more
    /// than one.
    pub(super) fn folder(&self) -> Option<String> {
        let mut folders = self.entries.keys().filter_map(|name| {
            let folder = std::str::from_utf8(name).ok()?.strip_suffix("data.pkl")?;
            (folder.find('/')? + 1 == folder.len()).then(|| folder.to_owned())
        });
        let folder = folders.next()?;
        folders.next().is_none().then_some(folder)
    }

    /// Whether there is a record with this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.entries.contains_key(name.as_bytes())
    }

    /// Where the record called `name` is; `None` if there is none.
    pub(super) fn record(&self, name: &str) -> Result<Option<Record>, WeightError> {
        let Some(entry) = self.entries.get(name.as_bytes()) else {
            return Ok(None);
        };
        let damaged =
            |reason: &str| WeightError::format(self.file(), format!("the record {name} {reason}"));
        if !entry.plain {
            return Err(damaged("is compressed or encrypted"));
        }
        let header = self.input.read(entry.header, LOCAL_HEADER_LENGTH)?;
        let (name_length, extra_length) = local_header(&header)
            .ok_or_else(|| damaged("does not begin with the header of a plain record"))?;
        // No overflow: the header is inside the file, and the two lengths have 16 bits.
        let name_start = entry.header + LOCAL_HEADER_LENGTH;
        if self.input.read(name_start, name_length)? != name.as_bytes() {
            return Err(damaged("has a different name in its header"));
        }
        let start = name_start + name_length + extra_length;
        match start.checked_add(entry.length) {
            Some(end) if end <= entry.limit => Ok(Some(Record {
                start,
                length: entry.length,
            })),
            _ => Err(damaged("overlaps what follows it")),
        }
    }
}

/// Lengths of the name and the extra field in the local header of a plain record.
fn local_header(header: &[u8]) -> Option<(u64, u64)> {
    let mut fields = Cursor::new(header);
    let signature = fields.u32()?;
    fields.take(2)?;
    let plain = directory::is_plain(fields.u16()?, fields.u16()?);
    // Time, date, checksum and both lengths: the directory has them too, and here they may be missing.
    fields.take(16)?;
    let lengths = (u64::from(fields.u16()?), u64::from(fields.u16()?));
    (signature == LOCAL_HEADER && plain).then_some(lengths)
}

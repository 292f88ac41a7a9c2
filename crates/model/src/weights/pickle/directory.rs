//! Reads the directory at the end of a zip archive.
//!
//! Only a dozen fields are needed, and all are untrusted. A general library would add decompression, encryption and
//! leniency, which lets two readers see different archives in one file. Follows PKWARE's APPNOTE.TXT 6.3.10, sections
//! 4.3.12 to 4.3.16 and 4.5.3 (zip64: published files exceed 4 GiB).

use std::collections::HashMap;

use crate::weights::WeightError;
use crate::weights::input::Input;
use rounds_support::errors::bytes;
use rounds_support::pickle::Cursor;

/// Most records in an archive. Published models have a few thousand.
const MAX_RECORDS: u64 = 1 << 18;
/// Maximum length of the directory in bytes.
const MAX_LENGTH: u64 = 64 << 20;

const ENTRY: u32 = 0x0201_4b50;
const ENTRY_LENGTH: u64 = 46;
const END: u32 = 0x0605_4b50;
const END_LENGTH: u64 = 22;
const MAX_COMMENT: u64 = 0xffff;
const ZIP64_END: u32 = 0x0606_4b50;
const ZIP64_END_LENGTH: u64 = 56;
const LOCATOR: u32 = 0x0706_4b50;
const LOCATOR_LENGTH: u64 = 20;
/// Id of the extra field with the values that do not fit in 32 bits.
const ZIP64_EXTRA: u16 = 1;
/// Marks a value that is in the zip64 field instead.
const IN_ZIP64_32: u64 = u32::MAX as u64;
const IN_ZIP64_16: u64 = u16::MAX as u64;
/// Minimum length of a record's header: without name and extra field.
const MIN_HEADER: u64 = 30;

/// The directory's entry of a record.
#[derive(Clone, Copy)]
pub(super) struct Entry {
    /// Offset of the record's own header.
    pub(super) header: u64,
    /// Length of the content in bytes.
    pub(super) length: u64,
    /// Offset of the next record or the directory, where this record must have ended.
    pub(super) limit: u64,
    /// Neither compressed nor encrypted.
    pub(super) plain: bool,
}

/// Where the directory is and how many records it lists.
#[derive(Clone, Copy)]
struct Extent {
    start: u64,
    length: u64,
    records: u64,
}

/// Whether a record with these flags and this compression method is stored uncompressed and unencrypted.
pub(super) fn is_plain(flags: u16, method: u16) -> bool {
    const ENCRYPTED: u16 = 1 | 1 << 6 | 1 << 13;
    method == 0 && flags & ENCRYPTED == 0
}

/// Reads the directory of `input`, by name. Errors where two records have the same name or overlap.
pub(super) fn read(input: &Input) -> Result<HashMap<Vec<u8>, Entry>, WeightError> {
    let damaged = |reason: &str| WeightError::format(input.name(), reason);
    let extent = find(input)?;
    let list = input.read(extent.start, extent.length)?;
    let mut cursor = Cursor::new(&list);
    let mut entries = Vec::new();
    for _ in 0..extent.records {
        let entry = entry(&mut cursor)
            .ok_or_else(|| damaged("the directory of the archive has a broken entry"))?;
        entries.push(entry);
    }
    entries.sort_unstable_by_key(|(_, entry)| entry.header);
    let mut limit = extent.start;
    for (name, entry) in entries.iter_mut().rev() {
        let minimum = (MIN_HEADER + name.len() as u64).checked_add(entry.length);
        let end = minimum.and_then(|minimum| entry.header.checked_add(minimum));
        if end.is_none_or(|end| end > limit) {
            return Err(damaged("two records of the archive overlap"));
        }
        entry.limit = limit;
        limit = entry.header;
    }
    let records = entries.len();
    let entries: HashMap<_, _> = entries.into_iter().collect();
    if entries.len() < records {
        return Err(damaged("two records of the archive have the same name"));
    }
    Ok(entries)
}

/// Finds the directory from the end of the file, and checks its position and size.
fn find(input: &Input) -> Result<Extent, WeightError> {
    let damaged = |reason: &str| WeightError::format(input.name(), reason);
    let tail_length = input.length().min(MAX_COMMENT + END_LENGTH);
    let tail_start = input.length() - tail_length;
    let tail = input.read(tail_start, tail_length)?;
    let (at, narrow) = last_end(&tail)
        .ok_or_else(|| damaged("the archive has no directory; the file may be truncated"))?;
    let end = tail_start + at as u64;
    let (extent, limit) = match find_zip64_end(input, end)? {
        Some((wide, limit)) => {
            if !agree(narrow, wide) {
                return Err(damaged("the archive has two directories that differ"));
            }
            (wide, limit)
        }
        None => (narrow, end),
    };
    if extent.length > MAX_LENGTH {
        let what = format!("a directory of {}", bytes(extent.length));
        return Err(WeightError::too_large(
            input.name(),
            what,
            bytes(MAX_LENGTH),
        ));
    }
    if extent.records > MAX_RECORDS {
        let what = format!("{} records", extent.records);
        return Err(WeightError::too_large(input.name(), what, MAX_RECORDS));
    }
    let stop = extent.start.checked_add(extent.length);
    if stop.is_none_or(|stop| stop > limit) || extent.records * ENTRY_LENGTH > extent.length {
        return Err(damaged("the directory of the archive is outside the file"));
    }
    Ok(extent)
}

/// The last end record in the `tail` of a file, with its offset there. Its comment ends where the file ends.
fn last_end(tail: &[u8]) -> Option<(usize, Extent)> {
    let last = tail.len().checked_sub(END_LENGTH as usize)?;
    (0..=last).rev().find_map(|at| {
        let mut fields = Cursor::new(tail.get(at..)?);
        if fields.u32()? != END {
            return None;
        }
        // This part and the part with the directory: archives of several parts are not supported.
        let parts = [fields.u16()?, fields.u16()?];
        let (here, records) = (u64::from(fields.u16()?), u64::from(fields.u16()?));
        let length = u64::from(fields.u32()?);
        let start = u64::from(fields.u32()?);
        let comment = usize::from(fields.u16()?);
        let whole = parts == [0, 0] && here == records && at.checked_add(comment)? == last;
        whole.then_some((
            at,
            Extent {
                start,
                length,
                records,
            },
        ))
    })
}

/// The zip64 end record and its offset, if a locator before the ordinary end record at `end` points to it.
fn find_zip64_end(input: &Input, end: u64) -> Result<Option<(Extent, u64)>, WeightError> {
    let Some(at) = end.checked_sub(LOCATOR_LENGTH) else {
        return Ok(None);
    };
    let Some(start) = locator(&input.read(at, LOCATOR_LENGTH)?) else {
        return Ok(None);
    };
    let damaged = || WeightError::format(input.name(), "the zip64 end of the archive is broken");
    if start
        .checked_add(ZIP64_END_LENGTH)
        .is_none_or(|end| end > at)
    {
        return Err(damaged());
    }
    let extent = zip64_end(&input.read(start, ZIP64_END_LENGTH)?).ok_or_else(damaged)?;
    Ok(Some((extent, start)))
}

/// Offset of the zip64 end record; `None` if `record` is not a locator.
fn locator(record: &[u8]) -> Option<u64> {
    let mut fields = Cursor::new(record);
    if fields.u32()? != LOCATOR {
        return None;
    }
    fields.take(4)?;
    fields.u64()
}

fn zip64_end(record: &[u8]) -> Option<Extent> {
    let mut fields = Cursor::new(record);
    if fields.u32()? != ZIP64_END {
        return None;
    }
    // Length of this record and two versions.
    fields.take(12)?;
    let parts = [fields.u32()?, fields.u32()?];
    let (here, records) = (fields.u64()?, fields.u64()?);
    let (length, start) = (fields.u64()?, fields.u64()?);
    (parts == [0, 0] && here == records).then_some(Extent {
        start,
        length,
        records,
    })
}

/// Whether each narrow value equals the wide one or refers to it.
fn agree(narrow: Extent, wide: Extent) -> bool {
    let same = |narrow: u64, wide: u64, marker: u64| narrow == marker || narrow == wide;
    same(narrow.start, wide.start, IN_ZIP64_32)
        && same(narrow.length, wide.length, IN_ZIP64_32)
        && same(narrow.records, wide.records, IN_ZIP64_16)
}

/// The next entry with its name; its limit is not known yet.
fn entry(cursor: &mut Cursor<'_>) -> Option<(Vec<u8>, Entry)> {
    if cursor.u32()? != ENTRY {
        return None;
    }
    // Two versions.
    cursor.take(4)?;
    let plain = is_plain(cursor.u16()?, cursor.u16()?);
    // Time, date and checksum.
    cursor.take(8)?;
    let mut stored = u64::from(cursor.u32()?);
    let mut length = u64::from(cursor.u32()?);
    let name_length = usize::from(cursor.u16()?);
    let extra_length = usize::from(cursor.u16()?);
    let comment_length = usize::from(cursor.u16()?);
    // Part and attributes.
    cursor.take(8)?;
    let mut header = u64::from(cursor.u32()?);
    let name = cursor.take(name_length)?.to_vec();
    let extra = cursor.take(extra_length)?;
    cursor.take(comment_length)?;
    // The zip64 field has, in this order, only the values whose narrow field is the marker.
    let mut wide = Cursor::new(zip64_extra(extra));
    for value in [&mut length, &mut stored, &mut header] {
        if *value == IN_ZIP64_32 {
            *value = wide.u64()?;
        }
    }
    let plain = plain && stored == length;
    let entry = Entry {
        header,
        length: stored,
        limit: 0,
        plain,
    };
    Some((name, entry))
}

/// The content of the zip64 field among the extra fields; empty if there is none.
fn zip64_extra(extra: &[u8]) -> &[u8] {
    let mut fields = Cursor::new(extra);
    while let (Some(number), Some(length)) = (fields.u16(), fields.u16()) {
        match fields.take(usize::from(length)) {
            Some(content) if number == ZIP64_EXTRA => return content,
            Some(_) => {}
            None => break,
        }
    }
    &[]
}

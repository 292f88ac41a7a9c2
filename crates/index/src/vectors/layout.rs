//! The layout of vector files: names, headers, records, blocks.
//!
//! `NAME.f16` is a header and one record per row: the values as little-endian f16, flags, and a CRC32 bound to the row
//! number. `NAME.i8` is a header and complete blocks of [`BLOCK`] rows. Both only grow; rows of an incomplete block have no
//! codes yet. Never change a number here without a new [`VERSION`].

use std::ops::Range;

use super::error::VectorError;
use super::limits::{MAX_DIMENSION, MAX_ROWS, VERSION};
use rounds_support::sanitise;

/// Length of a header in bytes; one cache line, so that blocks after it are aligned.
pub(super) const HEADER: usize = 64;
/// Rows of a block of codes.
pub(super) const BLOCK: usize = 256;
/// Longest name of an encoder, in bytes.
const MAX_NAME: usize = 128;

/// First bytes of `NAME.f16`.
pub(super) const ROWS_MAGIC: [u8; 8] = *b"RNDSf16\n";
/// First bytes of `NAME.i8`.
pub(super) const CODES_MAGIC: [u8; 8] = *b"RNDSi8 \n";
/// First bytes of `NAME.graph`.
pub(super) const GRAPH_MAGIC: [u8; 8] = *b"RNDShnsw";

/// Flags of a record that holds a vector.
pub(super) const PRESENT: u32 = 1;
/// Flags of a record of an example without a vector.
pub(super) const ABSENT: u32 = 0;

/// Refuses names that could point outside the folder or be hidden files.
pub(super) fn check_name(name: &str) -> Result<(), VectorError> {
    let plain = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'-' | b'_');
    let bytes = name.as_bytes();
    if bytes.len() <= MAX_NAME
        && bytes.first().is_some_and(u8::is_ascii_alphanumeric)
        && bytes.iter().copied().all(plain)
    {
        return Ok(());
    }
    Err(VectorError::Name {
        name: sanitise::clean_line_max(name, MAX_NAME),
    })
}

/// Refuses dimensions and row counts out of range.
pub(super) fn check_sizes(dimension: usize, rows: usize) -> Result<(), VectorError> {
    if dimension == 0 || dimension > MAX_DIMENSION {
        return Err(VectorError::DimensionRange { found: dimension });
    }
    if rows > MAX_ROWS {
        return Err(VectorError::TooMany { rows });
    }
    Ok(())
}

/// A header: magic, version, dimension, zeros, and the CRC32 of the preceding bytes.
pub(super) fn header(magic: [u8; 8], dimension: usize) -> [u8; HEADER] {
    let mut bytes = [0_u8; HEADER];
    bytes[..8].copy_from_slice(&magic);
    bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
    bytes[12..16].copy_from_slice(&(dimension as u32).to_le_bytes());
    let sum = crc32fast::hash(&bytes[..HEADER - 4]);
    bytes[HEADER - 4..].copy_from_slice(&sum.to_le_bytes());
    bytes
}

/// Checks that `bytes` start with the header of a file of this kind and dimension; `file` is its name for messages.
pub(super) fn check_header(
    bytes: &[u8],
    magic: [u8; 8],
    dimension: usize,
    file: &str,
) -> Result<(), VectorError> {
    let (Some(start), Some(sum)) = (bytes.get(..HEADER - 4), u32_at(bytes, HEADER - 4)) else {
        return Err(VectorError::damaged(file, "it is too short for a header"));
    };
    if start.get(..8) != Some(&magic) || crc32fast::hash(start) != sum {
        return Err(VectorError::damaged(file, "its header is damaged"));
    }
    match (u32_at(bytes, 8), u32_at(bytes, 12)) {
        (Some(VERSION), Some(found)) if found as usize == dimension => Ok(()),
        (Some(VERSION), found) => Err(VectorError::Dimension {
            found: dimension,
            expected: found.unwrap_or(0) as usize,
        }),
        (found, _) => Err(VectorError::Version {
            file: file.to_owned(),
            found: found.unwrap_or(0),
        }),
    }
}

/// Bytes of a record: values, flags, CRC32.
pub(super) fn record_length(dimension: usize) -> usize {
    2 * dimension + 8
}

/// Byte range of the record of `row` in `NAME.f16`; the sizes must have passed [`check_sizes`].
pub(super) fn record_range(row: usize, dimension: usize) -> Range<usize> {
    let length = record_length(dimension);
    let start = HEADER + row * length;
    start..start + length
}

/// Bytes of a block: codes, then the scales, errors and record CRC32s of all rows, then zeros and the block's CRC32.
pub(super) fn block_length(dimension: usize) -> usize {
    BLOCK * dimension + BLOCK * 12 + 64
}

/// Byte range of block `number` in `NAME.i8`; the sizes must have passed [`check_sizes`].
pub(super) fn block_range(number: usize, dimension: usize) -> Range<usize> {
    let length = block_length(dimension);
    let start = HEADER + number * length;
    start..start + length
}

/// Number of rows in complete blocks among the first `rows`.
pub(super) fn block_rows(rows: usize) -> usize {
    rows - rows % BLOCK
}

/// CRC32 of `content` bound to its position, so that the same bytes elsewhere have another checksum.
pub(super) fn bound_crc(position: usize, content: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&(position as u64).to_le_bytes());
    hasher.update(content);
    hasher.finalize()
}

/// A little-endian u32 at a byte offset; `None` past the end.
pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let four = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_le_bytes(four.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_outside_the_folder_and_hidden_names_are_refused() {
        for name in ["nano", "clip-vit-l14", "a.b_C9"] {
            assert!(check_name(name).is_ok(), "{name}");
        }
        for name in ["", ".", "..", ".a", "a/b", "a\\b", "-a", "a\0", "ä", "a b"] {
            assert!(check_name(name).is_err(), "{name}");
        }
        assert!(check_name(&"a".repeat(129)).is_err());
    }

    #[test]
    fn a_header_with_any_changed_byte_is_refused() {
        let whole = header(ROWS_MAGIC, 5);
        check_header(&whole, ROWS_MAGIC, 5, "x").unwrap();
        assert!(check_header(&whole, CODES_MAGIC, 5, "x").is_err());
        assert!(matches!(
            check_header(&whole, ROWS_MAGIC, 6, "x"),
            Err(VectorError::Dimension { expected: 5, .. })
        ));
        for at in 0..HEADER {
            let mut bytes = whole;
            bytes[at] ^= 1;
            assert!(check_header(&bytes, ROWS_MAGIC, 5, "x").is_err(), "{at}");
            assert!(check_header(&whole[..at], ROWS_MAGIC, 5, "x").is_err());
        }
    }
}

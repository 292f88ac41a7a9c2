//! i8 codes of the rows, in blocks: a scan reads them instead of the f16 rows.
//!
//! They are a cache derived from `NAME.f16`. A block that fails its checksum or belongs to other rows is not used; its rows
//! are then scored from the f16 file. Each row has an error bound, so that a scan knows which rows it cannot rule out. Never
//! return codes of a block that was not checked.

use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};

use super::bytes::{self, Bytes};
use super::error::VectorError;
use super::layout::{self, BLOCK, HEADER};
use super::records::Records;
use super::simd;

/// The codes of one row.
#[derive(Clone, Copy, Debug)]
pub(super) struct CodeRow<'a> {
    /// `dimension` codes.
    pub codes: &'a [i8],
    /// Factor from codes to values.
    pub scale: f32,
    /// Upper bound of the distance between codes and row.
    pub error: f32,
}

/// The error value that marks an example without a vector.
pub(super) const ABSENT_ROW: f32 = -1.0;

/// A block that has passed its checks.
#[derive(Clone, Copy)]
pub(super) struct Block<'a> {
    codes: &'a [i8],
    scales: &'a [[u8; 4]],
    errors: &'a [[u8; 4]],
    sources: &'a [u8],
    dimension: usize,
}

impl<'a> Block<'a> {
    fn new(bytes: &'a [u8], dimension: usize) -> Option<Self> {
        let (codes, rest) = bytes.split_at_checked(BLOCK * dimension)?;
        let (scales, rest) = rest.split_at_checked(BLOCK * 4)?;
        let (errors, rest) = rest.split_at_checked(BLOCK * 4)?;
        Some(Self {
            codes: simd::signed(codes),
            scales: scales.as_chunks().0,
            errors: errors.as_chunks().0,
            sources: rest.get(..BLOCK * 4)?,
            dimension,
        })
    }

    /// The codes of a row of the block (0 to [`BLOCK`] - 1); `None` for an example without a vector.
    #[inline]
    pub(super) fn row(&self, row: usize) -> Option<CodeRow<'a>> {
        let error = f32::from_le_bytes(*self.errors.get(row)?);
        if error == ABSENT_ROW {
            return None;
        }
        Some(CodeRow {
            codes: self
                .codes
                .get(row * self.dimension..(row + 1) * self.dimension)?,
            scale: f32::from_le_bytes(*self.scales.get(row)?),
            error,
        })
    }

    /// Checksums of the f16 records the block was built from, [`BLOCK`] little-endian u32.
    pub(super) fn sources(&self) -> &'a [u8] {
        self.sources
    }
}

const UNKNOWN: u8 = 0;
const GOOD: u8 = 1;
const BAD: u8 = 2;

/// The blocks of `NAME.i8`, each checked on first use.
pub(super) struct Codes {
    bytes: Bytes,
    dimension: usize,
    states: Vec<AtomicU8>,
    /// Number of leading blocks known to be intact.
    whole: AtomicUsize,
}

impl Codes {
    /// Maps the blocks of the first `rows` rows; reads only the header.
    pub(super) fn open(
        folder: &Path,
        name: &str,
        dimension: usize,
        rows: usize,
    ) -> Result<Self, VectorError> {
        let file = file_name(name);
        let path = folder.join(&file);
        let handle = bytes::open_regular_file(&path, false)?;
        let wanted = layout::block_range(rows / BLOCK, dimension).start;
        if bytes::length(&handle, &path)? < wanted as u64 {
            return Err(VectorError::damaged(&file, "it is too short"));
        }
        Self::new(bytes::map(&handle, &path, wanted)?, dimension, rows, &file)
    }

    /// The blocks of the first `rows` rows in `bytes`.
    pub(super) fn new(
        bytes: Bytes,
        dimension: usize,
        rows: usize,
        file: &str,
    ) -> Result<Self, VectorError> {
        layout::check_header(&bytes, layout::CODES_MAGIC, dimension, file)?;
        let blocks = rows / BLOCK;
        if bytes.len() < layout::block_range(blocks, dimension).start {
            return Err(VectorError::damaged(file, "it is too short"));
        }
        Ok(Self {
            bytes,
            dimension,
            states: (0..blocks).map(|_| AtomicU8::new(UNKNOWN)).collect(),
            whole: AtomicUsize::new(0),
        })
    }

    /// Number of blocks.
    pub(super) fn blocks(&self) -> usize {
        self.states.len()
    }

    /// A block; `None` if it is damaged or was built from other records. The result of the check is remembered.
    pub(super) fn block(&self, number: usize, records: &Records) -> Option<Block<'_>> {
        let state = self.states.get(number)?;
        let seen = match state.load(Ordering::Relaxed) {
            UNKNOWN => {
                let found = if self.is_whole(number, records) {
                    GOOD
                } else {
                    BAD
                };
                if found == BAD && state.swap(BAD, Ordering::Relaxed) != BAD {
                    tracing::warn!(
                        block = number,
                        "codes are damaged; their rows are read from the f16 file"
                    );
                }
                state.store(found, Ordering::Relaxed);
                found
            }
            seen => seen,
        };
        if seen == GOOD {
            Block::new(self.raw(number)?, self.dimension)
        } else {
            None
        }
    }

    /// Whether the first `blocks` blocks are all intact. Checks each block only once, so repeated calls are fast.
    pub(super) fn are_whole(&self, blocks: usize, records: &Records) -> bool {
        if blocks <= self.whole.load(Ordering::Relaxed) {
            return true;
        }
        let whole = (0..blocks).all(|number| self.block(number, records).is_some());
        if whole {
            self.whole.fetch_max(blocks, Ordering::Relaxed);
        }
        whole
    }

    /// The codes of a row, unchecked: only for blocks for which [`Codes::are_whole`] returned true. Empty past the end.
    #[inline]
    pub(super) fn row_codes(&self, row: usize) -> &[i8] {
        let block = HEADER + row / BLOCK * layout::block_length(self.dimension);
        let start = block + row % BLOCK * self.dimension;
        simd::signed(
            self.bytes
                .get(start..start + self.dimension)
                .unwrap_or_default(),
        )
    }

    /// The bytes of a block, unchecked.
    pub(super) fn raw(&self, number: usize) -> Option<&[u8]> {
        self.bytes.get(layout::block_range(number, self.dimension))
    }

    /// Whether the checksum is right and the last record of the block is the one the codes were built from.
    fn is_whole(&self, number: usize, records: &Records) -> bool {
        let check = || {
            let bytes = self.raw(number)?;
            let (content, sum) = bytes.split_at_checked(bytes.len().checked_sub(4)?)?;
            if layout::bound_crc(number, content) != layout::u32_at(sum, 0)? {
                return None;
            }
            let last = BLOCK - 1;
            let source = layout::u32_at(Block::new(bytes, self.dimension)?.sources(), 4 * last)?;
            (records.checksum(number * BLOCK + last).ok()? == source).then_some(())
        };
        check().is_some()
    }
}

/// The name of the file of codes.
pub(super) fn file_name(name: &str) -> String {
    format!("{name}.i8")
}

/// The rows of block `number`.
pub(super) fn block_row_range(number: usize) -> Range<usize> {
    number * BLOCK..(number + 1) * BLOCK
}

//! The rows as f16 records, each with its own checksum.
//!
//! They are the source of truth. A record is checked every time it is read, so a damaged one gives an error, never a score.

use std::path::Path;

use half::f16;
use half::slice::HalfFloatSliceExt;

use super::bytes::{self, Bytes};
use super::error::VectorError;
use super::layout;

/// The records of `NAME.f16`.
pub(super) struct Records {
    bytes: Bytes,
    dimension: usize,
    rows: usize,
    file: String,
}

/// A buffer for one row, so that a scan allocates only once.
pub(super) struct Row {
    halves: Vec<f16>,
    /// The values, `dimension` of them.
    pub values: Vec<f32>,
}

impl Row {
    /// A buffer for `dimension` values.
    pub(super) fn new(dimension: usize) -> Self {
        Self {
            halves: vec![f16::ZERO; dimension],
            values: vec![0.0; dimension],
        }
    }
}

impl Records {
    /// Maps the first `rows` records of a file; reads only the header.
    pub(super) fn open(
        folder: &Path,
        name: &str,
        dimension: usize,
        rows: usize,
    ) -> Result<Self, VectorError> {
        let file = format!("{name}.f16");
        let path = folder.join(&file);
        let handle = bytes::open_regular_file(&path, false)?;
        let length = bytes::length(&handle, &path)?;
        check_length(length, dimension, rows, &file)?;
        let wanted = layout::record_range(rows, dimension).start;
        Self::new(bytes::map(&handle, &path, wanted)?, dimension, rows, file)
    }

    /// The first `rows` records of `bytes`.
    pub(super) fn new(
        bytes: Bytes,
        dimension: usize,
        rows: usize,
        file: String,
    ) -> Result<Self, VectorError> {
        check_length(bytes.len() as u64, dimension, rows, &file)?;
        layout::check_header(&bytes, layout::ROWS_MAGIC, dimension, &file)?;
        Ok(Self {
            bytes,
            dimension,
            rows,
            file,
        })
    }

    /// Number of records.
    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// Values of a row.
    pub(super) fn dimension(&self) -> usize {
        self.dimension
    }

    /// The file's name, for messages.
    pub(super) fn file(&self) -> &str {
        &self.file
    }

    /// Reads a record into `into`; `false` if the example has no vector. Errors if the checksum is wrong.
    pub(super) fn read(&self, row: usize, into: &mut Row) -> Result<bool, VectorError> {
        let damaged = |reason: &str| {
            VectorError::damaged(&self.file, format!("the record of row {row} {reason}"))
        };
        let record = self.record(row)?;
        let (content, _) = record
            .split_at_checked(record.len() - 4)
            .ok_or_else(|| damaged("is truncated"))?;
        if self.checksum(row)? != layout::bound_crc(row, content) {
            return Err(damaged("has a wrong checksum"));
        }
        for (half, two) in into.halves.iter_mut().zip(content.as_chunks::<2>().0) {
            *half = f16::from_le_bytes(*two);
        }
        into.halves.convert_to_f32_slice(&mut into.values);
        // No early exit, so that the loop is vectorised.
        if !into
            .values
            .iter()
            .fold(true, |all, value| all & value.is_finite())
        {
            return Err(damaged("contains a value that is not a number"));
        }
        match layout::u32_at(content, 2 * self.dimension) {
            Some(layout::PRESENT) => Ok(true),
            Some(layout::ABSENT) => Ok(false),
            _ => Err(damaged("has unknown flags")),
        }
    }

    /// The checksum stored in a record; the rest is not read.
    pub(super) fn checksum(&self, row: usize) -> Result<u32, VectorError> {
        let record = self.record(row)?;
        layout::u32_at(record, record.len() - 4)
            .ok_or_else(|| VectorError::damaged(&self.file, format!("row {row} is truncated")))
    }

    fn record(&self, row: usize) -> Result<&[u8], VectorError> {
        let no_row = || VectorError::NoRow {
            row,
            rows: self.rows,
        };
        if row >= self.rows {
            return Err(no_row());
        }
        self.bytes
            .get(layout::record_range(row, self.dimension))
            .ok_or_else(no_row)
    }
}

/// Errors if a file of this length is too short for this many rows.
pub(super) fn check_length(
    length: u64,
    dimension: usize,
    rows: usize,
    file: &str,
) -> Result<(), VectorError> {
    if length >= layout::record_range(rows, dimension).start as u64 {
        return Ok(());
    }
    let records = length.saturating_sub(layout::HEADER as u64);
    Err(VectorError::Short {
        file: file.to_owned(),
        found: (records / layout::record_length(dimension) as u64) as usize,
        wanted: rows,
    })
}

/// The bytes of the record of `row`; `None` stands for an example without a vector. Values must be finite.
pub(super) fn encode(row: usize, values: Option<&[f16]>, dimension: usize) -> Vec<u8> {
    let mut record = Vec::with_capacity(layout::record_length(dimension));
    for value in values.unwrap_or_default() {
        record.extend_from_slice(&value.to_le_bytes());
    }
    record.resize(2 * dimension, 0);
    let flags = match values {
        Some(_) => layout::PRESENT,
        None => layout::ABSENT,
    };
    record.extend_from_slice(&flags.to_le_bytes());
    let sum = layout::bound_crc(row, &record);
    record.extend_from_slice(&sum.to_le_bytes());
    record
}

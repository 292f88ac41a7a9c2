//! Quantises rows to i8 codes.
//!
//! The codes depend only on the f16 rows and are the same on every machine, so that `verify` can recompute and compare them.
//! Never change the quantisation without a new format version.

use super::codes::{ABSENT_ROW, block_row_range};
use super::error::VectorError;
use super::layout::{self, BLOCK};
use super::records::{Records, Row};

/// Step size and error of quantised values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Quantised {
    /// Factor from codes to values.
    pub scale: f32,
    /// Upper bound of the distance between the values and their codes times `scale`.
    pub error: f32,
}

/// Writes the codes of `values` into `codes` (as many), -127 to 127.
pub(super) fn quantise(values: &[f32], codes: &mut [i8]) -> Quantised {
    let largest = values.iter().fold(0.0_f32, |max, v| max.max(v.abs()));
    let scale = largest / 127.0;
    let factor = if scale > 0.0 { 1.0 / scale } else { 0.0 };
    let factor = if factor.is_finite() { factor } else { 0.0 };
    let mut square = 0.0_f64;
    for (&value, code) in values.iter().zip(codes.iter_mut()) {
        *code = (value * factor).round_ties_even().clamp(-127.0, 127.0) as i8;
        let rest = f64::from(value) - f64::from(scale) * f64::from(*code);
        square += rest * rest;
    }
    Quantised {
        scale,
        error: (square.sqrt() * 1.000_001) as f32 + f32::MIN_POSITIVE,
    }
}

/// Builds a block row by row.
pub(super) struct BlockBuilder {
    dimension: usize,
    codes: Vec<i8>,
    scales: Vec<f32>,
    errors: Vec<f32>,
    sources: Vec<u32>,
}

impl BlockBuilder {
    /// An empty block.
    pub(super) fn new(dimension: usize) -> Self {
        Self {
            dimension,
            codes: Vec::new(),
            scales: Vec::new(),
            errors: Vec::new(),
            sources: Vec::new(),
        }
    }

    /// Adds a row: its values as stored in the f16 file, and the checksum of its record.
    pub(super) fn push(&mut self, values: Option<&[f32]>, source: u32) {
        let start = self.codes.len();
        self.codes.resize(start + self.dimension, 0);
        let quantised = match (values, self.codes.get_mut(start..)) {
            (Some(values), Some(codes)) => quantise(values, codes),
            _ => Quantised {
                scale: 0.0,
                error: ABSENT_ROW,
            },
        };
        self.scales.push(quantised.scale);
        self.errors.push(quantised.error);
        self.sources.push(source);
    }

    /// The bytes of block `number`, if all its rows were added; the builder is empty afterwards.
    pub(super) fn take(&mut self, number: usize) -> Option<Vec<u8>> {
        if self.sources.len() < BLOCK {
            return None;
        }
        let length = layout::block_length(self.dimension);
        let mut block = Vec::with_capacity(length);
        block.extend(self.codes.drain(..).map(|code| code as u8));
        for value in self.scales.drain(..).chain(self.errors.drain(..)) {
            block.extend_from_slice(&value.to_le_bytes());
        }
        for source in self.sources.drain(..) {
            block.extend_from_slice(&source.to_le_bytes());
        }
        block.resize(length - 4, 0);
        let sum = layout::bound_crc(number, &block);
        block.extend_from_slice(&sum.to_le_bytes());
        Some(block)
    }
}

/// Recomputes block `number` from its rows.
pub(super) fn rebuild_block(
    number: usize,
    records: &Records,
    row: &mut Row,
) -> Result<Vec<u8>, VectorError> {
    let mut builder = BlockBuilder::new(records.dimension());
    for index in block_row_range(number) {
        let present = records.read(index, row)?;
        builder.push(
            present.then_some(row.values.as_slice()),
            records.checksum(index)?,
        );
    }
    builder
        .take(number)
        .ok_or_else(|| VectorError::damaged(records.file(), "rows are missing"))
}

//! Vectors opened for reading.
//!
//! Opening reads only two headers, whatever the size. It covers the rows the caller knows to be committed; rows appended
//! later are not visible until it is opened again.

use std::path::{Path, PathBuf};

use super::bytes::Bytes;
use super::codes::{self, Block, Codes};
use super::encode;
use super::error::VectorError;
use super::layout::{self, BLOCK};
use super::records::{Records, Row};
use rounds_support::{Cancel, files};

/// The vectors of one encoder; can be shared between threads.
pub struct Vectors {
    pub(super) records: Records,
    pub(super) codes: Result<Codes, String>,
    /// Whether missing codes are a fault.
    pub(super) expects_codes: bool,
    home: Option<(PathBuf, String)>,
}

impl Vectors {
    /// Opens the first `rows` rows of `NAME.f16` in `folder`, and their codes in `NAME.i8` if present.
    ///
    /// Errors if rows are missing or have another dimension. Missing or damaged codes are not an error: see
    /// [`Vectors::codes_fault`].
    pub fn open(
        folder: &Path,
        name: &str,
        dimension: usize,
        rows: usize,
    ) -> Result<Self, VectorError> {
        layout::check_name(name)?;
        layout::check_sizes(dimension, rows)?;
        Ok(Self {
            records: Records::open(folder, name, dimension, rows)?,
            codes: Codes::open(folder, name, dimension, rows).map_err(|error| error.to_string()),
            expects_codes: true,
            home: Some((folder.to_path_buf(), name.to_owned())),
        })
    }

    /// Like [`Vectors::open`], for files built into the program.
    pub fn from_static(
        f16: &'static [u8],
        i8: Option<&'static [u8]>,
        dimension: usize,
        rows: usize,
    ) -> Result<Self, VectorError> {
        layout::check_sizes(dimension, rows)?;
        let name = "the built-in vectors".to_owned();
        let codes = match i8 {
            Some(bytes) => Codes::new(Bytes::Static(bytes), dimension, rows, "the built-in codes")
                .map_err(|error| error.to_string()),
            None => Err("there are no codes".to_owned()),
        };
        Ok(Self {
            records: Records::new(Bytes::Static(f16), dimension, rows, name)?,
            codes,
            expects_codes: i8.is_some(),
            home: None,
        })
    }

    /// Number of rows, including those without a vector.
    pub fn rows(&self) -> usize {
        self.records.rows()
    }

    /// Values of a row.
    pub fn dimension(&self) -> usize {
        self.records.dimension()
    }

    /// A row as a vector of unit length, up to f16 rounding; `None` for an example without a vector. The checksum is verified.
    pub fn row(&self, row: usize) -> Result<Option<Vec<f32>>, VectorError> {
        let mut into = Row::new(self.dimension());
        Ok(self.records.read(row, &mut into)?.then_some(into.values))
    }

    /// Why the codes cannot be used, if so. Searches are then still exact, but slower.
    pub fn codes_fault(&self) -> Option<&str> {
        match &self.codes {
            Err(reason) if self.rows() >= BLOCK => Some(reason),
            _ => None,
        }
    }

    /// Rebuilds the codes from the rows: replaces `NAME.i8`, or keeps them in memory if there is no file. `progress` is
    /// called with rows done and the total. No writer may be active.
    pub fn rebuild_codes(
        &mut self,
        progress: &mut dyn FnMut(usize, usize),
        cancel: &Cancel,
    ) -> Result<(), VectorError> {
        let (rows, dimension) = (self.rows(), self.dimension());
        let bytes = build_codes(&self.records, progress, cancel)?;
        self.codes = match &self.home {
            Some((folder, name)) => {
                files::write_atomic(&folder.join(codes::file_name(name)), &bytes)?;
                drop(bytes);
                Codes::open(folder, name, dimension, rows)
            }
            None => Codes::new(Bytes::Owned(bytes), dimension, rows, "the codes"),
        }
        .map_err(|error| error.to_string());
        Ok(())
    }

    /// A block of codes, if it passes its checks.
    pub(super) fn block(&self, number: usize) -> Option<Block<'_>> {
        self.codes.as_ref().ok()?.block(number, &self.records)
    }
}

/// The content of a file of codes for the rows of `records`.
pub(super) fn build_codes(
    records: &Records,
    progress: &mut dyn FnMut(usize, usize),
    cancel: &Cancel,
) -> Result<Vec<u8>, VectorError> {
    let (rows, dimension) = (records.rows(), records.dimension());
    let blocks = rows / BLOCK;
    let mut bytes = Vec::with_capacity(layout::block_range(blocks, dimension).start);
    bytes.extend_from_slice(&layout::header(layout::CODES_MAGIC, dimension));
    let mut row = Row::new(dimension);
    for number in 0..blocks {
        if cancel.is_cancelled() {
            return Err(VectorError::Cancelled);
        }
        progress(number * BLOCK, rows);
        bytes.extend_from_slice(&encode::rebuild_block(number, records, &mut row)?);
    }
    progress(rows, rows);
    Ok(bytes)
}

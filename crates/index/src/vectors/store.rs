//! Vectors that were opened for reading.
//!
//! Opening reads two headers and nothing else, whatever the size. What is opened is a number of rows that the caller knows
//! to be committed; what a writer appends meanwhile is not seen until it is opened again.

use std::path::{Path, PathBuf};

use super::bytes::Bytes;
use super::codes::{self, Block, Codes};
use super::encode;
use super::error::VectorError;
use super::exact;
use super::layout::{self, BLOCK};
use super::query::Query;
use super::records::{Records, Row};
use super::{Filter, Hit};
use rounds_support::{Cancel, files};

/// The vectors of one encoder. Shared between threads as it is.
pub struct Vectors {
    pub(super) records: Records,
    pub(super) codes: Result<Codes, String>,
    /// Whether there should be codes, so that none is a fault.
    pub(super) expects_codes: bool,
    home: Option<(PathBuf, String)>,
}

impl Vectors {
    /// Opens the first `rows` rows of `NAME.f16` in `folder`, and their codes where `NAME.i8` has them.
    ///
    /// Errors where the rows are not all there or of another dimension. Missing or damaged codes are no error: see
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

    /// As [`Vectors::open`], of files that are part of the program.
    pub fn from_static(
        f16: &'static [u8],
        i8: Option<&'static [u8]>,
        dimension: usize,
        rows: usize,
    ) -> Result<Self, VectorError> {
        layout::check_sizes(dimension, rows)?;
        let name = "the vectors that ship".to_owned();
        let codes = match i8 {
            Some(bytes) => Codes::new(Bytes::Static(bytes), dimension, rows, "the codes that ship")
                .map_err(|error| error.to_string()),
            None => Err("there are none".to_owned()),
        };
        Ok(Self {
            records: Records::new(Bytes::Static(f16), dimension, rows, name)?,
            codes,
            expects_codes: i8.is_some(),
            home: None,
        })
    }

    /// How many rows there are, those without a vector among them.
    pub fn rows(&self) -> usize {
        self.records.rows()
    }

    /// Values of a row.
    pub fn dimension(&self) -> usize {
        self.records.dimension()
    }

    /// A row, `dimension` values of unit length up to f16; `None` for an example without a vector. Its checksum is checked.
    pub fn row(&self, row: usize) -> Result<Option<Vec<f32>>, VectorError> {
        let mut into = Row::new(self.dimension());
        Ok(self.records.read(row, &mut into)?.then_some(into.values))
    }

    /// Cosine of a query and one row; `None` for an example without a vector.
    pub fn score(&self, query: &[f32], row: usize) -> Result<Option<f32>, VectorError> {
        let query = Query::new(query, self.dimension())?;
        Ok(self.row(row)?.map(|values| query.score(&values)))
    }

    /// At most `k` rows that pass the filter, most similar first; ties by row. Exact: the same as scoring every row.
    ///
    /// Errors where the query has another length, is zero or not finite, or where a row that has to be read is damaged.
    pub fn search(
        &self,
        query: &[f32],
        k: usize,
        filter: &Filter<'_>,
    ) -> Result<Vec<Hit>, VectorError> {
        let query = Query::new(query, self.dimension())?;
        exact::search(self, &query, k, filter, 0)
    }

    /// Why searches have to do without codes, if they have to: they are exact all the same, only slower.
    pub fn codes_fault(&self) -> Option<&str> {
        match &self.codes {
            Err(reason) if self.rows() >= BLOCK => Some(reason),
            _ => None,
        }
    }

    /// Makes the codes again from the rows: `NAME.i8` is replaced whole, or they are kept in memory where there is no file.
    /// `progress` hears of rows done and rows in all. No writer may be at work.
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

    /// A block of codes that passed its checks.
    pub(super) fn block(&self, number: usize) -> Option<Block<'_>> {
        self.codes.as_ref().ok()?.block(number, &self.records)
    }
}

/// A whole file of codes for the rows of `records`.
pub fn build_codes(
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

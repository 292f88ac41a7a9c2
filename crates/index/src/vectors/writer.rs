//! Appends rows.
//!
//! The caller knows from its database how many rows are committed. Opening truncates the file after them, removing what an
//! interrupted run left. Rows are written before codes, and a flush returns when both are on disk. Never write before the end
//! of the committed rows: readers have them mapped.

use std::fs::{File, TryLockError};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;

use half::f16;
use half::slice::HalfFloatSliceExt;

use super::bytes;
use super::codes;
use super::encode::BlockBuilder;
use super::error::VectorError;
use super::layout::{self, BLOCK};
use super::query::normalised;
use super::records::{self, Records, Row};
use super::store::build_codes;
use rounds_support::{Cancel, FileError, files};

/// Bytes buffered before they are written.
const BUFFER_BYTES: usize = 1 << 20;

/// Where bytes are written: a file, or in tests something that fails.
pub(super) trait Storage: Send {
    /// Writes all of `bytes` at `offset`.
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()>;
    /// Returns when everything written is on disk.
    fn sync(&mut self) -> io::Result<()>;
}

impl Storage for File {
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.seek(SeekFrom::Start(offset))?;
        self.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }
}

/// The end of a growing file. Pending bytes stay until they are written, so a failed write can be retried.
struct Tail {
    storage: Box<dyn Storage>,
    path: std::path::PathBuf,
    end: u64,
    pending: Vec<u8>,
}

impl Tail {
    fn write(&mut self) -> Result<(), VectorError> {
        self.storage
            .write_at(self.end, &self.pending)
            .map_err(|error| FileError::from_io(&self.path, "write", &error))?;
        self.end += self.pending.len() as u64;
        self.pending.clear();
        Ok(())
    }

    fn sync(&mut self) -> Result<(), VectorError> {
        self.write()?;
        self.storage
            .sync()
            .map_err(|error| FileError::from_io(&self.path, "write", &error).into())
    }
}

/// Appends rows to the files of one encoder. Rows not flushed are lost when it is dropped.
pub struct VectorWriter {
    rows: Tail,
    codes: Tail,
    block: BlockBuilder,
    dimension: usize,
    pushed: usize,
}

impl VectorWriter {
    /// Opens the files of `name` in `folder` to append after the first `committed_rows`; creates them if missing.
    ///
    /// Errors if there are fewer rows than were committed, if the dimension differs, or if another process is writing.
    /// Missing or incomplete codes are rebuilt.
    pub fn open(
        folder: &Path,
        name: &str,
        dimension: usize,
        committed_rows: usize,
    ) -> Result<Self, VectorError> {
        layout::check_name(name)?;
        layout::check_sizes(dimension, committed_rows)?;
        files::create_private_dir(folder)?;
        let rows = open_rows(folder, name, dimension, committed_rows)?;
        let records = Records::open(folder, name, dimension, committed_rows)?;
        let codes = open_codes(folder, name, &records)?;
        files::sync_folder(folder)?;
        Ok(Self {
            block: last_block(&records)?,
            rows,
            codes,
            dimension,
            pushed: committed_rows,
        })
    }

    /// Errors if [`VectorWriter::push`] would refuse the vector.
    pub fn check(&self, vector: Option<&[f32]>) -> Result<(), VectorError> {
        vector.map_or(Ok(()), |vector| {
            normalised(vector, self.dimension).map(|_| ())
        })
    }

    /// Adds a row: a vector, which is scaled to unit length, or `None` for an example without one.
    ///
    /// Errors, and adds nothing, if it has another dimension, is zero or not finite.
    pub fn push(&mut self, vector: Option<&[f32]>) -> Result<(), VectorError> {
        layout::check_sizes(self.dimension, self.pushed + 1)?;
        let halves = vector
            .map(|vector| rounded(vector, self.dimension))
            .transpose()?;
        if self.rows.pending.len() >= BUFFER_BYTES {
            self.rows.write()?;
        }
        if self.codes.pending.len() >= BUFFER_BYTES {
            self.codes.write()?;
        }
        let record = records::encode(self.pushed, halves.as_deref(), self.dimension);
        let source = layout::u32_at(&record, record.len() - 4).unwrap_or(0);
        let values = halves.map(|halves| halves.to_f32_vec());
        self.block.push(values.as_deref(), source);
        self.rows.pending.extend_from_slice(&record);
        if let Some(block) = self.block.take(self.pushed / BLOCK) {
            self.codes.pending.extend_from_slice(&block);
        }
        self.pushed += 1;
        Ok(())
    }

    /// Writes everything to disk; returns the number of rows, including committed ones. After an error it can be retried.
    pub fn flush(&mut self) -> Result<usize, VectorError> {
        self.rows.sync()?;
        self.codes.sync()?;
        Ok(self.pushed)
    }

    /// Number of rows so far, flushed or not.
    pub fn rows(&self) -> usize {
        self.pushed
    }

    /// Replaces the storage of rows, so that tests can make it fail.
    #[cfg(test)]
    pub(super) fn with_rows_storage(
        mut self,
        make: impl FnOnce(Box<dyn Storage>) -> Box<dyn Storage>,
    ) -> Self {
        self.rows.storage = make(self.rows.storage);
        self
    }
}

/// A vector at unit length, rounded to f16.
fn rounded(vector: &[f32], dimension: usize) -> Result<Vec<f16>, VectorError> {
    Ok(normalised(vector, dimension)?
        .into_iter()
        .map(f16::from_f32)
        .collect())
}

/// Opens the f16 file, locks it, and truncates it after the committed rows; writes the header if needed.
fn open_rows(
    folder: &Path,
    name: &str,
    dimension: usize,
    committed: usize,
) -> Result<Tail, VectorError> {
    let file = format!("{name}.f16");
    let path = folder.join(&file);
    let mut handle = bytes::open_regular_file(&path, true)?;
    let failed = |error: io::Error| FileError::from_io(&path, "write", &error);
    match handle.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(VectorError::Busy { file }),
        // On a file system without locks the caller's own lock has to suffice.
        Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {}
        Err(TryLockError::Error(error)) => return Err(failed(error).into()),
    }
    let end = layout::record_range(committed, dimension).start;
    match Records::open(folder, name, dimension, committed) {
        Ok(_) => {}
        // With no committed rows the whole file, including a header, is left over from an earlier attempt.
        Err(_) if committed == 0 => {
            let header = layout::header(layout::ROWS_MAGIC, dimension);
            handle.write_at(0, &header).map_err(failed)?;
        }
        Err(error) => return Err(error),
    }
    handle.set_len(end as u64).map_err(failed)?;
    handle.sync_all().map_err(failed)?;
    Ok(Tail {
        storage: Box::new(handle),
        path,
        end: end as u64,
        pending: Vec::new(),
    })
}

/// Opens the file of codes, truncated to the complete blocks of the committed rows, or rebuilds it.
fn open_codes(folder: &Path, name: &str, records: &Records) -> Result<Tail, VectorError> {
    let (rows, dimension) = (records.rows(), records.dimension());
    let path = folder.join(codes::file_name(name));
    let is_last_intact = |codes: codes::Codes| match codes.blocks().checked_sub(1) {
        Some(number) => codes.block(number, records).is_some(),
        None => true,
    };
    if !codes::Codes::open(folder, name, dimension, rows).is_ok_and(is_last_intact) {
        let bytes = build_codes(records, &mut |_, _| {}, &Cancel::new())?;
        files::write_atomic(&path, &bytes)?;
    }
    let end = layout::block_range(rows / BLOCK, dimension).start as u64;
    let handle = bytes::open_regular_file(&path, true)?;
    handle
        .set_len(end)
        .and_then(|()| handle.sync_all())
        .map_err(|error| FileError::from_io(&path, "write", &error))?;
    Ok(Tail {
        storage: Box::new(handle),
        path,
        end,
        pending: Vec::new(),
    })
}

/// The rows of the last, incomplete block.
fn last_block(records: &Records) -> Result<BlockBuilder, VectorError> {
    let mut block = BlockBuilder::new(records.dimension());
    let mut row = Row::new(records.dimension());
    for at in layout::block_rows(records.rows())..records.rows() {
        let present = records.read(at, &mut row)?;
        let values = present.then_some(row.values.as_slice());
        block.push(values, records.checksum(at)?);
    }
    Ok(block)
}

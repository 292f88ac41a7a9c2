//! Appending rows.
//!
//! The caller knows (from its database) how many rows are committed. Opening cuts off what lies past them, the remains of a
//! run that ended early. Rows go to the f16 file first, codes after them; each flush is on the disk when it returns. Never
//! write before the end of what is committed: readers have it mapped.

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

/// Bytes that are held back before they are written.
const BUFFER_BYTES: usize = 1 << 20;

/// Where bytes go: a file, or in tests something that fails.
pub(super) trait Storage: Send {
    /// Writes all of `bytes` at `offset`.
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()>;
    /// Returns when everything written is on the disk.
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

/// A file that grows: what waits is written at the end of what was, and can be written again after a failure.
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

/// Appends rows to the files of one encoder. What was not flushed is lost when it is dropped.
pub struct VectorWriter {
    rows: Tail,
    codes: Tail,
    block: BlockBuilder,
    dimension: usize,
    pushed: usize,
}

impl VectorWriter {
    /// Opens the files of `name` in `folder` for the row after the first `committed_rows`; makes them where there are none.
    ///
    /// Errors where fewer rows are there than were committed, where the dimension is another one, or where somebody else is
    /// writing. Codes that are missing or too few are made again.
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

    /// Errors where [`VectorWriter::push`] would not take the vector.
    pub fn check(&self, vector: Option<&[f32]>) -> Result<(), VectorError> {
        vector.map_or(Ok(()), |vector| {
            normalised(vector, self.dimension).map(|_| ())
        })
    }

    /// Adds a row: a vector of any length above zero, which is brought to unit length, or `None` for an example without one.
    ///
    /// Errors (and adds nothing) where it has another number of values, is zero or not finite.
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

    /// Writes everything and returns when it is on the disk: how many rows are there now, committed ones included.
    /// After an error it can be tried again.
    pub fn flush(&mut self) -> Result<usize, VectorError> {
        self.rows.sync()?;
        self.codes.sync()?;
        Ok(self.pushed)
    }

    /// Rows so far, flushed or not.
    pub fn rows(&self) -> usize {
        self.pushed
    }

    /// Exchanges the file of rows, so that tests can let it fail.
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

/// The f16 file, locked, with a header, and cut after the committed rows.
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
        // A file system without locks: the caller's own lock has to do.
        Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {}
        Err(TryLockError::Error(error)) => return Err(failed(error).into()),
    }
    let end = layout::record_range(committed, dimension).start;
    match Records::open(folder, name, dimension, committed) {
        Ok(_) => {}
        // All there is lies past the committed rows, the header of an earlier attempt included.
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

/// The file of codes with exactly the whole blocks of the committed rows.
fn open_codes(folder: &Path, name: &str, records: &Records) -> Result<Tail, VectorError> {
    let (rows, dimension) = (records.rows(), records.dimension());
    let path = folder.join(codes::file_name(name));
    let last = |codes: codes::Codes| match codes.blocks().checked_sub(1) {
        Some(number) => codes.block(number, records).is_some(),
        None => true,
    };
    if !codes::Codes::open(folder, name, dimension, rows).is_ok_and(last) {
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

/// The rows that do not fill a block yet.
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

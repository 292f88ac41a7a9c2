//! Reads Parquet files row by row.
//!
//! Columns are read page by page, so only the current pages are in memory, not a whole row group. The `parquet` crate is not
//! hardened against hostile files: lengths are checked before it sees them, and its panics become errors.

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};

use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::metadata::ParquetMetaData;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::reader::RowIter;
use parquet::record::{Field, Row};

use super::error::DatasetError;
use super::inputs::Input;
use super::record::{Entries, Entry, Record, Value};
use rounds_support::errors::bytes as format_bytes;
use rounds_support::{FileError, sanitise::clean_line};

/// Rows decoded at a time; small, because images may take megabytes.
const BATCH: usize = 8;
/// Most columns, counted as leaves.
const MAX_COLUMNS: usize = 2048;
/// Largest row group in bytes, compressed or not.
const MAX_GROUP_BYTES: i64 = 8 << 30;
/// Largest footer in bytes.
const MAX_FOOTER_BYTES: u64 = 64 << 20;
/// Deepest nesting that is read.
const MAX_DEPTH: usize = 4;
/// Most items read of a list.
const MAX_ITEMS: usize = 4096;
/// Largest row in bytes of texts and images: a row can refer to one dictionary entry in every field.
const MAX_ROW_BYTES: usize = 256 << 20;

/// The rows of a Parquet file.
pub(super) fn entries(input: &Input) -> Result<Entries, DatasetError> {
    let file = input.open()?.into_inner();
    let name = input.name.clone();
    check_footer(&file, input)?;
    let reader =
        guarded(|| SerializedFileReader::new(file)).map_err(|error| explain(&name, error))?;
    let total = check(reader.metadata(), &name)?;
    let open = move || Ok(RowIter::from_file_into(Box::new(reader)).with_batch_size(BATCH));
    let mut rows = Some(guarded(open).map_err(|error| explain(&name, error))?);
    let (mut number, split) = (0_u64, input.split.clone());
    let iterator = Box::new(std::iter::from_fn(move || {
        let source = rows.as_mut()?;
        number = number.saturating_add(1);
        let origin = format!("{name}, row {number}");
        match guarded(|| source.next().transpose()) {
            Ok(Some(row)) => Some(Ok(entry(row, origin, &split))),
            Ok(None) if number > total => None,
            stopped => {
                rows = None;
                let error = match stopped {
                    Err(error) => explain(&origin, error),
                    Ok(_) => {
                        DatasetError::broken(&origin, format!("the file ends before row {total}"))
                    }
                };
                Some(Err(error))
            }
        }
    }));
    Ok(Entries {
        total: Some(total),
        iterator,
    })
}

/// Calls the Parquet reader and turns a panic into an error.
fn guarded<T>(work: impl FnOnce() -> Result<T, ParquetError>) -> Result<T, ParquetError> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err(ParquetError::General("the file is damaged".to_owned())))
}

fn explain(origin: &str, error: ParquetError) -> DatasetError {
    match error {
        ParquetError::NYI(what) => DatasetError::unsupported(origin, what),
        other => DatasetError::broken(origin, other),
    }
}

/// Checks the footer length stated in the file against the length of the file.
fn check_footer(file: &File, input: &Input) -> Result<(), DatasetError> {
    use std::io::{Read, Seek, SeekFrom};
    let failed = |error| FileError::from_io(&input.path, "read", &error);
    let length = file.metadata().map_err(failed)?.len();
    let broken = |reason: &str| Err(DatasetError::broken(&input.name, reason));
    let mut tail = [0_u8; 8];
    let mut file = file;
    let mut head = [0_u8; 4];
    if length < 12 || file.read_exact(&mut head).is_err() || !head.starts_with(b"PAR") {
        return Err(DatasetError::other(&input.name, "it is not a Parquet file"));
    }
    file.seek(SeekFrom::End(-8)).map_err(failed)?;
    file.read_exact(&mut tail).map_err(failed)?;
    file.seek(SeekFrom::Start(0)).map_err(failed)?;
    let [a, b, c, d, magic @ ..] = tail;
    match &magic {
        b"PAR1" => {}
        b"PARE" => {
            return Err(DatasetError::unsupported(&input.name, "it is encrypted"));
        }
        _ => return broken("it is truncated"),
    }
    let footer = u64::from(u32::from_le_bytes([a, b, c, d]));
    if footer > MAX_FOOTER_BYTES || footer > length.saturating_sub(12) {
        return broken("its footer length is impossible");
    }
    Ok(())
}

/// Checks the metadata and returns the number of rows.
fn check(metadata: &ParquetMetaData, name: &str) -> Result<u64, DatasetError> {
    let schema = metadata.file_metadata().schema_descr();
    if schema.num_columns() > MAX_COLUMNS {
        let reason = format!("more than {MAX_COLUMNS} columns");
        return Err(DatasetError::unsupported(name, reason));
    }
    let mut rows = 0_i64;
    for group in metadata.row_groups() {
        rows = rows.saturating_add(group.num_rows().max(0));
        let mut size = 0_i64;
        for column in group.columns() {
            size = size.saturating_add(column.uncompressed_size().max(column.compressed_size()));
            let codec = match column.compression() {
                Compression::UNCOMPRESSED | Compression::SNAPPY | Compression::GZIP(_) => continue,
                Compression::ZSTD(_) => "Zstandard",
                Compression::BROTLI(_) => "Brotli",
                Compression::LZ4 | Compression::LZ4_RAW => "LZ4",
                Compression::LZO => "LZO",
            };
            let reason = format!(
                "column {} is compressed with {codec}; only Snappy, gzip and no compression are supported",
                clean_line(column.column_descr().name())
            );
            return Err(DatasetError::unsupported(name, reason));
        }
        if size > MAX_GROUP_BYTES {
            let limit = format_bytes(MAX_GROUP_BYTES.unsigned_abs());
            let reason = format!("a row group is larger than {limit}");
            return Err(DatasetError::unsupported(name, reason));
        }
    }
    Ok(rows.unsigned_abs())
}

fn entry(row: Row, origin: String, split: &str) -> Entry {
    let mut budget = MAX_ROW_BYTES;
    match fields(&row, 0, &mut budget) {
        Some(fields) => Entry::Record(Record::new(origin, split, fields)),
        None => Entry::Bad {
            origin,
            reason: format!(
                "the row is larger than {}",
                format_bytes(MAX_ROW_BYTES as u64)
            ),
        },
    }
}

/// The fields of a row or group; `None` if they exceed `budget`, which is reduced by their size.
fn fields(row: &Row, depth: usize, budget: &mut usize) -> Option<Vec<(String, Value)>> {
    let fields = row.get_column_iter();
    fields
        .map(|(name, field)| Some((name.clone(), value(field, depth, budget)?)))
        .collect()
}

fn value(field: &Field, depth: usize, budget: &mut usize) -> Option<Value> {
    let deeper = depth.saturating_add(1);
    Some(match field {
        Field::Null => Value::Null,
        Field::Str(text) => {
            *budget = budget.checked_sub(text.len())?;
            Value::Text(text.clone())
        }
        Field::Bytes(bytes) => {
            *budget = budget.checked_sub(bytes.len())?;
            Value::Bytes(bytes.data().to_vec())
        }
        Field::Group(row) if depth < MAX_DEPTH => Value::Object(fields(row, deeper, budget)?),
        Field::ListInternal(list) if depth < MAX_DEPTH => {
            let items = list.elements().iter().take(MAX_ITEMS);
            let items = items.map(|item| value(item, deeper, budget));
            Value::List(items.collect::<Option<_>>()?)
        }
        Field::Group(_) | Field::ListInternal(_) | Field::MapInternal(_) => {
            Value::Object(Vec::new())
        }
        Field::Bool(truth) => Value::Text(truth.to_string()),
        Field::Float(number) => Value::Text(number.to_string()),
        Field::Double(number) => Value::Text(number.to_string()),
        number => Value::Text(number.to_string()),
    })
}

//! Reads Parquet files row by row.
//!
//! Columns are read page by page, so what is held are the pages under way, not a row group. The reader beneath is not
//! made for hostile files: lengths are checked before it sees them, and a panic in it becomes an error.

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

/// Rows that are decoded at a time. An image may have megabytes.
const BATCH: usize = 8;
/// Most columns, counted at the leaves, and the largest row group, in bytes as stored or unpacked.
const MAX_COLUMNS: usize = 2048;
const MAX_GROUP_BYTES: i64 = 8 << 30;
/// Longest description of the columns at the end of a file.
const MAX_FOOTER_BYTES: u64 = 64 << 20;
/// Deepest nesting and most items of a list that are looked into.
const MAX_DEPTH: usize = 4;
const MAX_ITEMS: usize = 4096;
/// Longest row, in bytes of its texts and images: a dictionary holds one content and a row may name it in every field.
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
                    Ok(_) => DatasetError::broken(
                        &origin,
                        format!("the file has no more rows, not {total}"),
                    ),
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

/// Carries out work of the Parquet reader; a panic in it is an error.
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

/// Checks the length that the file states for its footer against the file's own.
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
        _ => return broken("it ends too early"),
    }
    let footer = u64::from(u32::from_le_bytes([a, b, c, d]));
    if footer > MAX_FOOTER_BYTES || footer > length.saturating_sub(12) {
        return broken("its footer has an absurd length");
    }
    Ok(())
}

/// Checks what the footer says; gives the number of rows.
fn check(metadata: &ParquetMetaData, name: &str) -> Result<u64, DatasetError> {
    let schema = metadata.file_metadata().schema_descr();
    if schema.num_columns() > MAX_COLUMNS {
        let reason = format!("more than {MAX_COLUMNS} columns");
        return Err(DatasetError::unsupported(name, reason));
    }
    let mut rows = 0_i64;
    for group in metadata.row_groups() {
        rows = rows.saturating_add(group.num_rows().max(0));
        let mut unpacked = 0_i64;
        for column in group.columns() {
            unpacked =
                unpacked.saturating_add(column.uncompressed_size().max(column.compressed_size()));
            let codec = match column.compression() {
                Compression::UNCOMPRESSED | Compression::SNAPPY | Compression::GZIP(_) => continue,
                Compression::ZSTD(_) => "Zstandard",
                Compression::BROTLI(_) => "Brotli",
                Compression::LZ4 | Compression::LZ4_RAW => "LZ4",
                Compression::LZO => "LZO",
            };
            let reason = format!(
                "column {} is packed with {codec}; read are Snappy, gzip and unpacked",
                clean_line(column.column_descr().name())
            );
            return Err(DatasetError::unsupported(name, reason));
        }
        if unpacked > MAX_GROUP_BYTES {
            let limit = format_bytes(MAX_GROUP_BYTES.unsigned_abs());
            let reason = format!("a row group of more than {limit}");
            return Err(DatasetError::unsupported(name, reason));
        }
    }
    Ok(rows.unsigned_abs())
}

fn entry(row: Row, origin: String, split: &str) -> Entry {
    let mut room = MAX_ROW_BYTES;
    match fields(&row, 0, &mut room) {
        Some(fields) => Entry::Record(Record::new(origin, split, fields)),
        None => Entry::Bad {
            origin,
            reason: format!(
                "the row is longer than {}",
                format_bytes(MAX_ROW_BYTES as u64)
            ),
        },
    }
}

/// The fields of a row or group; `None` where they do not fit into `room`, which becomes less by them.
fn fields(row: &Row, depth: usize, room: &mut usize) -> Option<Vec<(String, Value)>> {
    let fields = row.get_column_iter();
    fields
        .map(|(name, field)| Some((name.clone(), value(field, depth, room)?)))
        .collect()
}

fn value(field: &Field, depth: usize, room: &mut usize) -> Option<Value> {
    let deeper = depth.saturating_add(1);
    Some(match field {
        Field::Null => Value::Null,
        Field::Str(text) => {
            *room = room.checked_sub(text.len())?;
            Value::Text(text.clone())
        }
        Field::Bytes(bytes) => {
            *room = room.checked_sub(bytes.len())?;
            Value::Bytes(bytes.data().to_vec())
        }
        Field::Group(row) if depth < MAX_DEPTH => Value::Object(fields(row, deeper, room)?),
        Field::ListInternal(list) if depth < MAX_DEPTH => {
            let items = list.elements().iter().take(MAX_ITEMS);
            let items = items.map(|item| value(item, deeper, room));
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

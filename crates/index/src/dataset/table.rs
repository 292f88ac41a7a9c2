//! Reads CSV and TSV tables with a header.
//!
//! Quoted fields may contain line breaks, so an unclosed quote would swallow the rest of the file: reading stops at a row
//! that is too long.

use std::io::{BufRead, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::error::DatasetError;
use super::inputs::Input;
use super::record::{Entries, Entry, Record, Value};

/// Longest row, in bytes.
const MAX_ROW_BYTES: usize = 8 << 20;
/// Most columns.
const MAX_COLUMNS: usize = 4096;

/// The records of a comma-separated table.
pub(super) fn commas(input: &Input) -> Result<Entries, DatasetError> {
    entries(input, b',')
}

/// The records of a tab-separated table.
pub(super) fn tabs(input: &Input) -> Result<Entries, DatasetError> {
    entries(input, b'\t')
}

/// The delimiter: `usual`, or another one if the first line does not contain it. In many locales spreadsheets write
/// semicolons.
fn delimiter(input: &Input, usual: u8) -> Result<u8, DatasetError> {
    let mut file = input.open()?;
    let start = file.fill_buf();
    let start = start.map_err(|error| DatasetError::broken(&input.name, error))?;
    let line = start.split(|byte| *byte == b'\n').next().unwrap_or(start);
    let mut known = [usual, b';', b'\t', b','].into_iter();
    Ok(known.find(|byte| line.contains(byte)).unwrap_or(usual))
}

/// The records of a table, with `usual` as the expected delimiter. The first row names the columns.
fn entries(input: &Input, usual: u8) -> Result<Entries, DatasetError> {
    let delimiter = delimiter(input, usual)?;
    let progress = Arc::new(Progress::default());
    let limited = Limited {
        input: input.open()?,
        progress: Arc::clone(&progress),
    };
    let mut table = csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .flexible(true)
        .has_headers(true)
        .from_reader(limited);
    let name = input.name.clone();
    let header = table.byte_headers();
    let header = header
        .map_err(|error| DatasetError::broken(&name, error))?
        .clone();
    if header.len() > MAX_COLUMNS {
        let reason = format!("more than {MAX_COLUMNS} columns");
        return Err(DatasetError::unsupported(&name, reason));
    }
    let columns: Vec<String> = header
        .iter()
        .map(|column| String::from_utf8_lossy(column).into_owned())
        .collect();
    let split = input.split.clone();
    let mut ended = false;
    let iterator = Box::new(std::iter::from_fn(move || {
        if ended {
            return None;
        }
        progress.row.store(0, Ordering::Relaxed);
        let mut row = csv::ByteRecord::new();
        let more = table.read_byte_record(&mut row);
        let line = row
            .position()
            .map_or(table.position().line(), csv::Position::line);
        let origin = format!("{name}, line {line}");
        match more {
            Ok(true) if progress.is_in_quotes() && has_line_end(&row) => {
                let reason =
                    "a quote is not closed: the row extends to the end of the file".to_owned();
                Some(Ok(Entry::Bad { origin, reason }))
            }
            Ok(true) => Some(Ok(entry(&row, &columns, origin, &split))),
            Ok(false) => None,
            Err(error) => {
                ended = true;
                Some(Err(DatasetError::broken(&origin, error)))
            }
        }
    }));
    Ok(Entries {
        total: None,
        iterator,
    })
}

fn entry(row: &csv::ByteRecord, columns: &[String], origin: String, split: &str) -> Entry {
    if row.len() != columns.len() {
        let reason = format!(
            "the row has {} fields, the header has {}",
            row.len(),
            columns.len()
        );
        return Entry::Bad { origin, reason };
    }
    let mut fields = Vec::with_capacity(columns.len());
    for (column, field) in columns.iter().zip(row) {
        let Ok(text) = std::str::from_utf8(field) else {
            let reason = "the row is not UTF-8".to_owned();
            return Entry::Bad { origin, reason };
        };
        let value = if text.is_empty() {
            Value::Null
        } else {
            Value::Text(text.to_owned())
        };
        fields.push((column.clone(), value));
    }
    Entry::Record(Record::new(origin, split, fields))
}

fn has_line_end(row: &csv::ByteRecord) -> bool {
    row.iter().any(|field| field.contains(&b'\n'))
}

/// Reading progress of an input.
#[derive(Default)]
struct Progress {
    /// Bytes read since the last row.
    row: AtomicUsize,
    quotes: AtomicUsize,
    ended: AtomicBool,
}

impl Progress {
    /// Whether the input ended inside quotes.
    fn is_in_quotes(&self) -> bool {
        self.ended.load(Ordering::Relaxed) && self.quotes.load(Ordering::Relaxed) % 2 == 1
    }
}

/// An input that fails once a single row is too long.
struct Limited<R> {
    input: R,
    progress: Arc<Progress>,
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.input.read(buffer)?;
        let bytes = buffer.iter().take(read);
        let quotes = bytes.filter(|byte| **byte == b'"').count();
        self.progress.quotes.fetch_add(quotes, Ordering::Relaxed);
        self.progress.ended.fetch_or(read == 0, Ordering::Relaxed);
        let before = self.progress.row.fetch_add(read, Ordering::Relaxed);
        if before > MAX_ROW_BYTES {
            return Err(std::io::Error::other(
                "a row is longer than 8 MiB; is a quote not closed?",
            ));
        }
        Ok(read)
    }
}

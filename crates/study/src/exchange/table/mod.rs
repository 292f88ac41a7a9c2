//! Tables of cards: CSV and TSV with named columns, JSON and JSON Lines with named values.
//!
//! Names are the same in all of them, upper case or not, in any order. A bad line is reported with its number, and the others are
//! read. Images are files in the table's folder or below it; a table cannot reach another file.

mod columns;
mod folder;
mod formulas;
mod json;
mod values;
mod write;

use std::path::Path;

use rounds_support::files;

use super::error::{ExchangeError, damaged};
use super::import::Collector;

pub(super) use write::write;

/// A kind of table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TableFormat {
    /// Values separated by commas (or semicolons, when reading).
    Csv,
    /// Values separated by tabs.
    Tsv,
    /// An array of objects, or an object with an array `cards`.
    Json,
    /// One object a line.
    JsonLines,
}

impl TableFormat {
    /// The format that the name of a file stands for.
    pub fn of(path: &Path) -> Option<Self> {
        let extension = path.extension()?.to_str()?.to_ascii_lowercase();
        Some(match extension.as_str() {
            "csv" => Self::Csv,
            "tsv" | "tab" | "txt" => Self::Tsv,
            "json" => Self::Json,
            "jsonl" | "ndjson" => Self::JsonLines,
            _ => return None,
        })
    }
}

/// Reads the table at `path` into `collector`.
pub(super) fn read(
    path: &Path,
    format: TableFormat,
    collector: &mut Collector,
) -> Result<(), ExchangeError> {
    let content = files::read_regular_file(path, collector.limits.table_bytes)?;
    if content.starts_with(&[0xFF, 0xFE]) || content.starts_with(&[0xFE, 0xFF]) {
        return Err(damaged("it is UTF-16 text; save it as UTF-8"));
    }
    let content = content.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&content);
    let folder = folder::Folder::of(path)?;
    match format {
        TableFormat::Csv => columns::read(content, b',', &folder, collector),
        TableFormat::Tsv => columns::read(content, b'\t', &folder, collector),
        TableFormat::Json => json::read(content, &folder, collector),
        TableFormat::JsonLines => json::read_lines(content, &folder, collector),
    }
}

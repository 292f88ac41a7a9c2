//! Chooses the reader of a data file by its extension, and reads the tables of a data set.

use std::path::Path;

use super::error::DatasetError;
use super::inputs::{Input, Reader, chain, extension, parquet_files};
use super::record::Entries;
use super::{json, jsonl, parquet_reader, table};

/// The reader for a file extension; `None` if it is unknown.
pub(super) fn reader_of(path: &Path) -> Option<Reader> {
    Some(match extension(path).as_str() {
        "json" => json::entries,
        "jsonl" | "ndjson" => jsonl::entries,
        "csv" => table::commas,
        "tsv" => table::tabs,
        "parquet" => parquet_reader::entries,
        _ => return None,
    })
}

/// The existing files among `names` in the folder, in this order; or `path` itself if it is a file.
fn named(path: &Path, names: &[&str]) -> Result<Vec<Input>, DatasetError> {
    if path.is_dir() {
        let paths = names.iter().map(|name| path.join(name));
        return Ok(paths
            .filter(|path| path.is_file())
            .map(Input::new)
            .collect());
    }
    let input = Input::new(path.to_path_buf());
    input.open()?;
    Ok(vec![input])
}

/// Reads the tables of a data set: `path` itself, or the files of the first list that has any in the folder, or else its
/// Parquet files. `default_reader` reads files with an unknown extension; `wanted` describes what is missing on error.
pub(super) fn read_tables(
    path: &Path,
    lists: &[&[&str]],
    default_reader: Reader,
    wanted: &str,
) -> Result<Entries, DatasetError> {
    let mut inputs = Vec::new();
    for names in lists {
        if inputs.is_empty() {
            inputs = named(path, names)?;
        }
    }
    if inputs.is_empty() {
        inputs = parquet_files(path)?;
    }
    let Some(first) = inputs.first() else {
        return Err(DatasetError::nothing(wanted, path));
    };
    let reader = reader_of(&first.path).unwrap_or(default_reader);
    chain(inputs, reader)
}

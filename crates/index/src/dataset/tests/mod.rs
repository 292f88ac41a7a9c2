//! Tests of the readers: real data sets if available, tiny ones of every format, and hostile input.

mod formats;
mod hostile;
mod own_data;
mod parquet_files;
mod real;
mod scans;

use std::fs;
use std::path::{Path, PathBuf};

use super::{Dataset, DatasetError, Format, ImageSource, Item, Options, Row, open};

/// A folder of small files for one test.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new(files: &[(&str, &str)]) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        for (name, content) in files {
            folder.write(name, content.as_bytes());
        }
        folder
    }

    fn write(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

/// All items of a data set.
#[derive(Debug, Default)]
struct Read {
    rows: Vec<Row>,
    rejected: Vec<(String, String)>,
    filtered: usize,
    error: Option<DatasetError>,
}

impl Read {
    fn of(dataset: Dataset) -> Self {
        let mut read = Self::default();
        for item in dataset.items {
            assert!(read.error.is_none(), "an error is the last item");
            match item {
                Ok(Item::Row(row)) => read.rows.push(*row),
                Ok(Item::Rejected { origin, reason }) => read.rejected.push((origin, reason)),
                Ok(Item::Filtered { .. }) => read.filtered += 1,
                Err(error) => read.error = Some(error),
            }
        }
        read
    }

    /// The reasons of the rejected rows.
    fn reasons(&self) -> Vec<&str> {
        self.rejected
            .iter()
            .map(|(_, reason)| reason.as_str())
            .collect()
    }
}

fn read(format: Format, path: &Path, options: &Options) -> Read {
    Read::of(open(format, path, options).unwrap())
}

/// Reads with default options.
fn plain(format: Format, path: &Path) -> Read {
    read(format, path, &Options::default())
}

/// The values of a tag, joined.
fn tag(row: &Row, name: &str) -> String {
    let values = row
        .tags
        .iter()
        .filter(|(n, _)| n == name)
        .map(|(_, value)| value.as_str());
    values.collect::<Vec<_>>().join("; ")
}

/// The name of the image at `index`.
fn file(row: &Row, index: usize) -> String {
    match &row.images[index] {
        ImageSource::File(path) => path.file_name().unwrap().to_string_lossy().into_owned(),
        ImageSource::Bytes { name, .. } => name.clone(),
    }
}

//! Finds the files of a data set in its folder and reads them in sequence.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use super::error::DatasetError;
use super::record::{Entries, EntryIterator};
use super::vocabulary::split_of;
use rounds_support::FileError;
use rounds_support::errors::display_path;
use rounds_support::sanitise::clean_line_max;

/// Most folder entries examined, because a folder of images may have millions.
const MAX_ENTRIES: usize = 4_000_000;
/// Most data files of one data set.
const MAX_FILES: usize = 20_000;

/// One data file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Input {
    pub(super) path: PathBuf,
    /// The file's name, cleaned for messages.
    pub(super) name: String,
    /// Split given by the file's name; empty if none.
    pub(super) split: String,
}

impl Input {
    pub(super) fn new(path: PathBuf) -> Self {
        let name = path
            .file_name()
            .unwrap_or(path.as_os_str())
            .to_string_lossy();
        Self {
            name: clean_line_max(&name, 200),
            split: split_of(&name),
            path,
        }
    }

    /// Errors if the file is not text, judging by its first bytes.
    pub(super) fn check_text(&self) -> Result<(), DatasetError> {
        let mut file = self.open()?;
        let start = file.fill_buf();
        let start = start.map_err(|error| FileError::from_io(&self.path, "read", &error))?;
        let reason = match start {
            [] => "the file is empty",
            [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] => "it is UTF-16; save it as UTF-8",
            start if start.contains(&0) => "it is not text, or it is UTF-16; save it as UTF-8",
            _ => return Ok(()),
        };
        Err(DatasetError::other(&self.name, reason))
    }

    /// Opens the file. Errors if it is not a regular file.
    pub(super) fn open(&self) -> Result<BufReader<File>, DatasetError> {
        let failed = |error| FileError::from_io(&self.path, "read", &error);
        let metadata = fs::metadata(&self.path).map_err(failed)?;
        if metadata.is_dir() {
            let path = self.path.clone();
            return Err(FileError::IsDirectory { path }.into());
        }
        // Reading from a pipe could block forever.
        if !metadata.is_file() {
            return Err(FileError::other(&self.path, "read", "it is not a file").into());
        }
        Ok(BufReader::with_capacity(
            1 << 16,
            File::open(&self.path).map_err(failed)?,
        ))
    }
}

/// A function that reads a data file.
pub(super) type Reader = fn(&Input) -> Result<Entries, DatasetError>;

/// Reads files in sequence, with only one open at a time. The first is opened immediately, so that a wrong path is reported
/// at once. The total is known if it is known for every file.
pub(super) fn chain(inputs: Vec<Input>, reader: Reader) -> Result<Entries, DatasetError> {
    let mut inputs = inputs.into_iter();
    let Some(first) = inputs.next() else {
        let iterator: EntryIterator = Box::new(std::iter::empty());
        return Ok(Entries {
            total: Some(0),
            iterator,
        });
    };
    let mut first = reader(&first)?;
    if inputs.len() == 0 {
        return Ok(first);
    }
    let total = match first.total {
        None => None,
        Some(mut total) => {
            for input in inputs.as_slice() {
                total = total.saturating_add(reader(input)?.total.unwrap_or(0));
            }
            Some(total)
        }
    };
    let mut current = std::mem::replace(&mut first.iterator, Box::new(std::iter::empty()));
    let iterator = Box::new(std::iter::from_fn(move || {
        loop {
            if let Some(entry) = current.next() {
                return Some(entry);
            }
            match reader(&inputs.next()?) {
                Ok(next) => current = next.iterator,
                Err(error) => return Some(Err(error)),
            }
        }
    }));
    Ok(Entries { total, iterator })
}

/// The lower-case file extension, without the dot.
pub(super) fn extension(path: &Path) -> String {
    let extension = path.extension().unwrap_or_default();
    extension.to_string_lossy().to_lowercase()
}

/// The files in `folder` whose lower-case names `wanted` accepts, sorted; subfolders are not searched.
pub(super) fn files(
    folder: &Path,
    wanted: impl Fn(&str) -> bool,
) -> Result<Vec<Input>, DatasetError> {
    let failed = |error| FileError::from_io(folder, "read", &error);
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)?.take(MAX_ENTRIES) {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name().to_string_lossy().to_lowercase();
        if wanted(&name) && entry.path().is_file() {
            found.push(entry.path());
        }
        if found.len() > MAX_FILES {
            let reason = format!("more than {MAX_FILES} data files in one folder");
            return Err(DatasetError::unsupported(&display_path(folder), reason));
        }
    }
    found.sort();
    Ok(found.into_iter().map(Input::new).collect())
}

/// The Parquet files of a data set: `path` itself, or those in it or in its subfolder `data`.
pub(super) fn parquet_files(path: &Path) -> Result<Vec<Input>, DatasetError> {
    if path.is_file() {
        let is_parquet = extension(path) == "parquet";
        return Ok(is_parquet
            .then(|| Input::new(path.to_path_buf()))
            .into_iter()
            .collect());
    }
    let mut found = files(path, |name| name.ends_with(".parquet"))?;
    let data = path.join("data");
    if found.is_empty() && data.is_dir() {
        found = files(&data, |name| name.ends_with(".parquet"))?;
    }
    Ok(found)
}

/// The path itself if it is a folder, else the folder of the file.
pub(super) fn folder_of(path: &Path) -> PathBuf {
    if path.is_dir() {
        return path.to_path_buf();
    }
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_path_buf(),
        _ => PathBuf::from("."),
    }
}

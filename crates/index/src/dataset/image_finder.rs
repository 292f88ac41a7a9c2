//! Finds the images named in records, below the given folders and nowhere else.
//!
//! A record may name any path, and a folder may contain links. An image is only accepted if its canonical path is below the
//! canonical path of a given folder. Never open a name from the data in any other way.

use std::fs;
use std::path::{Path, PathBuf};

use super::Options;
use super::error::{DatasetError, quote};
use super::record::{Record, Value};
use super::row::ImageSource;
use rounds_support::FileError;

/// Extensions tried if the data names an image without one.
const EXTENSIONS: [&str; 4] = ["jpg", "png", "jpeg", "webp"];
/// Most images a record may name; more than an example can have.
const MAX_IMAGES: usize = 64;

/// The folders to search for images.
#[derive(Clone, Debug)]
pub(super) struct ImageFinder {
    /// Canonical paths.
    roots: Vec<PathBuf>,
}

impl ImageFinder {
    /// Searches the folder named in the options, or else the existing ones of `subfolders` and `folder` itself.
    pub(super) fn new(
        folder: &Path,
        options: &Options,
        subfolders: &[&str],
    ) -> Result<Self, DatasetError> {
        let canonical = |path: &Path| {
            fs::canonicalize(path).map_err(|error| FileError::from_io(path, "read", &error))
        };
        if let Some(named) = &options.images {
            let root = canonical(named)?;
            if !root.is_dir() {
                return Err(FileError::other(named, "read", "not a folder").into());
            }
            return Ok(Self { roots: vec![root] });
        }
        let mut roots = Vec::new();
        for name in subfolders {
            let root = folder.join(name);
            if root.is_dir() {
                roots.push(canonical(&root)?);
            }
        }
        roots.push(canonical(folder)?);
        Ok(Self { roots })
    }

    /// The image called `name`.
    pub(super) fn find(&self, name: &str) -> Result<ImageSource, String> {
        let name = name.trim();
        if name.is_empty() {
            return Err("the record names no image".to_owned());
        }
        let mut outside = false;
        for root in &self.roots {
            let Ok(path) = fs::canonicalize(root.join(name)) else {
                continue;
            };
            if !path.starts_with(root) {
                outside = true;
            } else if path.is_file() {
                return Ok(ImageSource::File(path));
            } else if path.is_dir() {
                return Err(format!("this is a folder, not an image: {}", quote(name)));
            }
        }
        match outside {
            true => Err(format!("image outside the given folder: {}", quote(name))),
            false => Err(format!("image not found: {}", quote(name))),
        }
    }

    /// The image called `stem`, with or without one of the usual extensions.
    pub(super) fn find_stem(&self, stem: &str) -> Result<ImageSource, String> {
        let with_extension = EXTENSIONS
            .iter()
            .map(|extension| format!("{}.{extension}", stem.trim()));
        let mut found = with_extension.map(|name| self.find(&name));
        let first = self.find(stem);
        if first.is_ok() {
            first
        } else {
            found.find(Result::is_ok).unwrap_or(first)
        }
    }

    /// The images of a value: one or more names separated by `;` or in a list, the content of a file, or the pair of content
    /// and name used in Parquet files.
    pub(super) fn of_value(&self, value: Value) -> Result<Vec<ImageSource>, String> {
        let mut found = Vec::new();
        self.collect(value, true, &mut found)?;
        Ok(found)
    }

    fn collect(
        &self,
        value: Value,
        lists: bool,
        found: &mut Vec<ImageSource>,
    ) -> Result<(), String> {
        if found.len() >= MAX_IMAGES {
            return Err(format!("more than {MAX_IMAGES} images"));
        }
        match value {
            Value::Null => {}
            Value::Text(names) => {
                for name in names_of(&names) {
                    found.push(self.find(&name)?);
                }
            }
            Value::Bytes(bytes) => found.push(content("image", bytes)?),
            Value::List(items) if lists => {
                for item in items {
                    self.collect(item, false, found)?;
                }
            }
            Value::Object(fields) => found.push(self.pair(fields)?),
            Value::List(_) => return Err("images are given as a list of lists".to_owned()),
        }
        Ok(())
    }

    fn pair(&self, fields: Vec<(String, Value)>) -> Result<ImageSource, String> {
        let mut record = Record::new(String::new(), "", fields);
        let path = record.first_text(&["path", "filename", "file_name"])?;
        match record.take("bytes") {
            Value::Bytes(bytes) => content(&path, bytes),
            Value::Null => self.find(&path),
            _ => Err("the content of the image is not binary".to_owned()),
        }
    }
}

fn content(name: &str, bytes: Vec<u8>) -> Result<ImageSource, String> {
    if bytes.is_empty() {
        return Err("the image is empty".to_owned());
    }
    let name = quote(name);
    Ok(ImageSource::Bytes { name, bytes })
}

/// The names in a text: a JSON list, or separated by `;`.
fn names_of(text: &str) -> Vec<String> {
    if text.trim_start().starts_with('[')
        && let Ok(names) = serde_json::from_str::<Vec<String>>(text)
    {
        return names;
    }
    let names = text.split(';').map(|name| name.trim().to_owned());
    names
        .filter(|name| !name.is_empty())
        .take(MAX_IMAGES)
        .collect()
}

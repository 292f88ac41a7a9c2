//! Finds the image that a record names, below the given folders and nowhere else.
//!
//! A record may name any path, and a folder may hold links. An image is only taken if its real place lies below the
//! real place of a folder that was given. Never open a name from the data in another way.

use std::fs;
use std::path::{Path, PathBuf};

use super::Options;
use super::error::{DatasetError, quote};
use super::record::{Record, Value};
use super::row::ImageSource;
use rounds_support::FileError;

/// Ends of names that are tried where the data names an image without one.
const EXTENSIONS: [&str; 4] = ["jpg", "png", "jpeg", "webp"];
/// Most images that one record may name; more than any index keeps for one example.
const MAX_IMAGES: usize = 64;

/// The folders that images are looked for in.
#[derive(Clone, Debug)]
pub(super) struct ImageFinder {
    /// Real paths.
    roots: Vec<PathBuf>,
}

impl ImageFinder {
    /// The folder that the options name, or those of `usual` that exist below `folder`, and `folder` itself.
    pub(super) fn new(
        folder: &Path,
        options: &Options,
        usual: &[&str],
    ) -> Result<Self, DatasetError> {
        let real = |path: &Path| {
            fs::canonicalize(path).map_err(|error| FileError::from_io(path, "read", &error))
        };
        if let Some(named) = &options.images {
            let root = real(named)?;
            if !root.is_dir() {
                return Err(FileError::other(named, "read", "not a folder").into());
            }
            return Ok(Self { roots: vec![root] });
        }
        let mut roots = Vec::new();
        for name in usual {
            let root = folder.join(name);
            if root.is_dir() {
                roots.push(real(&root)?);
            }
        }
        roots.push(real(folder)?);
        Ok(Self { roots })
    }

    /// The image called `name`.
    pub(super) fn find(&self, name: &str) -> Result<ImageSource, String> {
        let name = name.trim();
        if name.is_empty() {
            return Err("no image is named".to_owned());
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
                return Err(format!("a folder, not an image: {}", quote(name)));
            }
        }
        match outside {
            true => Err(format!("image outside the given folder: {}", quote(name))),
            false => Err(format!("image not found: {}", quote(name))),
        }
    }

    /// The image called `stem`, or `stem` and one of the usual ends.
    pub(super) fn find_stem(&self, stem: &str) -> Result<ImageSource, String> {
        let with_ends = EXTENSIONS
            .iter()
            .map(|end| format!("{}.{end}", stem.trim()));
        let mut found = with_ends.map(|name| self.find(&name));
        let first = self.find(stem);
        if first.is_ok() {
            first
        } else {
            found.find(Result::is_ok).unwrap_or(first)
        }
    }

    /// The images of a value: a name, several names with `;` between them or in a list, the content of a file, or the
    /// pair of content and name that Parquet files hold.
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
            Value::List(_) => return Err("a list of lists of images".to_owned()),
        }
        Ok(())
    }

    fn pair(&self, fields: Vec<(String, Value)>) -> Result<ImageSource, String> {
        let mut record = Record::new(String::new(), "", fields);
        let path = record.first_text(&["path", "filename", "file_name"])?;
        match record.take("bytes") {
            Value::Bytes(bytes) => content(&path, bytes),
            Value::Null => self.find(&path),
            _ => Err("the image's bytes are not bytes".to_owned()),
        }
    }
}

fn content(name: &str, bytes: Vec<u8>) -> Result<ImageSource, String> {
    if bytes.is_empty() {
        return Err("the image has no content".to_owned());
    }
    let name = quote(name);
    Ok(ImageSource::Bytes { name, bytes })
}

/// The names in a text: a JSON list, or with `;` between them.
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

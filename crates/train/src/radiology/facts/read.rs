//! What the readers of the data sets share: errors with the path in them, and files read whole.

use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::Facts;

/// The facts of each image, by its file relative to the data set's folder.
pub type ImageFacts = BTreeMap<String, Facts>;

/// Annotations that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum FactsError {
    /// A file is missing or cannot be read.
    #[error("cannot read {}: {source}; see shared/data/README.md for the layout", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A file is not the JSON that the data set documents.
    #[error("{} is not the expected JSON: {source}", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// What the parser says.
        source: serde_json::Error,
    },
    /// A line of a text file has not the expected fields.
    #[error("line {line} of {} has not {fields} fields", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// How many fields a line has.
        fields: usize,
    },
    /// An image's size cannot be read.
    #[error("cannot read the size of {}: {source}", path.display())]
    Image {
        /// The image.
        path: PathBuf,
        /// What the decoder says.
        source: image::ImageError,
    },
    /// There is no such split.
    #[error("no split {0:?}; use \"train\" or \"validate\"")]
    Split(String),
}

/// The file as text.
pub(super) fn text(path: &Path) -> Result<String, FactsError> {
    std::fs::read_to_string(path).map_err(|source| FactsError::Io {
        path: path.to_owned(),
        source,
    })
}

/// The file as JSON.
pub(super) fn json<T: DeserializeOwned>(path: &Path) -> Result<T, FactsError> {
    serde_json::from_str(&text(path)?).map_err(|source| FactsError::Json {
        path: path.to_owned(),
        source,
    })
}

/// Width and height of an image in pixels, from its header.
pub(super) fn size(path: &Path) -> Result<(u32, u32), FactsError> {
    image::image_dimensions(path).map_err(|source| FactsError::Image {
        path: path.to_owned(),
        source,
    })
}

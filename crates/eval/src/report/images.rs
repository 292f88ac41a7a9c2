//! The images of a run's questions, as small JPEGs inside a page.

use base64::Engine;
use std::path::Path;

use rounds_index::{ExampleImage, Index};

/// Side of an image in a page, in pixels.
const SIDE: u32 = 176;

/// Where a run's images are.
pub struct Images {
    indexes: Vec<Index>,
}

impl Images {
    /// The imported indexes of a run, and the built-in one.
    pub fn of(run: &Path) -> Self {
        let folders = std::fs::read_dir(run.join("data"));
        let folders = folders.into_iter().flatten().flatten();
        let mut folders: Vec<_> = folders
            .map(|entry| entry.path())
            .filter(|folder| rounds_index::library::is_index(folder))
            .collect();
        folders.sort();
        let mut indexes: Vec<Index> = folders
            .iter()
            .filter_map(|folder| Index::open(Some(folder)).ok())
            .collect();
        indexes.extend(Index::open(None).ok());
        Self { indexes }
    }

    /// No images.
    pub fn none() -> Self {
        Self {
            indexes: Vec::new(),
        }
    }

    /// The image named `SHA-256.extension` as a data URI; `None` if it is not there.
    pub(super) fn data_uri(&self, name: &str) -> Option<String> {
        let (sha256, extension) = name.split_once('.')?;
        let plain = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric());
        if sha256.len() != 64 || !plain(sha256) || !plain(extension) {
            return None;
        }
        let image = ExampleImage {
            sha256: sha256.into(),
            extension: extension.into(),
        };
        let found = self
            .indexes
            .iter()
            .find_map(|index| index.image(&image).ok())?;
        let decoded = rounds_imaging::decode(&found, "image").ok()?;
        let small = rounds_imaging::thumbnail_jpeg(&decoded, SIDE, 80).ok()?;
        let text = base64::engine::general_purpose::STANDARD.encode(small);
        Some(format!("data:image/jpeg;base64,{text}"))
    }
}

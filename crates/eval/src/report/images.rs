//! The images of a run's questions, as small JPEGs inside a page.

use base64::Engine;
use std::path::{Path, PathBuf};

use crate::bench::IMAGES;
use rounds_support::files;

/// Side of an image in a page, in pixels.
const SIDE: u32 = 176;
/// Largest image file that is read.
const MAX_BYTES: u64 = 64 << 20;

/// Where a run's images are.
pub struct Images {
    folder: Option<PathBuf>,
}

impl Images {
    /// Those of the run in this folder.
    pub fn of(run: &Path) -> Self {
        Self {
            folder: Some(run.join(IMAGES)),
        }
    }

    /// No images.
    pub fn none() -> Self {
        Self { folder: None }
    }

    /// The image `images/SHA-256.extension` of the run as a data URI; `None` if it is not there or cannot be read.
    pub(super) fn data_uri(&self, name: &str) -> Option<String> {
        let name = name.strip_prefix(IMAGES)?.strip_prefix('/')?;
        let (sha256, extension) = name.split_once('.')?;
        let plain = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric());
        if sha256.len() != 64 || !plain(sha256) || !plain(extension) {
            return None;
        }
        let path = self.folder.as_ref()?.join(name);
        let found = files::read_limited(&path, MAX_BYTES).ok()?;
        let decoded = rounds_imaging::decode(&found, "image").ok()?;
        let small = rounds_imaging::thumbnail_jpeg(&decoded, SIDE, 80).ok()?;
        let text = base64::engine::general_purpose::STANDARD.encode(small);
        Some(format!("data:image/jpeg;base64,{text}"))
    }
}

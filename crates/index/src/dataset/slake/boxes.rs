//! The bounding boxes of organs and findings in SLAKE: `detection.json` next to each image.

use std::fmt;
use std::path::{Path, PathBuf};

use rounds_support::files;

/// Largest file of boxes, in bytes.
const MAX_FILE_BYTES: u64 = 256 << 10;
/// Most boxes of one image.
const MAX_BOXES: usize = 48;

/// A named box, in pixels of the published image.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct NamedBox {
    pub(super) name: String,
    /// Left, top, width, height.
    rectangle: [f64; 4],
}

impl fmt::Display for NamedBox {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        let [left, top, width, height] = self.rectangle;
        write!(
            out,
            "{} {left},{top},{width},{height}",
            self.name.to_lowercase()
        )
    }
}

/// Caches the boxes of the last image, because questions about an image follow each other.
#[derive(Debug, Default)]
pub(super) struct Boxes {
    image: PathBuf,
    found: Vec<NamedBox>,
}

impl Boxes {
    /// The boxes of the image at `image`; none if the file is missing or broken, because they are optional.
    pub(super) fn of(&mut self, image: &Path) -> &[NamedBox] {
        if self.image != image {
            self.found = read(&image.with_file_name("detection.json")).unwrap_or_default();
            self.image = image.to_path_buf();
        }
        &self.found
    }
}

fn read(path: &Path) -> Option<Vec<NamedBox>> {
    // A link could point to any file, and its keys would appear in tags.
    if !path.symlink_metadata().ok()?.is_file() {
        return None;
    }
    let bytes = files::read_limited(path, MAX_FILE_BYTES).ok()?;
    let list: Vec<serde_json::Map<String, serde_json::Value>> =
        serde_json::from_slice(&bytes).ok()?;
    let marked = list.into_iter().flatten().filter_map(|(name, rectangle)| {
        let rectangle = serde_json::from_value(rectangle).ok()?;
        Some(NamedBox { name, rectangle })
    });
    Some(marked.take(MAX_BOXES).collect())
}

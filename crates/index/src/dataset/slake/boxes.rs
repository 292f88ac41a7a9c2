//! The boxes that SLAKE draws around organs and findings: `detection.json` beside each image.

use std::fmt;
use std::path::{Path, PathBuf};

use rounds_support::files;

/// Longest file of boxes, in bytes, and the most boxes of one image.
const MAX_FILE_BYTES: u64 = 256 << 10;
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

/// The boxes of the last image that was asked for, as its questions stand together.
#[derive(Debug, Default)]
pub(super) struct Boxes {
    image: PathBuf,
    found: Vec<NamedBox>,
}

impl Boxes {
    /// The boxes of the image at `image`; none where the file is missing or broken, as rows do not depend on it.
    pub(super) fn of(&mut self, image: &Path) -> &[NamedBox] {
        if self.image != image {
            self.found = read(&image.with_file_name("detection.json")).unwrap_or_default();
            self.image = image.to_path_buf();
        }
        &self.found
    }
}

fn read(path: &Path) -> Option<Vec<NamedBox>> {
    // A link could name any file; what its names are would show in the tags.
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

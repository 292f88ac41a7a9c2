//! The boxes that SLAKE draws around organs and findings: `detection.json` beside each picture.

use std::fmt;
use std::path::{Path, PathBuf};

use rounds_support::files;

/// Longest file of boxes, in bytes, and the most boxes of one picture.
const LONGEST_FILE: u64 = 256 << 10;
const MOST_BOXES: usize = 48;

/// A named box, in pixels of the published picture.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Marked {
    pub(super) name: String,
    /// Left, top, width, height.
    place: [f64; 4],
}

impl fmt::Display for Marked {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        let [left, top, width, height] = self.place;
        write!(
            out,
            "{} {left},{top},{width},{height}",
            self.name.to_lowercase()
        )
    }
}

/// The boxes of the last picture that was asked for, as its questions stand together.
#[derive(Debug, Default)]
pub(super) struct Boxes {
    picture: PathBuf,
    found: Vec<Marked>,
}

impl Boxes {
    /// The boxes of the picture at `picture`; none where the file is missing or broken, as rows do not depend on it.
    pub(super) fn of(&mut self, picture: &Path) -> &[Marked] {
        if self.picture != picture {
            self.found = read(&picture.with_file_name("detection.json")).unwrap_or_default();
            self.picture = picture.to_path_buf();
        }
        &self.found
    }
}

fn read(path: &Path) -> Option<Vec<Marked>> {
    // A link could name any file; what its names are would show in the tags.
    if !path.symlink_metadata().ok()?.is_file() {
        return None;
    }
    let bytes = files::read_limited(path, LONGEST_FILE).ok()?;
    let list: Vec<serde_json::Map<String, serde_json::Value>> =
        serde_json::from_slice(&bytes).ok()?;
    let marked = list.into_iter().flatten().filter_map(|(name, place)| {
        let place = serde_json::from_value(place).ok()?;
        Some(Marked { name, place })
    });
    Some(marked.take(MOST_BOXES).collect())
}

//! The images of a run's questions and shots, as small JPEGs inside a page.

use base64::Engine;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::bench::{IMAGES, Prepared, Results};
use rounds_index::{ExampleImage, Index};
use rounds_support::files;

/// Sides of an image in a page, in pixels: of a question, and of a shot.
pub(super) const QUESTION_SIDE: u32 = 176;
pub(super) const SHOT_SIDE: u32 = 72;
/// Largest image file that is read.
const MAX_BYTES: u64 = 64 << 20;
/// Most characters of all images in a page: further ones are left out, so that mail and browsers take the page.
const MAX_IN_PAGE: usize = 12 << 20;

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
    fn data_uri(&self, name: &str, side: u32) -> Option<String> {
        let (sha256, extension) = parts(name)?;
        let path = self.folder.as_ref()?.join(format!("{sha256}.{extension}"));
        let found = files::read_limited(&path, MAX_BYTES).ok()?;
        let decoded = rounds_imaging::decode(&found, "image").ok()?;
        let small = rounds_imaging::thumbnail_jpeg(&decoded, side, 80).ok()?;
        let text = base64::engine::general_purpose::STANDARD.encode(small);
        Some(format!("data:image/jpeg;base64,{text}"))
    }
}

/// SHA-256 and extension of `images/SHA-256.extension`; `None` for any other name.
fn parts(name: &str) -> Option<(&str, &str)> {
    let name = name.strip_prefix(IMAGES)?.strip_prefix('/')?;
    let (sha256, extension) = name.split_once('.')?;
    let plain = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric());
    let fits = sha256.len() == 64 && plain(sha256) && plain(extension) && !extension.is_empty();
    fits.then_some((sha256, extension))
}

/// The images of one page, as long as there is room for them.
pub(super) struct InPage<'a> {
    images: &'a Images,
    left: usize,
    /// Images that had no room.
    pub(super) left_out: usize,
}

impl<'a> InPage<'a> {
    pub(super) fn new(images: &'a Images) -> Self {
        Self {
            images,
            left: MAX_IN_PAGE,
            left_out: 0,
        }
    }

    /// An image as a data URI; `None` if it cannot be read or has no room.
    pub(super) fn data_uri(&mut self, name: &str, side: u32) -> Option<String> {
        let uri = self.images.data_uri(name, side)?;
        match self.left.checked_sub(uri.len()) {
            Some(left) => {
                self.left = left;
                Some(uri)
            }
            None => {
                self.left_out += 1;
                None
            }
        }
    }
}

/// Copies the images of the shots that a report shows from their indexes into the run's folder: a report is made from that folder alone.
/// An image that cannot be copied is not shown; its shot's answer is in any case.
pub fn keep_shown(results: &Results, prepared: &Prepared, run: &Path) {
    let folder = run.join(IMAGES);
    for set in &prepared.data {
        let examples = results.examples.iter();
        let of_set = examples.filter(|example| example.dataset == set.name);
        let shots = of_set.flat_map(|example| &example.shots);
        let missing: BTreeSet<(&str, &str)> = shots
            .flat_map(|shot| &shot.images)
            .filter_map(|name| parts(name))
            .filter(|(sha256, extension)| !folder.join(format!("{sha256}.{extension}")).exists())
            .collect();
        if missing.is_empty() {
            continue;
        }
        // The indexes of all models have the same examples.
        let shots = set.shots.first().and_then(|folder| folder.as_deref());
        let Ok(index) = Index::open(shots) else {
            continue;
        };
        for (sha256, extension) in missing {
            copy(&index, sha256, extension, &folder);
        }
    }
}

/// Copies one image of an index into `folder`; `None` if that fails.
fn copy(index: &Index, sha256: &str, extension: &str, folder: &Path) -> Option<()> {
    let image = ExampleImage {
        sha256: sha256.into(),
        extension: extension.into(),
    };
    let bytes = index.image(&image).ok()?;
    files::create_private_dir(folder).ok()?;
    let path = folder.join(format!("{sha256}.{extension}"));
    files::write_atomic(&path, &bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_images_of_a_run_are_read_and_a_page_has_room_for_some() {
        let folder = tempfile::tempdir().unwrap();
        let name = format!("{}.png", "ab".repeat(32));
        let images = folder.path().join(IMAGES);
        std::fs::create_dir(&images).unwrap();
        let from = crate::fixtures::path("cases/chest-nodule.png");
        std::fs::copy(from, images.join(&name)).unwrap();
        let run = Images::of(folder.path());
        let mut page = InPage::new(&run);
        let name = format!("{IMAGES}/{name}");
        let large = page.data_uri(&name, QUESTION_SIDE).unwrap();
        let small = page.data_uri(&name, SHOT_SIDE).unwrap();
        assert!(small.len() < large.len() && small.starts_with("data:image/jpeg;base64,"));
        page.left = small.len() - 1;
        assert_eq!((page.data_uri(&name, SHOT_SIDE), page.left_out), (None, 1));
        for outside in ["../x.png", "images/../x.png", "images/ab.png", "other"] {
            assert_eq!(parts(outside), None, "{outside}");
        }
    }
}

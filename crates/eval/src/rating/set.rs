//! The rating file: what raters see, and the sealed part.

use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};

use rounds_support::files::{self, sha256_hex};
use rounds_support::{INTENDED_USE, sanitise};

use super::RatingError;
use super::sealed::Sealed;

const FORMAT: &str = "rounds-rating";
const VERSION: u32 = 1;
/// Largest rating file that is read.
const MAX_BYTES: u64 = 256 << 20;

/// One item as raters see it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Item {
    /// Name of the data set.
    pub dataset: String,
    /// Its id there.
    pub item: String,
    /// The question.
    pub question: String,
    /// The right answer.
    pub reference: String,
    /// Its images.
    pub images: Vec<ItemImage>,
    /// The anonymous answers, in the order of their letters.
    pub answers: Vec<ShownAnswer>,
}

/// An image of an item.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ItemImage {
    /// Path from the folder of the rating file.
    pub file: String,
    /// SHA-256 of the file.
    pub sha256: String,
}

/// An answer as raters see it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ShownAnswer {
    /// The answer; empty if the system gave none.
    pub answer: String,
    /// Its rationale, if it gave one.
    pub rationale: Option<String>,
}

impl Item {
    /// SHA-256 of its JSON.
    pub(super) fn hash(&self) -> String {
        // Texts and lists always have a JSON form.
        sha256_hex(&serde_json::to_vec(self).unwrap_or_default())
    }

    /// The texts as they may be shown, whoever wrote the file.
    fn sanitise(&mut self) {
        let clean = |text: &mut String| *text = sanitise::clean(text);
        let line = |text: &mut String| *text = sanitise::clean_line(text);
        line(&mut self.dataset);
        line(&mut self.item);
        clean(&mut self.question);
        clean(&mut self.reference);
        for shown in &mut self.answers {
            clean(&mut shown.answer);
            shown.rationale.iter_mut().for_each(clean);
        }
    }
}

/// A rating file whose seal was checked.
#[derive(Clone, Debug, PartialEq)]
pub struct RatingSet {
    /// The items in the order of rating.
    pub items: Vec<Item>,
    /// SHA-256 of the sealed part.
    pub seal: String,
    /// The file it was read from.
    pub path: PathBuf,
    pub(super) sealed: Sealed,
}

/// Errors if a rating file names as its image what is outside of its folder, or no file: a device may have no end.
fn check_file(set: &Path, named: &str, file: &Path) -> Result<(), RatingError> {
    let below = |part| matches!(part, Component::Normal(_));
    if !Path::new(named).components().all(below) {
        let reason = format!("the image {named} is not below its folder");
        return Err(RatingError::format(set, reason));
    }
    match file.exists() && !file.is_file() {
        true => Err(RatingError::format(file, "not a regular file")),
        false => Ok(()),
    }
}

#[derive(Serialize, Deserialize)]
struct Document {
    format: String,
    version: u32,
    intended_use: String,
    seal: String,
    items: Vec<Item>,
    sealed: String,
}

impl RatingSet {
    /// Reads a rating file, checks its seal, and checks that its images are there and unchanged.
    pub fn read(path: &Path) -> Result<Self, RatingError> {
        let bytes = files::read_regular_file(path, MAX_BYTES)?;
        let document: Document =
            serde_json::from_slice(&bytes).map_err(|error| RatingError::format(path, error))?;
        if document.format != FORMAT || document.version != VERSION {
            return Err(RatingError::format(
                path,
                format!("not a rating file of version {VERSION}"),
            ));
        }
        let mut set = Self {
            sealed: Sealed::open(&document.sealed, &document.seal)
                .map_err(|reason| RatingError::seal(path, reason))?,
            items: document.items,
            seal: document.seal,
            path: path.to_path_buf(),
        };
        set.sealed
            .check(&set.items)
            .map_err(|reason| RatingError::seal(path, reason))?;
        for image in set.items.iter().flat_map(|item| &item.images) {
            check_file(path, &image.file, &set.image_path(image))?;
            if files::sha256_file(&set.image_path(image))? != image.sha256 {
                let reason = format!("the image {} was changed", image.file);
                return Err(RatingError::seal(path, reason));
            }
        }
        set.items.iter_mut().for_each(Item::sanitise);
        Ok(set)
    }

    /// Writes a rating file atomically and returns its seal.
    pub(super) fn write(
        path: &Path,
        items: Vec<Item>,
        sealed: &Sealed,
    ) -> Result<String, RatingError> {
        let (text, seal) = sealed.close();
        let document = Document {
            format: FORMAT.into(),
            version: VERSION,
            intended_use: INTENDED_USE.into(),
            seal: seal.clone(),
            items,
            sealed: text,
        };
        let mut json = serde_json::to_vec_pretty(&document)
            .map_err(|error| RatingError::format(path, error))?;
        json.push(b'\n');
        files::write_atomic(path, &json)?;
        Ok(seal)
    }

    /// Where an image of an item is.
    pub fn image_path(&self, image: &ItemImage) -> PathBuf {
        let folder = self.path.parent().unwrap_or(Path::new(""));
        folder.join(&image.file)
    }

    /// Number of answers to rate.
    pub fn answers(&self) -> usize {
        self.items.iter().map(|item| item.answers.len()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_a_file_below_the_folder_of_the_rating_file() {
        let set = Path::new("study.json");
        let check = |named: &str| check_file(set, named, Path::new(named));
        assert_eq!(check("study.json.images/aa.png"), Ok(()));
        for outside in ["../aa.png", "study.json.images/../../aa.png", "/dev/zero"] {
            let error = check(outside).unwrap_err().to_string();
            assert!(error.contains("not below its folder"), "{error}");
        }
        let folder = std::env::temp_dir();
        let error = check_file(set, "images", &folder).unwrap_err();
        assert!(error.to_string().contains("not a regular file"), "{error}");
    }
}

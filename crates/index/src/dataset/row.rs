//! A row of a data set, from which an example of an index is made.

use std::path::PathBuf;

use super::vocabulary;
use crate::example;

/// The question used for images that only have a caption.
pub const DERIVED_QUESTION: &str = "What does this image show?";
/// One more than the tags an example may have. A row with more is truncated or refused later; the limit here keeps the search
/// for duplicate tags fast.
const MAX_TAGS: usize = example::MAX_TAGS + 1;

/// An image that has not been decoded yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImageSource {
    /// An existing file below the given folder.
    File(PathBuf),
    /// The content of a file embedded in the data.
    Bytes {
        /// Its name, for messages only.
        name: String,
        /// The content.
        bytes: Vec<u8>,
    },
}

impl ImageSource {
    /// Its name for messages, not sanitised.
    pub fn name(&self) -> String {
        match self {
            Self::File(path) => path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned(),
            Self::Bytes { name, .. } => name.clone(),
        }
    }
}

/// One row of a data set. Texts are sanitised and trimmed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Row {
    /// The id in the index it was exported from; empty for other data.
    pub id: String,
    /// At least one, in the order of the question.
    pub images: Vec<ImageSource>,
    /// Not empty. Has either one placeholder (U+FFFC) per image, or none at all.
    pub question: String,
    /// Not empty.
    pub answer: String,
    /// Why the answer is right; may be empty.
    pub rationale: String,
    /// Lower-case tag names, and values; a name may occur several times.
    pub tags: Vec<(String, String)>,
    /// The data set or file it comes from.
    pub source: String,
    /// Its licence.
    pub licence: String,
    /// Patient id; empty if the data does not give it.
    pub patient: String,
    /// Case, paper or study of the images; empty if the data does not give it.
    pub study: String,
    /// Its position in the input: `train.json, entry 12`.
    pub origin: String,
}

impl Row {
    /// A row of images with a question and an answer.
    pub(super) fn new(images: Vec<ImageSource>, question: String, answer: String) -> Self {
        Self {
            images,
            question,
            answer,
            ..Self::default()
        }
    }

    /// A row of images with only a caption.
    pub(super) fn caption(images: Vec<ImageSource>, caption: String) -> Self {
        let mut row = Self::new(images, DERIVED_QUESTION.to_owned(), caption);
        row.tag("question", "derived");
        row
    }

    /// Adds a tag unless it is empty or a duplicate.
    pub(super) fn tag(&mut self, name: &str, value: &str) {
        if self.tags.len() >= MAX_TAGS {
            return;
        }
        let value = value.trim();
        let known = |tag: &(String, String)| tag.0 == name && tag.1 == value;
        if !value.is_empty() && !self.tags.iter().any(known) {
            self.tags.push((name.to_owned(), value.to_owned()));
        }
    }

    /// Adds several tags with the same name.
    pub(super) fn tag_all<'a>(&mut self, name: &str, values: impl IntoIterator<Item = &'a str>) {
        for value in values {
            self.tag(name, value);
        }
    }

    /// Whether there is a tag of this name.
    pub(super) fn has_tag(&self, name: &str) -> bool {
        self.tags.iter().any(|(n, _)| n == name)
    }

    /// Adds the modality tags: the normalised word as `modality`, the original text as `modality-text`.
    pub(super) fn tag_modality(&mut self, words: &str) {
        match vocabulary::modality(words) {
            Some(modality) => {
                self.tag("modality", modality);
                self.tag("modality-text", words);
            }
            None => self.tag("modality", &words.to_lowercase()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_beyond_the_limit_are_dropped_quickly() {
        let started = std::time::Instant::now();
        let mut row = Row::default();
        for number in 0..1_000_000 {
            row.tag("note", &number.to_string());
        }
        assert_eq!(row.tags.len(), example::MAX_TAGS + 1);
        assert!(started.elapsed() < std::time::Duration::from_secs(30));
    }
}

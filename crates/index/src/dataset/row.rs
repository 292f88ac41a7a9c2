//! A row of a data set: what an example of an index is made of.

use std::path::PathBuf;

use super::vocabulary;
use crate::example;

/// The question of images that come with a caption alone.
pub const DERIVED_QUESTION: &str = "What does this image show?";
/// Tags are taken up to one more than an example may have: what comes with more is cut or refused later on, and until then
/// looking whether a tag is there stays quick.
const MAX_TAGS: usize = example::MAX_TAGS + 1;

/// An image that has not been read or decoded yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImageSource {
    /// A file that exists, below the folder that was given.
    File(PathBuf),
    /// The content of a file that lies inside the data; the name is for messages only.
    Bytes { name: String, bytes: Vec<u8> },
}

impl ImageSource {
    /// Its name for messages, not clean.
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

/// One row of a data set. Texts are clean and trimmed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Row {
    /// The id it had in the index that it was exported from; empty for everything else.
    pub id: String,
    /// At least one, in the order of the question.
    pub images: Vec<ImageSource>,
    /// Not empty. With images in their places (U+FFFC, one an image), or without any place.
    pub question: String,
    /// Not empty.
    pub answer: String,
    pub rationale: String,
    /// Lower-case name and value; a name may come several times.
    pub tags: Vec<(String, String)>,
    pub source: String,
    pub licence: String,
    /// Whose images they are; empty where the data does not say.
    pub patient: String,
    /// Case, paper or study that the images belong to; empty where the data does not say.
    pub study: String,
    /// Where in the input: `train.json, entry 12`.
    pub origin: String,
}

impl Row {
    /// A row of these images with a question and an answer.
    pub(super) fn new(images: Vec<ImageSource>, question: String, answer: String) -> Self {
        Self {
            images,
            question,
            answer,
            ..Self::default()
        }
    }

    /// A row of images with a caption alone.
    pub(super) fn caption(images: Vec<ImageSource>, caption: String) -> Self {
        let mut row = Self::new(images, DERIVED_QUESTION.to_owned(), caption);
        row.tag("question", "derived");
        row
    }

    /// Adds a tag, unless it says nothing or is there already.
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

    /// Adds several tags of one name.
    pub(super) fn tag_all<'a>(&mut self, name: &str, values: impl IntoIterator<Item = &'a str>) {
        for value in values {
            self.tag(name, value);
        }
    }

    /// Whether there is a tag of this name.
    pub(super) fn has_tag(&self, name: &str) -> bool {
        self.tags.iter().any(|(n, _)| n == name)
    }

    /// Tags the modality: a word of the small vocabulary as `modality`, the data's own words as `modality-text`.
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
    fn a_row_of_a_million_tags_is_quickly_known_to_have_too_many() {
        let began = std::time::Instant::now();
        let mut row = Row::default();
        for number in 0..1_000_000 {
            row.tag("note", &number.to_string());
        }
        assert_eq!(row.tags.len(), example::MAX_TAGS + 1);
        assert!(began.elapsed() < std::time::Duration::from_secs(30));
    }
}

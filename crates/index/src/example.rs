//! One worked example, and the two hashes that belong to it: what makes it the same example, and what proves it whole.

use sha2::{Digest, Sha256};

use super::error::{IndexError, damaged};
use rounds_support::sanitise::clean_line;

/// Stands in a question where an image belongs; a question without one has its images in front.
pub const PICTURE_PLACE: char = '\u{FFFC}';

/// Longest text field in characters: a page of a textbook, far above any question.
pub const MAX_FIELD_CHARS: usize = 32_000;
/// Most tags and most images of one example.
pub const MAX_TAGS: usize = 256;
pub const MAX_IMAGES: usize = 16;

/// Shortest and longest id that an example may bring along, in bytes. A shorter one could be the number of a shot or a word of
/// the program's own; a whole identity is longer, so that this is left for an example whose other ids are taken.
const MIN_ID: usize = 4;
const MAX_ID: usize = 48;

/// An image of an example: a file below `images/`, named by its content.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ExampleImage {
    /// SHA-256 of the file, in hexadecimal digits.
    pub sha256: String,
    /// `jpg`, `png` …
    pub extension: String,
}

/// One worked example.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Example {
    /// Its place in the index, from 0; its row in the vector files.
    pub number: usize,
    pub id: String,
    pub images: Vec<ExampleImage>,
    pub question: String,
    pub answer: String,
    pub rationale: String,
    /// Name and value; a name may have several values.
    pub tags: Vec<(String, String)>,
    pub source: String,
    pub licence: String,
    /// Whose image it is; empty where unknown.
    pub patient: String,
    pub study: String,
}

impl Example {
    /// The first image.
    pub fn image(&self) -> Option<&ExampleImage> {
        self.images.first()
    }

    /// The first value of a tag.
    pub fn tag(&self, name: &str) -> Option<&str> {
        let tag = self.tags.iter().find(|(n, _)| n == name);
        tag.map(|(_, value)| value.as_str())
    }

    /// Cleans every text, sorts the tags, and checks the lengths.
    pub fn cleaned(mut self) -> Result<Self, IndexError> {
        let fields = [
            ("the id", &mut self.id),
            ("the question", &mut self.question),
            ("the answer", &mut self.answer),
            ("the rationale", &mut self.rationale),
            ("the source", &mut self.source),
            ("the licence", &mut self.licence),
            ("the patient", &mut self.patient),
            ("the study", &mut self.study),
        ];
        for (what, field) in fields {
            *field = clean_line(field).trim().to_string();
            let found = field.chars().count();
            if found > MAX_FIELD_CHARS {
                return Err(IndexError::Long {
                    what,
                    found,
                    limit: MAX_FIELD_CHARS,
                });
            }
        }
        if self.tags.len() > MAX_TAGS || self.images.len() > MAX_IMAGES {
            return Err(IndexError::Refused(format!(
                "an example has at most {MAX_TAGS} tags and {MAX_IMAGES} images"
            )));
        }
        self.tags = self
            .tags
            .iter()
            .map(|(name, value)| (tag_name(name), clean_line(value).trim().to_string()))
            .filter(|(name, value)| !name.is_empty() && !value.is_empty())
            .collect();
        self.tags.sort();
        self.tags.dedup();
        let values = self.tags.iter().map(|(_, value)| value.chars().count());
        match values.max() {
            Some(found) if found > MAX_FIELD_CHARS => Err(IndexError::Long {
                what: "a tag",
                found,
                limit: MAX_FIELD_CHARS,
            }),
            _ => Ok(self),
        }
    }

    /// What makes an example the same as another: its images, question and answer.
    pub fn identity(&self) -> [u8; 32] {
        let images: Vec<&str> = self.images.iter().map(|i| i.sha256.as_str()).collect();
        hash(&[&images.join(" "), &self.question, &self.answer])
    }

    /// The ids it may have, the best first: its own, then longer and longer beginnings of its identity in hexadecimal digits.
    pub fn ids(&self) -> Vec<String> {
        let identity = self.identity();
        let digits = |bytes: usize| {
            identity
                .iter()
                .take(bytes)
                .map(|b| format!("{b:02x}"))
                .collect()
        };
        let mut ids = vec![self.id.clone(), digits(8), digits(16), digits(32)];
        ids.retain(|id| !id.is_empty());
        ids
    }

    /// What proves that a stored example is whole: a hash over everything in it, its number included.
    pub fn checksum(&self) -> [u8; 32] {
        hash(&[
            &self.number.to_string(),
            &self.id,
            &self.images_text(),
            &self.question,
            &self.answer,
            &self.rationale,
            &self.tags_text(),
            &self.source,
            &self.licence,
            &self.patient,
            &self.study,
        ])
    }

    /// `sha256.extension` of every image, separated by spaces.
    pub fn images_text(&self) -> String {
        let names = self.images.iter();
        let names: Vec<String> = names
            .map(|i| format!("{}.{}", i.sha256, i.extension))
            .collect();
        names.join(" ")
    }

    /// `name=value`, a line each.
    pub fn tags_text(&self) -> String {
        let lines = self
            .tags
            .iter()
            .map(|(name, value)| format!("{name}={value}"));
        lines.collect::<Vec<_>>().join("\n")
    }
}

/// Whether a text has the shape of an example's id: lower-case letters, digits and `-`, as in `phantom-fundus-005` or the
/// beginning of a hash. Nothing else may become an id that comes with foreign data: ids are typed, printed and compared.
pub fn is_id(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    (MIN_ID..=MAX_ID).contains(&text.len())
        && text.bytes().next().is_some_and(plain)
        && text.bytes().all(|byte| plain(byte) || byte == b'-')
}

/// The inverse of [`Example::images_text`].
pub fn images_of(text: &str) -> Result<Vec<ExampleImage>, IndexError> {
    let part = |name: &str| {
        let (sha256, extension) = name.split_once('.')?;
        let digits = sha256.len() == 64 && sha256.bytes().all(|b| b.is_ascii_hexdigit());
        let letters = (1..=5).contains(&extension.len())
            && extension
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        (digits && letters).then(|| ExampleImage {
            sha256: sha256.to_string(),
            extension: extension.to_string(),
        })
    };
    text.split_whitespace()
        .map(|name| part(name).ok_or_else(|| damaged("the database", "an impossible image name")))
        .collect()
}

/// The inverse of [`Example::tags_text`].
pub fn tags_of(text: &str) -> Vec<(String, String)> {
    text.lines()
        .filter_map(|line| line.split_once('='))
        // A name that was never ours fails the row's checksum, so it is not only harmless but found.
        .map(|(name, value)| (tag_name(name), clean_line(value)))
        .collect()
}

/// A tag's name as it is kept: lower case, letters, digits and `-`.
pub fn tag_name(name: &str) -> String {
    let name = name.trim().to_lowercase();
    name.chars()
        .map(|c| if c.is_alphanumeric() { c } else { '-' })
        .take(64)
        .collect()
}

/// Every part with its length in front, so that no two lists of parts look the same.
fn hash(parts: &[&str]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    hasher.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> Example {
        Example {
            question: "Is there\na nodule?".into(),
            answer: " yes ".into(),
            tags: vec![
                ("Organ".into(), "chest".into()),
                ("answer type".into(), "closed\u{1B}[2J".into()),
                ("organ".into(), "chest".into()),
                ("empty".into(), " ".into()),
            ],
            images: vec![ExampleImage {
                sha256: "ab".repeat(32),
                extension: "jpg".into(),
            }],
            ..Default::default()
        }
    }

    #[test]
    fn texts_are_cleaned_and_tags_sorted_once_each() {
        let clean = example().cleaned().unwrap();
        assert_eq!(clean.question, "Is there a nodule?");
        assert_eq!(clean.answer, "yes");
        assert!(!clean.tags_text().contains('\u{1B}'));
        assert_eq!(clean.tags.len(), 2);
        assert_eq!(clean.tag("organ"), Some("chest"));
        assert_eq!(tags_of(&clean.tags_text()), clean.tags);
        assert_eq!(images_of(&clean.images_text()).unwrap(), clean.images);
    }

    #[test]
    fn identity_is_image_and_text_while_the_checksum_covers_everything() {
        let a = example().cleaned().unwrap();
        let b = Example {
            licence: "other".into(),
            ..a.clone()
        };
        let c = Example {
            answer: "no".into(),
            ..a.clone()
        };
        assert_eq!(a.identity(), b.identity());
        assert_ne!(a.checksum(), b.checksum());
        assert_ne!(a.identity(), c.identity());
    }

    #[test]
    fn an_id_is_of_one_plain_word_and_its_content_gives_others() {
        for id in [
            "phantom-fundus-005",
            "00ff00ff00ff00ff",
            "case",
            &"a".repeat(48),
        ] {
            assert!(is_id(id), "{id}");
        }
        for id in [
            "",
            "7",
            "off",
            "-case",
            "Case",
            "a b c",
            "../etc",
            "case\u{1B}[2J",
            "fäll",
            &"a".repeat(49),
        ] {
            assert!(!is_id(id), "{id}");
        }
        let example = example().cleaned().unwrap();
        let ids = example.ids();
        assert_eq!(
            ids.iter().map(String::len).collect::<Vec<_>>(),
            [16, 32, 64]
        );
        assert!(ids.iter().all(|id| ids[2].starts_with(id)));
        let named = Example {
            id: "case-1".into(),
            ..example
        };
        assert_eq!(named.ids()[0], "case-1");
    }

    #[test]
    fn a_text_without_end_and_a_image_name_that_is_a_path_are_refused() {
        let long = Example {
            question: "x".repeat(MAX_FIELD_CHARS + 1),
            ..example()
        };
        assert!(long.cleaned().is_err());
        let tagged = Example {
            tags: vec![("note".into(), "x".repeat(MAX_FIELD_CHARS + 1))],
            ..example()
        };
        assert!(tagged.cleaned().is_err());
        assert!(images_of("../../etc/passwd.jpg").is_err());
        assert!(images_of(&format!("{}.a/b", "ab".repeat(32))).is_err());
    }
}

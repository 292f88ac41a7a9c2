//! A worked example and its two hashes: the identity, which detects duplicates, and the checksum, which detects damage.

use sha2::{Digest, Sha256};

use super::error::{IndexError, damaged};
use rounds_support::sanitise::clean_line;

/// Marks the position of an image in a question; in a question without it the images come first.
pub const IMAGE_PLACEHOLDER: char = '\u{FFFC}';

/// Longest text field in characters: several textbook pages, far more than any question.
pub(crate) const MAX_FIELD_CHARS: usize = 32_000;
/// Most tags of one example.
pub(crate) const MAX_TAGS: usize = 256;
/// Most images of one example.
pub(crate) const MAX_IMAGES: usize = 16;

/// Shortest and longest id accepted from imported data, in bytes. A shorter one could be a shot number or a keyword of the
/// program; a full identity is longer, so it stays free for an example whose other ids are in use.
const MIN_ID: usize = 4;
const MAX_ID: usize = 48;

/// An image of an example: a file below `images/`, named by its hash.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ExampleImage {
    /// SHA-256 of the file, in hexadecimal digits.
    pub sha256: String,
    /// File extension: `jpg`, `png` …
    pub extension: String,
}

/// One worked example.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Example {
    /// Its number in the index, from 0, which is also its row in the vector files.
    pub number: usize,
    /// Its unique id.
    pub id: String,
    /// Its images, in the order of the question.
    pub images: Vec<ExampleImage>,
    /// The question.
    pub question: String,
    /// The answer.
    pub answer: String,
    /// Why the answer is right; may be empty.
    pub rationale: String,
    /// Tag names and values; a name may have several values.
    pub tags: Vec<(String, String)>,
    /// The data set or file it comes from.
    pub source: String,
    /// Its licence.
    pub licence: String,
    /// Patient id; empty if unknown.
    pub patient: String,
    /// Study id; empty if unknown.
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

    /// Sanitises all texts, sorts the tags and checks the lengths.
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
                return Err(IndexError::TooLong {
                    what,
                    found,
                    limit: MAX_FIELD_CHARS,
                });
            }
        }
        if self.tags.len() > MAX_TAGS || self.images.len() > MAX_IMAGES {
            return Err(IndexError::Refused(format!(
                "an example can have at most {MAX_TAGS} tags and {MAX_IMAGES} images"
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
            Some(found) if found > MAX_FIELD_CHARS => Err(IndexError::TooLong {
                what: "a tag",
                found,
                limit: MAX_FIELD_CHARS,
            }),
            _ => Ok(self),
        }
    }

    /// Hash of its images, question and answer; examples with the same identity are duplicates.
    pub fn identity(&self) -> [u8; 32] {
        let images: Vec<&str> = self.images.iter().map(|i| i.sha256.as_str()).collect();
        hash(&[&images.join(" "), &self.question, &self.answer])
    }

    /// The ids it may get, in order of preference: the one it has, then ever longer hexadecimal prefixes of its identity.
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

    /// Hash of all its fields including the number, which shows whether a stored example is intact.
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

    /// The tags as `name=value`, one per line.
    pub fn tags_text(&self) -> String {
        let lines = self
            .tags
            .iter()
            .map(|(name, value)| format!("{name}={value}"));
        lines.collect::<Vec<_>>().join("\n")
    }
}

/// Whether a text is a valid example id: lower-case letters, digits and `-`, as in `phantom-fundus-005` or a hash prefix.
/// No other id is accepted from imported data, because ids are typed, printed and compared.
pub(crate) fn is_id(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    (MIN_ID..=MAX_ID).contains(&text.len())
        && text.bytes().next().is_some_and(plain)
        && text.bytes().all(|byte| plain(byte) || byte == b'-')
}

/// The inverse of [`Example::images_text`].
pub(crate) fn images_of(text: &str) -> Result<Vec<ExampleImage>, IndexError> {
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
        .map(|name| part(name).ok_or_else(|| damaged("the database", "an invalid image name")))
        .collect()
}

/// The inverse of [`Example::tags_text`].
pub(crate) fn tags_of(text: &str) -> Vec<(String, String)> {
    text.lines()
        .filter_map(|line| line.split_once('='))
        // If normalising changes a name, the row's checksum fails, so a tampered name is detected.
        .map(|(name, value)| (tag_name(name), clean_line(value)))
        .collect()
}

/// A tag name in normal form: lower-case letters, digits and `-`.
pub fn tag_name(name: &str) -> String {
    let name = name.trim().to_lowercase();
    name.chars()
        .map(|c| if c.is_alphanumeric() { c } else { '-' })
        .take(64)
        .collect()
}

/// Hashes every part with its length in front, so that different lists of parts never give the same input.
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
    fn texts_are_cleaned_and_tags_are_sorted_without_duplicates() {
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
    fn the_identity_covers_images_and_texts_and_the_checksum_covers_everything() {
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
    fn an_id_has_only_plain_characters_and_the_content_gives_alternatives() {
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
    fn overlong_texts_and_image_names_with_paths_are_refused() {
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

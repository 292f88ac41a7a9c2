//! A card: what is asked, what is shown, and what is right.
//!
//! Cards say nothing about a learner; when a card comes again is [`crate::schedule`]'s.

use std::fmt;
use std::str::FromStr;

use rounds_support::sanitise::clean_line_max;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::error::StudyError;

/// The id of a card: 16 hexadecimal digits.
pub type CardId = String;

/// What the learner is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Answer a question in words.
    Question,
    /// Choose one of several answers.
    Choice,
    /// Mark a place on the image; scored against regions.
    Spot,
    /// Name what a covered region shows.
    Occlusion,
    /// Compare two images.
    Compare,
    /// A vignette, then the image, then laboratory values.
    Staged,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 6] = [
        Self::Question,
        Self::Choice,
        Self::Spot,
        Self::Occlusion,
        Self::Compare,
        Self::Staged,
    ];

    /// As it is typed and stored.
    pub fn name(self) -> &'static str {
        match self {
            Self::Question => "question",
            Self::Choice => "choice",
            Self::Spot => "spot",
            Self::Occlusion => "occlusion",
            Self::Compare => "compare",
            Self::Staged => "staged",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Kind {
    type Err = StudyError;

    fn from_str(text: &str) -> Result<Self, StudyError> {
        let wanted = text.trim().to_ascii_lowercase();
        let known = Self::ALL.into_iter().find(|kind| kind.name() == wanted);
        known.ok_or_else(|| StudyError::Kind(clean_line_max(text, 60)))
    }
}

/// An image of a card, by the SHA-256 of its file.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CardImage {
    /// In hexadecimal digits.
    pub sha256: String,
    /// `jpg`, `png` …
    pub extension: String,
}

/// A labelled rectangle on the first image, in fractions of its width and height.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Region {
    /// What it shows.
    pub label: String,
    /// Left edge, 0 to 1.
    pub x: f32,
    /// Upper edge, 0 to 1.
    pub y: f32,
    /// Width, 0 to 1.
    pub width: f32,
    /// Height, 0 to 1.
    pub height: f32,
}

/// A row of a laboratory table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabRow {
    /// What was measured.
    pub test: String,
    /// Value with unit.
    pub value: String,
    /// The reference range; may be empty.
    pub reference: String,
}

/// A card.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Card {
    /// 16 hexadecimal digits, made from what the card asks and its kind, so that the same card keeps its reviews.
    pub id: String,
    /// What the learner is to do.
    pub kind: Kind,
    /// The question.
    pub question: String,
    /// The reference answer.
    pub answer: String,
    /// Why the answer is right; may be empty.
    pub rationale: String,
    /// The images, in the order of the question.
    pub images: Vec<CardImage>,
    /// The answers to choose from, of [`Kind::Choice`] and [`Kind::Compare`]; one of them is [`Card::answer`].
    pub choices: Vec<String>,
    /// The right places of [`Kind::Spot`], or what [`Kind::Occlusion`] covers (the first region is the one asked about).
    pub regions: Vec<Region>,
    /// The history, shown first, of [`Kind::Staged`]; may be empty.
    pub vignette: String,
    /// Laboratory values, shown last, of [`Kind::Staged`].
    pub laboratory: Vec<LabRow>,
    /// Tag names and values.
    pub tags: Vec<(String, String)>,
    /// Cards that share a key (an image, a patient) are siblings: one of them a day.
    pub sibling_keys: Vec<String>,
    /// The data set or file it comes from, with attribution.
    pub source: String,
    /// Its licence.
    pub licence: String,
    /// The id of the index example it was made from; empty for imported cards.
    pub example: String,
}

impl Card {
    /// Whether a chosen answer, given by its text, is the right one.
    pub fn is_right(&self, given: &str) -> bool {
        given == self.answer
    }

    /// Whether the card has one of the kinds and, of every tag named, one of the values; no kinds and no tags ask nothing.
    /// Case does not count.
    pub fn matches(&self, kinds: &[Kind], tags: &[(String, String)]) -> bool {
        (kinds.is_empty() || kinds.contains(&self.kind)) && has_tags(&self.tags, tags)
    }
}

/// Whether `tags` has, of every name in `wanted`, one of the wanted values. Case does not count.
pub(crate) fn has_tags(tags: &[(String, String)], wanted: &[(String, String)]) -> bool {
    let same = |a: &str, b: &str| a.to_lowercase() == b.to_lowercase();
    wanted.iter().all(|(name, _)| {
        let mut values = wanted.iter().filter(|(other, _)| same(other, name));
        values.any(|(_, value)| {
            let mut found = tags.iter();
            found.any(|(tag, has)| same(tag, name) && same(has, value))
        })
    })
}

/// The id of a card, from its kind and what it asks. `extra` is what else tells it from other cards with this question and
/// these images: a label, a vignette. The answer is not part of it, so a corrected card keeps its reviews.
pub fn card_id(kind: Kind, question: &str, images: &[CardImage], extra: &[&str]) -> CardId {
    let mut hasher = Sha256::new();
    let mut add = |part: &str| {
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    };
    add(kind.name());
    add(question);
    add(&images.len().to_string());
    for image in images {
        add(&image.sha256);
    }
    for part in extra {
        add(part);
    }
    let digest = format!("{:x}", hasher.finalize());
    digest.chars().take(16).collect()
}

/// Whether a text can be a card's id.
pub(crate) fn is_id(text: &str) -> bool {
    let digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    text.len() == 16 && text.bytes().all(digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_depends_on_what_is_asked_and_on_nothing_else() {
        let image = |digit: &str| CardImage {
            sha256: digit.repeat(64),
            extension: "png".into(),
        };
        let id = card_id(Kind::Question, "Why?", &[image("a")], &[]);
        assert!(is_id(&id), "{id}");
        assert_eq!(id, card_id(Kind::Question, "Why?", &[image("a")], &[]));
        let others = [
            card_id(Kind::Choice, "Why?", &[image("a")], &[]),
            card_id(Kind::Question, "Why", &[image("a")], &["?"]),
            card_id(Kind::Question, "Why?", &[image("b")], &[]),
            card_id(Kind::Question, "Why?", &[image("a"), image("a")], &[]),
            card_id(Kind::Question, "Why?", &[], &[&"a".repeat(64)]),
        ];
        for (number, other) in others.iter().enumerate() {
            assert!(
                *other != id && !others[..number].contains(other),
                "{number}"
            );
        }
    }

    #[test]
    fn every_kind_is_read_back_by_its_name() {
        for kind in Kind::ALL {
            assert_eq!(kind.name().to_uppercase().parse::<Kind>().unwrap(), kind);
        }
        assert!("cloze".parse::<Kind>().is_err());
    }

    #[test]
    fn values_of_one_tag_are_alternatives_and_different_tags_add_up() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let tags = [pair("organ", "chest"), pair("modality", "x-ray")];
        for (wanted, fits) in [
            (vec![], true),
            (vec![pair("Organ", "Chest")], true),
            (vec![pair("organ", "head"), pair("organ", "chest")], true),
            (vec![pair("organ", "chest"), pair("modality", "ct")], false),
            (vec![pair("topic", "chest")], false),
        ] {
            assert_eq!(has_tags(&tags, &wanted), fits, "{wanted:?}");
        }
    }
}

//! A card: what is asked, what is shown, and what is right.
//!
//! Cards say nothing about a learner; when a card comes again is [`crate::schedule`]'s.

use serde::{Deserialize, Serialize};

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
    /// The answers to choose from, of [`Kind::Choice`]; one of them is [`Card::answer`].
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

//! The plain types that the store saves.
//!
//! They hold no model, index or image data, so a session stays readable when those are gone. Fields may be added with a
//! default; never change the meaning of a field, because old sessions are read with it.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::Arc;

use crate::id::SessionId;

/// A saved image, identified by its content.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredImage {
    /// SHA-256 of the file: 64 lower-case hexadecimal digits.
    pub sha256: String,
    /// File name without its folder.
    pub name: String,
    /// `png`, `jpg` …
    pub format: String,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Length of the file in bytes.
    pub bytes: u64,
}

/// A shot as it was in the prompt.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StoredShot {
    /// Id of the example in the index.
    pub example_id: String,
    /// 1 is the most similar.
    pub rank: u32,
    /// The strategy's score, or a pinned shot's similarity; 0 if nothing was compared, NaN if it was not a finite number.
    #[serde(with = "finite")]
    pub score: f32,
    /// Its part of the match with the question's image, from 0 to 1; `None` where the model has no such measure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub match_share: Option<f32>,
    /// Why it was chosen.
    pub reason: String,
    /// The example's question.
    pub question: String,
    /// The example's answer.
    pub answer: String,
    /// The example's rationale; empty if it has none.
    pub rationale: String,
    /// Where the example comes from.
    pub source: String,
    /// Licence of the example.
    pub licence: String,
    /// `sha256.extension` of its images in the index.
    #[serde(default)]
    pub images: Vec<String>,
    /// Tags as name and value.
    #[serde(default)]
    pub tags: Vec<(String, String)>,
    /// A small JPEG, saved in the store.
    #[serde(default)]
    pub thumbnail: Option<StoredImage>,
}

impl StoredShot {
    /// Its score; `None` if nothing was compared, as for a shot chosen at random, or if it is not a finite number.
    pub(crate) fn known_score(&self) -> Option<f32> {
        Some(self.score).filter(|score| score.is_finite() && *score != 0.0)
    }
}

/// A finished answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StoredAnswer {
    /// Text of the answer.
    pub answer: String,
    /// `None` if the model gave none.
    pub rationale: Option<String>,
    /// Whether the model is sure of it; `None` where that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sure: Option<bool>,
    /// Why the answer was withheld, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub withheld: Option<String>,
    /// Why generation stopped.
    pub stop_reason: String,
    /// Notices shown with the answer.
    pub notices: Vec<String>,
    /// What is true of every answer of the model; shown once for a session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about_model: Option<String>,
    /// Everything needed to repeat the answer, as a JSON object.
    pub provenance: Value,
    /// Milliseconds spent, as a JSON object.
    pub timings: Value,
    /// Tokens in the prompt.
    pub prompt_tokens: u64,
    /// Tokens generated.
    pub generated_tokens: u64,
    /// Natural log-probability of each generated token; NaN if it was not a finite number.
    #[serde(with = "finite_list")]
    pub log_probabilities: Vec<f32>,
    /// The given options with their likelihoods, most likely first; `null` if none were given.
    #[serde(default)]
    pub ranking: Value,
}

/// How far a turn got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TurnState {
    /// Asked; its process is still running.
    Asked,
    /// The answer is complete.
    Answered,
    /// The user stopped it; the partial text is saved.
    Stopped,
    /// It failed; the message says why.
    Failed,
    /// Its process ended first; the partial text is saved.
    Interrupted,
}

impl TurnState {
    /// Every state.
    pub const ALL: [Self; 5] = [
        Self::Asked,
        Self::Answered,
        Self::Stopped,
        Self::Failed,
        Self::Interrupted,
    ];

    /// Its name in the database and in exports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Answered => "answered",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
        }
    }
}

/// Where the model, index and encoder of an answer are: names in the user's libraries, or full paths.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Sources {
    /// Name or path of the model.
    pub model: String,
    /// Name or path of the index.
    pub index: String,
    /// The retrieval encoder; `None` for the model's own tower.
    pub encoder: Option<String>,
    /// The search as requested: `auto`, `exact`, `hnsw` or `hnsw-rs`.
    pub search: String,
}

/// A question and its outcome.
#[derive(Clone, Debug, PartialEq)]
pub struct Turn {
    /// From 1, in the order asked.
    pub number: u32,
    /// The turn it follows; an edited question has the parent of the one it replaces.
    pub parent: Option<u32>,
    /// When it was asked, in milliseconds since 1970.
    pub asked: i64,
    /// When it ended, or when text last arrived if it has not, in milliseconds since 1970.
    pub ended: Option<i64>,
    /// How far it got.
    pub state: TurnState,
    /// The question.
    pub question: String,
    /// The attached images.
    pub images: Vec<StoredImage>,
    /// The settings, as a JSON object.
    pub settings: Value,
    /// `None` in turns of older versions. Never exported: a path may contain a person's name.
    pub sources: Option<Sources>,
    /// The patient in the images, if known. Never exported.
    pub patient: Option<String>,
    /// The study the images belong to, if known. Never exported.
    pub study: Option<String>,
    /// The partial text if there is no answer.
    pub text: String,
    /// Present if and only if the state is `Answered`.
    pub answer: Option<StoredAnswer>,
    /// The shots, most similar first.
    pub shots: Vec<StoredShot>,
    /// The prompt as the model read it; `None` if it did not get that far, and in turns of older versions.
    pub prompt: Option<String>,
    /// Why it failed.
    pub message: Option<String>,
}

/// A whole conversation.
#[derive(Clone, Debug, PartialEq)]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// Position in the order of creation, from 1; never changes.
    pub number: u32,
    /// Its title.
    pub title: String,
    /// Name of the model.
    pub model: String,
    /// Name of the index.
    pub index: String,
    /// When it was created, in milliseconds since 1970.
    pub created: i64,
    /// When a turn last began or ended, in milliseconds since 1970.
    pub used: i64,
    /// Ordered by number; parents come before their children.
    pub turns: Vec<Turn>,
}

/// An entry in a list of sessions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Id of the session.
    pub id: SessionId,
    /// Position in the order of creation, from 1.
    pub number: u32,
    /// Its title.
    pub title: String,
    /// Name of the model.
    pub model: String,
    /// Name of the index.
    pub index: String,
    /// When it was created, in milliseconds since 1970.
    pub created: i64,
    /// When a turn last began or ended, in milliseconds since 1970.
    pub used: i64,
    /// Number of turns.
    pub turns: u32,
    /// Name of the first image attached, in the first turn or else the last one.
    pub image: Option<String>,
    /// The last answer, on one line, shortened.
    pub last_answer: Option<String>,
}

/// An image to save.
#[derive(Clone, Debug)]
pub struct NewImage {
    /// File name without its folder.
    pub name: String,
    /// `png`, `jpg` …
    pub format: String,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// The file's bytes.
    pub bytes: Arc<[u8]>,
}

/// A question that is about to be asked.
#[derive(Clone, Debug, Default)]
pub struct NewTurn {
    /// The turn it follows; `None` begins a conversation.
    pub parent: Option<u32>,
    /// The question.
    pub question: String,
    /// The attached images.
    pub images: Vec<NewImage>,
    /// The settings, as a JSON object.
    pub settings: Value,
    /// The requested sources; `Sessions::finish_turn` may replace them.
    pub sources: Option<Sources>,
    /// The patient in the images, if known.
    pub patient: Option<String>,
    /// The study the images belong to, if known.
    pub study: Option<String>,
}

/// A shot to save.
#[derive(Clone, Debug, Default)]
pub struct NewShot {
    /// The shot; its `thumbnail` field is ignored.
    pub shot: StoredShot,
    /// A small JPEG.
    pub thumbnail: Option<Vec<u8>>,
}

/// How a turn ended, and what came of it.
#[derive(Clone, Debug)]
pub struct TurnEnd {
    /// What the user got.
    pub outcome: Outcome,
    /// The shots, most similar first.
    pub shots: Vec<NewShot>,
    /// The prompt as the model read it, if it got that far.
    pub prompt: Option<String>,
    /// If given, replaces the sources saved at the beginning: the requested model may not be the one that answered.
    pub sources: Option<Sources>,
}

impl From<Outcome> for TurnEnd {
    fn from(outcome: Outcome) -> Self {
        Self {
            outcome,
            shots: Vec::new(),
            prompt: None,
            sources: None,
        }
    }
}

/// What the user got.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// The complete answer.
    Answered(Box<StoredAnswer>),
    /// The user stopped it.
    Stopped {
        /// The partial text; empty to leave the saved text as it is.
        text: String,
    },
    /// It failed.
    Failed {
        /// The partial text; empty to leave the saved text as it is.
        text: String,
        /// Why it failed.
        message: String,
    },
}

/// JSON has no NaN, so such a number is written as `null`.
mod finite {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(number: &f32, to: S) -> Result<S::Ok, S::Error> {
        Some(*number).filter(|n| n.is_finite()).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<f32, D::Error> {
        Ok(Option::deserialize(from)?.unwrap_or(f32::NAN))
    }
}

/// As `finite`, for a list of numbers.
mod finite_list {
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(numbers: &[f32], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(numbers.iter().map(|n| Some(*n).filter(|n| n.is_finite())))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<f32>, D::Error> {
        let numbers: Vec<Option<f32>> = Vec::deserialize(from)?;
        Ok(numbers.into_iter().map(|n| n.unwrap_or(f32::NAN)).collect())
    }
}

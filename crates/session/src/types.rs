//! What the store keeps, in plain types of its own.
//!
//! They hold no model, index or picture, so a session can be read when those are gone. Fields may be added with a default;
//! never change the meaning of one, old sessions are read with it.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::Arc;

use super::id::SessionId;

/// A picture that the store keeps, named by its content.
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

/// An example as it stood in the prompt.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StoredShot {
    pub example_id: String,
    /// 1 is the most similar.
    pub rank: u32,
    /// As the strategy scores; NaN where it was no number.
    #[serde(with = "finite")]
    pub score: f32,
    /// Why it was chosen.
    pub reason: String,
    pub question: String,
    pub answer: String,
    pub rationale: String,
    pub source: String,
    pub licence: String,
    /// `sha256.extension` of its pictures in the index.
    #[serde(default)]
    pub images: Vec<String>,
    /// Name and value.
    #[serde(default)]
    pub tags: Vec<(String, String)>,
    /// A small JPEG that the store keeps.
    #[serde(default)]
    pub thumbnail: Option<StoredImage>,
}

/// A finished answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StoredAnswer {
    pub answer: String,
    /// `None` where the model gave none.
    pub rationale: Option<String>,
    pub stop_reason: String,
    pub notices: Vec<String>,
    /// What it takes to repeat the answer, as an object.
    pub provenance: Value,
    /// Milliseconds spent, as an object.
    pub timings: Value,
    pub prompt_tokens: u64,
    pub generated_tokens: u64,
    /// Natural log-probability of each generated token; NaN where it was no number.
    #[serde(with = "finite_list")]
    pub log_probabilities: Vec<f32>,
    /// The options that were given and how likely they are, most likely first; `null` without any.
    #[serde(default)]
    pub ranking: Value,
}

/// How far a turn got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TurnState {
    /// Asked, and its process lives.
    Asked,
    Answered,
    /// The user stopped it; the text so far is kept.
    Stopped,
    /// It failed; the message says why.
    Failed,
    /// Its process ended before it did; the text so far is kept.
    Interrupted,
}

impl TurnState {
    /// All of them.
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

/// What an answer was made with, in words that find it again: names in the user's libraries, or whole paths.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Sources {
    pub model: String,
    pub index: String,
    /// The image-text encoder that compared; `None`: the model's own tower.
    pub encoder: Option<String>,
    /// As it was asked for: `auto`, `exact` or `hnsw`.
    pub search: String,
}

/// A question and what came of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Turn {
    /// From 1 in the order of asking.
    pub number: u32,
    /// The turn it follows; an edited question has the parent of the one it replaces.
    pub parent: Option<u32>,
    /// Milliseconds since 1970.
    pub asked: i64,
    /// Milliseconds since 1970; of an unfinished turn, when text came last.
    pub ended: Option<i64>,
    pub state: TurnState,
    pub question: String,
    pub images: Vec<StoredImage>,
    pub settings: Value,
    /// `None` in turns of older versions. Never exported: a path may name its owner.
    pub sources: Option<Sources>,
    /// Whose pictures they are, where known. Never exported.
    pub patient: Option<String>,
    pub study: Option<String>,
    /// Where there is no answer: the text that had come.
    pub text: String,
    /// Present if and only if the state is `Answered`.
    pub answer: Option<StoredAnswer>,
    /// Most similar first.
    pub shots: Vec<StoredShot>,
    /// Why it failed.
    pub message: Option<String>,
}

/// A whole conversation.
#[derive(Clone, Debug, PartialEq)]
pub struct Session {
    pub id: SessionId,
    /// Place in the order of creation, from 1; stays.
    pub number: u32,
    pub title: String,
    pub model: String,
    pub index: String,
    /// Milliseconds since 1970.
    pub created: i64,
    /// When a turn began or ended last.
    pub used: i64,
    /// By number; parents before their children.
    pub turns: Vec<Turn>,
}

/// A line of a list of sessions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    pub id: SessionId,
    pub number: u32,
    pub title: String,
    pub model: String,
    pub index: String,
    pub created: i64,
    pub used: i64,
    pub turns: u32,
}

/// A picture to keep.
#[derive(Clone, Debug)]
pub struct NewImage {
    pub name: String,
    /// `png`, `jpg` …
    pub format: String,
    pub width: u32,
    pub height: u32,
    /// The file's bytes.
    pub bytes: Arc<[u8]>,
}

/// A question, the moment it is asked.
#[derive(Clone, Debug, Default)]
pub struct NewTurn {
    /// The turn it follows; `None` begins a conversation.
    pub parent: Option<u32>,
    pub question: String,
    pub images: Vec<NewImage>,
    pub settings: Value,
    /// Those that are wanted; [`super::Sessions::finish_turn`] says which they became.
    pub sources: Option<Sources>,
    pub patient: Option<String>,
    pub study: Option<String>,
}

/// A shot to keep.
#[derive(Clone, Debug, Default)]
pub struct NewShot {
    /// Its own `thumbnail` is not looked at.
    pub shot: StoredShot,
    /// A small JPEG.
    pub thumbnail: Option<Vec<u8>>,
}

/// How a turn ended.
#[derive(Clone, Debug)]
pub enum TurnEnd {
    Answered {
        answer: Box<StoredAnswer>,
        shots: Vec<NewShot>,
    },
    /// By the user. An empty text leaves what was kept before.
    Stopped { text: String, shots: Vec<NewShot> },
    Failed {
        text: String,
        message: String,
        shots: Vec<NewShot>,
    },
}

/// JSON has no NaN: such a number is `null` there.
mod finite {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<S: Serializer>(number: &f32, to: S) -> Result<S::Ok, S::Error> {
        Some(*number).filter(|n| n.is_finite()).serialize(to)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<f32, D::Error> {
        Ok(Option::deserialize(from)?.unwrap_or(f32::NAN))
    }
}

/// As `finite`, for many numbers.
mod finite_list {
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(numbers: &[f32], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(numbers.iter().map(|n| Some(*n).filter(|n| n.is_finite())))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<f32>, D::Error> {
        let numbers: Vec<Option<f32>> = Vec::deserialize(from)?;
        Ok(numbers.into_iter().map(|n| n.unwrap_or(f32::NAN)).collect())
    }
}

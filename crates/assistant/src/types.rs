//! What goes into the assistant and what comes out.

use serde::{Deserialize, Serialize};

use crate::prompt::TemplateError;
use crate::retrieval::{Condition, Order, Shot, Strategy};
use rounds_imaging::Picture;
use rounds_index::IndexError;
use rounds_model::error::ModelError;
use rounds_model::generate::{Decoding, StopReason};
use rounds_support::Hint;

/// Longest question, in characters.
pub const LONGEST_QUESTION: usize = 8000;
/// Most images of one question.
pub const MOST_IMAGES: usize = 8;
/// Most shots that can be asked for; more than any context holds.
pub const MOST_SHOTS: usize = 512;

/// What the user asks about.
#[derive(Clone, Debug)]
pub struct Case {
    pub images: Vec<Picture>,
    pub question: String,
    /// Whose pictures they are, where known: their examples are never shots.
    pub patient: Option<String>,
    pub study: Option<String>,
}

/// How it is to be answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    pub shots: usize,
    pub strategy: Strategy,
    /// In which order shots stand in the prompt.
    pub order: Order,
    /// Examples less similar to the picture than this are no shots.
    pub floor: Option<f32>,
    /// Which examples may be shots at all.
    pub filter: Vec<Condition>,
    /// Ids of examples that are always shots, before those that are found.
    pub pinned: Vec<String>,
    /// Ids of examples that are never shots.
    pub excluded: Vec<String>,
    /// Answers to rank by their likelihood.
    pub options: Vec<String>,
    pub decoding: Decoding,
    /// Build the prompt and stop there.
    pub prompt_only: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            shots: 4,
            strategy: Strategy::Image,
            order: Order::default(),
            floor: None,
            filter: Vec::new(),
            pinned: Vec::new(),
            excluded: Vec::new(),
            options: Vec::new(),
            decoding: Decoding::default(),
            prompt_only: false,
        }
    }
}

/// A given answer and how likely the model finds it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ranked {
    pub option: String,
    /// Natural log-probability of the whole answer.
    pub log_probability: f64,
    /// The same divided by its number of tokens: what the order goes by.
    pub per_token: f64,
}

impl Ranked {
    pub fn in_words(&self) -> String {
        format!(
            "{:<30} {:8.3} a token, {:8.3} in all",
            self.option, self.per_token, self.log_probability
        )
    }
}

/// Milliseconds spent.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Timings {
    pub retrieval_ms: f64,
    pub prefill_ms: f64,
    pub decode_ms: f64,
    pub total_ms: f64,
    /// Pictures that went through the vision tower for this answer.
    pub images_encoded: usize,
}

/// What it takes to repeat an answer.
#[derive(Clone, Debug, Serialize)]
pub struct Provenance {
    pub version: String,
    pub model_sha256: String,
    pub prompt_sha256: String,
    pub template: String,
    pub index_sha256: Option<String>,
    pub image_sha256: Vec<String>,
    /// In the order of the prompt.
    pub shot_ids: Vec<String>,
    pub strategy: String,
    /// Exact or hnsw.
    pub search: String,
    pub order: String,
    pub floor: Option<f32>,
    pub filter: Vec<Condition>,
    pub pinned: Vec<String>,
    pub excluded: Vec<String>,
    pub seed: u64,
    pub temperature: f64,
    pub top_p: Option<f64>,
    pub top_k: Option<usize>,
    pub max_new_tokens: usize,
    pub beams: usize,
    pub length_penalty: f64,
    pub repetition_penalty: f32,
    pub no_repeat_ngram: usize,
    pub device: String,
    /// What the encoder is known by whose vectors were compared (SHA-256).
    pub encoder: String,
}

/// A finished answer.
#[derive(Clone, Debug)]
pub struct Answer {
    pub answer: String,
    /// `None` where the model gave none; never made up.
    pub rationale: Option<String>,
    pub stop: StopReason,
    pub shots: Vec<Shot>,
    /// What the user must know about this answer.
    pub notices: Vec<String>,
    pub provenance: Provenance,
    pub timings: Timings,
    pub prompt_tokens: usize,
    pub generated_tokens: usize,
    /// Natural log-probability of each generated token; empty for beams.
    pub log_probabilities: Vec<f32>,
    /// The options that were given, most likely first.
    pub ranking: Vec<Ranked>,
}

/// What the assistant says while it works.
#[derive(Debug)]
pub enum Event {
    /// Shots, most similar first; how many were asked for, and how many did not fit.
    Retrieved {
        shots: Vec<Shot>,
        asked: usize,
        dropped: usize,
    },
    /// The interleaved prompt.
    Prompt(String),
    /// More text, clean.
    Token(String),
    Answer(Box<Answer>),
    Failed(AssistantError),
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum AssistantError {
    #[error(transparent)]
    Model(#[from] ModelError),
    #[error(transparent)]
    Index(#[from] IndexError),
    #[error(transparent)]
    Template(#[from] TemplateError),
    #[error("the question is empty")]
    EmptyQuestion,
    #[error("the question has {0} characters; at most {LONGEST_QUESTION} are taken")]
    LongQuestion(usize),
    #[error("{0} images; at most {MOST_IMAGES} are taken")]
    ManyImages(usize),
    #[error("{0} shots; at most {MOST_SHOTS} can be asked for")]
    ManyShots(usize),
    #[error("{0}")]
    Refused(String),
    #[error("the encoder that compares could not run: {0}")]
    Comparer(String),
    #[error("internal error: {0}")]
    Panic(String),
}

impl AssistantError {
    /// True where the request, not the program, is at fault.
    pub fn is_request(&self) -> bool {
        matches!(
            self,
            Self::EmptyQuestion
                | Self::LongQuestion(_)
                | Self::ManyImages(_)
                | Self::ManyShots(_)
                | Self::Refused(_)
                | Self::Index(
                    IndexError::NoTag { .. }
                        | IndexError::Unknown(_)
                        | IndexError::Missing { .. }
                        | IndexError::NoTexts
                        | IndexError::NotAnIndex(_)
                        | IndexError::Shipped
                )
                | Self::Model(
                    ModelError::TooLong { .. }
                        | ModelError::NoRoom { .. }
                        | ModelError::Device { .. }
                )
        )
    }
}

impl Hint for AssistantError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Model(e) => e.hint(),
            Self::Index(e) => e.hint(),
            Self::EmptyQuestion => Some("ask something, for example \"Is there a nodule?\"".into()),
            Self::LongQuestion(_) => Some("ask a shorter question".into()),
            Self::ManyImages(_) => Some("attach fewer images".into()),
            Self::ManyShots(_) => Some("ask for fewer shots".into()),
            Self::Comparer(_) => Some(
                "compare with the model's own tower: leave --encoder out, or take another bundle".into(),
            ),
            Self::Panic(_) => Some(
                "this is a fault of the program; ask again, and with --device cpu if a device was used".into(),
            ),
            Self::Refused(_) | Self::Template(_) => None,
        }
    }
}

//! Input and output of the assistant.

use serde::{Deserialize, Serialize};

use crate::answering::Standing;
use crate::background::Background;
use crate::prompt::TemplateError;
use crate::retrieval::Shot;
use crate::settings::Settings;
use rounds_imaging::Image;
use rounds_index::IndexError;
use rounds_model::error::ModelError;
use rounds_model::generate::StopReason;
use rounds_support::{FailureKind, Hint};

/// Longest question, in characters.
pub const MAX_QUESTION: usize = 8000;
/// Most images in one question.
pub const MAX_IMAGES: usize = 8;
/// Most shots that can be requested; more than any context window holds.
pub const MAX_SHOTS: usize = 512;

/// Stands where the answer would, if the model gave none.
pub const NO_ANSWER: &str = "(the model gave no answer)";

/// Stands where answer and rationale would, if the answer was withheld.
pub const WITHHELD: &str = "(no answer is shown)";

/// What follows a text that was shown as it came and turned out to be no answer.
pub const WITHHELD_TEXT: &str = "(the text above is no answer)";

/// Stands in front of an answer whose confidence is too low to state it without reservation.
pub const NOT_SURE: &str = "not sure: ";

/// What the user asks about.
#[derive(Clone, Debug, Default)]
pub struct Case {
    /// The images.
    pub images: Vec<Image>,
    /// The question.
    pub question: String,
    /// Vignette and laboratory values, which the model reads in front of the question.
    pub background: Background,
    /// The patient in the images, if known; this patient's examples are never shots.
    pub patient: Option<String>,
    /// The study the images belong to, if known; its examples are never shots.
    pub study: Option<String>,
}

/// An option and its likelihood under the model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ranked {
    /// The option's text.
    pub option: String,
    /// Natural log-probability of the whole option.
    pub log_probability: f64,
    /// The same divided by its number of tokens; options are sorted by this.
    pub per_token: f64,
}

impl Ranked {
    /// One line for display.
    pub fn in_words(&self) -> String {
        format!(
            "{:<30} {:8.3} per token, {:8.3} in total",
            self.option, self.per_token, self.log_probability
        )
    }
}

/// Milliseconds spent.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Timings {
    /// Encoding the case's images and choosing shots.
    pub retrieval_ms: f64,
    /// Reading the prompt.
    pub prefill_ms: f64,
    /// Generating the answer and ranking options.
    pub decode_ms: f64,
    /// Everything together.
    pub total_ms: f64,
    /// Images that went through the vision tower for this answer.
    pub images_encoded: usize,
}

/// Everything needed to repeat an answer.
#[derive(Clone, Debug, Serialize)]
pub struct Provenance {
    /// Version of the program.
    pub version: String,
    /// Hash of the model bundle.
    pub model_sha256: String,
    /// Hash of the prompt text.
    pub prompt_sha256: String,
    /// Name of the prompt template.
    pub template: String,
    /// Hash of the index.
    pub index_sha256: Option<String>,
    /// Hashes of the case's images.
    pub image_sha256: Vec<String>,
    /// Vignette and laboratory values of the case, where it has any.
    #[serde(skip_serializing_if = "Background::is_empty")]
    pub background: Background,
    /// Ids of the shots, in prompt order.
    pub shot_ids: Vec<String>,
    /// The search that was used: `exact`, `hnsw` or `hnsw-rs`.
    pub search: String,
    /// The settings in effect; the strategy is the one that was used.
    #[serde(flatten, serialize_with = "crate::settings::recorded")]
    pub settings: Settings,
    /// Device the model ran on.
    pub device: String,
    /// Id (SHA-256) of the encoder whose vectors were compared.
    pub encoder: String,
}

/// A finished answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Text of the answer; empty if the model gave none.
    pub answer: String,
    /// `None` if the model gave none; never made up.
    pub rationale: Option<String>,
    /// Why generation stopped.
    pub stop: StopReason,
    /// The shots in the prompt, most similar first.
    pub shots: Vec<Shot>,
    /// What the user must know about this answer.
    pub notices: Vec<String>,
    /// What the user must know about every answer of the model.
    pub about_model: String,
    /// Everything needed to repeat it.
    pub provenance: Provenance,
    /// Milliseconds spent.
    pub timings: Timings,
    /// Tokens in the prompt.
    pub prompt_tokens: usize,
    /// Tokens generated.
    pub generated_tokens: usize,
    /// Natural log-probability of each generated token; empty for beam search.
    pub log_probabilities: Vec<f32>,
    /// The given options, most likely first.
    pub ranking: Vec<Ranked>,
    /// How far it can be relied on.
    pub standing: Standing,
}

/// What the assistant reports while it works.
#[derive(Debug)]
pub enum Event {
    /// The shots were chosen.
    Retrieved {
        /// The shots, most similar first.
        shots: Vec<Shot>,
        /// How many shots were requested.
        asked: usize,
        /// How many did not fit into the context window.
        dropped: usize,
    },
    /// The interleaved prompt.
    Prompt(String),
    /// More generated text, sanitised.
    Token(String),
    /// The finished answer; the last event.
    Answer(Box<Answer>),
    /// Why there is no answer; the last event.
    Failed(AssistantError),
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum AssistantError {
    /// The model could not be loaded or run.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The index could not be read or searched.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// The prompt template cannot be used.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// The question has no text.
    #[error("the question is empty")]
    EmptyQuestion,
    /// The question, with what stands in front of it, has this many characters.
    #[error("the question has {0} characters; the limit is {MAX_QUESTION}")]
    LongQuestion(usize),
    /// This many images were attached.
    #[error("too many images: {0}; the limit is {MAX_IMAGES}")]
    ManyImages(usize),
    /// This many shots were requested.
    #[error("too many shots: {0}; the limit is {MAX_SHOTS}")]
    ManyShots(usize),
    /// The request cannot be answered, for this reason.
    #[error("{0}")]
    Refused(String),
    /// The retrieval encoder failed.
    #[error("the retrieval encoder failed: {0}")]
    RetrievalEncoder(String),
    /// The model thread panicked or ended.
    #[error("internal error: {0}")]
    Panic(String),
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
            Self::RetrievalEncoder(_) => Some(
                "leave out --encoder to use the model's own vision tower, or choose another encoder".into(),
            ),
            Self::Panic(_) => Some(
                "this is a bug in the program; try again, with --device cpu if you used another device".into(),
            ),
            Self::Refused(_) | Self::Template(_) => None,
        }
    }

    fn kind(&self) -> FailureKind {
        match self {
            Self::Model(error) => error.kind(),
            Self::Index(error) => error.kind(),
            Self::EmptyQuestion
            | Self::LongQuestion(_)
            | Self::ManyImages(_)
            | Self::ManyShots(_)
            | Self::Refused(_) => FailureKind::Usage,
            Self::Template(_) | Self::RetrievalEncoder(_) | Self::Panic(_) => FailureKind::Model,
        }
    }
}

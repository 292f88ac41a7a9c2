//! The flags shared by every command that answers questions.

use clap::Args;
use std::path::PathBuf;

use super::{Failure, index, model};
use rounds_assistant::retrieval::{Condition, Order, Strategy};
use rounds_assistant::{Assistant, Settings, Setup};
use rounds_index::Search;
use rounds_model::device;
use rounds_model::generate::Decoding;
use rounds_model::generate::penalty::Penalties;

/// The flags shared by every command that answers questions.
#[derive(Args, Clone)]
pub struct AnswerArgs {
    /// Number of shots
    #[arg(long, default_value_t = 4)]
    pub shots: usize,
    /// How shots are chosen
    #[arg(long, value_enum, default_value = "image")]
    pub strategy: Strategy,
    /// Search algorithm for similar images; auto picks one by index size
    #[arg(long, value_enum, default_value = "auto")]
    pub search: Search,
    /// Order of the shots in the prompt
    #[arg(long, value_enum, default_value = "similar-last")]
    pub order: Order,
    /// Skip examples less similar than this (-1 to 1)
    #[arg(long, allow_negative_numbers = true)]
    pub floor: Option<f32>,
    /// Use only matching examples: modality=ct, organ!=chest, source=…, licence=… (may be given several times)
    #[arg(long = "filter", value_name = "NAME=VALUE")]
    pub filter: Vec<Condition>,
    /// Id of an example to always use as a shot (may be given several times)
    #[arg(long = "pin", value_name = "ID")]
    pub pinned: Vec<String>,
    /// Id of an example to never use as a shot (may be given several times)
    #[arg(long = "exclude", value_name = "ID")]
    pub excluded: Vec<String>,
    /// Candidate answer to rank by likelihood (may be given several times)
    #[arg(long = "option", value_name = "ANSWER")]
    pub options: Vec<String>,
    /// Index name or folder [default: the shipped index]
    #[arg(long)]
    pub index: Option<PathBuf>,
    /// Encoder used to find similar images: an image-text encoder, `descriptor` (outlines, texture, brightness, shape) or
    /// `shipped`; the index must have its vectors (see `rounds index embed`) [default: the model's vision tower; for the
    /// shipped model, the descriptor if the index has it]
    #[arg(long)]
    pub encoder: Option<PathBuf>,
    /// Model name or folder [default: the shipped model]
    #[arg(long)]
    pub model: Option<PathBuf>,
    /// Seed for sampling and random shots
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Sampling temperature; 0 is greedy
    #[arg(long, default_value_t = 0.0)]
    pub temperature: f64,
    /// Nucleus sampling: sample from the most likely tokens with this total probability
    #[arg(long)]
    pub top_p: Option<f64>,
    /// Sample from the k most likely tokens
    #[arg(long)]
    pub top_k: Option<usize>,
    /// Maximum length of the answer in tokens
    #[arg(long, default_value_t = 96)]
    pub max_new_tokens: usize,
    /// Number of beams in beam search; 1 turns it off
    #[arg(long, default_value_t = 1)]
    pub beams: usize,
    /// Beam search: divide an answer's log-probability by its length to this power
    #[arg(long, default_value_t = 0.0, allow_negative_numbers = true)]
    pub length_penalty: f64,
    /// Values above 1 make tokens that were already generated less likely
    #[arg(long, default_value_t = 1.0)]
    pub repetition_penalty: f32,
    /// Never repeat a sequence of this many tokens; 0 turns it off
    #[arg(long, default_value_t = 0)]
    pub no_repeat_ngram: usize,
    /// Compute device; auto uses the first that works
    #[arg(long, default_value = "auto", value_parser = device::NAMES)]
    pub device: String,
}

impl AnswerArgs {
    /// The answer settings. Errors if a value is out of range or two values conflict.
    pub fn settings(&self) -> Result<Settings, Failure> {
        let settings = Settings {
            shots: self.shots,
            strategy: self.strategy,
            order: self.order,
            floor: self.floor,
            filter: self.filter.clone(),
            pinned: self.pinned.clone(),
            excluded: self.excluded.clone(),
            options: self.options.clone(),
            decoding: self.decoding(),
            prompt_only: false,
        };
        match settings.check() {
            Ok(()) => Ok(settings),
            Err(error) => Err(Failure::invalid_setting(&error)),
        }
    }

    fn decoding(&self) -> Decoding {
        Decoding {
            temperature: self.temperature,
            top_p: self.top_p,
            top_k: self.top_k,
            seed: self.seed,
            max_new_tokens: self.max_new_tokens,
            penalties: Penalties {
                repetition: self.repetition_penalty,
                no_repeat_ngram: self.no_repeat_ngram,
                forbidden: Vec::new(),
            },
            beams: self.beams,
            length_penalty: self.length_penalty,
        }
    }

    /// The model, encoder and index to open, resolved from names in the user's libraries or from folders.
    pub fn setup(&self) -> Result<Setup, Failure> {
        Ok(Setup {
            model: self.model.as_deref().map_or(Ok(None), model::existing)?,
            encoder: self
                .encoder
                .as_deref()
                .map(model::find_encoder)
                .transpose()?,
            index: self.index.as_deref().map_or(Ok(None), index::existing)?,
            device: self.device.clone(),
            search: self.search,
        })
    }

    /// Opens the model and the index.
    pub fn start(&self) -> Result<Assistant, Failure> {
        Assistant::start(self.setup()?).map_err(|e| Failure::assistant(&e))
    }
}

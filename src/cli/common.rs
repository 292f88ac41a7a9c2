//! What every command that answers takes, and what it means.

use clap::Args;
use std::path::PathBuf;

use super::{Failure, index, model};
use rounds_assistant::retrieval::{Condition, Order, Strategy};
use rounds_assistant::{Assistant, Settings, Setup};
use rounds_index::Search;
use rounds_model::device;
use rounds_model::generate::Decoding;
use rounds_model::generate::penalty::Penalties;

/// What every command that answers takes.
#[derive(Args, Clone)]
pub struct Common {
    /// Number of shots
    #[arg(long, default_value_t = 4)]
    pub shots: usize,
    /// How shots are chosen
    #[arg(long, value_enum, default_value = "image")]
    pub strategy: Strategy,
    /// How similar pictures are searched: exact, or the HNSW graph (auto: by the size of the index)
    #[arg(long, value_enum, default_value = "auto")]
    pub search: Search,
    /// In which order shots stand in the prompt
    #[arg(long, value_enum, default_value = "similar-last")]
    pub order: Order,
    /// Examples less similar to the picture than this are no shots (-1 to 1)
    #[arg(long, allow_negative_numbers = true)]
    pub floor: Option<f32>,
    /// Only examples with this tag: modality=ct, organ!=chest, source=…, licence=… (may be given several times)
    #[arg(long = "filter", value_name = "NAME=VALUE")]
    pub filter: Vec<Condition>,
    /// Example that is always a shot, by its id (may be given several times)
    #[arg(long = "pin", value_name = "ID")]
    pub pinned: Vec<String>,
    /// Example that is never a shot (may be given several times)
    #[arg(long = "exclude", value_name = "ID")]
    pub excluded: Vec<String>,
    /// Answer to rank by its likelihood (may be given several times)
    #[arg(long = "option", value_name = "ANSWER")]
    pub options: Vec<String>,
    /// Index name or folder; left out: the one that ships
    #[arg(long)]
    pub index: Option<PathBuf>,
    /// What compares pictures instead of the model's own tower: an image-text encoder, `descriptor` (outlines, texture,
    /// brightness, shape) or `shipped`, if the index has its vectors (see `rounds index embed`); left out: the model's own
    /// tower, or with the model that ships the descriptor where the index has it
    #[arg(long)]
    pub encoder: Option<PathBuf>,
    /// Model folder; left out: the one that ships
    #[arg(long)]
    pub model: Option<PathBuf>,
    /// Seed of sampling and of random shots
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// 0 is greedy
    #[arg(long, default_value_t = 0.0)]
    pub temperature: f64,
    /// Nucleus sampling
    #[arg(long)]
    pub top_p: Option<f64>,
    /// Sample among the k most likely tokens
    #[arg(long)]
    pub top_k: Option<usize>,
    /// Longest answer in tokens
    #[arg(long, default_value_t = 96)]
    pub max_new_tokens: usize,
    /// Beams of a beam search (greedy and sampled decoding have one)
    #[arg(long, default_value_t = 1)]
    pub beams: usize,
    /// Beams: a finished answer's log-probability is divided by its length to this power
    #[arg(long, default_value_t = 0.0, allow_negative_numbers = true)]
    pub length_penalty: f64,
    /// Above 1: what was said already becomes less likely
    #[arg(long, default_value_t = 1.0)]
    pub repetition_penalty: f32,
    /// No run of so many tokens comes twice; 0 allows all
    #[arg(long, default_value_t = 0)]
    pub no_repeat_ngram: usize,
    /// What it is computed on; auto takes the first that works
    #[arg(long, default_value = "auto", value_parser = device::NAMES)]
    pub device: String,
}

impl Common {
    /// Errors where a value is out of its range, or two do not go together.
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
            Err(error) => Err(Failure::unusable(&error)),
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

    /// What to open: names in the user's libraries, or folders.
    pub fn setup(&self) -> Result<Setup, Failure> {
        let model = |given: &Option<PathBuf>| given.as_deref().map_or(Ok(None), model::there);
        Ok(Setup {
            model: model(&self.model)?,
            encoder: self.encoder.as_deref().map(model::comparing).transpose()?,
            index: self.index.as_deref().map_or(Ok(None), index::there)?,
            device: self.device.clone(),
            search: self.search,
        })
    }

    pub fn start(&self) -> Result<Assistant, Failure> {
        Assistant::start(self.setup()?).map_err(|e| Failure::assistant(&e))
    }
}

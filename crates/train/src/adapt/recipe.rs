//! What a run of `rounds train adapt` can be told; the defaults are those of the published code.

use serde::{Deserialize, Serialize};

use rounds_model::ops::Precision;
use rounds_model::prefix::VirtualKind;

/// What is trained. The tower never is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// The mapper from images to embeddings; the paper calls the language model frozen.
    #[default]
    Prefix,
    /// The mapper, and additions of low rank to the language model's queries and values (<https://arxiv.org/abs/2106.09685>).
    Lora,
    /// The mapper, and embeddings in front of every sequence (<https://arxiv.org/abs/2104.08691>).
    PromptTuning,
    /// The mapper, and keys and values of every layer in front of every sequence (<https://arxiv.org/abs/2101.00190>).
    PrefixTuning,
    /// The mapper and the whole language model.
    Unfrozen,
    /// Of a model like the shipped one: resampler, gated cross-attention, match bias and additions of low rank, on questions with shots.
    Flamingo,
}

impl Method {
    /// What it trains, for a model card.
    pub(super) fn described(self) -> &'static str {
        match self {
            Self::Prefix => "the mapper from images to embeddings",
            Self::Lora => "the mapper, and LoRA on queries and values",
            Self::PromptTuning => "the mapper, and embeddings in front of every sequence",
            Self::PrefixTuning => {
                "the mapper, and keys and values of every layer in front of every sequence"
            }
            Self::Unfrozen => "the mapper and the whole language model",
            Self::Flamingo => {
                "resampler, gated cross-attention, match bias and additions of low rank, on questions with and without shots"
            }
        }
    }

    /// The virtual tokens that it trains.
    pub(super) fn virtual_kind(self) -> Option<VirtualKind> {
        match self {
            Self::PromptTuning => Some(VirtualKind::Embeddings),
            Self::PrefixTuning => Some(VirtualKind::KeysValues),
            Self::Prefix | Self::Lora | Self::Unfrozen | Self::Flamingo => None,
        }
    }
}

/// Which mapper is trained.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MapperKind {
    /// Linear layers with tanh between them.
    #[default]
    Mlp,
    /// A transformer.
    Transformer,
}

/// The recipe of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdaptRecipe {
    /// Positions that an image takes.
    pub prefix_length: usize,
    /// Which mapper is trained.
    pub mapper: MapperKind,
    /// Dropout of the MLP.
    pub dropout: f32,
    /// Rank of additions of low rank.
    pub rank: usize,
    /// Their factor is this by the rank.
    pub alpha: f32,
    /// Virtual tokens of prompt and prefix tuning.
    pub virtual_tokens: usize,
    /// Highest learning rate; after the warm-up it falls in a line to 0 at the end of all epochs.
    pub rate: f64,
    /// Steps of linear warm-up.
    pub warmup: usize,
    /// Weight decay.
    pub weight_decay: f32,
    /// Questions of a step.
    pub batch: usize,
    /// Questions that a thread holds in memory at once; gradients are summed until a step has all of its own.
    pub micro_batch: usize,
    /// Whether the decoder's activations are computed a second time in the backward pass instead of being kept: a third slower, with the same
    /// numbers, and the memory of one layer instead of all.
    pub checkpointing: bool,
    /// Most passes over the training questions.
    pub epochs: usize,
    /// Training stops after so many epochs without a lower validation loss.
    pub patience: usize,
    /// Share of the questions that is kept for validation.
    pub validation: f32,
    /// Longer sequences are left out.
    pub max_tokens: usize,
    /// Seed of everything random.
    pub seed: u64,
    /// Threads.
    pub threads: usize,
    /// Precision of the products in linear layers.
    pub precision: Precision,
}

impl Default for AdaptRecipe {
    fn default() -> Self {
        Self {
            prefix_length: 8,
            mapper: MapperKind::Mlp,
            dropout: 0.5,
            rank: 8,
            alpha: 32.0,
            virtual_tokens: 30,
            rate: 1e-4,
            warmup: 600,
            weight_decay: 0.0,
            batch: 32,
            micro_batch: 8,
            checkpointing: false,
            epochs: 30,
            patience: 3,
            validation: 0.1,
            max_tokens: 160,
            seed: 1,
            threads: 2,
            precision: Precision::Bf16,
        }
    }
}

impl AdaptRecipe {
    /// Errors, saying which, where a value makes no sense.
    pub(super) fn check(&self) -> Result<(), String> {
        let counts = [
            ("prefix_length", self.prefix_length),
            ("rank", self.rank),
            ("virtual_tokens", self.virtual_tokens),
            ("batch", self.batch),
            ("micro_batch", self.micro_batch),
            ("epochs", self.epochs),
            ("patience", self.patience),
            ("max_tokens", self.max_tokens),
            ("threads", self.threads),
        ];
        if let Some((name, _)) = counts.iter().find(|(_, count)| *count == 0) {
            return Err(format!("{name} of the recipe must be at least 1"));
        }
        if !(0.0..1.0).contains(&self.dropout) {
            return Err("dropout of the recipe must be from 0 to below 1".into());
        }
        if !(self.validation > 0.0 && self.validation < 0.9) {
            return Err("validation of the recipe must be above 0 and below 0.9".into());
        }
        match self.rate.is_finite() && self.rate > 0.0 && self.alpha > 0.0 {
            true => Ok(()),
            false => Err("rate and alpha of the recipe must be above 0".into()),
        }
    }

    /// Learning rate of a step out of `steps`; steps count from 0.
    pub(super) fn rate_at(&self, step: usize, steps: usize) -> f64 {
        if step < self.warmup {
            return self.rate * step as f64 / self.warmup as f64;
        }
        let left = steps.saturating_sub(step) as f64;
        self.rate * left / steps.saturating_sub(self.warmup).max(1) as f64
    }
}

//! Settings of decoding.

use serde::{Deserialize, Serialize};

use super::penalty::Penalties;

/// How tokens are chosen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Decoding {
    /// Divides the logits before sampling; 0 always takes the most probable token.
    pub temperature: f64,
    /// Sample from the most probable tokens that together have this probability.
    pub top_p: Option<f64>,
    /// Sample from this many of the most probable tokens.
    pub top_k: Option<usize>,
    /// Seed of the sampler.
    pub seed: u64,
    /// Most tokens of an answer.
    pub max_new_tokens: usize,
    /// Repetition penalty and n-gram limit.
    #[serde(flatten)]
    pub penalties: Penalties,
    /// Beams of a beam search; 1 for greedy or sampled decoding.
    #[serde(default = "default_beams")]
    pub beams: usize,
    /// See [`super::beam::Beams::length_penalty`].
    #[serde(default)]
    pub length_penalty: f64,
}

fn default_beams() -> usize {
    1
}

impl Default for Decoding {
    fn default() -> Self {
        Self {
            temperature: 0.0,
            top_p: None,
            top_k: None,
            seed: 0,
            max_new_tokens: 96,
            penalties: Penalties::default(),
            beams: 1,
            length_penalty: 0.0,
        }
    }
}

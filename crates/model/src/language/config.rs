//! Sizes and variants of a decoder, as in `model.toml`.

use serde::{Deserialize, Serialize};

use crate::layers::NormKind;
use crate::ops::Heads;

/// The feed-forward of a layer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mlp {
    /// `down(silu(gate) * up)`.
    #[default]
    SwiGlu,
    /// `down(gelu(up))`, GELU in its exact form.
    Gelu,
}

/// Sizes and variants of a decoder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DecoderConfig {
    /// Rows of the token table.
    pub vocab_size: usize,
    /// Width of the hidden states.
    pub hidden_size: usize,
    /// Width inside the feed-forward.
    pub intermediate_size: usize,
    /// Number of layers.
    pub layers: usize,
    /// Attention heads per layer.
    pub heads: usize,
    /// Heads of keys and values, if fewer than heads: each serves a group of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kv_heads: Option<usize>,
    /// Maximum length of a sequence.
    pub max_positions: usize,
    /// Which normalisation it uses.
    #[serde(default)]
    pub norm: NormKind,
    /// Epsilon of the norms.
    #[serde(alias = "rms_eps")]
    pub norm_eps: f64,
    /// Rotary positions with this base; absent where positions are linear biases.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rope_theta: Option<f32>,
    /// Share of a head's dimensions that rotary positions rotate.
    #[serde(default = "whole")]
    pub rope_fraction: f32,
    /// Linear biases (ALiBi) with this maximum; absent where positions are rotary.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alibi_bias_max: Option<f32>,
    /// Queries and keys are normalised over the full width, before they are split into heads (MPT-1B).
    #[serde(default)]
    pub qk_norm: bool,
    /// Which feed-forward it uses.
    #[serde(default)]
    pub mlp: Mlp,
    /// Linear layers have biases.
    #[serde(default)]
    pub bias: bool,
    /// Attention and feed-forward read the same input.
    #[serde(default)]
    pub parallel_residual: bool,
    /// True where the output head is the embedding table.
    pub tied_head: bool,
    /// Trained additions of low rank to the weights, if there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub low_rank: Option<LowRankConfig>,
}

/// Additions of low rank (LoRA, <https://arxiv.org/abs/2106.09685>) to the query, value and down projections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LowRankConfig {
    /// Their rank.
    pub rank: usize,
    /// The first layer that has them.
    pub first_layer: usize,
}

fn whole() -> f32 {
    1.0
}

impl DecoderConfig {
    /// Heads of queries, and of keys and values.
    pub fn attention_heads(&self) -> Heads {
        Heads {
            query: self.heads,
            key_value: self.kv_heads.unwrap_or(self.heads),
        }
    }

    /// Width of keys and values.
    pub(super) fn kv_width(&self) -> usize {
        self.hidden_size / self.heads.max(1) * self.attention_heads().key_value
    }
}

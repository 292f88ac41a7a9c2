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
    /// `down(gelu(up))`, GELU with tanh (`gelu_new` of GPT-2).
    GeluTanh,
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
    /// Learned positions, which are added to the token embeddings: how many rows their table has before that of the first token (0 in
    /// GPT-2, 2 in BioGPT); absent where positions are rotary or linear biases.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub learned_positions: Option<usize>,
    /// Token embeddings are multiplied by this (BioGPT).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub embed_scale: Option<f32>,
    /// Attention scores of layer `i` are also divided by `i + 1` (BioMedLM).
    #[serde(default, skip_serializing_if = "is_false")]
    pub layer_scaled_attention: bool,
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

/// Additions of low rank (LoRA, <https://arxiv.org/abs/2106.09685>) to some of a layer's projections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LowRankConfig {
    /// Their rank.
    pub rank: usize,
    /// The first layer that has them.
    pub first_layer: usize,
    /// The projections that have them.
    #[serde(default, skip_serializing_if = "LowRankTargets::is_default")]
    pub targets: LowRankTargets,
}

/// A linear layer of a decoder layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Projection {
    /// Queries.
    QProj,
    /// Keys.
    KProj,
    /// Values.
    VProj,
    /// Output of the attention.
    OProj,
    /// Gate of a SwiGLU.
    GateProj,
    /// Into the feed-forward.
    UpProj,
    /// Out of the feed-forward.
    DownProj,
}

impl Projection {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::QProj,
        Self::KProj,
        Self::VProj,
        Self::OProj,
        Self::GateProj,
        Self::UpProj,
        Self::DownProj,
    ];

    /// Its name below a decoder layer.
    pub fn name(self) -> &'static str {
        match self {
            Self::QProj => "self_attn.q_proj",
            Self::KProj => "self_attn.k_proj",
            Self::VProj => "self_attn.v_proj",
            Self::OProj => "self_attn.o_proj",
            Self::GateProj => "mlp.gate_proj",
            Self::UpProj => "mlp.up_proj",
            Self::DownProj => "mlp.down_proj",
        }
    }
}

/// A set of projections, in files a list of their names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<Projection>", into = "Vec<Projection>")]
pub struct LowRankTargets(u8);

impl LowRankTargets {
    /// Whether `projection` is one of them.
    pub fn has(self, projection: Projection) -> bool {
        self.0 & (1 << projection as u8) != 0
    }

    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl Default for LowRankTargets {
    /// Queries, values and the way out of the feed-forward, as the shipped learner has.
    fn default() -> Self {
        [Projection::QProj, Projection::VProj, Projection::DownProj]
            .into_iter()
            .collect()
    }
}

impl FromIterator<Projection> for LowRankTargets {
    fn from_iter<T: IntoIterator<Item = Projection>>(projections: T) -> Self {
        let bits = projections.into_iter().map(|p| 1 << p as u8);
        Self(bits.fold(0, |all, bit| all | bit))
    }
}

impl From<Vec<Projection>> for LowRankTargets {
    fn from(projections: Vec<Projection>) -> Self {
        projections.into_iter().collect()
    }
}

impl From<LowRankTargets> for Vec<Projection> {
    fn from(targets: LowRankTargets) -> Self {
        let all = Projection::ALL.into_iter();
        all.filter(|projection| targets.has(*projection)).collect()
    }
}

fn is_false(value: &bool) -> bool {
    !*value
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

    /// Shape `[out, in]` of the weight of a projection.
    pub fn projection_shape(&self, projection: Projection) -> (usize, usize) {
        let (hidden, inner) = (self.hidden_size, self.intermediate_size);
        match projection {
            Projection::QProj | Projection::OProj => (hidden, hidden),
            Projection::KProj | Projection::VProj => (self.key_value_width(), hidden),
            Projection::GateProj | Projection::UpProj => (inner, hidden),
            Projection::DownProj => (hidden, inner),
        }
    }

    /// Width of keys and values.
    pub fn key_value_width(&self) -> usize {
        self.hidden_size / self.heads.max(1) * self.attention_heads().key_value
    }
}

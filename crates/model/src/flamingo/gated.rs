//! Gated cross-attention, through which text attends to images.

use candle_core::{Result, Tensor};
use candle_nn::Init;
use serde::{Deserialize, Serialize};

use super::resampler::{FeedForward, weight};
use crate::layers::{Norm, NormKind};
use crate::ops::{AttentionMask, Linear, attention, rms_norm, silu_mul};
use crate::recorder::{GatedPart, Recorder, Scores};
use crate::store::Store;

const EPS: f64 = 1e-5;
/// Epsilon of IDEFICS' norms.
const RMS_EPS: f64 = 1e-6;

/// Variant of the gated blocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GatedStyle {
    /// LayerNorm, plain queries and keys, feed-forward with exact GELU.
    #[default]
    OpenFlamingo,
    /// RMS norm, queries and keys normalised per head, SwiGLU feed-forward.
    Idefics,
}

/// Sizes of one block.
#[derive(Clone, Copy, Debug)]
pub struct GatedBlockConfig {
    /// Which variant it is.
    pub style: GatedStyle,
    /// Width of the language model.
    pub width: usize,
    /// Width of the latents.
    pub media_width: usize,
    /// Attention heads.
    pub heads: usize,
    /// Dimensions of a head.
    pub head_dim: usize,
    /// Width inside the feed-forward.
    pub inner: usize,
}

/// Keys and values of some images for one gated block, each `[batch, keys, heads * head_dim]`.
#[derive(Clone)]
pub struct CrossKv {
    /// Keys.
    pub k: Tensor,
    /// Values.
    pub v: Tensor,
}

enum GatedFeedForward {
    OpenFlamingo(FeedForward),
    Idefics {
        norm: Norm,
        gate: Linear,
        up: Linear,
        down: Linear,
    },
}

/// One gated cross-attention block with OpenFlamingo's tensor names (IDEFICS' extra tensors: `attn.q_norm`, `attn.k_norm`,
/// `ff.norm`, `ff.gate_proj`, `ff.up_proj`, `ff.down_proj`).
pub struct GatedBlock {
    heads: usize,
    head_dim: usize,
    norm: Norm,
    to_q: Linear,
    /// Keys, then values.
    to_kv: Linear,
    qk_norm: Option<(Tensor, Tensor)>,
    to_out: Linear,
    attn_gate: Tensor,
    feed_forward: GatedFeedForward,
    ff_gate: Tensor,
}

impl GatedBlock {
    /// Takes the block's tensors from `store`. Published models were trained from gates of 0. Here training starts with gates half
    /// open, because a model trained from scratch would otherwise learn to ignore images first.
    pub fn load(config: &GatedBlockConfig, store: Store) -> Result<Self> {
        let inner = config.heads * config.head_dim;
        let attn = store.pp("attn");
        let gate = Init::Const(0.8);
        let one = Init::Const(1.0);
        let (kind, eps) = match config.style {
            GatedStyle::OpenFlamingo => (NormKind::Layer, EPS),
            GatedStyle::Idefics => (NormKind::Rms, RMS_EPS),
        };
        let ff = store.pp("ff");
        let (qk_norm, feed_forward) = match config.style {
            GatedStyle::OpenFlamingo => (
                None,
                GatedFeedForward::OpenFlamingo(FeedForward::load(
                    config.width,
                    config.inner,
                    false,
                    &ff,
                )?),
            ),
            GatedStyle::Idefics => (
                Some((
                    attn.pp("q_norm").get(config.head_dim, "weight", one)?,
                    attn.pp("k_norm").get(config.head_dim, "weight", one)?,
                )),
                GatedFeedForward::Idefics {
                    norm: Norm::load(kind, config.width, eps, &ff.pp("norm"))?,
                    gate: weight(&ff.pp("gate_proj"), config.inner, config.width)?,
                    up: weight(&ff.pp("up_proj"), config.inner, config.width)?,
                    down: weight(&ff.pp("down_proj"), config.width, config.inner)?,
                },
            ),
        };
        Ok(Self {
            heads: config.heads,
            head_dim: config.head_dim,
            norm: Norm::load(kind, config.width, eps, &attn.pp("norm"))?,
            to_q: weight(&attn.pp("to_q"), inner, config.width)?,
            to_kv: weight(&attn.pp("to_kv"), 2 * inner, config.media_width)?,
            qk_norm,
            to_out: weight(&attn.pp("to_out"), config.width, inner)?,
            attn_gate: store.get(1, "attn_gate", gate)?,
            feed_forward,
            ff_gate: store.get(1, "ff_gate", gate)?,
        })
    }

    /// RMS norm of each head of `x` `[batch, n, heads * head_dim]`.
    fn norm_per_head(&self, x: &Tensor, weight: &Tensor) -> Result<Tensor> {
        let (batch, n, width) = x.dims3()?;
        rms_norm(
            &x.reshape((batch, n, self.heads, self.head_dim))?,
            weight,
            RMS_EPS,
        )?
        .reshape((batch, n, width))
    }

    /// Keys and values of `media` `[batch, keys, media_width]`. They depend only on the images,
    /// so they are computed once.
    pub fn keys_and_values(&self, media: &Tensor) -> Result<CrossKv> {
        let inner = self.heads * self.head_dim;
        let both = self.to_kv.forward(media)?;
        let k = both.narrow(2, 0, inner)?.contiguous()?;
        Ok(CrossKv {
            k: match &self.qk_norm {
                Some((_, weight)) => self.norm_per_head(&k, weight)?,
                None => k,
            },
            v: both.narrow(2, inner, inner)?.contiguous()?,
        })
    }

    /// `x` `[batch, tokens, width]` to the same shape. Tokens with an empty range pass only the feed-forward.
    pub fn forward(&self, x: &Tensor, kv: &CrossKv, mask: AttentionMask) -> Result<Tensor> {
        self.forward_recorded(x, Some((kv, mask)), None)
    }

    /// The block for tokens that attend to no image, `[batch, tokens, width]` to the same shape.
    pub fn forward_without_media(&self, x: &Tensor) -> Result<Tensor> {
        self.forward_recorded(x, None, None)
    }

    /// [`Self::forward`], or without media [`Self::forward_without_media`]. A recorder comes with the number of the decoder's layer.
    pub(crate) fn forward_recorded(
        &self,
        x: &Tensor,
        media: Option<(&CrossKv, AttentionMask)>,
        recorder: Option<(usize, &Recorder)>,
    ) -> Result<Tensor> {
        let attended = match media {
            Some((kv, mask)) => Some(self.attend(x, kv, mask, recorder)?),
            None => None,
        };
        if let (None, Some((layer, recorder))) = (&attended, recorder) {
            recorder.closed(layer, &self.attn_gate.tanh()?)?;
        }
        let x = attended.as_ref().unwrap_or(x);
        let gate = self.ff_gate.tanh()?;
        let added = self.feed_forward.forward(x)?.broadcast_mul(&gate)?;
        if let Some((layer, recorder)) = recorder {
            recorder.added(layer, GatedPart::FeedForward, (x, &added, &gate))?;
        }
        added + x
    }

    /// The hidden state with what the cross-attention adds.
    fn attend(
        &self,
        x: &Tensor,
        kv: &CrossKv,
        mask: AttentionMask,
        recorder: Option<(usize, &Recorder)>,
    ) -> Result<Tensor> {
        let mut q = self.to_q.forward(&self.norm.forward(x)?)?;
        if let Some((weight, _)) = &self.qk_norm {
            q = self.norm_per_head(&q, weight)?;
        }
        let scale = (self.head_dim as f32).powf(-0.5);
        if let Some((layer, recorder)) = recorder {
            let scores = Scores {
                q: &q,
                k: &kv.k,
                heads: self.heads.into(),
                scale,
                mask: &mask,
                slopes: None,
                turns: None,
            };
            recorder.cross_attention(layer, &scores)?;
        }
        let seen = attention(&q, &kv.k, &kv.v, self.heads, scale, mask)?;
        let gate = self.attn_gate.tanh()?;
        let added = self.to_out.forward(&seen)?.broadcast_mul(&gate)?;
        if let Some((layer, recorder)) = recorder {
            recorder.added(layer, GatedPart::Attention, (x, &added, &gate))?;
        }
        added + x
    }
}

impl GatedFeedForward {
    /// `[.., width]` to `[.., width]`.
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        match self {
            Self::OpenFlamingo(ff) => ff.forward(x),
            Self::Idefics {
                norm,
                gate,
                up,
                down,
            } => {
                let y = norm.forward(x)?;
                down.forward(&silu_mul(&gate.forward(&y)?, &up.forward(&y)?)?)
            }
        }
    }
}

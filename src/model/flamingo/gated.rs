//! Gated cross-attention: how text comes to see an image.

use candle_core::{Result, Tensor};
use candle_nn::{Init, VarBuilder};

use super::resampler::{FeedForward, norm, weight};
use crate::model::ops::{Visible, attention, layer_norm, linear};

const EPS: f64 = 1e-5;

/// Keys and values of some images for one gated block, each `[batch, keys, inner]`.
#[derive(Clone)]
pub struct CrossKv {
    pub k: Tensor,
    pub v: Tensor,
}

/// One gated cross-attention block with OpenFlamingo's tensor names.
pub struct GatedBlock {
    heads: usize,
    head_dim: usize,
    norm: (Tensor, Tensor),
    to_q: Tensor,
    /// `[2 * inner, visual width]`: keys, then values.
    to_kv: Tensor,
    to_out: Tensor,
    attn_gate: Tensor,
    ff: FeedForward,
    ff_gate: Tensor,
}

impl GatedBlock {
    /// `width` is the language model's, `visual` the resampler's. Published gates start at 0; a model trained from nothing
    /// starts with them half open, or the text would learn to do without images first.
    pub fn load(
        width: usize,
        visual: usize,
        heads: usize,
        head_dim: usize,
        ff_mult: usize,
        vb: VarBuilder,
    ) -> Result<Self> {
        let inner = heads * head_dim;
        let attn = vb.pp("attn");
        let gate = Init::Const(0.8);
        Ok(Self {
            heads,
            head_dim,
            norm: norm(&attn.pp("norm"), width)?,
            to_q: weight(&attn.pp("to_q"), inner, width)?,
            to_kv: weight(&attn.pp("to_kv"), 2 * inner, visual)?,
            to_out: weight(&attn.pp("to_out"), width, inner)?,
            attn_gate: vb.get_with_hints(1, "attn_gate", gate)?,
            ff: FeedForward::load(width, ff_mult, &vb.pp("ff"))?,
            ff_gate: vb.get_with_hints(1, "ff_gate", gate)?,
        })
    }

    /// Keys and values of `media` `[batch, keys, visual]`: a function of the images alone, so computed once.
    pub fn keys_and_values(&self, media: &Tensor) -> Result<CrossKv> {
        let inner = self.heads * self.head_dim;
        Ok(CrossKv {
            k: linear(media, &self.to_kv.narrow(0, 0, inner)?, None)?,
            v: linear(media, &self.to_kv.narrow(0, inner, inner)?, None)?,
        })
    }

    /// `x` `[batch, tokens, width]` to the same shape. Tokens with an empty range keep only the feed-forward branch.
    pub fn forward(&self, x: &Tensor, kv: &CrossKv, visible: Visible) -> Result<Tensor> {
        let y = layer_norm(x, &self.norm.0, &self.norm.1, EPS)?;
        let q = linear(&y, &self.to_q, None)?;
        let scale = (self.head_dim as f32).powf(-0.5);
        let seen = attention(&q, &kv.k, &kv.v, self.heads, scale, visible)?;
        let seen = linear(&seen, &self.to_out, None)?;
        let x = (seen.broadcast_mul(&self.attn_gate.tanh()?)? + x)?;
        self.ff_branch(&x)
    }

    /// The block for tokens that see no image.
    pub fn ff_branch(&self, x: &Tensor) -> Result<Tensor> {
        self.ff.forward(x)?.broadcast_mul(&self.ff_gate.tanh()?)? + x
    }
}

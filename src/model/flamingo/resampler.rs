//! The perceiver resampler: any number of patch tokens in, a fixed number of latents out.

use candle_core::{Result, Tensor};
use candle_nn::{Init, VarBuilder};
use serde::{Deserialize, Serialize};

use crate::model::ops::{Visible, attention, gelu, layer_norm, linear};

const EPS: f64 = 1e-5;

/// Sizes of a resampler.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ResamplerConfig {
    pub depth: usize,
    pub heads: usize,
    pub head_dim: usize,
    pub num_latents: usize,
    pub ff_mult: usize,
}

struct Layer {
    norm_media: (Tensor, Tensor),
    norm_latents: (Tensor, Tensor),
    to_q: Tensor,
    /// `[2 * inner, width]`: keys, then values.
    to_kv: Tensor,
    to_out: Tensor,
    ff: FeedForward,
}

/// LayerNorm, widening linear, exact GELU, narrowing linear; no biases but the norm's.
pub struct FeedForward {
    norm: (Tensor, Tensor),
    up: Tensor,
    down: Tensor,
}

pub(super) fn norm(vb: &VarBuilder, width: usize) -> Result<(Tensor, Tensor)> {
    Ok((
        vb.get_with_hints(width, "weight", Init::Const(1.0))?,
        vb.get_with_hints(width, "bias", Init::Const(0.0))?,
    ))
}

pub(super) fn weight(vb: &VarBuilder, out: usize, input: usize) -> Result<Tensor> {
    let init = Init::Randn {
        mean: 0.0,
        stdev: 1.0 / (input as f64).sqrt(),
    };
    vb.get_with_hints((out, input), "weight", init)
}

impl FeedForward {
    /// Tensors `0` (norm), `1` and `3` (linears) under `vb`.
    pub fn load(width: usize, mult: usize, vb: &VarBuilder) -> Result<Self> {
        Ok(Self {
            norm: norm(&vb.pp("0"), width)?,
            up: weight(&vb.pp("1"), width * mult, width)?,
            down: weight(&vb.pp("3"), width, width * mult)?,
        })
    }

    /// `[.., width]` to `[.., width]`.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let y = layer_norm(x, &self.norm.0, &self.norm.1, EPS)?;
        linear(&gelu(&linear(&y, &self.up, None)?)?, &self.down, None)
    }
}

/// A perceiver resampler with OpenFlamingo's tensor names.
pub struct Resampler {
    config: ResamplerConfig,
    latents: Tensor,
    layers: Vec<Layer>,
    norm: (Tensor, Tensor),
}

impl Resampler {
    /// Takes `latents`, `layers.{i}.0.*` (attention), `layers.{i}.1.*` (feed-forward) and `norm.*` from `vb`.
    pub fn load(config: &ResamplerConfig, width: usize, vb: VarBuilder) -> Result<Self> {
        let inner = config.heads * config.head_dim;
        let layers = (0..config.depth)
            .map(|i| {
                let vb = vb.pp("layers").pp(i);
                let attn = vb.pp("0");
                Ok(Layer {
                    norm_media: norm(&attn.pp("norm_media"), width)?,
                    norm_latents: norm(&attn.pp("norm_latents"), width)?,
                    to_q: weight(&attn.pp("to_q"), inner, width)?,
                    to_kv: weight(&attn.pp("to_kv"), 2 * inner, width)?,
                    to_out: weight(&attn.pp("to_out"), width, inner)?,
                    ff: FeedForward::load(width, config.ff_mult, &vb.pp("1"))?,
                })
            })
            .collect::<Result<Vec<_>>>()?;
        let init = Init::Randn {
            mean: 0.0,
            stdev: 1.0,
        };
        Ok(Self {
            latents: vb.get_with_hints((config.num_latents, width), "latents", init)?,
            layers,
            norm: norm(&vb.pp("norm"), width)?,
            config: config.clone(),
        })
    }

    /// Patch tokens `[batch, patches, width]` to latents `[batch, num_latents, width]`.
    pub fn forward(&self, tokens: &Tensor) -> Result<Tensor> {
        let (batch, _, width) = tokens.dims3()?;
        let inner = self.config.heads * self.config.head_dim;
        let scale = (self.config.head_dim as f32).powf(-0.5);
        let mut latents = self
            .latents
            .unsqueeze(0)?
            .broadcast_as((batch, self.config.num_latents, width))?
            .contiguous()?;
        for layer in &self.layers {
            let media = layer_norm(tokens, &layer.norm_media.0, &layer.norm_media.1, EPS)?;
            let own = layer_norm(&latents, &layer.norm_latents.0, &layer.norm_latents.1, EPS)?;
            // Keys and values: image tokens first, latents after them.
            let source = Tensor::cat(&[&media, &own], 1)?;
            let q = linear(&own, &layer.to_q, None)?;
            let k = linear(&source, &layer.to_kv.narrow(0, 0, inner)?, None)?;
            let v = linear(&source, &layer.to_kv.narrow(0, inner, inner)?, None)?;
            let out = attention(&q, &k, &v, self.config.heads, scale, Visible::All)?;
            latents = (linear(&out, &layer.to_out, None)? + latents)?;
            latents = (layer.ff.forward(&latents)? + latents)?;
        }
        layer_norm(&latents, &self.norm.0, &self.norm.1, EPS)
    }
}

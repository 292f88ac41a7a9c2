//! The perceiver resampler: any number of patch tokens in, a fixed number of latents out.

use candle_core::{Result, Tensor};
use candle_nn::Init;
use serde::{Deserialize, Serialize};

use crate::layers::{Norm, NormKind};
use crate::ops::{AttentionMask, Linear, attention, attention_weights, gelu};
use crate::store::Store;

const EPS: f64 = 1e-5;

/// Sizes of a resampler.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ResamplerConfig {
    /// Number of layers.
    pub depth: usize,
    /// Attention heads.
    pub heads: usize,
    /// Dimensions of a head.
    pub head_dim: usize,
    /// Latents per image.
    pub num_latents: usize,
    /// Width of the feed-forward, in multiples of the latents' width.
    pub ff_mult: usize,
    /// IDEFICS' variant: LayerNorm of queries and keys per head, and ReLU in the feed-forward.
    #[serde(default)]
    pub idefics: bool,
    /// Width of the latents, if it is not that of the tower's tokens, which are then projected to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width: Option<usize>,
    /// Number of the tower's tokens, if each place of the image gets a learned position: for towers whose tokens have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub positions: Option<usize>,
}

struct Layer {
    norm_media: Norm,
    norm_latents: Norm,
    to_q: Linear,
    /// Keys, then values.
    to_kv: Linear,
    qk_norm: Option<(Norm, Norm)>,
    to_out: Linear,
    ff: FeedForward,
}

/// LayerNorm, up projection, exact GELU (or ReLU), down projection; only the norm has a bias.
pub(super) struct FeedForward {
    norm: Norm,
    up: Linear,
    down: Linear,
    relu: bool,
}

pub(super) fn weight(store: &Store, out: usize, input: usize) -> Result<Linear> {
    let init = Init::Randn {
        mean: 0.0,
        stdev: 1.0 / (input as f64).sqrt(),
    };
    store.linear((out, input), "weight", init)
}

impl FeedForward {
    /// Tensors `0` (norm), `1` and `3` (linears) under `store`.
    pub(super) fn load(width: usize, inner: usize, relu: bool, store: &Store) -> Result<Self> {
        Ok(Self {
            norm: Norm::load(NormKind::Layer, width, EPS, &store.pp("0"))?,
            up: weight(&store.pp("1"), inner, width)?,
            down: weight(&store.pp("3"), width, inner)?,
            relu,
        })
    }

    /// `[.., width]` to `[.., width]`.
    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let y = self.up.forward(&self.norm.forward(x)?)?;
        let y = if self.relu { y.relu()? } else { gelu(&y)? };
        self.down.forward(&y)
    }
}

/// A perceiver resampler with OpenFlamingo's tensor names.
pub struct Resampler {
    config: ResamplerConfig,
    input: Option<Linear>,
    positions: Option<Tensor>,
    latents: Tensor,
    layers: Vec<Layer>,
    norm: Norm,
}

impl Resampler {
    /// Takes `latents`, `layers.{i}.0.*` (attention), `layers.{i}.1.*` (feed-forward) and `norm.*` from `store`, and `input.weight` and
    /// `positions` where it is configured to have them. The tower's tokens have `token_width`.
    pub fn load(config: &ResamplerConfig, token_width: usize, store: Store) -> Result<Self> {
        let width = config.width.unwrap_or(token_width);
        let inner = config.heads * config.head_dim;
        let norm = |width, store: Store| Norm::load(NormKind::Layer, width, EPS, &store);
        let layers = (0..config.depth)
            .map(|i| {
                let store = store.pp("layers").pp(i);
                let attn = store.pp("0");
                Ok(Layer {
                    norm_media: norm(width, attn.pp("norm_media"))?,
                    norm_latents: norm(width, attn.pp("norm_latents"))?,
                    to_q: weight(&attn.pp("to_q"), inner, width)?,
                    to_kv: weight(&attn.pp("to_kv"), 2 * inner, width)?,
                    qk_norm: match config.idefics {
                        true => Some((
                            norm(config.head_dim, attn.pp("q_norm"))?,
                            norm(config.head_dim, attn.pp("k_norm"))?,
                        )),
                        false => None,
                    },
                    to_out: weight(&attn.pp("to_out"), width, inner)?,
                    ff: FeedForward::load(
                        width,
                        width * config.ff_mult,
                        config.idefics,
                        &store.pp("1"),
                    )?,
                })
            })
            .collect::<Result<Vec<_>>>()?;
        let init = Init::Randn {
            mean: 0.0,
            stdev: 1.0,
        };
        let small = Init::Randn {
            mean: 0.0,
            stdev: 0.02,
        };
        Ok(Self {
            input: match config.width {
                Some(width) => Some(weight(&store.pp("input"), width, token_width)?),
                None => None,
            },
            positions: match config.positions {
                Some(count) => Some(store.get((count, width), "positions", small)?),
                None => None,
            },
            latents: store.get((config.num_latents, width), "latents", init)?,
            layers,
            norm: norm(width, store.pp("norm"))?,
            config: config.clone(),
        })
    }

    /// The tower's tokens `[batch, tokens, token_width]` to latents `[batch, num_latents, width]`.
    pub fn forward(&self, tokens: &Tensor) -> Result<Tensor> {
        self.forward_recorded(tokens, None)
    }

    /// The attention of every layer on the tower's tokens and then on the latents, mean over the heads: `[batch, num_latents, tokens +
    /// num_latents]` each.
    pub fn attention(&self, tokens: &Tensor) -> Result<Vec<Tensor>> {
        let mut weights = Vec::with_capacity(self.layers.len());
        self.forward_recorded(tokens, Some(&mut weights))?;
        Ok(weights)
    }

    /// [`Self::forward`], and pushes the attention of every layer, mean over the heads: `[batch, num_latents, tokens + num_latents]`.
    fn forward_recorded(
        &self,
        tokens: &Tensor,
        mut weights: Option<&mut Vec<Tensor>>,
    ) -> Result<Tensor> {
        let projected = match &self.input {
            Some(input) => input.forward(tokens)?,
            None => tokens.clone(),
        };
        let tokens = &match &self.positions {
            Some(positions) => projected.broadcast_add(positions)?,
            None => projected,
        };
        let (batch, _, width) = tokens.dims3()?;
        let inner = self.config.heads * self.config.head_dim;
        let scale = (self.config.head_dim as f32).powf(-0.5);
        let mut latents = self
            .latents
            .unsqueeze(0)?
            .broadcast_as((batch, self.config.num_latents, width))?
            .contiguous()?;
        for layer in &self.layers {
            let media = layer.norm_media.forward(tokens)?;
            let normed = layer.norm_latents.forward(&latents)?;
            // Keys and values: image tokens first, latents after them.
            let source = Tensor::cat(&[&media, &normed], 1)?;
            let mut q = layer.to_q.forward(&normed)?;
            let both = layer.to_kv.forward(&source)?;
            let mut k = both.narrow(2, 0, inner)?.contiguous()?;
            let v = both.narrow(2, inner, inner)?.contiguous()?;
            if let Some((q_norm, k_norm)) = &layer.qk_norm {
                (q, k) = (
                    self.norm_per_head(&q, q_norm)?,
                    self.norm_per_head(&k, k_norm)?,
                );
            }
            let (heads, all) = (self.config.heads, AttentionMask::All);
            if let Some(weights) = weights.as_deref_mut() {
                let of_heads = attention_weights(&q, &k, heads, scale, all.clone(), None, None)?;
                weights.push(of_heads.mean(1)?);
            }
            let out = attention(&q, &k, &v, heads, scale, all)?;
            latents = (layer.to_out.forward(&out)? + latents)?;
            latents = (layer.ff.forward(&latents)? + latents)?;
        }
        self.norm.forward(&latents)
    }

    fn norm_per_head(&self, x: &Tensor, norm: &Norm) -> Result<Tensor> {
        let (batch, n, width) = x.dims3()?;
        norm.forward(&x.reshape((batch, n, self.config.heads, self.config.head_dim))?)?
            .reshape((batch, n, width))
    }
}

//! Flamingo: a visual language model for few-shot learning, <https://arxiv.org/abs/2204.14198>, as OpenFlamingo and
//! Med-Flamingo publish it.
//!
//! A vision tower, a perceiver resampler that turns an image into a few latents, and a language model with gated
//! cross-attention before every n-th layer. A text token attends to the latents of one image only, or of one turn's images. So latents can be cached per
//! image, keys and values computed once, and decoding needs only the last image, all without approximation: see
//! docs/architecture.md.

mod gated;
mod match_bias;
mod media;
mod resampler;
mod turns;
mod validate;

pub use gated::{CrossKv, GatedBlock, GatedBlockConfig, GatedStyle};
pub use match_bias::{MatchBias, MatchBiasConfig};
pub use media::{
    MediaMask, SeenImages, media_ranges, seen_images, text_time, text_time_with_reset,
};
pub use resampler::{Resampler, ResamplerConfig};
pub use turns::{turns, vectors_of_turns};
pub(crate) use validate::check_parts;

use candle_core::{Result, Tensor};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

use super::language::{Decoder, DecoderConfig, TurnScores};
use super::ops::AttentionMask;
use super::store::{Store, TensorSpec, required_tensors};
use super::vision::{VisionConfig, VisionTower};

/// Sizes of a Flamingo, as in `model.toml`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FlamingoConfig {
    /// There is a gated block before layer `i` where `(i + 1) % cross_attn_every_n_layers == 0`, in IDEFICS where
    /// `i % cross_attn_every_n_layers == 0`.
    pub cross_attn_every_n_layers: usize,
    /// No layer before this one has a gated block.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub cross_attn_first_layer: usize,
    /// Heads of the gated cross-attention.
    pub cross_attn_heads: usize,
    /// Dimensions of a head of the gated cross-attention.
    pub cross_attn_head_dim: usize,
    /// Which variant the gated blocks are.
    #[serde(default)]
    pub gated: GatedStyle,
    /// Which image a text token attends to.
    pub media_mask: MediaMask,
    /// The vision tower.
    pub vision: VisionConfig,
    /// The perceiver resampler.
    pub resampler: ResamplerConfig,
    /// The bias of self-attention on earlier turns with a similar image, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub match_bias: Option<MatchBiasConfig>,
    /// The decoder.
    pub language: DecoderConfig,
}

fn is_zero(n: &usize) -> bool {
    *n == 0
}

impl FlamingoConfig {
    /// Whether there is a gated block before decoder layer `i`.
    pub fn is_gated(&self, i: usize) -> bool {
        let every = self.cross_attn_every_n_layers.max(1);
        let at = match self.gated {
            GatedStyle::OpenFlamingo => i + 1,
            GatedStyle::Idefics => i,
        };
        i >= self.cross_attn_first_layer && at.is_multiple_of(every)
    }

    /// Width of an image's latents.
    pub fn latent_width(&self) -> usize {
        self.resampler.width.unwrap_or(self.vision.width())
    }
}

/// The assembled model. One struct serves training (weights are variables) and inference.
pub struct Flamingo {
    /// Its sizes.
    pub config: FlamingoConfig,
    /// The vision tower.
    pub tower: VisionTower,
    /// The perceiver resampler.
    pub resampler: Resampler,
    /// The decoder.
    pub language: Decoder,
    /// Present where the configuration has one.
    pub match_bias: Option<MatchBias>,
    /// One entry per decoder layer.
    pub(crate) gated: Vec<Option<GatedBlock>>,
}

impl Flamingo {
    /// Takes the tensors from `store`: `vision_encoder.*`, `perceiver.*`, `lang_encoder.*` and `match_bias.*`.
    pub fn load(config: &FlamingoConfig, store: Store) -> Result<Self> {
        let language = store.pp("lang_encoder");
        let block_config = GatedBlockConfig {
            style: config.gated,
            width: config.language.hidden_size,
            media_width: config.latent_width(),
            heads: config.cross_attn_heads,
            head_dim: config.cross_attn_head_dim,
            inner: match config.gated {
                GatedStyle::OpenFlamingo => config.language.hidden_size * config.resampler.ff_mult,
                GatedStyle::Idefics => config.language.intermediate_size,
            },
        };
        let gated = (0..config.language.layers)
            .map(|i| match config.is_gated(i) {
                false => Ok(None),
                true => {
                    let store = language.pp("gated_cross_attn_layers").pp(i);
                    GatedBlock::load(&block_config, store).map(Some)
                }
            })
            .collect::<Result<Vec<_>>>()?;
        Ok(Self {
            tower: VisionTower::load(&config.vision, store.pp("vision_encoder"))?,
            resampler: Resampler::load(
                &config.resampler,
                config.vision.width(),
                store.pp("perceiver"),
            )?,
            match_bias: match &config.match_bias {
                Some(bias) => Some(MatchBias::load(
                    bias,
                    (config.language.layers, config.language.heads),
                    config.vision.vector_width(),
                    store.pp("match_bias"),
                )?),
                None => None,
            },
            language: Decoder::load(&config.language, language)?,
            gated,
            config: config.clone(),
        })
    }

    /// Every tensor that [`Flamingo::load`] reads.
    pub fn tensors(config: &FlamingoConfig) -> Result<Vec<TensorSpec>> {
        required_tensors(|store| Self::load(config, store).map(drop))
    }

    /// Keys and values of `media` `[batch, keys, width]` for every gated block, in layer order.
    pub fn cross_kv(&self, media: &Tensor) -> Result<Vec<CrossKv>> {
        self.gated
            .iter()
            .flatten()
            .map(|block| block.keys_and_values(media))
            .collect()
    }

    /// Hidden states `[batch, tokens, hidden]` of a batch of interleaved sequences, for training: `ids` `[batch, tokens]`, `media`
    /// `[batch, images * latents, width]`, `seen` the [`seen_images`] of every token, `[batch * tokens]`.
    pub fn hidden(&self, ids: &Tensor, media: &Tensor, seen: &[SeenImages]) -> Result<Tensor> {
        self.hidden_with_turns(ids, media, seen, None)
    }

    /// [`Self::hidden`] with the bias on earlier turns, from [`MatchBias::scores`].
    pub fn hidden_with_turns(
        &self,
        ids: &Tensor,
        media: &Tensor,
        seen: &[SeenImages],
        turns: Option<&TurnScores>,
    ) -> Result<Tensor> {
        let ranges = media_ranges(seen, self.config.resampler.num_latents);
        let mask = AttentionMask::Ranges(Arc::new(ranges));
        self.language
            .forward_with_turns(ids, None, turns, |i, x| match &self.gated[i] {
                None => Ok(x),
                Some(block) => {
                    let kv = block.keys_and_values(media)?;
                    block.forward(&x, &kv, mask.clone())
                }
            })
    }
}

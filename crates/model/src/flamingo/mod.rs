//! Flamingo: a visual language model for few-shot learning, <https://arxiv.org/abs/2204.14198>, as OpenFlamingo and
//! Med-Flamingo publish it.
//!
//! A vision tower, a perceiver resampler that turns an image into a few latents, and a language model with gated
//! cross-attention before every n-th layer. A text token attends to the latents of one image only. So latents can be cached per
//! image, keys and values computed once, and decoding needs only the last image, all without approximation: see
//! docs/architecture.md.

mod gated;
mod learner;
mod media;
mod resampler;
mod validate;

pub use gated::{CrossKv, GatedBlock, GatedBlockConfig, GatedStyle};
pub use learner::FlamingoLearner;
pub use media::{MediaMask, media_ranges, text_time, text_time_with_reset};
pub use resampler::{Resampler, ResamplerConfig};

use candle_core::{Result, Tensor};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

use super::language::{Decoder, DecoderConfig};
use super::ops::AttentionMask;
use super::store::{Store, TensorSpec, required_tensors};
use super::vision::{ClipTower, VisionConfig};

/// Sizes of a Flamingo, as in `model.toml`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FlamingoConfig {
    /// There is a gated block before layer `i` where `(i + 1) % cross_attn_every_n_layers == 0`, in IDEFICS where
    /// `i % cross_attn_every_n_layers == 0`.
    pub cross_attn_every_n_layers: usize,
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
    /// The decoder.
    pub language: DecoderConfig,
}

impl FlamingoConfig {
    /// Whether there is a gated block before decoder layer `i`.
    pub fn is_gated(&self, i: usize) -> bool {
        let every = self.cross_attn_every_n_layers.max(1);
        match self.gated {
            GatedStyle::OpenFlamingo => (i + 1).is_multiple_of(every),
            GatedStyle::Idefics => i.is_multiple_of(every),
        }
    }
}

/// The assembled model. One struct serves training (weights are variables) and inference.
pub struct Flamingo {
    /// Its sizes.
    pub config: FlamingoConfig,
    /// The vision tower.
    pub tower: ClipTower,
    /// The perceiver resampler.
    pub resampler: Resampler,
    /// The decoder.
    pub language: Decoder,
    /// One entry per decoder layer.
    pub(super) gated: Vec<Option<GatedBlock>>,
}

impl Flamingo {
    /// Takes the tensors from `store`: `vision_encoder.*`, `perceiver.*`, `lang_encoder.*`.
    pub fn load(config: &FlamingoConfig, store: Store) -> Result<Self> {
        let language = store.pp("lang_encoder");
        let block_config = GatedBlockConfig {
            style: config.gated,
            width: config.language.hidden_size,
            media_width: config.vision.width,
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
            tower: ClipTower::load(&config.vision, store.pp("vision_encoder"))?,
            resampler: Resampler::load(
                &config.resampler,
                config.vision.width,
                store.pp("perceiver"),
            )?,
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
    /// `[batch, images * latents, width]`, `times` the [`text_time`] of every token, `[batch * tokens]`.
    pub fn hidden(&self, ids: &Tensor, media: &Tensor, times: &[u32]) -> Result<Tensor> {
        let ranges = media_ranges(times, self.config.resampler.num_latents);
        let mask = AttentionMask::Ranges(Arc::new(ranges));
        self.language
            .forward(ids, None, |i, x| match &self.gated[i] {
                None => Ok(x),
                Some(block) => {
                    let kv = block.keys_and_values(media)?;
                    block.forward(&x, &kv, mask.clone())
                }
            })
    }
}

//! Prefix tuning: "Open-Ended Medical Visual Question Answering Through Prefix Tuning of Language Models",
//! <https://arxiv.org/abs/2303.05977>, as its authors publish it (tjvsonsbeek/open-ended-medical-vqa).
//!
//! A CLIP tower gives one vector per image, a mapper turns it into a few embeddings, and these stand in the question's sequence, which a
//! language model continues. The language model is frozen, tuned whole, has additions of low rank, or trained virtual tokens in front.
//! Text and images stand in one causal sequence, so nothing here knows which image a token belongs to.

mod config;
mod layout;
mod learner;
mod mapper;

pub use config::{Architecture, PrefixConfig, VirtualKind, VirtualTokens};
pub use layout::{BEFORE_ANSWER, BEFORE_IMAGE, BEFORE_QUESTION, Layout, Pieces};
pub use learner::PrefixLearner;
pub use mapper::{Mapper, MapperConfig};

use candle_core::{Result, Tensor};
use candle_nn::Init;

use super::language::{Decoder, KvCache};
use super::ops::AttentionMask;
use super::store::{Store, TensorSpec, required_tensors};
use super::vision::VisionTower;

/// Trained virtual tokens in front of every sequence.
enum Virtual {
    /// Prompt and p-tuning: embeddings `[1, count, hidden]`.
    Embeddings(Tensor),
    /// Prefix tuning: keys and values of every layer, `[1, count, 2 * layers * key-value width]`. They are taken apart where they are used: in
    /// training they change.
    KeysValues(Tensor),
}

/// The assembled model. One struct serves training (weights are variables) and inference.
pub struct PrefixModel {
    /// Its sizes.
    pub config: PrefixConfig,
    /// The vision tower.
    pub tower: VisionTower,
    /// The mapper; `None` where no image is seen.
    pub mapper: Option<Mapper>,
    /// The decoder.
    pub language: Decoder,
    /// What stands in the place of an image in the ablation without one, `[1, prefix_length, hidden]`.
    replacement: Option<Tensor>,
    virtual_tokens: Option<Virtual>,
}

fn small() -> Init {
    Init::Randn {
        mean: 0.0,
        stdev: 0.02,
    }
}

impl PrefixModel {
    /// Takes the tensors from `store`: `vision_encoder.*`, `clip_project.*` or `nv_tokens`, `virtual.*` and `lang_encoder.*`.
    pub fn load(config: &PrefixConfig, store: Store) -> Result<Self> {
        let hidden = config.language.hidden_size;
        let mapper = match &config.mapper {
            Some(mapper) => Some(Mapper::load(
                mapper,
                config.vision.vector_width(),
                config.prefix_length,
                hidden,
                &store.pp("clip_project"),
            )?),
            None => None,
        };
        let replacement = match config.layout {
            Layout::ReplaceVisual => {
                let shape = (1, config.prefix_length, hidden);
                Some(store.get(shape, "nv_tokens", small())?)
            }
            _ => None,
        };
        Ok(Self {
            tower: VisionTower::load(&config.vision, store.pp("vision_encoder"))?,
            mapper,
            replacement,
            virtual_tokens: match &config.virtual_tokens {
                Some(tokens) => Some(Virtual::load(tokens, config, &store.pp("virtual"))?),
                None => None,
            },
            language: Decoder::load(&config.language, store.pp("lang_encoder"))?,
            config: config.clone(),
        })
    }

    /// Every tensor that [`PrefixModel::load`] reads.
    pub fn tensors(config: &PrefixConfig) -> Result<Vec<TensorSpec>> {
        required_tensors(|store| Self::load(config, store).map(drop))
    }

    /// What stands in the sequence for images with these pooled vectors `[images, vector width]`, as the tower gives them, not scaled to
    /// unit length: `[images, prefix_length, hidden]`.
    pub fn image_embeddings(&self, pooled: &Tensor) -> Result<Tensor> {
        let shape = (
            pooled.dim(0)?,
            self.config.prefix_length,
            self.config.language.hidden_size,
        );
        match (&self.replacement, &self.mapper) {
            (Some(replacement), _) => replacement.broadcast_as(shape)?.contiguous(),
            (None, Some(mapper)) => mapper.forward(pooled),
            (None, None) => Tensor::zeros(shape, pooled.dtype(), pooled.device()),
        }
    }

    /// The cache of a new sequence. With prefix tuning it already has the virtual tokens.
    pub fn new_cache(&self) -> Result<KvCache> {
        let mut cache = self.language.new_cache();
        if let Some(Virtual::KeysValues(all)) = &self.virtual_tokens {
            cache.preload(&self.keys_and_values(all)?)?;
        }
        Ok(cache)
    }

    /// Hidden states `[batch, positions, hidden]` of a batch of sequences of embeddings `x` of the same shape, for training.
    pub fn hidden(&self, x: &Tensor) -> Result<Tensor> {
        let (batch, positions, width) = x.dims3()?;
        let all = |one: &Tensor| {
            let (_, count, width) = one.dims3()?;
            one.broadcast_as((batch, count, width))?.contiguous()
        };
        let (mut x, mut cache) = (x.clone(), None);
        match &self.virtual_tokens {
            Some(Virtual::Embeddings(leading)) => x = Tensor::cat(&[&all(leading)?, &x], 1)?,
            Some(Virtual::KeysValues(joined)) => {
                let layers = self.keys_and_values(joined)?.into_iter();
                let layers = layers.map(|(k, v)| Ok((all(&k)?, all(&v)?)));
                let mut preloaded = self.language.new_cache().differentiable();
                preloaded.preload(&layers.collect::<Result<Vec<_>>>()?)?;
                cache = Some(preloaded);
            }
            None => {}
        }
        let mask = AttentionMask::Causal {
            past: cache.as_ref().map_or(0, KvCache::len),
            padding: 0,
        };
        let cache = cache.as_mut();
        let hidden = self
            .language
            .forward_embedded(x, cache, mask, None, |_, x| Ok(x))?;
        let leading = hidden.dim(1)? - positions;
        debug_assert_eq!(hidden.dim(2)?, width);
        hidden.narrow(1, leading, positions)?.contiguous()
    }

    /// Keys and values of each layer, `[1, count, key-value width]`, of those of all layers side by side.
    fn keys_and_values(&self, joined: &Tensor) -> Result<Vec<(Tensor, Tensor)>> {
        let language = &self.config.language;
        let width = language.key_value_width();
        let part = |at: usize| joined.narrow(2, at * width, width)?.contiguous();
        (0..language.layers)
            .map(|layer| Ok((part(2 * layer)?, part(2 * layer + 1)?)))
            .collect()
    }

    /// The embeddings in front of every sequence `[1, count, hidden]`, with prompt and p-tuning.
    pub fn leading_embeddings(&self) -> Option<&Tensor> {
        match &self.virtual_tokens {
            Some(Virtual::Embeddings(embeddings)) => Some(embeddings),
            _ => None,
        }
    }

    /// The embeddings `[1, positions, hidden]` of a sequence whose every `image_token` stands for the next of `images`, each `[1,
    /// prefix_length, hidden]`. Without the leading embeddings.
    ///
    /// Errors where there are not as many images as image tokens.
    pub fn embeddings(&self, ids: &[u32], image_token: u32, images: &[&Tensor]) -> Result<Tensor> {
        let mut parts = Vec::new();
        let mut images = images.iter();
        for (at, text) in ids.split(|&id| id == image_token).enumerate() {
            if at > 0 {
                let image = images.next().map(|image| (*image).clone());
                let missing = || candle_core::Error::msg("there are more image tokens than images");
                parts.push(image.ok_or_else(missing)?);
            }
            if !text.is_empty() {
                let text = Tensor::new(text, self.language.device())?.unsqueeze(0)?;
                parts.push(self.language.embed(&text)?);
            }
        }
        match images.next() {
            Some(_) => candle_core::bail!("there are more images than image tokens"),
            None => Tensor::cat(&parts, 1),
        }
    }
}

impl Virtual {
    fn load(tokens: &VirtualTokens, config: &PrefixConfig, store: &Store) -> Result<Self> {
        let language = &config.language;
        Ok(match tokens.kind {
            VirtualKind::Embeddings => {
                let shape = (tokens.count, language.hidden_size);
                Self::Embeddings(store.get(shape, "tokens", small())?.unsqueeze(0)?)
            }
            VirtualKind::KeysValues => {
                let width = language.key_value_width();
                let shape = (tokens.count, 2 * language.layers * width);
                Self::KeysValues(store.get(shape, "keys_values", small())?.unsqueeze(0)?)
            }
        })
    }
}

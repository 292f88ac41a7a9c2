//! MedVInT-TE: text and image meet in a fusion block, which fills in the masked tokens of the answer.
//!
//! The language model stays causal; only the fusion looks both ways. Texts are padded to a fixed length, and the fusion attends to the
//! padding, as published: its mask is built but not used.

use candle_core::{Result, Tensor};
use candle_nn::Init;
use std::sync::Arc;

use super::blocks::{ResidualBlock, affine};
use super::config::TeConfig;
use super::queries::QueryDecoder;
use crate::language::{Decoder, KvCache};
use crate::ops::{AttentionMask, Linear};
use crate::store::{Store, TensorSpec, required_tensors};
use crate::vision::{VisionConfig, VisionOutput, VisionTower};

/// An assembled MedVInT-TE.
pub struct MedvintTe {
    /// Its sizes.
    pub config: TeConfig,
    /// The vision tower.
    pub tower: VisionTower,
    language: Decoder,
    image_embed: Option<Linear>,
    queries: QueryDecoder,
    text_embed: Linear,
    img_special_token: Tensor,
    fusion: Vec<ResidualBlock>,
    mlm_projection: Linear,
}

impl MedvintTe {
    /// Takes the tensors from `store`: `vision_encoder.*`, `image_embed` (of a ResNet), `query_embed.weight`, `decoder.*`, `text_embed`,
    /// `img_special_token`, `fusion_module.resblocks.*`, `mlm_projection.weight` and `lang_encoder.*`.
    pub fn load(config: &TeConfig, store: Store) -> Result<Self> {
        let (width, language) = (config.fusion.width, &config.language);
        let init = Init::Randn {
            mean: 0.0,
            stdev: 1.0 / (width as f64).sqrt(),
        };
        let blocks = store.pp("fusion_module").pp("resblocks");
        let blocks = (0..config.fusion.layers)
            .map(|i| ResidualBlock::load(&blocks.pp(i), width, config.fusion.heads));
        let projection = store.pp("mlm_projection");
        Ok(Self {
            tower: VisionTower::load(&config.vision, store.pp("vision_encoder"))?,
            image_embed: match &config.vision {
                VisionConfig::Resnet(tower) => {
                    Some(affine(store.pp("image_embed"), tower.channels(), width)?)
                }
                _ => None,
            },
            queries: QueryDecoder::load(&config.queries, width, &store)?,
            text_embed: affine(store.pp("text_embed"), language.hidden_size, width)?,
            img_special_token: store.get(width, "img_special_token", init)?,
            fusion: blocks.collect::<Result<_>>()?,
            mlm_projection: projection.linear((language.vocab_size, width), "weight", init)?,
            language: Decoder::load(language, store.pp("lang_encoder"))?,
            config: config.clone(),
        })
    }

    /// Every tensor that [`MedvintTe::load`] reads.
    pub fn tensors(config: &TeConfig) -> Result<Vec<TensorSpec>> {
        required_tensors(|store| Self::load(config, store).map(drop))
    }

    /// The embeddings of an image: `[batch, queries, fusion's width]`.
    pub fn embeddings(&self, output: &VisionOutput) -> Result<Tensor> {
        match &self.image_embed {
            Some(embed) => self.queries.forward(&embed.forward(&output.tokens)?),
            None => self.queries.forward(&output.tokens),
        }
    }

    /// An empty cache for [`Self::text`].
    pub fn new_cache(&self) -> KvCache {
        self.language.new_cache()
    }

    /// See [`Decoder::mean_embedding`].
    pub fn mean_embedding(&self, ids: &[u32]) -> Result<Vec<f32>> {
        self.language.mean_embedding(ids)
    }

    /// States of `ids` `[1, tokens, fusion's width]`, which follow the tokens in `cache`. No token attends to those from position `padding`
    /// on, which are padding.
    ///
    /// `check` runs before every layer; its error stops the pass.
    pub fn text(
        &self,
        ids: &[u32],
        cache: &mut KvCache,
        padding: usize,
        mut check: impl FnMut() -> Result<()>,
    ) -> Result<Tensor> {
        let past = cache.len();
        let ranges = (0..ids.len()).map(|i| (0, (past + i + 1).min(padding) as u32));
        let mask = AttentionMask::Ranges(Arc::new(ranges.collect()));
        let ids = Tensor::new(ids, self.img_special_token.device())?.unsqueeze(0)?;
        let embedded = self.language.embed(&ids)?;
        let hidden =
            self.language
                .forward_embedded(embedded, Some(cache), mask, None, |_, x| {
                    check().map(|()| x)
                })?;
        self.text_embed.forward(&hidden)
    }

    /// Logits of the tokens `rows` of a text, `[rows, vocabulary]`, from its padded states `[1, text_length, width]` and the embeddings of
    /// any number of images, `[1, embeddings, width]` each.
    pub fn fuse(
        &self,
        text: &Tensor,
        images: &[&Tensor],
        rows: std::ops::Range<usize>,
    ) -> Result<Tensor> {
        let special = self.img_special_token.reshape((1, 1, ()))?;
        let mut parts = vec![text, &special];
        parts.extend(images);
        let mut blocks = self.fusion.iter();
        let states = blocks.try_fold(Tensor::cat(&parts, 1)?, |x, block| block.forward(&x))?;
        let states = states.narrow(1, rows.start, rows.len())?.contiguous()?;
        self.mlm_projection.forward(&states)?.squeeze(0)
    }
}

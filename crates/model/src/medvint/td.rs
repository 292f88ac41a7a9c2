//! MedVInT-TD: embeddings of the image stand in front of the text, and the language model writes the answer.

use candle_core::{Result, Tensor};

use super::blocks::affine;
use super::config::TdConfig;
use super::queries::QueryDecoder;
use crate::language::Decoder;
use crate::ops::Linear;
use crate::store::{Store, TensorSpec, required_tensors};
use crate::vision::{VisionConfig, VisionOutput, VisionTower};

/// An assembled MedVInT-TD.
pub struct MedvintTd {
    /// Its sizes.
    pub config: TdConfig,
    /// The vision tower.
    pub tower: VisionTower,
    /// The decoder.
    pub language: Decoder,
    queries: Option<QueryDecoder>,
    fc_l1: Linear,
    fc_l2: Linear,
}

impl MedvintTd {
    /// Takes the tensors from `store`: `vision_encoder.*`, `query_embed.weight`, `decoder.*`, `fc_l1`, `fc_l2` and `lang_encoder.*`.
    pub fn load(config: &TdConfig, store: Store) -> Result<Self> {
        let width = config.vision.width();
        Ok(Self {
            tower: VisionTower::load(&config.vision, store.pp("vision_encoder"))?,
            queries: match &config.queries {
                Some(queries) => Some(QueryDecoder::load(queries, width, &store)?),
                None => None,
            },
            fc_l1: affine(store.pp("fc_l1"), width, width)?,
            fc_l2: affine(store.pp("fc_l2"), width, config.language.hidden_size)?,
            language: Decoder::load(&config.language, store.pp("lang_encoder"))?,
            config: config.clone(),
        })
    }

    /// Every tensor that [`MedvintTd::load`] reads.
    pub fn tensors(config: &TdConfig) -> Result<Vec<TensorSpec>> {
        required_tensors(|store| Self::load(config, store).map(drop))
    }

    /// What the queries read, or without queries the one token that stands for the image: `[batch, embeddings, tower's width]`.
    pub fn read(&self, output: &VisionOutput) -> Result<Tensor> {
        match (&self.queries, &self.config.vision) {
            (Some(queries), _) => queries.forward(&output.tokens),
            // The class token as it is; the pooled vector has passed a norm.
            (None, VisionConfig::Clip(_)) => output.tokens.narrow(1, 0, 1),
            (None, _) => output.tokens.mean_keepdim(1),
        }
    }

    /// The embeddings of an image, `[batch, embeddings, hidden]`, from [`Self::read`].
    pub fn embeddings(&self, read: &Tensor) -> Result<Tensor> {
        self.fc_l2.forward(&self.fc_l1.forward(read)?.relu()?)
    }
}

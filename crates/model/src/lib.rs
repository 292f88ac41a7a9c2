//! Models: the [`FewShotLearner`] trait, the Flamingo family that implements it, and image-text encoders.
//!
//! Nothing here knows about questions, examples or user interfaces: tokens and images come in, logits and vectors go out.

#![warn(missing_docs, unreachable_pub)]

mod bounds;
pub mod bundle;
pub mod device;
pub mod encoder;
pub mod error;
pub mod families;
#[cfg(test)]
#[path = "../../../tests/common/fixtures.rs"]
mod fixtures;
pub mod flamingo;
pub mod generate;
pub mod import;
pub mod language;
pub mod layers;
pub mod learner;
pub mod library;
pub mod load;
mod loaded;
mod manifest_files;
pub mod medvint;
pub mod ops;
pub mod prefix;
pub mod random;
pub mod recorder;
pub mod reference;
pub mod rollout;
mod safetensors_backend;
pub mod store;
pub mod vision;
pub mod weights;

use candle_core::{D, DType, Tensor};
use std::sync::Arc;
use tokenizers::Tokenizer;

use error::ModelError;
use rounds_imaging::Image;
use rounds_support::Cancel;

/// An image after one pass of a learner's vision tower and resampler.
pub struct EncodedImage {
    /// Unit vector for searching an index.
    pub vector: Vec<f32>,
    /// What text attends to: `[1, num_latents, width]` in the model's dtype.
    pub latents: Tensor,
}

impl EncodedImage {
    /// An image with this pooled vector `[1, width]` of the tower, of any length.
    fn new(pooled: &Tensor, latents: Tensor) -> candle_core::Result<Self> {
        let pooled = pooled.to_dtype(DType::F32)?;
        let length = (pooled.sqr()?.sum_keepdim(D::Minus1)? + 1e-12)?.sqrt()?;
        Ok(Self {
            vector: pooled.broadcast_div(&length)?.flatten_all()?.to_vec1()?,
            latents,
        })
    }

    /// The largest cosine of its vector and of one of `others`; 0 if there is none above that.
    pub fn likeness<'a>(&self, others: impl Iterator<Item = &'a Self>) -> f32 {
        let cosine = |other: &Self| -> f32 {
            let pairs = self.vector.iter().zip(&other.vector);
            pairs.map(|(a, b)| a * b).sum()
        };
        others.map(cosine).fold(0.0, f32::max)
    }
}

/// A multimodal few-shot learner with the state of its current sequences.
pub trait FewShotLearner: Send + Sync {
    /// The manifest of its bundle.
    fn manifest(&self) -> &bundle::Manifest;
    /// Its tokenizer.
    fn tokenizer(&self) -> &Tokenizer;
    /// Maximum length of a sequence in positions.
    fn context(&self) -> usize;
    /// How many positions of the context `ids` take: more than one for an image, where its features stand in the sequence.
    fn positions(&self, ids: &[u32]) -> usize {
        ids.len()
    }
    /// The dtype that it computes in.
    fn dtype(&self) -> DType {
        DType::F32
    }
    /// Which beam search it was published with.
    fn beam_rule(&self) -> generate::beam::BeamRule {
        generate::beam::BeamRule::default()
    }
    /// Runs the vision tower and the resampler.
    fn encode_image(&self, image: &Image) -> Result<EncodedImage, ModelError>;
    /// Starts a sequence, with one image for every image token in `ids`. Returns the logits after the last token, one per
    /// vocabulary entry.
    fn prefill(
        &mut self,
        ids: &[u32],
        images: &[Arc<EncodedImage>],
        cancel: &Cancel,
    ) -> Result<Vec<f32>, ModelError>;
    /// How much more each earlier turn's image is like the last turn's than the others are, after a prefill: what the match bias
    /// multiplies. Empty without a match bias, images, or earlier turns.
    fn match_scores(&self) -> Result<Vec<f32>, ModelError> {
        Ok(Vec::new())
    }
    /// Adds one token to the first sequence and returns the logits after it.
    fn step(&mut self, token: u32, cancel: &Cancel) -> Result<Vec<f32>, ModelError> {
        self.step_branch(0, token, cancel)
    }
    /// For a model that fills in masked tokens: logits of each of `count` masks after the current prompt. `None` for a model that writes
    /// token after token.
    fn fill(&mut self, count: usize, cancel: &Cancel) -> Result<Option<Vec<Vec<f32>>>, ModelError> {
        let _ = (count, cancel);
        Ok(None)
    }
    /// Starts a sequence like [`Self::prefill`] and gives the logits of its last `rows` tokens, with `traced` also what attention did at
    /// them. What the last sequence begins with in common is not computed again. `None` for a learner that cannot.
    fn inspect(
        &mut self,
        ids: &[u32],
        images: &[Arc<EncodedImage>],
        rows: usize,
        traced: bool,
        cancel: &Cancel,
    ) -> Result<Option<recorder::Inspection>, ModelError> {
        let _ = (ids, images, rows, traced, cancel);
        Ok(None)
    }
    /// The mean of the embeddings that the text tokens `ids` have before the first layer, `[width]`: a text as a bag of tokens, without
    /// order and context. Leaves the sequences as they are. `None` for a learner that cannot give it.
    fn mean_embedding(&self, ids: &[u32]) -> Result<Option<Vec<f32>>, ModelError> {
        let _ = ids;
        Ok(None)
    }
    /// How the resampler reads an image. `None` for a learner without one.
    fn patch_attention(
        &self,
        image: &Image,
    ) -> Result<Option<rollout::PatchAttention>, ModelError> {
        let _ = image;
        Ok(None)
    }
    /// Replaces the current sequences: the new sequence `i` continues the old sequence `parents[i]`. After a prefill there is
    /// one sequence, number 0.
    fn branch(&mut self, parents: &[usize]) -> Result<(), ModelError>;
    /// Adds one token to sequence `branch` and returns the logits after it.
    fn step_branch(
        &mut self,
        branch: usize,
        token: u32,
        cancel: &Cancel,
    ) -> Result<Vec<f32>, ModelError>;
}

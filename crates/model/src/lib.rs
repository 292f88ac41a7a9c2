//! Models: the seam that few-shot learners stand behind, and the Flamingo family as its first.
//!
//! Nothing here knows about questions, examples or surfaces: tokens and pictures come in, logits go out.

mod bounds;
pub mod bundle;
pub mod device;
pub mod encoder;
pub mod error;
pub mod flamingo;
pub mod generate;
pub mod import;
pub mod language;
pub mod layers;
pub mod library;
pub mod load;
mod manifest_files;
pub mod ops;
pub mod random;
mod safetensors_backend;
pub mod store;
pub mod vision;
pub mod weights;

use candle_core::Tensor;
use std::sync::Arc;
use tokenizers::Tokenizer;

use error::ModelError;
use rounds_imaging::Picture;
use rounds_support::Cancel;

/// What a learner makes of a picture in one pass of its vision tower.
pub struct EncodedImage {
    /// Unit vector that searches an index.
    pub vector: Vec<f32>,
    /// What text attends to: `[1, num_latents, width]`.
    pub latents: Tensor,
}

/// A multimodal few-shot learner with the state of one sequence.
pub trait FewShotLearner: Send {
    /// What it is.
    fn manifest(&self) -> &bundle::Manifest;
    /// Its tokenizer.
    fn tokenizer(&self) -> &Tokenizer;
    /// Longest sequence, in tokens.
    fn context(&self) -> usize;
    /// One pass of the vision tower and resampler.
    fn encode_image(&self, image: &Picture) -> Result<EncodedImage, ModelError>;
    /// Starts a sequence: one image for every image token in `ids`. Returns the logits after the last token.
    fn prefill(
        &mut self,
        ids: &[u32],
        images: &[Arc<EncodedImage>],
        cancel: &Cancel,
    ) -> Result<Vec<f32>, ModelError>;
    /// Adds one token; returns the logits after it.
    fn step(&mut self, token: u32, cancel: &Cancel) -> Result<Vec<f32>, ModelError> {
        self.step_branch(0, token, cancel)
    }
    /// Rearranges the sequences under way: the new i-th goes on from what was the `parents[i]`-th. After a prefill there is
    /// one, number 0.
    fn branch(&mut self, parents: &[usize]) -> Result<(), ModelError>;
    /// Adds one token to the `branch`-th sequence.
    fn step_branch(
        &mut self,
        branch: usize,
        token: u32,
        cancel: &Cancel,
    ) -> Result<Vec<f32>, ModelError>;
}

//! A prefix-tuned model as a [`FewShotLearner`]: caches and forward passes, nothing about prompts or indexes.
//!
//! Shots go the plain way: each example's text with its image's embeddings, one after the other. The published models never saw more
//! than one question in a sequence, and whoever asks with shots is told so.

use candle_core::{DType, Device, Tensor};
use std::sync::Arc;
use tokenizers::Tokenizer;

use super::PrefixModel;
use crate::bundle::{Bundle, Manifest};
use crate::error::ModelError;
use crate::generate::beam::BeamRule;
use crate::language::{Sequences, last_logits};
use crate::loaded::LoadedBundle;
use crate::{EncodedImage, FewShotLearner};
use rounds_imaging::{HighBitDepth, Image};
use rounds_support::Cancel;

/// A loaded prefix-tuned model with the state of its current sequences.
pub struct PrefixLearner {
    bundle: LoadedBundle,
    model: PrefixModel,
    /// Tokens that were never trained and must never be chosen.
    untrained: Vec<u32>,
    sequences: Sequences,
}

impl PrefixLearner {
    /// Loads the model of a bundle: in f32 on a CPU (quantised linear layers stay packed), in the bundle's dtype elsewhere.
    pub fn load(bundle: &Bundle, device: &Device) -> Result<Self, ModelError> {
        let config = bundle.manifest.config.prefix();
        let config = config.ok_or_else(|| ModelError::Family(bundle.manifest.family.clone()))?;
        let (loaded, store) = LoadedBundle::load(bundle, device)?;
        let untrained = loaded.manifest.tokens.untrained.iter();
        let untrained = untrained.filter_map(|token| loaded.tokenizer.token_to_id(token));
        Ok(Self {
            model: PrefixModel::load(config, store).map_err(|e| loaded.damaged(&e))?,
            untrained: untrained.collect(),
            bundle: loaded,
            sequences: Sequences::default(),
        })
    }

    /// The model itself, for tests.
    pub fn model(&self) -> &PrefixModel {
        &self.model
    }

    /// Converts greyscale of more than 8 bits as `depth` says from now on.
    pub fn set_high_bit_depth(&mut self, depth: HighBitDepth) {
        self.bundle.high_bit_depth = depth;
    }

    /// [`FewShotLearner::encode_image`] for normalised pixels `[1, 3, side, side]`, in the model's dtype.
    pub fn encode_pixels(&self, pixels: &Tensor) -> Result<EncodedImage, ModelError> {
        let pooled = self.model.tower.forward(pixels)?.pooled;
        let latents = self.model.image_embeddings(&pooled)?;
        Ok(EncodedImage::new(&pooled, latents)?)
    }

    /// Logits after every position of a new sequence, `[positions, vocabulary]` in f32, without those of virtual tokens.
    pub fn logits(
        &mut self,
        ids: &[u32],
        images: &[Arc<EncodedImage>],
        cancel: &Cancel,
    ) -> Result<Tensor, ModelError> {
        let hidden = self.start(ids, images, false, cancel)?;
        let leading = self.model.leading_embeddings();
        let skipped = leading.map_or(Ok(0), |leading| leading.dim(1))?;
        let hidden = hidden.narrow(1, skipped, hidden.dim(1)? - skipped)?;
        let logits = self.model.language.logits(&hidden.contiguous()?)?;
        Ok(logits.squeeze(0)?.to_dtype(DType::F32)?)
    }

    /// Logits after the last position; those of untrained tokens are minus infinity.
    fn last_logits(&self, hidden: &Tensor) -> Result<Vec<f32>, ModelError> {
        let mut logits = last_logits(&self.model.language, hidden)?;
        for &id in &self.untrained {
            if let Some(logit) = logits.get_mut(id as usize) {
                *logit = f32::NEG_INFINITY;
            }
        }
        Ok(logits)
    }

    /// Errors where a prompt cannot be run.
    fn check(&self, ids: &[u32], images: usize) -> Result<(), ModelError> {
        let shown = ids.iter().any(|&id| self.bundle.is_image(id));
        let unseen = !shown && !self.model.config.layout.has_image_place();
        self.bundle.check(ids, if unseen { 0 } else { images })?;
        let positions = self.positions(ids);
        if ids.is_empty() || positions > self.context() {
            return Err(ModelError::TooLong {
                tokens: positions,
                limit: self.context(),
            });
        }
        Ok(())
    }

    /// Hidden states of a new sequence, `[1, positions, hidden]`; with `last_chunk_only` those of the last chunk alone.
    fn start(
        &mut self,
        ids: &[u32],
        images: &[Arc<EncodedImage>],
        last_chunk_only: bool,
        cancel: &Cancel,
    ) -> Result<Tensor, ModelError> {
        self.check(ids, images.len())?;
        // Free the old sequences first: the new one may need their memory.
        self.sequences.clear();
        let latents: Vec<&Tensor> = match self.model.config.layout.has_image_place() {
            true => images.iter().map(|image| &image.latents).collect(),
            false => Vec::new(),
        };
        let mut sequence = self
            .model
            .embeddings(ids, self.bundle.image_token(), &latents)?;
        if let Some(leading) = self.model.leading_embeddings() {
            sequence = Tensor::cat(&[leading, &sequence], 1)?;
        }
        let cache = self.model.new_cache()?;
        let language = &self.model.language;
        self.sequences
            .start(language, cache, &sequence, last_chunk_only, cancel)
    }
}

impl FewShotLearner for PrefixLearner {
    fn manifest(&self) -> &Manifest {
        &self.bundle.manifest
    }

    fn tokenizer(&self) -> &Tokenizer {
        &self.bundle.tokenizer
    }

    fn context(&self) -> usize {
        let config = &self.model.config;
        config.language.max_positions - config.virtual_count()
    }

    fn positions(&self, ids: &[u32]) -> usize {
        let images = ids.iter().filter(|&&id| self.bundle.is_image(id)).count();
        ids.len() - images + images * self.model.config.prefix_length
    }

    fn dtype(&self) -> DType {
        self.bundle.dtype
    }

    fn beam_rule(&self) -> BeamRule {
        BeamRule::ClipCap
    }

    fn encode_image(&self, image: &Image) -> Result<EncodedImage, ModelError> {
        self.encode_pixels(&self.bundle.pixels(image)?)
    }

    fn prefill(
        &mut self,
        ids: &[u32],
        images: &[Arc<EncodedImage>],
        cancel: &Cancel,
    ) -> Result<Vec<f32>, ModelError> {
        let hidden = self.start(ids, images, true, cancel)?;
        self.last_logits(&hidden)
    }

    fn mean_embedding(&self, ids: &[u32]) -> Result<Option<Vec<f32>>, ModelError> {
        Ok(Some(self.model.language.mean_embedding(ids)?))
    }

    fn branch(&mut self, parents: &[usize]) -> Result<(), ModelError> {
        self.sequences.branch(parents)
    }

    fn step_branch(
        &mut self,
        branch: usize,
        token: u32,
        cancel: &Cancel,
    ) -> Result<Vec<f32>, ModelError> {
        let language = &self.model.language;
        let hidden = self.sequences.step(language, branch, token, cancel)?;
        self.last_logits(&hidden)
    }
}

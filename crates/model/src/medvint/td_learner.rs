//! MedVInT-TD as a [`FewShotLearner`].

use candle_core::{DType, Device, Tensor};
use std::sync::Arc;
use tokenizers::Tokenizer;

use super::config::MedvintConfig;
use super::td::MedvintTd;
use crate::bundle::{Bundle, Manifest};
use crate::error::ModelError;
use crate::language::{Sequences, last_logits};
use crate::loaded::LoadedBundle;
use crate::{EncodedImage, FewShotLearner};
use rounds_imaging::{HighBitDepth, Image};
use rounds_support::Cancel;

/// A loaded MedVInT-TD with the state of its current sequences.
pub struct TdLearner {
    bundle: LoadedBundle,
    model: MedvintTd,
    sequences: Sequences,
}

impl TdLearner {
    /// Loads the model of a bundle: in f32 on a CPU, in the bundle's dtype elsewhere.
    pub fn load(bundle: &Bundle, device: &Device) -> Result<Self, ModelError> {
        let Some(MedvintConfig::Td(config)) = bundle.manifest.config.medvint() else {
            return Err(ModelError::Family(bundle.manifest.family.clone()));
        };
        let (loaded, store) = LoadedBundle::load(bundle, device)?;
        Ok(Self {
            model: MedvintTd::load(config, store).map_err(|e| loaded.damaged(&e))?,
            bundle: loaded,
            sequences: Sequences::default(),
        })
    }

    /// The model itself.
    pub fn model(&self) -> &MedvintTd {
        &self.model
    }

    /// Converts greyscale of more than 8 bits as `depth` says from now on.
    pub fn set_high_bit_depth(&mut self, depth: HighBitDepth) {
        self.bundle.high_bit_depth = depth;
    }

    /// [`FewShotLearner::encode_image`] for normalised pixels `[1, 3, side, side]`, in the model's dtype.
    pub fn encode_pixels(&self, pixels: &Tensor) -> Result<EncodedImage, ModelError> {
        let output = self.model.tower.forward(pixels)?;
        let read = self.model.read(&output)?;
        let latents = self.model.embeddings(&read)?;
        Ok(EncodedImage::new(&output.pooled, latents)?)
    }

    /// Logits after every position, `[positions, vocabulary]` in f32: an image has as many positions as embeddings. Starts a sequence like
    /// [`FewShotLearner::prefill`].
    pub fn logits(
        &mut self,
        ids: &[u32],
        images: &[Arc<EncodedImage>],
        cancel: &Cancel,
    ) -> Result<Tensor, ModelError> {
        let hidden = self.start(ids, images, false, cancel)?;
        let logits = self.model.language.logits(&hidden)?.squeeze(0)?;
        Ok(logits.to_dtype(DType::F32)?)
    }

    /// What the published scorer of choices reads: the most probable token after every position, image included, decoded without
    /// special tokens.
    pub fn decoded(
        &mut self,
        ids: &[u32],
        images: &[Arc<EncodedImage>],
        cancel: &Cancel,
    ) -> Result<String, ModelError> {
        let logits = self.logits(ids, images, cancel)?;
        let ids = LoadedBundle::most_probable(&logits)?;
        self.bundle.decode(&ids, true)
    }

    /// The embeddings of a sequence, `[1, positions, hidden]`.
    fn embedded(&self, ids: &[u32], images: &[Arc<EncodedImage>]) -> Result<Tensor, ModelError> {
        let mut images = images.iter();
        let mut parts = Vec::new();
        for run in ids.chunk_by(|a, b| !self.bundle.is_image(*a) && !self.bundle.is_image(*b)) {
            match run {
                [id] if self.bundle.is_image(*id) => {
                    parts.extend(images.next().map(|image| image.latents.clone()));
                }
                text => {
                    let text = Tensor::new(text, &self.bundle.device)?.unsqueeze(0)?;
                    parts.push(self.model.language.embed(&text)?);
                }
            }
        }
        Ok(Tensor::cat(&parts, 1)?)
    }

    /// Hidden states of a new sequence, `[1, positions, hidden]`; with `last_chunk_only` those of the last chunk alone.
    fn start(
        &mut self,
        ids: &[u32],
        images: &[Arc<EncodedImage>],
        last_chunk_only: bool,
        cancel: &Cancel,
    ) -> Result<Tensor, ModelError> {
        self.bundle.check(ids, images.len())?;
        let (positions, limit) = (self.positions(ids), self.context());
        if ids.is_empty() || positions > limit {
            return Err(ModelError::TooLong {
                tokens: positions,
                limit,
            });
        }
        // Free the old sequences first: the new one may need their memory.
        self.sequences.clear();
        let embedded = self.embedded(ids, images)?;
        let language = &self.model.language;
        let cache = language.new_cache();
        self.sequences
            .start(language, cache, &embedded, last_chunk_only, cancel)
    }
}

impl FewShotLearner for TdLearner {
    fn manifest(&self) -> &Manifest {
        &self.bundle.manifest
    }

    fn tokenizer(&self) -> &Tokenizer {
        &self.bundle.tokenizer
    }

    fn dtype(&self) -> DType {
        self.bundle.dtype
    }

    fn context(&self) -> usize {
        self.model.config.language.max_positions
    }

    fn positions(&self, ids: &[u32]) -> usize {
        let [_, embeddings, _] = self.bundle.manifest.config.latent_dims();
        let positions = |&id: &u32| match self.bundle.is_image(id) {
            true => embeddings,
            false => 1,
        };
        ids.iter().map(positions).sum()
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
        last_logits(&self.model.language, &hidden)
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
        self.bundle.check(&[token], 0)?;
        let language = &self.model.language;
        let hidden = self.sequences.step(language, branch, token, cancel)?;
        last_logits(language, &hidden)
    }
}

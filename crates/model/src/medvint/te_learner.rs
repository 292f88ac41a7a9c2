//! MedVInT-TE as a [`FewShotLearner`].
//!
//! All masked tokens of an answer are predicted at once, so a step only moves on to the next one: which token was chosen does not matter.
//! As published, the number of masks is the length of the right answer, which leaks it. Here a prompt that does not end with mask tokens
//! gets the number of masks at which the model is surest of its tokens.

use candle_core::{DType, Device, Tensor};
use std::sync::Arc;
use tokenizers::Tokenizer;

use super::config::{FusionConfig, MedvintConfig};
use super::masked::MaskedText;
use super::te::MedvintTe;
use crate::bundle::{Bundle, Manifest};
use crate::error::ModelError;
use crate::generate::beam::log_softmax;
use crate::language::KvCache;
use crate::loaded::LoadedBundle;
use crate::{EncodedImage, FewShotLearner};
use rounds_imaging::{HighBitDepth, Image};
use rounds_support::Cancel;

/// Id of the padding, as PMC-VQA's code sets it.
const PADDING: u32 = 0;

/// The current prompt.
struct Prompt {
    /// Its tokens, with image and mask tokens.
    ids: Vec<u32>,
    /// Keys and values of its text.
    cache: KvCache,
    /// States of its text, `[1, tokens, width]`.
    text: Tensor,
    images: Vec<Arc<EncodedImage>>,
    /// Logits of each mask.
    answer: Vec<Vec<f32>>,
}

impl Prompt {
    fn is(&self, ids: &[u32], images: &[Arc<EncodedImage>]) -> bool {
        let mut pairs = self.images.iter().zip(images);
        self.ids == ids
            && self.images.len() == images.len()
            && pairs.all(|(a, b)| Arc::ptr_eq(a, b))
    }
}

/// A loaded MedVInT-TE with the state of its current answer.
pub struct TeLearner {
    bundle: LoadedBundle,
    model: MedvintTe,
    /// Stands for a masked token, and ends a text.
    mask: u32,
    prompt: Option<Prompt>,
    /// How many masks each sequence has passed.
    branches: Vec<usize>,
}

impl TeLearner {
    /// Loads the model of a bundle: in f32 on a CPU, in the bundle's dtype elsewhere.
    pub fn load(bundle: &Bundle, device: &Device) -> Result<Self, ModelError> {
        let Some(MedvintConfig::Te(config)) = bundle.manifest.config.medvint() else {
            return Err(ModelError::Family(bundle.manifest.family.clone()));
        };
        let (loaded, store) = LoadedBundle::load(bundle, device)?;
        Ok(Self {
            model: MedvintTe::load(config, store).map_err(|e| loaded.damaged(&e))?,
            mask: loaded.id(&loaded.manifest.tokens.end_of_chunk)?,
            bundle: loaded,
            prompt: None,
            branches: Vec::new(),
        })
    }

    /// The model itself.
    pub fn model(&self) -> &MedvintTe {
        &self.model
    }

    /// Converts greyscale of more than 8 bits as `depth` says from now on.
    pub fn set_high_bit_depth(&mut self, depth: HighBitDepth) {
        self.bundle.high_bit_depth = depth;
    }

    /// [`FewShotLearner::encode_image`] for normalised pixels `[1, 3, side, side]`, in the model's dtype.
    pub fn encode_pixels(&self, pixels: &Tensor) -> Result<EncodedImage, ModelError> {
        let output = self.model.tower.forward(pixels)?;
        let latents = self.model.embeddings(&output)?;
        Ok(EncodedImage::new(&output.pooled, latents)?)
    }

    fn fusion(&self) -> FusionConfig {
        self.model.config.fusion
    }

    /// Logits of every token of a text, `[text_length, vocabulary]` in f32, as published: `ids` with their masks and the token that ends
    /// them, without image tokens, padded here.
    pub fn logits(
        &mut self,
        ids: &[u32],
        images: &[Arc<EncodedImage>],
        cancel: &Cancel,
    ) -> Result<Tensor, ModelError> {
        self.bundle.check(ids, 0)?;
        self.require_room(ids.len(), 0)?;
        let mut cache = self.model.new_cache();
        let text = self.text(&self.padded(ids, 0), &mut cache, ids.len(), cancel)?;
        let images: Vec<&Tensor> = images.iter().map(|image| &image.latents).collect();
        let logits = self
            .model
            .fuse(&text, &images, 0..self.fusion().text_length)?;
        Ok(logits.to_dtype(DType::F32)?)
    }

    /// [`Self::logits`] of a prompt with an image token for every image; these have no place in the text.
    pub fn prompt_logits(
        &mut self,
        ids: &[u32],
        images: &[Arc<EncodedImage>],
        cancel: &Cancel,
    ) -> Result<Tensor, ModelError> {
        self.bundle.check(ids, images.len())?;
        self.logits(&self.without_images(ids), images, cancel)
    }

    fn without_images(&self, ids: &[u32]) -> Vec<u32> {
        let text = ids.iter().filter(|&&id| !self.bundle.is_image(id));
        text.copied().collect()
    }

    /// What the published scorer reads: the most probable tokens in the places of the answer, decoded with special tokens.
    pub fn decoded(
        &mut self,
        text: &MaskedText,
        images: &[Arc<EncodedImage>],
        cancel: &Cancel,
    ) -> Result<String, ModelError> {
        let logits = self.logits(&text.input, images, cancel)?;
        let ids = LoadedBundle::most_probable(&logits)?;
        self.bundle.decode(&text.scored(&ids), false)
    }

    /// Errors where `tokens` and `more` do not fit into a text.
    fn require_room(&self, tokens: usize, more: usize) -> Result<(), ModelError> {
        let limit = self.fusion().text_length.saturating_sub(more);
        match (1..=limit).contains(&tokens) {
            true => Ok(()),
            false => Err(ModelError::TooLong { tokens, limit }),
        }
    }

    /// `ids`, which follow `before` tokens, and the padding after them.
    fn padded(&self, ids: &[u32], before: usize) -> Vec<u32> {
        let mut padded = ids.to_vec();
        padded.resize(self.fusion().text_length - before, PADDING);
        padded
    }

    fn text(
        &self,
        ids: &[u32],
        cache: &mut KvCache,
        padding: usize,
        cancel: &Cancel,
    ) -> Result<Tensor, ModelError> {
        let states = self
            .model
            .text(ids, cache, padding, || match cancel.is_cancelled() {
                true => candle_core::bail!("cancelled"),
                false => Ok(()),
            });
        match cancel.is_cancelled() {
            true => Err(ModelError::Cancelled),
            false => Ok(states?),
        }
    }

    /// Logits of `count` masks after the prompt.
    fn masks(
        &self,
        prompt: &Prompt,
        count: usize,
        cancel: &Cancel,
    ) -> Result<Vec<Vec<f32>>, ModelError> {
        let before = prompt.cache.len();
        self.require_room(before + count, 1)?;
        let mut cache = prompt.cache.fork()?;
        let rest = self.padded(&vec![self.mask; count + 1], before);
        let states = self.text(&rest, &mut cache, before + count + 1, cancel)?;
        let text = Tensor::cat(&[&prompt.text, &states], 1)?;
        let images: Vec<&Tensor> = prompt.images.iter().map(|i| &i.latents).collect();
        let logits = self.model.fuse(&text, &images, before..before + count)?;
        Ok(logits.to_dtype(DType::F32)?.to_vec2()?)
    }

    /// The answer at whose length the model is surest: the mean log-probability of the most probable tokens is largest.
    fn best_length(&self, prompt: &Prompt, cancel: &Cancel) -> Result<Vec<Vec<f32>>, ModelError> {
        let room = self.context().saturating_sub(prompt.cache.len());
        let mut best: Option<(f64, Vec<Vec<f32>>)> = None;
        for count in 1..=self.fusion().max_answer.min(room) {
            let rows = self.masks(prompt, count, cancel)?;
            let surest = |row: &Vec<f32>| {
                let scores = log_softmax(row).into_iter();
                scores.fold(f64::NEG_INFINITY, f64::max)
            };
            let mean = rows.iter().map(surest).sum::<f64>() / count as f64;
            if best.as_ref().is_none_or(|(known, _)| mean > *known) {
                best = Some((mean, rows));
            }
        }
        Ok(best.map(|(_, rows)| rows).unwrap_or_default())
    }

    /// Logits of the mask that `passed` others precede. After the last one the answer ends for certain.
    fn row(&self, passed: usize) -> Vec<f32> {
        let answer = self.prompt.as_ref().map(|prompt| &prompt.answer);
        if let Some(row) = answer.and_then(|rows| rows.get(passed)) {
            return row.clone();
        }
        let size = self.model.config.language.vocab_size;
        let value = |id| match id == self.mask as usize {
            true => 0.0,
            false => f32::NEG_INFINITY,
        };
        (0..size).map(value).collect()
    }
}

impl FewShotLearner for TeLearner {
    fn manifest(&self) -> &Manifest {
        &self.bundle.manifest
    }

    fn tokenizer(&self) -> &Tokenizer {
        &self.bundle.tokenizer
    }

    fn dtype(&self) -> DType {
        self.bundle.dtype
    }

    /// The token that ends a text is not available to prompts.
    fn context(&self) -> usize {
        self.fusion().text_length - 1
    }

    fn positions(&self, ids: &[u32]) -> usize {
        self.without_images(ids).len()
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
        self.bundle.check(ids, images.len())?;
        if self.prompt.as_ref().is_some_and(|p| p.is(ids, images)) {
            // Options are ranked after the prompt that was just answered, and to find the length takes many passes.
            self.branches = vec![0];
            return Ok(self.row(0));
        }
        self.prompt = None;
        let mut text = self.without_images(ids);
        let given = text.iter().rev().take_while(|&&id| id == self.mask).count();
        text.truncate(text.len() - given);
        self.require_room(text.len() + given.max(1), 1)?;
        self.require_room(text.len(), 1)?;
        let mut cache = self.model.new_cache();
        let states = self.text(&text, &mut cache, text.len(), cancel)?;
        let mut prompt = Prompt {
            ids: ids.to_vec(),
            cache,
            text: states,
            images: images.to_vec(),
            answer: Vec::new(),
        };
        prompt.answer = match given {
            0 => self.best_length(&prompt, cancel)?,
            given => self.masks(&prompt, given, cancel)?,
        };
        self.prompt = Some(prompt);
        self.branches = vec![0];
        Ok(self.row(0))
    }

    fn fill(&mut self, count: usize, cancel: &Cancel) -> Result<Option<Vec<Vec<f32>>>, ModelError> {
        match &self.prompt {
            Some(prompt) => self.masks(prompt, count, cancel).map(Some),
            None => Err(candle_core::Error::msg("fill before prefill").into()),
        }
    }

    fn mean_embedding(&self, ids: &[u32]) -> Result<Option<Vec<f32>>, ModelError> {
        Ok(Some(self.model.mean_embedding(ids)?))
    }

    fn branch(&mut self, parents: &[usize]) -> Result<(), ModelError> {
        let missing = || candle_core::Error::msg("there is no such sequence");
        let of = |&parent: &usize| self.branches.get(parent).copied().ok_or_else(missing);
        self.branches = parents.iter().map(of).collect::<Result<_, _>>()?;
        Ok(())
    }

    fn step_branch(
        &mut self,
        branch: usize,
        token: u32,
        cancel: &Cancel,
    ) -> Result<Vec<f32>, ModelError> {
        self.bundle.check(&[token], 0)?;
        if cancel.is_cancelled() {
            return Err(ModelError::Cancelled);
        }
        let missing = || candle_core::Error::msg("step before prefill");
        let passed = self.branches.get_mut(branch).ok_or_else(missing)?;
        *passed += 1;
        let passed = *passed;
        Ok(self.row(passed))
    }
}

//! What learners whose images stand in the sequence have in common: the bundle, the tokens and the pixels.

use candle_core::{DType, Device, Tensor};
use tokenizers::Tokenizer;

use crate::bundle::{Bundle, Manifest};
use crate::error::ModelError;
use crate::generate::argmax;
use crate::load;
use crate::store::Store;
use rounds_imaging::{HighBitDepth, Image};

/// A loaded bundle without its model.
pub(crate) struct LoadedBundle {
    pub(crate) manifest: Manifest,
    pub(crate) tokenizer: Tokenizer,
    pub(crate) device: Device,
    pub(crate) dtype: DType,
    pub(crate) high_bit_depth: HighBitDepth,
    image_token: u32,
}

impl LoadedBundle {
    /// Loads everything but the model; also returns the store of its tensors. It computes in f32 on a CPU, where quantised linear layers stay
    /// packed, and in the bundle's dtype elsewhere.
    pub(crate) fn load(
        bundle: &Bundle,
        device: &Device,
    ) -> Result<(Self, Store<'static>), ModelError> {
        let dtype = load::compute_dtype(bundle, device);
        let damaged = |reason: String| ModelError::Damaged {
            file: "tokenizer.json".to_string(),
            reason,
        };
        let tokenizer =
            Tokenizer::from_bytes(&bundle.tokenizer).map_err(|e| damaged(e.to_string()))?;
        let image = &bundle.manifest.tokens.image;
        let image_token = tokenizer
            .token_to_id(image)
            .ok_or_else(|| damaged(format!("the token {image} is missing")))?;
        let loaded = Self {
            manifest: bundle.manifest.clone(),
            tokenizer,
            device: device.clone(),
            dtype,
            high_bit_depth: HighBitDepth::default(),
            image_token,
        };
        Ok((loaded, load::store(bundle, device, dtype)?))
    }

    /// The error of a model that does not fit its weights.
    pub(crate) fn damaged(&self, error: &candle_core::Error) -> ModelError {
        let first = self.manifest.weights.first();
        ModelError::Damaged {
            file: first.map_or("model.toml", String::as_str).to_string(),
            reason: error.to_string(),
        }
    }

    /// The id of `token`, which the manifest names.
    pub(crate) fn id(&self, token: &str) -> Result<u32, ModelError> {
        let missing = || ModelError::Damaged {
            file: "tokenizer.json".to_string(),
            reason: format!("the token {token} is missing"),
        };
        self.tokenizer.token_to_id(token).ok_or_else(missing)
    }

    /// The token that stands for an image.
    pub(crate) fn image_token(&self) -> u32 {
        self.image_token
    }

    pub(crate) fn is_image(&self, id: u32) -> bool {
        id == self.image_token
    }

    /// Errors unless there is an image for every image token, and every other token is in the vocabulary.
    pub(crate) fn check(&self, ids: &[u32], images: usize) -> Result<(), ModelError> {
        let placeholders = ids.iter().filter(|&&id| self.is_image(id)).count();
        if placeholders != images {
            return Err(ModelError::ImageCount {
                images,
                placeholders,
            });
        }
        let size = self.manifest.config.language().vocab_size;
        let outside = |&&id: &&u32| !self.is_image(id) && id as usize >= size;
        match ids.iter().find(outside) {
            Some(id) => Err(ModelError::Tokenizer(format!(
                "token {id} is outside the model's vocabulary of {size}"
            ))),
            None => Ok(()),
        }
    }

    /// The most probable token of each row of logits.
    pub(crate) fn most_probable(logits: &Tensor) -> Result<Vec<u32>, ModelError> {
        let rows: Vec<Vec<f32>> = logits.to_vec2()?;
        Ok(rows.iter().map(|row| argmax(row)).collect())
    }

    pub(crate) fn decode(&self, ids: &[u32], skip_special: bool) -> Result<String, ModelError> {
        let text = self.tokenizer.decode(ids, skip_special);
        text.map_err(|e| ModelError::Tokenizer(e.to_string()))
    }

    /// Normalised pixels `[1, 3, side, side]` for the tower.
    pub(crate) fn pixels(&self, image: &Image) -> Result<Tensor, ModelError> {
        let side = self.manifest.config.vision().image_size();
        let (depth, device) = (self.high_bit_depth, &self.device);
        let pixels = self.manifest.pixels.tensor(image, side, depth, device)?;
        Ok(pixels.to_dtype(self.dtype)?)
    }
}

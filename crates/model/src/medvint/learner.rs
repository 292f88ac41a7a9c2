//! What both MedVInT learners have in common: the bundle, the tokens and the pixels.

use candle_core::{D, DType, Device, Tensor};
use tokenizers::Tokenizer;

use crate::EncodedImage;
use crate::bundle::{Bundle, Manifest};
use crate::error::ModelError;
use crate::generate::argmax;
use crate::load;
use crate::store::Store;
use crate::vision::VisionOutput;
use rounds_imaging::{HighBitDepth, Image};

/// A loaded bundle without its model.
pub(super) struct LoadedBundle {
    pub(super) manifest: Manifest,
    pub(super) tokenizer: Tokenizer,
    pub(super) device: Device,
    pub(super) dtype: DType,
    pub(super) high_bit_depth: HighBitDepth,
    image_token: u32,
}

impl LoadedBundle {
    /// Loads everything but the model; also returns the store of its tensors.
    pub(super) fn load(
        bundle: &Bundle,
        device: &Device,
        dtype: DType,
    ) -> Result<(Self, Store<'static>), ModelError> {
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
    pub(super) fn damaged(&self, error: &candle_core::Error) -> ModelError {
        let first = self.manifest.weights.first();
        ModelError::Damaged {
            file: first.map_or("model.toml", String::as_str).to_string(),
            reason: error.to_string(),
        }
    }

    /// The id of `token`, which the manifest names.
    pub(super) fn id(&self, token: &str) -> Result<u32, ModelError> {
        let missing = || ModelError::Damaged {
            file: "tokenizer.json".to_string(),
            reason: format!("the token {token} is missing"),
        };
        self.tokenizer.token_to_id(token).ok_or_else(missing)
    }

    pub(super) fn is_image(&self, id: u32) -> bool {
        id == self.image_token
    }

    /// Errors unless there is an image for every image token, and every other token is in the vocabulary.
    pub(super) fn check(&self, ids: &[u32], images: usize) -> Result<(), ModelError> {
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
    pub(super) fn most_probable(logits: &Tensor) -> Result<Vec<u32>, ModelError> {
        let rows: Vec<Vec<f32>> = logits.to_vec2()?;
        Ok(rows.iter().map(|row| argmax(row)).collect())
    }

    pub(super) fn decode(&self, ids: &[u32], skip_special: bool) -> Result<String, ModelError> {
        let text = self.tokenizer.decode(ids, skip_special);
        text.map_err(|e| ModelError::Tokenizer(e.to_string()))
    }

    /// Normalised pixels `[1, 3, side, side]` for the tower.
    pub(super) fn pixels(&self, image: &Image) -> Result<Tensor, ModelError> {
        let side = self.manifest.config.vision().image_size();
        let (depth, device) = (self.high_bit_depth, &self.device);
        let pixels = self.manifest.pixels.tensor(image, side, depth, device)?;
        Ok(pixels.to_dtype(self.dtype)?)
    }
}

/// An image with the tower's pooled vector at unit length.
pub(super) fn encoded(output: &VisionOutput, latents: Tensor) -> Result<EncodedImage, ModelError> {
    let pooled = output.pooled.to_dtype(DType::F32)?;
    let length = (pooled.sqr()?.sum_keepdim(D::Minus1)? + 1e-12)?.sqrt()?;
    Ok(EncodedImage {
        vector: pooled.broadcast_div(&length)?.flatten_all()?.to_vec1()?,
        latents,
    })
}

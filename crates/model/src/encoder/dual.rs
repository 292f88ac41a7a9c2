//! A bundle's two towers as an [`ImageEncoder`] and [`TextEncoder`].
//!
//! Images run in small batches, so that memory stays bounded; the batch size does not change the vectors. Only this module scales
//! vectors to length 1.

use candle_core::{DType, Device, Tensor};

use super::image::ImageTower;
use super::manifest::{EncoderBundle, EncoderManifest};
use super::text::TextTower;
use super::tokens::TextTokenizer;
use super::{ImageEncoder, TextEncoder};
use crate::bundle::Fit;
use crate::error::ModelError;
use crate::load;
use crate::manifest_files::damaged;
use rounds_imaging::{HighBitDepth, Image, clip_transform, resize_bicubic};

/// Images per pass through the tower.
const BATCH: usize = 8;

/// A loaded image-text encoder.
pub struct DualEncoder {
    manifest: EncoderManifest,
    id: String,
    image: ImageTower,
    text: TextTower,
    tokens: TextTokenizer,
    device: Device,
    dtype: DType,
}

impl DualEncoder {
    /// Loads the encoder of a bundle: in f32 on a CPU, in the bundle's dtype elsewhere.
    pub fn load(bundle: &EncoderBundle, device: &Device) -> Result<Self, ModelError> {
        let dtype = load::compute_dtype_for(&bundle.manifest.dtype, device);
        Self::load_as(bundle, device, dtype)
    }

    /// [`Self::load`], computing in `dtype`.
    pub fn load_as(
        bundle: &EncoderBundle,
        device: &Device,
        dtype: DType,
    ) -> Result<Self, ModelError> {
        let manifest = &bundle.manifest;
        let (family, config) = (manifest.family, &manifest.config);
        let weights = manifest.weights.first().map_or("weights", String::as_str);
        let wrong = |e: candle_core::Error| damaged(weights, e);
        let store = load::store_from_weights(&bundle.weights, device, dtype)?;
        Ok(Self {
            tokens: TextTokenizer::load(
                &bundle.tokenizer,
                &manifest.tokenizer,
                config.text.vocab_size,
            )?,
            image: ImageTower::load(family, config, &store.pp("visual")).map_err(wrong)?,
            text: TextTower::load(family, config, &store.pp("text")).map_err(wrong)?,
            id: manifest.id(),
            manifest: manifest.clone(),
            device: device.clone(),
            dtype,
        })
    }

    /// The manifest of its bundle.
    pub fn manifest(&self) -> &EncoderManifest {
        &self.manifest
    }

    /// The token ids of `text` for the text tower.
    pub fn tokens(&self, text: &str) -> Result<Vec<u32>, ModelError> {
        self.tokens.ids(text)
    }

    /// Normalised pixels `[images, 3, side, side]` for the image tower, in the dtype that it computes in.
    pub fn pixels(&self, images: &[&Image]) -> Result<Tensor, ModelError> {
        let side = self.manifest.config.image.image_size;
        let mut values = Vec::new();
        for image in images {
            let rgb = match self.manifest.pixels.fit {
                // torchvision's crop, which the models were trained with. Where the margin is odd, transformers' processor may
                // crop one pixel further left or up.
                Fit::Crop => clip_transform(image, side, HighBitDepth::Scaled),
                // SigLIP's processor gets 8-bit RGB, without the original bit depth or transparency.
                Fit::Squash | Fit::SquashOpaque => {
                    let (width, height) = (image.width as usize, image.height as usize);
                    resize_bicubic(&image.rgb, width, height, side, side)
                }
            };
            values.extend(self.manifest.pixels.normalise(&rgb));
        }
        let shape = (images.len(), 3, side, side);
        Ok(Tensor::from_vec(values, shape, &self.device)?.to_dtype(self.dtype)?)
    }

    /// Result of [`Self::pixels`] to `[images, dimension]` in f32, not scaled to unit length.
    pub fn project_pixels(&self, pixels: &Tensor) -> Result<Tensor, ModelError> {
        Ok(self.image.forward(pixels)?.to_dtype(DType::F32)?)
    }

    /// Result of [`Self::tokens`] to `[1, dimension]` in f32, not scaled to unit length.
    pub fn project_tokens(&self, ids: &[u32]) -> Result<Tensor, ModelError> {
        let pad = self.manifest.tokenizer.pad;
        Ok(self.text.forward(ids, pad)?.to_dtype(DType::F32)?)
    }

    fn unit_vector(&self, vector: &[f32]) -> Result<Vec<f32>, ModelError> {
        let length = vector
            .iter()
            .map(|v| f64::from(*v) * f64::from(*v))
            .sum::<f64>()
            .sqrt();
        match length.is_finite() && length > 0.0 {
            true => Ok(vector
                .iter()
                .map(|v| (f64::from(*v) / length) as f32)
                .collect()),
            false => {
                let weights = self
                    .manifest
                    .weights
                    .first()
                    .map_or("weights", String::as_str);
                Err(damaged(
                    weights,
                    "they give a vector that is zero or not finite",
                ))
            }
        }
    }
}

impl ImageEncoder for DualEncoder {
    fn name(&self) -> &str {
        &self.manifest.name
    }

    fn id(&self) -> &str {
        &self.id
    }

    fn dimension(&self) -> usize {
        self.manifest.config.dimension
    }

    fn encode_images(&self, images: &[&Image]) -> Result<Vec<Vec<f32>>, ModelError> {
        let mut out = Vec::with_capacity(images.len());
        for batch in images.chunks(BATCH) {
            let rows: Vec<Vec<f32>> = self.project_pixels(&self.pixels(batch)?)?.to_vec2()?;
            for row in &rows {
                out.push(self.unit_vector(row)?);
            }
        }
        Ok(out)
    }
}

impl TextEncoder for DualEncoder {
    fn encode_text(&self, text: &str) -> Result<Vec<f32>, ModelError> {
        let row = self.project_tokens(&self.tokens(text)?)?;
        let row: Vec<f32> = row.flatten_all()?.to_vec1()?;
        self.unit_vector(&row)
    }
}

//! A Flamingo behind the seam of few-shot learners: caches, one forward pass at a time, nothing about prompts or indexes.

use candle_core::{D, DType, Device, Tensor};
use candle_nn::VarBuilder;
use std::sync::Arc;
use tokenizers::Tokenizer;

use super::{CrossKv, Flamingo, MediaMask, media_ranges, text_time};
use crate::imaging::{Picture, clip_transform};
use crate::model::bundle::{Bundle, Manifest};
use crate::model::error::ModelError;
use crate::model::language::KvCache;
use crate::model::ops::Visible;
use crate::model::{EncodedImage, FewShotLearner};
use crate::support::Cancel;

/// A loaded Flamingo with the state of one sequence.
pub struct FlamingoLearner {
    model: Flamingo,
    manifest: Manifest,
    tokenizer: Tokenizer,
    device: Device,
    image_token: u32,
    cache: Option<KvCache>,
    /// Keys and values of the image that generated tokens see; `None` where they see none.
    last: Option<Vec<CrossKv>>,
}

impl FlamingoLearner {
    /// Makes the model of a bundle, in f32 on a CPU.
    pub fn load(bundle: &Bundle, device: &Device) -> Result<Self, ModelError> {
        let damaged = |file: &str, reason: String| ModelError::Damaged {
            file: file.to_string(),
            reason,
        };
        let tokenizer = Tokenizer::from_bytes(&bundle.tokenizer)
            .map_err(|e| damaged("tokenizer.json", e.to_string()))?;
        let vb = VarBuilder::from_buffered_safetensors(bundle.weights.to_vec(), DType::F32, device)
            .map_err(|e| damaged("model.safetensors", e.to_string()))?;
        let model = Flamingo::load(&bundle.manifest.config, vb)
            .map_err(|e| damaged("model.safetensors", e.to_string()))?;
        let image_token = tokenizer
            .token_to_id(&bundle.manifest.tokens.image)
            .ok_or_else(|| damaged("tokenizer.json", "no image token".to_string()))?;
        Ok(Self {
            model,
            manifest: bundle.manifest.clone(),
            tokenizer,
            device: device.clone(),
            image_token,
            cache: None,
            last: None,
        })
    }

    fn pixels(&self, picture: &Picture) -> Result<Tensor, ModelError> {
        let side = self.manifest.config.vision.image_size;
        let rgb = clip_transform(picture, side);
        let (mean, std) = (self.manifest.pixels.mean, self.manifest.pixels.std);
        let plane = side * side;
        let mut out = vec![0f32; 3 * plane];
        for (i, pixel) in rgb.chunks_exact(3).enumerate() {
            for c in 0..3 {
                out[c * plane + i] = (f32::from(pixel[c]) / 255.0 - mean[c]) / std[c];
            }
        }
        Ok(Tensor::from_vec(out, (1, 3, side, side), &self.device)?)
    }

    /// Logits of the last of `ids`, which follow what the cache holds.
    fn run(
        &mut self,
        ids: &[u32],
        kv: Option<&[CrossKv]>,
        visible: &Visible,
        cancel: &Cancel,
    ) -> Result<Vec<f32>, ModelError> {
        let Some(mut cache) = self.cache.take() else {
            return Err(candle_core::Error::msg("step before prefill").into());
        };
        let tensor = Tensor::new(ids, &self.device)?.unsqueeze(0)?;
        let mut block = 0;
        let hidden = self
            .model
            .language
            .forward(&tensor, Some(&mut cache), |i, x| {
                if cancel.is_cancelled() {
                    candle_core::bail!("cancelled");
                }
                let Some(gated) = &self.model.gated[i] else {
                    return Ok(x);
                };
                let x = match kv {
                    Some(kv) => gated.forward(&x, &kv[block], visible.clone())?,
                    None => gated.ff_branch(&x)?,
                };
                block += 1;
                Ok(x)
            });
        if cancel.is_cancelled() {
            return Err(ModelError::Cancelled);
        }
        let last = hidden?.narrow(1, ids.len() - 1, 1)?;
        let logits = self.model.language.logits(&last)?;
        self.cache = Some(cache);
        Ok(logits.flatten_all()?.to_dtype(DType::F32)?.to_vec1()?)
    }
}

impl FewShotLearner for FlamingoLearner {
    fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    fn context(&self) -> usize {
        self.manifest.config.language.max_positions
    }

    fn encode_image(&self, picture: &Picture) -> Result<EncodedImage, ModelError> {
        let output = self.model.tower.forward(&self.pixels(picture)?)?;
        let length = output.pooled.sqr()?.sum_keepdim(D::Minus1)?.sqrt()?;
        let pooled = output.pooled.broadcast_div(&length)?;
        Ok(EncodedImage {
            vector: pooled.flatten_all()?.to_dtype(DType::F32)?.to_vec1()?,
            latents: self.model.resampler.forward(&output.tokens)?,
        })
    }

    fn prefill(
        &mut self,
        ids: &[u32],
        images: &[Arc<EncodedImage>],
        cancel: &Cancel,
    ) -> Result<Vec<f32>, ModelError> {
        let places = ids.iter().filter(|&&id| id == self.image_token).count();
        if places != images.len() {
            return Err(ModelError::Images {
                images: images.len(),
                places,
            });
        }
        if ids.len() >= self.context() {
            return Err(ModelError::TooLong {
                tokens: ids.len(),
                limit: self.context(),
            });
        }
        self.cache = Some(self.model.language.new_cache(
            self.context(),
            DType::F32,
            &self.device,
        )?);
        self.last = None;
        if images.is_empty() {
            return self.run(ids, None, &Visible::All, cancel);
        }
        let mask = self.manifest.config.media_mask;
        let latents: Vec<&Tensor> = images.iter().map(|i| &i.latents).collect();
        let kv = self.model.cross_kv(&Tensor::cat(&latents, 1)?)?;
        let times = text_time(ids, self.image_token, mask);
        let count = self.manifest.config.resampler.num_latents;
        let visible = Visible::Ranges(Arc::new(media_ranges(&times, count)));
        let logits = self.run(ids, Some(&kv), &visible, cancel)?;
        if mask == MediaMask::Previous {
            // Generated text sees the last image only: keep its keys and values, drop the others.
            let from = (images.len() - 1) * count;
            let cut = |t: &Tensor| t.narrow(1, from, count)?.contiguous();
            self.last = Some(
                kv.iter()
                    .map(|kv| {
                        Ok(CrossKv {
                            k: cut(&kv.k)?,
                            v: cut(&kv.v)?,
                        })
                    })
                    .collect::<candle_core::Result<_>>()?,
            );
        }
        Ok(logits)
    }

    fn step(&mut self, token: u32, cancel: &Cancel) -> Result<Vec<f32>, ModelError> {
        let last = self.last.take();
        let logits = self.run(&[token], last.as_deref(), &Visible::All, cancel);
        self.last = last;
        logits
    }
}

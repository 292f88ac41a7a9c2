//! A Flamingo as a [`FewShotLearner`]: caches and forward passes, nothing about prompts or indexes.

mod inspection;
mod matches;

use candle_core::{DType, Device, Tensor};
use std::sync::Arc;
use tokenizers::Tokenizer;

use crate::bundle::{Bundle, Manifest};
use crate::error::ModelError;
use crate::flamingo::{
    CrossKv, Flamingo, media_ranges, seen_images, text_time, text_time_with_reset, turns,
    vectors_of_turns,
};
use crate::language::KvCache;
use crate::load;
use crate::ops::AttentionMask;
use crate::recorder::{Inspection, Recorder};
use crate::rollout::PatchAttention;
use crate::{EncodedImage, FewShotLearner};
use inspection::Kept;
use matches::Matches;
use rounds_imaging::{HighBitDepth, Image};
use rounds_support::Cancel;

/// Tokens per prefill step. Long prompts run in chunks, so that a cancel takes effect soon and memory stays bounded.
const PREFILL_CHUNK: usize = 256;

/// A loaded Flamingo with the state of its current sequences.
pub struct FlamingoLearner {
    model: Flamingo,
    manifest: Manifest,
    tokenizer: Tokenizer,
    device: Device,
    dtype: DType,
    high_bit_depth: HighBitDepth,
    image_token: u32,
    media_reset: Option<u32>,
    /// Tokens whose output rows were never trained: their logits are noise and must never be chosen.
    untrained: Vec<u32>,
    branches: Vec<KvCache>,
    /// Keys and values of the images that generated tokens attend to; `None` where there is none.
    last: Option<Vec<CrossKv>>,
    /// How alike the images of the turns are; `None` without a match bias or images.
    matches: Option<Matches>,
    /// What the first sequence begins with, as long as that can be used again.
    kept: Option<Kept>,
}

impl FlamingoLearner {
    /// Loads the model of a bundle: in f32 on a CPU (quantised linear layers stay packed), in the bundle's dtype elsewhere.
    pub fn load(bundle: &Bundle, device: &Device) -> Result<Self, ModelError> {
        Self::load_as(bundle, device, load::compute_dtype(bundle, device))
    }

    /// [`Self::load`], computing in `dtype`.
    pub fn load_as(bundle: &Bundle, device: &Device, dtype: DType) -> Result<Self, ModelError> {
        let damaged = |file: &str, reason: String| ModelError::Damaged {
            file: file.to_string(),
            reason,
        };
        let tokenizer = Tokenizer::from_bytes(&bundle.tokenizer)
            .map_err(|e| damaged("tokenizer.json", e.to_string()))?;
        let first = bundle.manifest.weights.first();
        let weights = first.map_or("model.toml", String::as_str);
        let store = load::store(bundle, device, dtype)?;
        let config = bundle.manifest.config.flamingo();
        let config = config.ok_or_else(|| ModelError::Family(bundle.manifest.family.clone()))?;
        let model = Flamingo::load(config, store).map_err(|e| damaged(weights, e.to_string()))?;
        let id = |token: &String| {
            let missing = || damaged("tokenizer.json", format!("the token {token} is missing"));
            tokenizer.token_to_id(token).ok_or_else(missing)
        };
        let tokens = &bundle.manifest.tokens;
        Ok(Self {
            model,
            image_token: id(&tokens.image)?,
            media_reset: tokens.media_reset.as_ref().map(id).transpose()?,
            untrained: tokens
                .untrained
                .iter()
                .filter_map(|t| tokenizer.token_to_id(t))
                .collect(),
            manifest: bundle.manifest.clone(),
            device: device.clone(),
            dtype,
            high_bit_depth: HighBitDepth::default(),
            branches: Vec::new(),
            last: None,
            matches: None,
            kept: None,
            tokenizer,
        })
    }

    /// Converts greyscale of more than 8 bits as `depth` says from now on.
    pub fn set_high_bit_depth(&mut self, depth: HighBitDepth) {
        self.high_bit_depth = depth;
    }

    /// The model itself, for benchmarks.
    pub fn model(&self) -> &Flamingo {
        &self.model
    }

    /// Normalised pixels `[1, 3, side, side]` for the tower, in the model's dtype.
    pub fn pixels(&self, image: &Image) -> Result<Tensor, ModelError> {
        let side = self.model.config.vision.image_size();
        let (depth, device) = (self.high_bit_depth, &self.device);
        let pixels = self.manifest.pixels.tensor(image, side, depth, device)?;
        Ok(pixels.to_dtype(self.dtype)?)
    }

    /// [`FewShotLearner::encode_image`] for the result of [`Self::pixels`].
    pub fn encode_pixels(&self, pixels: &Tensor) -> Result<EncodedImage, ModelError> {
        let output = self.model.tower.forward(pixels)?;
        let latents = self.model.resampler.forward(&output.tokens)?;
        Ok(EncodedImage::new(&output.pooled, latents)?)
    }

    /// For every token, the number of the image it attends to, counted from 1; 0 for none.
    pub fn times(&self, ids: &[u32]) -> Vec<u32> {
        match self.media_reset {
            Some(reset) => text_time_with_reset(ids, self.image_token, reset),
            None => text_time(ids, self.image_token, self.model.config.media_mask),
        }
    }

    /// Logits after every token of `ids`, `[tokens, vocabulary]` in f32. The first `padding` tokens are padding. Starts a sequence
    /// like [`FewShotLearner::prefill`].
    pub fn logits(
        &mut self,
        ids: &[u32],
        images: &[Arc<EncodedImage>],
        padding: usize,
        cancel: &Cancel,
    ) -> Result<Tensor, ModelError> {
        let hidden = self.start(ids, images, padding, false, cancel)?;
        let logits = self.model.language.logits(&hidden)?.squeeze(0)?;
        Ok(logits.to_dtype(DType::F32)?)
    }

    /// [`FewShotLearner::prefill`] for a prompt whose first `padding` tokens are padding.
    pub fn prefill_padded(
        &mut self,
        ids: &[u32],
        images: &[Arc<EncodedImage>],
        padding: usize,
        cancel: &Cancel,
    ) -> Result<Vec<f32>, ModelError> {
        let hidden = self.start(ids, images, padding, true, cancel)?;
        self.last_logits(&hidden)
    }

    /// Logits after the last token; those of untrained tokens are minus infinity.
    fn last_logits(&self, hidden: &Tensor) -> Result<Vec<f32>, ModelError> {
        let rows = self.logits_of_last(hidden, 1)?;
        Ok(rows.into_iter().next().unwrap_or_default())
    }

    /// Logits after each of the last `count` tokens; those of untrained tokens are minus infinity.
    fn logits_of_last(&self, hidden: &Tensor, count: usize) -> Result<Vec<Vec<f32>>, ModelError> {
        let last = hidden.narrow(1, hidden.dim(1)? - count, count)?;
        let logits = self.model.language.logits(&last.contiguous()?)?;
        let mut rows: Vec<Vec<f32>> = logits.squeeze(0)?.to_dtype(DType::F32)?.to_vec2()?;
        for row in &mut rows {
            for &id in &self.untrained {
                if let Some(v) = row.get_mut(id as usize) {
                    *v = f32::NEG_INFINITY;
                }
            }
        }
        Ok(rows)
    }

    /// Hidden states of a new sequence, `[1, tokens, hidden]`; with `last_chunk_only` those of the last chunk alone.
    fn start(
        &mut self,
        ids: &[u32],
        images: &[Arc<EncodedImage>],
        padding: usize,
        last_chunk_only: bool,
        cancel: &Cancel,
    ) -> Result<Tensor, ModelError> {
        self.check(ids, images)?;
        // Free the old sequences first: the new one may need their memory.
        self.branches.clear();
        let mut cache = self.model.language.new_cache();
        cache.padding = padding;
        let hidden = self.go_on(cache, ids, images, last_chunk_only, None, cancel)?;
        if padding == 0 {
            self.keep(self.token_keys(ids, images), images);
        }
        Ok(hidden)
    }

    /// Errors where a prompt cannot be run.
    fn check(&self, ids: &[u32], images: &[Arc<EncodedImage>]) -> Result<(), ModelError> {
        let placeholders = ids.iter().filter(|&&id| id == self.image_token).count();
        if placeholders != images.len() {
            return Err(ModelError::ImageCount {
                images: images.len(),
                placeholders,
            });
        }
        if ids.is_empty() || ids.len() > self.context() {
            return Err(ModelError::TooLong {
                tokens: ids.len(),
                limit: self.context(),
            });
        }
        let size = self.model.config.language.vocab_size;
        if let Some(&id) = ids.iter().find(|&&id| id as usize >= size) {
            let reason = format!("token {id} is outside the model's vocabulary of {size}");
            return Err(ModelError::Tokenizer(reason));
        }
        Ok(())
    }

    /// Makes `cache` the only sequence and runs those of `ids` that it does not hold yet; hidden states of these, as [`Self::start`].
    fn go_on(
        &mut self,
        mut cache: KvCache,
        ids: &[u32],
        images: &[Arc<EncodedImage>],
        last_chunk_only: bool,
        recorder: Option<&Recorder>,
        cancel: &Cancel,
    ) -> Result<Tensor, ModelError> {
        (self.last, self.kept) = (None, None);
        self.matches = self.matches_of(ids, images)?;
        let held = cache.len();
        cache.reserve(ids.len() + 1);
        self.branches.clear();
        self.branches.push(cache);
        let latents: Vec<&Tensor> = images.iter().map(|i| &i.latents).collect();
        let kv = match latents.is_empty() {
            true => None,
            false => Some(self.model.cross_kv(&Tensor::cat(&latents, 1)?)?),
        };
        let count = self.model.config.resampler.num_latents;
        let mask = self.model.config.media_mask;
        let seen = seen_images(ids, &self.times(ids), self.image_token, mask);
        let ranges = media_ranges(&seen, count);
        let mut outputs = Vec::new();
        let chunks = ids[held..].chunks(PREFILL_CHUNK);
        for (ids, ranges) in chunks.zip(ranges[held..].chunks(PREFILL_CHUNK)) {
            let mask = AttentionMask::Ranges(Arc::new(ranges.to_vec()));
            let hidden = self.run(0, ids, kv.as_deref(), &mask, recorder, cancel)?;
            if last_chunk_only {
                outputs.clear();
            }
            outputs.push(hidden);
        }
        // Generated text attends to the same images as the prompt's last token: keep those keys and values, drop the others.
        let last = ranges.last().filter(|(from, to)| from < to);
        if let (Some(kv), Some(&(from, to))) = (&kv, last) {
            let cut = |t: &Tensor| {
                t.narrow(1, from as usize, (to - from) as usize)?
                    .contiguous()
            };
            let decode_kv = kv.iter().map(|kv| {
                Ok(CrossKv {
                    k: cut(&kv.k)?,
                    v: cut(&kv.v)?,
                })
            });
            self.last = Some(decode_kv.collect::<candle_core::Result<_>>()?);
        }
        Ok(Tensor::cat(&outputs, 1)?)
    }

    /// The turns of a prompt, if the model has a match bias and the prompt has images.
    fn matches_of(
        &self,
        ids: &[u32],
        images: &[Arc<EncodedImage>],
    ) -> Result<Option<Matches>, ModelError> {
        let Some(bias) = self
            .model
            .match_bias
            .as_ref()
            .filter(|_| !images.is_empty())
        else {
            return Ok(None);
        };
        let vectors: Vec<&[f32]> = images.iter().map(|image| image.vector.as_slice()).collect();
        let vectors = vectors_of_turns(ids, self.image_token, &vectors);
        let shape = (1, vectors.len(), self.model.config.vision.vector_width());
        let vectors = Tensor::from_vec(vectors.concat(), shape, &self.device)?;
        Ok(Some(Matches {
            similarities: bias.similarities(&vectors.to_dtype(self.dtype)?)?,
            turns: turns(ids, self.image_token),
        }))
    }

    /// Hidden states of `ids`, which continue sequence `branch`.
    fn run(
        &mut self,
        branch: usize,
        ids: &[u32],
        kv: Option<&[CrossKv]>,
        mask: &AttentionMask,
        recorder: Option<&Recorder>,
        cancel: &Cancel,
    ) -> Result<Tensor, ModelError> {
        let Some(cache) = self.branches.get_mut(branch) else {
            return Err(candle_core::Error::msg("step before prefill").into());
        };
        let tensor = Tensor::new(ids, &self.device)?.unsqueeze(0)?;
        let mut block = 0;
        let model = &self.model;
        let scores = match (&model.match_bias, &self.matches) {
            (Some(bias), Some(matches)) => {
                let turns = matches.of_first(cache.len() + ids.len());
                let own = turns[cache.len()..].to_vec();
                Some(bias.scores(&matches.similarities, &own, Arc::new(turns))?)
            }
            _ => None,
        };
        let turns = scores.as_ref();
        if let Some(recorder) = recorder {
            recorder.begin_chunk(cache.len());
        }
        let language = &model.language;
        let hidden = language.forward_recorded(&tensor, Some(cache), turns, recorder, |i, x| {
            if cancel.is_cancelled() {
                candle_core::bail!("cancelled");
            }
            let Some(gated) = &model.gated[i] else {
                return Ok(x);
            };
            let media = kv.map(|kv| (&kv[block], mask.clone()));
            let x = gated.forward_recorded(&x, media, recorder.map(|recorder| (i, recorder)))?;
            block += 1;
            Ok(x)
        });
        if cancel.is_cancelled() {
            return Err(ModelError::Cancelled);
        }
        Ok(hidden?)
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
        self.model.config.language.max_positions
    }

    fn dtype(&self) -> DType {
        self.dtype
    }

    fn match_scores(&self) -> Result<Vec<f32>, ModelError> {
        let Some(matches) = &self.matches else {
            return Ok(Vec::new());
        };
        let rows: Vec<Vec<f32>> = matches
            .similarities
            .squeeze(0)?
            .to_dtype(DType::F32)?
            .to_vec2()?;
        let last = matches.turns.last().map_or(0, |&turn| turn as usize);
        let row = rows.get(last).and_then(|row| row.get(1..last));
        Ok(row.unwrap_or_default().to_vec())
    }

    fn encode_image(&self, image: &Image) -> Result<EncodedImage, ModelError> {
        self.encode_pixels(&self.pixels(image)?)
    }

    fn prefill(
        &mut self,
        ids: &[u32],
        images: &[Arc<EncodedImage>],
        cancel: &Cancel,
    ) -> Result<Vec<f32>, ModelError> {
        self.prefill_padded(ids, images, 0, cancel)
    }

    fn inspect(
        &mut self,
        ids: &[u32],
        images: &[Arc<EncodedImage>],
        rows: usize,
        traced: bool,
        cancel: &Cancel,
    ) -> Result<Option<Inspection>, ModelError> {
        self.inspected(ids, images, rows, traced, cancel).map(Some)
    }

    fn mean_embedding(&self, ids: &[u32]) -> Result<Option<Vec<f32>>, ModelError> {
        Ok(Some(self.model.language.mean_embedding(ids)?))
    }

    fn patch_attention(&self, image: &Image) -> Result<Option<PatchAttention>, ModelError> {
        self.resampled(image).map(Some)
    }

    fn branch(&mut self, parents: &[usize]) -> Result<(), ModelError> {
        self.branches = KvCache::branched(std::mem::take(&mut self.branches), parents)?;
        Ok(())
    }

    fn step_branch(
        &mut self,
        branch: usize,
        token: u32,
        cancel: &Cancel,
    ) -> Result<Vec<f32>, ModelError> {
        let last = self.last.take();
        let hidden = self.run(
            branch,
            &[token],
            last.as_deref(),
            &AttentionMask::All,
            None,
            cancel,
        );
        self.last = last;
        self.last_logits(&hidden?)
    }
}

//! Sequences that are asked about, not continued: several logits at once, what attention did, and no work for what two sequences begin
//! with in common.
//!
//! Questions that differ in one shot share everything before it. The keys and values of a token depend only on the tokens before it, on the
//! images it sees and, for the match bias, on the images of its own and earlier turns; so they are used again exactly as far as all these
//! are the same. Ordinary prompts leave theirs to an inspection that may follow, but never use one: their numbers must not depend on what was
//! asked before.

use std::sync::Arc;

use super::FlamingoLearner;
use crate::EncodedImage;
use crate::error::ModelError;
use crate::flamingo::{seen_images, turns};
use crate::language::KvCache;
use crate::recorder::{Inspection, Recorder, Rows};
use crate::rollout::PatchAttention;
use crate::vision::VisionConfig;
use rounds_imaging::Image;
use rounds_support::Cancel;

/// What the keys and values of a token depend on, besides the tokens before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TokenKey {
    id: u32,
    /// The images that it sees, and those of its turn, by address.
    images: Vec<usize>,
}

/// What a sequence in the cache consists of.
pub(super) struct Kept {
    tokens: Vec<TokenKey>,
    /// Held, so that an address keeps its meaning.
    _images: Vec<Arc<EncodedImage>>,
}

impl FlamingoLearner {
    /// See [`crate::FewShotLearner::inspect`].
    pub(super) fn inspected(
        &mut self,
        ids: &[u32],
        images: &[Arc<EncodedImage>],
        rows: usize,
        traced: bool,
        cancel: &Cancel,
    ) -> Result<Inspection, ModelError> {
        self.check(ids, images)?;
        let rows = rows.clamp(1, ids.len());
        let tokens = self.token_keys(ids, images);
        let cache = self.common_part(&tokens, ids.len() - rows);
        let first = ids.len() - rows;
        let layers = self.model.config.language.layers;
        let recorder = traced.then(|| Recorder::new(layers, first));
        let hidden = self.go_on(cache, ids, images, false, recorder.as_ref(), cancel)?;
        let logits = self.logits_of_last(&hidden, rows)?;
        self.keep(tokens, images);
        Ok(Inspection {
            logits,
            trace: recorder.map(Recorder::into_trace),
        })
    }

    /// Notes what the first sequence begins with, for the next inspection.
    pub(super) fn keep(&mut self, tokens: Vec<TokenKey>, images: &[Arc<EncodedImage>]) {
        self.kept = Some(Kept {
            tokens,
            _images: images.to_vec(),
        });
    }

    /// The cache of the last sequence, cut to what it has in common with `tokens`, at most `most` tokens; otherwise a new one.
    fn common_part(&mut self, tokens: &[TokenKey], most: usize) -> KvCache {
        let common = self.kept.as_ref().map_or(0, |kept| {
            let pairs = kept.tokens.iter().zip(tokens);
            pairs.take_while(|(old, new)| old == new).count()
        });
        let common = common.min(most);
        match self.branches.is_empty() || common == 0 {
            true => self.model.language.new_cache(),
            false => {
                let mut cache = self.branches.swap_remove(0);
                cache.truncate(common);
                cache
            }
        }
    }

    pub(super) fn token_keys(&self, ids: &[u32], images: &[Arc<EncodedImage>]) -> Vec<TokenKey> {
        let mask = self.model.config.media_mask;
        let seen = seen_images(ids, &self.times(ids), self.image_token, mask);
        let turns = turns(ids, self.image_token);
        let placeholders = ids.iter().zip(&turns);
        let placeholders = placeholders.filter(|(id, _)| **id == self.image_token);
        let turn_of_image: Vec<u32> = placeholders.map(|(_, turn)| *turn).collect();
        let address = |image: &Arc<EncodedImage>| Arc::as_ptr(image) as usize;
        ids.iter()
            .zip(&turns)
            .zip(seen)
            .map(|((id, turn), (from, to))| {
                let seen = images.iter().skip(from as usize).take((to - from) as usize);
                let own = images.iter().zip(&turn_of_image);
                let own = own.filter(|(_, of)| *of == turn).map(|(image, _)| image);
                TokenKey {
                    id: *id,
                    images: seen.chain(own).map(address).collect(),
                }
            })
            .collect()
    }

    /// See [`crate::FewShotLearner::patch_attention`].
    pub(super) fn resampled(&self, image: &Image) -> Result<PatchAttention, ModelError> {
        let output = self.model.tower.forward(&self.pixels(image)?)?;
        let weights = self.model.resampler.attention(&output.tokens)?;
        let layers = weights.iter().map(|layer| layer.squeeze(0)?.to_vec2());
        let layers: Vec<Rows> = layers.collect::<candle_core::Result<_>>()?;
        let vision = &self.model.config.vision;
        let class_token = matches!(vision, VisionConfig::Clip(clip) if clip.keep_class_token);
        let places = output.tokens.dim(1)? - usize::from(class_token);
        Ok(PatchAttention {
            layers,
            class_token,
            side: places.isqrt(),
            fit: self.manifest.pixels.fit,
        })
    }
}

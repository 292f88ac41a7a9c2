//! What a comparison with a reference implementation needs of a learner, beside what an answer needs.
//!
//! Only `rounds model logits` and tests use it. An answer needs the logits after the last position only, never has padding, and reads
//! greyscale above 8 bits with its full range.

use candle_core::{Device, Tensor};
use std::sync::Arc;

use super::bundle::Bundle;
use super::error::ModelError;
use super::families::ModelConfig;
use super::learner::FlamingoLearner;
use super::medvint::{MedvintConfig, TdLearner, TeLearner};
use super::prefix::PrefixLearner;
use super::{EncodedImage, FewShotLearner};
use rounds_imaging::HighBitDepth;
use rounds_support::Cancel;

/// A learner of any family that reads images as its reference does: greyscale of more than 8 bits is clipped at 255.
pub enum ReferenceLearner {
    /// A Flamingo or an IDEFICS.
    Flamingo(Box<FlamingoLearner>),
    /// A prefix-tuned model.
    Prefix(Box<PrefixLearner>),
    /// A MedVInT-TD.
    Td(Box<TdLearner>),
    /// A MedVInT-TE.
    Te(Box<TeLearner>),
}

impl ReferenceLearner {
    /// Loads the model of a bundle like [`load_learner`](super::families::load_learner).
    pub fn load(bundle: &Bundle, device: &Device) -> Result<Self, ModelError> {
        let depth = HighBitDepth::AsReference;
        Ok(match &bundle.manifest.config {
            ModelConfig::Flamingo(_) => {
                let mut learner = FlamingoLearner::load(bundle, device)?;
                learner.set_high_bit_depth(depth);
                Self::Flamingo(Box::new(learner))
            }
            ModelConfig::Prefix(_) => {
                let mut learner = PrefixLearner::load(bundle, device)?;
                learner.set_high_bit_depth(depth);
                Self::Prefix(Box::new(learner))
            }
            ModelConfig::Medvint(config) => match config.as_ref() {
                MedvintConfig::Td(_) => {
                    let mut learner = TdLearner::load(bundle, device)?;
                    learner.set_high_bit_depth(depth);
                    Self::Td(Box::new(learner))
                }
                MedvintConfig::Te(_) => {
                    let mut learner = TeLearner::load(bundle, device)?;
                    learner.set_high_bit_depth(depth);
                    Self::Te(Box::new(learner))
                }
            },
        })
    }

    /// The learner.
    pub fn get(&self) -> &dyn FewShotLearner {
        match self {
            Self::Flamingo(learner) => learner.as_ref(),
            Self::Prefix(learner) => learner.as_ref(),
            Self::Td(learner) => learner.as_ref(),
            Self::Te(learner) => learner.as_ref(),
        }
    }

    /// The learner, to go on with its sequence.
    pub fn get_mut(&mut self) -> &mut dyn FewShotLearner {
        match self {
            Self::Flamingo(learner) => learner.as_mut(),
            Self::Prefix(learner) => learner.as_mut(),
            Self::Td(learner) => learner.as_mut(),
            Self::Te(learner) => learner.as_mut(),
        }
    }

    /// Logits after every position of a new sequence, `[positions, vocabulary]` in f32. An image has as many positions as
    /// [`FewShotLearner::positions`] says; MedVInT-TE has its whole padded text, `[text_length, vocabulary]`, in which images have none. The
    /// first `padding` tokens are padding.
    ///
    /// Errors where the family takes no padding in front, or the prompt cannot be run.
    pub fn logits(
        &mut self,
        ids: &[u32],
        images: &[Arc<EncodedImage>],
        padding: usize,
        cancel: &Cancel,
    ) -> Result<Tensor, ModelError> {
        self.check_padding(padding)?;
        match self {
            Self::Flamingo(learner) => learner.logits(ids, images, padding, cancel),
            Self::Prefix(learner) => learner.logits(ids, images, cancel),
            Self::Td(learner) => learner.logits(ids, images, cancel),
            Self::Te(learner) => learner.prompt_logits(ids, images, cancel),
        }
    }

    /// [`FewShotLearner::prefill`] for a prompt whose first `padding` tokens are padding.
    ///
    /// Errors where the family takes no padding in front.
    pub fn prefill(
        &mut self,
        ids: &[u32],
        images: &[Arc<EncodedImage>],
        padding: usize,
        cancel: &Cancel,
    ) -> Result<Vec<f32>, ModelError> {
        self.check_padding(padding)?;
        match self {
            Self::Flamingo(learner) => learner.prefill_padded(ids, images, padding, cancel),
            other => other.get_mut().prefill(ids, images, cancel),
        }
    }

    /// Only Flamingos were published with padding in front.
    fn check_padding(&self, padding: usize) -> Result<(), ModelError> {
        match (self, padding) {
            (Self::Flamingo(_), _) | (_, 0) => Ok(()),
            _ => Err(ModelError::LeftPadding(
                self.get().manifest().family.clone(),
            )),
        }
    }
}

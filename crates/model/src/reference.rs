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

/// A learner that can be compared with a reference implementation.
pub trait ReferenceLearner: FewShotLearner {
    /// Reads images as the reference does from now on: greyscale of more than 8 bits is clipped at 255.
    fn read_as_reference(&mut self);

    /// Logits after every position of a new sequence, `[positions, vocabulary]` in f32. An image has as many positions as
    /// [`FewShotLearner::positions`] says; MedVInT-TE has its whole padded text, `[text_length, vocabulary]`, in which images have none. The
    /// first `padding` tokens are padding.
    ///
    /// Errors where the family takes no padding in front, or the prompt cannot be run.
    fn logits_everywhere(
        &mut self,
        ids: &[u32],
        images: &[Arc<EncodedImage>],
        padding: usize,
        cancel: &Cancel,
    ) -> Result<Tensor, ModelError>;

    /// [`FewShotLearner::prefill`] for a prompt whose first `padding` tokens are padding.
    ///
    /// Errors where the family takes no padding in front.
    fn prefill_after_padding(
        &mut self,
        ids: &[u32],
        images: &[Arc<EncodedImage>],
        padding: usize,
        cancel: &Cancel,
    ) -> Result<Vec<f32>, ModelError> {
        refuse_padding(&self.manifest().family, padding)?;
        self.prefill(ids, images, cancel)
    }
}

/// Loads the model of a bundle like [`load_learner`](super::families::load_learner), to read and compute as its reference does.
pub fn load_reference(
    bundle: &Bundle,
    device: &Device,
) -> Result<Box<dyn ReferenceLearner>, ModelError> {
    let mut learner: Box<dyn ReferenceLearner> = match &bundle.manifest.config {
        ModelConfig::Flamingo(_) => Box::new(FlamingoLearner::load(bundle, device)?),
        ModelConfig::Prefix(_) => Box::new(PrefixLearner::load(bundle, device)?),
        ModelConfig::Medvint(config) => match config.as_ref() {
            MedvintConfig::Td(_) => Box::new(TdLearner::load(bundle, device)?),
            MedvintConfig::Te(_) => Box::new(TeLearner::load(bundle, device)?),
        },
    };
    learner.read_as_reference();
    Ok(learner)
}

/// Errors where there is padding: only Flamingos were published with padding in front.
fn refuse_padding(family: &str, padding: usize) -> Result<(), ModelError> {
    match padding {
        0 => Ok(()),
        _ => Err(ModelError::LeftPadding(family.to_string())),
    }
}

impl ReferenceLearner for FlamingoLearner {
    fn read_as_reference(&mut self) {
        self.set_high_bit_depth(HighBitDepth::AsReference);
    }

    fn logits_everywhere(
        &mut self,
        ids: &[u32],
        images: &[Arc<EncodedImage>],
        padding: usize,
        cancel: &Cancel,
    ) -> Result<Tensor, ModelError> {
        self.logits(ids, images, padding, cancel)
    }

    fn prefill_after_padding(
        &mut self,
        ids: &[u32],
        images: &[Arc<EncodedImage>],
        padding: usize,
        cancel: &Cancel,
    ) -> Result<Vec<f32>, ModelError> {
        self.prefill_padded(ids, images, padding, cancel)
    }
}

impl ReferenceLearner for PrefixLearner {
    fn read_as_reference(&mut self) {
        self.set_high_bit_depth(HighBitDepth::AsReference);
    }

    fn logits_everywhere(
        &mut self,
        ids: &[u32],
        images: &[Arc<EncodedImage>],
        padding: usize,
        cancel: &Cancel,
    ) -> Result<Tensor, ModelError> {
        refuse_padding(&self.manifest().family, padding)?;
        self.logits(ids, images, cancel)
    }
}

impl ReferenceLearner for TdLearner {
    fn read_as_reference(&mut self) {
        self.set_high_bit_depth(HighBitDepth::AsReference);
    }

    fn logits_everywhere(
        &mut self,
        ids: &[u32],
        images: &[Arc<EncodedImage>],
        padding: usize,
        cancel: &Cancel,
    ) -> Result<Tensor, ModelError> {
        refuse_padding(&self.manifest().family, padding)?;
        self.logits(ids, images, cancel)
    }
}

impl ReferenceLearner for TeLearner {
    fn read_as_reference(&mut self) {
        self.set_high_bit_depth(HighBitDepth::AsReference);
    }

    fn logits_everywhere(
        &mut self,
        ids: &[u32],
        images: &[Arc<EncodedImage>],
        padding: usize,
        cancel: &Cancel,
    ) -> Result<Tensor, ModelError> {
        refuse_padding(&self.manifest().family, padding)?;
        self.prompt_logits(ids, images, cancel)
    }
}

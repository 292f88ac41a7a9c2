//! The model families that this program can run: their names, what a manifest says of each, and how a bundle is loaded.
//!
//! Everything outside this crate asks here instead of naming a family. What only one family has stays in its own folder.

use candle_core::Device;
use serde::{Deserialize, Deserializer, Serialize, de::Error};

use super::FewShotLearner;
use super::bundle::Bundle;
use super::error::ModelError;
use super::flamingo::{Flamingo, FlamingoConfig, MediaMask};
use super::language::DecoderConfig;
use super::learner::FlamingoLearner;
use super::medvint::{MedvintConfig, MedvintTd, MedvintTe, TdLearner, TeLearner};
use super::prefix::{PrefixConfig, PrefixLearner, PrefixModel};
use super::store::TensorSpec;
use super::vision::VisionConfig;

/// Model families that this program can run.
pub const FAMILIES: [&str; 5] = ["flamingo", "idefics", "prefix", "medvint-td", "medvint-te"];

/// Sizes of a model of any family, as in `model.toml`. All families but Flamingo have the field `architecture`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum ModelConfig {
    /// A Flamingo or an IDEFICS.
    Flamingo(Box<FlamingoConfig>),
    /// A prefix-tuned model.
    Prefix(Box<PrefixConfig>),
    /// A MedVInT.
    Medvint(Box<MedvintConfig>),
}

impl<'de> Deserialize<'de> for ModelConfig {
    // serde's own rule for untagged enums would not say which field is wrong.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        let found = match value.get("architecture") {
            None => serde_json::from_value(value).map(Self::Flamingo),
            Some(name) if name == "prefix" => serde_json::from_value(value).map(Self::Prefix),
            Some(name) if MedvintConfig::is_named(name.as_str()) => {
                serde_json::from_value(value).map(Self::Medvint)
            }
            Some(other) => {
                let reason = format!("unknown architecture {other}");
                return Err(D::Error::custom(reason));
            }
        };
        found.map_err(D::Error::custom)
    }
}

impl From<FlamingoConfig> for ModelConfig {
    fn from(config: FlamingoConfig) -> Self {
        Self::Flamingo(Box::new(config))
    }
}

impl From<PrefixConfig> for ModelConfig {
    fn from(config: PrefixConfig) -> Self {
        Self::Prefix(Box::new(config))
    }
}

impl From<MedvintConfig> for ModelConfig {
    fn from(config: MedvintConfig) -> Self {
        Self::Medvint(Box::new(config))
    }
}

impl ModelConfig {
    /// Whether a bundle of `family` may have it.
    pub(crate) fn is_of(&self, family: &str) -> bool {
        match self {
            Self::Flamingo(_) => matches!(family, "flamingo" | "idefics"),
            Self::Prefix(_) => family == "prefix",
            Self::Medvint(config) => family == config.family(),
        }
    }

    /// Errors, saying which, where a size is impossible.
    pub fn check(&self) -> Result<(), String> {
        match self {
            Self::Flamingo(config) => config.check(),
            Self::Prefix(config) => config.check(),
            Self::Medvint(config) => config.check(),
        }
    }

    /// The sizes of a Flamingo; `None` for another family.
    pub fn flamingo(&self) -> Option<&FlamingoConfig> {
        match self {
            Self::Flamingo(config) => Some(config),
            Self::Prefix(_) | Self::Medvint(_) => None,
        }
    }

    /// The sizes of a prefix-tuned model; `None` for another family.
    pub fn prefix(&self) -> Option<&PrefixConfig> {
        match self {
            Self::Prefix(config) => Some(config),
            Self::Flamingo(_) | Self::Medvint(_) => None,
        }
    }

    /// The sizes of a MedVInT; `None` for another family.
    pub fn medvint(&self) -> Option<&MedvintConfig> {
        match self {
            Self::Medvint(config) => Some(config),
            Self::Flamingo(_) | Self::Prefix(_) => None,
        }
    }

    /// The vision tower.
    pub fn vision(&self) -> &VisionConfig {
        match self {
            Self::Flamingo(config) => &config.vision,
            Self::Prefix(config) => &config.vision,
            Self::Medvint(config) => config.vision(),
        }
    }

    /// The decoder.
    pub fn language(&self) -> &DecoderConfig {
        match self {
            Self::Flamingo(config) => &config.language,
            Self::Prefix(config) => &config.language,
            Self::Medvint(config) => config.language(),
        }
    }

    /// The language model, to change its sizes before weights are written.
    pub(crate) fn language_mut(&mut self) -> &mut DecoderConfig {
        match self {
            Self::Flamingo(config) => &mut config.language,
            Self::Prefix(config) => &mut config.language,
            Self::Medvint(config) => config.language_mut(),
        }
    }

    /// Shape of an image's [`latents`](super::EncodedImage::latents).
    pub fn latent_dims(&self) -> [usize; 3] {
        match self {
            Self::Flamingo(config) => [1, config.resampler.num_latents, config.latent_width()],
            Self::Prefix(config) => [1, config.prefix_length, config.language.hidden_size],
            Self::Medvint(config) => config.latent_dims(),
        }
    }

    /// Which single image a text token attends to; `None` where it attends to all before it.
    pub fn media_mask(&self) -> Option<MediaMask> {
        match self {
            Self::Flamingo(config) => Some(config.media_mask),
            Self::Prefix(_) | Self::Medvint(_) => None,
        }
    }

    /// Whether the family was trained on sequences with several images, so that shots are something it knows.
    pub fn knows_shots(&self) -> bool {
        match self {
            Self::Flamingo(_) => true,
            Self::Prefix(_) | Self::Medvint(_) => false,
        }
    }

    /// Every tensor that the model reads.
    pub fn tensors(&self) -> candle_core::Result<Vec<TensorSpec>> {
        match self {
            Self::Flamingo(config) => Flamingo::tensors(config),
            Self::Prefix(config) => PrefixModel::tensors(config),
            Self::Medvint(config) => match config.as_ref() {
                MedvintConfig::Td(config) => MedvintTd::tensors(config),
                MedvintConfig::Te(config) => MedvintTe::tensors(config),
            },
        }
    }
}

/// Loads the model of a bundle, whatever its family: in f32 on a CPU, in the bundle's dtype elsewhere.
pub fn load_learner(
    bundle: &Bundle,
    device: &Device,
) -> Result<Box<dyn FewShotLearner>, ModelError> {
    Ok(match &bundle.manifest.config {
        ModelConfig::Flamingo(_) => Box::new(FlamingoLearner::load(bundle, device)?),
        ModelConfig::Prefix(_) => Box::new(PrefixLearner::load(bundle, device)?),
        ModelConfig::Medvint(config) => match config.as_ref() {
            MedvintConfig::Td(_) => Box::new(TdLearner::load(bundle, device)?),
            MedvintConfig::Te(_) => Box::new(TeLearner::load(bundle, device)?),
        },
    })
}

//! The towers that a Flamingo can have, behind one type.

use candle_core::{Result, Tensor};
use serde::{Deserialize, Deserializer, Serialize, de::Error};

use super::clip::{ClipConfig, ClipTower};
use super::efficientnet::{EfficientNetConfig, EfficientNetTower};
use super::output::VisionOutput;
use crate::store::Store;

/// Sizes of a tower. In files, an EfficientNet has the field `architecture` and a CLIP does not.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum VisionConfig {
    /// A CLIP vision transformer.
    Clip(ClipConfig),
    /// An EfficientNet-Lite.
    EfficientNet(EfficientNetConfig),
}

impl<'de> Deserialize<'de> for VisionConfig {
    // serde's own rule for untagged enums would not say which field is wrong.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        let found = match value.get("architecture").is_some() {
            true => serde_json::from_value(value).map(Self::EfficientNet),
            false => serde_json::from_value(value).map(Self::Clip),
        };
        found.map_err(D::Error::custom)
    }
}

impl VisionConfig {
    /// Side of the square input in pixels.
    pub fn image_size(&self) -> usize {
        match self {
            Self::Clip(config) => config.image_size,
            Self::EfficientNet(config) => config.image_size,
        }
    }

    /// Width of the tokens.
    pub fn width(&self) -> usize {
        match self {
            Self::Clip(config) => config.width,
            Self::EfficientNet(config) => config.head,
        }
    }

    /// Length of the vector for searching an index.
    pub fn vector_width(&self) -> usize {
        match self {
            Self::Clip(config) => config.vector_width(),
            Self::EfficientNet(config) => config.head,
        }
    }

    /// Tokens of one image.
    pub fn tokens(&self) -> usize {
        match self {
            Self::Clip(config) => config.patches() + usize::from(config.keep_class_token),
            Self::EfficientNet(config) => config.map_side() * config.map_side(),
        }
    }
}

/// A vision tower.
pub enum VisionTower {
    /// A CLIP vision transformer.
    Clip(Box<ClipTower>),
    /// An EfficientNet-Lite.
    EfficientNet(Box<EfficientNetTower>),
}

impl VisionTower {
    /// Takes the tower's tensors from `store`.
    pub fn load(config: &VisionConfig, store: Store) -> Result<Self> {
        Ok(match config {
            VisionConfig::Clip(config) => Self::Clip(Box::new(ClipTower::load(config, store)?)),
            VisionConfig::EfficientNet(config) => {
                Self::EfficientNet(Box::new(EfficientNetTower::load(config, store)?))
            }
        })
    }

    /// Runs `pixels` `[batch, 3, image_size, image_size]` (already normalised) through the tower.
    pub fn forward(&self, pixels: &Tensor) -> Result<VisionOutput> {
        match self {
            Self::Clip(tower) => tower.forward(pixels),
            Self::EfficientNet(tower) => tower.forward(pixels),
        }
    }
}

//! The towers that a learner can have, behind one type.

use candle_core::{Result, Tensor};
use serde::{Deserialize, Deserializer, Serialize, de::Error};

use super::clip::{ClipConfig, ClipTower};
use super::efficientnet::{EfficientNetConfig, EfficientNetTower};
use super::output::VisionOutput;
use super::resnet::{ResnetConfig, ResnetTower};
use crate::store::Store;

/// Sizes of a tower. In files, the field `architecture` names it; a CLIP has no such field.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum VisionConfig {
    /// A CLIP vision transformer.
    Clip(ClipConfig),
    /// An EfficientNet-Lite.
    EfficientNet(EfficientNetConfig),
    /// CLIP's ModifiedResNet.
    Resnet(ResnetConfig),
}

impl<'de> Deserialize<'de> for VisionConfig {
    // serde's own rule for untagged enums would not say which field is wrong.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        let found = match value.get("architecture").map(|name| name.as_str()) {
            None => serde_json::from_value(value).map(Self::Clip),
            Some(Some("modified-resnet")) => serde_json::from_value(value).map(Self::Resnet),
            Some(_) => serde_json::from_value(value).map(Self::EfficientNet),
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
            Self::Resnet(config) => config.image_size,
        }
    }

    /// Width of the tokens.
    pub fn width(&self) -> usize {
        match self {
            Self::Clip(config) => config.width,
            Self::EfficientNet(config) => config.head,
            Self::Resnet(config) => config.channels(),
        }
    }

    /// Length of the vector for searching an index.
    pub fn vector_width(&self) -> usize {
        match self {
            Self::Clip(config) => config.vector_width(),
            Self::EfficientNet(config) => config.head,
            Self::Resnet(config) => config.channels(),
        }
    }

    /// Tokens of one image.
    pub fn tokens(&self) -> usize {
        match self {
            Self::Clip(config) => config.patches() + usize::from(config.keep_class_token),
            Self::EfficientNet(config) => config.map_side() * config.map_side(),
            Self::Resnet(config) => config.map_side() * config.map_side(),
        }
    }
}

/// A vision tower.
pub enum VisionTower {
    /// A CLIP vision transformer.
    Clip(Box<ClipTower>),
    /// An EfficientNet-Lite.
    EfficientNet(Box<EfficientNetTower>),
    /// CLIP's ModifiedResNet.
    Resnet(Box<ResnetTower>),
}

impl VisionTower {
    /// Takes the tower's tensors from `store`.
    pub fn load(config: &VisionConfig, store: Store) -> Result<Self> {
        Ok(match config {
            VisionConfig::Clip(config) => Self::Clip(Box::new(ClipTower::load(config, store)?)),
            VisionConfig::EfficientNet(config) => {
                Self::EfficientNet(Box::new(EfficientNetTower::load(config, store)?))
            }
            VisionConfig::Resnet(config) => {
                Self::Resnet(Box::new(ResnetTower::load(config, store)?))
            }
        })
    }

    /// Runs `pixels` `[batch, 3, image_size, image_size]` (already normalised) through the tower.
    pub fn forward(&self, pixels: &Tensor) -> Result<VisionOutput> {
        match self {
            Self::Clip(tower) => tower.forward(pixels),
            Self::EfficientNet(tower) => tower.forward(pixels),
            Self::Resnet(tower) => tower.forward(pixels),
        }
    }
}

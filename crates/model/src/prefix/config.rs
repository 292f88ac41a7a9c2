//! Sizes of a prefix-tuned model, as in `model.toml`, and checks that they are plausible.

use serde::{Deserialize, Serialize};

use super::layout::Layout;
use super::mapper::MapperConfig;
use crate::bounds::{MAX_LAYERS, MAX_SIZE, check_heads, check_range};
use crate::flamingo::check_parts;
use crate::language::DecoderConfig;
use crate::vision::VisionConfig;

/// Most positions that an image or virtual tokens take.
const MAX_POSITIONS: usize = 4096;

/// Tells a prefix-tuned model's sizes from those of another family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Architecture {
    /// Prefix tuning.
    Prefix,
}

/// What virtual tokens are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VirtualKind {
    /// Embeddings: prompt tuning (<https://arxiv.org/abs/2104.08691>) and p-tuning (<https://arxiv.org/abs/2103.10385>), whose encoder
    /// always gives the same embeddings and is left out of the bundle.
    Embeddings,
    /// Keys and values of every layer: prefix tuning (<https://arxiv.org/abs/2101.00190>).
    KeysValues,
}

/// Trained virtual tokens in front of every sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VirtualTokens {
    /// How many there are.
    pub count: usize,
    /// What they are.
    pub kind: VirtualKind,
}

/// Sizes of a prefix-tuned model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PrefixConfig {
    /// Always the same.
    pub architecture: Architecture,
    /// Positions that an image takes.
    pub prefix_length: usize,
    /// What the sequence consists of.
    pub layout: Layout,
    /// From the image's vector to embeddings; absent in layouts that see no image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mapper: Option<MapperConfig>,
    /// Trained virtual tokens, if there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub virtual_tokens: Option<VirtualTokens>,
    /// The vision tower.
    pub vision: VisionConfig,
    /// The decoder.
    pub language: DecoderConfig,
}

impl PrefixConfig {
    /// Virtual tokens in front of every sequence.
    pub fn virtual_count(&self) -> usize {
        self.virtual_tokens.map_or(0, |tokens| tokens.count)
    }

    /// Errors, saying which, where a size is impossible.
    pub fn check(&self) -> Result<(), String> {
        check_range("prefix_length", self.prefix_length, MAX_POSITIONS)?;
        check_parts::vision(&self.vision)?;
        check_parts::decoder(&self.language)?;
        if let Some(tokens) = self.virtual_tokens {
            check_range("count of virtual_tokens", tokens.count, MAX_POSITIONS)?;
        }
        let taken = self.virtual_count() + self.prefix_length;
        if taken >= self.language.max_positions {
            return Err(format!(
                "an image and the virtual tokens take all {} positions",
                self.language.max_positions
            ));
        }
        match (&self.mapper, self.layout.sees_image()) {
            (None, true) => Err("the layout has an image, but there is no mapper".into()),
            (Some(_), false) => Err("the layout has no image, but there is a mapper".into()),
            (None, false) => Ok(()),
            (Some(mapper), true) => self.check_mapper(mapper),
        }
    }

    fn check_mapper(&self, mapper: &MapperConfig) -> Result<(), String> {
        match mapper {
            MapperConfig::Mlp { hidden } => {
                check_range("number of hidden layers", hidden.len().max(1), MAX_LAYERS)?;
                let mut widths = hidden.iter();
                widths.try_for_each(|&width| check_range("hidden", width, MAX_SIZE))
            }
            MapperConfig::Transformer {
                clip_length,
                layers,
                heads,
                inner,
            } => {
                check_range("clip_length", *clip_length, MAX_POSITIONS)?;
                check_range("mapper layers", *layers, MAX_LAYERS)?;
                check_range("mapper inner", *inner, MAX_SIZE)?;
                check_heads("mapper", self.language.hidden_size, *heads)
            }
        }
    }
}

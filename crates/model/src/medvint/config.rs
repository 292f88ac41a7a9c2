//! Sizes of a MedVInT, as in `model.toml`, and checks that they are plausible.

use serde::{Deserialize, Serialize};

use super::queries::QueryConfig;
use crate::bounds::{MAX_LAYERS, MAX_SIZE, check_heads, check_range};
use crate::flamingo::check_parts;
use crate::language::DecoderConfig;
use crate::vision::VisionConfig;

/// Most queries per image, and most masked tokens of an answer.
const MAX_QUERIES: usize = 4096;

/// Sizes of a MedVInT, by variant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "architecture")]
pub enum MedvintConfig {
    /// MedVInT-TD.
    #[serde(rename = "medvint-td")]
    Td(TdConfig),
    /// MedVInT-TE.
    #[serde(rename = "medvint-te")]
    Te(TeConfig),
}

/// Sizes of a MedVInT-TD: the language model writes the answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TdConfig {
    /// The vision tower.
    pub vision: VisionConfig,
    /// The query decoder; absent in the variant whose only embedding is the mean of the tokens (or a CLIP's class token).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queries: Option<QueryConfig>,
    /// The decoder.
    pub language: DecoderConfig,
}

/// Sizes of a MedVInT-TE: masked answers are filled in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TeConfig {
    /// The vision tower. The tokens of a ResNet are projected to the fusion's width.
    pub vision: VisionConfig,
    /// The query decoder.
    pub queries: QueryConfig,
    /// The block in which text and image meet.
    pub fusion: FusionConfig,
    /// The text encoder: a decoder without a head.
    pub language: DecoderConfig,
}

/// Sizes of the fusion in a MedVInT-TE.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FusionConfig {
    /// Width of its states.
    pub width: usize,
    /// Number of blocks.
    pub layers: usize,
    /// Attention heads per block.
    pub heads: usize,
    /// Length that every text is padded to.
    pub text_length: usize,
    /// Longest answer, in tokens, that is tried where the length is not given.
    pub max_answer: usize,
}

impl MedvintConfig {
    /// The vision tower.
    pub fn vision(&self) -> &VisionConfig {
        match self {
            Self::Td(config) => &config.vision,
            Self::Te(config) => &config.vision,
        }
    }

    /// The language model.
    pub fn language(&self) -> &DecoderConfig {
        match self {
            Self::Td(config) => &config.language,
            Self::Te(config) => &config.language,
        }
    }

    pub(crate) fn language_mut(&mut self) -> &mut DecoderConfig {
        match self {
            Self::Td(config) => &mut config.language,
            Self::Te(config) => &mut config.language,
        }
    }

    /// Whether `architecture` in a file names one.
    pub(crate) fn is_named(architecture: Option<&str>) -> bool {
        matches!(architecture, Some("medvint-td" | "medvint-te"))
    }

    /// The name of its family in `model.toml`.
    pub fn family(&self) -> &'static str {
        match self {
            Self::Td(_) => "medvint-td",
            Self::Te(_) => "medvint-te",
        }
    }

    /// Shape of an image's embeddings: one image, their number, their width.
    pub fn latent_dims(&self) -> [usize; 3] {
        match self {
            Self::Td(config) => {
                let count = config.queries.map_or(1, |queries| queries.count);
                [1, count, config.language.hidden_size]
            }
            Self::Te(config) => [1, config.queries.count, config.fusion.width],
        }
    }

    /// Errors, saying which, where a size is impossible.
    pub fn check(&self) -> Result<(), String> {
        check_parts::vision(self.vision())?;
        check_parts::decoder(self.language())?;
        match self {
            Self::Td(config) => match &config.queries {
                Some(queries) => check_queries(queries, config.vision.width()),
                None => Ok(()),
            },
            Self::Te(config) => config.check(),
        }
    }
}

impl TeConfig {
    fn check(&self) -> Result<(), String> {
        let fusion = &self.fusion;
        check_queries(&self.queries, fusion.width)?;
        check_range("fusion layers", fusion.layers, MAX_LAYERS)?;
        check_range("fusion width", fusion.width, MAX_SIZE)?;
        check_heads("fusion", fusion.width, fusion.heads)?;
        let max = self.language.max_positions;
        check_range("text_length", fusion.text_length, max)?;
        check_range("max_answer", fusion.max_answer, fusion.text_length)?;
        let projected = matches!(self.vision, VisionConfig::Resnet(_));
        match projected || self.vision.width() == fusion.width {
            true => Ok(()),
            false => Err(format!(
                "the tower's tokens have width {}, but the fusion has {}",
                self.vision.width(),
                fusion.width
            )),
        }
    }
}

fn check_queries(queries: &QueryConfig, width: usize) -> Result<(), String> {
    check_range("number of queries", queries.count, MAX_QUERIES)?;
    check_range("query layers", queries.layers, MAX_LAYERS)?;
    check_range("query inner width", queries.inner, MAX_SIZE)?;
    check_heads("query", width, queries.heads)
}

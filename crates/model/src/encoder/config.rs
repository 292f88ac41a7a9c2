//! Sizes of an encoder's two towers, and their bounds.
//!
//! A configuration file is untrusted: [`EncoderConfig::check`] must pass before a tensor is allocated.

use candle_core::Tensor;
use serde::{Deserialize, Serialize};

use crate::bounds::{
    MAX_IMAGE_SIDE, MAX_LAYERS, MAX_SIZE, check_epsilon, check_heads, check_range,
};
use crate::ops::{gelu, quick_gelu};
use crate::vision::{ClipConfig, VisionActivation};

/// Epsilon of CLIP's layer norms, which is fixed in its image tower.
pub(super) const CLIP_EPS: f64 = 1e-5;

/// Architecture of an encoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    /// CLIP of OpenAI or LAION, <https://arxiv.org/abs/2103.00020>.
    Clip,
    /// SigLIP, <https://arxiv.org/abs/2303.15343>.
    Siglip,
    /// BiomedCLIP, <https://arxiv.org/abs/2303.00915>: timm's ViT and a BERT.
    Biomedclip,
}

impl Family {
    /// Its name in `encoder.toml`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Clip => "clip",
            Self::Siglip => "siglip",
            Self::Biomedclip => "biomedclip",
        }
    }
}

/// The activation in the feed-forwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
#[serde(rename_all = "kebab-case")]
pub enum Activation {
    /// `x * sigmoid(1.702 x)`: OpenAI's CLIP.
    QuickGelu,
    /// Exact GELU: LAION's CLIP, BERT, timm.
    Gelu,
    /// The tanh approximation of GELU: SigLIP.
    GeluTanh,
}

impl Activation {
    /// Applies it elementwise; shape and dtype stay.
    pub fn apply(self, x: &Tensor) -> candle_core::Result<Tensor> {
        match self {
            Self::QuickGelu => quick_gelu(x),
            Self::Gelu => gelu(x),
            Self::GeluTanh => x.gelu(),
        }
    }
}

/// Sizes of a stack of transformer blocks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BlocksConfig {
    /// Width of the hidden states.
    pub width: usize,
    /// Number of blocks.
    pub layers: usize,
    /// Attention heads per block.
    pub heads: usize,
    /// Width inside the feed-forward.
    pub mlp_width: usize,
    /// Activation of the feed-forward.
    pub activation: Activation,
    /// Epsilon of the norms.
    pub norm_eps: f64,
}

/// Sizes of an image tower.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ImageTowerConfig {
    /// Side of the square input in pixels.
    pub image_size: usize,
    /// Side of a patch in pixels.
    pub patch_size: usize,
    /// Sizes of its blocks.
    pub blocks: BlocksConfig,
}

/// Sizes of a text tower.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TextTowerConfig {
    /// Rows of the token table.
    pub vocab_size: usize,
    /// Rows of the position table.
    pub positions: usize,
    /// Rows of BERT's segment table; 0 for others.
    #[serde(default)]
    pub segments: usize,
    /// Inner width of BiomedCLIP's projection; 0 for others.
    #[serde(default)]
    pub projection_width: usize,
    /// Sizes of its blocks.
    pub blocks: BlocksConfig,
}

/// Sizes of both towers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EncoderConfig {
    /// Dimensions of the vectors.
    pub dimension: usize,
    /// The image tower.
    pub image: ImageTowerConfig,
    /// The text tower.
    pub text: TextTowerConfig,
}

impl EncoderConfig {
    /// Errors, saying which, where a size is impossible for `family`.
    pub fn check(&self, family: Family) -> Result<(), String> {
        let (image, text) = (&self.image, &self.text);
        check_blocks("image", &image.blocks)?;
        check_blocks("text", &text.blocks)?;
        check_range("dimension", self.dimension, MAX_SIZE)?;
        check_range("vocab_size", text.vocab_size, MAX_SIZE)?;
        check_range("positions", text.positions, MAX_SIZE)?;
        check_range("image_size", image.image_size, MAX_IMAGE_SIDE)?;
        check_range("patch_size", image.patch_size, image.image_size)?;
        match family {
            Family::Clip if image.blocks.norm_eps != CLIP_EPS => Err(format!(
                "the norms of a CLIP have an epsilon of {CLIP_EPS}, not {}",
                image.blocks.norm_eps
            )),
            Family::Clip if image.blocks.activation == Activation::GeluTanh => {
                Err("the activation of a CLIP is quick-gelu or gelu".into())
            }
            Family::Siglip if self.dimension != image.blocks.width => Err(format!(
                "the vectors of a SigLIP are as wide as its image tower: {}, not {}",
                image.blocks.width, self.dimension
            )),
            Family::Biomedclip => {
                check_range("segments", text.segments, MAX_SIZE)?;
                check_range("projection_width", text.projection_width, MAX_SIZE)
            }
            _ => Ok(()),
        }
    }

    /// Number of patches in an image.
    pub fn patches(&self) -> usize {
        let side = self.image.image_size / self.image.patch_size.max(1);
        side * side
    }

    /// The image tower's sizes in the form that [`ClipTower`](crate::vision::ClipTower) takes.
    pub(super) fn clip_tower(&self) -> ClipConfig {
        let (image, blocks) = (&self.image, &self.image.blocks);
        ClipConfig {
            image_size: image.image_size,
            patch_size: image.patch_size,
            width: blocks.width,
            layers: blocks.layers,
            heads: blocks.heads,
            mlp_width: blocks.mlp_width,
            embed_dim: self.dimension,
            activation: match blocks.activation {
                Activation::QuickGelu => VisionActivation::QuickGelu,
                Activation::Gelu | Activation::GeluTanh => VisionActivation::Gelu,
            },
            keep_class_token: false,
        }
    }
}

/// Errors, saying which, where a size of `tower` is impossible.
pub(super) fn check_blocks(tower: &str, blocks: &BlocksConfig) -> Result<(), String> {
    check_range(&format!("{tower} width"), blocks.width, MAX_SIZE)?;
    check_range(&format!("{tower} mlp_width"), blocks.mlp_width, MAX_SIZE)?;
    check_range(&format!("{tower} layers"), blocks.layers, MAX_LAYERS)?;
    check_heads(tower, blocks.width, blocks.heads)?;
    check_epsilon(tower, blocks.norm_eps)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> EncoderConfig {
        let blocks = BlocksConfig {
            width: 64,
            layers: 2,
            heads: 4,
            mlp_width: 128,
            activation: Activation::Gelu,
            norm_eps: 1e-5,
        };
        EncoderConfig {
            dimension: 64,
            image: ImageTowerConfig {
                image_size: 28,
                patch_size: 7,
                blocks: blocks.clone(),
            },
            text: TextTowerConfig {
                vocab_size: 100,
                positions: 16,
                segments: 2,
                projection_width: 64,
                blocks,
            },
        }
    }

    #[test]
    fn impossible_sizes_are_refused_with_a_reason() {
        for family in [Family::Clip, Family::Siglip, Family::Biomedclip] {
            assert_eq!(config().check(family), Ok(()));
        }
        let refused = |change: &dyn Fn(&mut EncoderConfig), family, word: &str| {
            let mut config = config();
            change(&mut config);
            let reason = config.check(family).unwrap_err();
            assert!(reason.contains(word), "{reason}");
        };
        refused(&|c| c.image.blocks.heads = 0, Family::Clip, "heads is 0");
        refused(&|c| c.text.blocks.heads = 5, Family::Clip, "5 heads");
        refused(&|c| c.image.patch_size = 29, Family::Siglip, "patch_size");
        refused(&|c| c.image.patch_size = 0, Family::Siglip, "patch_size");
        refused(&|c| c.text.blocks.layers = 1 << 40, Family::Clip, "layers");
        refused(&|c| c.text.blocks.norm_eps = f64::NAN, Family::Clip, "eps");
        refused(&|c| c.dimension = 32, Family::Siglip, "as wide");
        refused(&|c| c.text.segments = 0, Family::Biomedclip, "segments");
    }
}

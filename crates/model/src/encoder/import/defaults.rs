//! What transformers assumes where a `config.json` says nothing.

use crate::bundle::Fit;
use crate::encoder::config::CLIP_EPS;

/// transformers' defaults for what a `config.json` does not give.
pub(super) struct Defaults {
    /// Attention heads of the image tower.
    pub vision_heads: usize,
    /// Attention heads of the text tower.
    pub text_heads: usize,
    /// Activation of the feed-forwards.
    pub activation: &'static str,
    /// Epsilon of the norms.
    pub eps: f64,
    /// How images are fitted to the square input.
    pub fit: Fit,
}

/// Defaults of `CLIPConfig`.
pub(super) const CLIP: Defaults = Defaults {
    vision_heads: 12,
    text_heads: 8,
    activation: "quick_gelu",
    eps: CLIP_EPS,
    fit: Fit::Crop,
};

/// Defaults of `SiglipConfig`.
pub(super) const SIGLIP: Defaults = Defaults {
    vision_heads: 12,
    text_heads: 12,
    activation: "gelu_pytorch_tanh",
    eps: 1e-6,
    fit: Fit::Squash,
};

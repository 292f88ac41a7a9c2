//! What a vision tower gives.

use candle_core::Tensor;

/// What a tower computes for a batch of images.
pub struct VisionOutput {
    /// `[batch, tokens, width]`, one token for each place of the image. Of a CLIP: the last block's hidden states without the class token
    /// (unless the configuration keeps it, then it comes first), not normalised, not projected.
    pub tokens: Tensor,
    /// `[batch, vector_width]`, not scaled to unit length. Of a CLIP: the class token after `ln_post` and projection.
    pub pooled: Tensor,
}

//! Cuts images into patches, the first step of every tower.
//!
//! A convolution whose stride equals its kernel size is one matrix product over unfolded patches, so towers never convolve.

use candle_core::{Result, Tensor};

/// `pixels` `[batch, 3, side, side]` to `[batch, patches, 3 * patch * patch]`, row by row, dtype unchanged. Pixels at the right
/// and bottom that fill no patch are dropped, as in a convolution without padding.
///
/// Errors where the pixels have another shape.
pub fn unfold(pixels: &Tensor, patch: usize) -> Result<Tensor> {
    let (batch, channels, height, width) = pixels.dims4()?;
    if channels != 3 || height != width || patch == 0 || height < patch {
        candle_core::bail!(
            "expected [batch, 3, side, side] of at least {patch}, got {:?}",
            pixels.shape()
        );
    }
    let grid = height / patch;
    let pixels = match grid * patch == height {
        true => pixels.clone(),
        false => pixels
            .narrow(2, 0, grid * patch)?
            .narrow(3, 0, grid * patch)?,
    };
    pixels
        .reshape(vec![batch, channels, grid, patch, grid, patch])?
        .permute(vec![0, 2, 4, 1, 3, 5])?
        .reshape((batch, grid * grid, channels * patch * patch))
}

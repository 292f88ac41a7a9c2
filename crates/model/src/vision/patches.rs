//! Pictures cut into patches, as every tower here begins.
//!
//! A convolution whose stride is its kernel is one matrix product over unfolded patches, so towers never convolve.

use candle_core::{Result, Tensor};

/// `pixels` `[batch, 3, side, side]` to `[batch, patches, 3 * patch * patch]`, row by row. What is left over at the right and
/// at the bottom is dropped, as a convolution without padding does.
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

//! The few tensor operations that every model here is made of, each fast on a CPU and differentiable.
//!
//! Candle's fused CPU operations have no backward pass and its differentiable ones are chains of small kernels, so the
//! trainer and the program would otherwise run different code. Here one operation serves both: `f32` on a CPU takes
//! a fused kernel with its own backward pass, everything else (CUDA, Metal, other types) a composition of candle's own
//! operations. Nothing in this module may know about models.

mod activation;
mod attention;
mod cpu;
mod loss;
mod norm;
mod rope;

pub use activation::{gelu, quick_gelu, silu_mul};
pub use attention::{Visible, attention};
pub use loss::{Choice, choice_loss, cross_entropy, log_softmax_row};
pub use norm::{layer_norm, rms_norm};
pub use rope::{RopeTable, rope};

use candle_core::{DType, Result, Tensor};

/// `x @ weight^T (+ bias)`, with `weight` stored `[out, in]` as PyTorch does. `x` is `[.., in]`, the result `[.., out]`.
pub fn linear(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
    let dims = x.dims();
    let (width, out) = (dims[dims.len() - 1], weight.dim(0)?);
    let rows: usize = dims[..dims.len() - 1].iter().product();
    let mut shape = dims[..dims.len() - 1].to_vec();
    shape.push(out);
    let y = x.reshape((rows, width))?.matmul(&weight.t()?)?;
    let y = match bias {
        Some(bias) => y.broadcast_add(bias)?,
        None => y,
    };
    y.reshape(shape)
}

/// True where the fused CPU kernels apply to `x`.
fn fused(x: &Tensor) -> bool {
    x.device().is_cpu() && x.dtype() == DType::F32
}

#[cfg(test)]
mod tests;

//! The tensor operations that every model here is built from, each fast on a CPU and differentiable.
//!
//! Candle's fused CPU operations have no backward pass and its differentiable ones are chains of small kernels, so the
//! trainer and the program would otherwise run different code. Here one operation serves both: `f32` on a CPU takes
//! a fused kernel with its own backward pass, everything else (CUDA, Metal, other types) a composition of candle's own
//! operations. Nothing in this module may know about models.

mod activation;
mod attention;
mod bf16;
mod cpu;
mod depthwise;
mod frozen;
mod linear;
mod loss;
mod norm;
mod q4;
mod rope;

pub use activation::{gelu, gelu_tanh, quick_gelu, silu_mul};
pub use attention::{
    AttentionMask, Heads, TurnBias, attention, attention_alibi, attention_weights,
    attention_with_turns,
};
pub use depthwise::{bias_relu6, depthwise, same_padding};
pub use frozen::FrozenLinear;
pub use linear::{Linear, Precision, linear, with_precision};
pub use loss::{Choice, choice_loss, cross_entropy};
pub use norm::{layer_norm, rms_norm};
pub use q4::{Q4Weight, SharedBytes};
pub use rope::{RopeTable, rope};

use candle_core::{DType, Tensor};

/// Whether the fused CPU kernels apply to `x`.
fn has_fused_kernel(x: &Tensor) -> bool {
    x.device().is_cpu() && x.dtype() == DType::F32
}

#[cfg(test)]
mod tests;

//! Rotary position embedding in the "rotate half" layout of Hugging Face LLaMA checkpoints.

use candle_core::{CpuStorage, CustomOp1, DType, Layout, Result, Shape, Tensor};
use std::sync::Arc;

use super::cpu::{values, with_values};
use super::has_fused_kernel;

/// Cosines and sines of every position, `[positions, head_dim / 2]` each.
#[derive(Clone, Debug)]
pub struct RopeTable {
    /// Half of the rotated dimensions; the other dimensions of a head pass unchanged.
    half: usize,
    head_dim: usize,
    cos: Arc<Vec<f32>>,
    sin: Arc<Vec<f32>>,
}

impl RopeTable {
    /// Angles `position * theta^(-2i / rotated_dims)` of the first `rotated_dims` dimensions of a head.
    pub fn new(positions: usize, head_dim: usize, rotated_dims: usize, theta: f32) -> Self {
        let half = rotated_dims / 2;
        let angle = |i: usize| {
            let (position, pair) = (i / half, i % half);
            position as f32 / theta.powf(2.0 * pair as f32 / rotated_dims as f32)
        };
        let count = positions * half;
        Self {
            half,
            head_dim,
            cos: Arc::new((0..count).map(|i| angle(i).cos()).collect()),
            sin: Arc::new((0..count).map(|i| angle(i).sin()).collect()),
        }
    }

    /// How many positions the table holds.
    pub fn positions(&self) -> usize {
        self.cos.len() / self.half.max(1)
    }
}

struct Rotate {
    table: RopeTable,
    start: usize,
    /// 1, or -1 for the inverse rotation, which is the gradient.
    direction: f32,
}

impl Rotate {
    /// Rotates `x`, rows of `width` at consecutive positions, `tokens` rows per sequence.
    fn apply(&self, x: &[f32], tokens: usize, width: usize) -> Vec<f32> {
        let half = self.table.half;
        let mut out = vec![0f32; x.len()];
        for (index, (row, out)) in x
            .chunks_exact(width)
            .zip(out.chunks_exact_mut(width))
            .enumerate()
        {
            let at = (self.start + index % tokens) * half;
            let (cos, sin) = (
                &self.table.cos[at..at + half],
                &self.table.sin[at..at + half],
            );
            for (x, y) in row
                .chunks_exact(self.table.head_dim)
                .zip(out.chunks_exact_mut(self.table.head_dim))
            {
                y[2 * half..].copy_from_slice(&x[2 * half..]);
                for i in 0..half {
                    let s = sin[i] * self.direction;
                    y[i] = x[i] * cos[i] - x[i + half] * s;
                    y[i + half] = x[i + half] * cos[i] + x[i] * s;
                }
            }
        }
        out
    }
}

impl CustomOp1 for Rotate {
    fn name(&self) -> &'static str {
        "rope"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (_, tokens, width) = layout.shape().dims3()?;
        let out = self.apply(values(storage, layout)?, tokens, width);
        Ok((CpuStorage::F32(out), layout.shape().clone()))
    }

    fn bwd(&self, arg: &Tensor, _res: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let (_, tokens, width) = arg.dims3()?;
        let back = Rotate {
            table: self.table.clone(),
            start: self.start,
            direction: -self.direction,
        };
        let out = with_values(grad, |g| back.apply(g, tokens, width))?;
        Ok(Some(Tensor::from_vec(out, arg.shape(), arg.device())?))
    }
}

/// Rotates `x` `[batch, tokens, heads * head_dim]`, whose first token has position `start`; shape and dtype stay.
///
/// Errors where the positions exceed the table.
pub fn rope(x: &Tensor, table: &RopeTable, start: usize) -> Result<Tensor> {
    let (batch, tokens, width) = x.dims3()?;
    if start + tokens > table.positions() {
        candle_core::bail!(
            "position {} exceeds the {} positions of this model",
            start + tokens,
            table.positions()
        );
    }
    if has_fused_kernel(x) {
        return x.contiguous()?.apply_op1(Rotate {
            table: table.clone(),
            start,
            direction: 1.0,
        });
    }
    let half = table.half;
    let rows = |values: &[f32]| {
        Tensor::from_slice(
            &values[start * half..(start + tokens) * half],
            (1, tokens, 1, half),
            x.device(),
        )
    };
    let (cos, sin) = (rows(&table.cos)?, rows(&table.sin)?);
    let head_dim = table.head_dim;
    let wide = x
        .to_dtype(DType::F32)?
        .reshape((batch, tokens, width / head_dim, head_dim))?;
    let (a, b) = (wide.narrow(3, 0, half)?, wide.narrow(3, half, half)?);
    let first = (a.broadcast_mul(&cos)? - b.broadcast_mul(&sin)?)?;
    let second = (b.broadcast_mul(&cos)? + a.broadcast_mul(&sin)?)?;
    let rest = wide.narrow(3, 2 * half, head_dim - 2 * half)?;
    Tensor::cat(&[first, second, rest], 3)?
        .reshape((batch, tokens, width))?
        .to_dtype(x.dtype())
}

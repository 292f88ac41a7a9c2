//! Scaled dot-product attention with masks given as key ranges.
//!
//! Every mask here (none, causal, left padding, "only the image just before") lets a query attend to one contiguous range of
//! keys, so a mask is a range per query, not a matrix. A query with an empty range attends to nothing and gives zero, which is
//! exactly Flamingo's rule for text before the first image (rows zeroed after the softmax).

use candle_core::{CpuStorage, CustomOp3, D, DType, Layout, Result, Shape, Tensor};
use std::sync::Arc;

use super::cpu::{dot, exp, matmul, max_value, sum, values, with_simd, with_values};
use super::has_fused_kernel;

/// Which keys each query attends to.
#[derive(Clone, Debug)]
pub enum AttentionMask {
    /// Every key.
    All,
    /// Query `i` attends to keys `padding ..= i + past`.
    Causal {
        /// Keys from a cache, before those of the queries.
        past: usize,
        /// Padding keys on the left, which no query attends to.
        padding: usize,
    },
    /// `[batch * queries]` half-open key ranges.
    Ranges(Arc<Vec<(u32, u32)>>),
}

impl AttentionMask {
    fn range(&self, sequence: usize, query: usize, queries: usize, keys: usize) -> (usize, usize) {
        match self {
            AttentionMask::All => (0, keys),
            AttentionMask::Causal { past, padding } => (*padding, (query + past + 1).min(keys)),
            AttentionMask::Ranges(ranges) => {
                let (from, to) = ranges[sequence * queries + query];
                (from as usize, (to as usize).min(keys))
            }
        }
    }
}

#[derive(Clone)]
struct Attention {
    heads: usize,
    scale: f32,
    mask: AttentionMask,
    /// ALiBi: the slope of each head. There is no backward pass with slopes.
    slopes: Option<Arc<Vec<f32>>>,
}

/// Sizes of one call.
#[derive(Clone, Copy)]
struct Dims {
    batch: usize,
    queries: usize,
    keys: usize,
    width: usize,
    head_dim: usize,
}

impl Attention {
    fn dims(&self, q: &Shape, k: &Shape) -> Result<Dims> {
        let (batch, queries, width) = q.dims3()?;
        let (_, keys, _) = k.dims3()?;
        Ok(Dims {
            batch,
            queries,
            keys,
            width,
            head_dim: width / self.heads,
        })
    }

    /// Probabilities `[queries, keys]` of one head of one sequence, written into `p`.
    fn probabilities(
        &self,
        s: Dims,
        (sequence, head): (usize, usize),
        q: &[f32],
        k: &[f32],
        p: &mut [f32],
    ) {
        let slope = self.slopes.as_ref().map_or(0.0, |slopes| slopes[head]);
        matmul(
            [s.queries, s.keys, s.head_dim],
            p,
            [s.keys, 1],
            q,
            [s.width, 1],
            k,
            [1, s.width],
            self.scale,
        );
        for (query, row) in p.chunks_exact_mut(s.keys).enumerate() {
            let (from, to) = self.mask.range(sequence, query, s.queries, s.keys);
            if from >= to {
                row.fill(0.0);
                continue;
            }
            row[..from].fill(0.0);
            row[to..].fill(0.0);
            let visible_scores = &mut row[from..to];
            if slope != 0.0 {
                // Relative to the newest visible key: a constant shift does not change the softmax.
                let newest = visible_scores.len() - 1;
                for (j, v) in visible_scores.iter_mut().enumerate() {
                    *v -= slope * (newest - j) as f32;
                }
            }
            with_simd(|| {
                let max = max_value(visible_scores);
                visible_scores.iter_mut().for_each(|v| *v = exp(*v - max));
                let inverse = 1.0 / sum(visible_scores);
                visible_scores.iter_mut().for_each(|v| *v *= inverse);
            });
        }
    }
}

impl CustomOp3 for Attention {
    fn name(&self) -> &'static str {
        "attention"
    }

    fn cpu_fwd(
        &self,
        s1: &CpuStorage,
        l1: &Layout,
        s2: &CpuStorage,
        l2: &Layout,
        s3: &CpuStorage,
        l3: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let s = self.dims(l1.shape(), l2.shape())?;
        let (q, k, v) = (values(s1, l1)?, values(s2, l2)?, values(s3, l3)?);
        let mut out = vec![0f32; q.len()];
        let mut p = vec![0f32; s.queries * s.keys];
        for sequence in 0..s.batch {
            for head in 0..self.heads {
                let at = sequence * s.queries * s.width + head * s.head_dim;
                let kv = sequence * s.keys * s.width + head * s.head_dim;
                self.probabilities(s, (sequence, head), &q[at..], &k[kv..], &mut p);
                matmul(
                    [s.queries, s.head_dim, s.keys],
                    &mut out[at..],
                    [s.width, 1],
                    &p,
                    [s.keys, 1],
                    &v[kv..],
                    [s.width, 1],
                    1.0,
                );
            }
        }
        Ok((CpuStorage::F32(out), l1.shape().clone()))
    }

    fn bwd(
        &self,
        q: &Tensor,
        k: &Tensor,
        v: &Tensor,
        _res: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let s = self.dims(q.shape(), k.shape())?;
        let (dq, dk, dv) = with_values(q, |q| {
            with_values(k, |k| {
                with_values(v, |v| with_values(grad, |g| self.gradients(s, q, k, v, g)))
            })
        })????;
        let device = q.device();
        Ok((
            Some(Tensor::from_vec(dq, q.shape(), device)?),
            Some(Tensor::from_vec(dk, k.shape(), device)?),
            Some(Tensor::from_vec(dv, v.shape(), device)?),
        ))
    }
}

impl Attention {
    fn gradients(
        &self,
        s: Dims,
        q: &[f32],
        k: &[f32],
        v: &[f32],
        g: &[f32],
    ) -> (Vec<f32>, Vec<f32>, Vec<f32>) {
        let (mut dq, mut dk, mut dv) = (
            vec![0f32; q.len()],
            vec![0f32; k.len()],
            vec![0f32; v.len()],
        );
        let mut p = vec![0f32; s.queries * s.keys];
        let mut dp = vec![0f32; s.queries * s.keys];
        for sequence in 0..s.batch {
            for head in 0..self.heads {
                let at = sequence * s.queries * s.width + head * s.head_dim;
                let kv = sequence * s.keys * s.width + head * s.head_dim;
                self.probabilities(s, (sequence, head), &q[at..], &k[kv..], &mut p);
                // dV = P^T dO
                matmul(
                    [s.keys, s.head_dim, s.queries],
                    &mut dv[kv..],
                    [s.width, 1],
                    &p,
                    [1, s.keys],
                    &g[at..],
                    [s.width, 1],
                    1.0,
                );
                // dP = dO V^T, then back through the softmax
                matmul(
                    [s.queries, s.keys, s.head_dim],
                    &mut dp,
                    [s.keys, 1],
                    &g[at..],
                    [s.width, 1],
                    &v[kv..],
                    [1, s.width],
                    1.0,
                );
                with_simd(|| {
                    for (p, dp) in p.chunks_exact(s.keys).zip(dp.chunks_exact_mut(s.keys)) {
                        let inner = dot(p, dp);
                        for (d, p) in dp.iter_mut().zip(p) {
                            *d = p * (*d - inner);
                        }
                    }
                });
                matmul(
                    [s.queries, s.head_dim, s.keys],
                    &mut dq[at..],
                    [s.width, 1],
                    &dp,
                    [s.keys, 1],
                    &k[kv..],
                    [s.width, 1],
                    self.scale,
                );
                matmul(
                    [s.keys, s.head_dim, s.queries],
                    &mut dk[kv..],
                    [s.width, 1],
                    &dp,
                    [1, s.keys],
                    &q[at..],
                    [s.width, 1],
                    self.scale,
                );
            }
        }
        (dq, dk, dv)
    }
}

/// `softmax(q k^T * scale) v` per head, over the keys that `mask` allows.
///
/// `q` is `[batch, queries, heads * head_dim]`, `k` and `v` `[batch, keys, heads * head_dim]`; the result has the shape
/// and dtype of `q`. The softmax is always computed in f32.
pub fn attention(
    q: &Tensor,
    k: &Tensor,
    v: &Tensor,
    heads: usize,
    scale: f32,
    mask: AttentionMask,
) -> Result<Tensor> {
    attend(q, k, v, heads, scale, mask, None)
}

/// [`attention`] with linear biases (ALiBi, <https://arxiv.org/abs/2108.12409>): head `h` lowers a score by `slopes[h]` for every
/// key between query and key. The slopes are constants and get no gradient.
pub fn attention_alibi(
    q: &Tensor,
    k: &Tensor,
    v: &Tensor,
    slopes: &Arc<Vec<f32>>,
    scale: f32,
    mask: AttentionMask,
) -> Result<Tensor> {
    attend(q, k, v, slopes.len(), scale, mask, Some(slopes.clone()))
}

fn attend(
    q: &Tensor,
    k: &Tensor,
    v: &Tensor,
    heads: usize,
    scale: f32,
    mask: AttentionMask,
    slopes: Option<Arc<Vec<f32>>>,
) -> Result<Tensor> {
    if has_fused_kernel(q) {
        let op = Attention {
            heads,
            scale,
            mask,
            slopes,
        };
        return q
            .contiguous()?
            .apply_op3(&k.contiguous()?, &v.contiguous()?, op);
    }
    composed(q, k, v, heads, scale, mask, slopes)
}

fn composed(
    q: &Tensor,
    k: &Tensor,
    v: &Tensor,
    heads: usize,
    scale: f32,
    mask: AttentionMask,
    slopes: Option<Arc<Vec<f32>>>,
) -> Result<Tensor> {
    let (batch, queries, width) = q.dims3()?;
    let keys = k.dim(1)?;
    let split = |t: &Tensor, n: usize| {
        t.reshape((batch, n, heads, width / heads))?
            .transpose(1, 2)?
            .contiguous()
    };
    let (q4, k4, v4) = (split(q, queries)?, split(k, keys)?, split(v, keys)?);
    let scores = (q4.matmul(&k4.t()?)? * f64::from(scale))?.to_dtype(DType::F32)?;
    let mut bias = vec![0f32; batch * queries * keys];
    let mut keep = vec![1f32; batch * queries];
    for sequence in 0..batch {
        for query in 0..queries {
            let (from, to) = mask.range(sequence, query, queries, keys);
            let row = sequence * queries + query;
            if from >= to {
                keep[row] = 0.0;
                continue;
            }
            let bias = &mut bias[row * keys..(row + 1) * keys];
            bias[..from].fill(f32::MIN);
            bias[to..].fill(f32::MIN);
        }
    }
    let bias = Tensor::from_vec(bias, (batch, 1, queries, keys), q.device())?;
    let keep = Tensor::from_vec(keep, (batch, 1, queries, 1), q.device())?;
    let scores = match slopes {
        None => scores,
        Some(slopes) => {
            let ramp: Vec<f32> = slopes
                .iter()
                .flat_map(|slope| (0..keys).map(move |j| slope * (j as f32 + 1.0 - keys as f32)))
                .collect();
            scores.broadcast_add(&Tensor::from_vec(ramp, (1, heads, 1, keys), q.device())?)?
        }
    };
    let scores = scores.broadcast_add(&bias)?;
    let p = candle_nn::ops::softmax(&scores, D::Minus1)?
        .broadcast_mul(&keep)?
        .to_dtype(q.dtype())?;
    p.matmul(&v4)?
        .transpose(1, 2)?
        .reshape((batch, queries, width))
}

#[cfg(test)]
pub(super) fn composed_for_tests(
    q: &Tensor,
    k: &Tensor,
    v: &Tensor,
    heads: usize,
    scale: f32,
    mask: AttentionMask,
) -> Result<Tensor> {
    composed(q, k, v, heads, scale, mask, None)
}

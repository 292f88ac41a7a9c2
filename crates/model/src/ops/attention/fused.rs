//! The fused kernel for `f32` on a CPU, with its backward pass.

use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor};
use std::sync::Arc;

use super::{AttentionMask, Heads};
use crate::ops::cpu::{
    dot, exp, matmul, matmul_add, max_value, sum, values, with_simd, with_values,
};

/// One call. With `turns`, every row of queries ends with the biases on the keys of each turn, `heads * turns` values.
#[derive(Clone)]
pub(super) struct Attention {
    pub(super) heads: Heads,
    pub(super) scale: f32,
    pub(super) mask: AttentionMask,
    /// ALiBi: the slope of each head. There is no backward pass with slopes.
    pub(super) slopes: Option<Arc<Vec<f32>>>,
    /// Number of turns, and the turn of every key.
    pub(super) turns: Option<(usize, Arc<Vec<u32>>)>,
}

/// Sizes of one call.
#[derive(Clone, Copy)]
struct Dims {
    batch: usize,
    queries: usize,
    keys: usize,
    /// Of a row of queries, biases included.
    query_width: usize,
    /// Of a row of the result.
    width: usize,
    key_width: usize,
    head_dim: usize,
}

/// One head of one sequence, and where its rows begin.
#[derive(Clone, Copy)]
struct Place {
    sequence: usize,
    head: usize,
    /// In the queries.
    query: usize,
    /// In the biases, which follow the queries.
    bias: usize,
    /// In keys and values.
    key: usize,
    /// In the result.
    out: usize,
}

impl Attention {
    fn dims(&self, q: &Shape, k: &Shape) -> Result<Dims> {
        let (batch, queries, query_width) = q.dims3()?;
        let (_, keys, key_width) = k.dims3()?;
        let head_dim = key_width / self.heads.key_value;
        Ok(Dims {
            batch,
            queries,
            keys,
            query_width,
            width: self.heads.query * head_dim,
            key_width,
            head_dim,
        })
    }

    fn places(&self, s: Dims) -> impl Iterator<Item = Place> + use<> {
        let (heads, group) = (self.heads.query, self.heads.group());
        let turns = self.turns.as_ref().map_or(0, |(turns, _)| *turns);
        (0..s.batch * heads).map(move |at| {
            let (sequence, head) = (at / heads, at % heads);
            let rows = sequence * s.queries;
            Place {
                sequence,
                head,
                query: rows * s.query_width + head * s.head_dim,
                bias: rows * s.query_width + s.width + head * turns,
                key: sequence * s.keys * s.key_width + head / group * s.head_dim,
                out: rows * s.width + head * s.head_dim,
            }
        })
    }

    /// The turns of a sequence's keys.
    fn turns_of(&self, s: Dims, sequence: usize) -> Option<(usize, &[u32])> {
        let (turns, of_key) = self.turns.as_ref()?;
        Some((*turns, &of_key[sequence * s.keys..(sequence + 1) * s.keys]))
    }

    /// Probabilities `[queries, keys]` of one head of one sequence, written into `p`.
    fn probabilities(&self, s: Dims, place: Place, q: &[f32], k: &[f32], p: &mut [f32]) {
        let slopes = self.slopes.as_ref();
        let slope = slopes.map_or(0.0, |slopes| slopes[place.head]);
        let turns = self.turns_of(s, place.sequence);
        matmul(
            [s.queries, s.keys, s.head_dim],
            p,
            [s.keys, 1],
            &q[place.query..],
            [s.query_width, 1],
            &k[place.key..],
            [1, s.key_width],
            self.scale,
        );
        for (query, row) in p.chunks_exact_mut(s.keys).enumerate() {
            let (from, to) = self.mask.range(place.sequence, query, s.queries, s.keys);
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
            if let Some((turns, of_key)) = turns {
                let at = place.bias + query * s.query_width;
                let biases = &q[at..at + turns];
                for (v, turn) in visible_scores.iter_mut().zip(&of_key[from..to]) {
                    *v += biases[*turn as usize];
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
        let mut out = vec![0f32; s.batch * s.queries * s.width];
        let mut p = vec![0f32; s.queries * s.keys];
        for place in self.places(s) {
            self.probabilities(s, place, q, k, &mut p);
            matmul(
                [s.queries, s.head_dim, s.keys],
                &mut out[place.out..],
                [s.width, 1],
                &p,
                [s.keys, 1],
                &v[place.key..],
                [s.key_width, 1],
                1.0,
            );
        }
        let shape = Shape::from((s.batch, s.queries, s.width));
        Ok((CpuStorage::F32(out), shape))
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
        for place in self.places(s) {
            self.probabilities(s, place, q, k, &mut p);
            // dV += P^T dO; the heads of a group share keys and values, so their gradients add up.
            matmul_add(
                [s.keys, s.head_dim, s.queries],
                (&mut dv[place.key..], [s.key_width, 1]),
                (&p[..], [1, s.keys]),
                (&g[place.out..], [s.width, 1]),
                1.0,
            );
            // dP = dO V^T, then back through the softmax
            matmul(
                [s.queries, s.keys, s.head_dim],
                &mut dp,
                [s.keys, 1],
                &g[place.out..],
                [s.width, 1],
                &v[place.key..],
                [1, s.key_width],
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
            self.bias_gradients(s, place, &dp, &mut dq);
            matmul(
                [s.queries, s.head_dim, s.keys],
                &mut dq[place.query..],
                [s.query_width, 1],
                &dp,
                [s.keys, 1],
                &k[place.key..],
                [s.key_width, 1],
                self.scale,
            );
            matmul_add(
                [s.keys, s.head_dim, s.queries],
                (&mut dk[place.key..], [s.key_width, 1]),
                (&dp[..], [1, s.keys]),
                (&q[place.query..], [s.query_width, 1]),
                self.scale,
            );
        }
        (dq, dk, dv)
    }

    /// The gradient of a bias is the sum of those of the scores that it was added to.
    fn bias_gradients(&self, s: Dims, place: Place, dp: &[f32], dq: &mut [f32]) {
        let Some((turns, of_key)) = self.turns_of(s, place.sequence) else {
            return;
        };
        for (query, dp) in dp.chunks_exact(s.keys).enumerate() {
            let at = place.bias + query * s.query_width;
            let gradients = &mut dq[at..at + turns];
            for (d, turn) in dp.iter().zip(of_key) {
                gradients[*turn as usize] += d;
            }
        }
    }
}

//! The transformer layers of MedVInT, with PyTorch's tensor names.

use candle_core::{Result, Tensor};
use candle_nn::Init;

use crate::layers::{Norm, NormKind};
use crate::ops::{AttentionMask, Linear, attention, gelu};
use crate::store::Store;

const EPS: f64 = 1e-5;

/// A layer norm.
pub(super) fn norm(store: Store, width: usize) -> Result<Norm> {
    Norm::load(NormKind::Layer, width, EPS, &store)
}

/// A linear layer with a bias; the tensors are called `names`.
fn dense(store: &Store, names: (&str, &str), (output, input): (usize, usize)) -> Result<Linear> {
    let init = Init::Randn {
        mean: 0.0,
        stdev: 1.0 / (input as f64).sqrt(),
    };
    let bias = store.get(output, names.1, Init::Const(0.0))?;
    let weight = store.linear((output, input), names.0, init)?;
    Ok(weight.with_bias(Some(bias)))
}

/// A linear layer with `weight` `[output, input]` and `bias`.
pub(super) fn affine(store: Store, input: usize, output: usize) -> Result<Linear> {
    dense(&store, ("weight", "bias"), (output, input))
}

/// `torch.nn.MultiheadAttention`: queries, keys and values are projected by one stacked matrix.
pub(super) struct MultiheadAttention {
    heads: usize,
    width: usize,
    in_proj: Linear,
    out_proj: Linear,
}

impl MultiheadAttention {
    /// Takes `in_proj_weight` `[3 * width, width]`, `in_proj_bias` and `out_proj` from `store`.
    pub(super) fn load(store: Store, width: usize, heads: usize) -> Result<Self> {
        let fused = ("in_proj_weight", "in_proj_bias");
        Ok(Self {
            heads,
            width,
            in_proj: dense(&store, fused, (3 * width, width))?,
            out_proj: affine(store.pp("out_proj"), width, width)?,
        })
    }

    /// `[batch, queries, width]`: what `x` reads from `memory` `[batch, keys, width]`, all of it.
    pub(super) fn forward(&self, x: &Tensor, memory: &Tensor) -> Result<Tensor> {
        // The matrix is one tensor (and may be quantised as one), so its parts are taken from the results.
        let part = |x: &Tensor, first: usize, count: usize| {
            let all = self.in_proj.forward(x)?;
            let parts = (first..first + count).map(|i| {
                let part = all.narrow(2, i * self.width, self.width)?;
                part.contiguous()
            });
            parts.collect::<Result<Vec<_>>>()
        };
        let queries = part(x, 0, 1)?;
        let memories = part(memory, 1, 2)?;
        let scale = ((self.width / self.heads) as f32).powf(-0.5);
        let read = attention(
            &queries[0],
            &memories[0],
            &memories[1],
            self.heads,
            scale,
            AttentionMask::All,
        )?;
        self.out_proj.forward(&read)
    }
}

/// A layer of DETR's pre-norm decoder, which is also `torch.nn.TransformerDecoderLayer` with `norm_first`; ReLU.
pub(super) struct DecoderLayer {
    self_attn: MultiheadAttention,
    multihead_attn: MultiheadAttention,
    linear1: Linear,
    linear2: Linear,
    norms: [Norm; 3],
}

impl DecoderLayer {
    /// Takes `self_attn`, `multihead_attn`, `linear1`, `linear2` and `norm1` to `norm3` from `store`.
    pub(super) fn load(store: &Store, width: usize, heads: usize, inner: usize) -> Result<Self> {
        let norm = |name: &str| norm(store.pp(name), width);
        let attention = |name: &str| MultiheadAttention::load(store.pp(name), width, heads);
        Ok(Self {
            self_attn: attention("self_attn")?,
            multihead_attn: attention("multihead_attn")?,
            linear1: affine(store.pp("linear1"), width, inner)?,
            linear2: affine(store.pp("linear2"), inner, width)?,
            norms: [norm("norm1")?, norm("norm2")?, norm("norm3")?],
        })
    }

    /// `x` `[batch, queries, width]` to the same shape. `memory` `[batch, keys, width]` is not normalised.
    pub(super) fn forward(&self, x: &Tensor, memory: &Tensor) -> Result<Tensor> {
        let [norm1, norm2, norm3] = &self.norms;
        let y = norm1.forward(x)?;
        let x = (x + self.self_attn.forward(&y, &y)?)?;
        let y = norm2.forward(&x)?;
        let x = (&x + self.multihead_attn.forward(&y, memory)?)?;
        let y = self.linear1.forward(&norm3.forward(&x)?)?.relu()?;
        &x + self.linear2.forward(&y)?
    }
}

/// CLIP's residual attention block with exact GELU and a feed-forward four times as wide.
pub(super) struct ResidualBlock {
    attn: MultiheadAttention,
    ln_1: Norm,
    ln_2: Norm,
    c_fc: Linear,
    c_proj: Linear,
}

impl ResidualBlock {
    /// Takes `attn`, `ln_1`, `ln_2`, `mlp.c_fc` and `mlp.c_proj` from `store`.
    pub(super) fn load(store: &Store, width: usize, heads: usize) -> Result<Self> {
        let mlp = store.pp("mlp");
        Ok(Self {
            attn: MultiheadAttention::load(store.pp("attn"), width, heads)?,
            ln_1: norm(store.pp("ln_1"), width)?,
            ln_2: norm(store.pp("ln_2"), width)?,
            c_fc: affine(mlp.pp("c_fc"), width, 4 * width)?,
            c_proj: affine(mlp.pp("c_proj"), 4 * width, width)?,
        })
    }

    /// `x` `[batch, tokens, width]` to the same shape; every token attends to every other.
    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let y = self.ln_1.forward(x)?;
        let x = (x + self.attn.forward(&y, &y)?)?;
        let y = gelu(&self.c_fc.forward(&self.ln_2.forward(&x)?)?)?;
        &x + self.c_proj.forward(&y)?
    }
}

//! Transformer blocks, used by every tower except CLIP's image tower.
//!
//! Attention Is All You Need, <https://arxiv.org/abs/1706.03762>; norms first (CLIP, SigLIP, timm) or last (BERT). Nothing here
//! may depend on the family: the differences are in the arguments.

use candle_core::{Result, Tensor};
use candle_nn::Init;

use super::config::{Activation, BlocksConfig};
use crate::layers::{Norm, NormKind};
use crate::ops::{AttentionMask, Linear, attention};
use crate::store::Store;

/// Where a block's norms are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NormOrder {
    /// Before attention and feed-forward.
    NormFirst,
    /// After each residual addition (BERT).
    NormLast,
}

/// A stack of blocks.
pub(super) struct Blocks {
    blocks: Vec<Block>,
    heads: usize,
    order: NormOrder,
}

struct Block {
    norm_1: Norm,
    norm_2: Norm,
    /// Queries, keys and values, in that order.
    in_proj: Linear,
    out_proj: Linear,
    mlp: Mlp,
}

/// A linear layer with a bias, `weight` `[output, input]` and `bias` `[output]`.
pub(super) fn dense(store: &Store, input: usize, output: usize) -> Result<Linear> {
    let bias = store.get(output, "bias", Init::Const(0.0))?;
    Ok(linear_without_bias(store, input, output)?.with_bias(Some(bias)))
}

/// A linear layer without a bias.
pub(super) fn linear_without_bias(store: &Store, input: usize, output: usize) -> Result<Linear> {
    store.linear((output, input), "weight", Init::Const(0.0))
}

/// A layer norm over `width`.
pub(super) fn norm(store: &Store, width: usize, eps: f64) -> Result<Norm> {
    Norm::load(NormKind::Layer, width, eps, store)
}

impl Blocks {
    /// Takes the tensors `blocks.0...` from `store`.
    pub(super) fn load(config: &BlocksConfig, order: NormOrder, store: &Store) -> Result<Self> {
        let (width, eps) = (config.width, config.norm_eps);
        let blocks = (0..config.layers)
            .map(|i| {
                let store = store.pp("blocks").pp(i);
                let attn = store.pp("attn");
                Ok(Block {
                    norm_1: norm(&store.pp("norm_1"), width, eps)?,
                    norm_2: norm(&store.pp("norm_2"), width, eps)?,
                    in_proj: dense(&attn.pp("in_proj"), width, 3 * width)?,
                    out_proj: dense(&attn.pp("out_proj"), width, width)?,
                    mlp: Mlp::load(config, &store.pp("mlp"))?,
                })
            })
            .collect::<Result<Vec<_>>>()?;
        Ok(Self {
            blocks,
            heads: config.heads,
            order,
        })
    }

    /// `[batch, tokens, width]` to the same shape; `mask` says which keys each token attends to.
    pub(super) fn forward(&self, x: &Tensor, mask: &AttentionMask) -> Result<Tensor> {
        let mut x = x.clone();
        for block in &self.blocks {
            x = match self.order {
                NormOrder::NormFirst => {
                    let y = self.attend(block, &block.norm_1.forward(&x)?, mask)?;
                    let x = (x + y)?;
                    let y = block.mlp.forward(&block.norm_2.forward(&x)?)?;
                    (x + y)?
                }
                NormOrder::NormLast => {
                    let y = self.attend(block, &x, mask)?;
                    let x = block.norm_1.forward(&(x + y)?)?;
                    let y = block.mlp.forward(&x)?;
                    block.norm_2.forward(&(x + y)?)?
                }
            };
        }
        Ok(x)
    }

    fn attend(&self, block: &Block, x: &Tensor, mask: &AttentionMask) -> Result<Tensor> {
        let fused = block.in_proj.forward(x)?;
        let width = x.dim(2)?;
        let part = |i: usize| fused.narrow(2, i * width, width)?.contiguous();
        let scale = head_scale(width, self.heads);
        let (q, k, v) = (part(0)?, part(1)?, part(2)?);
        let y = attention(&q, &k, &v, self.heads, scale, mask.clone())?;
        block.out_proj.forward(&y)
    }
}

/// The factor for attention scores.
pub(super) fn head_scale(width: usize, heads: usize) -> f32 {
    ((width / heads) as f32).powf(-0.5)
}

/// The feed-forward of a block.
pub(super) struct Mlp {
    fc_1: Linear,
    fc_2: Linear,
    activation: Activation,
}

impl Mlp {
    /// Takes the layers `fc_1` and `fc_2` from `store`.
    pub(super) fn load(config: &BlocksConfig, store: &Store) -> Result<Self> {
        Ok(Self {
            fc_1: dense(&store.pp("fc_1"), config.width, config.mlp_width)?,
            fc_2: dense(&store.pp("fc_2"), config.mlp_width, config.width)?,
            activation: config.activation,
        })
    }

    /// `[.., width]` to the same shape.
    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let y = self.activation.apply(&self.fc_1.forward(x)?)?;
        self.fc_2.forward(&y)
    }
}

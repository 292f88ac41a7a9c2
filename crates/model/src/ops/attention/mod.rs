//! Scaled dot-product attention with masks given as key ranges.
//!
//! Every mask here (none, causal, left padding, "only the image just before") lets a query attend to one contiguous range of
//! keys, so a mask is a range per query, not a matrix. A query with an empty range attends to nothing and gives zero, which is
//! exactly Flamingo's rule for text before the first image (rows zeroed after the softmax).

mod composed;
mod fused;

use candle_core::{Result, Tensor};
use std::sync::Arc;

use super::has_fused_kernel;
use fused::Attention;

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
    /// The half-open range of keys that a query of a sequence attends to.
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

impl AttentionMask {
    /// The mask of `count` queries from `from` on, of one sequence.
    pub(crate) fn of_queries(&self, from: usize, count: usize) -> Self {
        match self {
            Self::All => Self::All,
            Self::Causal { past, padding } => Self::Causal {
                past: past + from,
                padding: *padding,
            },
            Self::Ranges(ranges) => {
                let end = (from + count).min(ranges.len());
                Self::Ranges(Arc::new(ranges[from.min(end)..end].to_vec()))
            }
        }
    }
}

/// How many heads there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heads {
    /// Heads of the queries.
    pub query: usize,
    /// Heads of the keys and values; each serves a group of consecutive query heads (grouped-query attention,
    /// <https://arxiv.org/abs/2305.13245>).
    pub key_value: usize,
}

impl From<usize> for Heads {
    fn from(heads: usize) -> Self {
        Self {
            query: heads,
            key_value: heads,
        }
    }
}

impl Heads {
    /// Query heads per key-value head.
    fn group(self) -> usize {
        self.query / self.key_value.max(1)
    }
}

/// What is added to scores by the turn that a key belongs to.
#[derive(Clone, Debug)]
pub struct TurnBias {
    /// `[batch, queries, heads * turns]`: what each head of a query adds to its scores of the keys of each turn. It gets a gradient.
    pub values: Tensor,
    /// Number of turns.
    pub turns: usize,
    /// The turn of every key, `[batch * keys]`.
    pub of_key: Arc<Vec<u32>>,
}

/// What is added to scores before the softmax.
#[derive(Clone)]
enum Bias {
    None,
    /// ALiBi: the slope of each head. There is no backward pass with slopes.
    Slopes(Arc<Vec<f32>>),
    Turns(TurnBias),
}

/// `softmax(q k^T * scale) v` per head, over the keys that `mask` allows.
///
/// `q` is `[batch, queries, heads * head_dim]`, `k` and `v` `[batch, keys, key_value_heads * head_dim]`; the result has the shape
/// and dtype of `q`. The softmax is always computed in f32.
pub fn attention(
    q: &Tensor,
    k: &Tensor,
    v: &Tensor,
    heads: impl Into<Heads>,
    scale: f32,
    mask: AttentionMask,
) -> Result<Tensor> {
    attend(q, k, v, heads.into(), scale, mask, Bias::None)
}

/// [`attention`] with linear biases (ALiBi, <https://arxiv.org/abs/2108.12409>): head `h` lowers a score by `slopes[h]` for every
/// key between query and key. The slopes are constants and get no gradient.
pub fn attention_alibi(
    q: &Tensor,
    k: &Tensor,
    v: &Tensor,
    slopes: &Arc<Vec<f32>>,
    key_value_heads: usize,
    scale: f32,
    mask: AttentionMask,
) -> Result<Tensor> {
    let heads = Heads {
        query: slopes.len(),
        key_value: key_value_heads,
    };
    attend(q, k, v, heads, scale, mask, Bias::Slopes(slopes.clone()))
}

/// [`attention`] with a bias on the keys of each turn, which is added to the scaled scores.
pub fn attention_with_turns(
    q: &Tensor,
    k: &Tensor,
    v: &Tensor,
    heads: impl Into<Heads>,
    scale: f32,
    mask: AttentionMask,
    bias: &TurnBias,
) -> Result<Tensor> {
    attend(
        q,
        k,
        v,
        heads.into(),
        scale,
        mask,
        Bias::Turns(bias.clone()),
    )
}

/// The weights by which [`attention`] mixes values, `[batch, heads, queries, keys]` in f32: for looking at, not for training. With the
/// slopes of [`attention_alibi`] or the bias of [`attention_with_turns`].
pub fn attention_weights(
    q: &Tensor,
    k: &Tensor,
    heads: impl Into<Heads>,
    scale: f32,
    mask: AttentionMask,
    slopes: Option<&Arc<Vec<f32>>>,
    turns: Option<&TurnBias>,
) -> Result<Tensor> {
    let heads = heads.into();
    let bias = match (slopes, turns) {
        (None, None) => Bias::None,
        (Some(slopes), None) => Bias::Slopes(slopes.clone()),
        (None, Some(turns)) => Bias::Turns(turns.clone()),
        (Some(_), Some(_)) => {
            candle_core::bail!("scores of turns cannot be added to linear biases")
        }
    };
    check(q, k, heads, &bias)?;
    composed::weights(q, k, heads, scale, mask, bias)
}

fn attend(
    q: &Tensor,
    k: &Tensor,
    v: &Tensor,
    heads: Heads,
    scale: f32,
    mask: AttentionMask,
    bias: Bias,
) -> Result<Tensor> {
    check(q, k, heads, &bias)?;
    if !has_fused_kernel(q) {
        return composed::attention(q, k, v, heads, scale, mask, bias);
    }
    let (q, slopes, turns) = match bias {
        Bias::None => (q.clone(), None, None),
        Bias::Slopes(slopes) => (q.clone(), Some(slopes), None),
        // An operation has three inputs at most, so the bias travels behind the queries.
        Bias::Turns(bias) => (
            Tensor::cat(&[q, &bias.values], 2)?,
            None,
            Some((bias.turns, bias.of_key)),
        ),
    };
    let op = Attention {
        heads,
        scale,
        mask,
        slopes,
        turns,
    };
    q.contiguous()?
        .apply_op3(&k.contiguous()?, &v.contiguous()?, op)
}

/// Errors where the sizes do not fit together: the kernel indexes by them.
fn check(q: &Tensor, k: &Tensor, heads: Heads, bias: &Bias) -> Result<()> {
    let (batch, queries, width) = q.dims3()?;
    let (_, keys, key_width) = k.dims3()?;
    let Heads { query, key_value } = heads;
    let divides = key_value > 0 && query.is_multiple_of(key_value) && query > 0;
    if !divides || !width.is_multiple_of(query) || width / query * key_value != key_width {
        candle_core::bail!(
            "queries of width {width} and keys of width {key_width} do not fit {query} and {key_value} heads"
        );
    }
    if let Bias::Turns(bias) = bias {
        let known = |&turn: &u32| (turn as usize) < bias.turns;
        let fits = bias.values.dims() == [batch, queries, query * bias.turns]
            && bias.of_key.len() == batch * keys
            && bias.of_key.iter().all(known);
        if !fits {
            candle_core::bail!("the bias of turns has another size than queries and keys");
        }
    }
    Ok(())
}

#[cfg(test)]
pub(super) fn composed_for_tests(
    q: &Tensor,
    k: &Tensor,
    v: &Tensor,
    heads: impl Into<Heads>,
    scale: f32,
    mask: AttentionMask,
    turns: Option<&TurnBias>,
) -> Result<Tensor> {
    let bias = turns.map_or(Bias::None, |bias| Bias::Turns(bias.clone()));
    composed::attention(q, k, v, heads.into(), scale, mask, bias)
}

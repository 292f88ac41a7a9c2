//! Attention as a composition of candle's operations, for every device and type.

use candle_core::{D, DType, Device, Result, Tensor};

use super::{AttentionMask, Bias, Heads, TurnBias};

/// See [`super::attention`].
pub(super) fn attention(
    q: &Tensor,
    k: &Tensor,
    v: &Tensor,
    heads: Heads,
    scale: f32,
    mask: AttentionMask,
    bias: Bias,
) -> Result<Tensor> {
    let (batch, queries, width) = q.dims3()?;
    let v4 = repeated(&split(v, heads.key_value)?, heads)?;
    weights(q, k, heads, scale, mask, bias)?
        .to_dtype(q.dtype())?
        .matmul(&v4)?
        .transpose(1, 2)?
        .reshape((batch, queries, width))
}

/// `[batch, n, heads * dim]` to `[batch, heads, n, dim]`.
fn split(t: &Tensor, heads: usize) -> Result<Tensor> {
    let (batch, n, _) = t.dims3()?;
    t.reshape((batch, n, heads, ()))?
        .transpose(1, 2)?
        .contiguous()
}

/// See [`super::attention_weights`].
pub(super) fn weights(
    q: &Tensor,
    k: &Tensor,
    heads: Heads,
    scale: f32,
    mask: AttentionMask,
    bias: Bias,
) -> Result<Tensor> {
    let (batch, queries, _) = q.dims3()?;
    let keys = k.dim(1)?;
    let q4 = split(q, heads.query)?;
    let k4 = repeated(&split(k, heads.key_value)?, heads)?;
    let scores = (q4.matmul(&k4.t()?)? * f64::from(scale))?.to_dtype(DType::F32)?;
    let scores = match bias {
        Bias::None => scores,
        Bias::Slopes(slopes) => {
            let ramp: Vec<f32> = slopes
                .iter()
                .flat_map(|slope| (0..keys).map(move |j| slope * (j as f32 + 1.0 - keys as f32)))
                .collect();
            scores.broadcast_add(&Tensor::from_vec(
                ramp,
                (1, slopes.len(), 1, keys),
                q.device(),
            )?)?
        }
        Bias::Turns(bias) => {
            let values = split(&bias.values, heads.query)?.to_dtype(DType::F32)?;
            let one_hot = one_hot(&bias, (batch, keys), q.device())?;
            let one_hot = one_hot.broadcast_as((batch, heads.query, bias.turns, keys))?;
            (scores + values.matmul(&one_hot.contiguous()?)?)?
        }
    };
    let (hidden, keep) = mask_tensors(&mask, (batch, queries, keys), q.device())?;
    let scores = scores.broadcast_add(&hidden)?;
    candle_nn::ops::softmax(&scores, D::Minus1)?.broadcast_mul(&keep)
}

/// `[batch, key_value_heads, keys, head_dim]` to `[batch, heads, keys, head_dim]`.
fn repeated(t: &Tensor, heads: Heads) -> Result<Tensor> {
    let (batch, groups, keys, dim) = t.dims4()?;
    if groups == heads.query {
        return Ok(t.clone());
    }
    t.unsqueeze(2)?
        .broadcast_as((batch, groups, heads.group(), keys, dim))?
        .reshape((batch, heads.query, keys, dim))
}

/// `[batch, 1, turns, keys]`: 1 where a key belongs to a turn.
fn one_hot(bias: &TurnBias, (batch, keys): (usize, usize), device: &Device) -> Result<Tensor> {
    let mut values = vec![0f32; batch * bias.turns * keys];
    for (at, turn) in bias.of_key.iter().enumerate() {
        let (sequence, key) = (at / keys, at % keys);
        values[(sequence * bias.turns + *turn as usize) * keys + key] = 1.0;
    }
    Tensor::from_vec(values, (batch, 1, bias.turns, keys), device)
}

/// What hides keys from queries, `[batch, 1, queries, keys]`, and 0 for queries that see no key, `[batch, 1, queries, 1]`.
fn mask_tensors(
    mask: &AttentionMask,
    (batch, queries, keys): (usize, usize, usize),
    device: &Device,
) -> Result<(Tensor, Tensor)> {
    let mut hidden = vec![0f32; batch * queries * keys];
    let mut keep = vec![1f32; batch * queries];
    for sequence in 0..batch {
        for query in 0..queries {
            let (from, to) = mask.range(sequence, query, queries, keys);
            let row = sequence * queries + query;
            if from >= to {
                keep[row] = 0.0;
                continue;
            }
            let hidden = &mut hidden[row * keys..(row + 1) * keys];
            hidden[..from].fill(f32::MIN);
            hidden[to..].fill(f32::MIN);
        }
    }
    Ok((
        Tensor::from_vec(hidden, (batch, 1, queries, keys), device)?,
        Tensor::from_vec(keep, (batch, 1, queries, 1), device)?,
    ))
}

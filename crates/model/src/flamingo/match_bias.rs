//! The match bias: text attends more to earlier turns whose image is like its own.
//!
//! A token of turn `i` adds `weight[layer, head] * S[i, j]` to its attention on the tokens of every earlier turn `j`. `S` is the cosine of
//! the two images' vectors, standardised and projected, times a scale, minus its mean over the earlier turns: what matters is which shot
//! is more alike than the others, so a single shot gets 0.

use candle_core::{D, Result, Tensor};
use candle_nn::Init;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

use crate::language::TurnScores;
use crate::store::Store;

/// Sizes of a match bias.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MatchBiasConfig {
    /// Length of the projected vectors.
    pub dimension: usize,
    /// What cosines are multiplied by.
    pub scale: f32,
    /// The first layer whose attention is biased.
    #[serde(default)]
    pub first_layer: usize,
}

/// A match bias.
pub struct MatchBias {
    config: MatchBiasConfig,
    /// `[vector_width]`: what is subtracted from the tower's unit vectors, and what they are then divided by.
    mean: Tensor,
    std: Tensor,
    /// `[dimension, vector_width]`.
    projection: Tensor,
    /// `[layers - first_layer, heads]`.
    weight: Tensor,
}

impl MatchBias {
    /// Takes `mean`, `std`, `projection` and `weight` from `store`. `layers` and `heads` are the decoder's, `vector_width` is the length of
    /// the tower's vectors.
    pub fn load(
        config: &MatchBiasConfig,
        (layers, heads): (usize, usize),
        vector_width: usize,
        store: Store,
    ) -> Result<Self> {
        let projection = Init::Randn {
            mean: 0.0,
            stdev: 1.0 / (vector_width as f64).sqrt(),
        };
        let rows = layers.saturating_sub(config.first_layer);
        Ok(Self {
            mean: store.get(vector_width, "mean", Init::Const(0.0))?,
            std: store.get(vector_width, "std", Init::Const(1.0))?,
            projection: store.get((config.dimension, vector_width), "projection", projection)?,
            weight: store.get((rows, heads), "weight", Init::Const(1.5))?,
            config: config.clone(),
        })
    }

    /// `S` of the turns whose images have these vectors: `[batch, turns, vector_width]` to `[batch, turns + 1, turns + 1]`. Row and column
    /// 0 belong to the text before the first image and are 0, as is everything that is not before the row's turn.
    pub fn similarities(&self, vectors: &Tensor) -> Result<Tensor> {
        let (batch, turns, width) = vectors.dims3()?;
        let (dtype, device) = (vectors.dtype(), vectors.device());
        let projected = vectors
            .broadcast_sub(&self.mean)?
            .broadcast_div(&self.std)?
            .reshape((batch * turns, width))?
            .matmul(&self.projection.t()?)?;
        let length = (projected.sqr()?.sum_keepdim(D::Minus1)? + 1e-12)?.sqrt()?;
        let unit =
            projected
                .broadcast_div(&length)?
                .reshape((batch, turns, self.config.dimension))?;
        let cosines =
            (unit.matmul(&unit.transpose(1, 2)?.contiguous()?)? * f64::from(self.config.scale))?;
        let earlier: Vec<f32> = (0..turns * turns)
            .map(|at| f32::from(u8::from(at % turns < at / turns)))
            .collect();
        let earlier = Tensor::from_vec(earlier, (1, turns, turns), device)?.to_dtype(dtype)?;
        let count: Vec<f32> = (0..turns).map(|turn| turn.max(1) as f32).collect();
        let count = Tensor::from_vec(count, (1, turns, 1), device)?.to_dtype(dtype)?;
        let mean = cosines
            .broadcast_mul(&earlier)?
            .sum_keepdim(D::Minus1)?
            .broadcast_div(&count)?;
        cosines
            .broadcast_sub(&mean)?
            .broadcast_mul(&earlier)?
            .pad_with_zeros(1, 1, 0)?
            .pad_with_zeros(2, 1, 0)
    }

    /// The scores of tokens with these `turns`, `[batch * tokens]`, from [`Self::similarities`]. `of_key` has the turn of every key.
    pub fn scores(
        &self,
        similarities: &Tensor,
        turns: &[u32],
        of_key: Arc<Vec<u32>>,
    ) -> Result<TurnScores> {
        let (batch, count, _) = similarities.dims3()?;
        let tokens = turns.len() / batch.max(1);
        let rows: Vec<u32> = turns
            .iter()
            .enumerate()
            .map(|(at, turn)| (at / tokens.max(1) * count) as u32 + turn)
            .collect();
        let rows = Tensor::new(rows, similarities.device())?;
        let scores = similarities
            .reshape((batch * count, count))?
            .index_select(&rows, 0)?
            .reshape((batch, tokens, count))?;
        Ok(TurnScores {
            scores,
            weights: self.weight.clone(),
            first_layer: self.config.first_layer,
            of_key,
        })
    }
}

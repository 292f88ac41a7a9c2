//! What tokens add to their attention on earlier turns.

use candle_core::{Result, Tensor};
use std::sync::Arc;

use crate::ops::TurnBias;

/// Scores that tokens add to their attention on earlier turns.
pub struct TurnScores {
    /// `[batch, tokens, turns]`: the score of each turn for each token; 0 for turns that it must not favour.
    pub scores: Tensor,
    /// `[layers - first_layer, heads]`: the factor of each head. It gets a gradient.
    pub weights: Tensor,
    /// The first layer that has a factor.
    pub first_layer: usize,
    /// The turn of every key, `[batch * keys]`: of cached tokens, then of these.
    pub of_key: Arc<Vec<u32>>,
}

impl TurnScores {
    /// What a layer adds.
    pub(super) fn bias(&self, layer: usize) -> Result<Option<TurnBias>> {
        let Some(row) = layer.checked_sub(self.first_layer) else {
            return Ok(None);
        };
        let (batch, tokens, turns) = self.scores.dims3()?;
        let weights = self.weights.get(row)?;
        let heads = weights.dim(0)?;
        let values = self
            .scores
            .unsqueeze(2)?
            .broadcast_mul(&weights.reshape((1, 1, heads, 1))?)?
            .reshape((batch, tokens, heads * turns))?;
        Ok(Some(TurnBias {
            values,
            turns,
            of_key: self.of_key.clone(),
        }))
    }
}

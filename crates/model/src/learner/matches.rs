//! The turns of a learner's current prompt.

use candle_core::Tensor;

/// The prompt's turns, for the match bias.
pub(super) struct Matches {
    /// `[1, turns + 1, turns + 1]`.
    pub(super) similarities: Tensor,
    /// The turn of each token of the prompt.
    pub(super) turns: Vec<u32>,
}

impl Matches {
    /// The turns of the first `count` tokens. Generated tokens belong to the prompt's last turn.
    pub(super) fn of_first(&self, count: usize) -> Vec<u32> {
        let last = self.turns.last().copied().unwrap_or(0);
        let mut turns = self.turns.clone();
        turns.resize(count, last);
        turns
    }
}

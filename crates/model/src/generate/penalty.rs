//! What lowers a token's chance because of the tokens before it, by the rules of Hugging Face's logits processors.

use serde::{Deserialize, Serialize};

/// Repetition and n-gram limits, and tokens that are never chosen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Penalties {
    /// Scores of tokens that were there already are divided by this where positive and multiplied where negative (CTRL,
    /// <https://arxiv.org/abs/1909.05858>); 1 changes nothing.
    pub repetition: f32,
    /// No n-gram of this length comes twice; 0 allows all.
    pub no_repeat_ngram: usize,
    /// Never chosen.
    #[serde(skip)]
    pub forbidden: Vec<u32>,
}

impl Default for Penalties {
    fn default() -> Self {
        Self {
            repetition: 1.0,
            no_repeat_ngram: 0,
            forbidden: Vec::new(),
        }
    }
}

impl Penalties {
    /// Changes `logits` for what may follow `history` (prompt and new tokens).
    pub fn apply(&self, history: &[u32], logits: &mut [f32]) {
        self.apply_with(history, logits, f32::NEG_INFINITY, |v, penalty| {
            match v < 0.0 {
                true => v * penalty,
                false => v / penalty,
            }
        });
    }

    /// The same for natural log-probabilities, as beam search applies it (after the softmax, not renormalised).
    pub fn apply_to_log_probabilities(&self, history: &[u32], scores: &mut [f64]) {
        self.apply_with(history, scores, f64::NEG_INFINITY, |v, penalty| {
            match v < 0.0 {
                true => v * f64::from(penalty),
                false => v / f64::from(penalty),
            }
        });
    }

    fn apply_with<T: Copy>(
        &self,
        history: &[u32],
        scores: &mut [T],
        banned: T,
        penalised: impl Fn(T, f32) -> T,
    ) {
        if self.repetition != 1.0 {
            let mut seen = history.to_vec();
            seen.sort_unstable();
            seen.dedup();
            for id in seen {
                if let Some(v) = scores.get_mut(id as usize) {
                    *v = penalised(*v, self.repetition);
                }
            }
        }
        let n = self.no_repeat_ngram;
        if n > 0 && history.len() + 1 >= n {
            let tail = &history[history.len() + 1 - n..];
            for window in history.windows(n) {
                if window[..n - 1] == *tail
                    && let Some(v) = scores.get_mut(window[n - 1] as usize)
                {
                    *v = banned;
                }
            }
        }
        for &id in &self.forbidden {
            if let Some(v) = scores.get_mut(id as usize) {
                *v = banned;
            }
        }
    }
}

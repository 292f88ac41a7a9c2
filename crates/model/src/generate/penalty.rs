//! Penalties that depend on the tokens so far, as in Hugging Face's logits processors.

use serde::{Deserialize, Serialize};

/// Repetition penalty, n-gram limit and forbidden tokens.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Penalties {
    /// Scores of tokens that already occurred are divided by this where positive and multiplied by it where negative (CTRL,
    /// <https://arxiv.org/abs/1909.05858>); 1 turns it off.
    pub repetition: f32,
    /// No n-gram of this length occurs twice; 0 turns it off.
    pub no_repeat_ngram: usize,
    /// Tokens that are never chosen.
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
    /// Applies the penalties to the logits after `history` (prompt and new tokens).
    pub fn apply(&self, history: &[u32], logits: &mut [f32]) {
        self.apply_with(history, logits, f32::NEG_INFINITY, |v, penalty| {
            match v < 0.0 {
                true => v * penalty,
                false => v / penalty,
            }
        });
    }

    /// The same for natural log-probabilities, as in beam search (after the softmax, without renormalising).
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

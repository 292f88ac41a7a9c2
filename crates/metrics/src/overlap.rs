//! Precision, recall and F1 of an answer's tokens.

use crate::text::{normalised, words};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::hash::Hash;

/// How much of an answer is in its reference, and the other way round; each 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Overlap {
    /// The share of the answer that is in the reference.
    pub precision: f64,
    /// The share of the reference that is in the answer.
    pub recall: f64,
    /// Their harmonic mean, 0 where both are 0.
    pub f1: f64,
}

impl Overlap {
    /// From a precision and a recall.
    pub fn new(precision: f64, recall: f64) -> Self {
        let sum = precision + recall;
        let f1 = if sum > 0.0 {
            2.0 * precision * recall / sum
        } else {
            0.0
        };
        Self {
            precision,
            recall,
            f1,
        }
    }
}

/// Overlap of two bags of tokens: a token counts as often as it is in both. Two empty bags agree (all 1); an empty one
/// and another do not (all 0). The tokens may be words, characters, or a tokenizer's ids.
pub fn token_overlap<T: Eq + Hash>(answer: &[T], reference: &[T]) -> Overlap {
    if answer.is_empty() && reference.is_empty() {
        return Overlap::new(1.0, 1.0);
    }
    if answer.is_empty() || reference.is_empty() {
        return Overlap::default();
    }
    let mut left: HashMap<&T, usize> = HashMap::new();
    for token in reference {
        *left.entry(token).or_default() += 1;
    }
    let mut common = 0usize;
    for token in answer {
        if let Some(count) = left.get_mut(token).filter(|count| **count > 0) {
            *count -= 1;
            common += 1;
        }
    }
    let common = common as f64;
    Overlap::new(
        common / answer.len() as f64,
        common / reference.len() as f64,
    )
}

/// Overlap of the words of two texts in their plain form ([`normalised`]).
pub fn word_overlap(answer: &str, reference: &str) -> Overlap {
    let (answer, reference) = (normalised(answer), normalised(reference));
    token_overlap(&words(&answer), &words(&reference))
}

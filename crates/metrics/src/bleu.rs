//! BLEU as NLTK computes it, over tokens of any kind.
//!
//! "BLEU" in a table says little: the tokens (words or characters), the order, the smoothing and what is done with
//! several references all change it. Prefix tuning's BLEU-1 is NLTK's on the characters of two raw strings; VQA-Med's
//! is [`vqa_med`].

use crate::text::{ngrams, normalised, words};
use serde::{Deserialize, Serialize};

/// What a precision without any match counts as (NLTK's `SmoothingFunction`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Smoothing {
    /// The smallest positive number (`method0`, the default), so that the score is nearly 0, but not 0.
    #[default]
    None,
    /// A tenth of a match (`method1`).
    Epsilon,
}

/// The equal weights of BLEU-`order`.
pub fn uniform(order: usize) -> Vec<f64> {
    vec![1.0 / order as f64; order]
}

/// BLEU of one text against its references. `weights` are those of the precisions of one token, of two tokens, and so
/// on ([`uniform`]). 0 if no token matches. `None` without references or weights.
pub fn sentence_bleu<T: Ord, R: AsRef<[T]>>(
    hypothesis: &[T],
    references: &[R],
    weights: &[f64],
    smoothing: Smoothing,
) -> Option<f64> {
    let mut counts = Counts::new(weights.len());
    counts.add(hypothesis, references)?;
    counts.score(weights, smoothing)
}

/// BLEU of a corpus: matches and lengths are added up over all texts first, which is not the mean of their scores. Each
/// item is a text and its references. `None` without items, or where an item has no references.
pub fn corpus_bleu<T: Ord, H: AsRef<[T]>, R: AsRef<[T]>>(
    items: &[(H, Vec<R>)],
    weights: &[f64],
    smoothing: Smoothing,
) -> Option<f64> {
    let mut counts = Counts::new(weights.len());
    for (hypothesis, references) in items {
        counts.add(hypothesis.as_ref(), references)?;
    }
    counts.score(weights, smoothing)
}

/// VQA-Med's BLEU of an answer against references separated by `|`: the best of them. Lower case, no ASCII punctuation,
/// words, BLEU-4 without smoothing; 1 if nothing is left of either text.
///
/// This is what the README of 2019 to 2021 says. The code of 2021 also drops stop words and stems, which is not done
/// here: a two-word answer that equals its reference scores about 1e-77 either way, having no run of four words.
pub fn vqa_med(answer: &str, references: &str) -> f64 {
    let answer = vqa_med_words(answer);
    references
        .split('|')
        .map(|reference| {
            let reference = vqa_med_words(reference);
            if answer.is_empty() && reference.is_empty() {
                return 1.0;
            }
            sentence_bleu(&answer, &[reference], &uniform(4), Smoothing::None).unwrap_or(0.0)
        })
        .fold(0.0, f64::max)
}

/// Words as NLTK's `word_tokenize` finds them in text without punctuation: it parts a few run-together words.
fn vqa_med_words(text: &str) -> Vec<String> {
    let text = normalised(text);
    let part = |word: &str| match word {
        "cannot" => Some(3),
        "gimme" | "gonna" | "gotta" | "lemme" | "wanna" => Some(3),
        _ => None,
    };
    words(&text)
        .into_iter()
        .flat_map(|word| {
            let (head, tail) = word.split_at(part(word).unwrap_or(word.len()));
            [head, tail]
                .into_iter()
                .filter(|piece| !piece.is_empty())
                .map(str::to_owned)
        })
        .collect()
}

/// Matches and lengths so far.
struct Counts {
    /// For each order: matching runs of tokens, and all.
    matches: Vec<(usize, usize)>,
    hypothesis: usize,
    reference: usize,
}

impl Counts {
    fn new(orders: usize) -> Self {
        Self {
            matches: vec![(0, 0); orders],
            hypothesis: 0,
            reference: 0,
        }
    }

    fn add<T: Ord, R: AsRef<[T]>>(&mut self, hypothesis: &[T], references: &[R]) -> Option<()> {
        let length = hypothesis.len();
        // Of two references equally close in length, the shorter.
        self.reference += references
            .iter()
            .map(|reference| reference.as_ref().len())
            .min_by_key(|other| (other.abs_diff(length), *other))?;
        self.hypothesis += length;
        for (order, (matching, all)) in (1..).zip(&mut self.matches) {
            let counts = ngrams(hypothesis, order);
            let in_references: Vec<_> = references
                .iter()
                .map(|reference| ngrams(reference.as_ref(), order))
                .collect();
            for (ngram, count) in &counts {
                let most = in_references
                    .iter()
                    .filter_map(|counts| counts.get(ngram))
                    .max()
                    .copied();
                *matching += (*count).min(most.unwrap_or(0));
            }
            // A text shorter than the order counts as one run that does not match, in a corpus too.
            *all += counts.values().sum::<usize>().max(1);
        }
        Some(())
    }

    fn score(&self, weights: &[f64], smoothing: Smoothing) -> Option<f64> {
        let (unigrams, all) = *self.matches.first()?;
        if all == 0 {
            return None;
        }
        if unigrams == 0 {
            return Some(0.0);
        }
        let logarithms = self
            .matches
            .iter()
            .zip(weights)
            .map(|((matching, all), weight)| {
                let precision = match (*matching, smoothing) {
                    (0, Smoothing::None) => f64::MIN_POSITIVE,
                    (0, Smoothing::Epsilon) => 0.1 / *all as f64,
                    (matching, _) => matching as f64 / *all as f64,
                };
                weight * precision.ln()
            });
        Some(self.brevity_penalty() * logarithms.sum::<f64>().exp())
    }

    fn brevity_penalty(&self) -> f64 {
        if self.hypothesis > self.reference {
            1.0
        } else if self.hypothesis == 0 {
            0.0
        } else {
            (1.0 - self.reference as f64 / self.hypothesis as f64).exp()
        }
    }
}

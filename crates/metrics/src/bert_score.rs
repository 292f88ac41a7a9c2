//! BERTScore (Zhang et al. 2020) from vectors of tokens, as `bert_score` 0.3.13 computes it.
//!
//! The encoder is elsewhere: this module takes, for each text, its token ids and the hidden state of one layer for each
//! token, the special tokens included. The number means nothing without the encoder, the layer, idf and rescaling:
//! print [`Setup`]'s hash beside it.
//!
//! The reference scores texts in batches and lets a token match the padding of the other text with a similarity of 0,
//! which matters only to a token unlike every token of the other text. Here there is no padding, as in its batches of
//! one.

use crate::overlap::Overlap;
use std::collections::{BTreeSet, HashMap};
use std::fmt;

/// A text as the encoder sees it.
#[derive(Clone, Debug)]
pub struct Encoded {
    /// Token ids with the special ones at both ends.
    pub ids: Vec<u32>,
    /// One vector for each token, of any length but 0, all equally wide.
    pub vectors: Vec<Vec<f32>>,
}

/// How much each token counts.
#[derive(Clone, Debug)]
pub enum Weights {
    /// Each token 1; the two special tokens at the ends 0. They can still be matched.
    Equal {
        /// The id of `[CLS]` or `<s>`.
        first: u32,
        /// The id of `[SEP]` or `</s>`.
        last: u32,
    },
    /// Inverse document frequency in the references ([`Weights::idf`]); special tokens, being in every text, get 0.
    Idf {
        /// By token id.
        weights: HashMap<u32, f64>,
        /// Of a token in no reference.
        unseen: f64,
    },
}

impl Weights {
    /// Inverse document frequencies from the token ids of all references, a text that occurs twice counting twice.
    pub fn idf<I: AsRef<[u32]>>(references: &[I]) -> Self {
        let mut counts: HashMap<u32, usize> = HashMap::new();
        for ids in references {
            let distinct: BTreeSet<u32> = ids.as_ref().iter().copied().collect();
            for id in distinct {
                *counts.entry(id).or_default() += 1;
            }
        }
        let texts = references.len() as f64 + 1.0;
        let weight = |count: usize| (texts / (count as f64 + 1.0)).ln();
        Self::Idf {
            weights: counts
                .into_iter()
                .map(|(id, count)| (id, weight(count)))
                .collect(),
            unseen: texts.ln(),
        }
    }

    /// The weight of a token.
    pub fn of(&self, id: u32) -> f64 {
        match self {
            Self::Equal { first, last } => f64::from(u8::from(id != *first && id != *last)),
            Self::Idf { weights, unseen } => weights.get(&id).copied().unwrap_or(*unseen),
        }
    }
}

/// The score of one pair. All 0 if either text has nothing but its two special tokens. `None` if a text has not as many
/// vectors as tokens, or vectors of different or no width.
pub fn score(candidate: &Encoded, reference: &Encoded, weights: &Weights) -> Option<Overlap> {
    let (of_candidate, of_reference) = (unit(candidate)?, unit(reference)?);
    let widths: BTreeSet<usize> = of_candidate
        .iter()
        .chain(&of_reference)
        .map(Vec::len)
        .collect();
    if widths.len() != 1 || widths.contains(&0) {
        return None;
    }
    if candidate.ids.len() == 2 || reference.ids.len() == 2 {
        return Some(Overlap::default());
    }
    let mut best_of_candidate = vec![f64::NEG_INFINITY; of_candidate.len()];
    let mut best_of_reference = vec![f64::NEG_INFINITY; of_reference.len()];
    for (a, best_a) in of_candidate.iter().zip(&mut best_of_candidate) {
        for (b, best_b) in of_reference.iter().zip(&mut best_of_reference) {
            let cosine: f64 = a.iter().zip(b).map(|(a, b)| a * b).sum();
            *best_a = best_a.max(cosine);
            *best_b = best_b.max(cosine);
        }
    }
    let precision = weighted(&candidate.ids, &best_of_candidate, weights);
    let recall = weighted(&reference.ids, &best_of_reference, weights);
    // Cosines may be negative, and so may F1 be, as in the reference.
    let f1 = 2.0 * precision * recall / (precision + recall);
    Some(Overlap {
        precision,
        recall,
        f1: if f1.is_finite() { f1 } else { 0.0 },
    })
}

/// The score against several references: the highest precision, the highest recall and the highest F1, each on its own.
/// `None` without references.
pub fn best(scores: &[Overlap]) -> Option<Overlap> {
    scores.iter().copied().reduce(|a, b| Overlap {
        precision: a.precision.max(b.precision),
        recall: a.recall.max(b.recall),
        f1: a.f1.max(b.f1),
    })
}

/// A score on the scale where `baseline` (the mean score of unrelated texts) is 0 and 1 stays 1, each number by its own
/// baseline.
pub fn rescaled(score: Overlap, baseline: Overlap) -> Overlap {
    let rescale = |score: f64, baseline: f64| (score - baseline) / (1.0 - baseline);
    Overlap {
        precision: rescale(score.precision, baseline.precision),
        recall: rescale(score.recall, baseline.recall),
        f1: rescale(score.f1, baseline.f1),
    }
}

/// The layer and English baseline that `bert_score` ships for an encoder, by its published name. `None` for others,
/// biomedical ones but SciBERT among them: there the layer must be chosen and rescaling does not exist.
pub fn published(model: &str) -> Option<(usize, Overlap)> {
    let (layer, precision, recall, f1) = match model {
        "roberta-large" => (17, 0.83150584, 0.8314941, 0.83122575),
        "roberta-base" => (10, 0.8146725, 0.8146619, 0.814463),
        "bert-base-uncased" => (9, 0.35375935, 0.3537393, 0.35219112),
        "bert-large-uncased" => (18, 0.4278576, 0.42786714, 0.42646673),
        "distilbert-base-uncased" => (5, 0.6666034, 0.66660464, 0.66620487),
        "allenai/scibert_scivocab_uncased" => (8, 0.5335945, 0.5336341, 0.5322364),
        _ => return None,
    };
    Some((
        layer,
        Overlap {
            precision,
            recall,
            f1,
        },
    ))
}

/// Whether and how scores are rescaled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rescaling {
    /// They are not.
    None,
    /// With the baseline that the package ships.
    Published,
    /// With a baseline of one's own.
    Custom,
}

/// Everything that a BERTScore depends on. As text it is the hash string that `bert_score` prints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setup<'a> {
    /// The encoder's published name.
    pub model: &'a str,
    /// The layer, counted from 1; 0 is the embeddings.
    pub layer: usize,
    /// Whether tokens are weighted by inverse document frequency.
    pub idf: bool,
    /// The version of `bert_score` (or of what stands in for it).
    pub version: &'a str,
    /// The version of `transformers` (or of what stands in for it).
    pub transformers: &'a str,
    /// Rescaling.
    pub rescaling: Rescaling,
    /// Whether the fast tokenizer was used.
    pub fast_tokenizer: bool,
}

impl fmt::Display for Setup<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let idf = if self.idf { "idf" } else { "no-idf" };
        let rescaling = match self.rescaling {
            Rescaling::None => "",
            Rescaling::Published => "-rescaled",
            Rescaling::Custom => "-custom-rescaled",
        };
        let fast = if self.fast_tokenizer {
            "_fast-tokenizer"
        } else {
            ""
        };
        write!(
            f,
            "{}_L{}_{idf}_version={}(hug_trans={}){rescaling}{fast}",
            self.model, self.layer, self.version, self.transformers
        )
    }
}

/// The vectors scaled to length 1; a vector of zeros stays. `None` if there are not as many as tokens.
fn unit(text: &Encoded) -> Option<Vec<Vec<f64>>> {
    if text.ids.len() != text.vectors.len() {
        return None;
    }
    let scale = |vector: &Vec<f32>| {
        let length = vector
            .iter()
            .map(|x| f64::from(*x).powi(2))
            .sum::<f64>()
            .sqrt();
        let length = if length > 0.0 { length } else { 1.0 };
        vector.iter().map(|x| f64::from(*x) / length).collect()
    };
    Some(text.vectors.iter().map(scale).collect())
}

/// The weighted mean; 0 if no token has a weight, where the reference gives "not a number".
fn weighted(ids: &[u32], best: &[f64], weights: &Weights) -> f64 {
    let total: f64 = ids.iter().map(|id| weights.of(*id)).sum();
    if total <= 0.0 {
        return 0.0;
    }
    ids.iter()
        .zip(best)
        .map(|(id, best)| weights.of(*id) * best)
        .sum::<f64>()
        / total
}

//! CIDEr (Vedantam, Zitnick, Parikh 2015): cosine of TF-IDF vectors of runs of one to four words.
//!
//! What `pycocoevalcap` prints as "CIDEr" is CIDEr-D: counts are clipped to the reference's and a difference in length
//! is punished. Its length is the number of word pairs, not of words, and that is kept. Both scores depend on the whole
//! set, because the weights come from its references: with a single item every weight is 0, and so is the score.

use crate::text::words;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The longest run of words.
const ORDERS: usize = 4;
/// The width of the penalty on length.
const SIGMA: f64 = 6.0;

/// Which of the two scores.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Variant {
    /// As in the paper's equation: the plain cosine. No penalty, no clipping.
    Cider,
    /// CIDEr-D, which `pycocoevalcap` computes: clipped, and with a penalty on length.
    CiderD,
}

/// An answer and its references, as words separated by blanks. `pycocoevalcap` has PTB's tokenizer before it, which
/// lowers the case and drops punctuation; here that is the caller's choice.
#[derive(Clone, Debug)]
pub struct Item<'a> {
    /// The answer.
    pub answer: &'a str,
    /// Its references.
    pub references: Vec<&'a str>,
}

/// The score of every item, 0 to 10; its mean is the score of the set. `None` if an item has no references.
pub fn cider(items: &[Item<'_>], variant: Variant) -> Option<Vec<f64>> {
    let cooked: Vec<(Counts<'_>, Vec<Counts<'_>>)> = items
        .iter()
        .map(|item| {
            (
                count(item.answer),
                item.references.iter().map(|text| count(text)).collect(),
            )
        })
        .collect();
    let mut documents: BTreeMap<Run<'_>, usize> = BTreeMap::new();
    for (_, references) in &cooked {
        let runs: BTreeSet<&Run<'_>> = references.iter().flat_map(BTreeMap::keys).collect();
        for run in runs {
            *documents.entry(run.clone()).or_default() += 1;
        }
    }
    let weights = Weights {
        documents,
        ln_items: (items.len() as f64).ln(),
    };
    cooked
        .iter()
        .map(|(answer, references)| {
            if references.is_empty() {
                return None;
            }
            let answer = weights.vector(answer);
            let sum: f64 = references
                .iter()
                .map(|other| similarity(&answer, &weights.vector(other), variant))
                .sum();
            Some(10.0 * sum / references.len() as f64)
        })
        .collect()
}

/// A run of one to four words.
type Run<'a> = Vec<&'a str>;
type Counts<'a> = BTreeMap<Run<'a>, usize>;

fn count(text: &str) -> Counts<'_> {
    let words = words(text);
    let mut counts = Counts::new();
    for order in 1..=ORDERS {
        for run in words.windows(order) {
            *counts.entry(run.to_vec()).or_default() += 1;
        }
    }
    counts
}

/// Inverse document frequencies of the references.
struct Weights<'a> {
    documents: BTreeMap<Run<'a>, usize>,
    ln_items: f64,
}

struct Vector<'a> {
    weights: BTreeMap<&'a Run<'a>, f64>,
    norms: [f64; ORDERS],
    pairs: usize,
}

impl Weights<'_> {
    fn vector<'c>(&self, counts: &'c Counts<'c>) -> Vector<'c> {
        let mut weights = BTreeMap::new();
        let mut squares = [0.0; ORDERS];
        let mut pairs = 0;
        for (run, count) in counts {
            let documents = self.documents.get(run).copied().unwrap_or(0).max(1);
            let weight = *count as f64 * (self.ln_items - (documents as f64).ln());
            if let Some(square) = squares.get_mut(run.len() - 1) {
                *square += weight * weight;
            }
            if run.len() == 2 {
                pairs += count;
            }
            weights.insert(run, weight);
        }
        Vector {
            weights,
            norms: squares.map(f64::sqrt),
            pairs,
        }
    }
}

/// The mean over the orders.
fn similarity(answer: &Vector<'_>, reference: &Vector<'_>, variant: Variant) -> f64 {
    let mut products = [0.0; ORDERS];
    for (run, weight) in &answer.weights {
        let Some(other) = reference.weights.get(run) else {
            continue;
        };
        let weight = match variant {
            Variant::Cider => *weight,
            Variant::CiderD => weight.min(*other),
        };
        if let Some(product) = products.get_mut(run.len() - 1) {
            *product += weight * other;
        }
    }
    let cosines =
        products
            .iter()
            .zip(answer.norms)
            .zip(reference.norms)
            .map(|((product, a), b)| {
                let length = a * b;
                if length == 0.0 {
                    *product
                } else {
                    product / length
                }
            });
    let mean = cosines.sum::<f64>() / ORDERS as f64;
    match variant {
        Variant::Cider => mean,
        Variant::CiderD => {
            let delta = answer.pairs as f64 - reference.pairs as f64;
            mean * (-delta * delta / (2.0 * SIGMA * SIGMA)).exp()
        }
    }
}

//! Beam search as in ClipCap's code, which the published evaluation of prefix tuning used.
//!
//! It differs from that of transformers: beams are ranked by the mean log-probability of their tokens at every step, the token that ends
//! an answer counts, and a beam that ended keeps its place until better ones push it out.

use super::beam::{Hypothesis, log_softmax};
use super::penalty::Penalties;
use crate::FewShotLearner;
use crate::error::ModelError;
use rounds_support::Cancel;

#[derive(Clone)]
struct Beam {
    ids: Vec<u32>,
    /// Natural log-probability.
    sum: f64,
    ended: bool,
}

impl Beam {
    fn mean(&self) -> f64 {
        self.sum / self.ids.len().max(1) as f64
    }
}

/// A way to go on: the beam, and the token that it adds; `None` for a beam that ended.
struct Candidate {
    mean: f64,
    sum: f64,
    beam: usize,
    token: Option<u32>,
}

/// The best `count` ways to go on, best first. Earlier beams and tokens win ties.
fn best(mut candidates: Vec<Candidate>, count: usize) -> Vec<Candidate> {
    candidates.retain(|candidate| candidate.mean > f64::NEG_INFINITY);
    let order = |a: &Candidate, b: &Candidate| {
        let tie = (a.beam, a.token).cmp(&(b.beam, b.token));
        b.mean.total_cmp(&a.mean).then(tie)
    };
    if count < candidates.len() {
        candidates.select_nth_unstable_by(count, order);
        candidates.truncate(count);
    }
    candidates.sort_by(order);
    candidates
}

/// Searches from the logits after a prefilled `prompt`, with `count` beams of at most `max_new_tokens` tokens. Returns them best first.
///
/// Tokens whose log-probability `penalties` sets to minus infinity are never chosen. The others are not renormalised.
pub fn clipcap_beams(
    learner: &mut dyn FewShotLearner,
    logits: Vec<f32>,
    prompt: &[u32],
    count: usize,
    penalties: &Penalties,
    end_tokens: &[u32],
    max_new_tokens: usize,
    cancel: &Cancel,
) -> Result<Vec<Hypothesis>, ModelError> {
    let count = count.max(1);
    let mut beams = vec![Beam {
        ids: Vec::new(),
        sum: 0.0,
        ended: false,
    }];
    // Logits after each beam; empty for one that ended.
    let mut rows = vec![logits];
    for step in 0..max_new_tokens {
        let mut candidates = Vec::new();
        for (at, (beam, row)) in beams.iter().zip(&rows).enumerate() {
            if beam.ended {
                candidates.push(Candidate {
                    mean: beam.mean(),
                    sum: beam.sum,
                    beam: at,
                    token: None,
                });
                continue;
            }
            let mut scores = log_softmax(row);
            let history = [prompt, beam.ids.as_slice()].concat();
            penalties.apply_to_log_probabilities(&history, &mut scores);
            let length = (beam.ids.len() + 1) as f64;
            candidates.extend(scores.into_iter().enumerate().map(|(token, score)| {
                let sum = beam.sum + score;
                Candidate {
                    mean: sum / length,
                    sum,
                    beam: at,
                    token: Some(token as u32),
                }
            }));
        }
        let chosen = best(candidates, count);
        let parents: Vec<usize> = chosen.iter().map(|candidate| candidate.beam).collect();
        beams = chosen
            .iter()
            .map(|candidate| {
                let mut beam = beams[candidate.beam].clone();
                beam.sum = candidate.sum;
                beam.ids.extend(candidate.token);
                beam.ended |= candidate.token.is_some_and(|id| end_tokens.contains(&id));
                beam
            })
            .collect();
        if step + 1 == max_new_tokens || beams.iter().all(|beam| beam.ended) {
            break;
        }
        learner.branch(&parents)?;
        rows = Vec::with_capacity(beams.len());
        for (at, beam) in beams.iter().enumerate() {
            rows.push(match beam.ids.last().filter(|_| !beam.ended) {
                Some(&last) => learner.step_branch(at, last, cancel)?,
                None => Vec::new(),
            });
        }
    }
    beams.sort_by(|a, b| b.mean().total_cmp(&a.mean()));
    let found = beams.into_iter().map(|beam| Hypothesis {
        score: beam.mean(),
        log_probability: beam.sum,
        ids: beam.ids,
    });
    Ok(found.collect())
}

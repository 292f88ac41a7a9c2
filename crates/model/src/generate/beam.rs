//! Beam search as in Hugging Face transformers 4.33 (`BeamSearchScorer`), which published evaluations of Flamingo used.

use super::penalty::Penalties;
use crate::FewShotLearner;
use crate::error::ModelError;
use rounds_support::Cancel;

/// Whose beam search a model was published with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BeamRule {
    /// [`beam_search`].
    #[default]
    Transformers,
    /// [`clipcap_beams`](super::clipcap::clipcap_beams), which has no length penalty but the mean.
    ClipCap,
}

/// Settings of a beam search.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Beams {
    /// Number of beams.
    pub count: usize,
    /// A finished sequence's score is its log-probability divided by its length to this power; above 0 favours long answers.
    pub length_penalty: f64,
    /// What counts as a sequence's length.
    pub length: Length,
}

/// What counts as the length of a finished sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// Prompt and new tokens without the end token, as in transformers up to 4.35.
    Whole,
    /// New tokens with the end token, as in transformers since 4.36.
    New,
}

/// A finished sequence.
#[derive(Clone, Debug, PartialEq)]
pub struct Hypothesis {
    /// New tokens, including the end token if there is one.
    pub ids: Vec<u32>,
    /// Log-probability divided by the length to the power of the penalty.
    pub score: f64,
    /// Natural log-probability.
    pub log_probability: f64,
}

/// The best finished sequences so far, at most as many as beams.
struct Finished {
    hypotheses: Vec<Hypothesis>,
    beams: Beams,
    worst: f64,
}

impl Finished {
    fn score(&self, sum: f64, length: usize) -> f64 {
        sum / (length as f64).powf(self.beams.length_penalty)
    }

    fn add(&mut self, ids: Vec<u32>, sum: f64, length: usize) {
        let score = self.score(sum, length);
        if self.hypotheses.len() < self.beams.count || score > self.worst {
            self.hypotheses.push(Hypothesis {
                ids,
                score,
                log_probability: sum,
            });
            if self.hypotheses.len() > self.beams.count {
                let lowest = (0..self.hypotheses.len())
                    .min_by(|&a, &b| {
                        self.hypotheses[a]
                            .score
                            .total_cmp(&self.hypotheses[b].score)
                    })
                    .unwrap_or(0);
                self.hypotheses.swap_remove(lowest);
            }
            self.worst = self
                .hypotheses
                .iter()
                .map(|h| h.score)
                .fold(f64::INFINITY, f64::min);
        }
    }

    fn is_done(&self, best_sum: f64, length: usize) -> bool {
        self.hypotheses.len() >= self.beams.count && self.worst >= self.score(best_sum, length)
    }
}

/// Log-softmax (natural logarithm) of `logits`.
pub fn log_softmax(logits: &[f32]) -> Vec<f64> {
    let max = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f64 = logits.iter().map(|&v| f64::from(v - max).exp()).sum();
    let log = sum.ln();
    logits.iter().map(|&v| f64::from(v - max) - log).collect()
}

/// Searches from the logits after a prefilled `prompt`. Returns finished sequences, best first.
///
/// Tokens whose log-probability `penalties` sets to minus infinity are never chosen. The others are not renormalised.
pub fn beam_search(
    learner: &mut dyn FewShotLearner,
    logits: Vec<f32>,
    prompt: &[u32],
    beams: Beams,
    penalties: &Penalties,
    end_tokens: &[u32],
    max_new_tokens: usize,
    cancel: &Cancel,
) -> Result<Vec<Hypothesis>, ModelError> {
    let count = beams.count.max(1);
    // Enough that `count` beams continue, even if all end tokens are among the best candidates of each.
    let candidates = (1 + end_tokens.len()).max(2) * count;
    let (before, end) = match beams.length {
        Length::Whole => (prompt.len(), 0),
        Length::New => (0, 1),
    };
    learner.branch(&vec![0; count])?;
    let mut all = vec![logits; count];
    let mut ids: Vec<Vec<u32>> = vec![Vec::new(); count];
    // All beams are the same at first, so only the first may be chosen from.
    let mut sums: Vec<f64> = (0..count)
        .map(|i| if i == 0 { 0.0 } else { -1e9 })
        .collect();
    let mut finished = Finished {
        hypotheses: Vec::new(),
        beams: Beams { count, ..beams },
        worst: 1e9,
    };
    let mut done = false;
    for step in 0..max_new_tokens {
        let length = before + step;
        let mut ranked: Vec<(f64, usize, u32)> = Vec::new();
        for (beam, logits) in all.iter().enumerate() {
            let mut scores = log_softmax(logits);
            let history = [prompt, ids[beam].as_slice()].concat();
            penalties.apply_to_log_probabilities(&history, &mut scores);
            // More candidates of one beam can never be used.
            let mut best: Vec<usize> = (0..scores.len()).collect();
            let keep = candidates.min(best.len());
            let by_score = |&a: &usize, &b: &usize| scores[b].total_cmp(&scores[a]).then(a.cmp(&b));
            if keep < best.len() {
                best.select_nth_unstable_by(keep, by_score);
                best.truncate(keep);
            }
            ranked.extend(
                best.into_iter()
                    .map(|token| (sums[beam] + scores[token], beam, token as u32)),
            );
        }
        ranked.sort_by(|a, b| b.0.total_cmp(&a.0).then((a.1, a.2).cmp(&(b.1, b.2))));
        ranked.truncate(candidates);
        let best_sum = ranked.first().map_or(f64::NEG_INFINITY, |r| r.0);
        let mut next = Vec::new();
        for (rank, &(sum, beam, token)) in ranked.iter().enumerate() {
            if end_tokens.contains(&token) {
                if rank < count {
                    let mut ended = ids[beam].clone();
                    ended.push(token);
                    finished.add(ended, sum, length + end);
                }
                continue;
            }
            next.push((sum, beam, token));
            if next.len() == count {
                break;
            }
        }
        if next.is_empty() {
            done = true;
            break;
        }
        if finished.is_done(best_sum, length + 1) {
            done = true;
            break;
        }
        let parents: Vec<usize> = next.iter().map(|n| n.1).collect();
        ids = next
            .iter()
            .map(|&(_, beam, token)| {
                let mut longer = ids[beam].clone();
                longer.push(token);
                longer
            })
            .collect();
        sums = next.iter().map(|n| n.0).collect();
        if step + 1 == max_new_tokens {
            break;
        }
        learner.branch(&parents)?;
        all = next
            .iter()
            .enumerate()
            .map(|(i, &(_, _, token))| learner.step_branch(i, token, cancel))
            .collect::<Result<_, _>>()?;
    }
    if !done {
        for (ids, sum) in ids.into_iter().zip(sums) {
            let length = before + ids.len();
            finished.add(ids, sum, length);
        }
    }
    let mut out = finished.hypotheses;
    out.sort_by(|a, b| b.score.total_cmp(&a.score));
    Ok(out)
}

//! Scores given answers by their likelihood.

use super::beam::log_softmax;
use std::sync::Arc;

use crate::error::ModelError;
use crate::recorder::Trace;
use crate::{EncodedImage, FewShotLearner};
use rounds_support::Cancel;

/// Likelihood of one continuation.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Likelihood {
    /// Natural log-probability of each token.
    pub tokens: Vec<f64>,
    /// Their sum.
    pub sum: f64,
    /// Sum divided by the number of tokens, which OpenFlamingo ranks by.
    pub mean: f64,
}

impl From<Vec<f64>> for Likelihood {
    fn from(tokens: Vec<f64>) -> Self {
        let sum: f64 = tokens.iter().sum();
        Self {
            mean: sum / tokens.len().max(1) as f64,
            tokens,
            sum,
        }
    }
}

/// Scores one `continuation` of a `prompt`, with `traced` also what attention did where its tokens were predicted, if the learner can tell.
/// What the prompt begins with in common with the last one is not computed again, if the learner can do that.
pub fn likelihood(
    learner: &mut dyn FewShotLearner,
    prompt: &[u32],
    images: &[Arc<EncodedImage>],
    continuation: &[u32],
    traced: bool,
    cancel: &Cancel,
) -> Result<(Likelihood, Option<Trace>), ModelError> {
    let Some((_, before_last)) = continuation.split_last() else {
        return Ok((Vec::new().into(), None));
    };
    let sequence = [prompt, before_last].concat();
    let rows = continuation.len();
    if let Some(inspection) = learner.inspect(&sequence, images, rows, traced, cancel)? {
        let pairs = inspection.logits.iter().zip(continuation);
        let tokens: Vec<f64> = pairs
            .map(|(row, &token)| log_probability(row, token))
            .collect();
        return Ok((tokens.into(), inspection.trace));
    }
    let logits = learner.prefill(prompt, images, cancel)?;
    let ranked = rank(learner, &logits, &[continuation.to_vec()], cancel)?;
    let only = ranked.into_iter().next();
    Ok((only.unwrap_or_else(|| Vec::new().into()), None))
}

fn log_probability(row: &[f32], token: u32) -> f64 {
    let scores = log_softmax(row);
    let found = scores.get(token as usize).copied();
    found.unwrap_or(f64::NEG_INFINITY)
}

/// Log-probabilities of the tokens of a continuation, each given those before it.
fn written(
    learner: &mut dyn FewShotLearner,
    logits: &[f32],
    continuation: &[u32],
    cancel: &Cancel,
) -> Result<Vec<f64>, ModelError> {
    // One sequence to come back to, and one to continue.
    learner.branch(&[0, 0])?;
    let mut row = logits.to_vec();
    let mut tokens = Vec::with_capacity(continuation.len());
    for (i, &token) in continuation.iter().enumerate() {
        tokens.push(log_probability(&row, token));
        if i + 1 < continuation.len() {
            row = learner.step_branch(1, token, cancel)?;
        }
    }
    learner.branch(&[0])?;
    Ok(tokens)
}

/// Scores `continuations` of the prefilled prompt with these `logits`. Afterwards the learner is back at the end of the prompt.
pub fn rank(
    learner: &mut dyn FewShotLearner,
    logits: &[f32],
    continuations: &[Vec<u32>],
    cancel: &Cancel,
) -> Result<Vec<Likelihood>, ModelError> {
    let mut out = Vec::with_capacity(continuations.len());
    for continuation in continuations {
        let tokens = match learner.fill(continuation.len(), cancel)? {
            Some(rows) => {
                let rows = rows.iter().zip(continuation);
                rows.map(|(row, &token)| log_probability(row, token))
                    .collect()
            }
            None => written(learner, logits, continuation, cancel)?,
        };
        out.push(tokens.into());
    }
    Ok(out)
}

//! The build-up curve: the likelihood and the model's answer with the first 0, 1, 2 … shots of the prompt.

use super::{LogLikelihood, Probing};
use rounds_assistant::AssistantError;
use serde::Serialize;

/// One point of the curve.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BuiltUp {
    /// How many shots there were, from the first of the prompt on.
    pub shots: usize,
    /// Of the scored answer.
    pub log_likelihood: LogLikelihood,
    /// What the model answered; empty if it gave none.
    pub answer: String,
}

pub(super) fn build_up(probing: &mut Probing) -> Result<Vec<BuiltUp>, AssistantError> {
    let all = probing.shots.clone();
    (0..=all.len())
        .map(|count| {
            let shots = &all[..count];
            Ok(BuiltUp {
                shots: count,
                log_likelihood: probing.score(shots)?,
                answer: probing.answer(shots)?,
            })
        })
        .collect()
}

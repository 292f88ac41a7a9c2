//! Generates text token by token, and decides when to stop.

pub mod beam;
mod decoding;
pub mod penalty;
mod sample;
pub mod score;
mod stable_prefix;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use self::decoding::Decoding;
use self::sample::Sampler;
pub use self::sample::argmax;
use self::stable_prefix::{decode, stable_prefix};
use super::FewShotLearner;
use super::error::ModelError;
use rounds_support::Cancel;

/// Why generation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StopReason {
    /// The model ended its answer.
    EndOfChunk,
    /// One of the stop texts appeared.
    StopText,
    /// The token limit or the end of the context was reached.
    Length,
    /// The user stopped it.
    Cancelled,
}

/// A generated text.
#[derive(Clone, Debug)]
pub struct Generated {
    /// The text, without special tokens.
    pub text: String,
    /// Number of generated tokens.
    pub tokens: usize,
    /// Natural log-probability of each token, before temperature and penalties; empty for a beam search.
    pub log_probabilities: Vec<f32>,
    /// The generated tokens, without the one that ended the text.
    pub ids: Vec<u32>,
    /// Natural log-probability of the token that ended the text; `None` if none did, and for a beam search.
    pub end_log_probability: Option<f32>,
    /// Why it ended.
    pub stop: StopReason,
}

/// Generates from the logits of a prefilled `prompt` until an end token, a stop text, the limit or a cancel. `forbidden` tokens
/// (image, begin, padding) are never chosen. `emit` gets text once it cannot change any more or turn out to begin a stop text.
pub fn generate(
    learner: &mut dyn FewShotLearner,
    mut logits: Vec<f32>,
    prompt: &[u32],
    decoding: &Decoding,
    end_tokens: &[u32],
    forbidden: &[u32],
    stop_texts: &[String],
    cancel: &Cancel,
    mut emit: impl FnMut(&str),
) -> Result<Generated, ModelError> {
    // Running past the end of the context would be an error and lose the answer.
    let max_tokens = decoding
        .max_new_tokens
        .min(learner.context().saturating_sub(learner.positions(prompt)));
    if decoding.beams > 1 {
        return generate_beams(
            learner, logits, prompt, decoding, max_tokens, end_tokens, forbidden, stop_texts,
            cancel, emit,
        );
    }
    let mut penalties = decoding.penalties.clone();
    penalties.forbidden.extend_from_slice(forbidden);
    let mut history = prompt.to_vec();
    let mut log_probabilities = Vec::new();
    let mut sampler = Sampler::new(decoding);
    let mut ids: Vec<u32> = Vec::new();
    let (mut text, mut emitted) = (String::new(), 0);
    let longest_stop = stop_texts.iter().map(String::len).max().unwrap_or(0);
    let mut end_log_probability = None;
    let mut stop = StopReason::Length;
    while ids.len() < max_tokens {
        if cancel.is_cancelled() {
            stop = StopReason::Cancelled;
            break;
        }
        let raw = logits.clone();
        penalties.apply(&history, &mut logits);
        let next = sampler.draw(&logits);
        if end_tokens.contains(&next) {
            end_log_probability = Some(beam::log_softmax(&raw)[next as usize] as f32);
            stop = StopReason::EndOfChunk;
            break;
        }
        ids.push(next);
        history.push(next);
        log_probabilities.push(beam::log_softmax(&raw)[next as usize] as f32);
        text = decode(learner.tokenizer(), &ids)?;
        if truncate_at_stop(&mut text, stop_texts) {
            stop = StopReason::StopText;
            break;
        }
        let stable = stable_prefix(learner.tokenizer(), &ids, &text)?;
        let stable = stable.min(text.len().saturating_sub(longest_stop));
        let stable_end = text.floor_char_boundary(stable);
        if let Some(more) = text
            .get(emitted..stable_end)
            .filter(|more| !more.is_empty())
        {
            emit(more);
            emitted = stable_end;
        }
        if ids.len() == max_tokens {
            break;
        }
        logits = match learner.step(next, cancel) {
            Err(ModelError::Cancelled) => {
                stop = StopReason::Cancelled;
                break;
            }
            other => other?,
        };
    }
    if let Some(rest) = text.get(emitted..).filter(|rest| !rest.is_empty()) {
        emit(rest);
    }
    Ok(Generated {
        text,
        tokens: ids.len(),
        log_probabilities,
        ids,
        end_log_probability,
        stop,
    })
}

/// Truncates `text` before the first stop text; returns whether there was one.
fn truncate_at_stop(text: &mut String, stop_texts: &[String]) -> bool {
    let first = stop_texts
        .iter()
        .filter_map(|s| text.find(s.as_str()))
        .min();
    first.inspect(|&at| text.truncate(at)).is_some()
}

/// A beam search knows its answer only at the end, so `emit` gets all of it at once.
fn generate_beams(
    learner: &mut dyn FewShotLearner,
    logits: Vec<f32>,
    prompt: &[u32],
    decoding: &Decoding,
    max_tokens: usize,
    end_tokens: &[u32],
    forbidden: &[u32],
    stop_texts: &[String],
    cancel: &Cancel,
    mut emit: impl FnMut(&str),
) -> Result<Generated, ModelError> {
    let mut penalties = decoding.penalties.clone();
    penalties.forbidden.extend_from_slice(forbidden);
    let beams = beam::Beams {
        count: decoding.beams,
        length_penalty: decoding.length_penalty,
        length: beam::Length::New,
    };
    let found = beam::beam_search(
        learner, logits, prompt, beams, &penalties, end_tokens, max_tokens, cancel,
    );
    let empty = |stop| Generated {
        text: String::new(),
        tokens: 0,
        log_probabilities: Vec::new(),
        ids: Vec::new(),
        end_log_probability: None,
        stop,
    };
    let best = match found {
        Err(ModelError::Cancelled) => return Ok(empty(StopReason::Cancelled)),
        other => other?.into_iter().next(),
    };
    let Some(best) = best else {
        return Ok(empty(StopReason::Length));
    };
    let ended = best.ids.last().is_some_and(|id| end_tokens.contains(id));
    let ids = &best.ids[..best.ids.len() - usize::from(ended)];
    let mut text = decode(learner.tokenizer(), ids)?;
    let mut stop = match ended {
        true => StopReason::EndOfChunk,
        false => StopReason::Length,
    };
    if truncate_at_stop(&mut text, stop_texts) {
        stop = StopReason::StopText;
    }
    emit(&text);
    Ok(Generated {
        text,
        tokens: ids.len(),
        log_probabilities: Vec::new(),
        ids: ids.to_vec(),
        end_log_probability: None,
        stop,
    })
}

//! Choosing tokens one after the other, and knowing when to stop.

use candle_core::{Device, Tensor};
use candle_transformers::generation::{LogitsProcessor, Sampling};
use serde::{Deserialize, Serialize};

use super::FewShotLearner;
use super::error::ModelError;
use crate::support::Cancel;

/// How tokens are chosen. Temperature 0 is greedy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Decoding {
    pub temperature: f64,
    pub top_p: Option<f64>,
    pub top_k: Option<usize>,
    pub seed: u64,
    pub max_new_tokens: usize,
}

impl Default for Decoding {
    fn default() -> Self {
        Self {
            temperature: 0.0,
            top_p: None,
            top_k: None,
            seed: 0,
            max_new_tokens: 96,
        }
    }
}

/// Why generation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StopReason {
    EndOfChunk,
    StopText,
    Length,
    Cancelled,
}

/// What was generated.
#[derive(Clone, Debug)]
pub struct Generated {
    pub text: String,
    pub tokens: usize,
    pub stop: StopReason,
}

fn sampling(decoding: &Decoding) -> Sampling {
    let temperature = decoding.temperature;
    if temperature <= 0.0 {
        return Sampling::ArgMax;
    }
    match (decoding.top_k, decoding.top_p) {
        (None, None) => Sampling::All { temperature },
        (Some(k), None) => Sampling::TopK { k, temperature },
        (None, Some(p)) => Sampling::TopP { p, temperature },
        (Some(k), Some(p)) => Sampling::TopKThenTopP { k, p, temperature },
    }
}

/// Generates from the logits of a prefilled prompt until end of chunk, a stop text, the limit or a cancel. `forbidden` tokens
/// (image, begin, padding) are never chosen. `emit` gets text as it becomes certain that it is not the beginning of a stop.
pub fn generate(
    learner: &mut dyn FewShotLearner,
    mut logits: Vec<f32>,
    decoding: &Decoding,
    end: u32,
    forbidden: &[u32],
    stops: &[String],
    cancel: &Cancel,
    mut emit: impl FnMut(&str),
) -> Result<Generated, ModelError> {
    let mut processor = LogitsProcessor::from_sampling(decoding.seed, sampling(decoding));
    let mut ids: Vec<u32> = Vec::new();
    let (mut text, mut sent) = (String::new(), 0);
    let hold = stops.iter().map(String::len).max().unwrap_or(0);
    let mut stop = StopReason::Length;
    while ids.len() < decoding.max_new_tokens {
        if cancel.is_cancelled() {
            stop = StopReason::Cancelled;
            break;
        }
        for &id in forbidden {
            if let Some(v) = logits.get_mut(id as usize) {
                *v = f32::NEG_INFINITY;
            }
        }
        let next = processor.sample(&Tensor::new(logits.as_slice(), &Device::Cpu)?)?;
        if next == end {
            stop = StopReason::EndOfChunk;
            break;
        }
        ids.push(next);
        text = learner
            .tokenizer()
            .decode(&ids, true)
            .map_err(|e| ModelError::Tokenizer(e.to_string()))?;
        if let Some(at) = stops.iter().filter_map(|s| text.find(s.as_str())).min() {
            text.truncate(at);
            stop = StopReason::StopText;
            break;
        }
        let mut safe = text.len().saturating_sub(hold);
        // An incomplete character decodes to U+FFFD until its last byte comes.
        let whole = text.trim_end_matches('\u{FFFD}').len();
        safe = safe.min(whole);
        while !text.is_char_boundary(safe) {
            safe -= 1;
        }
        if safe > sent {
            emit(&text[sent..safe]);
            sent = safe;
        }
        if ids.len() == decoding.max_new_tokens {
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
    if text.len() > sent {
        emit(&text[sent..]);
    }
    Ok(Generated {
        text,
        tokens: ids.len(),
        stop,
    })
}

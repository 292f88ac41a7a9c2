//! What the shots of one answer really do: by leaving them out, adding them one by one, moving one, changing their answers, and by looking at
//! attention. docs/probes.md has the formula of each measure.
//!
//! Everything is measured on the prompt of an ordinary answer, with its shots in its order. Nothing here chooses shots or prints.

mod attention;
mod build_up;
mod flips;
mod maps;
mod opposite;
mod overlay;
mod sweep;
#[cfg(test)]
mod tests;

pub use attention::{Attention, GatedLayer, Layer};
pub use build_up::BuiltUp;
pub use flips::{Flip, Replacement};
pub use maps::Map;
pub use opposite::opposite;
pub use overlay::overlay;
pub use sweep::{Moved, Sweep};

use rounds_assistant::retrieval::Shot;
use rounds_assistant::{
    Answer, Asked, AssistantError, Case, Copied, Engine, Provenance, Settings, Wording,
};
use rounds_model::error::ModelError;
use rounds_model::generate::StopReason;
use rounds_model::generate::score::Likelihood;
use rounds_support::Cancel;
use serde::Serialize;

/// Version of the results as JSON.
pub const SCHEMA_VERSION: u32 = 1;

/// What to probe besides the case and its settings.
#[derive(Clone, Debug, Default)]
pub struct ProbeOptions {
    /// The answer to score; the model's own if there is none.
    pub answer: Option<String>,
    /// Rank of the shot to move through all positions; 1, the most similar, if there is none.
    pub moved: Option<usize>,
}

/// The log-likelihood of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct LogLikelihood {
    /// Sum over its tokens, natural logarithm.
    pub total: f64,
    /// The same, divided by the number of tokens.
    pub per_token: f64,
}

impl From<&Likelihood> for LogLikelihood {
    fn from(likelihood: &Likelihood) -> Self {
        Self {
            total: likelihood.sum,
            per_token: likelihood.mean,
        }
    }
}

/// One shot, and what it does.
#[derive(Clone, Debug, Serialize)]
pub struct ProbedShot {
    /// Place in the prompt, 1 is the first.
    pub position: usize,
    /// Rank by similarity, 1 is the most similar.
    pub rank: usize,
    /// Its example.
    pub example_id: String,
    /// The example's question.
    pub question: String,
    /// The example's answer.
    pub answer: String,
    /// What the match bias multiplies, for a learner that has one.
    pub match_score: Option<f32>,
    /// Softmax of the match scores over the shots.
    pub match_share: Option<f32>,
    /// Log-likelihood with all shots minus that without this one.
    pub influence: LogLikelihood,
    /// Self-attention of the answer's tokens on its tokens, mean over layers; `None` where attention cannot be seen.
    pub attention: Option<f32>,
    /// Whether the model's answer repeats its answer.
    pub copied: bool,
}

/// Everything that was measured of one case.
#[derive(Clone, Debug, Serialize)]
pub struct Probe {
    /// Version of this format.
    pub schema_version: u32,
    /// The question.
    pub question: String,
    /// The answer that was scored.
    pub scored_answer: String,
    /// The rationale that was scored before it, with a template that asks for the rationale first.
    pub scored_rationale: Option<String>,
    /// The model's own answer, with all shots.
    pub model_answer: String,
    /// Log-likelihood of the scored answer with all shots.
    pub log_likelihood: LogLikelihood,
    /// Log-probability of each of its tokens.
    pub token_log_probabilities: Vec<f64>,
    /// The shots, in prompt order.
    pub shots: Vec<ProbedShot>,
    /// The shots whose answer the model's answer repeats.
    pub copied: Option<Copied>,
    /// With the first 0, 1, 2 and so on of the shots.
    pub build_up: Vec<BuiltUp>,
    /// One shot at every position; `None` with fewer than two shots.
    pub sweep: Option<Sweep>,
    /// Each shot with another answer.
    pub flips: Vec<Flip>,
    /// Attention at the answer's tokens; `None` for a family without gated cross-attention.
    pub attention: Option<Attention>,
    /// What the reader should know.
    pub notices: Vec<String>,
    /// What it takes to repeat the answer.
    pub provenance: Provenance,
}

/// One case while it is probed.
struct Probing<'a> {
    engine: &'a mut Engine,
    asked: Asked<'a>,
    /// In prompt order.
    shots: Vec<Shot>,
    wording: Wording,
    cancel: &'a Cancel,
    /// Steps done, and all.
    steps: (usize, usize),
    progress: &'a mut dyn FnMut(usize, usize),
}

impl Probing<'_> {
    fn step(&mut self) {
        self.steps.0 += 1;
        (self.progress)(self.steps.0, self.steps.1);
    }

    /// The log-likelihood of the scored answer after `shots`.
    fn score(&mut self, shots: &[Shot]) -> Result<LogLikelihood, AssistantError> {
        let (asked, wording, cancel) = (self.asked, &self.wording, self.cancel);
        let found = self.engine.likelihood(asked, shots, wording, cancel)?;
        self.step();
        Ok(LogLikelihood::from(&found))
    }

    /// What the model answers after `shots`.
    fn answer(&mut self, shots: &[Shot]) -> Result<String, AssistantError> {
        let written = self.engine.written_after(self.asked, shots, self.cancel)?;
        self.step();
        Ok(written.answer)
    }
}

/// Probes one case. `progress` is told how many of how many steps are done.
///
/// Errors if it cannot be answered, or there is no answer to score.
pub fn probe(
    engine: &mut Engine,
    case: &Case,
    settings: &Settings,
    options: &ProbeOptions,
    cancel: &Cancel,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Probe, AssistantError> {
    let answer = engine.answer(case, settings, cancel, &mut |_| {})?;
    if answer.stop == StopReason::Cancelled {
        return Err(ModelError::Cancelled.into());
    }
    let wording = wording(&answer, options)?;
    let shots = answer.shots_in_prompt_order();
    let moved = sweep::place(&shots, options.moved)?;
    let count = shots.len();
    let swept = if moved.is_some() { count } else { 0 };
    let mut probing = Probing {
        engine,
        asked: Asked { case, settings },
        wording,
        cancel,
        steps: (0, (count + 1) + 2 * (count + 1) + swept + 2 * count + 1),
        shots,
        progress,
    };
    let (likelihood, influences) = influences(&mut probing)?;
    let build_up = build_up::build_up(&mut probing)?;
    let sweep = match moved {
        Some(moved) => Some(sweep::sweep(&mut probing, moved)?),
        None => None,
    };
    // The same way of writing as for the flips, so that a difference is the shot's doing.
    let model_answer = build_up
        .last()
        .map_or(String::new(), |all| all.answer.clone());
    let flips = flips::flips(&mut probing, &model_answer)?;
    let reading = attention::read(&mut probing)?;
    let last = probing.shots.last().map(|shot| shot.example.id.as_str());
    let copied = Copied::of(&model_answer, None, &probing.shots, last);
    let attention = reading.attention;
    let matches = reading.match_scores;
    let shares = shares(&matches);
    let shots = probing.shots.iter().zip(influences).enumerate();
    let shots = shots.map(|(at, (shot, influence))| ProbedShot {
        position: at + 1,
        rank: shot.rank,
        example_id: shot.example.id.clone(),
        question: shot.example.question.clone(),
        answer: shot.example.answer.clone(),
        match_score: matches.get(at).copied(),
        match_share: shares.get(at).copied(),
        influence,
        attention: attention.as_ref().and_then(|all| all.on_shot(at)),
        copied: copied
            .as_ref()
            .is_some_and(|copied| copied.shots.contains(&shot.rank)),
    });
    Ok(Probe {
        schema_version: SCHEMA_VERSION,
        question: rounds_support::sanitise::clean_line(&case.question),
        shots: shots.collect(),
        scored_answer: probing.wording.answer.clone(),
        scored_rationale: probing.wording.rationale.clone(),
        model_answer,
        log_likelihood: LogLikelihood::from(&likelihood),
        token_log_probabilities: likelihood.tokens,
        copied,
        build_up,
        sweep,
        flips,
        attention,
        notices: answer.notices,
        provenance: answer.provenance,
    })
}

/// What is scored: the given answer, or the model's own.
fn wording(answer: &Answer, options: &ProbeOptions) -> Result<Wording, AssistantError> {
    if let Some(given) = &options.answer {
        return Ok(Wording {
            answer: rounds_support::sanitise::clean_line(given),
            rationale: None,
        });
    }
    if answer.answer.is_empty() {
        let why = match &answer.standing.withheld {
            Some(reason) => {
                format!("no answer is shown: {reason}; --answer TEXT explains one of your own")
            }
            None => "the model gave no answer; --answer TEXT explains one of your own".into(),
        };
        return Err(AssistantError::Refused(why));
    }
    Ok(Wording::from(answer))
}

/// The likelihood with all shots, and the influence of each.
fn influences(probing: &mut Probing) -> Result<(Likelihood, Vec<LogLikelihood>), AssistantError> {
    let (asked, cancel, all) = (probing.asked, probing.cancel, probing.steps.1);
    let Probing {
        engine,
        shots,
        wording,
        progress,
        ..
    } = probing;
    let mut told = |done: usize, _| progress(done, all);
    let explained = engine.explain(asked, shots, wording, cancel, &mut told)?;
    probing.steps.0 += explained.shots.len() + 1;
    let influences = explained.shots.iter().map(|influence| LogLikelihood {
        total: influence.total,
        per_token: influence.per_token,
    });
    Ok((explained.whole.clone(), influences.collect()))
}

/// The softmax of match scores.
fn shares(scores: &[f32]) -> Vec<f32> {
    let largest = scores.iter().copied().fold(f32::MIN, f32::max);
    let total: f32 = scores.iter().map(|score| (score - largest).exp()).sum();
    let share = |score: &f32| (score - largest).exp() / total;
    scores.iter().map(share).collect()
}

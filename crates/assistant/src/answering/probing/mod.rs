//! What the shots do: how likely a given answer is after explicit shots, and what attention does at its tokens.
//!
//! Nothing here chooses shots or shows an answer to a student. Shots come in prompt order, as they were in an answer or as somebody changed
//! them, and nothing is dropped silently: what does not fit is an error.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use super::Request;
use super::experiment::UNCHANGED;
use super::prompting::Prepared;
use super::ranking::distinct;
use crate::engine::Engine;
use crate::prompt::{self, Prompt};
use crate::retrieval::{Found, Order, Shot};
use crate::settings::Settings;
use crate::types::{Answer, AssistantError, Case};
use rounds_imaging::Image;
use rounds_model::EncodedImage;
use rounds_model::error::ModelError;
use rounds_model::generate::score::{self, Likelihood};
use rounds_model::recorder::Trace;
use rounds_model::rollout::PatchAttention;
use rounds_support::Cancel;
use serde::Serialize;

/// A question with its settings.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The question.
    pub case: &'a Case,
    /// Its settings. Those of retrieval have no effect where shots are given.
    pub settings: &'a Settings,
}

/// An answer as it is scored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wording {
    /// The answer.
    pub answer: String,
    /// The rationale before it. Only of use to a template that asks for the rationale first; then both are scored together.
    pub rationale: Option<String>,
}

impl From<&Answer> for Wording {
    fn from(answer: &Answer) -> Self {
        Self {
            answer: answer.answer.clone(),
            rationale: answer.rationale.clone(),
        }
    }
}

/// What one shot does to the likelihood of an answer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Influence {
    /// The shot's example.
    pub example_id: String,
    /// Its place in the prompt, 1 is the first.
    pub position: usize,
    /// Log-likelihood of the answer with all shots minus that without this one: above 0 if the shot makes the answer likelier.
    pub total: f64,
    /// The same, divided by the answer's number of tokens.
    pub per_token: f64,
}

/// Why an answer was given, as far as leaving out its shots can tell.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Explained {
    /// The likelihood with all shots.
    pub whole: Likelihood,
    /// The shots, in prompt order.
    pub shots: Vec<Influence>,
}

/// How an answer was read off a prompt.
#[derive(Clone, Debug)]
pub struct Reading {
    /// The likelihood of the answer.
    pub likelihood: Likelihood,
    /// What attention did where the answer's tokens were predicted; `None` for a learner that cannot tell.
    pub trace: Option<Trace>,
    /// Tokens before the first shot, up to the end of each shot, and in the whole prompt.
    pub borders: Vec<usize>,
    /// The match scores of the shots, in prompt order; empty where the learner has none, or they are not one for each shot.
    pub match_scores: Vec<f32>,
    /// Images of the shots, and of the question, in this order.
    pub images: (usize, usize),
}

impl Answer {
    /// The shots as they stand in the prompt.
    pub fn shots_in_prompt_order(&self) -> Vec<Shot> {
        let ids = self.provenance.shot_ids.iter();
        let shot = |id: &String| self.shots.iter().find(|shot| shot.example.id == *id);
        ids.filter_map(shot).cloned().collect()
    }
}

/// A prompt and what is to be scored after it.
struct Scored {
    prepared: Prepared,
    media: Vec<Arc<EncodedImage>>,
    ids: Vec<u32>,
    continuation: Vec<u32>,
}

impl Engine {
    /// The likelihood of an answer after these shots, which are in prompt order.
    ///
    /// Errors if the prompt does not fit, or the answer has no text.
    pub fn likelihood(
        &mut self,
        asked: Asked,
        shots: &[Shot],
        wording: &Wording,
        cancel: &Cancel,
    ) -> Result<Likelihood, AssistantError> {
        let scored = self.scored(asked, shots, wording, cancel)?;
        let learner = self.learner.as_mut();
        let (ids, continuation) = (&scored.ids, &scored.continuation);
        let found = score::likelihood(learner, ids, &scored.media, continuation, false, cancel)?;
        Ok(found.0)
    }

    /// [`Self::likelihood`], with what attention did.
    pub fn read(
        &mut self,
        asked: Asked,
        shots: &[Shot],
        wording: &Wording,
        cancel: &Cancel,
    ) -> Result<Reading, AssistantError> {
        let scored = self.scored(asked, shots, wording, cancel)?;
        let ordered = &scored.prepared.ordered;
        let learner = self.learner.as_mut();
        let (ids, continuation) = (&scored.ids, &scored.continuation);
        let (likelihood, trace) =
            score::likelihood(learner, ids, &scored.media, continuation, true, cancel)?;
        let mut match_scores = self.learner.match_scores()?;
        if match_scores.len() != ordered.len() {
            match_scores.clear();
        }
        let of_question = asked.case.images.len();
        let template = self
            .template
            .with_choices(&distinct(&asked.settings.options));
        Ok(Reading {
            likelihood,
            trace,
            borders: template.borders(
                self.learner.tokenizer(),
                &self.learner.manifest().tokens.begin,
                ordered,
                &asked.case.background.with_question(&asked.case.question),
                of_question,
            )?,
            match_scores,
            images: (scored.media.len() - of_question, of_question),
        })
    }

    /// What the model answers after these shots, which are in prompt order; empty if it gives no answer. With a rationale only where the
    /// template asks for that first: one that follows the answer is not waited for.
    pub fn written_after(
        &mut self,
        asked: Asked,
        shots: &[Shot],
        cancel: &Cancel,
    ) -> Result<Wording, AssistantError> {
        let (mut prepared, media) = self.with_shots(asked, shots, cancel)?;
        let ids = &prepared.prompt.ids;
        let inspected = self.learner.inspect(ids, &media, 1, false, cancel)?;
        let logits = match inspected.and_then(|found| found.logits.into_iter().next()) {
            Some(logits) => logits,
            None => self.learner.prefill(ids, &media, cancel)?,
        };
        let request = asked.request(cancel);
        let (prompt, answer) = (&prepared.prompt, &mut prepared.answer);
        let stop = self.template.stop.clone();
        if !self.template.rationale_first() {
            let marker = self.template.rationale_marker.clone();
            self.template.stop.push(marker);
        }
        let written = self.write(&request, prompt, logits, &mut |_| {}, answer);
        self.template.stop = stop;
        written?;
        match cancel.is_cancelled() {
            true => Err(ModelError::Cancelled.into()),
            false => Ok(Wording::from(&prepared.answer)),
        }
    }

    /// What each shot does to the likelihood of an answer: the likelihood with all shots, and without each of them. `progress` is told how
    /// many of how many likelihoods are done.
    pub fn explain(
        &mut self,
        asked: Asked,
        shots: &[Shot],
        wording: &Wording,
        cancel: &Cancel,
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<Explained, AssistantError> {
        let all = shots.len() + 1;
        let whole = self.likelihood(asked, shots, wording, cancel)?;
        progress(1, all);
        let mut influences = Vec::with_capacity(shots.len());
        // From the last to the first: each time the prompt begins with a part of what was computed before.
        for (at, shot) in shots.iter().enumerate().rev() {
            let mut others = shots.to_vec();
            others.remove(at);
            let without = self.likelihood(asked, &others, wording, cancel)?;
            influences.push(Influence {
                example_id: shot.example.id.clone(),
                position: at + 1,
                total: whole.sum - without.sum,
                per_token: whole.mean - without.mean,
            });
            progress(shots.len() - at + 1, all);
        }
        influences.reverse();
        Ok(Explained {
            whole,
            shots: influences,
        })
    }

    /// How the resampler reads an image; `None` for a learner without one.
    pub fn patch_attention(&self, image: &Image) -> Result<Option<PatchAttention>, AssistantError> {
        Ok(self.learner.patch_attention(image)?)
    }

    /// The prompt with these shots in this order, with the encoded images.
    fn with_shots(
        &mut self,
        asked: Asked,
        shots: &[Shot],
        cancel: &Cancel,
    ) -> Result<(Prepared, Vec<Arc<EncodedImage>>), AssistantError> {
        let ranked = shots.iter().zip(1..).map(|(shot, rank)| Shot {
            rank,
            ..shot.clone()
        });
        let settings = Settings {
            order: Order::SimilarFirst,
            ..asked.settings.clone()
        };
        let request = Asked {
            settings: &settings,
            ..asked
        };
        let request = request.request(cancel);
        super::request::check(request.case, request.settings)?;
        let found = Found {
            shots: ranked.collect(),
            ..Found::default()
        };
        let prepared = self.prepare(&request, found)?;
        let Prompt { kept, dropped, .. } = &prepared.prompt;
        if *dropped > 0 {
            return Err(AssistantError::Refused(format!(
                "only {} of {} shots fit into the model's context",
                kept.len(),
                shots.len()
            )));
        }
        let images = self.case_images(&request)?;
        let images = images.ok_or(ModelError::Cancelled)?;
        let media = self.media(&prepared.ordered, images, &request)?;
        Ok((prepared, media.ok_or(ModelError::Cancelled)?))
    }

    fn scored(
        &mut self,
        asked: Asked,
        shots: &[Shot],
        wording: &Wording,
        cancel: &Cancel,
    ) -> Result<Scored, AssistantError> {
        let (prepared, media) = self.with_shots(asked, shots, cancel)?;
        let answer = prompt::plain(&wording.answer);
        let rationale = wording.rationale.as_deref().map(prompt::plain);
        let rationale =
            rationale.filter(|text| !text.is_empty() && self.template.rationale_first());
        let marker = &self.template.answer_marker;
        let (before, text) = match rationale {
            Some(rationale) => (
                prepared.prompt.marked.clone(),
                format!("{rationale} {marker} {answer}"),
            ),
            None => (
                self.text_before_answer(&prepared.prompt, ""),
                answer.clone(),
            ),
        };
        let ids = self.ids(&before)?;
        let continuation = self.continuation(&before, &ids, &text)?;
        if answer.is_empty() || continuation.is_empty() {
            return Err(AssistantError::Refused(
                "there is no answer to score".into(),
            ));
        }
        Ok(Scored {
            prepared,
            media,
            ids,
            continuation,
        })
    }
}

impl<'a> Asked<'a> {
    fn request(self, cancel: &'a Cancel) -> Request<'a> {
        Request {
            case: self.case,
            settings: self.settings,
            cancel,
            experiment: &UNCHANGED,
        }
    }
}

//! Answers one case: choose shots, build the prompt, prefill, generate, and rank options.

mod contradiction;
mod copied;
mod experiment;
mod generation;
mod known;
mod probing;
mod prompting;
mod ranking;
mod reliability;
mod request;
mod selection;
mod wording;

use std::sync::Arc;
use std::time::Instant;

pub use copied::Copied;
pub use experiment::Experiment;
pub use known::{KnownCase, known_cases};
pub use probing::{Asked, Explained, Influence, Reading, Wording};
pub use reliability::{Standing, Vote};
pub use wording::{comparable, is_yes_or_no, marking_words, overlap, telling_words, unknown_of};

use super::engine::Engine;
use super::types::{Answer, AssistantError, Case, Event, Timings};
use crate::retrieval::Found;
use crate::settings::Settings;
use prompting::Prepared;
use rounds_index::{Example, IndexError};
use rounds_model::EncodedImage;
use rounds_model::error::ModelError;
use rounds_model::generate::StopReason;
use rounds_support::Cancel;

/// The inputs of one answer.
struct Request<'a> {
    case: &'a Case,
    settings: &'a Settings,
    cancel: &'a Cancel,
    experiment: &'a Experiment,
}

fn ms(from: Instant) -> f64 {
    (from.elapsed().as_secs_f64() * 1e5).round() / 100.0
}

impl Engine {
    /// Answers a case. `emit` gets every event except the last.
    pub fn answer(
        &mut self,
        case: &Case,
        settings: &Settings,
        cancel: &Cancel,
        emit: &mut dyn FnMut(Event),
    ) -> Result<Answer, AssistantError> {
        self.answer_with(case, settings, &experiment::UNCHANGED, cancel, emit)
    }

    /// As [`Engine::answer`], with what `experiment` changes.
    pub fn answer_with(
        &mut self,
        case: &Case,
        settings: &Settings,
        experiment: &Experiment,
        cancel: &Cancel,
        emit: &mut dyn FnMut(Event),
    ) -> Result<Answer, AssistantError> {
        let (started, encoded_before) = (Instant::now(), self.encode_count);
        request::check(case, settings)?;
        let request = Request {
            case,
            settings,
            cancel,
            experiment,
        };
        let Some(images) = self.case_images(&request)? else {
            return self.stopped(&request, started);
        };
        let found = match &experiment.shots {
            Some(shots) => experiment::given(shots),
            None => match self.choose(&request, &images) {
                Err(AssistantError::Index(IndexError::Cancelled)) => {
                    return self.stopped(&request, started);
                }
                other => other?,
            },
        };
        let retrieval_ms = ms(started);
        let Prepared {
            prompt,
            ordered,
            mut answer,
        } = self.prepare(&request, found)?;
        emit(Event::Retrieved {
            shots: answer.shots.clone(),
            asked: settings.shots,
            dropped: prompt.dropped,
        });
        emit(Event::Prompt(prompt.text.clone()));
        answer.standing.vote = reliability::vote(&answer.shots);
        if settings.prompt_only {
            return Ok(answer);
        }
        let refusal = match experiment.always {
            true => None,
            false => self.refusal(&request, &answer.shots),
        };
        if let Some(reason) = refusal {
            // The model looks at nothing.
            answer
                .notices
                .retain(|notice| !notice.contains("the model looked at"));
            let listed = reliability::listed(&answer.shots);
            let notice = format!("no answer: {reason}{listed}");
            answer.notices.insert(0, notice);
            answer.standing.withheld = Some(reason);
            answer.stop = StopReason::EndOfChunk;
            answer.timings.retrieval_ms = retrieval_ms;
            answer.timings.total_ms = ms(started);
            return Ok(answer);
        }
        let prefill = Instant::now();
        let Some(media) = self.media(&ordered, images, &request)? else {
            answer.stop = StopReason::Cancelled;
            answer.timings.retrieval_ms = retrieval_ms;
            answer.timings.total_ms = ms(started);
            return Ok(answer);
        };
        answer.timings.images_encoded = self.encode_count - encoded_before;
        let logits = match self.learner.prefill(&prompt.ids, &media, cancel) {
            Err(ModelError::Cancelled) => {
                answer.stop = StopReason::Cancelled;
                answer.timings = Timings {
                    retrieval_ms,
                    prefill_ms: ms(prefill),
                    total_ms: ms(started),
                    ..answer.timings
                };
                return Ok(answer);
            }
            other => other?,
        };
        let prefill_ms = ms(prefill);
        answer.standing.nearness =
            reliability::Nearness::of(&ordered, &case.question, &media, case.images.len());
        reliability::share_match(&mut answer.shots, &ordered, &self.learner.match_scores()?);
        let decode = Instant::now();
        let before = answer.notices.len();
        let written = self.write(&request, &prompt, logits, emit, &mut answer)?;
        let last = answer.provenance.shot_ids.last().map(String::as_str);
        let rationale = answer.rationale.as_deref();
        let is_complete = answer.stop != StopReason::Cancelled;
        let copied = Copied::of(&answer.answer, rationale, &answer.shots, last);
        answer.standing.copied = copied.filter(|_| is_complete);
        answer.standing.contradicted = rationale
            .filter(|_| is_complete)
            .and_then(|text| {
                contradiction::contradicting_clause(&case.question, &answer.answer, text)
            })
            .map(String::from);
        if answer.standing.contradicted.is_some() {
            answer.standing.sure = answer.standing.sure.map(|_| false);
        }
        // What the model did comes before how its shots were found. Half an answer is compared with nothing.
        let said = match is_complete {
            true => answer.answer.as_str(),
            false => "",
        };
        let told = [
            answer.standing.contradiction_in_words(),
            answer.standing.confidence_in_words(),
            answer.standing.vote_in_words(said),
            answer.standing.copied.as_ref().map(Copied::in_words),
        ];
        let told = told.into_iter().flatten();
        // A problem has a reference answer of its own, which is shown when it is asked for.
        let known = match case.background.is_empty() {
            true => known::known_finding(&case.images, &case.question, said),
            false => None,
        };
        let own = answer.notices.split_off(before);
        answer.notices.splice(0..0, own.into_iter().chain(told));
        answer.notices.splice(0..0, known);
        self.rank_options(&request, &prompt, &written, &media, &mut answer)?;
        answer.timings = Timings {
            retrieval_ms,
            prefill_ms,
            decode_ms: ms(decode),
            total_ms: ms(started),
            ..answer.timings
        };
        Ok(answer)
    }

    /// The encoded images of the case; `None` if cancelled, possibly while the request was queued.
    fn case_images(
        &mut self,
        request: &Request,
    ) -> Result<Option<Vec<Arc<EncodedImage>>>, AssistantError> {
        let mut images = Vec::new();
        for image in &request.case.images {
            if request.cancel.is_cancelled() {
                return Ok(None);
            }
            images.push(self.cached(&image.source.sha256, |engine| engine.encode(image))?);
        }
        Ok(Some(images).filter(|_| !request.cancel.is_cancelled()))
    }

    /// The answer to a question that was cancelled before its shots were chosen.
    fn stopped(&self, request: &Request, started: Instant) -> Result<Answer, AssistantError> {
        let mut answer = self.prepare(request, Found::default())?.answer;
        answer.stop = StopReason::Cancelled;
        answer.timings.total_ms = ms(started);
        Ok(answer)
    }

    /// The encoded images of the shots, followed by those of the case; `None` if cancelled.
    fn media(
        &mut self,
        shots: &[Example],
        images: Vec<Arc<EncodedImage>>,
        request: &Request,
    ) -> Result<Option<Vec<Arc<EncodedImage>>>, AssistantError> {
        let mut media = Vec::new();
        for example in shots {
            if request.cancel.is_cancelled() {
                return Ok(None);
            }
            if request.experiment.blank_shots {
                let blank = self.blank_image()?;
                media.extend(std::iter::repeat_n(blank, example.images.len()));
            } else {
                media.extend(self.shot_images(example)?);
            }
        }
        if request.experiment.blank_question {
            let blank = self.blank_image()?;
            media.extend(std::iter::repeat_n(blank, images.len()));
        } else {
            media.extend(images);
        }
        Ok(Some(media))
    }
}

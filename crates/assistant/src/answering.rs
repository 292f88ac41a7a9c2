//! One answer from beginning to end: choose shots, put them into a prompt, read it, write, and rank.

mod choosing;
mod prompting;
mod ranking;
mod request;
mod writing;

use std::sync::Arc;
use std::time::Instant;

use super::engine::Engine;
use super::types::{Answer, AssistantError, Case, Event, Settings, Timings};
use crate::retrieval::Found;
use prompting::Prepared;
use rounds_index::{Example, IndexError};
use rounds_model::EncodedImage;
use rounds_model::error::ModelError;
use rounds_model::generate::StopReason;
use rounds_support::Cancel;

/// A request, whichever part of it is worked on.
struct Asked<'a> {
    case: &'a Case,
    settings: &'a Settings,
    cancel: &'a Cancel,
}

fn ms(from: Instant) -> f64 {
    (from.elapsed().as_secs_f64() * 1e5).round() / 100.0
}

impl Engine {
    /// Answers a case. `emit` gets everything but the last event.
    pub fn answer(
        &mut self,
        case: &Case,
        settings: &Settings,
        cancel: &Cancel,
        emit: &mut dyn FnMut(Event),
    ) -> Result<Answer, AssistantError> {
        let (started, encoded_before) = (Instant::now(), self.encoded);
        request::check(case, settings)?;
        let asked = Asked {
            case,
            settings,
            cancel,
        };
        let Some(images) = self.case_images(&asked)? else {
            return self.stopped(&asked, started);
        };
        let found = match self.choose(&asked, &images) {
            Err(AssistantError::Index(IndexError::Cancelled)) => {
                return self.stopped(&asked, started);
            }
            other => other?,
        };
        let retrieval_ms = ms(started);
        let Prepared {
            prompt,
            ordered,
            mut answer,
        } = self.prepare(&asked, found)?;
        emit(Event::Retrieved {
            shots: answer.shots.clone(),
            asked: settings.shots,
            dropped: prompt.dropped,
        });
        emit(Event::Prompt(prompt.text.clone()));
        if settings.prompt_only {
            return Ok(answer);
        }
        let prefill = Instant::now();
        let Some(media) = self.media(&ordered, images, cancel)? else {
            answer.stop = StopReason::Cancelled;
            answer.timings.total_ms = ms(started);
            return Ok(answer);
        };
        answer.timings.images_encoded = self.encoded - encoded_before;
        let logits = match self.learner.prefill(&prompt.ids, &media, cancel) {
            Err(ModelError::Cancelled) => {
                answer.stop = StopReason::Cancelled;
                return Ok(answer);
            }
            other => other?,
        };
        let prefill_ms = ms(prefill);
        let decode = Instant::now();
        let written = self.write(&asked, &prompt, logits, emit, &mut answer)?;
        self.rank_options(&asked, &prompt, &written, &media, &mut answer)?;
        answer.timings = Timings {
            retrieval_ms,
            prefill_ms,
            decode_ms: ms(decode),
            total_ms: ms(started),
            ..answer.timings
        };
        Ok(answer)
    }

    /// The pictures of the case as the model sees them; `None` where it was cancelled, maybe while it waited for its turn.
    fn case_images(
        &mut self,
        asked: &Asked,
    ) -> Result<Option<Vec<Arc<EncodedImage>>>, AssistantError> {
        let mut images = Vec::new();
        for picture in &asked.case.images {
            if asked.cancel.is_cancelled() {
                return Ok(None);
            }
            let image = self.kept(&picture.source.sha256, |engine| engine.encode(picture))?;
            images.push(image);
        }
        Ok(Some(images).filter(|_| !asked.cancel.is_cancelled()))
    }

    /// The answer of a question that was cancelled before it had shots.
    fn stopped(&self, asked: &Asked, started: Instant) -> Result<Answer, AssistantError> {
        let mut answer = self.prepare(asked, Found::default())?.answer;
        answer.stop = StopReason::Cancelled;
        answer.timings.total_ms = ms(started);
        Ok(answer)
    }

    /// The pictures of the shots and then those of the case, as the model sees them; `None` where it was cancelled.
    fn media(
        &mut self,
        shots: &[Example],
        images: Vec<Arc<EncodedImage>>,
        cancel: &Cancel,
    ) -> Result<Option<Vec<Arc<EncodedImage>>>, AssistantError> {
        let mut media = Vec::new();
        for example in shots {
            if cancel.is_cancelled() {
                return Ok(None);
            }
            media.extend(self.shot_images(example)?);
        }
        media.extend(images);
        Ok(Some(media))
    }
}

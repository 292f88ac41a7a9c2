//! What an experiment changes about an answer: given shots instead of retrieved ones, images hidden, refusals lifted.
//!
//! Evaluations and probes ask through here, so that they measure the program's own way of answering. Surfaces never do: a user's
//! answer has no experiment in it.

use std::sync::Arc;

use super::Request;
use crate::engine::Engine;
use crate::retrieval::{Found, Shot};
use crate::settings::Settings;
use crate::types::{AssistantError, Case};
use rounds_model::EncodedImage;
use rounds_support::Cancel;

/// What differs from the answer that a user would get. The default changes nothing.
#[derive(Clone, Debug, Default)]
pub struct Experiment {
    /// These shots, the most similar first, instead of retrieved ones. Their texts may differ from the index's; their images must be in it.
    pub shots: Option<Vec<Shot>>,
    /// Show the model grey images in place of those of the shots.
    pub blank_shots: bool,
    /// Show the model a grey image in place of each of the question's.
    pub blank_question: bool,
    /// Let the model answer where the program would withhold an answer before it is generated (no image, an image in colour or of another texture, words that it does not know).
    pub always: bool,
    /// Stop where the rationale would begin; for templates that put it last.
    pub answer_only: bool,
}

/// An experiment that changes nothing.
pub(super) static UNCHANGED: Experiment = Experiment {
    shots: None,
    blank_shots: false,
    blank_question: false,
    always: false,
    answer_only: false,
};

impl Engine {
    /// The shots that a question would get, with notices about the choice.
    ///
    /// # Errors
    /// As [`Engine::answer`]; [`rounds_index::IndexError::Cancelled`] if cancelled.
    pub fn shots(
        &mut self,
        case: &Case,
        settings: &Settings,
        cancel: &Cancel,
    ) -> Result<Found, AssistantError> {
        super::request::check(case, settings)?;
        let request = Request {
            case,
            settings,
            cancel,
            experiment: &UNCHANGED,
        };
        match self.case_images(&request)? {
            Some(images) => self.choose(&request, &images),
            None => Err(rounds_index::IndexError::Cancelled.into()),
        }
    }

    /// The features of a plain grey image of the tower's size.
    pub(super) fn blank_image(&mut self) -> Result<Arc<EncodedImage>, AssistantError> {
        let side = self.learner.manifest().config.vision().image_size() as u32;
        self.cached("blank", |engine| {
            engine.encode(&rounds_imaging::blank(side))
        })
    }
}

/// Given shots as if they had been found, ranked in their order.
pub(super) fn given(shots: &[Shot]) -> Found {
    let mut shots = shots.to_vec();
    for (at, shot) in shots.iter_mut().enumerate() {
        shot.rank = at + 1;
    }
    Found {
        shots,
        ..Found::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::on_nano as engine;
    use crate::fixtures;
    use crate::retrieval::Strategy;

    fn case() -> Case {
        let mut images = std::fs::read_dir(fixtures::path("cases")).unwrap();
        let first = images.next().unwrap().unwrap().path();
        Case {
            images: vec![rounds_imaging::load(&first).unwrap()],
            question: "What does this image show?".into(),
            ..Case::default()
        }
    }

    #[test]
    fn given_shots_and_their_changed_answers_are_what_the_model_reads() {
        let (mut engine, case, cancel) = (engine(), case(), Cancel::new());
        let settings = Settings {
            shots: 2,
            strategy: Strategy::Image,
            ..Settings::default()
        };
        let found = engine.shots(&case, &settings, &cancel).unwrap();
        assert_eq!(found.shots.len(), 2);
        let mut changed = found.shots.clone();
        changed.reverse();
        changed[0].example.answer = "zanzibar".into();
        let experiment = Experiment {
            shots: Some(changed.clone()),
            ..Experiment::default()
        };
        let mut prompt = String::new();
        let settings = Settings {
            prompt_only: true,
            ..settings
        };
        let answer = engine
            .answer_with(&case, &settings, &experiment, &cancel, &mut |event| {
                if let crate::Event::Prompt(text) = event {
                    prompt = text;
                }
            })
            .unwrap();
        assert!(prompt.contains("zanzibar"), "{prompt}");
        let ids: Vec<&str> = answer.shots.iter().map(|s| s.example.id.as_str()).collect();
        assert_eq!(
            ids,
            [
                changed[0].example.id.as_str(),
                changed[1].example.id.as_str()
            ]
        );
        assert_eq!((answer.shots[0].rank, answer.shots[1].rank), (1, 2));
    }

    #[test]
    fn hidden_images_change_what_the_model_computes() {
        let (mut engine, case, cancel) = (engine(), case(), Cancel::new());
        let settings = Settings {
            shots: 2,
            strategy: Strategy::Image,
            ..Settings::default()
        };
        let mut probabilities = Vec::new();
        for (blank_shots, blank_question) in [(false, false), (true, false), (false, true)] {
            let experiment = Experiment {
                blank_shots,
                blank_question,
                ..Experiment::default()
            };
            let answer = engine
                .answer_with(&case, &settings, &experiment, &cancel, &mut |_| {})
                .unwrap();
            assert_eq!(answer.shots.len(), 2);
            probabilities.push(answer.log_probabilities);
        }
        assert_ne!(probabilities[0], probabilities[1]);
        assert_ne!(probabilities[0], probabilities[2]);
    }
}

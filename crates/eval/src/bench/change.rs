//! What controls change about shots, and the seed of each question.

use super::condition::{Condition, Control};
use rounds_assistant::retrieval::{Shot, Strategy};
use rounds_assistant::{AssistantError, Case, Engine, Settings, comparable};
use rounds_index::Example;
use rounds_support::Cancel;
use rounds_support::rng::Rng;

/// The seed of a question under a condition.
pub(super) fn seed_of(condition: &Condition, example: &Example) -> u64 {
    let identity = example.identity();
    let salt = u64::from_le_bytes(std::array::from_fn(|at| identity[at]));
    Rng::new(condition.seed).fork(salt).next_u64()
}

/// What a control takes from other examples.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Changed {
    Answers,
    Images,
}

pub(super) fn changed_by(condition: &Condition) -> Option<Changed> {
    match condition.control {
        Some(Control::ShuffledAnswers) => Some(Changed::Answers),
        Some(Control::ShuffledImages) => Some(Changed::Images),
        _ => None,
    }
}

/// Examples at random that could be shots of the question, so that nothing of its image, patient or study comes in by a control.
pub(super) fn donors(
    engine: &mut Engine,
    case: &Case,
    settings: &Settings,
    shots: usize,
    cancel: &Cancel,
) -> Result<Vec<Example>, AssistantError> {
    let settings = Settings {
        shots: (8 * shots.max(1)).min(rounds_assistant::MAX_SHOTS),
        strategy: Strategy::Random,
        ..settings.clone()
    };
    let found = engine.shots(case, &settings, cancel)?;
    Ok(found.shots.into_iter().map(|shot| shot.example).collect())
}

/// Gives every shot an answer, or images, of another example that differ from its own; each donor gives once.
pub(super) fn change(
    shots: &mut [Shot],
    mut donors: Vec<Example>,
    what: Changed,
) -> Result<(), AssistantError> {
    for shot in shots {
        let own = &shot.example;
        let fits = |other: &Example| {
            other.id != own.id
                && match what {
                    Changed::Answers => comparable(&other.answer) != comparable(&own.answer),
                    Changed::Images => {
                        other.images != own.images && other.images.len() == own.images.len()
                    }
                }
        };
        let Some(at) = donors.iter().position(fits) else {
            return Err(AssistantError::Refused(
                "the examples differ too little to give this question's shots other answers or images".into(),
            ));
        };
        let other = donors.swap_remove(at);
        match what {
            Changed::Answers => {
                shot.example.answer = other.answer;
                shot.example.rationale = other.rationale;
            }
            Changed::Images => shot.example.images = other.images,
        }
    }
    Ok(())
}

//! What controls change about shots, and the seed of each question.

use std::collections::HashMap;

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

/// Examples that could be shots of the question, so that nothing of its image, patient or study comes in by a control: first the shots that it
/// comes with, in an order by seed, then others at random.
pub(super) fn donors(
    engine: &mut Engine,
    case: &Case,
    settings: &Settings,
    own: &[Example],
    shots: usize,
    cancel: &Cancel,
) -> Result<Vec<Example>, AssistantError> {
    let mut donors = own.to_vec();
    Rng::new(settings.decoding.seed).shuffle(&mut donors);
    let settings = Settings {
        shots: (8 * shots.max(1)).min(rounds_assistant::MAX_SHOTS),
        strategy: Strategy::Random,
        ..settings.clone()
    };
    let found = engine.shots(case, &settings, cancel)?;
    donors.extend(found.shots.into_iter().map(|shot| shot.example));
    Ok(donors)
}

/// Gives every shot an answer, or images, of another example that differ from its own; each donor gives once. Returns the ids of each shot and
/// its donor.
pub(super) fn change(
    shots: &mut [Shot],
    mut donors: Vec<Example>,
    what: Changed,
) -> Result<HashMap<String, String>, AssistantError> {
    let mut given = HashMap::new();
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
        // The others keep their order, so that those that come first give first.
        let other = donors.remove(at);
        given.insert(own.id.clone(), other.id.clone());
        match what {
            Changed::Answers => {
                shot.example.answer = other.answer;
                shot.example.rationale = other.rationale;
            }
            Changed::Images => shot.example.images = other.images,
        }
    }
    Ok(given)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example(id: &str, answer: &str) -> Example {
        Example {
            id: id.into(),
            answer: answer.into(),
            ..Example::default()
        }
    }

    #[test]
    fn each_donor_gives_once_and_the_first_ones_give_first() {
        let own = [example("a", "lung"), example("b", "heart")];
        let mut shots: Vec<Shot> = own
            .iter()
            .map(|example| Shot {
                example: example.clone(),
                score: 0.0,
                rank: 1,
                reason: String::new(),
                match_share: None,
            })
            .collect();
        let mut donors = own.to_vec();
        donors.push(example("c", "spleen"));
        let given = change(&mut shots, donors.clone(), Changed::Answers).unwrap();
        assert_eq!((given["a"].as_str(), given["b"].as_str()), ("b", "a"));
        assert_eq!(shots[0].example.answer, "heart");
        // The only donor is the shot itself.
        let mut same = shots.clone();
        same[1].example.answer = "heart".into();
        assert!(change(&mut same, vec![example("a", "heart")], Changed::Answers).is_err());
    }
}

//! Questions about phantoms with unseen seeds.

use serde::Serialize;
use std::collections::BTreeMap;

use crate::share::{Share, same};
use rounds_assistant::retrieval::Strategy;
use rounds_assistant::{Case, Engine, Settings, Setup};
use rounds_model::generate::Decoding;
use rounds_phantom::questions::ask;
use rounds_phantom::{KINDS, render};
use rounds_support::Cancel;
use rounds_support::rng::Rng;
use rounds_train::pool::{PHANTOM_SIDE, phantom_image, seeds};

/// Result of [`phantoms`].
#[derive(Debug, Default, Serialize)]
pub struct PhantomResult {
    /// Questions with a fixed set of answers.
    pub closed: Share,
    /// All other questions.
    pub open: Share,
    /// What copying would reach: the most common answer among the shots; ties go to the most similar shot.
    pub vote: Share,
    /// All questions by topic.
    pub by_topic: BTreeMap<String, Share>,
}

/// The most common answer; ties go to the first, which is the most similar example's.
fn vote<'a>(answers: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let answers: Vec<&str> = answers.collect();
    let count = |a: &str| answers.iter().filter(|b| same(a, b)).count();
    let best = answers.iter().map(|a| count(a)).max()?;
    answers.iter().copied().find(|a| count(a) == best)
}

/// Asks about `count` phantoms with `shots` shots by image similarity. `blank` shows the model a grey image instead.
pub fn phantoms(
    setup: &Setup,
    count: usize,
    shots: usize,
    blank: bool,
    mut each: impl FnMut(usize),
) -> anyhow::Result<PhantomResult> {
    let mut engine = Engine::load(setup)?;
    let mut result = PhantomResult::default();
    for i in 0..count {
        let seed = seeds::EVALUATION + i as u64;
        let phantom = render(i % KINDS.len(), seed, PHANTOM_SIDE);
        let qa = ask(&phantom, &mut Rng::new(seed));
        let mut shown = phantom_image(&phantom);
        if blank {
            shown = rounds_imaging::blank(shown.width);
        }
        let case = Case {
            images: vec![shown],
            question: qa.question.clone(),
            ..Case::default()
        };
        let settings = Settings {
            shots,
            strategy: if shots == 0 {
                Strategy::None
            } else {
                Strategy::Image
            },
            decoding: Decoding {
                max_new_tokens: 80,
                ..Decoding::default()
            },
            ..Settings::default()
        };
        let answer = engine.answer(&case, &settings, &Cancel::new(), &mut |_| {})?;
        let right = same(&answer.answer, &qa.answer);
        if qa.closed {
            result.closed.add(right);
        } else {
            result.open.add(right);
        }
        if let Some(voted) = vote(answer.shots.iter().map(|s| s.example.answer.as_str())) {
            result.vote.add(same(voted, &qa.answer));
        }
        result
            .by_topic
            .entry(qa.topic.name().into())
            .or_default()
            .add(right);
        each(i + 1);
    }
    Ok(result)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vote_takes_the_most_common_answer_and_ties_go_to_the_first() {
        assert_eq!(vote(["no", "yes", "Yes."].into_iter()), Some("yes"));
        assert_eq!(vote(["left", "right"].into_iter()), Some("left"));
        assert_eq!(vote(std::iter::empty()), None);
    }
}

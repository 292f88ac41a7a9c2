//! Counterfactual answers: one shot's answer is replaced. A model that reads its shots follows, or at least is less sure.

use super::opposite::{opposite, with_words};
use super::{LogLikelihood, Probing};
use rounds_assistant::retrieval::Shot;
use rounds_assistant::{AssistantError, comparable};
use rounds_support::rng::Rng;
use serde::Serialize;

/// Where the other answer comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Replacement {
    /// Left for right, yes for no and the like.
    Opposite,
    /// The answer of another shot.
    Shot,
    /// The answer of a random example of the index.
    Index,
}

/// One shot with another answer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Flip {
    /// Place in the prompt, 1 is the first.
    pub position: usize,
    /// Its example.
    pub example_id: String,
    /// Its answer.
    pub from: String,
    /// The answer that it got instead.
    pub to: String,
    /// Where that comes from.
    pub replacement: Replacement,
    /// What the model answered then.
    pub answer: String,
    /// Whether that differs from its answer with the true shots.
    pub flipped: bool,
    /// Whether it is the answer that the shot got.
    pub followed: bool,
    /// Of the scored answer.
    pub log_likelihood: LogLikelihood,
}

/// Attempts to find an example of the index with another answer.
const ATTEMPTS: usize = 50;

/// Replaces the answer of each shot in turn. A shot without any other answer to be had is left out.
pub(super) fn flips(
    probing: &mut Probing,
    model_answer: &str,
) -> Result<Vec<Flip>, AssistantError> {
    let all = probing.shots.clone();
    let mut flips = Vec::with_capacity(all.len());
    // From the last to the first: what stands before the shot is computed once.
    for (at, shot) in all.iter().enumerate().rev() {
        let Some((to, replacement)) = other_answer(probing, at)? else {
            continue;
        };
        let mut shots = all.clone();
        if let Some(changed) = shots.get_mut(at) {
            *changed = with_answer(shot, &to);
        }
        let log_likelihood = probing.score(&shots)?;
        let answer = probing.answer(&shots)?;
        flips.push(Flip {
            position: at + 1,
            example_id: shot.example.id.clone(),
            from: shot.example.answer.clone(),
            flipped: comparable(&answer) != comparable(model_answer),
            followed: comparable(&answer) == comparable(&to),
            to,
            replacement,
            answer,
            log_likelihood,
        });
    }
    flips.reverse();
    Ok(flips)
}

/// An answer that differs from that of the shot with this index.
fn other_answer(
    probing: &Probing,
    at: usize,
) -> Result<Option<(String, Replacement)>, AssistantError> {
    let Some(shot) = probing.shots.get(at) else {
        return Ok(None);
    };
    let own = comparable(&shot.example.answer);
    let differs = |answer: &str| {
        let other = comparable(answer);
        !other.is_empty() && other != own
    };
    if let Some(other) = opposite(&shot.example.answer) {
        return Ok(Some((other, Replacement::Opposite)));
    }
    // The most similar of the others first.
    let mut others: Vec<&Shot> = probing.shots.iter().collect();
    others.sort_by_key(|shot| shot.rank);
    let other = others.iter().find(|shot| differs(&shot.example.answer));
    if let Some(other) = other {
        return Ok(Some((other.example.answer.clone(), Replacement::Shot)));
    }
    let index = probing.engine.index();
    let seed = probing.asked.settings.decoding.seed;
    let mut rng = Rng::new(seed).fork(at as u64);
    for _ in 0..ATTEMPTS.min(index.rows() * 4) {
        let drawn = index.find_example(rng.below(index.rows()))?;
        if let Some(example) = drawn.filter(|example| differs(&example.answer)) {
            return Ok(Some((example.answer, Replacement::Index)));
        }
    }
    Ok(None)
}

/// The shot with another answer, also where its rationale states the old one.
fn with_answer(shot: &Shot, to: &str) -> Shot {
    let from = shot.example.answer.clone();
    let mut changed = shot.clone();
    changed.example.answer = to.to_string();
    let rationale = &shot.example.rationale;
    changed.example.rationale = match opposite(&from).as_deref() == Some(to) {
        // Word by word, in a longer text too: "in the left lung" becomes "in the right lung".
        true => {
            let (old, new) = (words(&from), words(to));
            let other = |word: &str| {
                let at = old.iter().position(|old| *old == word.to_lowercase());
                let new = at.and_then(|at| new.get(at)).cloned();
                new.filter(|new| *new != word.to_lowercase())
            };
            with_words(rationale, other).0
        }
        false => replace_phrase(rationale, &from, to),
    };
    changed
}

fn words(text: &str) -> Vec<String> {
    comparable(text).split(' ').map(str::to_string).collect()
}

/// `text` with `from` replaced where it stands as whole words.
fn replace_phrase(text: &str, from: &str, to: &str) -> String {
    let from = from.trim_end_matches(['.', ' ']);
    if from.is_empty() {
        return text.to_string();
    }
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(at) = rest.find(from) {
        let (before, found) = rest.split_at(at);
        let after = found.get(from.len()..).unwrap_or_default();
        let inside = |edge: Option<char>| edge.is_some_and(char::is_alphanumeric);
        let is_whole = !inside(before.chars().next_back().or(out.chars().next_back()))
            && !inside(after.chars().next());
        out.push_str(before);
        out.push_str(if is_whole { to } else { from });
        rest = after;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use rounds_index::Example;

    fn changed(answer: &str, rationale: &str, to: &str) -> (String, String) {
        let shot = Shot {
            example: Example {
                answer: answer.into(),
                rationale: rationale.into(),
                ..Example::default()
            },
            score: 0.5,
            rank: 1,
            reason: String::new(),
            match_share: None,
        };
        let shot = with_answer(&shot, to);
        (shot.example.answer, shot.example.rationale)
    }

    #[test]
    fn the_rationale_of_a_changed_shot_states_its_new_answer() {
        assert_eq!(
            changed("dax", "The shape is called dax, not daxes.", "wug"),
            ("wug".into(), "The shape is called wug, not daxes.".into())
        );
        assert_eq!(
            changed("left lung", "A mass in the left lung.", "right lung"),
            ("right lung".into(), "A mass in the right lung.".into())
        );
        assert_eq!(
            changed("no", "A nodule is not seen.", "yes").1,
            "A nodule is not seen."
        );
        assert_eq!(changed("", "Nothing.", "yes").1, "Nothing.");
    }
}

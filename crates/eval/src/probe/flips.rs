//! Counterfactual answers: one shot's answer is replaced. A model that reads its shots follows, or at least is less sure.

use super::opposite::{is_answer, like, opposite, with_words};
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
    /// Whether it changed to the answer that the shot got.
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
            // Its two steps are done as well.
            probing.step();
            probing.step();
            continue;
        };
        let mut shots = all.clone();
        if let Some(changed) = shots.get_mut(at) {
            *changed = with_answer(shot, &to);
        }
        let log_likelihood = probing.score(&shots)?;
        let answer = probing.answer(&shots)?;
        let (flipped, followed) = outcome(&answer, model_answer, &to);
        flips.push(Flip {
            position: at + 1,
            example_id: shot.example.id.clone(),
            from: shot.example.answer.clone(),
            flipped,
            followed,
            to,
            replacement,
            answer,
            log_likelihood,
        });
    }
    flips.reverse();
    Ok(flips)
}

/// Whether an answer differs from the one with the true shots, and whether it became what the shot got. A model that had said that before
/// has followed nothing.
fn outcome(answer: &str, before: &str, to: &str) -> (bool, bool) {
    let answer = comparable(answer);
    let flipped = answer != comparable(before);
    (flipped, flipped && answer == comparable(to))
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
            let other = |word: &str, after: &str| {
                let at = old.iter().position(|old| *old == word.to_lowercase());
                let new = at.and_then(|at| new.get(at));
                let new = new.filter(|new| **new != word.to_lowercase() && is_answer(word, after));
                new.map(|new| like(word, new))
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

/// `text` with `from` replaced where it stands as whole words, in upper or lower case.
fn replace_phrase(text: &str, from: &str, to: &str) -> String {
    let from = from.trim_end_matches(['.', ' ']);
    let inside = |edge: Option<char>| edge.is_some_and(char::is_alphanumeric);
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    let mut before = None;
    while let Some(letter) = rest.chars().next() {
        let found = length_at_start(rest, from).map(|length| rest.split_at(length));
        let whole = found.filter(|(_, after)| !inside(before) && !inside(after.chars().next()));
        let (taken, after) = match whole {
            Some((phrase, after)) => {
                out.push_str(to);
                (phrase, after)
            }
            None => {
                out.push(letter);
                rest.split_at(letter.len_utf8())
            }
        };
        before = taken.chars().next_back();
        rest = after;
    }
    out
}

/// How many bytes of `text` are `start` at its beginning, in upper or lower case; `None` if it begins otherwise, or `start` is empty.
fn length_at_start(text: &str, start: &str) -> Option<usize> {
    let mut wanted = start.chars().flat_map(char::to_lowercase).peekable();
    wanted.peek()?;
    for (at, letter) in text.char_indices() {
        if wanted.peek().is_none() {
            return Some(at);
        }
        for lower in letter.to_lowercase() {
            if wanted.next() != Some(lower) {
                return None;
            }
        }
    }
    wanted.peek().is_none().then_some(text.len())
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

    #[test]
    fn a_rationale_states_an_answer_in_upper_or_lower_case() {
        assert_eq!(
            changed("Pneumonia", "Consistent with pneumonia.", "Effusion").1,
            "Consistent with Effusion."
        );
        assert_eq!(
            changed("left", "Left hilum. LEFTward shift.", "right").1,
            "Right hilum. LEFTward shift."
        );
        assert_eq!(changed("\u{130}d", "\u{130}d, i\u{307}d", "x").1, "x, x");
    }

    #[test]
    fn yes_and_no_are_replaced_only_where_they_are_the_answer() {
        assert_eq!(
            changed("no", "No, there is no nodule, so: no.", "yes").1,
            "Yes, there is no nodule, so: yes."
        );
        assert_eq!(
            changed("yes", "Yes. A nodule is seen", "no").1,
            "No. A nodule is seen"
        );
    }

    #[test]
    fn a_model_that_said_the_other_answer_before_has_not_followed() {
        assert_eq!(outcome("Yes.", "no", "yes"), (true, true));
        assert_eq!(outcome("yes", "yes", "yes"), (false, false));
        assert_eq!(outcome("left", "no", "yes"), (true, false));
        assert_eq!(outcome("", "no", "yes"), (true, false));
    }
}

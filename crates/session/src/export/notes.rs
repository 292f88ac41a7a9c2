//! Sentences that Markdown and HTML share.

use std::borrow::Cow;

use crate::types::{Session, StoredAnswer, StoredShot, Turn, TurnState};

/// A note on a turn's position and state: `follows turn 2, stopped`.
pub(super) fn turn_status(session: &Session, turn: &Turn) -> String {
    let mut earlier = session
        .turns
        .iter()
        .rev()
        .filter(|other| other.number < turn.number);
    let sibling = earlier.find(|other| other.parent == turn.parent);
    let position = match (sibling, turn.parent) {
        (Some(sibling), _) => Some(format!("another version of turn {}", sibling.number)),
        (None, Some(parent)) if turn.number.checked_sub(1) != Some(parent) => {
            Some(format!("follows turn {parent}"))
        }
        _ => None,
    };
    let state = (turn.state != TurnState::Answered).then(|| turn.state.name().to_owned());
    [position, state]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(", ")
}

/// What is true of every answer, from the first one that says it.
pub(super) fn about_model(session: &Session) -> Option<&str> {
    let answers = session.turns.iter().filter_map(|turn| turn.answer.as_ref());
    answers
        .filter_map(|answer| answer.about_model.as_deref())
        .next()
}

/// The answer's text with a word on a low confidence, or why there is none.
pub(super) fn answer_text(answer: &StoredAnswer) -> Cow<'_, str> {
    match (answer.answer.is_empty(), &answer.withheld, answer.sure) {
        (true, Some(_), _) => "No answer is shown.".into(),
        (true, None, _) => "The model gave no answer.".into(),
        (false, _, Some(false)) => format!("not sure: {}", answer.answer).into(),
        (false, ..) => answer.answer.as_str().into(),
    }
}

/// The rationale's text; `None` if no model was asked for one, or what it said is withheld.
pub(super) fn rationale_text(answer: &StoredAnswer) -> Option<&str> {
    let missing = "The model gave no rationale.";
    let missing = Some(missing).filter(|_| answer.withheld.is_none());
    answer.rationale.as_deref().or(missing)
}

/// Why a turn has no answer, for the reader.
pub(super) fn no_answer_reason(turn: &Turn) -> String {
    match (turn.state, &turn.message) {
        (TurnState::Failed, Some(message)) => format!("No answer: {message}"),
        (TurnState::Stopped, _) => "Stopped before the answer was complete.".to_owned(),
        (TurnState::Interrupted, _) => {
            "Interrupted: the program ended before the answer was complete.".to_owned()
        }
        _ => "No answer yet.".to_owned(),
    }
}

/// A shot's score for display; `None` if it has none, and then its reason says how it was chosen.
pub(super) fn score(shot: &StoredShot) -> Option<String> {
    shot.known_score().map(|score| format!("{score:.3}"))
}

//! How cards, schedules and reviews are written in rows, and read back without trusting them.

use rusqlite::Row;
use serde::Serialize;
use serde::de::DeserializeOwned;

use rounds_support::sanitise::{clean, clean_line};

use super::types::{Review, ReviewKind};
use crate::card::Card;
use crate::error::{StudyError, unreadable};
use crate::schedule::{Grade, Phase, Schedule};
use crate::settings::Settings;

/// Longest typed answer kept, in characters.
const MAX_TYPED: usize = 4000;

/// As JSON.
pub(super) fn json<T: Serialize>(value: &T) -> Result<String, StudyError> {
    serde_json::to_string(value).map_err(unreadable)
}

fn from_json<T: DeserializeOwned>(what: &str, text: &str) -> Result<T, StudyError> {
    serde_json::from_str(text).map_err(|error| unreadable(format!("{what}: {error}")))
}

/// A card from its JSON.
pub(super) fn card(text: &str) -> Result<Card, StudyError> {
    from_json::<Card>("a card", text)?.cleaned()
}

/// A schedule from its JSON.
pub(super) fn schedule(text: &str) -> Result<Schedule, StudyError> {
    from_json("a schedule", text)
}

/// Settings from their JSON; the defaults for what is missing or invalid, because settings are no work to lose.
pub(super) fn settings(text: Option<&str>) -> Settings {
    let read = text.and_then(|text| serde_json::from_str::<Settings>(text).ok());
    let valid = read.and_then(|settings| settings.validated().ok());
    valid.unwrap_or_default()
}

/// The name under which a phase is counted.
pub(super) fn phase_name(phase: Phase) -> &'static str {
    match phase {
        Phase::New => "new",
        Phase::Learning(_) => "learning",
        Phase::Review => "review",
        Phase::Relearning(_) => "relearning",
    }
}

/// What the learner typed as it is kept.
pub(super) fn typed(text: Option<&str>) -> Option<String> {
    let kept = text.map(|text| clean(text).trim().chars().take(MAX_TYPED).collect());
    kept.filter(|text: &String| !text.is_empty())
}

/// The columns that [`review`] reads, in its order.
pub(super) const REVIEW: &str = "reviews.card, reviews.at, reviews.grade, reviews.took_ms, reviews.kind, reviews.state_before, \
     reviews.state_after, reviews.typed";

/// A review of `deck` from a row of [`REVIEW`].
pub(super) fn review(row: &Row, deck: &str) -> Result<Review, StudyError> {
    let (grade, kind): (u8, String) = (row.get(2)?, row.get(4)?);
    let (before, after): (String, String) = (row.get(5)?, row.get(6)?);
    let typed_text: Option<String> = row.get(7)?;
    let wrong = || unreadable("a review has an unknown grade or kind");
    Ok(Review {
        card: clean_line(&row.get::<_, String>(0)?),
        deck: deck.to_owned(),
        at: row.get(1)?,
        grade: Grade::from_number(grade).ok_or_else(wrong)?,
        took_ms: row.get(3)?,
        kind: ReviewKind::from_name(&kind).ok_or_else(wrong)?,
        before: schedule(&before)?,
        after: schedule(&after)?,
        typed: typed(typed_text.as_deref()),
    })
}

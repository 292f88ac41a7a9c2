//! Reviews and due dates, from Anki's numbers and to them.
//!
//! Types of cards: 0 new, 1 learning, 2 review, 3 relearning. Queues: the same, but 3 is learning across days, -1 suspended, -2
//! and -3 buried. A due date is a position (new), seconds since 1970 (learning) or a day counted from the collection's first.
//! Intervals are days, or seconds if negative.

use serde::{Deserialize, Serialize};

use crate::exchange::import::{Review, ReviewKind};
use crate::schedule::{Grade, Memory, Phase, Schedule};

use super::DAY_MS;
use super::collection::{CardRow, ReviewRow};

/// From here on a due date of a learning card is in seconds since 1970, not in days.
const SECONDS_FROM: i64 = 1_000_000_000;
/// Furthest day from the first of a collection.
const MAX_DAYS: i64 = 200_000;
/// Latest time in milliseconds: the year 2500.
const MAX_TIME_MS: i64 = 16_725_225_600_000;

/// The state of FSRS in a card's `data`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct CardData {
    /// Stability in days.
    #[serde(rename = "s", skip_serializing_if = "Option::is_none")]
    pub(super) stability: Option<f32>,
    /// Difficulty, 1 to 10.
    #[serde(rename = "d", skip_serializing_if = "Option::is_none")]
    pub(super) difficulty: Option<f32>,
    /// Last review in seconds since 1970.
    #[serde(rename = "lrt", skip_serializing_if = "Option::is_none")]
    pub(super) last_review: Option<i64>,
}

/// Where a card stands; `None` for a new one. `steps` are the numbers of its learning and relearning steps. The last review is
/// the one that the card states, or one interval before it is due.
pub(super) fn schedule(row: &CardRow, created_ms: i64, steps: (u8, u8)) -> Option<Schedule> {
    let due = match row.original_due {
        0 => row.due,
        original => original,
    };
    let day = |due: i64| created_ms.saturating_add(due.clamp(-MAX_DAYS, MAX_DAYS) * DAY_MS);
    let of_step = |due: i64| match due >= SECONDS_FROM {
        true => due.saturating_mul(1000).min(MAX_TIME_MS),
        false => day(due),
    };
    let remaining = u8::try_from(row.left.rem_euclid(1000)).unwrap_or(u8::MAX);
    let (phase, due) = match row.stage {
        1 => (
            Phase::Learning(steps.0.saturating_sub(remaining.max(1))),
            of_step(due),
        ),
        2 => (Phase::Review, day(due)),
        3 => (
            Phase::Relearning(steps.1.saturating_sub(remaining.max(1))),
            of_step(due),
        ),
        _ => return None,
    };
    let data: CardData = serde_json::from_str(&row.data).unwrap_or_default();
    let count = |number: i64| u32::try_from(number.max(0)).unwrap_or(u32::MAX);
    let stated = data.last_review.map(|seconds| seconds.saturating_mul(1000));
    // A card that states none was seen one interval before it is due.
    let before = || {
        let waited = row.stage == 2 && (1..=MAX_DAYS).contains(&row.interval);
        waited.then(|| due.saturating_sub(row.interval * DAY_MS))
    };
    let last_review = stated.or_else(before);
    Some(Schedule {
        phase,
        due,
        memory: memory(data),
        last_review: last_review.filter(|at| (1..=MAX_TIME_MS).contains(at)),
        reviews: count(row.reviews),
        lapses: count(row.lapses),
    })
}

fn memory(data: CardData) -> Option<Memory> {
    let stability = data
        .stability
        .filter(|days| days.is_finite() && *days > 0.0)?;
    let difficulty = data
        .difficulty
        .filter(|difficulty| (1.0..=10.0).contains(difficulty))?;
    Some(Memory {
        stability,
        difficulty,
    })
}

/// The review in a row, of the card `card`; `None` if a card was not graded but moved.
pub(super) fn review(row: &ReviewRow, card: &str) -> Option<Review> {
    let grade = match row.grade {
        1 => Grade::Again,
        2 => Grade::Hard,
        3 => Grade::Good,
        4 => Grade::Easy,
        _ => return None,
    };
    let kind = match row.kind {
        0 => ReviewKind::Learn,
        1 => ReviewKind::Review,
        2 => ReviewKind::Relearn,
        3 => ReviewKind::Cram,
        _ => return None,
    };
    if !(1..=MAX_TIME_MS).contains(&row.at) {
        return None;
    }
    Some(Review {
        card: card.to_owned(),
        at: row.at,
        grade,
        took_ms: u32::try_from(row.took_ms.max(0)).unwrap_or(u32::MAX),
        kind,
        interval_ms: interval_ms(row.interval),
        previous_interval_ms: interval_ms(row.previous),
    })
}

/// The number that stands for a kind of review.
pub(super) fn kind_number(kind: ReviewKind) -> i64 {
    match kind {
        ReviewKind::Learn => 0,
        ReviewKind::Review => 1,
        ReviewKind::Relearn => 2,
        ReviewKind::Cram => 3,
    }
}

fn interval_ms(number: i64) -> i64 {
    match number {
        0.. => number.min(MAX_DAYS) * DAY_MS,
        _ => number.saturating_neg().min(MAX_DAYS * 86_400) * 1000,
    }
}

/// Days, or seconds as a negative number, of an interval in milliseconds.
pub(super) fn interval_number(milliseconds: i64) -> i64 {
    match milliseconds {
        DAY_MS.. => milliseconds / DAY_MS,
        _ => -(milliseconds.max(0) / 1000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(stage: i64, due: i64, left: i64) -> CardRow {
        CardRow {
            id: 1,
            note: 1,
            deck: 1,
            template: 0,
            stage,
            queue: stage,
            due,
            interval: 0,
            reviews: 5,
            lapses: -1,
            left,
            original_due: 0,
            original_deck: 0,
            data: r#"{"s":12.5,"d":4.25,"lrt":1700000000}"#.into(),
        }
    }

    #[test]
    fn due_dates_of_all_stages_are_understood() {
        let found = schedule(&row(2, 10, 0), 1_000, (2, 1)).unwrap();
        assert_eq!(
            (found.phase, found.due),
            (Phase::Review, 1_000 + 10 * DAY_MS)
        );
        let memory = found.memory.unwrap();
        assert_eq!((memory.stability, memory.difficulty), (12.5, 4.25));
        assert_eq!(found.last_review, Some(1_700_000_000_000));
        assert_eq!((found.reviews, found.lapses), (5, 0));
        let learning = schedule(&row(1, 1_700_000_000, 1001), 0, (2, 1)).unwrap();
        assert_eq!(
            (learning.phase, learning.due),
            (Phase::Learning(1), 1_700_000_000_000)
        );
        let relearning = schedule(&row(3, 4, 1), 0, (2, 1)).unwrap();
        assert_eq!(
            (relearning.phase, relearning.due),
            (Phase::Relearning(0), 4 * DAY_MS)
        );
        assert_eq!(schedule(&row(0, 10, 0), 0, (2, 1)), None);
    }

    #[test]
    fn a_card_that_does_not_state_its_last_review_was_seen_an_interval_before_it_is_due() {
        let mut row = row(2, 100, 0);
        row.data = String::new();
        let last = |row: &CardRow| schedule(row, 1_000, (2, 1)).unwrap().last_review;
        assert_eq!(last(&row), None);
        row.interval = 30;
        assert_eq!(last(&row), Some(1_000 + 70 * DAY_MS));
        for interval in [i64::MIN, -600, i64::MAX] {
            row.interval = interval;
            assert_eq!(last(&row), None);
        }
    }

    #[test]
    fn absurd_numbers_do_no_harm() {
        for number in [i64::MIN, i64::MAX, -1, 0] {
            for stage in [1, 2, 3, number] {
                let mut row = row(stage, number, number);
                row.original_due = number;
                row.data = r#"{"s":1e300,"d":-4,"lrt":9223372036854775807}"#.into();
                let found = schedule(&row, 0, (2, 1));
                assert!(
                    found.is_none_or(|found| found.memory.is_none() && found.last_review.is_none())
                );
            }
            let row = ReviewRow {
                at: 5,
                card: 1,
                grade: 3,
                interval: number,
                previous: number,
                took_ms: number,
                kind: 1,
            };
            assert!(review(&row, "x").is_some());
        }
    }

    #[test]
    fn intervals_are_days_or_negative_seconds() {
        assert_eq!(interval_number(3 * DAY_MS), 3);
        assert_eq!(interval_number(600_000), -600);
        assert_eq!((interval_ms(3), interval_ms(-600)), (3 * DAY_MS, 600_000));
    }
}

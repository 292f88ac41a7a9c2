//! Reviews as decks carry them, and as the store keeps them: the store also knows where a card stood before and after.

use std::collections::HashMap;

use rounds_study::exchange;
use rounds_study::schedule::{Memory, Phase, Schedule, Scheduler};
use rounds_study::store::{Review, ReviewKind};

/// How far into its day a card is looked for that another program says is due: its days may begin some hours earlier, and
/// the clock may have been changed since.
const INTO_THE_DAY_MS: i64 = 6 * 60 * 60 * 1000;
/// Difficulty, 1 to 10, of a card of which only its interval is known.
const MIDDLE_DIFFICULTY: f32 = 5.0;

/// Reviews from elsewhere for a deck. Where each card stood follows from its grades; where the other program says where it
/// stands now, its last review ends there.
pub fn from_elsewhere(
    deck: &str,
    scheduler: &Scheduler,
    reviews: &[exchange::Review],
    schedules: &[(String, Schedule)],
) -> Vec<Review> {
    let mut by_time: Vec<&exchange::Review> = reviews.iter().collect();
    by_time.sort_by_key(|review| review.at);
    let mut standing: HashMap<&str, Schedule> = HashMap::new();
    let mut last: HashMap<&str, usize> = HashMap::new();
    let mut all = Vec::with_capacity(by_time.len());
    for review in by_time {
        let before = standing
            .get(review.card.as_str())
            .copied()
            .unwrap_or_else(|| Schedule::new(review.at));
        let kind = kind_of(review.kind);
        let after = match kind {
            ReviewKind::Cram => before,
            _ => scheduler.grade(&review.card, &before, review.grade, review.at),
        };
        standing.insert(&review.card, after);
        if kind != ReviewKind::Cram {
            last.insert(&review.card, all.len());
        }
        all.push(Review {
            card: review.card.clone(),
            deck: deck.to_string(),
            at: review.at,
            grade: review.grade,
            took_ms: review.took_ms,
            kind,
            before,
            after,
            typed: None,
        });
    }
    for (card, schedule) in schedules {
        let last = last.get(card.as_str()).and_then(|at| all.get_mut(*at));
        if let Some(review) = last {
            // A program that does not use FSRS knows no memory; the grades do.
            let memory = schedule.memory.or(review.after.memory);
            review.after = Schedule {
                memory,
                ..settled(scheduler, schedule)
            };
        }
    }
    all
}

/// Where cards stand as another program says, for those that come without reviews.
pub fn standing_elsewhere(
    scheduler: &Scheduler,
    schedules: &[(String, Schedule)],
) -> Vec<(String, Schedule)> {
    let settle =
        |(card, schedule): &(String, Schedule)| (card.clone(), settled(scheduler, schedule));
    schedules.iter().map(settle).collect()
}

/// A schedule in the learner's own days, with a memory if its interval tells one: at the usual retention of 90 %, on which
/// the stability is defined, that is the interval itself.
fn settled(scheduler: &Scheduler, schedule: &Schedule) -> Schedule {
    if schedule.phase != Phase::Review {
        return *schedule;
    }
    let days = scheduler.days();
    let day = days.of(schedule.due.saturating_add(INTO_THE_DAY_MS));
    let due = days.start(day);
    let of_interval = |last| Memory {
        stability: days.elapsed(last, due).max(1) as f32,
        difficulty: MIDDLE_DIFFICULTY,
    };
    Schedule {
        due,
        memory: schedule
            .memory
            .or_else(|| schedule.last_review.map(of_interval)),
        ..*schedule
    }
}

/// The reviews of a deck for another program.
pub fn for_elsewhere(reviews: &[Review]) -> Vec<exchange::Review> {
    let review = |review: &Review| exchange::Review {
        card: review.card.clone(),
        at: review.at,
        grade: review.grade,
        took_ms: review.took_ms,
        kind: kind_for(review.kind),
        interval_ms: review.after.due.saturating_sub(review.at).max(0),
        previous_interval_ms: review
            .before
            .last_review
            .map_or(0, |last| review.before.due.saturating_sub(last).max(0)),
    };
    reviews.iter().map(review).collect()
}

fn kind_of(kind: exchange::ReviewKind) -> ReviewKind {
    match kind {
        exchange::ReviewKind::Learn => ReviewKind::Learn,
        exchange::ReviewKind::Review => ReviewKind::Review,
        exchange::ReviewKind::Relearn => ReviewKind::Relearn,
        exchange::ReviewKind::Cram => ReviewKind::Cram,
    }
}

fn kind_for(kind: ReviewKind) -> exchange::ReviewKind {
    match kind {
        ReviewKind::Learn => exchange::ReviewKind::Learn,
        ReviewKind::Review => exchange::ReviewKind::Review,
        ReviewKind::Relearn => exchange::ReviewKind::Relearn,
        ReviewKind::Cram => exchange::ReviewKind::Cram,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rounds_study::TimeZone;
    use rounds_study::schedule::Grade;
    use rounds_study::settings::Settings;

    const DAY: i64 = 24 * 60 * 60 * 1000;
    const START: i64 = 1_790_596_800_000;

    fn review(card: &str, day: i64, grade: Grade, kind: exchange::ReviewKind) -> exchange::Review {
        exchange::Review {
            card: card.into(),
            at: START + day * DAY,
            grade,
            took_ms: 4000,
            kind,
            interval_ms: DAY,
            previous_interval_ms: 0,
        }
    }

    #[test]
    fn each_review_goes_on_where_the_one_before_it_ended() {
        let scheduler = Scheduler::new(&Settings::default(), &TimeZone::UTC).unwrap();
        // Not in the order of time.
        let reviews = [
            review("a", 3, Grade::Good, exchange::ReviewKind::Review),
            review("b", 1, Grade::Again, exchange::ReviewKind::Learn),
            review("a", 0, Grade::Easy, exchange::ReviewKind::Learn),
            review("a", 4, Grade::Again, exchange::ReviewKind::Cram),
        ];
        let due = Schedule {
            // At four o'clock; the reviews are at noon.
            due: START + 100 * DAY - DAY / 3,
            memory: Some(Memory {
                stability: 99.0,
                difficulty: 4.0,
            }),
            phase: Phase::Review,
            ..Schedule::new(START)
        };
        let all = from_elsewhere("deck", &scheduler, &reviews, &[("a".into(), due)]);
        let of_a: Vec<&Review> = all.iter().filter(|review| review.card == "a").collect();
        assert!(of_a[0].before.is_new());
        assert_eq!(of_a[0].after, of_a[1].before);
        assert_eq!(of_a[1].after, due);
        assert_eq!(of_a[2].before, of_a[2].after);
        let back = for_elsewhere(&all);
        assert_eq!(back.len(), 4);
        assert_eq!(back[0].previous_interval_ms, 0);
        assert!(back.iter().all(|review| review.interval_ms >= 0));
    }

    #[test]
    fn a_card_without_a_memory_has_that_of_its_grades_or_of_its_interval() {
        let scheduler = Scheduler::new(&Settings::default(), &TimeZone::UTC).unwrap();
        let stated = Schedule {
            // At three o'clock, which the clock's change made of four.
            due: START + 40 * DAY - 9 * DAY / 24,
            phase: Phase::Review,
            last_review: Some(START),
            reviews: 9,
            ..Schedule::new(START)
        };
        let on_time = START + 40 * DAY - DAY / 3;
        let stated = [("a".to_string(), stated), ("b".to_string(), stated)];
        let reviews = [review("a", 0, Grade::Easy, exchange::ReviewKind::Learn)];
        let graded = scheduler.grade("a", &Schedule::new(START), Grade::Easy, START);
        let all = from_elsewhere("deck", &scheduler, &reviews, &stated);
        let after = all[0].after;
        assert!(graded.memory.is_some());
        assert_eq!((after.memory, after.due), (graded.memory, on_time));
        let standing = standing_elsewhere(&scheduler, &stated);
        let (card, schedule) = &standing[1];
        assert_eq!((card.as_str(), schedule.due), ("b", on_time));
        let memory = schedule.memory.unwrap();
        assert_eq!(memory.stability, 40.0);
        let known = scheduler.retrievability(schedule, on_time).unwrap();
        assert!((0.88..0.92).contains(&known), "{known}");
    }
}

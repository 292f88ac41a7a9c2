//! Reviews as decks carry them, and as the store keeps them: the store also knows where a card stood before and after.

use std::collections::HashMap;

use rounds_study::exchange;
use rounds_study::schedule::{Schedule, Scheduler};
use rounds_study::store::{Review, ReviewKind};

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
            review.after = *schedule;
        }
    }
    all
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
    use rounds_study::schedule::{Grade, Phase};
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
            due: START + 100 * DAY,
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
}

//! Statistics of a log written by hand.

use super::*;
use crate::days::Days;
use crate::schedule::{Memory, Phase, Schedule};
use crate::stats::{Maturity, Part, Share, Stats};
use crate::store::Standing;

fn schedule(phase: Phase, last: i64, due: i64, lapses: u32) -> Schedule {
    Schedule {
        phase,
        due,
        memory: Some(Memory {
            stability: 5.0,
            difficulty: 5.0,
        }),
        last_review: Some(last),
        reviews: 9,
        lapses,
    }
}

fn standing(card: &Card, schedule: Option<Schedule>) -> Standing {
    Standing {
        card: card.id.clone(),
        schedule,
        suspended: false,
        buried_until: None,
        present: true,
    }
}

/// A review of a learnt card.
fn review(card: &Card, at: i64, grade: Grade) -> Review {
    let before = schedule(Phase::Review, at - DAY, at, 0);
    Review {
        card: card.id.clone(),
        deck: "d".into(),
        at,
        grade,
        took_ms: 6000,
        kind: ReviewKind::Review,
        before,
        after: before,
        typed: None,
    }
}

/// Six cards at different places, and a log of two weeks.
fn part() -> Part {
    let mut all = cards(6);
    for (number, card) in all.iter_mut().enumerate() {
        let organ = if number < 4 { "chest" } else { "head" };
        card.tags = vec![
            ("box".into(), "heart 1,2,3,4".into()),
            ("organ".into(), organ.into()),
        ];
    }
    let now = monday();
    let standings = vec![
        standing(&all[0], None),
        standing(
            &all[1],
            Some(schedule(Phase::Learning(0), now, now + MINUTE, 0)),
        ),
        // Overdue and young.
        standing(
            &all[2],
            Some(schedule(Phase::Review, now - 9 * DAY, now - 4 * DAY, 0)),
        ),
        // Mature, due in six days, a leech.
        standing(
            &all[3],
            Some(schedule(Phase::Review, now - 15 * DAY, now + 6 * DAY, 8)),
        ),
        // Mature, due beyond the month.
        standing(
            &all[4],
            Some(schedule(Phase::Review, now, now + 60 * DAY, 7)),
        ),
        Standing {
            suspended: true,
            ..standing(&all[5], Some(schedule(Phase::Review, now - DAY, now, 12)))
        },
        Standing {
            card: "gone".into(),
            present: false,
            ..standing(&all[5], Some(schedule(Phase::Review, now - DAY, now, 20)))
        },
    ];
    let learnt = Review {
        kind: ReviewKind::Learn,
        before: Schedule::new(now),
        took_ms: 20 * 60 * 1000,
        ..review(&all[1], now, Grade::Again)
    };
    let crammed = Review {
        kind: ReviewKind::Cram,
        ..review(&all[4], now, Grade::Again)
    };
    let log = vec![
        review(&all[2], now - 40 * DAY, Grade::Again),
        review(&all[2], now - 9 * DAY, Grade::Good),
        review(&all[3], now - 8 * DAY, Grade::Again),
        review(&all[3], now - 2 * DAY, Grade::Hard),
        review(&all[4], now - DAY, Grade::Again),
        review(&all[4], now - DAY, Grade::Easy),
        learnt,
        crammed,
    ];
    Part {
        deck: "d".into(),
        cards: all,
        standings,
        log,
    }
}

fn stats() -> Stats {
    Stats::count(&[part()], &Days::new(&TimeZone::UTC, 4), monday())
}

#[test]
fn cards_are_counted_by_what_is_known_of_them() {
    let stats = stats();
    assert_eq!(stats.cards, 6);
    assert_eq!(
        stats.maturity,
        Maturity {
            new: 1,
            learning: 1,
            young: 1,
            mature: 2,
            suspended: 1
        }
    );
    let leeches: Vec<(u32, &str)> = stats
        .leeches
        .iter()
        .map(|leech| (leech.lapses, leech.question.as_str()))
        .collect();
    // The one with 12 lapses is suspended already.
    assert_eq!(leeches, [(8, "q3")]);
}

#[test]
fn the_forecast_counts_what_is_overdue_today() {
    let stats = stats();
    assert_eq!(
        (stats.due_today, stats.due_7_days, stats.due_30_days),
        (2, 3, 3)
    );
    assert_eq!(stats.forecast.len(), 30);
    assert_eq!((stats.forecast[0], stats.forecast[6]), (2, 1));
}

#[test]
fn retention_counts_reviews_of_learnt_cards_and_nothing_else() {
    let stats = stats();
    let share = |right, asked| Share { right, asked };
    assert_eq!(stats.retention_7_days, share(2, 3));
    assert_eq!(stats.retention_30_days, share(3, 5));
    assert_eq!(stats.retention, share(3, 6));
    assert_eq!(stats.reviews, 8);
    // Seven of 6 seconds and one that counts as ten minutes.
    assert_eq!(stats.average_ms, Some((7 * 6000 + 600_000) / 8));
}

#[test]
fn an_interval_is_wilsons() {
    // 9 of 10: (0.9 + 1.9208/10 +- 1.96 sqrt(0.09/10 + 3.8415/400)) / 1.38415 = 0.5958 to 0.9821.
    let (low, high) = Share {
        right: 9,
        asked: 10,
    }
    .interval()
    .unwrap();
    assert!(
        (low - 0.5958).abs() < 1e-4 && (high - 0.9821).abs() < 1e-4,
        "{low} {high}"
    );
    assert_eq!(
        (Share::default().value(), Share::default().interval()),
        (None, None)
    );
}

#[test]
fn the_calendar_has_53_weeks_from_a_monday_and_ends_with_this_week() {
    let stats = stats();
    assert_eq!(stats.days.len(), 371);
    assert_eq!(stats.days[0].date, "2025-12-01");
    assert_eq!(stats.days[370].date, "2026-12-06");
    let on = |date: &str| {
        stats
            .days
            .iter()
            .find(|day| day.date == date)
            .unwrap()
            .reviews
    };
    assert_eq!(
        (
            on("2026-11-30"),
            on("2026-11-29"),
            on("2026-11-28"),
            on("2026-11-27")
        ),
        (2, 2, 1, 0)
    );
    assert_eq!((stats.streak, stats.studied_days), (3, 6));
    let sunday = Stats::count(&[part()], &Days::new(&TimeZone::UTC, 4), monday() + 6 * DAY);
    assert_eq!(sunday.days[370].date, "2026-12-06");
    assert_eq!(sunday.streak, 0);
    let tomorrow = Stats::count(&[part()], &Days::new(&TimeZone::UTC, 4), monday() + DAY);
    assert_eq!(tomorrow.streak, 3, "today is not over yet");
}

#[test]
fn tags_are_counted_without_boxes() {
    let tags = stats().tags;
    let found: Vec<(&str, usize, usize, usize)> = tags
        .iter()
        .map(|tag| {
            (
                tag.tag.as_str(),
                tag.cards,
                tag.reviews,
                tag.retention.asked,
            )
        })
        .collect();
    assert_eq!(found, [("organ=chest", 4, 5, 4), ("organ=head", 2, 3, 2)]);
}

#[test]
fn statistics_of_a_store_are_of_one_deck_or_of_all() {
    let mut store = store(&cards(2));
    store
        .put_deck("e", &DeckInfo::default(), &cards(3))
        .unwrap();
    let id = cards(1)[0].id.clone();
    grade(
        &mut store,
        &scheduler(&Settings::default()),
        &id,
        Grade::Easy,
        monday(),
    );
    let of = |deck| Stats::of(&store, deck, monday(), &TimeZone::UTC).unwrap();
    assert_eq!((of(Some("d")).cards, of(Some("d")).reviews), (2, 1));
    assert_eq!(
        (of(None).cards, of(None).reviews, of(None).maturity.young),
        (5, 1, 1)
    );
    assert_eq!(of(Some("e")).average_ms, None);
    assert!(Stats::of(&store, Some("f"), monday(), &TimeZone::UTC).is_err());
    let empty = Store::in_memory().unwrap();
    let nothing = Stats::of(&empty, None, monday(), &TimeZone::UTC).unwrap();
    assert_eq!((nothing.cards, nothing.days.len()), (0, 371));
}

#[test]
fn a_tag_that_a_card_has_twice_counts_once() {
    let mut part = part();
    let before = stats().tags;
    for card in &mut part.cards {
        let again = card.tags.clone();
        card.tags.extend(again);
    }
    let days = Days::new(&TimeZone::UTC, 4);
    assert_eq!(Stats::count(&[part], &days, monday()).tags, before);
}

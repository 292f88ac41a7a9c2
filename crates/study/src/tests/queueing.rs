//! The order of cards, siblings and limits.

use super::*;
use crate::queue::{Counts, Filter, Mode, Queue};
use crate::schedule::{Memory, Phase, Schedule};

fn queue(store: &Store, scheduler: &Scheduler, now: i64) -> Queue {
    Queue::new(store, "d", scheduler, now, Mode::Study, &Filter::default()).unwrap()
}

/// Grades what comes next; returns its question.
fn answer(
    store: &mut Store,
    queue: &mut Queue,
    scheduler: &Scheduler,
    how: Grade,
    now: i64,
) -> Option<String> {
    let card = queue.next(now)?;
    assert_eq!(
        queue.next(now).as_ref(),
        Some(&card),
        "asking changes nothing"
    );
    let review = grade(store, scheduler, &card, how, now);
    queue.graded(&review);
    Some(store.card("d", &card).unwrap().question)
}

/// Makes a card a review, last seen days ago.
fn review(store: &mut Store, card: &Card, stability: f32, days_ago: i64) {
    let last = monday() - days_ago * DAY;
    let after = Schedule {
        phase: Phase::Review,
        due: last + stability as i64 * DAY,
        memory: Some(Memory {
            stability,
            difficulty: 5.0,
        }),
        last_review: Some(last),
        reviews: 1,
        lapses: 0,
    };
    let seen = Review {
        card: card.id.clone(),
        deck: "d".into(),
        at: last,
        grade: Grade::Good,
        took_ms: 1,
        kind: ReviewKind::Learn,
        before: Schedule::new(last),
        after,
        typed: None,
    };
    store.import_history("d", &[seen]).unwrap();
}

#[test]
fn a_learning_card_that_is_due_comes_first_and_early_when_nothing_else_is_left() {
    let mut store = store(&cards(2));
    let scheduler = scheduler(&Settings::default());
    let mut queue = queue(&store, &scheduler, monday());
    let mut next = |how, minutes| {
        answer(
            &mut store,
            &mut queue,
            &scheduler,
            how,
            monday() + minutes * MINUTE,
        )
    };
    assert_eq!(next(Grade::Again, 0).as_deref(), Some("q0"));
    // Not due before a minute has passed.
    assert_eq!(next(Grade::Good, 0).as_deref(), Some("q1"));
    assert_eq!(
        next(Grade::Good, 0).as_deref(),
        Some("q0"),
        "due first, nothing else is left"
    );
    // Both are due; then the order of the deck counts.
    assert_eq!(next(Grade::Good, 11).as_deref(), Some("q0"));
    assert_eq!(next(Grade::Good, 11).as_deref(), Some("q1"));
    assert_eq!(next(Grade::Good, 11), None);
    assert_eq!(queue.waiting_until(), None);
}

#[test]
fn a_card_in_learning_is_waited_for() {
    let settings = Settings {
        learning_steps_minutes: vec![1, 60],
        ..Settings::default()
    };
    let (mut store, scheduler) = (store(&cards(1)), scheduler(&settings));
    let mut queue = queue(&store, &scheduler, monday());
    answer(&mut store, &mut queue, &scheduler, Grade::Good, monday());
    assert_eq!(queue.next(monday()), None);
    assert_eq!(queue.waiting_until(), Some(monday() + 60 * MINUTE));
    assert_eq!(
        queue.counts(monday()),
        Counts {
            new: 0,
            learning: 1,
            review: 0
        }
    );
    assert!(
        queue.next(monday() + 45 * MINUTE).is_some(),
        "up to 20 minutes early"
    );
}

#[test]
fn reviews_come_by_how_nearly_they_are_forgotten_and_new_cards_are_mixed_in() {
    let all = cards(8);
    let mut store = store(&all);
    // Recall falls with days by stability: 3/2, 9/4, 5/5, 30/10; q4 is not due.
    for (card, stability, days_ago) in [
        (0, 2.0, 3),
        (1, 4.0, 9),
        (2, 5.0, 5),
        (3, 10.0, 30),
        (4, 50.0, 5),
    ] {
        review(&mut store, &all[card], stability, days_ago);
    }
    let scheduler = scheduler(&Settings::default());
    let mut queue = queue(&store, &scheduler, monday());
    assert_eq!(
        queue.counts(monday()),
        Counts {
            new: 3,
            learning: 0,
            review: 4
        }
    );
    let mut order = Vec::new();
    while let Some(question) = answer(&mut store, &mut queue, &scheduler, Grade::Easy, monday()) {
        order.push(question);
    }
    let reviews: Vec<&String> = order
        .iter()
        .filter(|q| ["q0", "q1", "q2", "q3"].contains(&q.as_str()))
        .collect();
    assert_eq!(reviews, ["q3", "q1", "q0", "q2"]);
    assert_eq!(order, ["q3", "q5", "q1", "q6", "q0", "q7", "q2"]);
    assert_eq!(queue.counts(monday()).total(), 0);
}

#[test]
fn a_card_due_later_today_comes_today() {
    let all = cards(1);
    let mut store = store(&all);
    // Due this evening by the day it was learnt in another time zone.
    review(&mut store, &all[0], 5.0, 5);
    let scheduler = scheduler(&Settings::default());
    let morning = ms("2026-11-30T04:30:00Z");
    assert!(queue(&store, &scheduler, morning).next(morning).is_some());
    let night = ms("2026-11-30T03:30:00Z");
    assert_eq!(
        queue(&store, &scheduler, night).next(night),
        None,
        "still Sunday"
    );
}

#[test]
fn siblings_wait_for_the_next_day_but_a_card_in_learning_goes_on() {
    let all = [
        card_of("a1", "a"),
        card_of("a2", "a"),
        card_of("b1", "b"),
        Card {
            sibling_keys: vec!["patient:a".into(), "patient:b".into()],
            ..a_card("ab")
        },
    ];
    let mut store = store(&all);
    let scheduler = scheduler(&Settings::default());
    let mut today = queue(&store, &scheduler, monday());
    assert_eq!(today.counts(monday()).new, 2, "one of each patient");
    let mut next = |minutes| {
        answer(
            &mut store,
            &mut today,
            &scheduler,
            Grade::Good,
            monday() + minutes * MINUTE,
        )
    };
    assert_eq!(next(0).as_deref(), Some("a1"));
    assert_eq!(next(0).as_deref(), Some("b1"));
    assert_eq!(next(11).as_deref(), Some("a1"));
    assert_eq!(next(11).as_deref(), Some("b1"));
    assert_eq!(next(11), None);
    let tomorrow = monday() + DAY;
    assert!(today.day_is_over(tomorrow) && !today.day_is_over(monday() + DAY / 2));
    let mut next_day = queue(&store, &scheduler, tomorrow);
    assert_eq!(next_day.counts(tomorrow).new, 1);
    let question = answer(&mut store, &mut next_day, &scheduler, Grade::Good, tomorrow);
    assert_eq!(question.as_deref(), Some("a2"));
    // Without burying all come on one day.
    let settings = Settings {
        bury_siblings: false,
        ..Settings::default()
    };
    let together = super::scheduler(&settings);
    let mut queue = queue(&super::store(&all), &together, monday());
    assert_eq!(queue.counts(monday()).new, 4);
}

#[test]
fn limits_count_what_was_done_before_a_restart() {
    let all = cards(10);
    let mut store = store(&all);
    for card in &all[..4] {
        review(&mut store, card, 2.0, 4);
    }
    let settings = Settings {
        new_per_day: 3,
        reviews_per_day: 2,
        ..Settings::default()
    };
    let scheduler = scheduler(&settings);
    let mut first = queue(&store, &scheduler, monday());
    assert_eq!(
        first.counts(monday()),
        Counts {
            new: 3,
            learning: 0,
            review: 2
        }
    );
    for _ in 0..3 {
        answer(&mut store, &mut first, &scheduler, Grade::Easy, monday());
    }
    let left = first.counts(monday());
    drop(first);
    let mut again = queue(&store, &scheduler, monday() + MINUTE);
    assert_eq!(again.counts(monday()), left);
    assert_eq!(left.total(), 2);
    while answer(
        &mut store,
        &mut again,
        &scheduler,
        Grade::Easy,
        monday() + MINUTE,
    )
    .is_some()
    {}
    assert_eq!(
        queue(&store, &scheduler, monday() + 2 * MINUTE).next(monday()),
        None
    );
    let tomorrow = monday() + DAY;
    let counts = queue(&store, &scheduler, tomorrow).counts(tomorrow);
    assert_eq!(
        counts,
        Counts {
            new: 3,
            learning: 0,
            review: 2
        }
    );
}

#[test]
fn undo_brings_the_card_back_with_its_place_in_the_limits_and_its_siblings() {
    let all = [card_of("a1", "a"), card_of("a2", "a"), card_of("b1", "b")];
    let mut store = store(&all);
    let settings = Settings {
        new_per_day: 2,
        ..Settings::default()
    };
    let scheduler = scheduler(&settings);
    let mut queue = queue(&store, &scheduler, monday());
    let before = (queue.next(monday()), queue.counts(monday()));
    answer(&mut store, &mut queue, &scheduler, Grade::Easy, monday());
    assert_ne!(queue.next(monday()), before.0);
    let undone = store.undo("d").unwrap().unwrap();
    queue.undone(&undone);
    assert_eq!((queue.next(monday()), queue.counts(monday())), before);
}

#[test]
fn buried_suspended_and_put_aside_cards_do_not_come() {
    let all = cards(4);
    let mut store = store(&all);
    store.bury("d", &all[0].id, monday() + DAY).unwrap();
    store.suspend("d", &all[1].id, true).unwrap();
    let scheduler = scheduler(&Settings::default());
    let mut today = queue(&store, &scheduler, monday());
    today.put_aside(&all[2].id);
    assert_eq!(today.counts(monday()).new, 1);
    assert_eq!(today.next(monday()).as_ref(), Some(&all[3].id));
    assert!(today.wants(&all[2].id) && !today.wants(&all[1].id));
    today.put_back(&all[2].id);
    assert_eq!(today.counts(monday()).new, 2);
    assert_eq!(today.next(monday()).as_ref(), Some(&all[2].id));
    store.suspend("d", &all[1].id, false).unwrap();
    let tomorrow = monday() + DAY;
    assert_eq!(queue(&store, &scheduler, tomorrow).counts(tomorrow).new, 4);
    assert!(store.bury("d", "0123456789abcdef", 0).is_err());
}

#[test]
fn cramming_shows_every_card_of_the_filter_once_and_leaves_no_mark_on_the_day() {
    let mut all = cards(6);
    for card in &mut all[..4] {
        card.tags = vec![("organ".into(), "chest".into())];
        card.sibling_keys = vec!["patient:a".into()];
    }
    let mut store = store(&all);
    review(&mut store, &all[0], 50.0, 5);
    store.suspend("d", &all[3].id, true).unwrap();
    let scheduler = scheduler(&Settings::default());
    let filter = Filter {
        tags: vec![("organ".into(), "Chest".into())],
        ..Filter::default()
    };
    let mut cram = Queue::new(&store, "d", &scheduler, monday(), Mode::Cram, &filter).unwrap();
    assert_eq!(
        cram.counts(monday()),
        Counts {
            new: 2,
            learning: 0,
            review: 1
        }
    );
    let mut seen = Vec::new();
    while let Some(card) = cram.next(monday()) {
        let before = store.schedule("d", &card, monday()).unwrap();
        let review = Review {
            card: card.clone(),
            deck: "d".into(),
            at: monday(),
            grade: Grade::Again,
            took_ms: 1,
            kind: ReviewKind::Cram,
            before,
            after: before,
            typed: None,
        };
        store.record(&review).unwrap();
        cram.graded(&review);
        seen.push(card);
    }
    seen.sort();
    let mut expected: Vec<_> = all[..3].iter().map(|card| card.id.clone()).collect();
    expected.sort();
    assert_eq!(seen, expected);
    let undone = store.undo("d").unwrap().unwrap();
    cram.undone(&undone);
    assert_eq!(cram.next(monday()), Some(undone.card));
    // One of the siblings, and the two others.
    assert_eq!(queue(&store, &scheduler, monday()).counts(monday()).new, 3);
}

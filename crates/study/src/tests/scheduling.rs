//! The scheduler against numbers computed by hand from the formulas of FSRS-6.
//!
//! The formulas (<https://github.com/open-spaced-repetition/fsrs4anki/wiki/The-Algorithm>), with the default parameters
//! w0..w20 = 0.212, 1.2931, 2.3065, 8.2956, 6.4133, 0.8334, 3.0194, 0.001, 1.8722, 0.1666, 0.796, 1.4835, 0.0614, 0.2629,
//! 1.6483, 0.6014, 1.8729, 0.5425, 0.0912, 0.0658, 0.1542:
//!
//! first stability S0(G) = w[G-1]; first difficulty D0(G) = w4 - e^(w5 (G-1)) + 1, within 1 to 10
//! recall R(t, S) = (1 + F t/S)^-w20 with F = 0.9^(-1/w20) - 1 = 0.98035
//! difficulty D' = D - w6 (G-3) (10-D)/9, then w7 D0(4) + (1-w7) D', within 1 to 10
//! the same day S' = S max(1, e^(w17 (G-3+w18)) S^-w19)
//! known S' = S (1 + e^w8 (11-D) S^-w9 (e^(w10 (1-R)) - 1) [w15 if hard] [w16 if easy])
//! forgotten S' = min(w11 D^-w12 ((S+1)^w13 - 1) e^(w14 (1-R)), S / e^(w17 w18))

use super::*;
use crate::schedule::{Memory, Phase, Schedule, in_words};

fn close(found: f32, expected: f32) -> bool {
    (found - expected).abs() < 1e-3 * expected.abs().max(1.0)
}

fn assert_memory(schedule: &Schedule, stability: f32, difficulty: f32) {
    let memory = schedule.memory.unwrap();
    assert!(
        close(memory.stability, stability) && close(memory.difficulty, difficulty),
        "{memory:?}, expected {stability} {difficulty}"
    );
}

/// A card in review, last seen at `last`.
fn reviewed(stability: f32, difficulty: f32, last: i64, due: i64) -> Schedule {
    Schedule {
        phase: Phase::Review,
        due,
        memory: Some(Memory {
            stability,
            difficulty,
        }),
        last_review: Some(last),
        reviews: 2,
        lapses: 0,
    }
}

#[test]
fn first_memories_are_those_of_fsrs_6() {
    // S0 = w0..w3. D0(1) = 6.4133; D0(2) = 7.4133 - e^0.8334 = 5.1122; D0(3) = 7.4133 - e^1.6668 = 2.1181;
    // D0(4) = 7.4133 - e^2.5002 = -4.77, so 1.
    let scheduler = scheduler(&Settings::default());
    let outlooks = scheduler.next("card", &Schedule::new(monday()), monday());
    for (outlook, (stability, difficulty)) in outlooks.iter().zip([
        (0.212, 6.4133),
        (1.2931, 5.1122),
        (2.3065, 2.1181),
        (8.2956, 1.0),
    ]) {
        assert_memory(&outlook.schedule, stability, difficulty);
        assert_eq!(outlook.schedule.last_review, Some(monday()));
        assert_eq!((outlook.schedule.reviews, outlook.schedule.lapses), (1, 0));
    }
    assert_eq!(outlooks.map(|outlook| outlook.grade), Grade::ALL);
}

#[test]
fn a_second_good_the_same_day_and_reviews_two_days_later_follow_the_formulas() {
    let scheduler = scheduler(&Settings::default());
    let start = monday();
    let first = scheduler.grade("card", &Schedule::new(start), Grade::Good, start);
    assert_eq!(
        (first.phase, first.due),
        (Phase::Learning(1), start + 10 * MINUTE)
    );
    // Same day: e^(0.5425*0.0912) * 2.3065^-0.0658 = 0.9945, so S stays; D' = 0.001*(-4.7725) + 0.999*2.1181 = 2.1112.
    let second = scheduler.grade("card", &first, Grade::Good, start + 10 * MINUTE);
    assert_memory(&second, 2.3065, 2.1112);
    assert_eq!(second.phase, Phase::Review);
    // S rounds to 2 days, from the beginning of that day.
    assert_eq!(second.due, ms("2026-12-02T04:00:00Z"));
    // R(2, 2.3065) = (1 + 0.98035*2/2.3065)^-0.1542 = 0.90949.
    let later = ms("2026-12-02T09:00:00Z");
    assert!(close(
        scheduler.retrievability(&second, later).unwrap(),
        0.90949
    ));
    let [again, hard, good, easy] = scheduler.next("card", &second, later);
    assert_memory(&again.schedule, 0.6077, 7.3922);
    assert_memory(&hard.schedule, 7.5174, 4.7483);
    assert_memory(&good.schedule, 10.9710, 2.1043);
    assert_memory(&easy.schedule, 18.5343, 1.0);
    assert_eq!(
        (again.schedule.phase, again.schedule.lapses),
        (Phase::Relearning(0), 1)
    );
    for outlook in [hard, good, easy] {
        assert_eq!(
            (outlook.schedule.phase, outlook.schedule.lapses),
            (Phase::Review, 0)
        );
    }
}

#[test]
fn recall_falls_to_nine_tenths_when_as_many_days_have_passed_as_stability_says() {
    // R(S, S) = (1 + F)^-w20 = 0.9 by the choice of F; R(100, 10) = (1 + 9.8035)^-0.1542 = 0.69283.
    let scheduler = scheduler(&Settings::default());
    let card = reviewed(10.0, 5.0, monday(), monday());
    for (days, recall) in [(0, 1.0), (10, 0.9), (100, 0.69283)] {
        let found = scheduler
            .retrievability(&card, monday() + days * DAY)
            .unwrap();
        assert!(close(found, recall), "{days}: {found}");
    }
    assert_eq!(scheduler.retrievability(&Schedule::new(0), monday()), None);
}

#[test]
fn a_lower_retention_gives_longer_intervals() {
    // Interval at retention r = S/F (r^(-1/w20) - 1): for S = 2.3065 and r = 0.8, 7.648 days.
    let at = |retention| {
        let settings = Settings {
            retention,
            learning_steps_minutes: Vec::new(),
            ..Settings::default()
        };
        let [_, _, good, _] = scheduler(&settings).next("card", &Schedule::new(0), monday());
        good.interval_ms / DAY
    };
    assert_eq!(at(0.9), 2);
    assert!((7..=9).contains(&at(0.8)), "{}", at(0.8));
}

#[test]
fn learning_steps_are_walked_repeated_and_skipped() {
    let scheduler = scheduler(&Settings::default());
    let start = monday();
    let to = |schedule: &Schedule, grade| {
        let after = scheduler.grade("card", schedule, grade, start);
        (after.phase, (after.due - start) / MINUTE)
    };
    let new = Schedule::new(start);
    assert_eq!(to(&new, Grade::Again), (Phase::Learning(0), 1));
    // Half-way to the second step: 5.5 minutes.
    assert_eq!(to(&new, Grade::Hard), (Phase::Learning(0), 5));
    assert_eq!(to(&new, Grade::Good), (Phase::Learning(1), 10));
    assert_eq!(to(&new, Grade::Easy).0, Phase::Review);
    let second = scheduler.grade("card", &new, Grade::Good, start);
    assert_eq!(to(&second, Grade::Again), (Phase::Learning(0), 1));
    assert_eq!(to(&second, Grade::Hard), (Phase::Learning(1), 10));
    assert_eq!(to(&second, Grade::Good).0, Phase::Review);
    let forgotten = Schedule {
        phase: Phase::Relearning(0),
        lapses: 3,
        ..second
    };
    assert_eq!(to(&forgotten, Grade::Again), (Phase::Relearning(0), 10));
    assert_eq!(to(&forgotten, Grade::Hard), (Phase::Relearning(0), 15));
    assert_eq!(to(&forgotten, Grade::Good).0, Phase::Review);
    let relearnt = scheduler.grade("card", &forgotten, Grade::Again, start);
    assert_eq!(relearnt.lapses, 3, "only a learnt card can be forgotten");
}

#[test]
fn fewer_steps_than_before_or_none_at_all_lead_to_reviews() {
    let settings = Settings {
        learning_steps_minutes: Vec::new(),
        relearning_steps_minutes: Vec::new(),
        ..Settings::default()
    };
    let scheduler = scheduler(&settings);
    let learnt = reviewed(10.0, 5.0, monday() - 10 * DAY, monday());
    for phase in [
        Phase::New,
        Phase::Learning(7),
        Phase::Relearning(255),
        Phase::Review,
    ] {
        let schedule = Schedule { phase, ..learnt };
        let outlooks = scheduler.next("card", &schedule, monday());
        let days = outlooks.map(|outlook| outlook.interval_ms / DAY);
        assert!(
            outlooks
                .iter()
                .all(|outlook| outlook.schedule.phase == Phase::Review)
        );
        assert!(
            days[0] >= 1 && days[1] < days[2] && days[2] < days[3],
            "{days:?}"
        );
    }
}

#[test]
fn intervals_are_spread_by_the_card_within_a_twentieth_and_keep_the_order_of_grades() {
    let scheduler = scheduler(&Settings::default());
    // At retention 0.9 the interval before spreading is the new stability.
    let schedule = reviewed(100.0, 5.0, monday() - 100 * DAY, monday());
    let mut found = std::collections::BTreeSet::new();
    for number in 0..300 {
        let id = format!("{number:016x}");
        let outlooks = scheduler.next(&id, &schedule, monday());
        let [_, hard, good, easy] = outlooks.map(|outlook| outlook.interval_ms / DAY);
        assert!(hard < good && good < easy);
        let stability = outlooks[2].schedule.memory.unwrap().stability;
        let spread = (stability * 0.05).ceil() as i64;
        assert!(
            (good - stability.round() as i64).abs() <= spread,
            "{good} {stability}"
        );
        found.insert(good);
        assert_eq!(outlooks, scheduler.next(&id, &schedule, monday()));
    }
    assert!(found.len() > 10, "{found:?}");
    // Two days are not spread.
    let new = Schedule::new(monday());
    let plain = Settings {
        learning_steps_minutes: Vec::new(),
        ..Settings::default()
    };
    let plain = super::scheduler(&plain);
    for number in 0..100 {
        let [_, _, good, _] = plain.next(&format!("{number:016x}"), &new, monday());
        assert_eq!(good.interval_ms, 2 * DAY);
    }
}

#[test]
fn no_interval_is_longer_than_the_longest_or_shorter_than_a_day() {
    let settings = Settings {
        max_interval_days: 30,
        ..Settings::default()
    };
    let scheduler = scheduler(&settings);
    for stability in [0.001, 29.0, 1000.0, 36_500.0, 1e30] {
        let schedule = reviewed(stability, 5.0, monday() - 40 * DAY, monday());
        for number in 0..50 {
            let outlooks = scheduler.next(&format!("{number}"), &schedule, monday());
            for outlook in &outlooks[1..] {
                let days = outlook.interval_ms / DAY;
                assert!((1..=30).contains(&days), "{stability}: {days}");
            }
        }
    }
}

#[test]
fn days_that_passed_are_days_of_study() {
    let scheduler = scheduler(&Settings::default());
    let evening = ms("2026-11-30T23:50:00Z");
    let first = scheduler.grade("card", &Schedule::new(evening), Grade::Good, evening);
    // Ten past midnight is the same day of study: the card is learnt with the rule of the same day.
    let night = evening + 20 * MINUTE;
    let second = scheduler.grade("card", &first, Grade::Good, night);
    assert_memory(&second, 2.3065, 2.1112);
    assert_eq!(
        second.due,
        ms("2026-12-02T04:00:00Z"),
        "two days after Monday's study"
    );
    // Five in the morning is the next.
    let morning = ms("2026-12-01T05:00:00Z");
    let recall = scheduler.retrievability(&first, morning).unwrap();
    assert!(recall < 0.96, "{recall}");
    let next_day = scheduler.grade("card", &first, Grade::Good, morning);
    assert!(next_day.memory.unwrap().stability > 3.0);
}

#[test]
fn a_due_day_begins_at_four_o_clock_whatever_the_clock_does_in_between() {
    let zone = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
    let scheduler = Scheduler::new(&Settings::default(), &zone).unwrap();
    // Learnt on the Saturday before summer time begins, for two days.
    let at = ms("2026-03-28T18:00:00Z");
    let first = scheduler.grade("card", &Schedule::new(at), Grade::Good, at);
    let second = scheduler.grade("card", &first, Grade::Good, at + 10 * MINUTE);
    assert_eq!(second.due, ms("2026-03-30T02:00:00Z"));
}

#[test]
fn own_parameters_and_memories_that_are_no_numbers_do_not_break_it() {
    let mut parameters = fsrs::DEFAULT_PARAMETERS.to_vec();
    parameters[2] = 20.0;
    let settings = Settings {
        parameters,
        ..Settings::default()
    };
    let own = scheduler(&settings);
    let [_, _, good, _] = own.next("card", &Schedule::new(0), monday());
    assert_eq!(good.schedule.memory.unwrap().stability, 20.0);
    let default = scheduler(&Settings::default());
    for (stability, difficulty) in [(f32::NAN, 5.0), (5.0, f32::NAN), (0.0, 0.0), (-1.0, 99.0)] {
        let broken = reviewed(stability, difficulty, monday() - 5 * DAY, monday());
        for outlook in default.next("card", &broken, monday()) {
            let memory = outlook.schedule.memory.unwrap();
            assert!(memory.stability.is_finite() && memory.difficulty.is_finite());
        }
        let recall = default.retrievability(&broken, monday());
        assert!(recall.is_none_or(|recall| (0.0..=1.0).contains(&recall)));
    }
    let wrong = Settings {
        retention: 2.0,
        ..Settings::default()
    };
    assert!(Scheduler::new(&wrong, &TimeZone::UTC).is_err());
}

#[test]
fn intervals_are_short_on_a_button() {
    for (interval, words) in [
        (0, "< 1 min"),
        (MINUTE, "1 min"),
        (10 * MINUTE, "10 min"),
        (90 * MINUTE, "1.5 h"),
        (DAY, "1 d"),
        (21 * DAY, "21 d"),
        (76 * DAY, "2.5 mo"),
        (730 * DAY, "2 y"),
        (-5, "< 1 min"),
    ] {
        assert_eq!(in_words(interval), words);
    }
}

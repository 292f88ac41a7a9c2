//! Own parameters, fitted to a log of a learner made up with known ones.

use rounds_support::Cancel;
use rounds_support::rng::Rng;

use super::*;
use crate::StudyError;
use crate::fit::{MIN_REVIEWS, best_retention, fit};
use crate::schedule::Schedule;

/// The log of a learner whose memory follows `truth`, studied with a scheduler that has the default parameters.
fn learner(truth: &Scheduler, cards: usize, reviews: usize) -> Vec<Review> {
    let scheduler = scheduler(&Settings::default());
    let mut luck = Rng::new(5);
    let mut log = Vec::new();
    for number in 0..cards {
        let card = format!("{number:016x}");
        let mut at = monday() + (number % 60) as i64 * DAY;
        let (mut seen, mut real) = (Schedule::new(at), Schedule::new(at));
        for _ in 0..reviews {
            let known = truth.retrievability(&real, at).unwrap_or(0.5);
            let grade = if luck.chance(known) {
                Grade::Good
            } else {
                Grade::Again
            };
            let after = scheduler.grade(&card, &seen, grade, at);
            log.push(Review {
                card: card.clone(),
                deck: "d".into(),
                at,
                grade,
                took_ms: 5000,
                kind: ReviewKind::of(&seen),
                before: seen,
                after,
                typed: None,
            });
            real = truth.grade(&card, &real, grade, at);
            seen = after;
            at = after.due + MINUTE;
        }
    }
    log.sort_by_key(|review| review.at);
    log
}

/// Someone who forgets three times as fast as FSRS expects.
fn forgetful() -> Scheduler {
    let mut parameters = fsrs::DEFAULT_PARAMETERS.to_vec();
    for stability in &mut parameters[..4] {
        *stability /= 3.0;
    }
    scheduler(&Settings {
        parameters,
        ..Settings::default()
    })
}

#[test]
fn too_short_a_log_is_refused_with_what_there_is() {
    let log = learner(&forgetful(), 20, 4);
    let fitted = fit(
        &log,
        &scheduler(&Settings::default()),
        &mut |_, _| {},
        &Cancel::new(),
    );
    let Err(StudyError::TooFewReviews { found, needed }) = fitted else {
        panic!("{fitted:?}");
    };
    assert!(found > 0 && found < needed && needed == MIN_REVIEWS);
}

#[test]
fn parameters_of_a_forgetful_learner_predict_better_than_the_defaults() {
    let log = learner(&forgetful(), 400, 8);
    let mut told = 0;
    let default = scheduler(&Settings::default());
    let fitted = fit(
        &log,
        &default,
        &mut |done, all| told = told.max(100 * done / all),
        &Cancel::new(),
    )
    .unwrap();
    assert!(fitted.is_better(), "{fitted:?}");
    assert!(fitted.reviews > MIN_REVIEWS);
    // What was learnt with "good" is forgotten sooner.
    assert!(
        fitted.parameters[2] < fsrs::DEFAULT_PARAMETERS[2],
        "{:?}",
        fitted.parameters
    );
    let own = Settings {
        parameters: fitted.parameters,
        ..Settings::default()
    };
    assert!(own.validated().is_ok());
}

#[test]
fn the_defaults_are_not_beaten_where_they_are_the_truth_by_much() {
    let default = scheduler(&Settings::default());
    let log = learner(&default, 400, 6);
    let fitted = fit(&log, &default, &mut |_, _| {}, &Cancel::new()).unwrap();
    assert!(
        fitted.before.log_loss - fitted.after.log_loss < 0.02,
        "{fitted:?}"
    );
}

#[test]
fn cramming_and_cards_without_a_beginning_do_not_count() {
    let default = scheduler(&Settings::default());
    let mut log = learner(&forgetful(), 400, 3);
    for review in &mut log {
        review.kind = ReviewKind::Cram;
    }
    let none = fit(&log, &default, &mut |_, _| {}, &Cancel::new());
    assert!(matches!(
        none,
        Err(StudyError::TooFewReviews { found: 0, .. })
    ));
    let mut log = learner(&forgetful(), 400, 3);
    log.retain(|review| !review.before.is_new());
    let none = fit(&log, &default, &mut |_, _| {}, &Cancel::new());
    assert!(matches!(
        none,
        Err(StudyError::TooFewReviews { found: 0, .. })
    ));
    // Imported without its beginning, a card looks new, but its first review says that it is not.
    let mut log = learner(&forgetful(), 400, 3);
    for review in log.iter_mut().filter(|review| review.before.is_new()) {
        review.kind = ReviewKind::Review;
    }
    let none = fit(&log, &default, &mut |_, _| {}, &Cancel::new());
    assert!(matches!(
        none,
        Err(StudyError::TooFewReviews { found: 0, .. })
    ));
}

#[test]
fn a_fit_and_a_search_that_are_cancelled_stop() {
    let cancel = Cancel::new();
    cancel.cancel();
    let log = learner(&forgetful(), 400, 6);
    let default = scheduler(&Settings::default());
    let fitted = fit(&log, &default, &mut |_, _| {}, &cancel);
    assert!(matches!(fitted, Err(StudyError::Stopped)), "{fitted:?}");
    let best = best_retention(&default, &log, 50, &mut |_| {}, &cancel);
    assert!(matches!(best, Err(StudyError::Stopped)), "{best:?}");
}

#[test]
fn the_best_retention_is_found_for_a_small_deck() {
    let default = scheduler(&Settings::default());
    let log = learner(&default, 60, 5);
    let mut tried = 0;
    let best = best_retention(
        &default,
        &log,
        60,
        &mut |count| tried = count,
        &Cancel::new(),
    )
    .unwrap()
    .unwrap();
    assert!((0.7..=0.95).contains(&best), "{best}");
    assert!(tried > 1);
    let unknown = best_retention(&default, &[], 60, &mut |_| {}, &Cancel::new())
        .unwrap()
        .unwrap();
    assert!((0.7..=0.95).contains(&unknown), "{unknown}");
}

//! Whatever is graded, undone, put off and restarted, the log and the schedules agree.

use proptest::prelude::*;

use super::*;
use crate::queue::{Filter, Mode, Queue};
use crate::schedule::{Phase, Schedule};

/// What a learner may do.
#[derive(Clone, Debug)]
enum Step {
    Answer(u8, i64),
    Cram(u8),
    Undo,
    Restart,
    Bury,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (1_u8..=4, 0_i64..3 * 24 * 60).prop_map(|(grade, minutes)| Step::Answer(grade, minutes)),
        1 => (0_u8..4).prop_map(Step::Cram),
        2 => Just(Step::Undo),
        1 => Just(Step::Restart),
        1 => Just(Step::Bury),
    ]
}

/// Every schedule is where the log leads, grade by grade.
fn assert_consistent(store: &Store, scheduler: &Scheduler) {
    let log = store.log("d").unwrap();
    for standing in store.standings("d").unwrap() {
        let grades = log
            .iter()
            .filter(|review| review.card == standing.card && review.kind != ReviewKind::Cram);
        let mut known: Option<Schedule> = None;
        for review in grades {
            match known {
                None => assert!(review.before.is_new()),
                Some(known) => assert_eq!(review.before, known),
            }
            let after = scheduler.grade(&review.card, &review.before, review.grade, review.at);
            assert_eq!(review.after, after);
            assert_eq!(review.kind, ReviewKind::of(&review.before));
            known = Some(after);
        }
        assert_eq!(standing.schedule, known);
        if let Some(known) = known {
            assert!(
                known.reviews > 0 && known.lapses <= known.reviews && known.phase != Phase::New
            );
            assert!(known.due > known.last_review.unwrap());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_sequence_of_grades_and_undo_keeps_log_and_schedule_consistent(steps in proptest::collection::vec(step(), 1..40)) {
        let all: Vec<Card> = (0..6).map(|number| card_of(&format!("q{number}"), &format!("{}", number / 2))).collect();
        let mut store = store(&all);
        let settings = Settings { new_per_day: 4, reviews_per_day: 3, ..Settings::default() };
        let scheduler = scheduler(&settings);
        let mut now = monday();
        let build = |store: &Store, now| Queue::new(store, "d", &scheduler, now, Mode::Study, &Filter::default()).unwrap();
        let mut queue = build(&store, now);
        for step in steps {
            match step {
                Step::Answer(number, minutes) => {
                    if let Some(card) = queue.next(now) {
                        let how = Grade::from_number(number).unwrap();
                        let review = grade(&mut store, &scheduler, &card, how, now);
                        queue.graded(&review);
                    }
                    now += minutes * MINUTE + 1;
                }
                Step::Cram(number) => {
                    let card = all[usize::from(number)].id.clone();
                    let before = store.schedule("d", &card, now).unwrap();
                    let review = Review {
                        card, deck: "d".into(), at: now, grade: Grade::Again, took_ms: 1, kind: ReviewKind::Cram,
                        before, after: before, typed: None,
                    };
                    store.record(&review).unwrap();
                    queue.graded(&review);
                    now += 1;
                }
                Step::Undo => {
                    if let Some(review) = store.undo("d").unwrap() {
                        queue.undone(&review);
                    }
                }
                Step::Restart => queue = build(&store, now),
                Step::Bury => {
                    if let Some(card) = queue.next(now) {
                        store.bury("d", &card, scheduler.days().end_of_today(now)).unwrap();
                        queue.put_aside(&card);
                    }
                }
            }
            if queue.day_is_over(now) {
                queue = build(&store, now);
            }
            assert_consistent(&store, &scheduler);
            // A queue that was kept up to date says what one built anew says.
            let mut anew = build(&store, now);
            prop_assert_eq!(queue.counts(now), anew.counts(now));
            let counts = queue.counts(now);
            prop_assert!(counts.new <= 4 && counts.review <= 3);
        }
    }
}

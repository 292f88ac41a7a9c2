//! Which turns count as repetitions: what a comparison reuses, and which seed a new sample gets.

use super::data;
use super::harness::Harness;
use crate::tui::journal::Subject;
use crate::tui::state::{Effect, TurnId};

fn command(user: &mut Harness, line: &str) {
    user.type_text(line);
    user.press("enter");
}

/// Seeds of the questions asked since the last call.
fn seeds(user: &mut Harness) -> Vec<u64> {
    let effects = user.effects().into_iter();
    let asked = effects.filter_map(|effect| match effect {
        Effect::Ask { settings, .. } => Some(settings.decoding.seed),
        _ => None,
    });
    asked.collect()
}

/// Opens the comparison, answers if a question was asked, and closes it. Returns whether one was asked.
fn compares(user: &mut Harness) -> bool {
    user.effects();
    user.press("alt-c");
    let asked = !seeds(user).is_empty();
    if asked {
        user.answer("no");
    }
    user.press("esc");
    asked
}

#[test]
fn a_comparison_never_shows_the_answer_to_another_question() {
    let mut user = Harness::new(140, 40);
    user.exchange("Is there a nodule?", "yes");
    assert!(compares(&mut user));
    assert!(!compares(&mut user), "it is complete");
    user.press("alt-e ctrl-u");
    user.exchange("Is there a fracture?", "yes");
    assert!(compares(&mut user), "the question is different");
    assert!(!compares(&mut user));
}

#[test]
fn a_comparison_asks_again_when_image_patient_or_settings_differ() {
    let mut user = Harness::new(140, 40);
    user.attach("a.png");
    user.exchange("Is there a nodule?", "yes");
    assert!(compares(&mut user));
    let edited = |user: &mut Harness, change: fn(&mut Harness)| {
        user.press("alt-e");
        change(user);
        user.press("enter");
        user.answer("yes");
        compares(user)
    };
    assert!(edited(&mut user, |user| user.attach("b.png")));
    assert!(edited(&mut user, |user| user.state.case.subject =
        Subject {
            patient: Some("ALICE".into()),
            study: None,
            ..Subject::default()
        }));
    assert!(edited(&mut user, |user| user.state.settings.floor = Some(0.5)));
    assert!(!edited(&mut user, |_| ()), "nothing is different");
}

#[test]
fn every_sample_has_a_new_seed_and_a_typed_seed_comes_first() {
    let mut user = Harness::new(100, 40);
    command(&mut user, "/temperature 0.7");
    user.exchange("Is there a nodule?", "yes");
    for _ in 0..3 {
        user.press("ctrl-r");
        user.answer("yes");
    }
    assert_eq!(seeds(&mut user), [0, 1, 2, 3]);
    command(&mut user, "/seed 42");
    for _ in 0..2 {
        user.press("ctrl-r");
        user.answer("yes");
    }
    assert_eq!(seeds(&mut user), [42, 43]);
}

#[test]
fn changed_settings_are_not_a_repetition() {
    let mut user = Harness::new(100, 40);
    user.exchange("Is there a nodule?", "yes");
    user.state.settings.decoding.beams = 4;
    user.press("ctrl-r");
    user.does_not_see("give the same answer");
    user.answer("yes");
    user.press("ctrl-r");
    user.sees("give the same answer");
    assert_eq!(user.state.conversation.count(), 2);
}

#[test]
fn a_question_rejected_by_the_full_queue_leaves_no_trace() {
    let mut user = Harness::new(120, 40);
    command(&mut user, "/temperature 0.7");
    user.exchange("one", "yes");
    for _ in 0..12 {
        user.press("ctrl-r");
    }
    user.sees("error: too many answers are waiting");
    assert_eq!(user.state.conversation.count(), 10);
    let stored = user.journal().open_session("1").unwrap().turns.len();
    assert_eq!(stored, 10, "every turn is saved");
}

#[test]
fn a_turn_with_a_damaged_image_is_not_asked_again_without_it() {
    for again in ["ctrl-r", "alt-c", "alt-e"] {
        let mut user = Harness::new(140, 40);
        user.attach("a.png");
        user.exchange("Is there a nodule?", "yes");
        let mut saved = user.journal().open_session("1").unwrap();
        let first = saved.turns.first_mut().unwrap();
        first.images.clear();
        first.damaged.push("a.png".into());
        user.press("alt-n");
        user.event(crate::tui::state::Event::SessionOpened(Ok(Box::new(saved))));
        user.sees("1 image of this session is damaged");
        user.effects();
        user.press(again);
        user.sees("error: the stored copy of a.png is damaged");
        assert!(seeds(&mut user).is_empty());
        assert!(user.state.composer.editing.is_none());
        assert_eq!(user.state.conversation.count(), 1);
    }
}

#[test]
fn a_ranking_is_shown_and_saved() {
    let mut user = Harness::new(120, 40);
    user.ask("Is there a nodule?");
    let turn = user.running();
    let mut answer = data::answer("yes");
    answer.ranking = ["yes", "no"]
        .map(|option| rounds_assistant::Ranked {
            option: option.into(),
            log_probability: -1.5,
            per_token: -0.75,
        })
        .to_vec();
    user.event(crate::tui::state::Event::Answered {
        turn,
        answer: Box::new(answer),
    });
    user.sees("-0.750 per token");
    user.press("alt-n f2 enter");
    user.sees("-0.750 per token");
    assert_eq!(user.state.turn(), Some(TurnId(0)));
}

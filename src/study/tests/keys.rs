//! What keys do, and what is kept of it.

use super::*;
use crate::study::state::{Overlay, Scene, Verdict};
use crate::tui::ExitReason;
use rounds_study::schedule::Grade;
use rounds_study::settings::Settings;
use rounds_study::store::ReviewKind;

fn grades(learner: &Learner) -> Vec<Grade> {
    learner.log().iter().map(|review| review.grade).collect()
}

#[test]
fn a_typed_answer_turns_the_card_and_is_judged_as_a_guess() {
    let mut anna = Learner::new(cards(Kind::Question, 2), (120, 40));
    anna.does_not_see("right upper zone");
    anna.type_text("yes, in the right upper zone")
        .press("enter");
    anna.sees("Yes, in the right upper zone");
    anna.sees("a guess: right");
    anna.press("3");
    assert_eq!(grades(&anna), [Grade::Good]);
    let log = anna.log();
    assert_eq!(
        log[0].typed.as_deref(),
        Some("yes, in the right upper zone")
    );
    anna.sees("(2)");
}

#[test]
fn a_blank_turns_the_card_and_a_second_one_grades_it_as_good() {
    let mut anna = Learner::new(cards(Kind::Question, 3), (80, 24));
    anna.press("space");
    assert!(anna.turn().turned);
    anna.sees("10 min");
    anna.press("space");
    assert_eq!(grades(&anna), [Grade::Good]);
    assert_eq!(anna.log()[0].typed, None);
    anna.press("enter 4 space 1");
    assert_eq!(grades(&anna), [Grade::Good, Grade::Easy, Grade::Again]);
}

#[test]
fn enter_and_a_blank_give_the_grade_that_is_marked() {
    let mut anna = Learner::new(cards(Kind::Choice, 3), (80, 24));
    anna.press("a");
    anna.sees("1 again*");
    anna.sees("Space again");
    anna.press("enter b space");
    assert_eq!(grades(&anna), [Grade::Again, Grade::Good]);
    // A mark on the wrong place is no better.
    let mut anna = Learner::new(cards(Kind::Spot, 1), (80, 24));
    anna.press("shift-right shift-right shift-right shift-right shift-right enter space");
    assert_eq!(grades(&anna), [Grade::Again]);
}

#[test]
fn letters_are_text_in_the_field_and_keys_outside_of_it() {
    let mut anna = Learner::new(cards(Kind::Question, 2), (80, 24));
    anna.type_text("subtle q");
    assert_eq!(anna.turn().field.text(), "subtle q");
    assert!(!anna.left);
    anna.press("esc s");
    anna.sees("suspended");
    assert!(anna.turn().card().question.contains("(2)"));
    anna.press("esc tab x");
    assert_eq!(anna.turn().field.text(), "x");
}

#[test]
fn a_letter_chooses_an_answer_and_says_whether_it_is_right() {
    let mut anna = Learner::new(cards(Kind::Choice, 3), (80, 24));
    anna.press("b");
    anna.sees("✓ b Pneumothorax  (yours)");
    assert!(matches!(
        anna.turn().verdict,
        Some(Verdict::Chosen { right: true })
    ));
    anna.press("3 a");
    anna.sees("✗ a Pneumonia  (yours)");
    anna.sees("✓ b Pneumothorax");
    anna.press("1 down down enter");
    anna.sees("✗ c Atelectasis  (yours)");
    let typed: Vec<_> = anna.log().into_iter().map(|r| r.typed).collect();
    assert_eq!(typed[0].as_deref(), Some("Pneumothorax"));
}

#[test]
fn a_click_chooses_an_answer() {
    let mut anna = Learner::new(cards(Kind::Choice, 1), (120, 40));
    let second = anna.state.shown.choices[1];
    anna.event(Event::Click {
        column: second.x + 3,
        row: second.y,
    });
    assert_eq!(anna.turn().chosen, Some(1));
    assert!(anna.turn().turned);
}

#[test]
fn the_cross_hair_moves_with_arrows_and_is_placed_by_a_click() {
    let mut anna = Learner::new(cards(Kind::Spot, 2), (120, 40));
    anna.press("enter");
    assert!(anna.turn().verdict.is_none(), "nothing was marked");
    anna.press("3");
    let before = anna.turn().cross.unwrap();
    anna.press("left shift-up");
    let after = anna.turn().cross.unwrap();
    assert!(after[0] < before[0] && before[1] - after[1] > before[0] - after[0]);
    let image = anna.state.shown.image.unwrap().area;
    anna.event(Event::Click {
        column: image.x + image.width * 35 / 100,
        row: image.y + image.height * 37 / 100,
    });
    anna.press("enter");
    anna.sees("right: inside of nodule");
    assert_eq!(
        anna.turn()
            .appearance(0, Default::default())
            .unwrap()
            .boxes
            .len(),
        1
    );
}

#[test]
fn a_mark_beside_the_region_says_how_far_away_it_is() {
    let mut anna = Learner::new(cards(Kind::Spot, 1), (120, 40));
    for _ in 0..20 {
        anna.press("shift-right");
    }
    anna.press("enter");
    anna.sees("not there:");
    anna.sees("from nodule");
}

#[test]
fn a_covered_region_is_not_drawn_before_the_card_is_turned() {
    let mut anna = Learner::new(cards(Kind::Occlusion, 1), (80, 24));
    let covered = anna.turn().picture(0).unwrap().unwrap().id.clone();
    assert!(covered.contains("covered"));
    anna.press("esc i");
    let look = anna.turn().appearance(0, Default::default()).unwrap();
    assert_eq!(look.id, covered);
    anna.press("esc enter");
    let look = anna.turn().appearance(0, Default::default()).unwrap();
    assert!(!look.id.contains("covered"));
    assert_eq!(look.boxes.len(), 1);
}

#[test]
fn a_case_is_shown_part_by_part() {
    let mut anna = Learner::new(cards(Kind::Staged, 1), (120, 40));
    anna.sees("61-year-old smoker");
    anna.sees("The image comes next.");
    anna.does_not_see("Calcium");
    anna.press("enter");
    anna.does_not_see("The image comes next.");
    anna.does_not_see("Calcium");
    anna.press("enter");
    anna.sees("Calcium  3.02 mmol/L  2.20-2.60");
    anna.does_not_see("Lung cancer");
    anna.press("enter");
    anna.sees("Lung cancer");
}

#[test]
fn two_images_stand_side_by_side_and_one_of_them_is_chosen() {
    let mut anna = Learner::new(cards(Kind::Compare, 1), (120, 40));
    anna.sees(" Left ");
    anna.sees(" Right ");
    anna.press("b");
    anna.sees("✓ b The second  (yours)");
}

#[test]
fn undo_takes_back_the_last_grade_and_shows_its_card() {
    let mut anna = Learner::new(cards(Kind::Question, 3), (80, 24));
    anna.press("space 4 space 1");
    assert_eq!(anna.log().len(), 2);
    anna.press("esc u");
    anna.sees("undone: again");
    assert!(anna.turn().card().question.contains("(2)"));
    assert_eq!(grades(&anna), [Grade::Easy]);
    anna.press("esc u");
    assert!(anna.turn().card().question.contains("(1)"));
    anna.press("esc u");
    anna.sees("there is nothing to undo");
    assert_eq!(anna.state.graded(), 0);
}

#[test]
fn buried_and_suspended_cards_do_not_come_and_undo_brings_them_back() {
    let mut anna = Learner::new(cards(Kind::Question, 2), (80, 24));
    anna.press("esc b");
    assert!(anna.turn().card().question.contains("(2)"));
    anna.press("esc s");
    assert!(matches!(anna.state.scene, Scene::Finished { .. }));
    anna.press("u");
    anna.sees("no longer suspended");
    assert!(anna.turn().card().question.contains("(2)"));
    anna.press("esc u");
    anna.sees("no longer buried");
    assert!(anna.turn().card().question.contains("(1)"));
}

#[test]
fn a_card_that_was_not_known_comes_back_in_the_session() {
    let mut anna = Learner::new(cards(Kind::Question, 1), (80, 24));
    anna.press("space 1");
    anna.sees("new 0  learning 1");
    anna.wait(MINUTE);
    anna.press("space 4");
    anna.sees("Well done");
    anna.sees("The next card is due in");
    anna.sees("2 cards graded, 50 % of them known.");
    anna.press("t");
    anna.sees("due today");
}

#[test]
fn a_card_that_falls_due_later_comes_by_itself() {
    let folder = deck(cards(Kind::Question, 1));
    let mut store = Store::open(folder.path()).unwrap();
    let settings = Settings {
        learning_steps_minutes: vec![30],
        ..Settings::default()
    };
    store.set_settings("cases", &settings).unwrap();
    let mut anna = Learner::at(folder, false, (80, 24), ColourDepth::True);
    anna.press("space 1");
    anna.sees("The next card is due in 30 minutes.");
    assert_eq!(anna.state.wakes_at(), Some(anna.now + 30 * MINUTE));
    anna.wait(5 * MINUTE);
    anna.sees("Well done");
    anna.wait(26 * MINUTE);
    anna.sees("Is there a nodule?");
    assert_eq!(anna.state.wakes_at(), None);
}

#[test]
fn leaving_in_the_middle_loses_nothing() {
    let mut anna = Learner::new(cards(Kind::Question, 3), (80, 24));
    anna.press("space 4 space 3 ctrl-d");
    assert!(anna.left);
    let mut anna = anna.come_back();
    assert_eq!(anna.log().len(), 2);
    assert!(anna.turn().card().question.contains("(3)"));
    anna.press("esc u");
    assert!(anna.turn().card().question.contains("(2)"));
}

#[test]
fn keys_that_are_faster_than_the_disk_are_used_in_their_order() {
    let mut anna = Learner::new(cards(Kind::Question, 3), (80, 24));
    anna.press("space");
    anna.slow = Some(Vec::new());
    anna.press("4 space 2 ctrl-d");
    assert!(!anna.left, "something is not saved yet");
    anna.sees("saving");
    anna.disk_is_done();
    assert!(anna.left);
    assert_eq!(grades(&anna), [Grade::Easy, Grade::Hard]);
}

#[test]
fn a_full_disk_is_said_and_the_same_key_tries_again() {
    let mut anna = Learner::new(cards(Kind::Question, 2), (80, 24));
    anna.full = true;
    anna.press("space 3");
    anna.sees("no space left");
    assert!(anna.turn().turned);
    assert_eq!(anna.state.graded(), 0);
    anna.full = false;
    anna.press("3");
    assert_eq!(grades(&anna), [Grade::Good]);
    assert_eq!(anna.state.graded(), 1);
}

#[test]
fn cramming_reschedules_nothing() {
    let folder = deck(cards(Kind::Question, 2));
    let mut anna = Learner::at(folder, true, (80, 24), ColourDepth::True);
    anna.sees("not rescheduled");
    anna.press("space 1 space 4");
    anna.sees("every card of this choice");
    let log = anna.log();
    assert!(log.iter().all(|review| review.kind == ReviewKind::Cram));
    assert!(log.iter().all(|review| review.before == review.after));
}

#[test]
fn cards_that_could_not_be_opened_are_tried_again_and_q_leaves_at_once() {
    let (mut state, effects) = State::new("cases", false, true, START);
    assert_eq!(effects, [Effect::Desk(Work::Deal)]);
    let press = |key: &str, state: &mut State| {
        let key = key.parse().unwrap();
        state.handle(START, Event::Key(key))
    };
    let left = [Effect::Leave(ExitReason::Left)];
    assert_eq!(press("q", &mut state), left, "while they are opened");
    let failure = Failure::usage("the store is locked");
    state.handle(START, Event::Dealt(Err(failure)));
    assert_eq!(press("enter", &mut state), [Effect::Desk(Work::Deal)]);
}

#[test]
fn keys_in_a_window_do_not_grade() {
    let mut anna = Learner::new(cards(Kind::Question, 1), (80, 24));
    anna.press("space ? 3");
    assert_eq!(anna.log().len(), 0);
    anna.press("t");
    anna.sees("due today");
    anna.press("pagedown down up x i + b right r esc");
    assert!(anna.state.overlay.is_none());
    assert_eq!(anna.log().len(), 0);
}

#[test]
fn a_window_says_that_there_is_more_and_only_its_own_failure_closes_it() {
    let mut anna = Learner::new(cards(Kind::Question, 1), (80, 24));
    anna.press("space ?");
    anna.sees("2 more: PageDown");
    anna.press("pagedown");
    anna.sees("q Ctrl-D");
    anna.does_not_see("more: PageDown");
    // The statistics were closed before they could not be counted.
    let failure = Failure::usage("the store cannot be read");
    anna.event(Event::Statistics(Err(failure)));
    assert_eq!(anna.state.overlay, Some(Overlay::Help));
    anna.press("esc e");
    assert_eq!(anna.state.overlay, Some(Overlay::LookAlikes));
    anna.press("down");
    assert_eq!(anna.state.overlay, None, "any key closes it");
}

#[test]
fn a_letter_that_chooses_is_no_other_key_in_the_hints() {
    let mut many = card(Kind::Choice);
    many.choices
        .extend((0..5).map(|at| format!("Finding {at}")));
    let anna = Learner::new(vec![many], (120, 40));
    anna.sees("i Finding 4");
    anna.sees("u undo");
    anna.does_not_see("i image");
}

#[test]
fn a_rectangle_is_drawn_with_keys_and_becomes_two_cards_of_ones_own() {
    let mut anna = Learner::new(cards(Kind::Question, 1), (120, 40));
    anna.press("space d");
    anna.sees("Draw a rectangle");
    anna.press("shift-left enter shift-right shift-right shift-down enter");
    anna.sees("What is it?");
    // Without a name nothing is kept, and a full disk loses nothing.
    anna.press("enter").type_text("a nodule");
    anna.full = true;
    anna.press("enter");
    anna.sees("no space left");
    anna.full = false;
    anna.press("enter");
    anna.sees("saved in the deck cases");
    assert!(anna.turn().turned && anna.state.overlay.is_none());
    assert_eq!(anna.state.graded(), 0);
    let store = Store::open(anna.folder.path()).unwrap();
    let cards = store.cards("cases").unwrap();
    let kinds: Vec<Kind> = cards.iter().map(|card| card.kind).collect();
    assert_eq!(kinds, [Kind::Question, Kind::Spot, Kind::Occlusion]);
    let place = &cards[1].regions[0];
    assert_eq!(place.label, "a nodule");
    assert!(place.x < 0.5 && place.x + place.width > 0.5, "{place:?}");
    assert!(place.width > place.height, "{place:?}");
    assert_eq!(cards[1].licence, "CC0");
    anna.press("3");
    assert_eq!(grades(&anna), [Grade::Good]);
}

#[test]
fn a_rectangle_is_dragged_with_the_mouse_at_any_size() {
    let mut anna = Learner::new(cards(Kind::Question, 1), (120, 40));
    anna.press("space d");
    let image = anna.state.shown.image.unwrap().area;
    let at = |share: u16| {
        let column = image.x + image.width * share / 100;
        (column, image.y + image.height * share / 100)
    };
    let (column, row) = at(20);
    anna.event(Event::Click { column, row });
    let (column, row) = at(60);
    anna.event(Event::Drag { column, row });
    anna.event(Event::Release);
    anna.sees("What is it?");
    let [_, _, width, height] = anna.turn().drawing.as_ref().unwrap().rectangle().unwrap();
    let film = &anna.turn().dealt.pictures[0].as_ref().unwrap().image;
    let share = |part: u32, all: u32| f64::from(part) / f64::from(all);
    for side in [share(width, film.width), share(height, film.height)] {
        assert!((0.3..0.5).contains(&side), "{side}");
    }
    for (columns, rows) in [(1, 1), (59, 60), (60, 16), (300, 100)] {
        anna.resize(columns, rows);
    }
    anna.press("esc backspace esc");
    assert!(anna.turn().drawing.is_none() && anna.state.overlay.is_none());
}

#[test]
fn random_keys_never_panic_and_every_grade_is_in_the_store() {
    let mut all = Vec::new();
    for kind in Kind::ALL {
        all.extend(cards(kind, 6));
    }
    let keys = "1 2 3 4 space enter esc tab a b c d e f i m t u s ? + r left right up down shift-left pageup pagedown x backspace";
    let keys: Vec<&str> = keys.split(' ').collect();
    let mut rng = rounds_support::rng::Rng::new(7);
    let mut anna = Learner::new(all, (80, 24));
    for step in 0..800 {
        anna.press(keys[rng.below(keys.len())]);
        if step % 50 == 0 {
            anna.wait(11 * MINUTE);
        }
    }
    assert_eq!(anna.state.graded(), anna.log().len());
}

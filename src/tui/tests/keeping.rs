//! What is kept of a conversation, however slow the store is.

use super::harness::Harness;
use crate::tui::ExitReason;
use crate::tui::journal::{Journal, SavedEnd};
use crate::tui::state::{Effect, Event, Start};

const STILL: &str = "the last answer is still being kept; try again";

fn command(user: &mut Harness, line: &str) {
    user.type_text(line);
    user.press("enter");
}

#[test]
fn a_new_session_waits_until_the_turn_before_is_kept() {
    let mut user = Harness::new(120, 40);
    user.store_is_slow();
    user.exchange("one", "yes");
    user.press("alt-n");
    user.sees(STILL);
    user.sees("You  ");
    user.store_answers();
    user.press("alt-n");
    user.sees("a new session");
    user.exchange("two", "no");
    let first = user.journal().open("s1").unwrap().turns;
    assert_eq!(first.len(), 1);
    assert!(matches!(&first[0].end, SavedEnd::Answered { answer, .. } if answer == "yes"));
    let second = user.journal().open("s2").unwrap().turns;
    let questions: Vec<&str> = second.iter().map(|t| t.question.as_str()).collect();
    assert_eq!(questions, ["two"]);
}

#[test]
fn a_session_is_neither_left_nor_deleted_while_a_turn_of_it_is_being_kept() {
    let mut user = Harness::new(120, 40);
    user.exchange("one", "yes");
    user.press("alt-n");
    user.exchange("two", "no");
    user.store_is_slow();
    user.exchange("three", "left");
    let saved = user.journal().open("s1").unwrap();
    user.event(Event::SessionOpened(Ok(Box::new(saved))));
    user.sees(STILL);
    assert_eq!(user.state.session.id(), Some("s2"));
    user.effects();
    command(&mut user, "/delete");
    user.press("y");
    user.sees(STILL);
    let deletes = |e: &Effect| matches!(e, Effect::DeleteSession(_));
    assert!(!user.effects().iter().any(deletes));
    user.store_answers();
    command(&mut user, "/delete");
    user.press("y");
    assert!(user.effects().iter().any(deletes));
}

#[test]
fn a_question_asked_before_the_one_above_it_is_kept_still_follows_it() {
    let mut user = Harness::new(120, 40);
    user.store_is_slow();
    user.exchange("one", "yes");
    user.exchange("two", "no");
    user.store_answers();
    let turns = user.journal().open("s1").unwrap().turns;
    assert_eq!(turns[1].parent.as_ref(), Some(&turns[0].id));
    assert!(turns.iter().all(|t| matches!(t.end, SavedEnd::Answered { .. })));
    assert!(!user.state.has_unstored());
}

//! Quitting by key or signal, whatever is open; a running answer is saved.

use super::harness::Harness;
use crate::tui::ExitReason;
use crate::tui::journal::SavedEnd;
use crate::tui::state::{Effect, Event};

#[test]
fn ctrl_c_stops_the_answer_and_twice_quits() {
    let mut user = Harness::new(100, 30);
    user.ask("one");
    user.press("ctrl-c");
    user.sees("Ctrl-C again quits");
    assert!(!user.effects().iter().any(|e| matches!(e, Effect::Leave(_))));
    user.press("ctrl-c");
    assert!(
        user.effects()
            .iter()
            .any(|e| matches!(e, Effect::Leave(ExitReason::Left)))
    );
}

#[test]
fn two_slow_presses_of_ctrl_c_do_not_quit() {
    let mut user = Harness::new(100, 30);
    user.press("ctrl-c");
    user.wait(2500);
    user.press("ctrl-c");
    assert!(!user.effects().iter().any(|e| matches!(e, Effect::Leave(_))));
}

#[test]
fn ctrl_d_deletes_in_text_and_quits_from_an_empty_input() {
    let mut user = Harness::new(100, 30);
    user.type_text("ab");
    user.press("home ctrl-d");
    assert_eq!(user.state.composer.input.text(), "b");
    user.press("ctrl-d ctrl-d");
    assert!(
        user.effects()
            .iter()
            .any(|e| matches!(e, Effect::Leave(ExitReason::Left)))
    );
}

#[test]
fn a_signal_keeps_the_running_answer() {
    let mut user = Harness::new(100, 30);
    user.ask("one");
    user.retrieve(1);
    user.stream("half of an");
    user.event(Event::Terminate(ExitReason::Signal(15)));
    assert!(
        user.effects()
            .iter()
            .any(|e| matches!(e, Effect::Leave(ExitReason::Signal(15))))
    );
    let session = user.journal().open_session("1").unwrap();
    assert!(
        matches!(&session.turns[0].end, SavedEnd::Stopped { text } if text.contains("half of an"))
    );
}

#[test]
fn quitting_works_whatever_is_open() {
    for open in ["f1", "f2", "f4", "ctrl-o", "alt-1"] {
        let mut user = Harness::new(100, 30);
        user.press(open);
        user.press("ctrl-c ctrl-c");
        assert!(
            user.effects().iter().any(|e| matches!(e, Effect::Leave(_))),
            "{open}"
        );
    }
}

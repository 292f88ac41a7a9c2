//! Letters in the panes: keys when pressed alone, text when typed.

use super::harness::Harness;
use crate::tui::state::{Activity, Effect, Focus};

fn in_pane(pane: &str) -> Harness {
    let mut user = Harness::new(140, 44);
    user.attach("a.png");
    user.exchange("Is there a nodule?", "yes");
    user.press(pane);
    user.effects();
    user
}

#[test]
fn a_question_typed_in_a_pane_goes_to_the_input_and_changes_nothing() {
    for pane in ["alt-1", "alt-2", "alt-3"] {
        for question in [
            "please explain",
            "explain",
            "why",
            "what is it",
            "really",
            "yes",
            "even so",
            "x-ray",
            "describe it",
            "no",
        ] {
            let mut user = in_pane(pane);
            let before = user.state.settings.clone();
            user.type_text(question);
            assert_eq!(user.state.composer.input.text(), question, "{pane}");
            assert_eq!(user.state.settings, before, "{pane} {question}");
            assert_eq!(user.state.case.images.len(), 1, "{pane} {question}");
            assert_eq!(user.state.focus, Focus::Input);
            assert!(user.state.composer.editing.is_none());
            user.wait(2000);
            assert_eq!(user.state.activity, Activity::Idle, "{pane} {question}");
        }
    }
}

#[test]
fn a_letter_alone_and_a_repeated_letter_are_keys() {
    let mut user = in_pane("alt-3");
    user.type_text("jj");
    assert_eq!(user.state.selection.shot, 2);
    user.wait(500);
    user.type_text("kj");
    assert_eq!(user.state.selection.shot, 2, "moving about is not typing");
    user.wait(1500);
    user.type_text("p");
    user.wait(1500);
    user.type_text("x");
    assert_eq!(user.state.settings.excluded, ["chest-0002"]);
    assert!(user.state.composer.input.is_empty());
}

#[test]
fn a_key_that_asks_waits_until_no_letter_follows() {
    let mut user = in_pane("alt-3");
    user.type_text("w");
    assert_eq!(user.state.activity, Activity::Idle);
    assert!(user.state.needs_ticks(), "it waits for the clock");
    user.wait(400);
    let effects = user.effects();
    assert!(effects.iter().any(|e| matches!(e, Effect::Ask { .. })));
    let mut user = in_pane("alt-1");
    user.state.settings.decoding.temperature = 0.7;
    user.type_text("r");
    user.press("alt-3");
    assert_ne!(
        user.state.activity,
        Activity::Idle,
        "another key ends the wait"
    );
}

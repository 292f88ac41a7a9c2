//! Asking, streaming, stopping, scrolling, commands.

use super::harness::Harness;
use crate::tui::journal::SavedEnd;
use crate::tui::state::{Activity, Effect, Event, Focus, Overlay, Start};
use rounds_assistant::retrieval::Strategy;
use rounds_support::Failure;
use rounds_support::Hint;

fn asked(effects: &[Effect]) -> Vec<(String, usize)> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Ask {
                question, images, ..
            } => Some((question.clone(), images.len())),
            _ => None,
        })
        .collect()
}

#[test]
fn a_question_is_asked_streamed_and_answered() {
    let mut user = Harness::new(120, 40);
    user.effects();
    user.ask("Is there a nodule?");
    assert_eq!(
        asked(&user.effects()),
        [("Is there a nodule?".to_string(), 0)]
    );
    user.sees("looking for similar examples");
    user.retrieve(4);
    user.sees("reading images and shots");
    user.sees("3. x-ray: Is there a nodule?");
    user.stream("A round opacity. Answer: yes");
    user.sees("Rationale: A round opacity.");
    user.sees("Answer: yes");
    user.answer("yes");
    user.sees("tokens, 0.9 s");
    user.sees("note: this model knows synthetic phantoms only");
    assert_eq!(user.state.activity, Activity::Idle);
}

#[test]
fn esc_while_streaming_stops_and_keeps_the_partial_answer() {
    let mut user = Harness::new(100, 30);
    user.ask("Is there a nodule?");
    user.retrieve(2);
    user.stream("A round opacity");
    user.effects();
    user.press("esc");
    assert!(user.effects().iter().any(|e| matches!(e, Effect::Cancel)));
    user.sees("A round opacity");
    user.sees("[stopped]");
    let turn = user.running();
    user.event(Event::Token {
        turn,
        text: " that came too late".into(),
    });
    user.model_stops();
    user.sees("A round opacity");
    user.does_not_see("too late");
    let session = user.journal().open_session("1").unwrap();
    assert!(
        matches!(&session.turns[0].end, SavedEnd::Stopped { text } if text == "Rationale: A round opacity"),
        "{:?}",
        session.turns[0].end
    );
}

#[test]
fn an_answer_that_finishes_while_being_stopped_stays_partial() {
    let mut user = Harness::new(100, 30);
    user.ask("Is there a nodule?");
    user.retrieve(2);
    user.stream("A round");
    user.press("esc");
    user.answer("yes, the whole answer");
    user.sees("[stopped]");
    user.does_not_see("the whole answer");
    assert_eq!(user.state.activity, Activity::Idle);
}

#[test]
fn a_question_asked_before_the_model_is_open_waits_for_it() {
    let mut user =
        Harness::with_start(100, 30, rounds_imaging::ColourDepth::True, Start::default());
    user.ask("Is there a nodule?");
    user.sees("waiting for the model");
    user.wait(3000);
    user.sees("3 s (Esc cancels) opening model shipped");
    user.model_opens();
    assert_eq!(asked(&user.effects()).len(), 1);
    user.sees("looking for similar examples");
}

#[test]
fn a_model_that_fails_to_open_shows_the_error_and_hint_in_the_conversation() {
    let mut user =
        Harness::with_start(100, 30, rounds_imaging::ColourDepth::True, Start::default());
    user.ask("Is there a nodule?");
    user.event(Event::Opened {
        job: 1,
        result: Err(
            Failure::usage("model.toml was not found").hint("rounds model list shows models")
        ),
    });
    user.sees("error: model.toml was not found");
    user.sees("hint: rounds model list shows models");
    assert_eq!(user.state.activity, Activity::Idle);
}

#[test]
fn the_old_model_stays_while_another_opens_and_esc_cancels_it() {
    let mut user = Harness::new(100, 30);
    user.type_text("/model /models/big");
    user.press("enter");
    user.sees("opening model big");
    user.press("esc");
    user.sees("the previous one stays open");
    user.event(Event::Opened {
        job: 2,
        result: Ok(Default::default()),
    });
    user.sees("nano, CPU");
    user.exchange("Is there a nodule?", "yes");
}

#[test]
fn enter_while_an_answer_runs_keeps_the_typed_question() {
    let mut user = Harness::new(100, 30);
    user.ask("one");
    user.effects();
    user.type_text("two");
    user.press("enter");
    assert!(asked(&user.effects()).is_empty());
    assert_eq!(user.state.composer.input.text(), "two");
    user.sees("an answer is in progress");
}

#[test]
fn streamed_text_is_saved_about_once_a_second() {
    let mut user = Harness::new(100, 30);
    user.ask("one");
    user.retrieve(1);
    user.stream("a b c d ");
    user.effects();
    user.wait(100);
    assert!(
        !user
            .effects()
            .iter()
            .any(|e| matches!(e, Effect::StorePartial { .. }))
    );
    user.wait(1000);
    user.wait(100);
    let effects = user.effects();
    assert_eq!(
        effects
            .iter()
            .filter(|e| matches!(e, Effect::StorePartial { .. }))
            .count(),
        1
    );
}

#[test]
fn a_failing_store_is_reported_and_the_conversation_continues() {
    let mut user = Harness::new(100, 30);
    let mut state_only = |event| user.state.handle(std::time::Duration::ZERO, event);
    for key in ["h", "i", "enter"] {
        state_only(Event::Key(key.parse().unwrap()));
    }
    state_only(Event::SessionCreated(Err(Failure::usage(
        "the disk is full",
    ))));
    user.draw();
    user.sees("this session is not being saved: the disk is full");
    user.retrieve(1);
    user.answer("yes");
    user.sees("yes");
}

#[test]
fn earlier_questions_come_back_with_the_arrow_keys() {
    let mut user = Harness::new(100, 30);
    user.exchange("first", "yes");
    user.exchange("second", "no");
    user.type_text("dra");
    user.press("up");
    assert_eq!(user.state.composer.input.text(), "second");
    user.press("up down down");
    assert_eq!(user.state.composer.input.text(), "dra");
}

#[test]
fn a_new_line_makes_the_input_grow_and_enter_sends_all_of_it() {
    let mut user = Harness::new(100, 30);
    user.type_text("one");
    user.press("alt-enter");
    user.type_text("two");
    user.press("ctrl-j");
    user.effects();
    user.ask("three");
    assert_eq!(asked(&user.effects())[0].0, "one\ntwo\nthree");
}

#[test]
fn streaming_does_not_move_the_view_when_scrolled_up() {
    let mut user = Harness::new(80, 24);
    for number in 0..8 {
        user.exchange(&format!("question {number}"), "yes");
    }
    user.ask("last one");
    user.retrieve(4);
    user.press("pageup pageup");
    let before = user.screen();
    user.stream("more and more text that makes the conversation longer ");
    let conversation = |screen: &str| {
        screen
            .lines()
            .skip(1)
            .take(12)
            .map(String::from)
            .collect::<Vec<_>>()
    };
    assert_eq!(conversation(&before), conversation(&user.screen()));
    user.press("pagedown pagedown pagedown pagedown");
    user.sees("makes the conversation longer");
}

#[test]
fn an_earlier_turn_can_be_selected_and_esc_returns_to_the_end() {
    let mut user = Harness::new(120, 40);
    user.exchange("first", "yes");
    user.exchange("second", "no");
    user.press("alt-1 up");
    user.sees("> You");
    user.effects();
    user.press("y");
    assert!(
        user.effects()
            .iter()
            .any(|e| matches!(e, Effect::Copy(text) if text.starts_with("yes")))
    );
    user.press("esc");
    user.does_not_see("> You");
}

#[test]
fn a_printable_key_in_another_pane_starts_a_question() {
    let mut user = Harness::new(120, 40);
    user.press("alt-1");
    user.press("W");
    assert_eq!(user.state.focus, Focus::Input);
    assert_eq!(user.state.composer.input.text(), "W");
}

#[test]
fn an_unknown_command_is_not_sent_as_a_question() {
    let mut user = Harness::new(100, 30);
    user.effects();
    user.type_text("/atach x");
    user.press("enter");
    assert!(asked(&user.effects()).is_empty());
    user.sees("error: there is no command /atach");
    user.sees("did you mean /attach?");
    assert_eq!(
        user.state.composer.input.text(),
        "/atach x",
        "the typed command can be corrected"
    );
}

#[test]
fn settings_change_by_command_from_the_next_question_on() {
    let mut user = Harness::new(120, 40);
    for line in [
        "/k 2",
        "/strategy random",
        "/order similar-first",
        "/floor 0.5",
        "/filter modality=ct organ!=chest",
    ] {
        user.type_text(line);
        user.press("enter");
    }
    user.sees("k=2 random");
    user.effects();
    user.ask("q");
    let effects = user.effects();
    let Some(Effect::Ask { settings, .. }) =
        effects.iter().find(|e| matches!(e, Effect::Ask { .. }))
    else {
        panic!("no question was asked");
    };
    assert_eq!((settings.shots, settings.strategy), (2, Strategy::Random));
    assert_eq!(settings.floor, Some(0.5));
    assert_eq!(settings.filter.len(), 2);
    for (line, expected) in [
        ("/k many", "/k takes a number from 0 to 512, not `many`"),
        ("/order backwards", "`backwards` is not an order"),
        ("/filter ct", "`ct` is not a condition"),
    ] {
        user.type_text(line);
        user.press("enter");
        user.sees(expected);
        // A rejected command stays, to be corrected.
        user.press("ctrl-u");
    }
}

#[test]
fn commands_and_their_values_are_completed() {
    let mut user = Harness::new(100, 30);
    user.type_text("/str");
    user.sees("how shots are chosen");
    user.press("tab");
    assert_eq!(user.state.composer.input.text(), "/strategy ");
    user.sees("random");
    user.type_text("hyb");
    user.press("tab enter");
    user.sees("strategy hybrid");
    user.type_text("/");
    user.press("down down enter");
    assert!(
        user.state.composer.input.text().starts_with('/'),
        "a selected completion is inserted, not run"
    );
}

#[test]
fn help_opens_with_a_question_mark_only_in_an_empty_input() {
    let mut user = Harness::new(100, 30);
    user.press("?");
    assert!(matches!(user.state.overlay, Some(Overlay::Help { .. })));
    user.press("esc");
    user.type_text("why?");
    assert!(user.state.overlay.is_none());
    assert_eq!(user.state.composer.input.text(), "why?");
}

#[test]
fn every_action_of_the_keymap_can_be_overridden_by_its_name() {
    for row in crate::tui::keys::TABLE {
        let overrides = [(row.name.to_string(), "f12".to_string())].into();
        let map = crate::tui::keys::Keymap::new(&overrides)
            .unwrap_or_else(|e| panic!("{e} {:?}", e.hint()));
        assert_eq!(map.keys(row.action), "F12");
    }
}

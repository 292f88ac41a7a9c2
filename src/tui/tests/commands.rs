//! Commands for what keys do on the full screen.

use super::harness::Harness;
use crate::tui::state::{Activity, Effect, Event};
use rounds_support::Failure;

fn answered() -> Harness {
    let mut user = Harness::new(140, 44);
    user.exchange("Is there a nodule?", "yes");
    user.effects();
    user
}

fn command(user: &mut Harness, line: &str) {
    user.press("ctrl-u");
    user.type_text(line);
    user.press("enter");
}

#[test]
fn a_shot_is_opened_moved_and_omitted_by_its_number() {
    let mut user = answered();
    command(&mut user, "/shot 2");
    user.sees("Example chest-0001");
    user.press("esc");
    command(&mut user, "/move 3 1");
    assert_eq!(
        user.state.settings.pinned,
        ["chest-0002", "chest-0000", "chest-0001", "chest-0003"]
    );
    command(&mut user, "/move 9 1");
    user.sees("/move takes the number of a shot and its new place");
    // Numbers are positions in the list, where the third shot is now first.
    command(&mut user, "/without 1");
    user.sees("without chest-0002");
    assert!(
        user.effects().iter().any(
            |e| matches!(e, Effect::Ask { settings, .. } if settings.excluded == ["chest-0002"])
        )
    );
}

#[test]
fn without_a_number_the_selected_shot_is_used() {
    let mut user = answered();
    user.press("alt-3 down");
    user.type_text("/shot");
    user.press("enter");
    user.sees("Example chest-0001");
}

#[test]
fn turns_and_branches_are_listed_and_selected() {
    let mut user = answered();
    command(&mut user, "/edit Is there a mass?");
    user.retrieve(1);
    user.answer("no");
    user.exchange("And an effusion?", "no");
    command(&mut user, "/turns");
    user.sees("1. Is there a mass?  (branch 2 of 2)");
    user.sees("2. And an effusion?  (selected)");
    user.press("esc");
    command(&mut user, "/turns 1");
    user.sees("> You");
    command(&mut user, "/branches");
    user.sees("1. Is there a nodule?");
    user.sees("2. Is there a mass?  (shown)");
    user.press("esc");
    command(&mut user, "/branches 1");
    user.sees("showing branch 1 of 2");
    user.does_not_see("And an effusion?");
}

#[test]
fn status_opens_a_page_and_stop_stops_the_answer() {
    let mut user = answered();
    command(&mut user, "/status");
    user.sees("shots: k=4 auto, similar-last");
    user.sees("context: 334 of 1024 tokens");
    user.press("esc");
    user.ask("next");
    user.retrieve(1);
    command(&mut user, "/stop");
    assert!(user.effects().iter().any(|e| matches!(e, Effect::Cancel)));
    user.model_stops();
    assert_eq!(user.state.activity, Activity::Idle);
    command(&mut user, "/stop");
    user.sees("nothing is running");
}

#[test]
fn a_case_is_attached_by_its_number() {
    let mut user = Harness::new(100, 30);
    user.effects();
    command(&mut user, "/cases 2");
    assert!(
        user.effects()
            .iter()
            .any(|e| matches!(e, Effect::AttachCase(name) if name == "fundus-bleed"))
    );
}

#[test]
fn a_lone_slash_is_rejected_and_a_command_without_a_value_shows_the_current_one() {
    let mut user = Harness::new(100, 30);
    let enter = |user: &mut Harness, text: &str| {
        user.press("ctrl-u");
        user.type_text(text);
        user.press("esc enter");
    };
    user.type_text("/");
    user.press("enter");
    user.sees("a slash alone is not a command");
    assert!(matches!(user.state.activity, Activity::Idle));
    user.press("ctrl-u");
    for (command, expected) in [
        ("/k", "4 shots; /k N changes it"),
        ("/strategy", "strategy auto; /strategy NAME changes it"),
        ("/theme", "theme auto; "),
        ("/theme light", "theme light"),
        ("/images", "images are drawn with auto; "),
        ("/images none", "images are off"),
    ] {
        enter(&mut user, command);
        user.sees(expected);
    }
}

#[test]
fn study_without_an_id_opens_study_mode_and_what_was_done_there_is_said() {
    let mut user = answered();
    command(&mut user, "/study s-1");
    user.sees("study s-1: its examples are not used");
    assert!(
        !user
            .effects()
            .iter()
            .any(|e| matches!(e, Effect::OpenStudy(_)))
    );
    command(&mut user, "/study");
    let effects = user.effects();
    let opened = effects.iter().find_map(|effect| match effect {
        Effect::OpenStudy(setup) => Some(setup.index.clone()),
        _ => None,
    });
    assert_eq!(opened, Some(user.state.engine.setup().index));
    user.event(Event::StudyEnded(Ok("3 cards graded".into())));
    user.sees("3 cards graded");
    let failure = Failure::model("the study store is damaged");
    user.event(Event::StudyEnded(Err(failure)));
    user.sees("the study store is damaged");
}

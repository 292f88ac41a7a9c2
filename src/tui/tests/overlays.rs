//! Sessions, export, first run.

use super::harness::Harness;
use crate::tui::state::{Activity, Effect, Event, Exported, Start};
use rounds_imaging::ColourDepth;
use rounds_support::Failure;

#[test]
fn a_session_is_found_renamed_opened_and_deleted() {
    let mut user = Harness::new(110, 34);
    user.attach("a.png");
    user.exchange("Is there a nodule?", "yes");
    user.press("alt-n");
    user.exchange("Which organ?", "the liver");
    user.press("f2");
    user.sees("Which organ?");
    user.sees("1 turn");
    user.type_text("nodule");
    user.does_not_see("the liver  ");
    user.press("ctrl-r ctrl-u");
    user.type_text("My first case");
    user.press("enter");
    user.sees("My first case");
    user.press("enter");
    user.sees("opened: My first case");
    user.sees("Is there a nodule?");
    assert_eq!(
        user.state.case.images.len(),
        1,
        "its image is attached again"
    );
    user.type_text("/delete");
    user.press("enter");
    user.sees("Delete this session (My first case)?");
    user.press("n");
    assert_eq!(user.journal().list("", 9).unwrap().len(), 2);
    user.type_text("/delete");
    user.press("enter y");
    assert_eq!(user.journal().list("", 9).unwrap().len(), 1);
    user.does_not_see("Is there a nodule?");
}

#[test]
fn a_reopened_session_continues_where_it_ended() {
    let mut user = Harness::new(110, 34);
    user.exchange("first", "yes");
    user.press("alt-n f2 enter");
    user.exchange("second", "no");
    let turns = user.journal().open_session("1").unwrap().turns;
    assert_eq!(turns[1].parent.as_ref(), Some(&turns[0].id));
}

#[test]
fn no_session_is_opened_or_deleted_during_an_answer() {
    let mut user = Harness::new(110, 34);
    user.exchange("first", "yes");
    user.ask("second");
    user.type_text("/delete");
    user.press("enter y");
    user.sees("an answer is in progress; stop it first");
    assert_eq!(user.journal().list("", 9).unwrap().len(), 1);
    user.press("alt-n");
    assert!(matches!(user.state.activity, Activity::Turn { .. }));
    user.sees("second");
}

#[test]
fn export_suggests_a_file_name_and_shows_errors_in_the_dialog() {
    let mut user = Harness::new(110, 34);
    user.press("alt-x");
    user.sees("there is nothing to export yet");
    user.exchange("Is there a nodule?", "yes");
    user.press("alt-x");
    user.sees("rounds-is-there-a-nodule.md");
    user.press("tab");
    user.sees("rounds-is-there-a-nodule.html");
    user.press("enter");
    let effects = user.effects();
    let path = effects.iter().find_map(|e| match e {
        Effect::Export { path, .. } => Some(path.clone()),
        _ => None,
    });
    assert_eq!(path, Some("rounds-is-there-a-nodule.html".into()));
    let exported = |result| Event::Exported {
        path: "x.html".into(),
        result,
    };
    user.event(exported(Err(Failure::usage("the disk is full"))));
    user.sees("error: the disk is full");
    user.event(exported(Ok(Exported::Written)));
    user.sees("written to x.html");
    assert!(user.state.overlay.is_none());
}

fn first_run() -> Harness {
    let start = Start {
        first_run: true,
        ..Start::default()
    };
    Harness::with_start(100, 30, ColourDepth::True, start)
}

#[test]
fn the_first_run_has_three_screens_and_is_accepted_once() {
    let mut user = first_run();
    user.sees("not for diagnosis");
    user.press("enter");
    assert!(
        user.effects()
            .iter()
            .any(|e| matches!(e, Effect::AcceptFirstRun))
    );
    user.sees("Sample cases (2 of 3)");
    user.press("right");
    user.sees("rounds model pull");
    user.press("enter");
    assert!(user.state.overlay.is_none());
}

#[test]
fn a_skipped_first_run_is_shown_again() {
    let mut user = first_run();
    user.press("esc");
    assert!(user.state.overlay.is_none());
    assert!(
        !user
            .effects()
            .iter()
            .any(|e| matches!(e, Effect::AcceptFirstRun))
    );
}

#[test]
fn one_key_opens_a_case_during_the_first_run() {
    let mut user = first_run();
    user.press("enter 2");
    assert!(
        user.effects()
            .iter()
            .any(|e| matches!(e, Effect::AttachCase(name) if name == "fundus-bleed"))
    );
    assert!(user.state.overlay.is_none());
}

#[test]
fn help_lists_every_command_and_every_key() {
    let mut user = Harness::new(120, 300);
    user.press("f1");
    for row in crate::tui::state::COMMANDS.iter() {
        user.sees(row.name);
    }
    for row in crate::tui::keys::TABLE {
        user.sees(&format!("[{}]", row.name));
    }
}

#[test]
fn after_confirming_a_delete_the_list_is_shown_again() {
    let mut user = Harness::new(110, 34);
    user.exchange("first", "yes");
    user.press("alt-n");
    user.exchange("second", "yes");
    user.press("f2 down ctrl-x");
    user.sees("Delete the session \"first\"?");
    user.press("n");
    user.sees("type to search");
    user.press("ctrl-x esc");
    user.sees("type to search");
    user.press("ctrl-x y");
    user.sees("type to search");
    assert_eq!(user.journal().list("", 9).unwrap().len(), 1);
    user.press("esc");
    user.does_not_see("type to search");
}

#[test]
fn the_session_list_says_what_enter_does_while_a_title_is_typed() {
    let mut user = Harness::new(110, 34);
    user.exchange("first", "yes");
    user.press("f2 ctrl-r");
    user.sees("Enter saves the title");
    user.does_not_see("Enter opens");
}

#[test]
fn the_more_lines_marker_covers_no_text() {
    let mut user = Harness::new(80, 24);
    user.press("f1");
    let screen = user.screen();
    let marker = screen.lines().find(|line| line.contains(" more lines "));
    let marker = marker.expect("the help is longer than the screen");
    let rest = marker.replace(|c: char| c.is_ascii_digit(), "");
    assert_eq!(rest.trim_matches(['║', ' ']), "more lines", "{screen}");
    user.press("end");
    user.sees("select text with the terminal");
}

#[test]
fn a_session_keeps_its_title_on_a_narrow_screen() {
    let mut user = Harness::new(40, 12);
    user.exchange("Is there a nodule?", "yes");
    user.press("f2");
    user.sees("> * Is there a nodule?");
}

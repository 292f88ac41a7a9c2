//! The session list: keys and clicks while something is typed, and reopening.

use super::harness::Harness;
use crate::tui::journal::Subject;
use crate::tui::state::{Event, Overlay, Start};
use rounds_assistant::Setup;
use rounds_imaging::ColourDepth;
use rounds_support::Failure;

/// A list of two sessions with the newer one selected.
fn with_two_sessions() -> Harness {
    let mut user = Harness::new(110, 34);
    user.exchange("older", "yes");
    user.press("alt-n");
    user.exchange("newer", "no");
    user.press("f2");
    user
}

fn titles(user: &mut Harness) -> Vec<String> {
    let all = user.journal().list("", 9).unwrap();
    all.into_iter().map(|session| session.title).collect()
}

fn asks_to_delete(user: &Harness) -> bool {
    matches!(user.state.overlay, Some(Overlay::Confirm { .. }))
}

#[test]
fn delete_edits_typed_text_and_asks_only_when_there_is_none() {
    let mut user = with_two_sessions();
    user.press("ctrl-r home delete");
    assert!(!asks_to_delete(&user), "a title is being typed");
    user.press("ctrl-x");
    assert!(!asks_to_delete(&user), "a title is being typed");
    user.press("enter");
    assert_eq!(titles(&mut user), ["ewer", "older"]);
    user.type_text("wer");
    user.press("home delete");
    assert!(!asks_to_delete(&user), "search words are typed");
    user.sees("Search: er");
    user.press("end ctrl-u delete");
    assert!(asks_to_delete(&user));
}

#[test]
fn sessions_of_the_same_title_are_told_apart_by_image_and_last_answer() {
    let mut user = Harness::new(110, 34);
    for (image, answer) in [("a.png", "yes"), ("b.png", "no")] {
        user.attach(image);
        user.exchange("Is there a nodule?", answer);
        user.press("alt-n");
    }
    user.press("f2");
    user.sees("Is there a nodule?  b.png: no ");
    user.sees("Is there a nodule?  a.png: yes ");
    user.sees("1 turn  today ");
}

#[test]
fn a_search_shows_where_the_words_were_found() {
    let mut user = with_two_sessions();
    user.type_text("smooth edge");
    // These words are in its shots only.
    user.sees("no session matches these words");
    user.press("ctrl-u");
    user.type_text("second example");
    user.sees("newer  rationale: ");
    user.press("ctrl-u");
    user.type_text("older");
    user.sees("older  question: older");
}

#[test]
fn a_new_title_goes_to_the_session_being_renamed_whatever_is_clicked() {
    let mut user = with_two_sessions();
    user.press("ctrl-r ctrl-u");
    user.type_text("mine");
    let rows = user.state.hits.rows.clone();
    let (other, _) = rows.iter().find(|(_, number)| *number == 1).unwrap();
    let (column, row) = (other.x, other.y);
    user.event(Event::Click { column, row });
    user.event(Event::Click { column, row });
    user.press("enter");
    assert_eq!(titles(&mut user), ["mine", "older"]);
}

#[test]
fn renaming_the_open_session_in_the_list_updates_its_frame() {
    let mut user = with_two_sessions();
    user.press("ctrl-r ctrl-u");
    user.type_text("  mine ");
    user.press("enter esc");
    user.sees("Conversation: mine");
    assert_eq!(user.state.session.title(), "mine");
}

#[test]
fn the_patient_given_at_start_applies_only_to_the_session_opened_at_start() {
    let subject = |name: &str| Subject {
        patient: Some(name.into()),
        study: None,
        ..Subject::default()
    };
    let open = |session: Option<&str>| {
        let mut user = Harness::with_start(
            110,
            34,
            ColourDepth::True,
            Start {
                subject: subject("ALICE"),
                session: session.map(str::to_string),
                setup: Setup::default(),
                ..Start::default()
            },
        );
        user.model_opens();
        let mut other = Harness::new(110, 34);
        other.state.case.subject = subject("BOB");
        other.exchange("older", "yes");
        let saved = other.journal().open_session("1").unwrap();
        user.event(Event::SessionOpened(Ok(Box::new(saved))));
        user.state.case.subject.clone()
    };
    assert_eq!(open(Some("s1")), subject("ALICE"));
    assert_eq!(open(None), subject("BOB"));
}

#[test]
fn a_partial_answer_that_failed_is_there_when_the_session_is_reopened() {
    let mut user = Harness::new(110, 34);
    user.ask("Is there a nodule?");
    user.retrieve(1);
    user.stream("half an answer");
    let turn = user.running();
    user.event(Event::TurnFailed {
        turn,
        error: Failure::usage("broken"),
    });
    user.press("alt-n");
    user.does_not_see("half an answer");
    user.press("f2 enter");
    user.sees("half an answer");
    user.sees("error: broken");
}

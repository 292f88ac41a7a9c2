//! Lines that are not commands, and how a conversation starts and ends.

use super::user::{User, assert_contains};
use crate::fixtures;
use crate::tui::ExitReason;
use crate::tui::state::{Effect, Start};
use rounds_support::lines::BadLine;

#[test]
fn the_first_run_notice_is_printed_and_accepted() {
    let start = Start {
        linear: true,
        first_run: true,
        ..Start::default()
    };
    let (mut ui, effects) = crate::tui::plain::line_ui::LineUi::new(start.clone(), true);
    assert!(effects.iter().any(|e| matches!(e, Effect::AcceptFirstRun)));
    assert_contains(&ui.take_stdout(), "Answers are often wrong.");
    assert_eq!(ui.take_stderr(), "");
    let (mut piped, _) = crate::tui::plain::line_ui::LineUi::new(start, false);
    assert_contains(&piped.take_stderr(), "Answers are often wrong.");
    assert!(!piped.take_stdout().contains("Answers are often wrong."));
}

#[test]
fn bad_lines_are_reported_and_the_next_one_runs() {
    let mut user = User::piped();
    user.new_output();
    let effects = user.ui.on_line(user.now, Ok(Err(BadLine::NotUtf8)));
    assert!(effects.is_empty());
    assert_contains(
        &user.output_of(&"x".repeat(9000)),
        "error: the line is not UTF-8",
    );
    assert_contains(
        &user.output,
        "the line has 9000 characters; the limit is 8000",
    );
    user.exchange("one", "yes");
    assert!(user.ui.outcome(ExitReason::Left).failed);
}

#[test]
fn a_question_of_several_lines_is_asked_as_one() {
    let mut user = User::new();
    assert_contains(&user.output, "> ");
    let output = user.output_of("72 years old, cough.\\");
    assert_eq!(output, "... ");
    assert!(user.ui.running().is_none());
    user.line("Is there an effusion?");
    let asked = user.effects().into_iter().find_map(|effect| match effect {
        Effect::Ask { question, .. } => Some(question),
        _ => None,
    });
    let question = "72 years old, cough.\nIs there an effusion?";
    assert_eq!(asked.as_deref(), Some(question));
    user.model_answers("no");
    assert_contains(&user.output_of("/help"), "end a line with a backslash");
}

#[test]
fn continued_lines_are_queued_as_one_and_end_with_the_input() {
    let mut user = User::piped();
    user.line("one");
    user.line("two\\");
    user.line("/quit\\");
    user.input_ends();
    user.model_answers("yes");
    assert_contains(&user.output, "Question: two\n/quit\n");
    user.model_answers("yes");
    assert!(user.has_exited());
}

#[test]
fn an_interrupt_discards_a_continued_line_and_the_next_one_quits() {
    let mut user = User::new();
    user.line("half a question\\");
    user.new_output();
    user.event(crate::tui::state::Event::Interrupt);
    assert_contains(&user.new_output(), "line discarded");
    assert_eq!(user.exit_reason(), None);
    user.exchange("whole", "yes");
    assert!(!user.output.contains("half a question\nwhole"));
    user.event(crate::tui::state::Event::Interrupt);
    assert_eq!(user.exit_reason(), Some(ExitReason::Signal(2)));
}

#[test]
fn a_read_error_ends_the_conversation() {
    let mut user = User::piped();
    let broken = std::io::Error::other("gone");
    let effects = user.ui.on_line(user.now, Err(broken));
    assert!(
        effects
            .iter()
            .any(|e| matches!(e, Effect::Leave(ExitReason::Left)))
    );
}

#[test]
fn a_line_that_is_an_image_path_attaches_it() {
    let mut user = User::new();
    let path = fixtures::path("cases/chest-nodule.png");
    assert_contains(
        &user.output_of(&path.to_string_lossy()),
        "attached chest-nodule.png",
    );
}

#[test]
fn images_given_at_start_are_added_to_those_of_the_session() {
    let mut first = User::new();
    first.line("/cases brain-mass");
    first.exchange("one", "yes");
    let start = Start {
        linear: true,
        attach: vec![fixtures::path("cases/chest-nodule.png")],
        session: Some("1".into()),
        ..Start::default()
    };
    let mut user = User::with_start(Start::default(), true);
    user.journal = first.journal;
    let (ui, effects) = crate::tui::plain::line_ui::LineUi::new(start, true);
    user.ui = ui;
    user.start(effects);
    let names: Vec<String> = user
        .ui
        .state_mut()
        .case
        .images
        .iter()
        .map(|a| a.image.source.name.clone())
        .collect();
    assert_eq!(names, ["case 3 (brain MRI)", "chest-nodule.png"]);
    assert_contains(&user.output, "opened: one");
}

#[test]
fn there_is_no_prompt_after_the_end_of_input() {
    let mut user = User::new();
    user.new_output();
    user.input_ends();
    assert_eq!(user.new_output(), "");
    user.ui.close();
    assert_eq!(user.ui.take_stdout(), "\n");
}

#[test]
fn quit_is_immediate_at_a_terminal_and_in_order_in_a_pipe() {
    let mut user = User::new();
    user.line("one");
    user.line("/quit");
    assert_eq!(user.exit_reason(), Some(ExitReason::Left));
    let mut user = User::piped();
    user.line("one");
    user.line("/quit");
    user.line("never asked");
    assert_eq!(user.exit_reason(), None);
    user.model_answers("yes");
    assert_eq!(user.exit_reason(), Some(ExitReason::Left));
    assert!(!user.output.contains("never asked"));
}

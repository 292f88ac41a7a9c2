//! Questions, answers, and how they are printed.

use super::user::{User, assert_contains};
use crate::tui::ExitReason;
use crate::tui::journal::SavedEnd;
use crate::tui::state::{Effect, Event, Start};
use rounds_support::Failure;

#[test]
fn an_answer_is_printed_with_its_shots_rationale_and_notices() {
    let mut user = User::new();
    user.new_output();
    user.exchange("Is there a nodule?", "yes");
    let expected = "4 of 4 shots:
  1. chest-0000  0.980  Q: Is there a nodule?  A: yes  [most similar image (cosine); synthetic phantoms, CC0-1.0]
  2. chest-0001  0.910  Q: Is there a nodule?  A: no  [most similar image (cosine); synthetic phantoms, CC0-1.0]
  3. chest-0002  0.840  Q: Is there a nodule?  A: left  [most similar image (cosine); synthetic phantoms, CC0-1.0]
  4. chest-0003  0.770  Q: Is there a nodule?  A: a nodule in the right upper lobe  [most similar image (cosine); synthetic phantoms, CC0-1.0]

Rationale: I see it.
Answer: yes
note: this model knows synthetic phantoms only
24 tokens in 0.93 s
> ";
    assert_eq!(user.new_output(), expected);
}

#[test]
fn an_answer_without_shots_says_so_and_announces_no_list() {
    let mut user = User::new();
    user.line("Is there a nodule?");
    user.new_output();
    user.retrieve(0);
    let output = user.new_output();
    assert_contains(&output, "no shots were found\n");
    assert!(!output.contains("shots:"), "{output}");
}

#[test]
fn the_first_lines_are_printed_before_the_model_is_open() {
    let user = User::with_start(Start::default(), true);
    let mut lines = user.output.lines();
    assert_contains(
        lines.next().unwrap(),
        "education and research only, not for diagnosis",
    );
    assert_eq!(lines.next(), Some("opening model shipped"));
    assert_eq!(lines.next(), Some("> "));
}

#[test]
fn a_question_waits_for_the_model_and_says_so() {
    let mut user = User::with_start(Start::default(), true);
    assert_contains(
        &user.output_of("Is there a nodule?"),
        "waiting for the model",
    );
    user.model_opens();
    assert_contains(&user.new_output(), "ready: model nano, index shipped");
    assert!(
        user.effects()
            .iter()
            .any(|e| matches!(e, Effect::Ask { .. }))
    );
}

#[test]
fn a_line_typed_during_an_answer_is_asked_after_it() {
    let mut user = User::new();
    user.line("one");
    assert_eq!(user.output_of("two"), "");
    user.model_answers("yes");
    assert_contains(&user.new_output(), "> two\n");
    assert_eq!(user.ui.queued_lines(), 0);
    user.model_answers("no");
    let turns = user.journal.open_session("1").unwrap().turns;
    let questions: Vec<&str> = turns.iter().map(|t| t.question.as_str()).collect();
    assert_eq!(questions, ["one", "two"]);
}

#[test]
fn stop_keeps_the_partial_answer_and_asks_the_next_question() {
    let mut user = User::new();
    user.line("one");
    user.line("two");
    user.retrieve(2);
    user.stream(" A round opacity");
    user.line("/stop");
    assert!(user.effects().iter().any(|e| matches!(e, Effect::Cancel)));
    user.model_stops();
    let output = user.new_output();
    assert_contains(&output, "Rationale: A round opacity\n[stopped]");
    assert_contains(&output, "> two");
    let turns = user.journal.open_session("1").unwrap().turns;
    assert!(
        matches!(&turns[0].end, SavedEnd::Stopped { text } if text == "Rationale: A round opacity")
    );
}

#[test]
fn an_interrupt_stops_the_answer_and_a_second_one_quits() {
    let mut user = User::new();
    user.line("one");
    user.retrieve(1);
    user.stream(" half");
    user.event(Event::Interrupt);
    assert!(user.exit_reason().is_none());
    assert_contains(&user.new_output(), "stopping; Ctrl-C again quits");
    user.event(Event::Interrupt);
    assert_eq!(user.exit_reason(), Some(ExitReason::Signal(2)));
    let turns = user.journal.open_session("1").unwrap().turns;
    assert!(matches!(&turns[0].end, SavedEnd::Stopped { text } if text.contains("half")));
}

#[test]
fn an_interrupt_while_idle_quits() {
    let mut user = User::new();
    user.event(Event::Interrupt);
    assert_eq!(user.exit_reason(), Some(ExitReason::Signal(2)));
}

#[test]
fn a_signal_keeps_the_partial_answer() {
    let mut user = User::piped();
    user.line("one");
    user.retrieve(1);
    user.stream(" half of it");
    user.event(Event::Terminate(ExitReason::Signal(15)));
    assert_eq!(user.exit_reason(), Some(ExitReason::Signal(15)));
    let turns = user.journal.open_session("1").unwrap().turns;
    assert!(matches!(&turns[0].end, SavedEnd::Stopped { text } if text.contains("half of it")));
}

#[test]
fn piped_questions_are_all_echoed_and_answered() {
    let mut user = User::piped();
    for line in ["one", "", "two", "three"] {
        user.line(line);
    }
    user.input_ends();
    for answer in ["yes", "no", "left"] {
        assert!(user.exit_reason().is_none());
        user.model_answers(answer);
    }
    assert_eq!(user.exit_reason(), Some(ExitReason::Left));
    let output = user.new_output();
    for question in ["one", "two", "three"] {
        assert_contains(&output, &format!("Question: {question}\n"));
    }
    assert!(!output.contains("> "), "{output}");
    let outcome = user.ui.outcome(ExitReason::Left);
    assert_eq!((outcome.reason, outcome.failed), (ExitReason::Left, false));
}

#[test]
fn a_failed_question_prints_its_hint_and_fails_a_pipe() {
    let mut user = User::piped();
    user.line("one");
    let turn = user.running();
    user.event(Event::TurnFailed {
        turn,
        error: Failure::usage("too long").hint("ask less"),
    });
    assert_contains(&user.new_output(), "error: too long\nhint: ask less\n");
    assert!(user.ui.outcome(ExitReason::Left).failed);
}

#[test]
fn a_model_that_fails_to_open_fails_each_question_once() {
    let mut user = User::with_start(Start::default(), false);
    user.line("one");
    user.effects();
    user.event(Event::Opened {
        job: 1,
        result: Err(Failure::usage("no such model")),
    });
    user.line("two");
    let output = user.new_output();
    assert_eq!(
        output.matches("error: no such model").count(),
        3,
        "{output}"
    );
    assert_contains(&output, "Question: one\nerror: no such model\n");
    assert_contains(&output, "Question: two\nerror: no such model\n");
}

#[test]
fn an_interrupted_pipe_reports_the_signal() {
    let mut user = User::piped();
    user.line("one");
    user.input_ends();
    user.retrieve(1);
    user.event(Event::Interrupt);
    user.model_stops();
    assert_eq!(user.exit_reason(), Some(ExitReason::Left));
    let outcome = user.ui.outcome(ExitReason::Left);
    assert_eq!(outcome.reason, ExitReason::Signal(2));
}

#[test]
fn a_turn_that_cannot_be_saved_is_an_error_and_blocks_nothing() {
    let mut user = User::piped();
    user.exchange("one", "yes");
    user.journal = crate::tui::Journal::for_tests();
    user.exchange("two", "no");
    assert_contains(&user.new_output(), "error: no such session: ");
    user.input_ends();
    assert_eq!(user.exit_reason(), Some(ExitReason::Left));
    assert!(!user.ui.state_mut().has_unstored());
}

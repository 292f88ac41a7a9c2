//! A failed command of a piped input is reported: the program exits with 1.

use super::user::{User, assert_contains};
use crate::tui::ExitReason;
use crate::tui::state::{Event, Start};
use crate::tui::tests::data;
use rounds_support::Failure;

fn failed(user: &User) -> bool {
    user.ui.outcome(ExitReason::Left).failed
}

#[test]
fn a_piped_command_with_nothing_to_act_on_is_an_error() {
    for line in [
        "/export x.md",
        "/detach 5",
        "/regenerate",
        "/prompt",
        "/rename x",
        "/without 1",
        "/shot 1",
        "/pin 1",
        "/compare",
        "/edit other words",
        "/edit",
        "/branches 2",
        "/turns 2",
        "/delete",
    ] {
        let mut user = User::piped();
        assert!(!failed(&user));
        assert_contains(&user.output_of(line), "error: ");
        assert!(failed(&user), "{line}");
    }
}

#[test]
fn showing_an_empty_list_is_not_an_error() {
    for line in ["/turns", "/branches", "/shots", "/status", "/stop", "/new"] {
        let mut user = User::piped();
        user.line(line);
        assert!(!failed(&user), "{line}");
    }
}

#[test]
fn a_model_that_fails_to_open_is_reported_separately_from_a_failed_command() {
    let mut user = User::with_start(Start::default(), false);
    let job = 1;
    let result = Err(Failure::usage("the model is damaged"));
    user.event(Event::Opened { job, result });
    let outcome = user.ui.outcome(ExitReason::Left);
    assert!(outcome.failed && outcome.open_failed);
    let mut user = User::piped();
    user.line("/regenerate");
    let outcome = user.ui.outcome(ExitReason::Left);
    assert!(outcome.failed && !outcome.open_failed);
}

#[test]
fn both_sides_of_a_comparison_show_their_ranking() {
    let mut user = User::piped();
    user.exchange("Is there a nodule?", "yes");
    user.new_output();
    user.line("/compare");
    let turn = user.running();
    let mut answer = data::answer("no");
    answer.ranking.push(rounds_assistant::Ranked {
        option: "no".into(),
        log_probability: -1.5,
        per_token: -0.75,
    });
    user.event(Event::Answered {
        turn,
        answer: Box::new(answer),
    });
    assert_contains(&user.new_output(), "-0.750 per token");
}

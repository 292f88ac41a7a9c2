//! Work in the background.

use crate::tui::plain::tests::user::{User, assert_contains};
use crate::tui::state::{Effect, Event};
use rounds_support::Failure;

#[test]
fn background_work_reports_progress_and_can_be_stopped() {
    let mut user = User::new();
    assert_contains(&user.output_of("/import mine folder /data"), "importing\n");
    let working = |done: u64| Event::WorkProgress {
        job: 1,
        progress: format!("importing, {done} rows"),
    };
    user.event(working(5));
    assert_eq!(user.new_output(), "");
    user.now += std::time::Duration::from_secs(10);
    user.event(working(800));
    assert_contains(&user.new_output(), "importing, 800 rows\n");
    user.line("/stop");
    let effects = user.effects();
    assert!(effects.iter().any(|e| matches!(e, Effect::StopWork)));
    let result = Ok("stopped: 900 rows".to_string());
    user.event(Event::WorkFinished { job: 1, result });
    assert_contains(
        &user.new_output(),
        "stopped: 900 rows; /index mine opens it\n",
    );
    user.output_of("/warm");
    let result = Err(Failure::usage("nothing can be cached for it"));
    user.event(Event::WorkFinished { job: 2, result });
    assert_contains(&user.new_output(), "error: nothing can be cached for it\n");
}

#[test]
fn a_pipe_waits_for_background_work() {
    let mut user = User::piped();
    user.line("/warm go");
    user.line("Is there a nodule?");
    user.input_ends();
    let asked = |user: &mut User| {
        let effects = user.effects();
        effects.iter().any(|e| matches!(e, Effect::Ask { .. }))
    };
    assert!(!asked(&mut user));
    let result = Ok("10 images are cached".to_string());
    user.event(Event::WorkFinished { job: 1, result });
    assert!(asked(&mut user));
}

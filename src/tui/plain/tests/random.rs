//! Random lines and model events: the end of the input always ends the conversation.

use super::user::User;
use crate::tui::ExitReason;
use crate::tui::state::{COMMANDS, Event};
use crate::tui::tests::random::Dice;
use rounds_support::Failure;

const ARGUMENTS: [&str; 14] = [
    "",
    "1",
    "2",
    "3 1",
    "all",
    "off",
    "0.5",
    "random",
    "yes",
    "s1",
    "chest-nodule",
    "words",
    "/no/such.png",
    "k=1",
];
const LINES: [&str; 7] = [
    "Is there a nodule?",
    "yes",
    "",
    "no",
    "/",
    " /k is a slash",
    "結節影",
];

fn step(user: &mut User, dice: &mut Dice) {
    match dice.next(8) {
        0 => user.line(dice.pick(&LINES)),
        1..=3 => {
            let row = &COMMANDS[dice.next(COMMANDS.len())];
            // Quitting would end the sequence.
            if row.name != "/quit" {
                user.line(&format!("{} {}", row.name, dice.pick(&ARGUMENTS)));
            }
        }
        4 => user.event(Event::Tick { memory: Some(1) }),
        _ => step_model(user, dice),
    }
}

/// A random event of the model, if it is running.
fn step_model(user: &mut User, dice: &mut Dice) {
    let Some(turn) = user.ui.running() else {
        return;
    };
    match dice.next(6) {
        0 => user.retrieve(dice.next(6)),
        1 => user.stream(" some text Answer: yes"),
        2 | 3 => user.answer("yes"),
        4 => user.model_stops(),
        _ => user.event(Event::TurnFailed {
            turn,
            error: Failure::usage("broken"),
        }),
    }
}

/// Finishes opening a model, if one is being opened.
fn finish_opening(user: &mut User) {
    if user.ui.state_mut().engine.is_opening() {
        user.model_opens();
    }
}

#[test]
fn a_hundred_random_conversations_end() {
    for seed in 1..=100_u64 {
        let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        let mut user = if seed % 2 == 0 {
            User::new()
        } else {
            User::piped()
        };
        for _ in 0..200 {
            step(&mut user, &mut dice);
            finish_opening(&mut user);
            if dice.next(4) == 0 {
                user.workers_finish();
            }
        }
        user.input_ends();
        for _ in 0..5_000 {
            finish_opening(&mut user);
            user.workers_finish();
            if user.ui.running().is_some() {
                user.model_stops();
            } else if user.has_exited() {
                break;
            }
        }
        assert_eq!(user.ui.queued_lines(), 0, "seed {seed}");
        assert_eq!(user.exit_reason(), Some(ExitReason::Left), "seed {seed}");
    }
}

//! Recorded escape streams as model output, example text, errors and input: no control character is printed.

use super::user::User;
use crate::tui::state::Event;
use crate::tui::tests::{data, hostile::streams};
use rounds_support::Failure;
use rounds_support::sanitise::{self, clean, clean_line, clean_line_max};

#[test]
fn hostile_answers_are_printed_as_plain_text() {
    for (_, text) in streams() {
        let mut user = User::new();
        user.line("q");
        user.retrieve(1);
        let turn = user.running();
        // As the assistant cleans it, in chunks that split escape sequences.
        let mut stream = sanitise::Stream::new();
        let letters: Vec<char> = text.chars().collect();
        for piece in letters.chunks(61) {
            let text = stream.push(&piece.iter().collect::<String>());
            user.event(Event::Token { turn, text });
        }
        user.answer(&clean(&text));
        for command in ["/turns", "/prompt", "/compare"] {
            user.line(command);
        }
        user.answer(&clean(&text));
    }
}

#[test]
fn hostile_examples_file_names_and_errors_are_printed_as_plain_text() {
    for (_, text) in streams() {
        let mut user = User::new();
        user.line("q");
        let turn = user.running();
        let mut shot = data::shot(0);
        let line = clean_line(&text);
        shot.example.question.clone_from(&line);
        shot.example.answer.clone_from(&line);
        shot.example.rationale.clone_from(&line);
        shot.example.id = clean_line_max(&text, 60);
        user.event(Event::Retrieved {
            turn,
            shots: vec![shot],
            asked: 1,
            dropped: 0,
        });
        user.event(Event::TurnFailed {
            turn,
            error: Failure::usage(&text).hint(&text),
        });
        user.line("/shots");
        user.line("/shot 1");
        user.line("/pin 1");
        user.line("/status");
        user.event(Event::Attached {
            name: clean_line_max(&text, 255),
            result: Err(Failure::usage(&text)),
        });
    }
}

#[test]
fn hostile_input_lines_are_printed_as_plain_text() {
    for (_, text) in streams() {
        for terminal in [true, false] {
            let mut user = if terminal { User::new() } else { User::piped() };
            for line in text.lines().take(40) {
                user.line(&format!("q {line}"));
                user.line(&format!("/attach {line}"));
                user.line(&format!("/model {line}"));
                user.line(&format!("/search {line}"));
                user.line(line);
                while user.ui.running().is_some() {
                    user.line("/stop");
                    if user.ui.running().is_some() {
                        user.model_stops();
                    }
                }
            }
            user.line("/sessions");
            user.line("/turns");
        }
    }
}

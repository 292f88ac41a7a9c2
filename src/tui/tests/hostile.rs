//! Recorded escape streams and hostile strings as model output, file names and example text: none reaches a cell.

use std::path::Path;

use super::data;
use super::harness::Harness;
use crate::tui::state::{Entry, Event};
use rounds_support::Failure;
use rounds_support::sanitise::{self, clean, clean_line, clean_line_max, is_forbidden};

pub fn streams() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/hostile-text");
    let Ok(entries) = std::fs::read_dir(&folder) else {
        eprintln!("skipped: no hostile text in {}", folder.display());
        return Vec::new();
    };
    let mut streams: Vec<(String, String)> = entries
        .filter_map(Result::ok)
        .filter_map(|entry| {
            let bytes = std::fs::read(entry.path()).ok()?;
            let text: String = String::from_utf8_lossy(&bytes)
                .chars()
                .take(20_000)
                .collect();
            Some((entry.file_name().to_string_lossy().into_owned(), text))
        })
        .collect();
    streams.sort();
    streams
}

/// Checks every cell of the screen.
#[track_caller]
fn assert_clean(user: &Harness, what: &str) {
    for cell in &user.terminal.backend().buffer().content {
        assert!(
            !cell.symbol().contains(is_forbidden),
            "{what}: {:?}",
            cell.symbol()
        );
    }
}

#[test]
fn hostile_model_output_never_reaches_a_cell() {
    for (name, text) in streams() {
        let mut user = Harness::new(100, 40);
        user.ask("q");
        user.retrieve(1);
        let turn = user.running();
        // As the assistant cleans it, in chunks that split escape sequences.
        let mut stream = sanitise::Stream::new();
        let letters: Vec<char> = text.chars().collect();
        for piece in letters.chunks(61) {
            let text = stream.push(&piece.iter().collect::<String>());
            user.event(Event::Token { turn, text });
            assert_clean(&user, &name);
        }
        user.press("pageup pageup pageup");
        assert_clean(&user, &name);
        user.answer(&clean(&text));
        user.press("alt-c");
        assert_clean(&user, &name);
    }
}

#[test]
fn hostile_examples_and_file_names_never_reach_a_cell() {
    for (name, text) in streams() {
        let mut user = Harness::new(140, 44);
        user.ask("q");
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
        assert_clean(&user, &name);
        user.press("alt-3 enter end");
        assert_clean(&user, &name);
        user.press("esc ctrl-o");
        user.event(Event::Folder {
            folder: "/data".into(),
            result: Ok(vec![Entry {
                path: "/data/x.png".into(),
                name: clean_line_max(&text, 255),
                folder: false,
                length: 1,
            }]),
        });
        assert_clean(&user, &name);
        user.event(Event::Attached {
            name: clean_line_max(&text, 255),
            result: Err(Failure::usage(&text)),
        });
        user.press("esc");
        assert_clean(&user, &name);
    }
}

#[test]
fn hostile_pastes_are_sanitised() {
    for (name, text) in streams() {
        let mut user = Harness::new(100, 40);
        user.paste(&text);
        assert_clean(&user, &name);
        assert!(
            !user.state.composer.input.text().contains(is_forbidden),
            "{name}"
        );
        user.press("f2");
        user.paste(&text);
        assert_clean(&user, &name);
        user.press("esc enter");
        assert_clean(&user, &name);
    }
}

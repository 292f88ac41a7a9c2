//! Recorded escape streams and naughty strings as model output, file names and example texts: none reaches a cell.

use std::path::Path;

use super::data;
use super::harness::Harness;
use crate::tui::state::{Entry, Event, Trouble};
use rounds_support::sanitise::{self, clean, clean_line, clean_line_max, is_forbidden};

pub fn streams() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/hostile-text");
    let Ok(entries) = std::fs::read_dir(&folder) else {
        eprintln!("hostile text is not here: {}", folder.display());
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

/// Looks at every cell, whatever is drawn.
#[track_caller]
fn is_clean(user: &Harness, what: &str) {
    for cell in &user.terminal.backend().buffer().content {
        assert!(
            !cell.symbol().contains(is_forbidden),
            "{what}: {:?}",
            cell.symbol()
        );
    }
}

#[test]
fn hostile_streams_as_model_output_never_reach_a_cell() {
    for (name, text) in streams() {
        let mut user = Harness::new(100, 40);
        user.ask("q");
        user.retrieve(1);
        let turn = user.running();
        // As the assistant cleans it, in pieces that cut sequences apart.
        let mut stream = sanitise::Stream::new();
        let letters: Vec<char> = text.chars().collect();
        for piece in letters.chunks(61) {
            let text = stream.push(&piece.iter().collect::<String>());
            user.event(Event::Token { turn, text });
            is_clean(&user, &name);
        }
        user.press("pageup pageup pageup");
        is_clean(&user, &name);
        user.answer(&clean(&text));
        user.press("alt-c");
        is_clean(&user, &name);
    }
}

#[test]
fn hostile_texts_of_examples_and_files_never_reach_a_cell() {
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
        is_clean(&user, &name);
        user.press("alt-3 enter end");
        is_clean(&user, &name);
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
        is_clean(&user, &name);
        user.event(Event::Attached {
            name: clean_line_max(&text, 255),
            result: Err(Trouble::new(&text)),
        });
        user.press("esc");
        is_clean(&user, &name);
    }
}

#[test]
fn hostile_pastes_are_cleaned_as_they_enter() {
    for (name, text) in streams() {
        let mut user = Harness::new(100, 40);
        user.paste(&text);
        is_clean(&user, &name);
        assert!(!user.state.input.text().contains(is_forbidden), "{name}");
        user.press("f2");
        user.paste(&text);
        is_clean(&user, &name);
        user.press("esc enter");
        is_clean(&user, &name);
    }
}

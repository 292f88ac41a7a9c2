//! What is kept of a session, however the program ends.

use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags};

use super::asking::asked;
use super::look::{is_answered, pane, squeezed, streamed};
use super::middle::{QUESTION, during, frozen, in_an_answer};
use super::pane::{Home, Pane, poll, signal, there_is_tmux, wait_for_end};

/// Letters of a kept text that are looked for; a pane shows the end of a long one.
const END: usize = 40;
/// So long the program waits for its store at the end. A machine that stops everything for longer shows nothing.
const STORE_TIME: Duration = Duration::from_secs(5);

/// State and text of a turn as the store has it now.
fn stored(home: &Home, turn: u32) -> Option<(String, String)> {
    let path = home.path().join("data/sessions.sqlite3");
    let store = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).ok()?;
    let row = "select state, answer from turns where number = ?1";
    store
        .query_row(row, [turn], |r| Ok((r.get(0)?, r.get(1)?)))
        .ok()
}

/// Waits until the store has a turn in this state; its text.
fn wait_for_store(home: &Home, turn: u32, state: &str) -> String {
    let mut found = None;
    let there = poll(|| {
        found = stored(home, turn);
        found.as_ref().is_some_and(|(is, _)| is == state)
    });
    assert!(there.is_ok(), "turn {turn} is not {state}: {found:?}");
    found.map(|(_, text)| text).unwrap_or_default()
}

/// The end of a kept text, without blanks.
fn end_of_text(text: &str) -> String {
    let letters: Vec<char> = squeezed(&[text]).chars().collect();
    assert!(letters.len() > END, "only {} letters", letters.len());
    letters[letters.len() - END..].iter().collect()
}

/// Goes up to the question: a long text has pushed it up. The conversation is pane `number`.
fn question_is_above(chat: &Pane, number: usize) {
    chat.keys(&["M-1", "g"]);
    chat.keys(&["PageUp", "PageUp", "PageUp"]);
    chat.wait("the question", |screen| {
        pane(screen, number).contains(&QUESTION)
    });
}

/// Opens the session again and finds the question and the end of the kept text in it.
fn comes_back(home: &Home, text: &str) {
    let end = end_of_text(text);
    let chat = Pane::ready(home, (200, 60), &["--session", "1"]);
    let screen = chat.see("[stopped]");
    let conversation = squeezed(&pane(&screen, 1));
    assert!(conversation.contains(&end), "{end}\n{screen}");
    question_is_above(&chat, 1);
}

/// Whether some of an answer that goes on is in the store.
fn some_is_kept(home: &Home) -> bool {
    let turn = stored(home, 1);
    turn.is_some_and(|(state, text)| state == "asked" && squeezed(&[text]).len() > 2 * END)
}

/// Ends the program by `end` in the middle of an answer of which some is in the store. The program stands still when `end`
/// begins. Then the turn is in `state` and comes back.
fn ended_in_the_middle(end: impl Fn(&Pane), state: &str) {
    in_an_answer(|home, chat, _| {
        during(chat, "text in the store", |_| some_is_kept(home))?;
        let pid = frozen(chat)?;
        if !some_is_kept(home) {
            return None;
        }
        let since = Instant::now();
        end(chat);
        wait_for_end(pid);
        let late = since.elapsed() >= STORE_TIME;
        let (found, text) = stored(home, 1).expect("a turn");
        // What a program has drawn is a little behind what it does.
        if found == "answered" || (late && found != state) {
            return None;
        }
        assert_eq!(found, state);
        comes_back(home, &text);
        Some(())
    });
}

#[test]
fn a_session_comes_back_with_its_turns_and_shots() {
    if !there_is_tmux() {
        return;
    }
    let home = Home::used();
    let chat = asked(&home, (200, 60));
    chat.line("Is the heart enlarged?");
    let before = chat.wait("a second answer", |screen| is_answered(screen, 2));
    // However slow the disk is: leaving waits for it for a few seconds only.
    wait_for_store(&home, 2, "answered");
    chat.keys(&["C-d"]);
    wait_for_end(chat.program());
    drop(chat);

    let again = Pane::ready(&home, (200, 60), &["--session", "1"]);
    let kept = |lines: Vec<&str>| -> Vec<String> {
        // How long an answer took is not told again.
        let parts = lines.iter().filter(|l| !l.contains("not for diagnosis"));
        parts.map(|line| line.to_string()).collect()
    };
    let (turns, shots) = (kept(pane(&before, 1)), heads(&before));
    assert_eq!(shots.len(), 4, "{before}");
    again.wait("the same turns and shots", |screen| {
        kept(pane(screen, 1)) == turns && heads(screen) == shots
    });
}

/// The first lines of the shots: rank, id and score.
fn heads(screen: &str) -> Vec<String> {
    let shots = pane(screen, 2);
    let heads = shots.iter().filter(|line| line.contains(['█', '░']));
    heads.map(|line| line.to_string()).collect()
}

#[test]
fn esc_stops_an_answer_and_keeps_the_text_so_far() {
    in_an_answer(|home, chat, before| {
        chat.keys(&["Escape"]);
        let after = during(chat, "a stopped answer", |screen| {
            screen.contains("[stopped]") && screen.contains(" ready |")
        })?;
        let text = wait_for_store(home, 1, "stopped");
        // All lines but the last were whole when the key was pressed.
        let lines = streamed(before, 0);
        let whole = squeezed(lines.get(..lines.len() - 1).expect("some lines"));
        assert!(squeezed(&[&text]).contains(&whole), "{before}\n{text}");
        let end = end_of_text(&text) + "[stopped]";
        assert!(squeezed(&pane(&after, 0)).contains(&end), "{end}\n{after}");
        question_is_above(chat, 0);
        Some(())
    });
}

#[test]
fn a_kill_in_the_middle_of_an_answer_loses_neither_question_nor_text() {
    ended_in_the_middle(|chat| signal(chat.program(), &["KILL"]), "asked");
}

#[test]
fn sigterm_in_the_middle_of_an_answer_saves_the_session_and_ends_the_program() {
    ended_in_the_middle(|chat| signal(chat.program(), &["TERM", "CONT"]), "stopped");
}

#[test]
fn a_closed_pane_in_the_middle_of_an_answer_saves_the_session_and_ends_the_program() {
    // What hangs up also goes on.
    ended_in_the_middle(Pane::close, "stopped");
}

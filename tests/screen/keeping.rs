//! What is kept of a session, however the program ends.

use rusqlite::{Connection, OpenFlags};

use crate::asking::answering;
use crate::look::{answers, pane, squeezed};
use crate::pane::{Home, LONG, Pane, poll, signal, there_is_tmux, wait_for_end};

const QUESTION: &str = "What is there to say?";
/// Letters of a kept text that are looked for; a pane shows the end of a long one.
const END: usize = 40;

/// State and text of the first turn as the store has it now.
fn stored(home: &Home) -> Option<(String, String)> {
    let path = home.path().join("data/sessions.sqlite3");
    let store = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).ok()?;
    let row = "select state, answer from turns where number = 1";
    store
        .query_row(row, [], |r| Ok((r.get(0)?, r.get(1)?)))
        .ok()
}

/// Opens the session again and finds the question and the end of the kept text in it.
fn comes_back(home: &Home) {
    let (_, text) = stored(home).expect("a turn");
    let letters: Vec<char> = squeezed(&[text]).chars().collect();
    assert!(letters.len() > END, "only {} letters", letters.len());
    let end: String = letters[letters.len() - END..].iter().collect();
    let chat = Pane::ready(home, (200, 60), &["--session", "1"]);
    let screen = chat.see("[stopped]");
    let conversation = squeezed(&pane(&screen, 1));
    assert!(conversation.contains(&end), "{end}\n{screen}");
    // A long text has pushed the question up.
    chat.keys(&["M-1", "g"]);
    chat.keys(&["PageUp", "PageUp", "PageUp"]);
    chat.wait("the question", |screen| pane(screen, 1).contains(&QUESTION));
}

/// The chat, in the middle of an answer of which some is in the store.
fn in_the_middle(home: &Home) -> Pane {
    let chat = Pane::ready(home, (120, 40), &LONG);
    answering(&chat, QUESTION, 0);
    let kept = poll(|| stored(home).is_some_and(|(_, text)| squeezed(&[text]).len() > 2 * END));
    assert!(kept.is_ok(), "nothing is kept\n{}", chat.screen());
    chat.see("answering …");
    chat
}

#[test]
fn a_session_comes_back_with_its_turns_and_shots() {
    if !there_is_tmux() {
        return;
    }
    let home = Home::used();
    let case = "assets/cases/chest-nodule.png";
    let chat = Pane::ready(&home, (200, 60), &["-i", case]);
    chat.see("Question about chest-nodule.png");
    chat.line("Is there a nodule?");
    chat.wait("an answer", |screen| answers(screen) == 1);
    chat.line("Is the heart enlarged?");
    let before = chat.wait("a second answer", |screen| answers(screen) == 2);
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
fn a_kill_in_the_middle_of_an_answer_loses_neither_question_nor_text() {
    if !there_is_tmux() {
        return;
    }
    let home = Home::used();
    let chat = in_the_middle(&home);
    signal(chat.program(), &["KILL"]);
    wait_for_end(chat.program());
    comes_back(&home);
}

#[test]
fn sigterm_in_the_middle_of_an_answer_saves_the_session_and_ends_the_program() {
    if !there_is_tmux() {
        return;
    }
    let home = Home::used();
    let chat = in_the_middle(&home);
    signal(chat.program(), &["TERM"]);
    wait_for_end(chat.program());
    assert_eq!(stored(&home).expect("a turn").0, "stopped");
    comes_back(&home);
}

#[test]
fn a_closed_pane_in_the_middle_of_an_answer_saves_the_session_and_ends_the_program() {
    if !there_is_tmux() {
        return;
    }
    let home = Home::used();
    let chat = in_the_middle(&home);
    chat.close();
    wait_for_end(chat.program());
    assert_eq!(stored(&home).expect("a turn").0, "stopped");
    comes_back(&home);
}

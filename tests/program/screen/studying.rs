//! Study mode through the keyboard: a session that is cut off and goes on, and study mode over the chat.

use std::process::Output;

use crate::common::{PROGRAM, rounds};

use super::pane::{Home, Pane, there_is_tmux};

fn command(home: &Home, arguments: &[&str]) -> Output {
    let output = rounds(home.path(), arguments).output();
    output.expect("the program runs")
}

fn reviews(home: &Home) -> serde_json::Value {
    let output = command(home, &["study", "stats", "--json"]);
    let stats: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    stats["reviews"].clone()
}

#[test]
fn grades_are_kept_when_the_terminal_goes_away() {
    if !there_is_tmux() {
        return;
    }
    let home = Home::used();
    let pane = Pane::shell(&home, (80, 24));
    pane.line(&format!(
        "clear; '{PROGRAM}' study --kind question --no-model"
    ));
    pane.see("Study: shipped");
    pane.see("0 done");
    pane.keys(&["Space"]);
    pane.see("3 good");
    pane.text("3");
    pane.see("1 done");
    pane.keys(&["Space"]);
    pane.see("3 good");
    pane.text("4");
    pane.see("2 done");
    pane.see("all saved");
    drop(pane);
    assert_eq!(reviews(&home), 2);

    let pane = Pane::shell(&home, (120, 40));
    // A choice takes no typed answer, so that the letter needs no Esc before it: a terminal sends Esc and a letter as one key, Alt.
    pane.line(&format!(
        "clear; '{PROGRAM}' study --kind choice --no-model"
    ));
    pane.see("Study: shipped");
    pane.see("u undo");
    pane.text("u");
    pane.see("undone: easy");
    pane.keys(&["C-d"]);
    pane.see("no card was graded");
    assert_eq!(reviews(&home), 1);
}

#[test]
fn study_mode_over_the_chat_leads_back_to_the_chat() {
    if !there_is_tmux() {
        return;
    }
    let home = Home::used();
    let chat = Pane::ready(&home, (100, 30), &[]);
    chat.line("/study");
    chat.see("Study: ");
    chat.wait("a card", |screen| screen.contains("new "));
    chat.keys(&["Space"]);
    chat.see("3 good");
    chat.text("3");
    chat.see("1 done");
    chat.keys(&["C-d"]);
    chat.see("1 card graded, 100 % of them known");
    chat.see("Ask a question");
    assert_eq!(reviews(&home), 1);
}

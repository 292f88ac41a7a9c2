//! The first run, and attaching.

use crate::common::CASE;

use super::look::{pane, squeezed};
use super::pane::{Home, Pane, there_is_tmux};

/// Nothing was asked: the store knows of no session.
fn nothing_was_asked(chat: &Pane) {
    chat.keys(&["F2"]);
    chat.see("no saved sessions yet: ask a question to start one");
    chat.keys(&["Escape"]);
    let screen = chat.wait("the conversation", |s| !s.contains("no sessions yet"));
    assert!(!screen.contains("You"), "{screen}");
}

#[test]
fn the_first_run_explains_itself_and_opens_a_sample_case_with_one_key() {
    if !there_is_tmux() {
        return;
    }
    let home = Home::new();
    let chat = Pane::ready(&home, (120, 40), &[]);
    chat.see("Welcome to rounds (1 of 3)");
    chat.see("It is not for diagnosis");
    chat.keys(&["Enter"]);
    chat.see("Sample cases (2 of 3)");
    chat.keys(&["Right"]);
    chat.see("Models (3 of 3)");
    chat.keys(&["Left"]);
    let in_list = |line: &str| line.contains("  case 5 (chest film)");
    let cases = chat.wait("the sample case in the list", |screen| {
        screen.contains("Sample cases (2 of 3)") && screen.lines().any(in_list)
    });
    let line = cases.lines().find(|line| in_list(line));
    let (before, _) = line
        .and_then(|line| line.split_once("  case 5 (chest film)"))
        .expect("the sample case");
    let key = before.chars().last().expect("its number").to_string();
    chat.keys(&[&key]);
    let screen = chat.see("Question about case 5 (chest film)");
    assert!(!screen.contains("Sample cases (2 of 3)"), "{screen}");
    chat.see("> Is there a nodule?");
    nothing_was_asked(&chat);
    drop(chat);

    let again = Pane::ready(&home, (120, 40), &[]);
    let screen = again.see("Attach an image and ask a question.");
    assert!(!screen.contains("Welcome"), "{screen}");
}

#[test]
fn an_image_is_attached_by_its_path_and_nothing_is_sent() {
    if !there_is_tmux() {
        return;
    }
    let home = Home::used();
    let chat = Pane::ready(&home, (120, 40), &[]);
    chat.line(&format!("/attach {CASE}"));
    chat.see("Question about chest-nodule.png");
    chat.wait("the image", |screen| {
        squeezed(&pane(screen, 1)).matches('▀').count() > 200
    });
    nothing_was_asked(&chat);
    // The question that goes with it is still to be written.
    chat.text("Which side?");
    let screen = chat.see("> Which side?");
    assert!(screen.contains(" ready |"), "{screen}");
}

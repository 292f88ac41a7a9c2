//! Asking: an answer with its shots, edited, with a pinned shot, compared, and drawn at other sizes.

use serde_json::Value;

use crate::common::{CASE, rounds};

use super::look::{answers, is_answered, pane, squeezed, streamed};
use super::middle::{during, in_an_answer};
use super::pane::{Home, Pane, there_is_tmux};

const QUESTION: &str = "Is there a nodule?";

/// The same question to the command line.
fn answer_of_the_command_line(home: &Home) -> Value {
    let output = rounds(home.path(), &["ask", "--json", "-i", CASE, QUESTION])
        .output()
        .expect("the program runs");
    serde_json::from_slice(&output.stdout).expect("one JSON object")
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

/// The text of the list of shots, without the thumbnails beside it and without blanks.
fn shots_text(screen: &str) -> String {
    let lines: Vec<String> = pane(screen, 2)
        .iter()
        .map(|line| {
            line.chars()
                .filter(|c| !('\u{2580}'..='\u{259f}').contains(c))
                .collect()
        })
        .collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    squeezed(&lines)
}

/// The chat with the sample case attached and asked about.
pub fn asked(home: &Home, size: (u16, u16)) -> Pane {
    let chat = Pane::ready(home, size, &["-i", CASE]);
    chat.see("Question about chest-nodule.png");
    chat.line(QUESTION);
    chat.wait("an answer", |screen| is_answered(screen, 1));
    chat
}

#[test]
fn an_answer_its_rationale_and_its_shots_are_those_of_the_command_line() {
    if !there_is_tmux() {
        return;
    }
    let home = Home::used();
    let expected = answer_of_the_command_line(&home);
    let chat = asked(&home, (200, 60));
    let screen = chat.screen();
    let conversation = squeezed(&pane(&screen, 1));
    for part in [
        QUESTION,
        text(&expected["answer"]),
        "Rationale (the model's own words)",
        text(&expected["rationale"]),
    ] {
        let part = squeezed(&[part]);
        assert!(conversation.contains(&part), "{part} is missing\n{screen}");
    }
    let shots = shots_text(&screen);
    let listed = expected["shots"].as_array().expect("a list");
    assert_eq!(listed.len(), 4);
    for shot in listed {
        let [question, answer] = ["question", "answer"].map(|part| text(&shot[part]));
        let head = squeezed(&[question, &format!("A: {answer}")]);
        assert!(shots.contains(&head), "{head}\n{screen}");
    }
}

#[test]
fn an_edited_question_is_a_branch_and_the_old_one_stays() {
    if !there_is_tmux() {
        return;
    }
    let home = Home::used();
    let chat = asked(&home, (120, 40));
    chat.keys(&["M-e"]);
    chat.see("Edit the question (the old version is kept)");
    chat.see(&format!("> {QUESTION}"));
    chat.keys(&["C-u"]);
    chat.line("Is the heart enlarged?");
    let edited = chat.wait("the answer to the edited question", |screen| {
        screen.contains("branch 2 of 2") && is_answered(screen, 1)
    });
    let conversation = pane(&edited, 0);
    assert!(conversation.contains(&"Is the heart enlarged?"), "{edited}");
    assert!(!conversation.contains(&QUESTION), "{edited}");
    chat.keys(&["M-Left"]);
    chat.wait("the old question with its answer", |screen| {
        let conversation = pane(screen, 0).contains(&QUESTION) && answers(screen) == 1;
        conversation && screen.contains("branch 1 of 2")
    });
}

#[test]
fn a_pinned_shot_is_among_the_shots_of_the_next_question() {
    if !there_is_tmux() {
        return;
    }
    let home = Home::used();
    let pinned = text(&answer_of_the_command_line(&home)["shots"][0]["question"]).to_string();
    let head = |screen: &str| shots_text(screen).contains(&squeezed(&[&pinned]));
    let chat = asked(&home, (200, 60));
    chat.keys(&["M-3", "p"]);
    chat.see(", 1 pinned");
    // Another image, whose neighbours are others.
    chat.line("/detach all");
    chat.line("/cases fundus-bleed");
    chat.see("Question about case 7 (fundus photograph)");
    chat.line("Are there haemorrhages?");
    let with = chat.wait("a second answer", |screen| is_answered(screen, 2));
    assert!(head(&with), "{pinned} is no shot\n{with}");
    // It is there because it is pinned.
    chat.line("/pin off");
    chat.wait("nothing pinned", |screen| !screen.contains(", 1 pinned"));
    chat.line("Are there haemorrhages?");
    let without = chat.wait("a third answer", |screen| is_answered(screen, 3));
    assert!(!head(&without), "{pinned} is still a shot\n{without}");
}

#[test]
fn two_answers_stand_side_by_side() {
    if !there_is_tmux() {
        return;
    }
    let home = Home::used();
    let chat = asked(&home, (120, 40));
    chat.keys(&["M-c"]);
    chat.wait("two answers and a verdict", |screen| {
        let verdict =
            screen.contains("= the same answer") || screen.contains("! different answers");
        let parts = ["Two answers", "with shots", "without shots", "0 shots"];
        verdict && parts.iter().all(|part| screen.contains(part))
    });
    chat.keys(&["Escape"]);
    chat.see("branch 1 of 2");
}

#[test]
fn the_screen_follows_the_terminal_while_an_answer_streams() {
    in_an_answer(|_, chat, _| {
        chat.resize(80, 24);
        during(chat, "one pane and tabs", |screen| {
            let tabs = screen.starts_with("[1 Conversation]  2 Images (0)   3 Shots (0)");
            tabs && !streamed(screen, 0).is_empty() && fills(screen, 80, 24)
        })?;
        chat.resize(200, 60);
        during(chat, "three panes", |screen| {
            let titles = screen.lines().next().unwrap_or_default();
            let panes = ["Images", "Conversation", "Shots"];
            panes.iter().all(|name| titles.contains(name))
                && !streamed(screen, 1).is_empty()
                && fills(screen, 200, 60)
        })?;
        chat.keys(&["Escape"]);
        during(chat, "a stopped answer", |s| s.contains("[stopped]"))?;
        Some(())
    });
}

/// Whether the input's frame, which goes from edge to edge, is as wide as the screen and ends above the last two lines.
fn fills(screen: &str, columns: usize, rows: usize) -> bool {
    let lines: Vec<&str> = screen.lines().collect();
    let foot = lines.get(rows - 3).copied().unwrap_or_default();
    let corners = foot.starts_with(['└', '╚']) && foot.ends_with(['┘', '╝']);
    lines.len() == rows && corners && foot.chars().count() == columns
}

//! The terminal is given back to the shell, whatever ends or suspends the program.

use crate::common::{PROGRAM, rounds};

use super::middle::{answering, frozen, in_time};
use super::pane::{Home, LONG, Pane, signal, there_is_tmux, wait_for_end, wait_for_stop};

const SIZE: (u16, u16) = (120, 40);

/// Starts the chat from a shell that remembers the settings of its line. With `patient`, a shell between them does not
/// notice when the chat is stopped from outside.
fn from_a_shell(home: &Home, patient: bool) -> Pane {
    let pane = Pane::shell(home, SIZE);
    pane.line("lines=$(stty -g)");
    let arguments = LONG.join(" ");
    let chat = format!("sh \"$CHAT\" {arguments}");
    if patient {
        pane.line(&format!("({chat}; exit $?)"));
    } else {
        pane.line(&chat);
    }
    pane.see(" ready |");
    pane.wait_for_modes(true, true, true);
    pane
}

/// The shell works, on the main screen, with the line settings of before. `when` tells one look from another.
fn terminal_is_back(pane: &Pane, when: &str) {
    pane.wait_for_modes(false, false, true);
    pane.line(&format!(
        "[ \"$lines\" = \"$(stty -g)\" ] && echo the line is \"as it was\" {when}"
    ));
    let screen = pane.see(&format!("the line is as it was {when}"));
    assert!(!screen.contains("Question"), "{screen}");
}

/// The shell has the exit code of the chat.
fn ended_with(pane: &Pane, code: u8) {
    pane.wait_for_modes(false, false, true);
    pane.line("echo \"code: $?\"");
    pane.see(&format!("code: {code}"));
}

/// Signals that come one right after the other, in an answer, give the terminal back; `code` is the exit code, where one
/// way to end is sure.
fn gives_the_terminal_back(signals: &[&str], code: Option<u8>) {
    if !there_is_tmux() {
        return;
    }
    in_time(|| {
        let home = Home::used();
        let pane = from_a_shell(&home, true);
        answering(&pane)?;
        let pid = frozen(&pane)?;
        signal(pid, signals);
        wait_for_end(pid);
        if let Some(code) = code {
            ended_with(&pane, code);
        }
        terminal_is_back(&pane, "at the end");
        Some(())
    });
}

#[test]
fn sigterm_twice_gives_the_terminal_back() {
    gives_the_terminal_back(&["TERM", "CONT", "TERM"], Some(143));
}

#[test]
fn sigint_twice_gives_the_terminal_back() {
    gives_the_terminal_back(&["INT", "CONT", "INT"], Some(130));
}

#[test]
fn two_signals_at_one_moment_give_the_terminal_back() {
    // Both wait for it when it goes on, so neither can be over before the other comes.
    gives_the_terminal_back(&["TERM", "INT", "CONT"], None);
}

#[test]
fn a_suspended_chat_gives_the_terminal_back_and_goes_on_in_the_foreground() {
    if !there_is_tmux() {
        return;
    }
    let home = Home::used();
    let pane = from_a_shell(&home, false);
    pane.text("half a question");
    pane.see("> half a question");
    pane.keys(&["C-z"]);
    // Until then keys would still be taken by the chat.
    wait_for_stop(pane.program());
    terminal_is_back(&pane, "meanwhile");
    pane.line("fg");
    pane.wait_for_modes(true, true, true);
    pane.see("> half a question");
    pane.text(" and the rest");
    pane.see("> half a question and the rest");
    pane.keys(&["C-u", "C-d"]);
    wait_for_end(pane.program());
    ended_with(&pane, 0);
    terminal_is_back(&pane, "at the end");
}

#[test]
fn an_interrupt_at_a_question_ends_the_command_and_nothing_is_deleted() {
    if !there_is_tmux() {
        return;
    }
    let home = Home::used();
    let run = |arguments: &[&str]| rounds(home.path(), arguments);
    let mut chat = run(&["chat", "--plain"])
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::inherit())
        .spawn()
        .expect("started");
    let input = chat.stdin.take().expect("a pipe");
    std::io::Write::write_all(&mut &input, b"What is this?\n").expect("written");
    drop(input);
    assert!(chat.wait().expect("it ended").success());
    let pane = Pane::shell(&home, SIZE);
    pane.line(&format!("'{PROGRAM}' session delete 1"));
    pane.see("[y/N]");
    pane.keys(&["C-c"]);
    // What is typed before could still be taken for the answer.
    pane.wait("the shell's prompt", |screen| {
        screen.trim_end().ends_with(['$', '#'])
    });
    pane.line("echo \"code: $?\"");
    pane.see("code: 130");
    let listed = run(&["session", "list"]).output().expect("it runs");
    assert!(String::from_utf8_lossy(&listed.stdout).contains("What is this?"));
}

#[test]
fn leaving_says_how_to_come_back_and_that_comes_back() {
    if !there_is_tmux() {
        return;
    }
    let home = Home::used();
    let pane = Pane::shell(&home, SIZE);
    pane.line("sh \"$CHAT\" --shots 1");
    pane.see(" ready |");
    pane.line("What is this?");
    pane.wait("an answer", |screen| super::look::answers(screen) > 0);
    pane.keys(&["C-d"]);
    let shell = pane.see("continue this session with `rounds chat --session ");
    let id = shell.split("--session ").nth(1).expect("an id");
    let id: String = id.chars().take_while(|c| *c != '`').collect();
    pane.line(&format!("clear; sh \"$CHAT\" --session {id}"));
    pane.see(" ready |");
    pane.see("What is this?");
    pane.keys(&["C-d"]);
    ended_with(&pane, 0);
}

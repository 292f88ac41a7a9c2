//! The line mode as a whole program: a pipe with a conversation in it, signals, simple terminals.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::common::{CASE, INTENDED_USE as PURPOSE, PROGRAM, on_fixtures, rounds};
use rustix::process::{Pid, Signal, kill_process};

/// Goes on for long enough to be stopped.
const LONG: [&str; 6] = [
    "--temperature",
    "3",
    "--max-new-tokens",
    "900",
    "--strategy",
    "none",
];

fn chat(home: &Path, arguments: &[&str]) -> Command {
    rounds(home, &[&["chat"], arguments].concat())
}

/// Exit code, standard output and standard error of a conversation.
fn talk(home: &Path, arguments: &[&str], input: &str) -> (i32, String, String) {
    let mut child = chat(home, arguments).spawn().expect("started");
    let mut pipe = child.stdin.take().expect("a pipe");
    pipe.write_all(input.as_bytes()).expect("written");
    drop(pipe);
    let output = child.wait_with_output().expect("it ended");
    let out = String::from_utf8(output.stdout).expect("UTF-8");
    let bad = out.chars().find(|c| c.is_control() && *c != '\n');
    assert_eq!(bad, None, "{out:?}");
    (
        output.status.code().unwrap_or(-1),
        out,
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

/// At once, without another process: an answer must not end meanwhile.
fn signal(child: &Child, signal: Signal) {
    let pid = i32::try_from(child.id()).expect("a process id");
    let pid = Pid::from_raw(pid).expect("a process id");
    kill_process(pid, signal).expect("sent");
}

/// Reads until a line begins with `wanted`; returns all that was read. The error is an output that ended before.
fn find(out: &mut impl BufRead, wanted: &str) -> Result<String, String> {
    let mut all = String::new();
    loop {
        let before = all.len();
        let count = out.read_line(&mut all).expect("UTF-8");
        if count == 0 {
            return Err(all);
        }
        if all[before..].starts_with(wanted) {
            return Ok(all);
        }
    }
}

#[track_caller]
fn read_to(out: &mut impl BufRead, wanted: &str) -> String {
    find(out, wanted).unwrap_or_else(|all| panic!("{wanted:?} never came:\n{all}"))
}

/// A long answer that streams. It may have come to its end by the time a signal arrives, so what is tried on it is
/// repeated until it was in time.
struct Streaming {
    home: tempfile::TempDir,
    child: Child,
    input: ChildStdin,
    out: BufReader<ChildStdout>,
}

impl Streaming {
    fn start() -> Self {
        let home = tempfile::tempdir().expect("a folder");
        let arguments = [&["--plain"], &LONG[..]].concat();
        let mut child = chat(home.path(), &arguments).spawn().expect("started");
        let mut input = child.stdin.take().expect("a pipe");
        let mut out = BufReader::new(child.stdout.take().expect("a pipe"));
        input.write_all(b"Tell everything\n").expect("written");
        read_to(&mut out, "no shots");
        let mut some = [0_u8; 40];
        out.read_exact(&mut some).expect("text that streams");
        Self {
            home,
            child,
            input,
            out,
        }
    }

    /// Whether the session was kept as one whose answer was stopped; `None` where that had ended before.
    fn kept(home: &Path) -> Option<()> {
        let (_, out, _) = talk(home, &["--plain", "--session", "1"], "");
        has(&out, "1. Tell everything  (selected)\n");
        out.contains("(selected)\n   [stopped] Rationale: ")
            .then_some(())
    }
}

/// Repeats `attempt` until it was in time.
fn in_time(mut attempt: impl FnMut(Streaming) -> Option<()>) {
    let done = (0..20).any(|_| attempt(Streaming::start()).is_some());
    assert!(done, "no answer was stopped before its end");
}

#[track_caller]
fn has(text: &str, wanted: &str) {
    assert!(text.contains(wanted), "{wanted:?} is not in:\n{text}");
}

#[test]
fn a_whole_conversation_comes_through_a_pipe() {
    let home = tempfile::tempdir().expect("a folder");
    let export = home.path().join("out.md");
    let input = format!(
        "/cases chest-nodule\n\
         Is there a nodule?\n\
         Which view is this?\n\
         /shots\n\
         /edit Is the heart enlarged?\n\
         /compare\n\
         /export {0}\n\
         /export {0}x\n\
         /search nodule\n\
         /status\n",
        export.display()
    );
    let (code, out, err) = talk(home.path(), &["--plain"], &input);
    assert_eq!(code, 1, "one export has no format: {err}\n{out}");
    has(&err, "Answers are often wrong.");
    assert!(
        out.starts_with("rounds: education and research only"),
        "{out}"
    );
    has(&out, "case 5 (chest film): PNG, ");
    has(
        &out,
        "Question: Is there a nodule?\n4 of 4 shots:\n  1. phantom-",
    );
    has(&out, "\nRationale: ");
    has(&out, "\nAnswer: ");
    has(&out, "/shot N opens one");
    has(&out, "Question: Is the heart enlarged?\n");
    has(&out, "2. without shots (no shots)\n   Rationale: ");
    has(&out, "written to ");
    has(
        &out,
        "error: the path does not end in a known export format\nhint: ",
    );
    has(&out, ", 4 questions, current)\n   case 5 (chest film): ");
    has(&out, "\n   question: Is there a nodule?\n");
    has(&out, "context: ");
    // In the first line and in the status that was asked for; not with every answer.
    assert_eq!(out.matches(PURPOSE).count(), 2, "{out}");
    assert!(!out.contains("> "), "no prompt in a pipe: {out}");
    let exported = std::fs::read_to_string(&export).expect("the export");
    for question in [
        "Is there a nodule?",
        "Which view is this?",
        "Is the heart enlarged?",
    ] {
        has(&exported, question);
    }
    has(&exported, PURPOSE);

    // What was kept is there again; the first run is over; the old file stays.
    let again = format!("/turns\n/branches\n/export {}\n", export.display());
    let (code, out, err) = talk(home.path(), &["--plain", "--session", "1"], &again);
    assert_eq!((code, err.as_str()), (1, ""), "{out}");
    has(
        &out,
        "opened: Is there a nodule?\n1. Is there a nodule?  (case 5 (chest film)",
    );
    has(&out, "Answer: ");
    has(&out, "Is the heart enlarged?");
    has(&out, "error: a file with this name already exists");
}

#[test]
fn three_questions_in_a_pipe_are_answered_and_nothing_is_kept_without_a_log() {
    let home = tempfile::tempdir().expect("a folder");
    let (code, out, _) = talk(
        home.path(),
        &["--plain", "--no-log", "-i", CASE],
        "Is there a nodule?\nWhich view is this?\nIs the heart enlarged?",
    );
    assert_eq!(code, 0, "{out}");
    assert_eq!(out.matches(PURPOSE).count(), 1, "{out}");
    assert_eq!(out.matches("\nAnswer: ").count(), 3, "{out}");
    let (_, out, _) = talk(home.path(), &["--plain"], "/sessions\n");
    has(&out, "no saved sessions yet");
}

#[test]
fn an_image_that_is_not_there_is_named_and_fails_the_pipe() {
    let home = tempfile::tempdir().expect("a folder");
    let (code, out, _) = talk(home.path(), &["--plain", "-i", "no/such.png"], "/quit\nq\n");
    assert_eq!(code, 1);
    has(&out, "error: not found: no/such.png\nhint: ");
    assert!(!out.contains("Question: q"), "{out}");
}

#[test]
fn an_interrupt_stops_the_answer_keeps_it_and_the_next_is_asked() {
    in_time(|chat| {
        let Streaming {
            home,
            mut child,
            mut input,
            mut out,
        } = chat;
        signal(&child, Signal::INT);
        let Ok(rest) = find(&mut out, "[stopped]") else {
            // The answer had ended: an interrupt at rest leaves.
            assert_eq!(child.wait().expect("it ended").code(), Some(130));
            return None;
        };
        has(&rest, "stopping; Ctrl-C again quits");
        input.write_all(b"/turns\n").expect("written");
        read_to(&mut out, "1. Tell everything");
        drop(input);
        assert_eq!(child.wait().expect("it ended").code(), Some(130));
        Streaming::kept(home.path())
    });
}

#[test]
fn an_interrupt_at_rest_leaves() {
    let home = tempfile::tempdir().expect("a folder");
    let mut child = chat(home.path(), &["--plain"]).spawn().expect("started");
    let input = child.stdin.take();
    let mut out = BufReader::new(child.stdout.take().expect("a pipe"));
    read_to(&mut out, "ready");
    signal(&child, Signal::INT);
    assert_eq!(child.wait().expect("it ended").code(), Some(130));
    drop(input);
}

#[test]
fn a_request_to_end_keeps_the_session() {
    in_time(|chat| {
        let Streaming {
            home,
            mut child,
            input,
            mut out,
        } = chat;
        signal(&child, Signal::TERM);
        let mut rest = String::new();
        out.read_to_string(&mut rest).expect("UTF-8");
        assert_eq!(child.wait().expect("it ended").code(), Some(143));
        drop(input);
        Streaming::kept(home.path())
    });
}

#[test]
fn a_reader_that_goes_away_is_no_failure_and_the_session_is_kept() {
    let home = tempfile::tempdir().expect("a folder");
    let mut child = chat(home.path(), &["--plain"]).spawn().expect("started");
    let mut out = BufReader::new(child.stdout.take().expect("a pipe"));
    let mut input = child.stdin.take().expect("a pipe");
    input.write_all(b"Is there a nodule?\n").expect("written");
    read_to(&mut out, "Question: ");
    drop(out);
    let _ = input.write_all(b"Which view is this?\n");
    drop(input);
    assert_eq!(child.wait().expect("it ended").code(), Some(0));
    let (_, out, _) = talk(home.path(), &["--plain", "--session", "1"], "");
    has(&out, "1. Is there a nodule?");
}

#[test]
fn a_full_disk_is_named_and_is_exit_code_3() {
    let Ok(full) = std::fs::File::options().write(true).open("/dev/full") else {
        println!("skipped: this system has no /dev/full");
        return;
    };
    let home = tempfile::tempdir().expect("a folder");
    let child = chat(home.path(), &["--plain"]).stdout(full).spawn();
    let output = child.expect("started").wait_with_output().expect("ended");
    assert_eq!(output.status.code(), Some(3));
    has(&String::from_utf8_lossy(&output.stderr), "error: ");
}

#[test]
fn without_a_terminal_or_with_a_simple_one_it_goes_line_by_line_by_itself() {
    let home = tempfile::tempdir().expect("a folder");
    for term in ["dumb", "xterm-256color"] {
        let mut child = chat(home.path(), &[])
            .env("TERM", term)
            .spawn()
            .expect("started");
        let mut input = child.stdin.take().expect("a pipe");
        input.write_all(b"/cases\n/quit\n").expect("written");
        let output = child.wait_with_output().expect("it ended");
        assert_eq!(output.status.code(), Some(0));
        has(
            &String::from_utf8_lossy(&output.stdout),
            "case 1 (abdominal CT)\n",
        );
    }
}

/// At a pseudo-terminal that calls itself dumb: a prompt, a word about it, and no escape sequence.
#[test]
fn a_dumb_terminal_gets_lines_and_a_prompt() {
    let known = Command::new("script").arg("--version").output();
    if !known.is_ok_and(|out| String::from_utf8_lossy(&out.stdout).contains("util-linux")) {
        println!("skipped: `script` of util-linux is not here to make a pseudo-terminal");
        return;
    }
    let home = tempfile::tempdir().expect("a folder");
    let mut child = on_fixtures(&mut Command::new("script"))
        .args(["-qec", PROGRAM, "/dev/null"])
        .env("ROUNDS_HOME", home.path())
        .env("TERM", "dumb")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("started");
    let mut input = child.stdin.take().expect("a pipe");
    let mut out = BufReader::new(child.stdout.take().expect("a pipe"));
    let begin = read_to(&mut out, "ready");
    has(
        &begin,
        "rounds: TERM is dumb, so the chat runs line by line",
    );
    has(&begin, "Answers are often wrong.");
    input.write_all(b"/cases\n").expect("written");
    let list = read_to(&mut out, "/cases N attaches one");
    input.write_all(b"/quit\n").expect("written");
    let mut rest = String::new();
    out.read_to_string(&mut rest).expect("UTF-8");
    let all = format!("{begin}{list}{rest}");
    has(&all, "> ");
    let bad = all
        .chars()
        .find(|c| c.is_control() && !matches!(c, '\n' | '\r'));
    assert_eq!(bad, None, "{all:?}");
    assert_eq!(child.wait().expect("it ended").code(), Some(0));
}

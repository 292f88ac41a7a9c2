//! How the program ends when what it talks to goes away, and that it repeats itself.

use serde_json::{Value, json};
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, ExitStatus};

use crate::common::{self, CASE, interrupt};

fn rounds(arguments: &[&str]) -> Command {
    common::rounds(&common::shared_home(), arguments)
}

fn request(question: &str) -> String {
    json!({ "images": [CASE], "question": question }).to_string() + "\n"
}

fn said(child: &mut Child) -> String {
    let mut text = String::new();
    let mut stderr = child.stderr.take().expect("a pipe");
    stderr.read_to_string(&mut text).expect("UTF-8");
    text
}

fn ended(mut child: Child) -> (ExitStatus, String) {
    let text = said(&mut child);
    (child.wait().expect("it ended"), text)
}

#[test]
fn a_reader_that_has_had_enough_is_not_a_failure() {
    let mut child = rounds(&["script"]).spawn().expect("started");
    drop(child.stdout.take());
    let mut input = child.stdin.take().expect("a pipe");
    // The program may end before it has read everything.
    let _ = input.write_all(request("Is there a nodule?").repeat(3).as_bytes());
    drop(input);
    let (status, err) = ended(child);
    assert_eq!((status.code(), err.as_str()), (Some(0), ""));
}

/// Every command that writes to standard output by itself, without a model that must answer for long.
const WRITING: [&[&str]; 17] = [
    &["completions", "bash"],
    &["completions", "zsh"],
    &["man"],
    &["--help"],
    &["help", "ask"],
    &["--version"],
    &["doctor"],
    &["doctor", "--json"],
    &["config", "show"],
    &["config", "check"],
    &["index", "show", "shipped"],
    &["index", "search", "shipped", "--text", "nodule"],
    &["session", "stats"],
    &["model", "pull"],
    &["ask", "What is this?"],
    &["eval", "phantoms", "-n", "1"],
    &[
        "eval",
        "neighbours",
        "--index",
        "shipped",
        "--queries",
        "shipped",
    ],
];

#[test]
fn no_command_minds_that_its_reader_has_gone() {
    let home = tempfile::tempdir().expect("a folder");
    for arguments in WRITING {
        let mut child = rounds(arguments)
            .env("ROUNDS_HOME", home.path())
            .spawn()
            .expect("started");
        drop(child.stdout.take());
        drop(child.stdin.take());
        let (status, err) = ended(child);
        assert_eq!(status.code(), Some(0), "{arguments:?}: {err}");
        assert!(
            !err.contains("panicked") && !err.contains("error:"),
            "{arguments:?}: {err}"
        );
    }
}

#[test]
fn no_command_minds_that_nobody_reads_its_remarks() {
    let home = tempfile::tempdir().expect("a folder");
    for arguments in [
        &["index", "list"][..],
        &["model", "list"],
        &["index", "create", "x"],
    ] {
        let mut child = rounds(arguments)
            .env("ROUNDS_HOME", home.path())
            .spawn()
            .expect("started");
        drop(child.stderr.take());
        drop(child.stdin.take());
        let status = child.wait().expect("it ended");
        assert_eq!(status.code(), Some(0), "{arguments:?}");
    }
}

#[test]
fn a_full_disk_is_named_and_is_exit_code_3() {
    let Ok(full) = File::options().write(true).open("/dev/full") else {
        println!("skipped: this system has no /dev/full");
        return;
    };
    for arguments in [
        vec!["ask", "What is this?"],
        vec!["ask", "--json", "What is this?"],
    ] {
        let child = rounds(&arguments)
            .stdout(full.try_clone().expect("cloned"))
            .spawn()
            .expect("started");
        let (status, err) = ended(child);
        assert_eq!(status.code(), Some(3), "{err}");
        assert!(err.starts_with("error: "), "{err}");
    }
}

#[test]
fn a_phantom_is_drawn_over_a_file_only_where_that_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("x.png");
    std::fs::write(&out, "mine").unwrap();
    let draw = ["phantom", "chest-film", "-o", out.to_str().unwrap()];
    let ended = rounds(&draw).output().unwrap();
    assert_eq!(ended.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&ended.stderr).contains("--force"));
    assert_eq!(std::fs::read(&out).unwrap(), b"mine");
    let ended = rounds(&[&draw[..], &["--force"]].concat())
        .output()
        .unwrap();
    assert_eq!(ended.status.code(), Some(0));
    assert!(std::fs::read(&out).unwrap().starts_with(b"\x89PNG"));
}

#[test]
fn what_was_typed_cannot_steer_the_terminal() {
    let ended = rounds(&["ask", "q", "--strategy", "\u{9B}31m\u{202E}"])
        .output()
        .unwrap();
    assert_eq!(ended.status.code(), Some(2));
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(said.contains("--strategy"), "{said}");
    assert!(!said.contains(['\u{9B}', '\u{202E}', '\u{1B}']), "{said:?}");
}

#[test]
fn an_interrupt_ends_a_script_that_waits_for_input() {
    let mut child = rounds(&["script"]).spawn().expect("started");
    let mut input = child.stdin.take().expect("a pipe");
    input
        .write_all(request("Is there a nodule?").as_bytes())
        .expect("written");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let answered = lines
        .by_ref()
        .map(|l| l.expect("a line"))
        .find(|l| l.contains("\"answer\""));
    assert!(
        answered.is_some(),
        "the program answers before it is interrupted"
    );
    interrupt(&child);
    let (status, _) = ended(child);
    assert_eq!(status.code(), Some(130));
    drop(input);
}

#[test]
fn an_interrupt_during_an_answer_marks_it_cancelled_and_keeps_the_events_whole() {
    let mut child = rounds(&["script", "--temperature", "3", "--max-new-tokens", "400"])
        .spawn()
        .expect("started");
    let mut input = child.stdin.take().expect("a pipe");
    let line = json!({ "images": [CASE], "question": "What does this show?", "tokens": true });
    input
        .write_all(format!("{line}\n").repeat(200).as_bytes())
        .expect("written");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let first = lines
        .by_ref()
        .map(|l| l.expect("a line"))
        .find(|l| l.contains("\"token\""));
    assert!(first.is_some());
    interrupt(&child);
    let rest: Vec<Value> = lines
        .map(|l| serde_json::from_str(&l.expect("a line")).expect("whole events only"))
        .collect();
    let (status, _) = ended(child);
    assert_eq!(status.code(), Some(130));
    // The interrupt may fall between two answers; then none is cut, and none begins.
    let answers: Vec<&Value> = rest.iter().filter(|e| e["event"] == "answer").collect();
    assert!(answers.len() < 200);
    let (last, whole) = answers.split_last().expect("an answer was under way");
    assert!(whole.iter().all(|e| e["stop_reason"] != "cancelled"));
    assert_eq!(rest.last(), Some(*last), "nothing comes after it");
    drop(input);
}

/// Commands that look at no flag are ended by the signal itself, so that no Ctrl-C does nothing.
#[test]
fn one_interrupt_ends_a_measurement() {
    use std::os::unix::process::ExitStatusExt;
    let child = rounds(&["eval", "phantoms", "-n", "1000000"])
        .spawn()
        .expect("started");
    std::thread::sleep(std::time::Duration::from_secs(2));
    interrupt(&child);
    let (status, err) = ended(child);
    assert_eq!(status.signal(), Some(2), "{err}");
}

/// Sixty lines: every strategy with every number of shots and every temperature, sessions, and bad lines among them.
fn mixed() -> String {
    let questions = [
        "Is there a nodule?",
        "Which view is this?",
        "Is the heart enlarged?",
        "What is the most likely reading?",
        "How many lesions are there?",
    ];
    let strategies = ["image", "text", "hybrid", "random", "none"];
    let mut images: Vec<String> = std::fs::read_dir("tests/fixtures/cases")
        .expect("the sample cases")
        .flatten()
        .map(|e| e.path().to_string_lossy().into_owned())
        .collect();
    images.sort();
    (0..60)
        .map(|i| {
            if i % 20 == 7 {
                return "{\"images\": [\"no-such-case.png\"], \n".to_string();
            }
            let image = if i % 20 == 13 {
                "no-such-case.png".to_string()
            } else {
                images[i % images.len()].clone()
            };
            json!({
                "id": i,
                "images": [image],
                "question": questions[i % 5],
                "strategy": strategies[i % 5],
                "shots": i % 4,
                "seed": i,
                "temperature": (i % 3) as f64 / 2.0,
                "max_new_tokens": 24,
                "session": format!("s{}", i % 3),
            })
            .to_string()
                + "\n"
        })
        .collect()
}

#[test]
fn sixty_mixed_lines_give_the_same_events_twice() {
    let input = mixed();
    let run = || -> Vec<Value> {
        let mut child = rounds(&["script"]).spawn().expect("started");
        let mut pipe = child.stdin.take().expect("a pipe");
        let text = input.clone();
        let writer = std::thread::spawn(move || pipe.write_all(text.as_bytes()));
        let out = BufReader::new(child.stdout.take().expect("a pipe"));
        let events = out
            .lines()
            .map(|l| {
                let mut event: Value =
                    serde_json::from_str(&l.expect("a line")).expect("every line is JSON");
                event["timings"] = Value::Null;
                event
            })
            .collect();
        writer.join().expect("joined").expect("written");
        let (status, _) = ended(child);
        assert_eq!(status.code(), Some(1), "some lines are bad");
        events
    };
    let first = run();
    let count = |name: &str| first.iter().filter(|e| e["event"] == name).count();
    assert_eq!((count("answer"), count("error")), (54, 6));
    assert_eq!(first, run());
}

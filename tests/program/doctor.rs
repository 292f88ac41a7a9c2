//! `rounds doctor` as a whole program: what it lists, and what it says where something does not work.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::common::{Home, feed};

/// A home with the hub's cache in it.
struct Machine {
    home: Home,
}

impl Machine {
    fn new() -> Self {
        Self { home: Home::new() }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.home.path(name)
    }

    fn settings(&self, text: &str) {
        self.home.settings(text);
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.home.command(arguments);
        command
            .env("HF_HOME", self.path("hub"))
            .env_remove("HF_HUB_OFFLINE");
        command
    }

    fn ok(&self, arguments: &[&str]) {
        let output = feed(self.command(arguments), "");
        assert_eq!(output.status.code(), Some(0), "{output:?}");
    }

    /// Exit code, report in words, report as an object.
    fn doctor(&self) -> (i32, String, Value) {
        let run = |arguments: &[&str]| feed(self.command(arguments), "");
        let (words, object) = (run(&["doctor"]), run(&["doctor", "--json"]));
        assert_eq!(words.status.code(), object.status.code());
        (code(&words), text(&words), json(&object))
    }

    /// An index of one example called `mine`.
    fn index(&self) {
        self.ok(&["index", "create", "mine"]);
        self.ok(&[
            "index",
            "add",
            "mine",
            "-i",
            "tests/fixtures/cases/brain-mass.png",
            "--question",
            "Is there a mass?",
            "--answer",
            "yes",
        ]);
    }

    /// A small encoder called `tiny`.
    fn encoder(&self) {
        let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/encoders/clip/hf");
        let golden = golden.to_str().expect("UTF-8");
        self.ok(&[
            "model",
            "import",
            "--family",
            "encoder",
            "--checkpoint",
            golden,
            "--out",
            "tiny",
            "--licence",
            "CC0",
        ]);
    }
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap_or(-1)
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// The finding of this part and name.
fn finding<'a>(report: &'a Value, part: &str, name: &str) -> &'a Value {
    let findings = report["findings"].as_array().expect("findings");
    findings
        .iter()
        .find(|f| f["part"] == part && f["name"].as_str().is_some_and(|n| n.ends_with(name)))
        .unwrap_or_else(|| panic!("no {part} {name} in {report:#}"))
}

#[track_caller]
fn has(text: &str, wanted: &str) {
    assert!(text.contains(wanted), "{wanted:?} is not in:\n{text}");
}

#[test]
fn a_fresh_home_works_and_is_left_as_it_was() {
    let machine = Machine::new();
    let (code, words, report) = machine.doctor();
    assert_eq!(code, 0, "{words}");
    has(&words, "All checks passed");
    has(&words, "not for diagnosis");
    assert_eq!(report["works"], true);
    let index = finding(&report, "index", "shipped");
    assert_eq!(index["facts"]["vectors"][0]["suit"][0], "model shipped");
    assert!(index["facts"]["examples"].as_u64().is_some_and(|n| n > 0));
    let settings = finding(&report, "settings", "config.toml");
    assert_eq!(settings["facts"]["exists"], false);
    for (part, name) in [
        ("device", ""),
        ("cpu", ""),
        ("answers", ""),
        ("terminal", ""),
    ] {
        assert_eq!(finding(&report, part, name)["state"], "works");
    }
    let data = finding(&report, "folder", "data");
    assert_eq!(data["facts"]["exists"], false);
    let left = std::fs::read_dir(machine.home.folder.path()).expect("a folder");
    let left: Vec<_> = left.flatten().map(|entry| entry.file_name()).collect();
    assert!(left.iter().all(|name| name == "logs"), "{left:?}");
}

#[test]
fn models_encoders_and_indexes_of_the_user_are_listed_with_what_suits_what() {
    let machine = Machine::new();
    machine.index();
    machine.encoder();
    machine.ok(&["index", "embed", "mine", "--encoder", "tiny"]);
    let (code, words, report) = machine.doctor();
    assert_eq!(code, 0, "{words}");
    assert_eq!(
        finding(&report, "encoder", "tiny")["facts"]["family"],
        "clip"
    );
    let index = finding(&report, "index", "mine");
    assert_eq!(index["facts"]["sealed"], true);
    assert_eq!(
        index["facts"]["vectors"][0]["suit"][0],
        "encoder descriptor"
    );
    assert_eq!(index["facts"]["vectors"][2]["suit"][0], "encoder tiny");
    has(&words, "mine: 1 example");
    // Without its bundle the index still answers, by its other vectors.
    machine.ok(&["model", "remove", "tiny"]);
    let (code, words, report) = machine.doctor();
    assert_eq!(code, 0, "{words}");
    let index = finding(&report, "index", "mine");
    assert_eq!(index["state"], "note");
    has(
        index["message"].as_str().unwrap_or(""),
        "is not installed: tiny",
    );
    has(
        index["hint"].as_str().unwrap_or(""),
        "rounds index embed mine",
    );
}

#[test]
fn what_is_damaged_fails_and_says_what_to_do() {
    let machine = Machine::new();
    machine.index();
    machine.encoder();
    let cut = |path: PathBuf| {
        let bytes = std::fs::read(&path).expect("a file");
        std::fs::write(&path, &bytes[..bytes.len() / 2]).expect("written");
    };
    cut(machine.path("data/indexes/mine/examples.sqlite3"));
    cut(machine.path("data/models/tiny/tokenizer.json"));
    std::fs::create_dir_all(machine.path("data/models/empty\u{1b}[2J")).expect("a folder");
    let (code, words, report) = machine.doctor();
    assert_eq!(code, 3, "{words}");
    has(&words, "3 checks failed");
    assert!(!words.contains('\u{1b}'), "{words:?}");
    for (part, name) in [
        ("index", "mine"),
        ("encoder", "tiny"),
        ("model", "empty\u{fffd}"),
    ] {
        let found = finding(&report, part, name);
        assert_eq!(found["state"], "fails", "{found}");
        assert!(found["hint"].is_string(), "{found}");
    }
}

#[test]
fn faults_of_the_settings_have_their_lines() {
    let machine = Machine::new();
    machine.settings("[answers]\nshots = \"many\"\nstrtegy = \"image\"\n");
    let (code, words, report) = machine.doctor();
    assert_eq!(code, 3, "{words}");
    has(&words, "config.toml:2: ");
    has(&words, "config.toml:3: there is no setting `strtegy`");
    has(&words, "hint: did you mean `strategy`?");
    let faults = &finding(&report, "settings", "config.toml")["facts"]["faults"];
    assert_eq!(faults.as_array().map(Vec::len), Some(2));
}

#[test]
fn settings_that_do_not_go_together_fail() {
    let machine = Machine::new();
    machine.index();
    machine.encoder();
    machine.settings("[answers]\nindex = \"mine\"\nencoder = \"tiny\"\n");
    let (code, words, report) = machine.doctor();
    assert_eq!(code, 3, "{words}");
    let answers = finding(&report, "answers", "");
    has(
        answers["message"].as_str().unwrap_or(""),
        "model and index do not match",
    );
    has(answers["hint"].as_str().unwrap_or(""), "model shipped");
    machine.ok(&["index", "embed", "mine", "--encoder", "tiny"]);
    let (code, words, _) = machine.doctor();
    assert_eq!(code, 0, "{words}");
    machine.settings("[answers]\nencoder = \"nowhere\"\n");
    let (code, words, _) = machine.doctor();
    assert_eq!(code, 3, "{words}");
    has(&words, "no model named nowhere");
}

#[test]
fn a_data_folder_that_cannot_be_written_fails() {
    let machine = Machine::new();
    std::fs::write(machine.path("file"), "no folder").expect("written");
    let output = machine
        .command(&["doctor"])
        .env("ROUNDS_HOME", machine.path("file"))
        .output()
        .expect("rounds");
    assert_eq!(code(&output), 3, "{output:?}");
    has(&text(&output), "ROUNDS_HOME");
}

#[test]
fn the_hub_is_named_and_whether_it_is_asked() {
    let machine = Machine::new();
    let output = machine
        .command(&["doctor", "--json"])
        .env("HF_HUB_OFFLINE", "1")
        .output()
        .expect("rounds");
    let report = json(&output);
    let hub = finding(&report, "hub", "cache");
    assert_eq!(hub["facts"]["offline"], true);
    has(hub["says"].as_str().unwrap_or(""), "offline");
    let device = machine.command(&["doctor", "--device", "warp"]).output();
    assert_eq!(code(&device.expect("rounds")), 2);
}

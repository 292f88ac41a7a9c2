//! Kept sessions outside the chat, and the settings: the program as a researcher or a script uses it.

use serde_json::Value;
use std::io::Write;
use std::process::{Command, Output, Stdio};

const CASE: &str = "assets/cases/chest-nodule.png";

struct House {
    folder: tempfile::TempDir,
}

impl House {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        Self { folder }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rounds"));
        command
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .env("ROUNDS_HOME", self.folder.path())
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.fed(arguments, "")
    }

    fn fed(&self, arguments: &[&str], input: &str) -> Output {
        let mut child = self.command(arguments).spawn().expect("rounds");
        let mut stdin = child.stdin.take().expect("a pipe");
        stdin.write_all(input.as_bytes()).expect("written");
        drop(stdin);
        child.wait_with_output().expect("its output")
    }

    /// A session of two turns about a sample case.
    fn with_session() -> Self {
        let house = Self::new();
        let input = format!("/attach {CASE}\nIs there a nodule?\nWhat does this image show?\n");
        let output = house.fed(&["chat", "--plain"], &input);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        house
    }

    fn config(&self, text: &str) {
        std::fs::create_dir_all(self.path("config")).expect("a folder");
        std::fs::write(self.path("config/config.toml"), text).expect("written");
    }
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("UTF-8")
}

fn ok(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    out(output)
}

fn objects(text: &str) -> Vec<Value> {
    let lines = text.lines().map(serde_json::from_str);
    lines.collect::<Result<_, _>>().expect("JSON Lines")
}

#[test]
fn sessions_are_listed_found_named_written_and_deleted() {
    let house = House::with_session();
    let listed = objects(&ok(&house.run(&["session", "list", "--json"])));
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0]["turns"], 2);
    assert!(listed[0]["intended_use"].is_string());
    let found = objects(&ok(&house.run(&["session", "search", "nodule", "--json"])));
    assert!(found.iter().any(|hit| hit["turn"] == 1), "{found:?}");
    ok(&house.run(&["session", "rename", "1", "The nodule"]));
    let markdown = ok(&house.run(&["session", "show", "The nodule"]));
    assert!(markdown.starts_with("# The nodule\n"), "{markdown}");
    let page = house.path("page.html");
    let page = page.to_str().expect("UTF-8");
    ok(&house.run(&["session", "export", "1", "--out", page]));
    let again = house.run(&["session", "export", "1", "--out", page]);
    assert_ne!(
        again.status.code(),
        Some(0),
        "never over a file that exists"
    );
    let html = std::fs::read_to_string(page).expect("the page");
    assert!(html.contains("data:image/") && html.contains("not for diagnosis"));
    let whole: Value = serde_json::from_str(&ok(
        &house.run(&["session", "export", "1", "--format", "json"])
    ))
    .expect("JSON");
    assert_eq!(whole["turns"].as_array().map(Vec::len), Some(2));
    let refused = house.run(&["session", "delete", "1"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(err(&refused).contains("--yes"));
    let gone = ok(&house.run(&["session", "delete", "1", "--yes"]));
    assert!(gone.starts_with("deleted 1 session with "), "{gone}");
    assert_eq!(ok(&house.run(&["session", "list"])), "");
    assert_eq!(house.run(&["session", "show", "1"]).status.code(), Some(2));
}

#[test]
fn purging_spares_what_was_used_since() {
    let house = House::with_session();
    let spared = ok(&house.run(&["session", "purge", "--older-than", "1", "--yes"]));
    assert!(spared.starts_with("deleted 0 sessions"), "{spared}");
    std::thread::sleep(std::time::Duration::from_millis(5));
    let gone = ok(&house.run(&["session", "purge", "--older-than", "0", "--yes"]));
    assert!(gone.starts_with("deleted 1 session "), "{gone}");
}

#[test]
fn a_replayed_session_gives_the_same_answers() {
    let house = House::with_session();
    let text = ok(&house.run(&["replay", "1"]));
    assert_eq!(text.matches("  same answer  ").count(), 2, "{text}");
    let turns = objects(&ok(&house.run(&["replay", "1#2", "--json"])));
    assert_eq!(turns.len(), 1);
    assert_eq!(turns[0]["same"], true);
    assert_eq!(turns[0]["changed_ingredients"], serde_json::json!([]));
    assert_eq!(house.run(&["replay", "1#9"]).status.code(), Some(2));
}

#[test]
fn a_replay_names_what_changed() {
    let house = House::with_session();
    let other = house.path("other");
    let other = other.to_str().expect("UTF-8");
    ok(&house.run(&["index", "create", other]));
    ok(&house.run(&[
        "index",
        "add",
        other,
        "-i",
        "assets/cases/brain-mass.png",
        "--question",
        "Is there a nodule?",
        "--answer",
        "no",
    ]));
    let output = house.run(&["replay", "1#1", "--index", other, "--json"]);
    let turns = objects(&out(&output));
    let changed: Vec<&str> = turns[0]["changed_ingredients"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|change| change["name"].as_str())
        .collect();
    assert!(changed.contains(&"index (hash)"), "{changed:?}");
    assert!(changed.contains(&"shots"), "{changed:?}");
    assert_eq!(turns[0]["same"], false);
    let expected = i32::from(turns[0]["answer_changed"] == true);
    assert_eq!(output.status.code(), Some(expected));
}

#[test]
fn settings_come_from_the_file_then_the_environment_then_the_flag() {
    let house = House::new();
    ok(&house.run(&["config", "init"]));
    let twice = house.run(&["config", "init"]);
    assert_eq!(
        twice.status.code(),
        Some(2),
        "never over a file that exists"
    );
    ok(&house.run(&["config", "check"]));
    house.config("[answers]\nshots = 1\n");
    let shots = |variable: Option<&str>, flag: &[&str]| {
        let mut arguments = vec!["ask", "--json", "-i", CASE, "Is there a nodule?"];
        arguments.extend(flag);
        let mut command = house.command(&arguments);
        if let Some(value) = variable {
            command.env("ROUNDS_SHOTS", value);
        }
        let output = command.output().expect("rounds");
        let answer: Value = serde_json::from_str(&ok(&output)).expect("JSON");
        answer["shots"].as_array().expect("shots").len()
    };
    assert_eq!(shots(None, &[]), 1);
    assert_eq!(shots(Some("2"), &[]), 2);
    assert_eq!(shots(Some("2"), &["--shots", "3"]), 3);
}

#[test]
fn a_wrong_settings_file_is_named_with_its_line_and_stops_nothing_else() {
    let house = House::new();
    house.config("[answers]\nshots = 1\nstrategy = \"magic\"\n");
    let output = house.run(&["ask", "Is there a nodule?"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(err(&output).contains("config.toml:3: "), "{output:?}");
    let checked = house.run(&["config", "check"]);
    assert_eq!(checked.status.code(), Some(2));
    assert!(out(&checked).contains("possible values"), "{checked:?}");
    ok(&house.run(&["session", "list"]));
}

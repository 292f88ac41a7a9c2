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

    /// An index of its own with one example; its path.
    fn index(&self, name: &str, picture: &str, patient: &str) -> String {
        let path = self.path(name).to_str().expect("UTF-8").to_string();
        ok(&self.run(&["index", "create", &path]));
        let picture = format!("assets/cases/{picture}.png");
        ok(&self.run(&[
            "index",
            "add",
            &path,
            "-i",
            &picture,
            "--question",
            "Is there a nodule?",
            "--answer",
            "no",
            "--patient",
            patient,
        ]));
        path
    }

    /// The file with the sessions is no database any more.
    fn damage_the_store(&self) {
        let named = |folder: &std::path::Path| {
            let found = std::fs::read_dir(folder).into_iter().flatten().flatten();
            found.map(|entry| entry.path()).collect::<Vec<_>>()
        };
        let all = named(self.folder.path());
        let store = all
            .iter()
            .flat_map(|path| named(path))
            .chain(all.clone())
            .find(|path| path.ends_with("sessions.sqlite3"))
            .expect("a store");
        // What a write-ahead log still holds would mend the damage.
        for beside in ["sessions.sqlite3-wal", "sessions.sqlite3-shm"] {
            let _ = std::fs::remove_file(store.with_file_name(beside));
        }
        std::fs::write(store, "no database ".repeat(1000)).expect("written");
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
fn a_replay_searches_as_the_session_did() {
    let house = House::new();
    let input = format!("/attach {CASE}\nIs there a nodule?\n");
    ok(&house.fed(&["chat", "--plain", "--search", "hnsw"], &input));
    let used = |arguments: &[&str]| {
        let turns = objects(&ok(&house.run(arguments)));
        turns[0]["changed_ingredients"].to_string()
    };
    assert_eq!(used(&["replay", "1", "--json"]), "[]");
    // So few rows are scanned, whatever was asked for; it is the search that answered that counts.
    assert_eq!(used(&["replay", "1", "--json", "--search", "exact"]), "[]");
}

#[test]
fn a_replay_compares_by_the_encoder_of_the_session_and_opens_what_each_turn_had() {
    let house = House::new();
    let golden = "tests/golden/encoders/clip/hf";
    let import = |name: &str, more: &[&str]| {
        let family = ["model", "import", "--family", "encoder", "--licence", "CC0"];
        let files = ["--checkpoint", golden, "--out", name];
        ok(&house.run(&[&family[..], &files, more].concat()));
    };
    import("tiny", &[]);
    import("rounded", &["--dtype", "bf16"]);
    let index = house.index("mine", "brain-mass", "");
    for encoder in ["tiny", "rounded"] {
        ok(&house.run(&["index", "embed", &index, "--encoder", encoder]));
    }
    let chat = ["chat", "--plain", "--index", &index, "--encoder", "tiny"];
    let input = format!("/attach {CASE}\nIs there a nodule?\n");
    ok(&house.fed(&chat, &input));
    let text = ok(&house.run(&["replay", "1"]));
    assert_eq!(text.matches("  same answer  ").count(), 1, "{text}");
    assert!(!text.contains("changed:"), "{text}");
    let text = out(&house.run(&["replay", "1", "--encoder", "rounded"]));
    assert!(text.contains("changed: encoder (hash): "), "{text}");
    assert!(
        text.contains("changed: encoder name: tiny -> rounded"),
        "{text}"
    );
    ok(&house.run(&["model", "remove", "tiny"]));
    let gone = house.run(&["replay", "1"]);
    assert_eq!(gone.status.code(), Some(2));
    assert!(
        err(&gone).contains("the session's encoder is not here: tiny"),
        "{gone:?}"
    );
    assert!(err(&gone).contains("--encoder"), "{gone:?}");
}

#[test]
fn each_turn_is_replayed_with_the_index_that_it_had() {
    let house = House::new();
    let other = house.index("other", "brain-mass", "");
    let input = format!(
        "/attach {CASE}\nIs there a nodule?\n/index {other}\nIs there a nodule?\n/index\nIs there a nodule?\n"
    );
    ok(&house.fed(&["chat", "--plain"], &input));
    let text = ok(&house.run(&["replay", "1"]));
    assert_eq!(text.matches("  same answer  ").count(), 3, "{text}");
}

#[test]
fn a_session_of_an_older_version_opens_and_is_replayed() {
    let house = House::with_session();
    let store = house.path("data/sessions.sqlite3");
    let database = rusqlite::Connection::open(&store).expect("a store");
    let changed = database
        .execute(
            "update turns set record = json_remove(record, '$.sources')",
            [],
        )
        .expect("written");
    assert_eq!(changed, 2);
    drop(database);
    let text = ok(&house.run(&["replay", "1"]));
    assert_eq!(text.matches("  same answer  ").count(), 2, "{text}");
}

#[test]
fn a_replay_that_fails_says_why_and_is_exit_code_3() {
    let house = House::new();
    let first = house.index("first", "brain-mass", "");
    let second = house.index("second", "fundus-bleed", "");
    let input =
        format!("/index {first}\n/attach {CASE}\nIs there a nodule?\n/pin 1\nIs there a mass?\n");
    ok(&house.fed(&["chat", "--plain"], &input));
    let output = house.run(&["replay", "1#2", "--index", &second]);
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    let text = out(&output);
    assert!(text.contains("#2  NO ANSWER  Is there a mass?\n"), "{text}");
    let why = text.split_once("it failed now: ").expect("why").1;
    assert!(why.trim().len() > 5, "{text}");
    assert!(!text.contains("ANOTHER ANSWER"), "{text}");
    let output = house.run(&["replay", "1#2", "--index", &second, "--json"]);
    assert_eq!(output.status.code(), Some(3));
    let turns = objects(&out(&output));
    assert!(turns[0]["after"]["message"].is_string(), "{turns:?}");
}

#[test]
fn the_chat_and_a_replay_say_that_a_damaged_store_was_moved() {
    let house = House::with_session();
    let note = "note: the sessions could not be read";
    for arguments in [&["chat", "--plain"][..], &["replay", "1"]] {
        house.damage_the_store();
        let output = house.run(arguments);
        assert!(err(&output).contains(note), "{output:?}");
        let output = house.run(arguments);
        assert!(!err(&output).contains(note), "once: {output:?}");
    }
}

#[test]
fn a_shot_of_an_index_that_was_opened_in_the_chat_is_kept_with_its_picture() {
    let house = House::new();
    let other = house.index("other", "brain-mass", "");
    let input = format!("/index {other}\n/attach {CASE}\nIs there a nodule?\n");
    let text = ok(&house.fed(&["chat", "--plain"], &input));
    assert!(text.contains("1 of 4 shots"), "{text}");
    let page = ok(&house.run(&["session", "export", "1", "--format", "html"]));
    assert_eq!(
        page.matches("data:image/").count(),
        2,
        "the query and its shot"
    );
}

#[test]
fn in_the_chat_no_example_of_the_same_patient_is_a_shot() {
    let house = House::new();
    let other = house.index("other", "brain-mass", "secret-7");
    let input = "Is there a nodule?\n/patient secret-7\nIs there a nodule?\n";
    let arguments = ["chat", "--plain", "--index", &other, "-i", CASE];
    let text = ok(&house.fed(&arguments, input));
    let (before, after) = text.split_once("patient secret-7: ").expect("a patient");
    assert!(before.contains("1 of 4 shots"), "{text}");
    assert!(after.contains("0 of 4 shots"), "{text}");
    let flagged = [&arguments[..], &["--patient", "secret-7"]].concat();
    let text = ok(&house.fed(&flagged, "Is there a nodule?\n/status\n"));
    assert!(text.contains("0 of 4 shots"), "{text}");
    assert!(text.contains("patient: secret-7\n"), "{text}");
    // Kept with the turn, so that the replay leaves out the same; never exported.
    let text = ok(&house.run(&["replay", "1", "--index", &other]));
    assert_eq!(text.matches("  same answer  ").count(), 2, "{text}");
    for format in ["markdown", "html", "json"] {
        let page = ok(&house.run(&["session", "export", "1", "--format", format]));
        assert!(!page.contains("secret-7"), "{page}");
    }
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

#[test]
fn options_without_a_command_are_those_of_the_chat() {
    let house = House::new();
    let text = ok(&house.fed(&["--plain", "-i", CASE], "/status\n"));
    assert!(text.contains("attached: chest-nodule.png"), "{text}");
    let unknown = house.run(&["--no-such-option"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(
        err(&unknown).contains("unexpected argument '--no-such-option'"),
        "{unknown:?}"
    );
}

#[test]
fn what_is_no_model_is_named_with_what_to_do() {
    let house = House::new();
    let missing = house.run(&["ask", "--model", "nowhere", "q"]);
    assert_eq!(missing.status.code(), Some(2));
    assert!(
        err(&missing).contains("there is no model nowhere"),
        "{missing:?}"
    );
    assert!(err(&missing).contains("rounds model list"), "{missing:?}");
}

#[test]
fn a_chat_does_not_begin_with_a_session_that_is_not_there() {
    let house = House::with_session();
    let output = house.fed(&["chat", "--plain", "--session", "9"], "q\n");
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(err(&output).contains("error: no session"), "{output:?}");
    assert_eq!(out(&output), "");
    ok(&house.fed(&["chat", "--plain", "--session", "1"], "/status\n"));
}

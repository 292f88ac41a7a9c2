//! Kept sessions outside the chat, and the settings: the program as a researcher or a script uses it.

use serde_json::Value;

use crate::common::{CASE, Home, ended, json_lines as objects, ok};

impl Home {
    /// A session of two turns about a sample case.
    fn with_session() -> Self {
        let home = Self::new();
        let input = format!("/attach {CASE}\nIs there a nodule?\nWhat does this image show?\n");
        let output = home.feed(&["chat", "--plain"], &input);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        home
    }

    /// An index of its own with one example; its path.
    fn index(&self, name: &str, image: &str, patient: &str) -> String {
        let path = self.path(name).to_str().expect("UTF-8").to_string();
        ok(&self.run(&["index", "create", &path]));
        let image = format!("tests/fixtures/cases/{image}.png");
        ok(&self.run(&[
            "index",
            "add",
            &path,
            "-i",
            &image,
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
}

fn out(output: &std::process::Output) -> String {
    ended(output).1
}

fn err(output: &std::process::Output) -> String {
    ended(output).2
}

#[test]
fn sessions_are_listed_found_named_written_and_deleted() {
    let home = Home::with_session();
    let listed = objects(&ok(&home.run(&["session", "list", "--json"])));
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0]["turns"], 2);
    assert!(listed[0]["intended_use"].is_string());
    let found = objects(&ok(&home.run(&["session", "search", "nodule", "--json"])));
    assert!(found.iter().any(|hit| hit["turn"] == 1), "{found:?}");
    ok(&home.run(&["session", "rename", "1", "The nodule"]));
    let markdown = ok(&home.run(&["session", "show", "The nodule"]));
    assert!(markdown.starts_with("# The nodule\n"), "{markdown}");
    let page = home.path("page.html");
    let page = page.to_str().expect("UTF-8");
    ok(&home.run(&["session", "export", "1", "--out", page]));
    let again = home.run(&["session", "export", "1", "--out", page]);
    assert_ne!(
        again.status.code(),
        Some(0),
        "never over a file that exists"
    );
    let html = std::fs::read_to_string(page).expect("the page");
    assert!(html.contains("data:image/") && html.contains("not for diagnosis"));
    let whole: Value = serde_json::from_str(&ok(
        &home.run(&["session", "export", "1", "--format", "json"])
    ))
    .expect("JSON");
    assert_eq!(whole["turns"].as_array().map(Vec::len), Some(2));
    let refused = home.run(&["session", "delete", "1"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(err(&refused).contains("--yes"));
    let gone = ok(&home.run(&["session", "delete", "1", "--yes"]));
    assert!(gone.starts_with("deleted 1 session with "), "{gone}");
    assert_eq!(ok(&home.run(&["session", "list"])), "");
    assert_eq!(home.run(&["session", "show", "1"]).status.code(), Some(2));
}

#[test]
fn purging_spares_what_was_used_since() {
    let home = Home::with_session();
    let spared = ok(&home.run(&["session", "purge", "--older-than", "1", "--yes"]));
    assert!(spared.starts_with("deleted 0 sessions"), "{spared}");
    std::thread::sleep(std::time::Duration::from_millis(5));
    let gone = ok(&home.run(&["session", "purge", "--older-than", "0", "--yes"]));
    assert!(gone.starts_with("deleted 1 session "), "{gone}");
}

#[test]
fn a_replayed_session_gives_the_same_answers() {
    let home = Home::with_session();
    let text = ok(&home.run(&["replay", "1"]));
    assert_eq!(text.matches("  same answer  ").count(), 2, "{text}");
    let turns = objects(&ok(&home.run(&["replay", "1#2", "--json"])));
    assert_eq!(turns.len(), 1);
    assert_eq!(turns[0]["same"], true);
    assert_eq!(turns[0]["changed_ingredients"], serde_json::json!([]));
    assert_eq!(home.run(&["replay", "1#9"]).status.code(), Some(2));
}

#[test]
fn a_replay_names_what_changed() {
    let home = Home::with_session();
    let other = home.path("other");
    let other = other.to_str().expect("UTF-8");
    ok(&home.run(&["index", "create", other]));
    ok(&home.run(&[
        "index",
        "add",
        other,
        "-i",
        "tests/fixtures/cases/brain-mass.png",
        "--question",
        "Is there a nodule?",
        "--answer",
        "no",
    ]));
    let output = home.run(&["replay", "1#1", "--index", other, "--json"]);
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
    let home = Home::new();
    let input = format!("/attach {CASE}\nIs there a nodule?\n");
    ok(&home.feed(&["chat", "--plain", "--search", "hnsw"], &input));
    let used = |arguments: &[&str]| {
        let turns = objects(&ok(&home.run(arguments)));
        turns[0]["changed_ingredients"].to_string()
    };
    assert_eq!(used(&["replay", "1", "--json"]), "[]");
    // So few rows are scanned, whatever was asked for; it is the search that answered that counts.
    assert_eq!(used(&["replay", "1", "--json", "--search", "exact"]), "[]");
}

#[test]
fn a_replay_compares_by_the_encoder_of_the_session_and_opens_what_each_turn_had() {
    let home = Home::new();
    let golden = "tests/golden/encoders/clip/hf";
    let import = |name: &str, more: &[&str]| {
        let family = ["model", "import", "--family", "encoder", "--licence", "CC0"];
        let files = ["--checkpoint", golden, "--out", name];
        ok(&home.run(&[&family[..], &files, more].concat()));
    };
    import("tiny", &[]);
    import("rounded", &["--dtype", "bf16"]);
    let index = home.index("mine", "brain-mass", "");
    for encoder in ["tiny", "rounded"] {
        ok(&home.run(&["index", "embed", &index, "--encoder", encoder]));
    }
    let chat = ["chat", "--plain", "--index", &index, "--encoder", "tiny"];
    let input = format!("/attach {CASE}\nIs there a nodule?\n");
    ok(&home.feed(&chat, &input));
    let text = ok(&home.run(&["replay", "1"]));
    assert_eq!(text.matches("  same answer  ").count(), 1, "{text}");
    assert!(!text.contains("changed:"), "{text}");
    let text = out(&home.run(&["replay", "1", "--encoder", "rounded"]));
    assert!(text.contains("changed: encoder (hash): "), "{text}");
    assert!(
        text.contains("changed: encoder name: tiny -> rounded"),
        "{text}"
    );
    ok(&home.run(&["model", "remove", "tiny"]));
    let gone = home.run(&["replay", "1"]);
    assert_eq!(gone.status.code(), Some(2));
    assert!(
        err(&gone).contains("the session's encoder is missing: tiny"),
        "{gone:?}"
    );
    assert!(err(&gone).contains("--encoder"), "{gone:?}");
}

#[test]
fn each_turn_is_replayed_with_the_index_that_it_had() {
    let home = Home::new();
    let other = home.index("other", "brain-mass", "");
    let input = format!(
        "/attach {CASE}\nIs there a nodule?\n/index {other}\nIs there a nodule?\n/index shipped\nIs there a nodule?\n"
    );
    ok(&home.feed(&["chat", "--plain"], &input));
    let text = ok(&home.run(&["replay", "1"]));
    assert_eq!(text.matches("  same answer  ").count(), 3, "{text}");
}

#[test]
fn a_session_of_an_older_version_opens_and_is_replayed() {
    let home = Home::with_session();
    let store = home.path("data/sessions.sqlite3");
    let database = rusqlite::Connection::open(&store).expect("a store");
    let changed = database
        .execute(
            "update turns set record = json_remove(record, '$.sources')",
            [],
        )
        .expect("written");
    assert_eq!(changed, 2);
    drop(database);
    let text = ok(&home.run(&["replay", "1"]));
    assert_eq!(text.matches("  same answer  ").count(), 2, "{text}");
}

#[test]
fn a_replay_that_fails_says_why_and_is_exit_code_3() {
    let home = Home::new();
    let first = home.index("first", "brain-mass", "");
    let second = home.index("second", "fundus-bleed", "");
    let input =
        format!("/index {first}\n/attach {CASE}\nIs there a nodule?\n/pin 1\nIs there a mass?\n");
    ok(&home.feed(&["chat", "--plain"], &input));
    let output = home.run(&["replay", "1#2", "--index", &second]);
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    let text = out(&output);
    assert!(text.contains("#2  NO ANSWER  Is there a mass?\n"), "{text}");
    let why = text.split_once("failed this time: ").expect("why").1;
    assert!(why.trim().len() > 5, "{text}");
    assert!(!text.contains("DIFFERENT ANSWER"), "{text}");
    let output = home.run(&["replay", "1#2", "--index", &second, "--json"]);
    assert_eq!(output.status.code(), Some(3));
    let turns = objects(&out(&output));
    assert!(turns[0]["after"]["message"].is_string(), "{turns:?}");
}

#[test]
fn the_chat_and_a_replay_say_that_a_damaged_store_was_moved() {
    let home = Home::with_session();
    let note = "note: the saved sessions are damaged";
    for arguments in [&["chat", "--plain"][..], &["replay", "1"]] {
        home.damage_the_store();
        let output = home.run(arguments);
        assert!(err(&output).contains(note), "{output:?}");
        let output = home.run(arguments);
        assert!(!err(&output).contains(note), "once: {output:?}");
    }
}

#[test]
fn a_shot_of_an_index_that_was_opened_in_the_chat_is_kept_with_its_image() {
    let home = Home::new();
    let other = home.index("other", "brain-mass", "");
    let input = format!("/index {other}\n/attach {CASE}\nIs there a nodule?\n");
    let text = ok(&home.feed(&["chat", "--plain"], &input));
    assert!(text.contains("1 of 4 shots"), "{text}");
    let page = ok(&home.run(&["session", "export", "1", "--format", "html"]));
    assert_eq!(
        page.matches("data:image/").count(),
        2,
        "the query and its shot"
    );
}

#[test]
fn in_the_chat_no_example_of_the_same_patient_is_a_shot() {
    let home = Home::new();
    let other = home.index("other", "brain-mass", "secret-7");
    let input = "Is there a nodule?\n/patient secret-7\nIs there a nodule?\n";
    let arguments = ["chat", "--plain", "--index", &other, "-i", CASE];
    let text = ok(&home.feed(&arguments, input));
    let (before, after) = text.split_once("patient secret-7: ").expect("a patient");
    assert!(before.contains("1 of 4 shots"), "{text}");
    assert!(after.contains("\nno shots were found\n"), "{text}");
    let flagged = [&arguments[..], &["--patient", "secret-7"]].concat();
    let text = ok(&home.feed(&flagged, "Is there a nodule?\n/status\n"));
    assert!(text.contains("\nno shots were found\n"), "{text}");
    assert!(text.contains("patient: secret-7\n"), "{text}");
    // Kept with the turn, so that the replay leaves out the same; never exported.
    let text = ok(&home.run(&["replay", "1", "--index", &other]));
    assert_eq!(text.matches("  same answer  ").count(), 2, "{text}");
    for format in ["markdown", "html", "json"] {
        let page = ok(&home.run(&["session", "export", "1", "--format", format]));
        assert!(!page.contains("secret-7"), "{page}");
    }
}

#[test]
fn settings_come_from_the_file_then_the_environment_then_the_flag() {
    let home = Home::new();
    ok(&home.run(&["config", "init"]));
    let twice = home.run(&["config", "init"]);
    assert_eq!(
        twice.status.code(),
        Some(2),
        "never over a file that exists"
    );
    ok(&home.run(&["config", "check"]));
    home.settings("[answers]\nshots = 1\n");
    let shots = |variable: Option<&str>, flag: &[&str]| {
        let mut arguments = vec!["ask", "--json", "-i", CASE, "Is there a nodule?"];
        arguments.extend(flag);
        let mut command = home.command(&arguments);
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
    let home = Home::new();
    home.settings("[answers]\nshots = 1\nstrategy = \"magic\"\n");
    let output = home.run(&["ask", "Is there a nodule?"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(err(&output).contains("config.toml:3: "), "{output:?}");
    let checked = home.run(&["config", "check"]);
    assert_eq!(checked.status.code(), Some(2));
    assert!(out(&checked).contains("possible values"), "{checked:?}");
    ok(&home.run(&["session", "list"]));
}

#[test]
fn options_without_a_command_are_those_of_the_chat() {
    let home = Home::new();
    let text = ok(&home.feed(&["--plain", "-i", CASE], "/status\n"));
    assert!(text.contains("attached: chest-nodule.png"), "{text}");
    let unknown = home.run(&["--no-such-option"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(
        err(&unknown).contains("unexpected argument '--no-such-option'"),
        "{unknown:?}"
    );
}

#[test]
fn what_is_no_model_is_named_with_what_to_do() {
    let home = Home::new();
    let missing = home.run(&["ask", "--model", "nowhere", "q"]);
    assert_eq!(missing.status.code(), Some(2));
    assert!(
        err(&missing).contains("no model named nowhere"),
        "{missing:?}"
    );
    assert!(err(&missing).contains("rounds model list"), "{missing:?}");
}

#[test]
fn a_chat_does_not_begin_with_a_session_that_is_not_there() {
    let home = Home::with_session();
    let output = home.feed(&["chat", "--plain", "--session", "9"], "q\n");
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(
        err(&output).contains("error: no such session: 9"),
        "{output:?}"
    );
    assert_eq!(out(&output), "");
    ok(&home.feed(&["chat", "--plain", "--session", "1"], "/status\n"));
}

/// The exports of a chat as JSON, HTML and Markdown.
fn exports(home: &Home, arguments: &[&str]) -> [String; 3] {
    let paths = ["a.json", "a.html", "a.md"].map(|name| home.path(name));
    let mut input = format!("/attach {CASE}\nIs there a nodule?\n");
    for path in &paths {
        input.push_str(&format!("/export {}\n", path.display()));
    }
    ok(&home.feed(&[&["chat", "--plain"], arguments].concat(), &input));
    paths.map(|path| std::fs::read_to_string(path).expect("the export"))
}

#[test]
fn a_chat_that_saves_nothing_writes_the_same_exports_and_leaves_nothing_else() {
    let (saving, silent) = (Home::new(), Home::new());
    let saved = exports(&saving, &[]);
    let [json, html, markdown] = exports(&silent, &["--no-log"]);
    // Ids, moments and durations differ in every session.
    let comparable = |text: &str| {
        let mut value: Value = serde_json::from_str(text).expect("JSON");
        for name in ["id", "created", "used"] {
            value["session"][name] = Value::Null;
        }
        for name in ["asked", "ended"] {
            value["turns"][0][name] = Value::Null;
        }
        value["turns"][0]["answer"]["timings"] = Value::Null;
        value
    };
    assert_eq!(comparable(&json), comparable(&saved[0]));
    let images = |page: &str| page.matches("data:image/").count();
    assert_eq!(images(&html), images(&saved[1]));
    assert_eq!(images(&html), 5, "the query and its four shots");
    assert_eq!(markdown.lines().count(), saved[2].lines().count());
    let left: Vec<_> = std::fs::read_dir(silent.path("data"))
        .map(|entries| entries.flatten().map(|entry| entry.file_name()).collect())
        .unwrap_or_default();
    assert_eq!(left, [""; 0], "nothing is kept");
    let both = silent.feed(&["chat", "--plain", "--no-log", "--session", "1"], "");
    assert_eq!(both.status.code(), Some(2));
    assert!(err(&both).contains("leave out --no-log"), "{both:?}");
}

#[test]
fn a_reopened_session_shows_its_prompt_and_its_token_counts() {
    let home = Home::new();
    let input = format!("/attach {CASE}\nIs there a nodule?\n");
    let prompt_of = |arguments: &[&str], input: &str| {
        let text = ok(&home.feed(arguments, input));
        let from = text.find("<image>").expect("a prompt");
        text[from..].to_string()
    };
    let shown = "/prompt\n/status\n";
    let before = prompt_of(&["chat", "--plain"], &format!("{input}{shown}"));
    let after = prompt_of(&["chat", "--plain", "--session", "1"], shown);
    let (prompt, status) = after.split_once("context: ").expect("a status");
    assert!(before.starts_with(prompt), "{before}\n---\n{after}");
    let used: String = status.chars().take_while(char::is_ascii_digit).collect();
    assert!(used.parse::<u32>().is_ok_and(|used| used > 0), "{status}");
}

#[test]
fn a_search_finds_what_was_said_and_shown_but_not_the_text_of_shots() {
    let home = Home::new();
    let other = home.path("zebras");
    let other = other.to_str().expect("UTF-8");
    ok(&home.run(&["index", "create", other]));
    let image = ["-i", "tests/fixtures/cases/brain-mass.png"];
    let words = ["--question", "Is there a zebra?", "--answer", "no"];
    ok(&home.run(&[&["index", "add", other], &image[..], &words[..]].concat()));
    let input = format!("/index {other}\n/attach {CASE}\nIs there a nodule?\n");
    let text = ok(&home.feed(&["chat", "--plain"], &input));
    assert!(text.contains("zebra"), "it was a shot: {text}");

    let nothing = home.run(&["session", "search", "zebra"]);
    assert_eq!((nothing.status.code(), out(&nothing)), (Some(0), "".into()));
    let said = err(&nothing);
    assert!(said.contains("no session contains all of: zebra"), "{said}");
    let empty = home.run(&["session", "search", "?!"]);
    assert_eq!((empty.status.code(), out(&empty)), (Some(2), "".into()));
    assert!(err(&empty).contains("nothing to search for"), "{empty:?}");

    let found = ok(&home.run(&["session", "search", "nodule"]));
    assert!(found.contains("#1"), "{found}");
    assert!(
        found.contains("  question: Is there a nodule?\n"),
        "{found}"
    );
    let hits = objects(&ok(&home.run(&["session", "search", "nodule", "--json"])));
    let parts: Vec<&str> = hits.iter().filter_map(|hit| hit["part"].as_str()).collect();
    assert_eq!(parts, ["title", "question"]);
}

#[test]
fn a_list_of_sessions_names_image_and_last_answer_and_the_local_time() {
    let home = Home::new();
    let none = home.run(&["session", "list"]);
    assert_eq!((none.status.code(), out(&none)), (Some(0), "".into()));
    assert!(err(&none).contains("no saved sessions"), "{none:?}");
    let home = Home::with_session();
    let listed = ok(&home.run(&["session", "list"]));
    assert!(listed.contains("  Is there a nodule?  (chest-nodule.png: "));
    let mut command = home.command(&["session", "list"]);
    let east = command.env("TZ", "Asia/Tokyo").output().expect("rounds");
    let mut command = home.command(&["session", "list"]);
    let west = command.env("TZ", "America/Lima").output().expect("rounds");
    assert!(out(&east).contains("day "), "today or yesterday: {east:?}");
    assert_ne!(out(&east), out(&west), "fourteen hours apart");
    let summary = objects(&ok(&home.run(&["session", "list", "--json"])));
    assert_eq!(summary[0]["image"], "chest-nodule.png");
    assert!(summary[0]["last_answer"].is_string());
}

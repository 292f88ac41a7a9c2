//! `rounds eval`: plans that can be repeated, stopped and compared.

use serde_json::Value;
use std::path::Path;
use std::time::Duration;

use crate::common::{ended, feed, rounds, shared_home};

const PLAN: &str = r#"
name = "phantoms"
about = "a small plan on what tests stand on"
k = [0, 2]
strategies = ["image"]
control_k = 2
limit = 6
resamples = 200

[settings]
max_new_tokens = 24

[[data]]
name = "phantoms"
queries = { index = "shipped" }
"#;

/// Conditions of the plan: no shots, two shots, and every control.
const CONDITIONS: usize = 2 + 8;

fn eval(arguments: &[&str]) -> (i32, String, String) {
    let all: Vec<&str> = ["eval"].iter().chain(arguments).copied().collect();
    ended(&feed(rounds(&shared_home(), &all), ""))
}

fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

/// A folder with the plan, and the paths of plan and run as arguments.
fn planned(plan: &str) -> (tempfile::TempDir, String, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("plan.toml");
    std::fs::write(&path, plan).expect("a plan");
    let run = folder.path().join("run").display().to_string();
    let plan = path.display().to_string();
    (folder, plan, run)
}

#[test]
fn a_plan_gives_every_answer_and_control_once_and_the_same_file_twice() {
    let (folder, plan, run) = planned(PLAN);
    let (code, out, err) = eval(&["run", &plan, "--out", &run, "--json"]);
    assert_eq!(code, 0, "{err}");
    let results: Value = serde_json::from_str(&out).expect("one JSON object");
    assert_eq!(results["intended_use"], rounds_support::INTENDED_USE);
    let items = folder.path().join("run/items.jsonl");
    let first = text(&items);
    assert_eq!(first.lines().count(), 6 * CONDITIONS);
    let cells = results["cells"].as_array().expect("cells");
    for label in [
        "k=0",
        "k=2 image similar-last",
        "k=0 question-only",
        "k=2 image similar-last shuffled-answers",
        "k=2 image similar-last blank-images",
        "k=2 random similar-last random-shots",
        "vote of the shots, k=2 image similar-last",
        "the nearest shot's answer, k=2 image similar-last",
        "majority answer of the type",
    ] {
        let found = cells
            .iter()
            .find(|cell| cell["label"] == label && cell["part"] == "all")
            .unwrap_or_else(|| panic!("{label} is missing: {cells:?}"));
        let exact = &found["measures"]["exact-plain"];
        assert!(exact["low"].as_f64() <= exact["high"].as_f64(), "{found}");
    }
    for line in first.lines() {
        let record: Value = serde_json::from_str(line).expect("a record");
        let question = &record["item"];
        let shots = record["shots"].as_array().cloned().unwrap_or_default();
        assert!(shots.iter().all(|shot| &shot["id"] != question), "{record}");
    }

    // Again: nothing is asked, nothing changes; in another folder, and with one job: the same file.
    let (code, _, err) = eval(&["run", &plan, "--out", &run]);
    assert!(code == 0 && err.contains("0 answers"), "{err}");
    assert_eq!(text(&items), first);
    let other = folder.path().join("other").display().to_string();
    assert_eq!(eval(&["run", &plan, "--out", &other, "--jobs", "1"]).0, 0);
    assert_eq!(text(&folder.path().join("other/items.jsonl")), first);

    let (code, out, err) = eval(&["report", &run]);
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("vote of the shots"), "{out}");
    let page = text(&folder.path().join("run/report.html"));
    assert!(page.contains("<svg") && page.contains("data:image/jpeg;base64,"));
    assert_eq!(page.matches(rounds_support::INTENDED_USE).count(), 1);
    assert!(text(&folder.path().join("run/tables.tex")).contains("\\begin{tabular}"));

    let with = ["--condition", "k=2 image similar-last", "--with", "k=0"];
    let (code, out, err) = eval(&[&["compare", run.as_str(), "--json"], &with[..]].concat());
    assert_eq!(code, 0, "{err}");
    let found: Value = serde_json::from_str(&out).expect("one JSON object");
    assert_eq!(found["comparisons"][0]["n"], 6);
    let (code, out, _) = eval(&["compare", &run, &other]);
    assert!(code == 0 && out.contains("difference +0.0"), "{out}");
    let (code, _, err) = eval(&["compare", &run, "--condition", "k=0"]);
    assert!(code == 2 && err.contains("--with"), "{err}");

    // A tiny BERT with random weights: the same command as for a real one.
    let encoder = "tests/golden/bert_score/bert";
    let flags = ["bert-score", run.as_str(), "--encoder", encoder, "--json"];
    let (code, out, err) = eval(&[&flags[..], &["--layer", "1"]].concat());
    assert_eq!(code, 0, "{err}");
    let found: Value = serde_json::from_str(&out).expect("one JSON object");
    assert_eq!(found["rows"].as_array().map(Vec::len), Some(CONDITIONS));
    assert!(
        found["rows"][0]["f1"]["mean"]
            .as_f64()
            .is_some_and(|f1| f1 > 0.0)
    );
    let (code, _, err) = eval(&flags);
    assert!(code == 2 && err.contains("--layer"), "{err}");
}

#[test]
fn problems_are_questions_of_a_plan_like_any_other() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/problems/problems.toml");
    let plan = format!(
        "k = [0]\ncontrols = []\nlimit = 2\n[settings]\nmax_new_tokens = 8\n[[data]]\nname = \"problems\"\nqueries = {{ problems = {file:?} }}\n"
    );
    let (folder, plan, run) = planned(&plan);
    let (code, _, err) = eval(&["run", &plan, "--out", &run]);
    assert_eq!(code, 0, "{err}");
    let items = text(&folder.path().join("run/items.jsonl"));
    assert_eq!(items.lines().count(), 2);
    let record: Value = serde_json::from_str(items.lines().next().expect("a line")).expect("JSON");
    let question = record["question"].as_str().unwrap_or_default();
    assert!(
        question.len() > 100,
        "the vignette stands before it: {question}"
    );
}

#[test]
fn a_plans_own_template_writes_the_prompts_and_a_run_is_held_to_it() {
    let own =
        include_str!("../../prompts/nano.toml").replace("header = \"\"", "header = \"Look. \"");
    assert!(own.contains("Look. "));
    let with = |head: &str| {
        format!(
            "k = [0]\ncontrols = []\nlimit = 2\n{head}\n[settings]\nmax_new_tokens = 4\n[[data]]\nname = \"a\"\nqueries = {{ index = \"shipped\" }}\n"
        )
    };
    let (folder, plan, run) = planned(&with("template = \"own.toml\""));
    let (code, _, err) = eval(&["run", &plan, "--out", &run]);
    assert!(code == 2 && err.contains("own.toml"), "{err}");
    let template = folder.path().join("own.toml");
    std::fs::write(&template, &own).expect("a template");
    let (code, _, err) = eval(&["run", &plan, "--out", &run]);
    assert_eq!(code, 0, "{err}");
    let inputs = text(&folder.path().join("run/inputs.json"));
    let inputs: Value = serde_json::from_str(&inputs).expect("JSON");
    let line = |run: &str| -> Value {
        let items = text(&folder.path().join(run).join("items.jsonl"));
        serde_json::from_str(items.lines().next().expect("a line")).expect("a record")
    };
    let record = line("run");
    // A line says what it was made from.
    let key = record["made_from"].as_str().expect("a key");
    let made_from = &inputs["made_from"][key];
    let settings = made_from["settings"].to_string();
    assert!(settings.contains("\"max_new_tokens\":4"), "{settings}");
    assert_eq!(made_from["model"], "shipped");
    let hash = made_from["template_sha256"].as_str().expect("a hash");
    assert_eq!(inputs["templates"][hash], own);
    assert!(
        record["seed"].is_u64() && record["device"] == "cpu",
        "{record}"
    );
    // The bundle's own template gives another prompt.
    std::fs::write(&plan, with("")).expect("a plan");
    let other = folder.path().join("other").display().to_string();
    assert_eq!(eval(&["run", &plan, "--out", &other]).0, 0);
    assert_ne!(line("other")["prompt_sha256"], record["prompt_sha256"]);
    // A changed template is a new run.
    std::fs::write(&plan, with("template = \"own.toml\"")).expect("a plan");
    std::fs::write(&template, own.replace("Look. ", "See. ")).expect("a template");
    let (code, _, err) = eval(&["run", &plan, "--out", &run]);
    assert!(code == 2 && err.contains("template"), "{err}");
}

#[test]
fn problems_with_shots_of_their_own_are_asked_with_these_and_all_controls() {
    let (folder, plan, run) = planned(
        "k = [0, 9]\ncontrol_k = 9\nresamples = 200\n[settings]\nmax_new_tokens = 8\n[[data]]\nname = \"own\"\nqueries = { format = \"folder\", path = \"rows\", own_shots = true }\n",
    );
    let rows = folder.path().join("rows");
    std::fs::create_dir(&rows).expect("a folder");
    let mut table = String::new();
    for (problem, order, image, answer) in [
        ("a", 1, "brain-mass", "left"),
        ("a", 2, "head-epidural", "right"),
        ("a", 3, "chest-nodule", "left"),
        ("b", 1, "knee-fracture", "yes"),
        ("b", 2, "abdomen-liver", "no"),
        ("b", 3, "fundus-bleed", "yes"),
    ] {
        let name = format!("{image}.png");
        let from = format!("{}/tests/fixtures/cases/{name}", env!("CARGO_MANIFEST_DIR"));
        std::fs::copy(from, rows.join(&name)).expect("an image");
        let row = serde_json::json!({
            "problem_id": problem, "order": order, "image": name,
            "question": "What is it?", "answer": answer,
        });
        table.push_str(&format!("{row}\n"));
    }
    std::fs::write(rows.join("rows.jsonl"), table).expect("a table");
    let (code, _, err) = eval(&["run", &plan, "--out", &run]);
    assert_eq!(code, 0, "{err}");
    let items = text(&folder.path().join("run/items.jsonl"));
    let records: Vec<Value> = items
        .lines()
        .map(|line| serde_json::from_str(line).expect("a record"))
        .collect();
    assert_eq!(records.len(), 2 * CONDITIONS);
    let said = |item: &str, condition: &str| -> Vec<String> {
        let mut records = records.iter();
        let found = records.find(|r| r["item"] == item && r["condition"] == condition);
        let found = found.unwrap_or_else(|| panic!("no {item}, {condition}"));
        let order = found["prompt_order"].as_array().expect("an order");
        let shots = order
            .iter()
            .filter_map(|at| found["shots"].get(at.as_u64()? as usize));
        shots
            .filter_map(|shot| shot["answer"].as_str().map(String::from))
            .collect()
    };
    assert_eq!(said("a", "k=9 fixed similar-last"), ["left", "right"]);
    assert_eq!(said("b", "k=9 fixed similar-last"), ["yes", "no"]);
    assert_eq!(
        said("b", "k=9 fixed similar-first reversed-order"),
        ["no", "yes"]
    );
    // Answers change places among the problem's own shots.
    assert_eq!(
        said("a", "k=9 fixed similar-last shuffled-answers"),
        ["right", "left"]
    );
    // The shots of other problems, never its own.
    let others = said("a", "k=9 random similar-last random-shots");
    assert_eq!(others.len(), 3);
    assert!(
        others
            .iter()
            .all(|answer| ["yes", "no"].contains(&answer.as_str()))
    );
    let (code, out, err) = eval(&["report", &run]);
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("vote of the shots"), "{out}");
    let page = text(&folder.path().join("run/report.html"));
    assert!(page.contains("alt=\"image of a shot\" src=\"data:image/jpeg"));
}

#[test]
fn a_run_that_is_killed_at_any_moment_loses_no_answer() {
    let (folder, plan, run) = planned(PLAN);
    let items = folder.path().join("run/items.jsonl");
    let (mut before, mut killed, mut partly) = (Vec::<String>::new(), 0, 0);
    let mut random = rounds_support::rng::Rng::new(7);
    for _ in 0..20 {
        let mut child = rounds(&shared_home(), &["eval", "run", &plan, "--out", &run])
            .stdin(std::process::Stdio::null())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .expect("the program");
        std::thread::sleep(Duration::from_millis(200 + random.below(1200) as u64));
        // SIGKILL: the program cannot tidy up.
        killed += usize::from(child.try_wait().expect("a state").is_none());
        child.kill().ok();
        child.wait().ok();
        let content = text(&items);
        let whole = content.rfind('\n').map_or("", |at| &content[..at]);
        let lines: Vec<String> = whole.lines().map(String::from).collect();
        partly += usize::from((1..6 * CONDITIONS).contains(&lines.len()));
        let lost = before.iter().find(|line| !lines.contains(line));
        assert_eq!(lost, None);
        before = lines;
    }
    assert!(
        killed > 0 && partly > 0,
        "the run was over, or not begun, whenever it was killed"
    );
    let (code, _, err) = eval(&["run", &plan, "--out", &run]);
    assert_eq!(code, 0, "{err}");
    let whole = text(&items);
    assert_eq!(whole.lines().count(), 6 * CONDITIONS);
    let fresh = folder.path().join("fresh").display().to_string();
    assert_eq!(eval(&["run", &plan, "--out", &fresh]).0, 0);
    assert_eq!(text(&folder.path().join("fresh/items.jsonl")), whole);
}

#[test]
fn a_part_of_a_run_says_what_is_left_and_a_dry_run_asks_nothing() {
    let (folder, plan, run) = planned(PLAN);
    let (code, out, _) = eval(&["run", &plan, "--out", &run, "--dry-run"]);
    assert_eq!(code, 0);
    assert!(
        out.contains("60 answers") && out.contains("tokens"),
        "{out}"
    );
    assert!(!folder.path().join("run").exists());
    let (code, _, err) = eval(&["run", &plan, "--out", &run, "--max-items", "7"]);
    assert!(code == 0 && err.contains("53 answers left"), "{err}");
    let lines = text(&folder.path().join("run/items.jsonl"));
    assert_eq!(lines.lines().count(), 7);
}

#[test]
fn plans_that_cannot_be_run_are_refused_with_a_hint() {
    let (folder, plan, run) = planned("k = [0]\n");
    for (text, told) in [
        ("k = [0]\n", "no data set"),
        ("k = \"many\"\n", "plan cannot be read"),
        (
            "[[data]]\nname = \"a\"\nqueries = { index = \"nowhere\" }\n",
            "nowhere",
        ),
        (
            "[[data]]\nname = \"a\"\nqueries = { format = \"slake\", path = \"nowhere\" }\n",
            "nowhere",
        ),
        (
            "models = [\"nobody\"]\n[[data]]\nname = \"a\"\nqueries = { index = \"shipped\" }\n",
            "nobody",
        ),
    ] {
        std::fs::write(&plan, text).expect("a plan");
        let _ = std::fs::remove_dir_all(&run);
        let (code, _, err) = eval(&["run", &plan, "--out", &run]);
        assert!(code == 2 && err.contains(told), "{code} {err}");
    }
    // The folder of another plan.
    std::fs::write(&plan, PLAN).expect("a plan");
    let other = folder.path().join("kept").display().to_string();
    assert_eq!(
        eval(&["run", &plan, "--out", &other, "--max-items", "1"]).0,
        0
    );
    std::fs::write(&plan, PLAN.replace("limit = 6", "limit = 5")).expect("a plan");
    let (code, _, err) = eval(&["run", &plan, "--out", &other]);
    assert!(
        code == 2 && err.contains("another plan") && err.contains("--out"),
        "{err}"
    );
    let (code, _, err) = eval(&["run", "no-such-plan"]);
    assert!(code == 2 && err.contains("three-sets"), "{code} {err}");
    let (code, out, _) = eval(&["presets", "three-sets"]);
    assert!(code == 0 && out.contains("[[data]]"));
}

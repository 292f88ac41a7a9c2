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

//! Blinded rating through the keyboard: two raters, one of whom is cut off in the middle, and what the report makes of it.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::common::{CASE, PROGRAM, run};

use super::pane::{Home, Pane, signal, there_is_tmux, wait_for_end};

/// Points of the answers A, B and C of items 1 to 4.
const ANNA: [[u8; 3]; 4] = [[8, 3, 10], [7, 4, 8], [9, 2, 7], [6, 5, 7]];
const BOB: [[u8; 3]; 4] = [[7, 4, 9], [7, 2, 9], [8, 2, 6], [5, 6, 8]];

/// A file to rate in `folder`, and its path.
fn study(home: &Home) -> String {
    let folder = home.path();
    let image = Path::new(env!("CARGO_MANIFEST_DIR")).join(CASE);
    fs::copy(image, folder.join("film.png")).expect("copied");
    let mut lines = String::new();
    for item in 0..4 {
        for model in ["alpha", "beta", "gamma"] {
            let line = json!({
                "dataset": "phantoms", "item": item, "question": format!("Question {item}?"),
                "reference": "a nodule", "images": ["film.png"], "model": model,
                "condition": "few-shot", "answer": format!("an answer to {item}"), "rationale": null,
            });
            lines.push_str(&format!("{line}\n"));
        }
    }
    fs::write(folder.join("items.jsonl"), lines).expect("written");
    let path = |name: &str| folder.join(name).to_string_lossy().into_owned();
    let (results, out) = (path("items.jsonl"), path("study.json"));
    let made = run(
        folder,
        &["rate", "new", "--results", &results, "--out", &out],
    );
    assert_eq!(made.0, 0, "{made:?}");
    assert!(made.1.contains("4 items with 3 answers each"), "{made:?}");
    out
}

/// The screen of a rater in a shell, and the process.
fn rater(home: &Home, size: (u16, u16), file: &str, name: &str) -> (Pane, u32) {
    let pane = Pane::shell(home, size);
    let noted = home.path().join(format!("{name}.pid"));
    let note = noted.to_string_lossy();
    pane.line(&format!(
        "clear; sh -c 'echo $$ > {note}; exec \"$0\" rate {file} --rater {name}' '{PROGRAM}'"
    ));
    pane.see(&format!("Blinded rating by {name}"));
    let pid = fs::read_to_string(noted).expect("noted");
    (pane, pid.trim().parse().expect("a process id"))
}

/// Gives the answers from number `from` to before `to` their points, one after the other.
fn rate(pane: &Pane, points: &[[u8; 3]; 4], from: usize, to: usize) {
    for (number, points) in points.iter().flatten().enumerate().take(to).skip(from) {
        pane.text(&points.to_string());
        pane.wait("a saved rating", |screen| {
            let count = format!("{} of 12 answers rated", number + 1);
            let points = format!("{points:>2} of 10");
            let chosen = |line: &str| line.contains("> ") && line.contains(&points);
            let rated = screen.lines().any(chosen);
            screen.contains(&count) && rated && screen.contains("all saved")
        });
        pane.keys(&["Enter"]);
    }
}

#[test]
fn two_raters_rate_by_keyboard_and_the_report_has_their_agreement() {
    if !there_is_tmux() {
        return;
    }
    let home = Home::used();
    let file = study(&home);
    let (pane, pid) = rater(&home, (80, 24), &file, "anna");
    rate(&pane, &ANNA, 0, 7);
    pane.text("u");
    pane.see("! unsafe");
    pane.see("all saved");
    signal(pid, &["KILL"]);
    wait_for_end(pid);
    drop(pane);

    let (pane, _) = rater(&home, (200, 60), &file, "anna");
    pane.see("7 of 12 answers rated");
    // The flag was the last thing; it is taken back here.
    pane.text("z");
    pane.see("undone: answer B of item 3");
    rate(&pane, &ANNA, 7, 12);
    pane.text("q");
    pane.see("12 of 12 answers rated by anna; seal ");

    let (pane, _) = rater(&home, (120, 40), &file, "bob");
    pane.see("0 of 12 answers rated");
    rate(&pane, &BOB, 0, 12);
    pane.see("everything is rated");
    pane.text("q");
    pane.see("12 of 12 answers rated by bob; seal ");

    let (code, out, _) = run(home.path(), &["rate", "report", &file, "--json"]);
    assert_eq!(code, 0);
    let report: Value = serde_json::from_str(&out).expect("one JSON object");
    // The values of pingouin, scikit-learn and krippendorff; see tests/reference/rating.py.
    for (name, expected) in [
        ("icc_2_1", 0.907_801),
        ("icc_2_k", 0.951_673),
        ("weighted_kappa", 0.900_255_754),
        ("krippendorff_alpha", 0.904_135_941),
    ] {
        let value = &report["agreement"][name];
        let value = value.get("value").unwrap_or(value).as_f64();
        let value = value.expect(name);
        assert!((value - expected).abs() < 1e-6, "{name}: {value}");
    }
    let systems = report["systems"].as_array().expect("a list");
    let means = systems.iter().filter_map(|row| row["mean"].as_f64());
    let all: u32 = ANNA
        .iter()
        .chain(&BOB)
        .flatten()
        .map(|p| u32::from(*p))
        .sum();
    assert!(
        (means.sum::<f64>() / 3.0 - f64::from(all) / 24.0).abs() < 1e-9,
        "{report}"
    );
    assert!(
        systems.iter().all(|row| row["flags"]["unsafe"] == 0.0),
        "{report}"
    );

    // Whoever changes the file afterwards is found out.
    let text = fs::read_to_string(&file).expect("read");
    fs::write(&file, text.replacen("a nodule", "no nodule", 1)).expect("written");
    let (code, _, told) = run(home.path(), &["rate", "report", &file]);
    assert_eq!(code, 3, "{told}");
    assert!(
        told.contains("the seal of") && told.contains("is broken: item"),
        "{told}"
    );
}

#[test]
fn rating_without_a_terminal_is_a_usage_error() {
    let home = Home::used();
    let file = study(&home);
    let (code, out, told) = run(home.path(), &["rate", &file, "--rater", "anna"]);
    assert_eq!((code, out.as_str()), (2, ""), "{told}");
    assert!(
        told.contains("rating needs a terminal: standard input is not"),
        "{told}"
    );
    for arguments in [
        &["rate", &file][..],
        &["rate"],
        &["rate", &file, "--rater", "a/b"],
    ] {
        let (code, _, told) = run(home.path(), arguments);
        assert_eq!(code, 2, "{told}");
    }
}

#[test]
fn a_file_that_was_rated_is_not_replaced() {
    let home = Home::used();
    let file = study(&home);
    fs::write(format!("{file}.anna.ratings.jsonl"), "").expect("written");
    let results = home.path().join("items.jsonl");
    let results = results.to_string_lossy();
    let again = |more: &[&str]| {
        let new = ["rate", "new", "--results", &results, "--out", &file];
        run(home.path(), &[&new, more].concat())
    };
    let (code, _, told) = again(&[]);
    assert!(code == 2 && told.contains("already exists"), "{told}");
    let (code, _, told) = again(&["--force"]);
    assert!(code == 2 && told.contains("1 rater rated"), "{told}");
}

//! MedVInT behind the commands: imported, asked alone and with shots, in a script, as the encoder of an index, and evaluated.

use serde_json::Value;
use std::path::Path;

use crate::common::{CASE, Home, json_lines, ok};

const QUESTION: &str = "Is there a nodule?";

/// A home with a small random MedVInT of this variant in its library, which is called `tiny`.
pub fn with_tiny(variant: &str) -> Home {
    let home = Home::new();
    let golden = format!("tests/golden/medvint/{variant}-resnet");
    let tokenizer = home.path("tokenizer.json");
    write_tokenizer(&tokenizer);
    ok(&home.run(&[
        "model",
        "import",
        "--family",
        &format!("medvint-{variant}"),
        "--checkpoint",
        &format!("{golden}/checkpoint.bin"),
        "--language",
        &golden,
        "--tokenizer",
        tokenizer.to_str().expect("UTF-8"),
        "--image-size",
        "64",
        "--out",
        "tiny",
    ]));
    home
}

/// A word for every id; words that it does not know are `<unk>`.
fn write_tokenizer(file: &Path) {
    let special = ["<unk>", "<s>", "</s>"];
    let name = |id: usize| special.get(id).map_or(format!("t{id}"), |s| s.to_string());
    let vocabulary: serde_json::Map<String, Value> =
        (0..96).map(|id| (name(id), id.into())).collect();
    let added = special.iter().enumerate().map(|(id, content)| {
        serde_json::json!({"id": id, "content": content, "single_word": false, "lstrip": false, "rstrip": false,
                           "normalized": false, "special": true})
    });
    let json = serde_json::json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": added.collect::<Vec<_>>(),
        "normalizer": null, "pre_tokenizer": {"type": "Whitespace"}, "post_processor": null, "decoder": null,
        "model": {"type": "WordLevel", "vocab": vocabulary, "unk_token": "<unk>"}
    });
    std::fs::write(file, json.to_string()).expect("written");
}

fn asked(home: &Home, more: &[&str]) -> Value {
    let words = ["ask", "-i", CASE, QUESTION, "--model", "tiny", "--json"];
    let out = ok(&home.run(&[&words[..], more].concat()));
    serde_json::from_str(&out).expect("JSON")
}

fn notices(answer: &Value) -> String {
    answer["notices"].to_string()
}

/// An index with one example and vectors of `tiny`; its path.
fn indexed(home: &Home) -> String {
    let index = home.path("mine").to_str().expect("UTF-8").to_string();
    ok(&home.run(&["index", "create", &index]));
    ok(&home.run(&[
        "index",
        "add",
        &index,
        "-i",
        "tests/fixtures/cases/brain-mass.png",
        "--question",
        "Is there a mass?",
        "--answer",
        "yes",
    ]));
    ok(&home.run(&["index", "embed", &index, "--encoder", "tiny"]));
    index
}

#[test]
fn medvint_td_answers_alone_and_with_shots_which_it_says_are_unfamiliar() {
    let home = with_tiny("td");
    let alone = asked(&home, &["--strategy", "none"]);
    assert!(alone["tokens"]["generated"].as_u64() > Some(0), "{alone}");
    assert!(!notices(&alone).contains("shots are outside"), "{alone}");
    let index = indexed(&home);
    let shots = asked(&home, &["--index", &index, "--shots", "1"]);
    assert_eq!(shots["shots"].as_array().map(Vec::len), Some(1), "{shots}");
    assert!(
        notices(&shots).contains("shots are outside what it was trained on"),
        "{shots}"
    );
    let two = asked(&home, &["--strategy", "none", "-i", CASE]);
    assert!(notices(&two).contains("2 images: this model"), "{two}");
}

#[test]
fn medvint_te_fills_in_a_short_answer_and_ranks_options() {
    let home = with_tiny("te");
    let options = ["--strategy", "none", "--option", "t5", "--option", "t7 t9"];
    let answer = asked(&home, &options);
    // Room for an answer of its own choice of length, six tokens at most.
    let tokens = answer["tokens"]["generated"].as_u64().expect("a number");
    assert!((1..=6).contains(&tokens), "{answer}");
    let ranked = answer["ranking"].as_array().expect("a ranking");
    let finite = |r: &Value| r["log_probability"].as_f64().is_some_and(f64::is_finite);
    assert!(ranked.len() == 2 && ranked.iter().all(finite), "{answer}");
}

#[test]
fn scripts_and_evaluations_run_with_medvint() {
    for variant in ["td", "te"] {
        let home = with_tiny(variant);
        let line = serde_json::json!({"id": 1, "images": [CASE], "question": QUESTION, "strategy": "none"});
        let out = home.feed(&["script", "--model", "tiny"], &format!("{line}\n"));
        let events = json_lines(&ok(&out));
        assert!(events.iter().any(|e| e["event"] == "answer"), "{events:?}");
        if variant == "te" {
            // The text of this small one is too short for questions about phantoms.
            continue;
        }
        let index = indexed(&home);
        let eval = ["eval", "phantoms", "-n", "2", "--shots", "0", "--json"];
        let target = ["--model", "tiny", "--index", &index];
        let out = ok(&home.run(&[&eval[..], &target].concat()));
        let result: Value = serde_json::from_str(&out).expect("JSON");
        assert_eq!(result["shots"], 0);
    }
}

#[test]
fn a_family_without_gated_attention_is_probed_by_its_likelihoods() {
    for variant in ["td", "te"] {
        let home = with_tiny(variant);
        let index = indexed(&home);
        let shots = if variant == "td" { "1" } else { "0" };
        let words = ["probe", "-i", CASE, QUESTION, "--model", "tiny", "--json"];
        let more = ["--index", &index, "--shots", shots, "--answer", "t5 t6"];
        let out = ok(&home.run(&[&words[..], &more].concat()));
        let probe: Value = serde_json::from_str(&out).expect("JSON");
        assert_eq!(probe["attention"], Value::Null, "{probe}");
        let finite = |value: &Value| value.as_f64().is_some_and(f64::is_finite);
        assert!(finite(&probe["log_likelihood"]["total"]), "{probe}");
        let all = probe["shots"].as_array().expect("shots");
        assert_eq!(all.len().to_string(), shots);
        let influence = |shot: &Value| finite(&shot["influence"]["total"]);
        assert!(all.iter().all(influence), "{probe}");
        let flips = probe["flips"].as_array().expect("flips");
        assert!(flips.iter().all(|flip| flip["to"] == "no"), "{probe}");
    }
}

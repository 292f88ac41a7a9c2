//! What ships: the model, the index and the sample cases in the program. All other tests stand on fixtures.
//!
//! Nothing here may know which model that is, what it answers, or how many examples and cases there are.

use rounds_index::Index;
use rounds_model::bundle::Bundle;
use rounds_support::shipped;
use serde_json::Value;
use std::path::{Path, PathBuf};

use crate::common::{Home, ended, feed, fixtures, ok, on_what_ships};

/// Exit code, standard output and standard error of a command on what ships.
fn run(arguments: &[&str], input: &str) -> (i32, String, String) {
    let home = Home::new();
    let mut command = home.command(arguments);
    on_what_ships(&mut command);
    ended(&feed(command, input))
}

fn done(arguments: &[&str], input: &str) -> String {
    let (code, out, err) = run(arguments, input);
    assert_eq!(code, 0, "{arguments:?}: {err}");
    out
}

fn in_checkout(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)
}

/// The sample cases in the checkout.
fn cases() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(in_checkout(shipped::CASES)).expect("the sample cases");
    let mut cases: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    cases.sort();
    cases
}

#[test]
fn what_ships_can_be_shown_and_verified_by_its_name() {
    for arguments in [
        ["index", "verify", "shipped"],
        ["model", "show", "shipped"],
        ["model", "verify", "shipped"],
    ] {
        assert!(!done(&arguments, "").is_empty(), "{arguments:?}");
    }
    for arguments in [
        ["index", "verify", "no/such"],
        ["model", "show", "no/such"],
        ["model", "verify", "no/such"],
    ] {
        assert_eq!(run(&arguments, "").0, 2, "{arguments:?}");
    }
}

#[test]
fn the_logits_of_the_shipped_model_can_be_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let (prompt, out) = (folder.path().join("prompt"), folder.path().join("out"));
    let image = fixtures::path("cases/chest-nodule.png");
    let line =
        serde_json::json!({"segments": [{"image": image}, {"text": "Which organ is shown?"}]});
    std::fs::write(&prompt, line.to_string()).expect("written");
    let path = |path: &Path| path.to_str().expect("UTF-8").to_string();
    let (prompt, written) = (path(&prompt), path(&out));
    let words = [
        "model", "logits", "shipped", "--prompt", &prompt, "--out", &written, "--device", "cpu",
    ];
    done(&words, "");
    let tensors = candle_core::safetensors::load(&out, &candle_core::Device::Cpu);
    let tensors = tensors.expect("safetensors");
    let rows = tensors["0.input_ids"].dims()[0];
    assert_eq!(tensors["0.logits"].dims()[0], rows);
    let values = tensors["0.logits"]
        .flatten_all()
        .and_then(|t| t.to_vec1::<f32>());
    assert!(
        values
            .expect("floats")
            .iter()
            .all(|value| value.is_finite())
    );
}

#[test]
fn the_shipped_bundle_is_whole_and_the_program_has_this_model_and_index() {
    let folder = in_checkout(shipped::MODEL);
    let faults = Bundle::verify(&folder).expect("the shipped model");
    assert!(faults.is_empty(), "{faults:?}");
    let shown = done(&["model", "show", "shipped"], "");
    for hash in Bundle::manifest(&folder)
        .expect("a manifest")
        .files
        .values()
    {
        assert!(shown.contains(hash), "{hash} is not in {shown}");
    }
    let index = Index::open(Some(&in_checkout(shipped::INDEX))).expect("the shipped index");
    let listed: Value =
        serde_json::from_str(&done(&["index", "list", "--json"], "")).expect("JSON");
    assert_eq!(listed[0]["name"], "shipped");
    assert_eq!(listed[0]["sha256"], index.sha256());
}

#[test]
fn a_fresh_home_passes_all_checks() {
    done(&["doctor"], "");
}

#[test]
fn a_shipped_case_is_answered_with_shots_of_the_shipped_index() {
    let cases = cases();
    let case = cases.first().expect("a case").to_string_lossy();
    let question = "What does this image show?";
    let out = done(&["ask", "-i", &case, question, "--json"], "");
    let answer: Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!(answer["intended_use"], crate::common::INTENDED_USE);
    let index = Index::open(Some(&in_checkout(shipped::INDEX))).expect("the shipped index");
    let shots = answer["shots"].as_array().expect("shots");
    assert!(!shots.is_empty(), "{answer}");
    for shot in shots {
        let id = shot["example_id"].as_str().expect("an id");
        index.by_id(id).expect("an example of the index");
    }
}

#[test]
fn the_chat_lists_every_shipped_case_and_attaches_one_by_its_number() {
    let out = done(
        &["chat", "--plain", "--no-log"],
        "/cases\n/cases 1\n/status\n",
    );
    let count = cases().len();
    for number in 1..=count {
        assert!(out.contains(&format!("\ncase {number} (")), "{out}");
    }
    assert!(!out.contains(&format!("\ncase {} (", count + 1)), "{out}");
    assert!(out.contains("\nattached: case 1 ("), "{out}");
}

#[test]
fn the_environment_can_name_another_model_and_index_to_take_for_those_that_ship() {
    let home = Home::new();
    assert!(ok(&home.run(&["model", "show", "shipped"])).contains("\"rounds-nano\""));
    let listed = ok(&home.run(&["index", "list", "--json"]));
    let listed: Value = serde_json::from_str(&listed).expect("JSON");
    assert_eq!(listed[0]["encoders"], serde_json::json!(["rounds-nano"]));
    let verify = |folder: &str| {
        let mut command = home.command(&["index", "verify", "shipped"]);
        command.env("ROUNDS_SHIPPED_INDEX", folder);
        feed(command, "").status.code()
    };
    assert_eq!(verify("no/such"), Some(3));
    assert_eq!(verify(""), Some(0), "an empty variable counts as unset");
}

//! `rounds probe` as a whole program.

use serde_json::{Value, json};

use crate::common::{CASE, Home, INTENDED_USE, ended, json_lines};

fn schema() -> jsonschema::Validator {
    let text = include_str!("../../docs/probes.schema.json");
    let schema: Value = serde_json::from_str(text).expect("JSON");
    jsonschema::validator_for(&schema).expect("a valid schema")
}

#[track_caller]
fn assert_fits(value: &Value) {
    let schema = schema();
    let errors: Vec<String> = schema.iter_errors(value).map(|e| e.to_string()).collect();
    assert!(errors.is_empty(), "{errors:#?}\n{value}");
}

#[test]
fn a_probe_has_every_measure_and_fits_its_schema() {
    let home = Home::new();
    let maps = home.path("maps");
    let maps = maps.to_string_lossy();
    let arguments = [
        "probe",
        CASE,
        "Is there a nodule?",
        "--shots",
        "3",
        "--max-new-tokens",
        "60",
        "--json",
        "--out",
        &maps,
    ];
    let (code, out, said) = ended(&home.run(&arguments));
    assert_eq!(code, 0, "{said}");
    let probe: Value = serde_json::from_str(&out).expect("one JSON object");
    assert_fits(&probe);
    assert_eq!(out.matches(INTENDED_USE).count(), 1);
    let list = |name: &str| probe[name].as_array().expect(name).clone();
    let (shots, build_up) = (list("shots"), list("build_up"));
    assert_eq!((shots.len(), build_up.len()), (3, 4));
    let number = |value: &Value| value.as_f64().expect("a number");
    // The whole prompt is the end of the build-up and one place of the sweep.
    let whole = number(&probe["log_likelihood"]["total"]);
    let close = |other: &Value| (number(&other["log_likelihood"]["total"]) - whole).abs() < 1e-2;
    assert!(close(&build_up[3]), "{probe}");
    assert_eq!(build_up[3]["answer"], probe["model_answer"]);
    let sweep = &probe["sweep"];
    let place = sweep["position"].as_u64().expect("a place") as usize;
    assert!(close(&sweep["places"][place - 1]), "{probe}");
    assert_eq!(sweep["places"].as_array().map(Vec::len), Some(3));
    // Without the last shot is the same as with the first two.
    let last = number(&shots[2]["influence"]["total"]);
    let before = number(&build_up[2]["log_likelihood"]["total"]);
    assert!((whole - before - last).abs() < 1e-2, "{probe}");
    let tokens = list("token_log_probabilities");
    let sum: f64 = tokens.iter().map(number).sum();
    assert!((sum - whole).abs() < 1e-3);
    for flip in list("flips") {
        assert_ne!(flip["from"], flip["to"]);
    }
    for layer in probe["attention"]["layers"].as_array().expect("layers") {
        let on_shots: f64 = layer["shots"]
            .as_array()
            .expect("shots")
            .iter()
            .map(number)
            .sum();
        let others = ["before_shots", "question", "answer"].map(|name| number(&layer[name]));
        let sum = on_shots + others.iter().sum::<f64>();
        assert!((sum - 1.0).abs() < 1e-3, "{layer}");
    }
    let map = &probe["attention"]["maps"][0];
    let values = map["values"].as_array().expect("values");
    let sum: f64 = values.iter().map(number).sum();
    assert!((sum - 1.0).abs() < 1e-3);
    let file = std::path::PathBuf::from(map["file"].as_str().expect("a file"));
    let drawn = rounds_imaging::load(&file).expect("a PNG");
    let asked = rounds_imaging::load(CASE.as_ref()).expect("an image");
    assert_eq!((drawn.width, drawn.height), (asked.width, asked.height));
    assert_ne!(drawn.rgb, asked.rgb);
    let (code, _, said) = ended(&home.run(&arguments));
    assert_eq!(code, 2, "the map is not overwritten");
    assert!(said.contains("--force"), "{said}");
}

#[test]
fn a_probe_for_people_shows_bars_and_the_copy_detector() {
    let home = Home::new();
    let (code, out, said) = ended(&home.run(&[
        "probe",
        "-i",
        CASE,
        "Is there a nodule?",
        "--shots",
        "2",
        "--answer",
        "yes",
        "--max-new-tokens",
        "60",
    ]));
    assert_eq!(code, 0, "{said}");
    for part in [
        "Scored        yes: log-likelihood -",
        "this answer equals ",
        "Leave one out",
        "Build-up",
        "Position sweep",
        "Counterfactual answers",
        "Attention at the answer's tokens",
        "Where the answer looked in image 1",
        "█",
    ] {
        assert!(out.contains(part), "{part}\n{out}");
    }
    assert_eq!(out.matches(INTENDED_USE).count(), 1);
}

#[test]
fn the_same_probe_twice_gives_the_same_numbers() {
    let home = Home::new();
    let arguments = [
        "probe",
        CASE,
        "Is there a nodule?",
        "--shots",
        "1",
        "--max-new-tokens",
        "40",
        "--json",
    ];
    let first = home.run(&arguments);
    assert_eq!(first.status.code(), Some(0));
    assert_eq!(first.stdout, home.run(&arguments).stdout);
}

#[test]
fn a_bad_line_among_the_items_is_reported_and_the_others_are_probed() {
    let home = Home::new();
    let items = home.path("items.jsonl");
    let case = json!({ "id": "a", "images": [CASE], "question": "Is there a nodule?", "shots": 1, "max_new_tokens": 40 });
    let without = json!({ "question": "Is there a nodule?", "strategy": "none", "answer": "yes" });
    let missing = json!({ "images": ["no/such.png"], "question": "What is it?" });
    let text =
        format!("{case}\nnot json\n\n{missing}\n{{\"question\":\"q\",\"shot\":1}}\n{without}\n");
    std::fs::write(&items, text).expect("written");
    let items = items.to_string_lossy();
    let (code, out, said) = ended(&home.run(&["probe", "--items", &items, "--json"]));
    assert_eq!(code, 1, "{said}");
    let objects = json_lines(&out);
    objects.iter().for_each(assert_fits);
    let lines: Vec<u64> = objects.iter().filter_map(|o| o["line"].as_u64()).collect();
    assert_eq!(lines, [1, 2, 4, 5, 6]);
    let failed: Vec<bool> = objects.iter().map(|o| o.get("error").is_some()).collect();
    assert_eq!(failed, [false, true, true, true, false]);
    assert_eq!(
        (&objects[0]["id"], &objects[4]["id"]),
        (&json!("a"), &json!("line-6"))
    );
    assert_eq!(objects[4]["shots"], json!([]));
    assert_eq!(objects[4]["sweep"], Value::Null);
    let (code, out, said) = ended(&home.run(&["probe", "--items", &items]));
    assert_eq!(code, 1);
    assert!(said.contains("error: line 2: "), "{said}");
    assert!(
        out.contains("== \"a\"") && out.matches(INTENDED_USE).count() == 1,
        "{out}"
    );
}

#[test]
fn what_cannot_be_probed_is_refused() {
    let home = Home::new();
    for (arguments, wanted) in [
        (&["probe"][..], "required"),
        (&["probe", "--items", "no-such.jsonl"], "--items takes"),
        (
            &["probe", CASE, "q", "--shots", "2", "--move", "9"],
            "no shot 9",
        ),
        (&["probe", CASE, "q", "--items", "x"], "cannot be used with"),
        (&["probe", CASE, "q", "--answer", " "], "no answer to score"),
    ] {
        let (code, out, said) = ended(&home.run(arguments));
        assert_eq!((code, out.as_str()), (2, ""), "{arguments:?}: {said}");
        assert!(said.contains(wanted), "{arguments:?}: {said}");
    }
}

//! Comparing a turn with its replay.

use super::*;
use serde_json::Value;

fn turn(provenance: Value) -> Turn {
    Turn {
        number: 1,
        parent: None,
        asked: 0,
        ended: Some(9),
        state: TurnState::Answered,
        question: "Is there a nodule?".into(),
        images: Vec::new(),
        settings: json!({ "shots": 4, "decoding": { "seed": 7, "greedy": true } }),
        sources: None,
        patient: None,
        study: None,
        text: String::new(),
        answer: Some(StoredAnswer {
            provenance,
            ..answer("yes")
        }),
        shots: Vec::new(),
        prompt: None,
        message: None,
    }
}

fn provenance() -> Value {
    json!({ "model_sha256": "aa", "shot_ids": ["a", "b"], "seed": 7, "temperature": 0.0, "floor": null, "future_field": "x" })
}

fn changed(field: &str, value: Value) -> (bool, Vec<(String, String, String)>) {
    let mut after = provenance();
    after[field] = value;
    match compare(&turn(provenance()), &turn(after)) {
        Verdict::Same => (false, Vec::new()),
        Verdict::Differs {
            answer_changed,
            changes,
            ..
        } => (
            answer_changed,
            changes
                .into_iter()
                .map(|c| (c.name, c.before, c.after))
                .collect(),
        ),
    }
}

fn one(name: &str, before: &str, after: &str) -> (bool, Vec<(String, String, String)>) {
    (false, vec![(name.into(), before.into(), after.into())])
}

#[test]
fn the_same_answer_from_the_same_inputs_is_the_same() {
    let mut later = turn(provenance());
    later.asked = 1_000_000;
    later.number = 8;
    later.answer.as_mut().unwrap().timings = json!({ "total_ms": 99 });
    assert_eq!(compare(&turn(provenance()), &later), Verdict::Same);
    assert_eq!(changed("temperature", json!(0)), (false, vec![]));
}

#[test]
fn each_changed_input_has_a_readable_label() {
    assert_eq!(
        changed("model_sha256", json!("bb")),
        one("model (hash)", "aa", "bb")
    );
    assert_eq!(
        changed("shot_ids", json!(["b", "a"])),
        one("order of the shots", "a, b", "b, a")
    );
    assert_eq!(
        changed("shot_ids", json!(["a", "c"])),
        one("shots", "a, b", "a, c")
    );
    assert_eq!(changed("seed", json!(8)), one("seed", "7", "8"));
    assert_eq!(
        changed("floor", json!(0.5)),
        one("minimum similarity", "none", "0.5")
    );
    assert_eq!(
        changed("future_field", json!("y")),
        one("future field", "x", "y")
    );
}

#[test]
fn a_field_that_only_one_turn_recorded_is_no_change() {
    assert_eq!(changed("new_field", json!(1)), (false, vec![]));
    let mut older = provenance();
    older.as_object_mut().unwrap().remove("seed");
    assert_eq!(names(&turn(older.clone()), &turn(provenance())), [""; 0]);
    assert_eq!(names(&turn(provenance()), &turn(older.clone())), [""; 0]);
    // The settings of both have it.
    let mut other = turn(provenance());
    other.settings["decoding"]["seed"] = json!(8);
    assert_eq!(names(&turn(older), &other), ["seed: 7 -> 8"]);
}

#[test]
fn seeds_that_do_not_fit_into_a_float_are_distinguished() {
    let (old, new) = (
        turn(json!({ "seed": u64::MAX })),
        turn(json!({ "seed": u64::MAX - 1 })),
    );
    assert_ne!(compare(&old, &new), Verdict::Same);
}

#[test]
fn long_values_that_differ_late_do_not_look_the_same() {
    let ids = |last: &str| json!({ "shot_ids": (0..200).map(|n| format!("id-{n}")).chain([last.to_string()]).collect::<Vec<_>>() });
    let Verdict::Differs { changes, .. } = compare(&turn(ids("a")), &turn(ids("b"))) else {
        panic!("differs")
    };
    assert_ne!(changes[0].before, changes[0].after);
}

#[test]
fn settings_are_compared_if_provenance_does_not_contain_them() {
    let mut new = turn(provenance());
    new.settings = json!({ "shots": 2, "decoding": { "seed": 99, "greedy": true } });
    let Verdict::Differs { changes, .. } = compare(&turn(provenance()), &new) else {
        panic!("differs")
    };
    assert_eq!(
        changes,
        [Change {
            name: "shots".into(),
            before: "4".into(),
            after: "2".into()
        }]
    );
}

#[test]
fn the_first_difference_of_an_answer_is_shown() {
    let mut new = turn(provenance());
    new.answer.as_mut().unwrap().answer = "yé, a nodule".into();
    let verdict = compare(&turn(provenance()), &new);
    let Verdict::Differs {
        answer_changed: true,
        first_difference: Some(found),
        changes,
    } = verdict
    else {
        panic!("{verdict:?}")
    };
    assert_eq!(
        (
            found.part,
            found.character,
            found.before.as_str(),
            found.after.as_str()
        ),
        ("answer", 1, "es", "é, a nodule")
    );
    assert_eq!(changes, []);
}

#[test]
fn a_failed_replay_is_a_different_outcome_without_a_list_of_missing_inputs() {
    let mut new = turn(provenance());
    new.state = TurnState::Failed;
    new.answer = None;
    new.images = vec![StoredImage {
        sha256: "cc".into(),
        ..StoredImage::default()
    }];
    let Verdict::Differs {
        answer_changed: true,
        first_difference: Some(found),
        changes,
    } = compare(&turn(provenance()), &new)
    else {
        panic!("differs")
    };
    assert_eq!(
        (found.part, found.before.as_str(), found.after.as_str()),
        ("outcome", "answered", "failed")
    );
    assert_eq!(
        changes,
        [Change {
            name: "images (hashes)".into(),
            before: "none".into(),
            after: "cc".into()
        }]
    );
}

fn made(encoder: Option<&str>, search: &str) -> Option<Sources> {
    Some(Sources {
        model: "shipped".into(),
        index: "shipped".into(),
        encoder: encoder.map(str::to_string),
        search: search.into(),
    })
}

fn names(old: &Turn, new: &Turn) -> Vec<String> {
    match compare(old, new) {
        Verdict::Same => Vec::new(),
        Verdict::Differs { changes, .. } => changes
            .into_iter()
            .map(|c| format!("{}: {} -> {}", c.name, c.before, c.after))
            .collect(),
    }
}

#[test]
fn a_different_encoder_is_named_but_a_moved_one_is_not() {
    let with = |encoder: &str, hash: &str| Turn {
        sources: made(Some(encoder), "auto"),
        ..turn(json!({ "encoder": hash, "search": "exact" }))
    };
    assert_eq!(
        names(&with("clip", "aa"), &with("/new/clip", "aa")),
        [""; 0]
    );
    assert_eq!(
        names(&with("clip", "aa"), &with("siglip", "bb")),
        ["encoder (hash): aa -> bb", "encoder name: clip -> siglip"]
    );
}

#[test]
fn sources_are_compared_by_name_if_there_is_no_answer() {
    let stopped = |encoder: Option<&str>, search: &str| Turn {
        sources: made(encoder, search),
        state: TurnState::Stopped,
        answer: None,
        ..turn(Value::Null)
    };
    let old = stopped(None, "exact");
    assert_eq!(names(&old, &stopped(None, "exact")), [""; 0]);
    assert_eq!(
        names(&old, &stopped(Some("clip"), "hnsw")),
        ["encoder name: none -> clip", "search: exact -> hnsw"]
    );
    let older = Turn {
        sources: None,
        ..old.clone()
    };
    assert_eq!(
        names(&older, &old),
        [""; 0],
        "an unknown source does not count as changed"
    );
}

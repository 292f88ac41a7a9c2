//! Every metric against the numbers of its reference implementation (`tests/reference/metrics.py` and
//! `metrics_bert_score.py` wrote the files beside this one).

mod agreement;
mod bert_score;
mod choice;
mod overlap;
mod published;
mod statistics;
mod text;

use serde_json::Value;
use std::path::Path;

/// A golden file.
fn golden(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name);
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// The list under a key, which must not be empty, or a test would pass without testing.
fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    let list = value[key].as_array().unwrap();
    assert!(!list.is_empty(), "{key} is empty");
    list
}

fn string<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap()
}

fn strings<'a>(value: &'a Value, key: &str) -> Vec<&'a str> {
    list(value, key)
        .iter()
        .map(|item| item.as_str().unwrap())
        .collect()
}

fn numbers(value: &Value, key: &str) -> Vec<f64> {
    list(value, key)
        .iter()
        .map(|item| item.as_f64().unwrap())
        .collect()
}

fn indices(value: &Value, key: &str) -> Vec<usize> {
    list(value, key)
        .iter()
        .map(|item| item.as_u64().unwrap() as usize)
        .collect()
}

/// Equal to a relative 1e-9.
#[track_caller]
fn assert_near(found: f64, expected: f64, what: &dyn std::fmt::Debug) {
    let close = if expected == 0.0 {
        found.abs() <= 1e-12
    } else {
        (found - expected).abs() <= 1e-9 * expected.abs()
    };
    assert!(close, "{found} is not {expected}: {what:?}");
}

//! The inputs of an answer as labelled fields, for comparing two answers and for showing one.
//!
//! Settings and provenance are JSON objects here, so that a field added by a later version is compared and shown too. Never
//! list the fields that count; only list better labels for some.

use serde_json::Value;

use rounds_support::sanitise::clean_line_max;

/// Longest value shown, in characters.
const MAX_VALUE_CHARS: usize = 300;
/// Deepest nesting that is flattened.
const MAX_DEPTH: usize = 8;

/// Labels that say more than the field name.
const NAMES: [(&str, &str); 17] = [
    ("version", "program version"),
    ("model_sha256", "model (hash)"),
    ("prompt_sha256", "prompt (hash)"),
    ("template", "prompt template"),
    ("index_sha256", "index (hash)"),
    ("image_sha256", "images (hashes)"),
    ("background", "vignette and laboratory values"),
    ("shot_ids", "shots"),
    ("order", "shot order"),
    ("floor", "minimum similarity"),
    ("filter", "example filter"),
    ("pinned", "pinned examples"),
    ("excluded", "excluded examples"),
    ("max_new_tokens", "maximum new tokens"),
    ("beams", "beams"),
    ("no_repeat_ngram", "no-repeat n-gram size"),
    ("encoder", "encoder (hash)"),
];

/// The label of a field: `no_such_name` becomes `no such name`.
pub(crate) fn field_label(field: &str) -> String {
    let known = NAMES.iter().find(|(name, _)| *name == field);
    known.map_or_else(
        || clean_line_max(&field.replace('_', " "), 80),
        |(_, words)| (*words).to_owned(),
    )
}

/// A value as one line of text, shortened.
pub(crate) fn value_text(value: &Value) -> String {
    let text = match value {
        Value::Null => "none".to_owned(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) if items.is_empty() => "none".to_owned(),
        Value::Array(items) if items.iter().all(Value::is_string) => items
            .iter()
            .filter_map(Value::as_str)
            .collect::<Vec<_>>()
            .join(", "),
        other => other.to_string(),
    };
    clean_line_max(&text, MAX_VALUE_CHARS)
}

/// The fields of an object and of the objects nested in it, in order; empty for any other value.
pub(crate) fn leaf_fields(value: &Value) -> Vec<(&str, &Value)> {
    let mut found = Vec::new();
    collect(value, MAX_DEPTH, &mut found);
    found
}

fn collect<'a>(value: &'a Value, depth: usize, found: &mut Vec<(&'a str, &'a Value)>) {
    for (name, field) in value.as_object().into_iter().flatten() {
        match depth.checked_sub(1) {
            Some(below) if field.is_object() => collect(field, below, found),
            _ => found.push((name, field)),
        }
    }
}

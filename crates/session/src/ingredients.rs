//! What an answer is made of, field by field and in words: for comparing two answers and for showing one.
//!
//! Settings and provenance are JSON objects here, so that a field which a later version adds is compared and shown too. Never
//! list the fields that count: list only better names for some.

use serde_json::Value;

use rounds_support::sanitise::clean_line_max;

/// Longest value that is shown, in characters.
const LONGEST_SHOWN: usize = 300;
/// Deepest nesting that is taken apart.
const DEEPEST: usize = 8;

/// Names that say more than the field's own.
const NAMES: [(&str, &str); 16] = [
    ("version", "program version"),
    ("model_sha256", "model (hash)"),
    ("prompt_sha256", "prompt (hash)"),
    ("template", "prompt template"),
    ("index_sha256", "index (hash)"),
    ("image_sha256", "pictures (hashes)"),
    ("shot_ids", "shots"),
    ("order", "rule for the order of shots"),
    ("floor", "lowest similarity of a shot"),
    ("filter", "filter on examples"),
    ("pinned", "pinned examples"),
    ("excluded", "excluded examples"),
    ("max_new_tokens", "most new tokens"),
    ("beams", "beams of the search"),
    ("no_repeat_ngram", "longest n-gram that may not repeat"),
    ("encoder", "encoder (hash)"),
];

/// A field's name in words: `no_such_name` becomes `no such name`.
pub fn readable(field: &str) -> String {
    let known = NAMES.iter().find(|(name, _)| *name == field);
    known.map_or_else(
        || clean_line_max(&field.replace('_', " "), 80),
        |(_, words)| (*words).to_owned(),
    )
}

/// A value in words, on one line, not endless.
pub fn shown(value: &Value) -> String {
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
    clean_line_max(&text, LONGEST_SHOWN)
}

/// The fields of an object with those of the objects in it, in their order. Anything else has none.
pub fn fields(value: &Value) -> Vec<(&str, &Value)> {
    let mut found = Vec::new();
    collect(value, DEEPEST, &mut found);
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

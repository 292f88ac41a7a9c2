//! Reads a JSON list, or an object of lists, one element at a time.
//!
//! A small scanner finds the end of each element; the JSON parser reads its content. So a broken element affects only itself,
//! as long as its brackets and quotes are balanced.

mod elements;

use super::error::DatasetError;
use super::inputs::Input;
use super::record::{Entries, Entry, Record, Value};
use super::vocabulary::split_of;
use elements::Elements;

/// The elements of a JSON file. If the lists are in an object, their keys may give the split.
pub(super) fn entries(input: &Input) -> Result<Entries, DatasetError> {
    let mut elements = Elements::new(input.open()?);
    let (name, split) = (input.name.clone(), input.split.clone());
    let mut ended = false;
    let iterator = Box::new(std::iter::from_fn(move || {
        if ended {
            return None;
        }
        let next = elements.next();
        let origin = elements.origin(&name);
        ended = !matches!(next, Ok(Some(_)));
        match next {
            Ok(None) => None,
            Err(reason) => Some(Err(DatasetError::broken(&origin, reason))),
            Ok(Some(element)) => Some(Ok(entry(element, origin, &elements.key, &split))),
        }
    }));
    Ok(Entries {
        total: None,
        iterator,
    })
}

fn entry(element: Option<Vec<u8>>, origin: String, key: &str, split: &str) -> Entry {
    let Some(element) = element else {
        let reason = "the entry is longer than 8 MiB".to_owned();
        return Entry::Bad { origin, reason };
    };
    let key_split = split_of(key);
    let split = match key_split.is_empty() {
        true => split,
        false => key_split.as_str(),
    };
    record(&element, origin, split)
}

/// The record of one JSON object.
pub(super) fn record(bytes: &[u8], origin: String, split: &str) -> Entry {
    match serde_json::from_slice(bytes) {
        Ok(serde_json::Value::Object(fields)) => {
            let fields = fields
                .into_iter()
                .map(|(name, value)| (name, value_of(value)));
            Entry::Record(Record::new(origin, split, fields))
        }
        Ok(_) => Entry::Bad {
            origin,
            reason: "the entry is not an object".to_owned(),
        },
        Err(error) => Entry::Bad {
            origin,
            reason: format!("invalid JSON: {error}"),
        },
    }
}

fn value_of(value: serde_json::Value) -> Value {
    match value {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(truth) => Value::Text(truth.to_string()),
        serde_json::Value::Number(number) => Value::Text(number.to_string()),
        serde_json::Value::String(text) => Value::Text(text),
        serde_json::Value::Array(items) => Value::List(items.into_iter().map(value_of).collect()),
        serde_json::Value::Object(fields) => {
            let fields = fields
                .into_iter()
                .map(|(name, value)| (name, value_of(value)));
            Value::Object(fields.collect())
        }
    }
}

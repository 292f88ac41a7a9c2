//! JSON and JSON Lines. Objects have the names of the columns of a table.

use serde_json::Value;

use rounds_support::lines;
use rounds_support::sanitise;

use crate::exchange::error::{ExchangeError, at_most_bytes, damaged};
use crate::exchange::import::Collector;

use super::folder::Folder;
use super::values::{self, Column};

/// Longest JSON that is read at once, in bytes: every value of it takes up to ten times as much memory.
const MAX_BYTES: u64 = 64 << 20;

/// Reads an array of cards, an object with an array `cards` (and perhaps `name` and `about`), or, under a wrong file name, lines.
pub(super) fn read(
    content: &[u8],
    folder: &Folder,
    collector: &mut Collector,
) -> Result<(), ExchangeError> {
    at_most_bytes("JSON of", content.len() as u64, MAX_BYTES)?;
    let mut json: Value = match serde_json::from_slice(content) {
        Ok(json) => json,
        Err(_) if starts_as_lines(content) => return read_lines(content, folder, collector),
        Err(error) => return Err(damaged(format!("it is not JSON ({error})"))),
    };
    for (key, text) in [
        ("name", &mut collector.import.name),
        ("about", &mut collector.import.about),
    ] {
        let value = json.get(key).and_then(Value::as_str).unwrap_or_default();
        *text = sanitise::clean_line_max(value, 2000);
    }
    let cards = match &mut json {
        Value::Array(cards) => std::mem::take(cards),
        Value::Object(deck) => match deck.get_mut("cards") {
            Some(Value::Array(cards)) => std::mem::take(cards),
            // A single card.
            _ => vec![json],
        },
        _ => return Err(damaged("it is neither an array nor an object")),
    };
    for (at, card) in cards.iter().enumerate() {
        add(card, &format!("card {}", at + 1), folder, collector)?;
    }
    Ok(())
}

/// Reads one object a line; empty lines are skipped.
pub(super) fn read_lines(
    content: &[u8],
    folder: &Folder,
    collector: &mut Collector,
) -> Result<(), ExchangeError> {
    let mut number = 0;
    let mut failed = None;
    let mut content = content;
    lines::each(&mut content, |line| {
        number += 1;
        let place = format!("line {number}");
        let added = match line {
            Err(error) => Err(damaged(error)),
            Ok(Err(bad)) => {
                collector.skip(&place, &bad.to_string());
                Ok(())
            }
            Ok(Ok(text)) if text.trim().is_empty() => Ok(()),
            Ok(Ok(text)) => match serde_json::from_str(&text) {
                Ok(card) => add(&card, &place, folder, collector),
                Err(error) => {
                    collector.skip(&place, &format!("it is not JSON ({error})"));
                    Ok(())
                }
            },
        };
        match added {
            Ok(()) => true,
            Err(error) => {
                failed = Some(error);
                false
            }
        }
    });
    failed.map_or(Ok(()), Err)
}

fn add(
    card: &Value,
    place: &str,
    folder: &Folder,
    collector: &mut Collector,
) -> Result<(), ExchangeError> {
    let Some(values) = card.as_object() else {
        collector.skip(place, "it is not an object");
        return Ok(());
    };
    let named = values
        .iter()
        .filter_map(|(name, value)| Some((Column::named(name)?, value)));
    values::add(named, place, folder, collector)
}

/// Whether the first line is an object of its own.
fn starts_as_lines(content: &[u8]) -> bool {
    let first = content
        .split(|byte| *byte == b'\n')
        .find(|line| !line.trim_ascii().is_empty());
    first.is_some_and(|line| serde_json::from_slice::<serde_json::Map<String, Value>>(line).is_ok())
}

//! Compares an answer with an earlier one to the same question: is it the same, and if not, which inputs differ?
//!
//! A changed input is reported even if the answer is the same, because then it is the same only by luck. Only inputs that both
//! turns recorded are compared, and timings never.

use serde_json::{Value, json};
use std::collections::BTreeSet;

use crate::provenance_diff::{field_label, leaf_fields, value_text};
use crate::types::Turn;
use rounds_support::sanitise::clean_line_max;

/// Characters of text shown from a difference on.
const EXCERPT: usize = 60;

/// The outcome of a comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The same answer from the same inputs.
    Same,
    /// The answer or an input differs.
    Differs {
        /// Whether the user would see a different answer.
        answer_changed: bool,
        /// Where the answers first differ; `None` if they do not.
        first_difference: Option<Difference>,
        /// The inputs that differ.
        changes: Vec<Change>,
    },
}

/// Where two answers first differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// `answer`, `rationale`, `stop reason` or `outcome`.
    pub part: &'static str,
    /// Characters before the difference.
    pub character: usize,
    /// The old text from there on, cut.
    pub before: String,
    /// The new text from there on, cut.
    pub after: String,
}

/// An input that changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What it is, for display.
    pub name: String,
    /// The old value.
    pub before: String,
    /// The new value.
    pub after: String,
}

/// Compares a turn with its replay.
pub fn compare(old: &Turn, new: &Turn) -> Verdict {
    let first_difference = first_difference(old, new);
    let changes = changes(old, new);
    if first_difference.is_none() && changes.is_empty() {
        return Verdict::Same;
    }
    Verdict::Differs {
        answer_changed: first_difference.is_some(),
        first_difference,
        changes,
    }
}

fn first_difference(old: &Turn, new: &Turn) -> Option<Difference> {
    let parts = |turn: &Turn| {
        let answer = turn.answer.as_ref();
        let rationale = answer.and_then(|answer| answer.rationale.clone());
        [
            ("outcome", turn.state.name().to_owned()),
            (
                "answer",
                answer.map_or_else(|| turn.text.clone(), |answer| answer.answer.clone()),
            ),
            ("rationale", rationale.unwrap_or_default()),
            (
                "stop reason",
                answer
                    .map(|answer| answer.stop_reason.clone())
                    .unwrap_or_default(),
            ),
        ]
    };
    let pairs = parts(old).into_iter().zip(parts(new));
    pairs
        .filter(|((_, before), (_, after))| before != after)
        .map(|((part, before), (_, after))| {
            let same = before
                .chars()
                .zip(after.chars())
                .take_while(|(a, b)| a == b)
                .count();
            let rest =
                |text: &str| clean_line_max(&text.chars().skip(same).collect::<String>(), EXCERPT);
            Difference {
                part,
                character: same,
                before: rest(&before),
                after: rest(&after),
            }
        })
        .next()
}

fn changes(old: &Turn, new: &Turn) -> Vec<Change> {
    let mut changes = Vec::new();
    let mut compare = |name: &str, before: &Value, after: &Value| {
        if !same_value(before, after) {
            changes.push(change(name, before, after));
        }
    };
    compare(
        "question",
        &Value::from(old.question.clone()),
        &Value::from(new.question.clone()),
    );
    let known = [
        (provenance(old), provenance(new)),
        (image_hashes(old), image_hashes(new)),
        (old.settings.clone(), new.settings.clone()),
        sources(old, new),
    ];
    // The first pair counts in which both turns have a field. One that only one turn has was not recorded by the other: a failed
    // turn has no provenance, and another version records other fields.
    let mut done: BTreeSet<&str> = BTreeSet::new();
    for (before, after) in &known {
        let after = leaf_fields(after);
        for (name, before) in leaf_fields(before) {
            if let Some((_, after)) = after.iter().find(|(field, _)| *field == name)
                && done.insert(name)
            {
                compare(name, before, after);
            }
        }
    }
    changes
}

fn provenance(turn: &Turn) -> Value {
    turn.answer
        .as_ref()
        .map_or(Value::Null, |answer| answer.provenance.clone())
}

/// The sources by name, where provenance does not identify them by content: a folder that only moved is not a change. If
/// the encoder's hash differs, its names are shown as well.
fn sources(old: &Turn, new: &Turn) -> (Value, Value) {
    let (before, after) = (provenance(old), provenance(new));
    let by_content = !before.is_null() && !after.is_null();
    let same_encoder = before.get("encoder") == after.get("encoder");
    let named = |turn: &Turn| match &turn.sources {
        None => Value::Null,
        Some(_) if by_content && same_encoder => Value::Null,
        Some(made) if by_content => json!({ "encoder_name": made.encoder }),
        Some(made) => json!({
            "model_name": made.model, "index_name": made.index,
            "encoder_name": made.encoder, "search": made.search,
        }),
    };
    (named(old), named(new))
}

/// The image hashes, under their name in provenance.
fn image_hashes(turn: &Turn) -> Value {
    let hashes: Vec<&str> = turn
        .images
        .iter()
        .map(|image| image.sha256.as_str())
        .collect();
    json!({ "image_sha256": hashes })
}

/// Equal, or the same number in another form. Integers are compared exactly: a seed does not fit into a float.
fn same_value(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(x), Value::Number(y)) if x.is_f64() || y.is_f64() => {
            x.as_f64() == y.as_f64()
        }
        _ => a == b,
    }
}

fn change(name: &str, before: &Value, after: &Value) -> Change {
    let only_order =
        name == "shot_ids" && sorted(before).is_some() && sorted(before) == sorted(after);
    let mut change = Change {
        name: if only_order {
            "order of the shots".to_owned()
        } else {
            field_label(name)
        },
        before: value_text(before),
        after: value_text(after),
    };
    // Long values may differ only after the cut.
    if change.before == change.after {
        change.after = format!("{} (differs later in the text)", change.after);
    }
    change
}

fn sorted(value: &Value) -> Option<Vec<&str>> {
    let items: Option<Vec<&str>> = value.as_array()?.iter().map(Value::as_str).collect();
    items.map(|mut items| {
        items.sort_unstable();
        items
    })
}

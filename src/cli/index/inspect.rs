//! Read-only index commands: show, verify, stats.

use clap::Args;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;

use super::list::shipped_length;
use crate::cli::failure::Outcome;
use crate::cli::libraries::{existing_index, open_index};
use crate::cli::out::print;
use rounds_index::compact::length;
use rounds_index::{Example, Index};
use rounds_support::errors::{bytes, count};
use rounds_support::{Cancel, Failure, INTENDED_USE, Progress};

pub(super) fn example_json(example: &Example) -> Value {
    json!({
        "id": example.id,
        "images": example.images.iter().map(|i| &i.sha256).collect::<Vec<_>>(),
        "question": example.question, "answer": example.answer, "rationale": example.rationale,
        "tags": example.tags.iter().map(|(n, v)| format!("{n}={v}")).collect::<Vec<_>>(),
        "source": example.source, "licence": example.licence,
        "patient": example.patient, "study": example.study,
        "intended_use": INTENDED_USE,
    })
}

#[derive(Args)]
pub struct Show {
    /// Index name or folder; `shipped` for the shipped index
    index: PathBuf,
    /// Id of an example, or a prefix of it [default: show the index]
    id: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub fn show(show: &Show) -> Outcome {
    let index = open_index(&show.index)?;
    let Some(id) = &show.id else {
        return stats(&Stats {
            index: show.index.clone(),
            json: show.json,
        });
    };
    let example = index.by_id(id)?;
    let value = example_json(&example);
    if show.json {
        print(format!("{value:#}"))?;
        return Ok(0);
    }
    for (name, value) in value.as_object().into_iter().flatten() {
        match value {
            Value::String(text) if text.is_empty() => {}
            Value::String(text) => print(format!("{name:12} {text}"))?,
            Value::Array(list) => {
                for item in list {
                    print(format!("{name:12} {}", item.as_str().unwrap_or_default()))?;
                }
            }
            _ => {}
        }
    }
    Ok(0)
}

#[derive(Args)]
pub struct Verify {
    /// Index name or folder; `shipped` for the shipped index
    index: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub fn verify(verify: &Verify, cancel: &Cancel) -> Outcome {
    let folder = existing_index(&verify.index)?;
    let mut progress = Progress::new("examples", None).quiet(verify.json);
    let verdict = rounds_index::verify::verify(folder.as_deref(), cancel, &mut |done, _| {
        progress.set(done as u64);
    })?;
    progress.finish();
    if verify.json {
        let mut value = json!(verdict);
        value["intended_use"] = INTENDED_USE.into();
        print(value)?;
    } else {
        for fault in &verdict.faults {
            print(fault)?;
        }
    }
    if !verdict.faults.is_empty() {
        return Err(Failure::model(count(verdict.faults.len(), "fault")).hint(
            match verdict.written {
                true => "another process is writing to it; verify again when it has finished",
                false => "import the data into a new index",
            },
        ));
    }
    if !verify.json {
        print(format!(
            "{} and {} verified, no damage{}",
            count(verdict.examples, "example"),
            count(verdict.images, "image"),
            match (verdict.sealed, verdict.written) {
                (true, _) => "",
                (false, true) => "; another process is writing to it",
                (false, false) =>
                    "; the last write was interrupted, all committed examples are intact",
            }
        ))?;
    }
    Ok(0)
}

/// Tags with more values than this are names, not groups: their values are not listed.
const MAX_LISTED_KINDS: usize = 200;
/// Values listed of a tag.
const MAX_LISTED_VALUES: usize = 12;

#[derive(Args)]
pub struct Stats {
    /// Index name or folder; `shipped` for the shipped index
    index: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub fn stats(stats: &Stats) -> Outcome {
    let index = open_index(&stats.index)?;
    let value = stats_of(&index)?;
    if stats.json {
        print(format!("{value:#}"))?;
        return Ok(0);
    }
    let number = |key: &str, noun| count(value[key].as_u64().unwrap_or(0) as usize, noun);
    print(format!(
        "{}, {}, {} removed, {}",
        number("examples", "example"),
        number("pictures", "image"),
        value["removed"],
        bytes(value["bytes"].as_u64().unwrap_or(0))
    ))?;
    for encoder in index.encoders() {
        print(format!(
            "vectors   {} ({} values, {})",
            encoder.name,
            encoder.dimension,
            &encoder.sha256[..12]
        ))?;
    }
    for kind in ["sources", "licences"] {
        for (name, count) in value[kind].as_object().into_iter().flatten() {
            print(format!(
                "{kind:9} {:>8}  {name}",
                count.as_u64().unwrap_or(0)
            ))?;
        }
    }
    print_tags(&value)
}

/// Prints the tags with their most frequent values. Tags with equal counts are one fact under several names and are printed
/// once; of tags with very many values, such as boxes and ids, only the number of values.
fn print_tags(value: &Value) -> Outcome {
    let total = value["examples"].as_u64().unwrap_or(0).max(1);
    let tags: Vec<_> = value["tags"].as_object().into_iter().flatten().collect();
    for (position, (name, values)) in tags.iter().enumerate() {
        let is_same = |other: &&(&String, &Value)| other.1 == *values;
        if tags.iter().take(position).any(|other| is_same(&other)) {
            continue;
        }
        let twins = tags.iter().skip(position + 1).filter(is_same);
        let names: Vec<&str> = std::iter::once(name.as_str())
            .chain(twins.map(|(name, _)| name.as_str()))
            .collect();
        let names = names.join(", ");
        let values = values.as_object().into_iter().flatten();
        let kinds = values.clone().count();
        if kinds > MAX_LISTED_KINDS {
            print(format!("{names}: {}, not listed", count(kinds, "value")))?;
            continue;
        }
        print(format!("{names}: {}", count(kinds, "value")))?;
        for (value, count) in values.take(MAX_LISTED_VALUES) {
            let count = count.as_u64().unwrap_or(0);
            let bar = "█".repeat((count * 30 / total) as usize);
            print(format!(
                "  {:32} {count:>8}  {bar}",
                rounds_support::sanitise::clean_line_max(value, 32)
            ))?;
        }
    }
    Ok(0)
}

fn stats_of(index: &Index) -> Result<Value, Failure> {
    let mut tags: BTreeMap<String, serde_json::Map<String, Value>> = BTreeMap::new();
    for (name, value, count) in index.tag_counts()? {
        tags.entry(name).or_default().insert(value, count.into());
    }
    let (sources, licences) = index.origins()?;
    Ok(json!({
        "examples": index.len(),
        "pictures": index.image_count()?,
        "removed": index.live_rows().removed(),
        "bytes": index.folder().map_or_else(shipped_length, length),
        "sha256": index.sha256(),
        "encoders": index.encoders(),
        "sources": sources,
        "licences": licences,
        "tags": tags,
        "intended_use": INTENDED_USE,
    }))
}

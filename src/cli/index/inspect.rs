//! Read-only index commands: list, show, verify, stats.

use clap::Args;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;

use super::{Failure, Outcome, existing, failed, library};
use crate::cli::out::print;
use rounds_index::compact::length;
use rounds_index::{Example, Index};
use rounds_support::errors::{bytes, count};
use rounds_support::{Cancel, INTENDED_USE, Progress, stderr_line};

pub fn list(as_json: bool) -> Outcome {
    let mut rows = Vec::new();
    let mut faults = 0;
    for (name, index) in library()?.list() {
        let name = rounds_support::sanitise::clean_line(&name);
        match index {
            Ok(index) => rows.push(json!({
                "name": name, "examples": index.len(), "sha256": index.sha256(),
                "encoders": index.encoders().iter().map(|e| &e.name).collect::<Vec<_>>(),
                "intended_use": INTENDED_USE,
            })),
            Err(error) => {
                faults += 1;
                stderr_line(format_args!("{name}: {error}"));
            }
        }
    }
    if as_json {
        print(format!("{:#}", Value::Array(rows)))?;
    } else {
        if rows.is_empty() {
            stderr_line("no indexes yet; see `rounds index import --help`");
        }
        for row in &rows {
            let name = row["name"].as_str().unwrap_or_default();
            print(format!(
                "{name:24} {:>18}  {}",
                count(row["examples"].as_u64().unwrap_or(0) as usize, "example"),
                row["encoders"]
            ))?;
        }
    }
    Ok(u8::from(faults > 0))
}

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
    let index = super::open(&show.index)?;
    let Some(id) = &show.id else {
        return stats(&Stats {
            index: show.index.clone(),
            json: show.json,
        });
    };
    let example = index.by_id(id).map_err(failed)?;
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
    let folder = existing(&verify.index)?;
    let mut progress = Progress::new("examples", None).quiet(verify.json);
    let verdict = rounds_index::verify::verify(folder.as_deref(), cancel, &mut |done, _| {
        progress.set(done as u64);
    })
    .map_err(failed)?;
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
        return Err(Failure {
            message: count(verdict.faults.len(), "fault"),
            hint: Some(match verdict.written {
                true => {
                    "another process is writing to it; verify again when it has finished".into()
                }
                false => "import the data into a new index".into(),
            }),
            code: 3,
        });
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

#[derive(Args)]
pub struct Stats {
    /// Index name or folder; `shipped` for the shipped index
    index: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub fn stats(stats: &Stats) -> Outcome {
    let index = super::open(&stats.index)?;
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
    let total = value["examples"].as_u64().unwrap_or(0).max(1);
    for (name, values) in value["tags"].as_object().into_iter().flatten() {
        print(format!(
            "{name}: {}",
            count(values.as_object().map_or(0, |v| v.len()), "value")
        ))?;
        for (value, count) in values.as_object().into_iter().flatten().take(12) {
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
    for (name, value, count) in index.tag_counts().map_err(failed)? {
        tags.entry(name).or_default().insert(value, count.into());
    }
    let (sources, licences) = index.origins().map_err(failed)?;
    Ok(json!({
        "examples": index.len(),
        "pictures": index.image_count().map_err(failed)?,
        "removed": index.live_rows().removed(),
        "bytes": index.folder().map_or(0, length),
        "sha256": index.sha256(),
        "encoders": index.encoders(),
        "sources": sources,
        "licences": licences,
        "tags": tags,
        "intended_use": INTENDED_USE,
    }))
}

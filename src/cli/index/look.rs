//! Commands that only look.

use clap::Args;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;

use super::{Failure, Outcome, embedders, failed, find, library};
use crate::imaging::load;
use crate::index::compact::length;
use crate::index::ingest::Embedder;
use crate::index::{Example, Index};
use crate::retrieval::{Condition, Plan, Query, Shot, Strategy, retrieve};
use crate::support::INTENDED_USE;
use crate::support::{Cancel, Hint, Progress, errors::bytes};

fn print(text: impl std::fmt::Display) -> Result<(), Failure> {
    writeln!(std::io::stdout(), "{text}").map_err(|e| Failure::io(&e))
}

pub fn list(as_json: bool) -> Outcome {
    let mut rows = Vec::new();
    let mut faults = 0;
    for (name, index) in library()?.list() {
        let name = crate::support::sanitise::clean_line(&name);
        match index {
            Ok(index) => rows.push(json!({
                "name": name, "examples": index.len(), "sha256": index.sha256(),
                "encoders": index.encoders().iter().map(|e| &e.name).collect::<Vec<_>>(),
            })),
            Err(error) => {
                faults += 1;
                eprintln!("{name}: {error}");
            }
        }
    }
    if as_json {
        print(format!("{:#}", Value::Array(rows)))?;
    } else {
        if rows.is_empty() {
            eprintln!("no indexes yet; `rounds index import --help` says how to make one");
        }
        for row in &rows {
            let name = row["name"].as_str().unwrap_or_default();
            print(format!(
                "{name:24} {:>9} examples  {}",
                row["examples"], row["encoders"]
            ))?;
        }
    }
    Ok(u8::from(faults > 0))
}

fn example_json(example: &Example) -> Value {
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
    /// Index name or folder; `shipped` for the one that ships
    index: PathBuf,
    /// Id of an example, or the beginning of one
    id: Option<String>,
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
pub struct Search {
    index: PathBuf,
    /// Picture to find similar ones of
    #[arg(short, long)]
    image: Option<PathBuf>,
    /// Words to find
    #[arg(short, long)]
    text: Option<String>,
    #[arg(short, default_value_t = 10)]
    k: usize,
    /// left out: image, text or hybrid, by what was given
    #[arg(long, value_enum)]
    strategy: Option<Strategy>,
    #[arg(long, value_enum, default_value = "auto")]
    search: crate::index::Search,
    #[arg(long = "filter", value_name = "NAME=VALUE")]
    filter: Vec<Condition>,
    #[arg(long, allow_negative_numbers = true)]
    floor: Option<f32>,
    #[arg(long, default_value_t = 0)]
    seed: u64,
    #[arg(long)]
    json: bool,
    #[arg(long, default_value = "auto")]
    device: String,
}

pub fn search(search: &Search) -> Outcome {
    let index = super::open(&search.index)?;
    let strategy = match (search.strategy, &search.image, &search.text) {
        (Some(strategy), ..) => strategy,
        (None, Some(_), Some(_)) => Strategy::Hybrid,
        (None, Some(_), None) => Strategy::Image,
        (None, None, Some(_)) => Strategy::Text,
        (None, None, None) => Strategy::Random,
    };
    let encoder = index.encoders().first().cloned();
    let (mut vectors, mut own, mut words) = (Vec::new(), Vec::new(), None);
    let compared = strategy.needs_vectors();
    let embedders = match &encoder {
        Some(encoder) if compared || search.image.is_some() => {
            Some(embedders(std::slice::from_ref(encoder), &search.device)?)
        }
        _ => None,
    };
    if let (Some(text), Some(embedders)) = (&search.text, &embedders) {
        let made = embedders.text(text).map_err(|e| Failure::usage(e, None))?;
        words = made.into_iter().next().flatten();
    }
    if let (Some(path), Some(embedders)) = (&search.image, &embedders) {
        let picture = load(path).map_err(|e| Failure {
            message: e.to_string(),
            hint: e.hint(),
            code: 3,
        })?;
        let made = embedders
            .picture(&picture)
            .map_err(|e| Failure::usage(e, None))?;
        vectors = made;
        own.push((
            picture.source.sha256.clone(),
            crate::imaging::look(&picture),
        ));
    }
    let vectors: Vec<&[f32]> = vectors.iter().map(Vec::as_slice).collect();
    let query = Query {
        encoder: encoder.as_ref().map_or("", |e| e.sha256.as_str()),
        vectors: &vectors,
        text: words.as_deref(),
        images: &own,
        question: search.text.as_deref().unwrap_or(""),
        patient: None,
        study: None,
        seed: search.seed,
    };
    let plan = Plan {
        shots: search.k,
        strategy,
        search: search.search,
        floor: search.floor,
        filter: search.filter.clone(),
        pinned: Vec::new(),
        excluded: Vec::new(),
    };
    let found = retrieve(&index, &query, &plan).map_err(failed)?;
    for notice in &found.notices {
        eprintln!("note: {notice}");
    }
    if search.json {
        let hit = |shot: &Shot| {
            let mut value = example_json(&shot.example);
            value["rank"] = shot.rank.into();
            value["score"] = json!((f64::from(shot.score) * 1e4).round() / 1e4);
            value["reason"] = shot.reason.clone().into();
            value
        };
        print(format!(
            "{:#}",
            Value::Array(found.shots.iter().map(hit).collect())
        ))?;
        return Ok(0);
    }
    for shot in &found.shots {
        let e = &shot.example;
        print(format!("{:3}. {}  {}", shot.rank, e.id, shot.reason))?;
        print(format!("     Q: {}  A: {}", e.question, e.answer))?;
        let tags: Vec<String> = e.tags.iter().map(|(n, v)| format!("{n}={v}")).collect();
        print(format!(
            "     {} | {}, {}",
            tags.join(" "),
            e.source,
            e.licence
        ))?;
    }
    Ok(0)
}

#[derive(Args)]
pub struct Verify {
    index: PathBuf,
    #[arg(long)]
    json: bool,
}

pub fn verify(verify: &Verify, cancel: &Cancel) -> Outcome {
    let folder = find(&verify.index)?;
    if !folder.join("index.toml").exists() {
        return Err(failed(crate::index::IndexError::NotAnIndex(
            crate::support::errors::shown(&folder),
        )));
    }
    let mut progress = Progress::new("examples", None).quiet(verify.json);
    let verdict = crate::index::verify::verify(&folder, cancel, &mut |done, _| {
        progress.set(done as u64);
    })
    .map_err(failed)?;
    progress.finish();
    if verify.json {
        print(json!(verdict))?;
    } else {
        for fault in &verdict.faults {
            print(fault)?;
        }
    }
    if !verdict.faults.is_empty() {
        return Err(Failure {
            message: format!("{} faults", verdict.faults.len()),
            hint: Some("import the data again into a new index".into()),
            code: 3,
        });
    }
    if !verify.json {
        print(format!(
            "{} examples and {} pictures are as they were written{}",
            verdict.examples,
            verdict.pictures,
            if verdict.sealed {
                ""
            } else {
                "; the last writer did not come to its end, nothing it acknowledged is lost"
            }
        ))?;
    }
    Ok(0)
}

#[derive(Args)]
pub struct Stats {
    /// Index name or folder; `shipped` for the one that ships
    index: PathBuf,
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
    print(format!(
        "{} examples, {} pictures, {} removed, {}",
        value["examples"],
        value["pictures"],
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
    let most = value["examples"].as_u64().unwrap_or(0).max(1);
    for (name, values) in value["tags"].as_object().into_iter().flatten() {
        print(format!(
            "{name}: {} values",
            values.as_object().map_or(0, |v| v.len())
        ))?;
        for (value, count) in values.as_object().into_iter().flatten().take(12) {
            let count = count.as_u64().unwrap_or(0);
            let bar = "█".repeat((count * 30 / most) as usize);
            print(format!(
                "  {:32} {count:>8}  {bar}",
                crate::support::sanitise::clean_line_max(value, 32)
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
        "pictures": index.pictures().map_err(failed)?,
        "removed": index.living().removed(),
        "bytes": index.folder().map_or(0, length),
        "sha256": index.sha256(),
        "encoders": index.encoders(),
        "sources": sources,
        "licences": licences,
        "tags": tags,
        "intended_use": INTENDED_USE,
    }))
}

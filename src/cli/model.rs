//! `rounds model`: bundles of published weights.

mod bench;
mod import;
mod logits;
#[cfg(feature = "hub")]
mod pull;

use clap::Subcommand;
use std::io::Write;
use std::path::PathBuf;

use super::{Failure, Outcome};
use crate::model::import::Hold;
use crate::model::library::{Known, Library};
use crate::model::random::{self, Shape};
use crate::support::{Cancel, Hint, Paths, Progress};

#[derive(Subcommand)]
pub enum Model {
    /// Make a bundle from published weights
    Import(import::Import),
    /// Get published weights from a hub and make a bundle of them
    #[cfg(feature = "hub")]
    Pull(pull::Pull),
    /// List your bundles
    List {
        #[arg(long)]
        json: bool,
    },
    /// Show what a bundle is
    Show { bundle: PathBuf },
    /// Hash every file of a bundle
    Verify { bundle: PathBuf },
    /// Delete a bundle
    Remove { bundle: PathBuf },
    /// Write the logits of prompts, to check this program against another (grey of more than 8 bits is cut off, as in the references)
    Logits(logits::Logits),
    /// Write a bundle of a published shape with random weights
    Random {
        /// Which shape
        #[arg(long, value_enum)]
        shape: Shape,
        /// Decoder layers; left out: as published
        #[arg(long)]
        layers: Option<usize>,
        /// How the weights are held
        #[arg(long, value_enum, default_value = "q4_k")]
        dtype: Hold,
        #[arg(long, default_value_t = 0)]
        seed: u64,
        /// Name in your library, or a folder
        #[arg(long)]
        out: PathBuf,
    },
    /// Measure a bundle's speed and memory
    Bench(bench::Bench),
}

/// The user's library.
pub fn library() -> Result<Library, Failure> {
    Paths::find()
        .map(|paths| Library::of(&paths))
        .map_err(|e| Failure {
            message: e.to_string(),
            hint: e.hint(),
            code: 2,
        })
}

/// Where a new bundle goes.
fn place(given: &std::path::Path) -> Result<PathBuf, Failure> {
    let place = library()?.place(given);
    place.map_err(|e| Failure::usage(e.to_string(), None))
}

/// Runs one of the commands.
pub fn run(model: &Model, cancel: &Cancel) -> Outcome {
    match model {
        Model::Import(import) => import::run(import, cancel),
        #[cfg(feature = "hub")]
        Model::Pull(pull) => pull::run(pull, cancel),
        Model::List { json } => list(*json),
        Model::Show { bundle } => show(bundle),
        Model::Verify { bundle } => verify(bundle),
        Model::Remove { bundle } => {
            let library = library()?;
            let folder = library.find(bundle);
            let users = super::index::users_of(&library, &folder)?;
            library.remove(&folder).map_err(|e| Failure::model(&e))?;
            eprintln!("deleted {}", shown(&folder));
            for (index, encoder) in users {
                eprintln!(
                    "note: the index {index} has vectors of it and takes no more examples without it; drop them with `rounds index embed {index} --drop {encoder}`"
                );
            }
            Ok(0)
        }
        Model::Logits(logits) => logits::run(logits, cancel),
        Model::Random {
            shape,
            layers,
            dtype,
            seed,
            out,
        } => {
            let folder = place(out)?;
            let mut progress = Progress::new("writing tensors", None);
            let bytes = random::write(
                *shape,
                *layers,
                *dtype,
                &folder,
                *seed,
                cancel,
                &mut |done, _| progress.set(done as u64),
            )
            .map_err(|e| Failure::model(&e))?;
            progress.finish();
            eprintln!("{}: {:.2} GB", shown(&folder), bytes as f64 / 1e9);
            Ok(0)
        }
        Model::Bench(bench) => bench::run(bench, cancel),
    }
}

fn shown(path: &std::path::Path) -> String {
    crate::support::sanitise::clean_line(&path.to_string_lossy())
}

fn row(name: &str, known: &Known) -> serde_json::Value {
    let (family, model, dtype, lengths, licence) = match known {
        Known::Learner(m) => (m.family.as_str(), &m.name, &m.dtype, &m.lengths, &m.licence),
        Known::Encoder(m) => (m.family.name(), &m.name, &m.dtype, &m.lengths, &m.licence),
    };
    serde_json::json!({
        "name": name, "family": family, "model": model, "dtype": dtype,
        "bytes": lengths.values().sum::<u64>(), "licence": licence,
    })
}

fn list(json: bool) -> Outcome {
    let mut out = std::io::stdout().lock();
    let mut faults = 0;
    let mut rows = Vec::new();
    for (name, manifest) in library()?.list() {
        let name = crate::support::sanitise::clean_line(&name);
        match manifest {
            Ok(known) => rows.push(row(&name, &known)),
            Err(error) => {
                faults += 1;
                eprintln!("{name}: {error}");
            }
        }
    }
    let io = |e: std::io::Error| Failure::io(&e);
    if json {
        writeln!(out, "{:#}", serde_json::Value::Array(rows)).map_err(io)?;
    } else {
        if rows.is_empty() {
            eprintln!("no bundles yet; `rounds model import --help` says how to make one");
        }
        for row in &rows {
            let text = |key: &str| row[key].as_str().unwrap_or_default().to_string();
            let gb = row["bytes"].as_f64().unwrap_or(0.0) / 1e9;
            writeln!(
                out,
                "{:24} {:9} {:5} {gb:7.2} GB  {}",
                text("name"),
                text("family"),
                text("dtype"),
                text("model")
            )
            .map_err(io)?;
        }
    }
    Ok(u8::from(faults > 0))
}

fn show(bundle: &std::path::Path) -> Outcome {
    let folder = library()?.find(bundle);
    let text = match Known::of(&folder).map_err(|e| Failure::model(&e))? {
        Known::Learner(manifest) => toml::to_string(&manifest),
        Known::Encoder(manifest) => toml::to_string(&manifest),
    };
    let text = text.map_err(|e| Failure {
        message: e.to_string(),
        hint: None,
        code: 3,
    })?;
    // Words of a file that anyone may have written.
    let clean: String = text
        .lines()
        .map(|l| crate::support::sanitise::clean_line(l) + "\n")
        .collect();
    write!(std::io::stdout(), "{clean}").map_err(|e| Failure::io(&e))?;
    Ok(0)
}

fn verify(bundle: &std::path::Path) -> Outcome {
    let folder = library()?.find(bundle);
    let faults = Known::verify(&folder).map_err(|e| Failure::model(&e))?;
    let mut out = std::io::stdout().lock();
    for fault in &faults {
        writeln!(out, "{fault}").map_err(|e| Failure::io(&e))?;
    }
    if faults.is_empty() {
        writeln!(out, "every file is as it was written").map_err(|e| Failure::io(&e))?;
        return Ok(0);
    }
    Err(Failure {
        message: format!("{} of the bundle's files are damaged", faults.len()),
        hint: Some("import or pull the model again".into()),
        code: 3,
    })
}

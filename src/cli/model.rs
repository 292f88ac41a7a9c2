//! `rounds model`: bundles of published weights.

mod bench;
mod import;
mod logits;
#[cfg(feature = "hub")]
mod pull;

use clap::Subcommand;
use std::path::{Path, PathBuf};

use super::interrupt::Interrupt;
use super::out::{self, print};
use super::{Failure, Outcome};
use rounds_assistant::SHIPPED;
use rounds_model::bundle::Bundle;
use rounds_model::encoder::Descriptor;
use rounds_model::import::Hold;
use rounds_model::library::{Known, Library, is_bundle};
use rounds_model::random::{self, Shape};
use rounds_support::{Hint, Paths, Progress, aside};

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
    /// Show what a bundle is (`shipped` is the one that ships)
    Show { bundle: PathBuf },
    /// Hash every file of a bundle (`shipped` is the one that ships)
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

/// A bundle's folder by name or path; `None` for the one that ships, which has a name too.
pub fn find(given: &Path) -> Result<Option<PathBuf>, Failure> {
    let folder = library()?.find(given);
    let ships = given == Path::new(SHIPPED) && !is_bundle(&folder);
    Ok((!ships).then_some(folder))
}

/// As [`find`]. Errors where there is no bundle.
pub fn there(given: &Path) -> Result<Option<PathBuf>, Failure> {
    let found = find(given)?;
    match found.as_deref().is_none_or(is_bundle) {
        true => Ok(found),
        false => Err(Failure::usage(
            format!("there is no model {}", shown(given)),
            Some("`rounds model list` shows yours; left out, the one that ships is used".into()),
        )),
    }
}

/// What compares pictures, as an assistant takes it: the words `descriptor` and `shipped`, or a bundle that is there.
pub fn comparing(given: &Path) -> Result<PathBuf, Failure> {
    match Descriptor::is_named(given) {
        true => Ok(given.to_path_buf()),
        false => Ok(there(given)?.unwrap_or_else(|| PathBuf::from(SHIPPED))),
    }
}

/// Where a new bundle goes.
fn place(given: &std::path::Path) -> Result<PathBuf, Failure> {
    let place = library()?.place(given);
    place.map_err(|e| Failure::usage(e.to_string(), None))
}

/// Runs one of the commands.
pub fn run(model: &Model, interrupt: &Interrupt) -> Outcome {
    match model {
        Model::Import(import) => import::run(import, interrupt.flag()),
        #[cfg(feature = "hub")]
        Model::Pull(pull) => pull::run(pull, interrupt),
        Model::List { json } => list(*json),
        Model::Show { bundle } => show(bundle),
        Model::Verify { bundle } => verify(bundle),
        Model::Remove { bundle } => {
            let library = library()?;
            let folder = library.find(bundle);
            let users = super::index::users_of(&library, &folder)?;
            library.remove(&folder).map_err(|e| Failure::model(&e))?;
            aside(format_args!("deleted {}", shown(&folder)));
            for (index, encoder) in users {
                aside(format_args!(
                    "note: the index {index} has vectors of it and takes no more examples without it; drop them with `rounds index embed {index} --drop {encoder}`"
                ));
            }
            Ok(0)
        }
        Model::Logits(logits) => logits::run(logits, interrupt.flag()),
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
                interrupt.flag(),
                &mut |done, _| progress.set(done as u64),
            )
            .map_err(|e| Failure::model(&e))?;
            progress.finish();
            aside(format_args!(
                "{}: {:.2} GB",
                shown(&folder),
                bytes as f64 / 1e9
            ));
            Ok(0)
        }
        Model::Bench(bench) => bench::run(bench, interrupt.flag()),
    }
}

fn shown(path: &Path) -> String {
    rounds_support::sanitise::clean_line(&path.to_string_lossy())
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
    let mut faults = 0;
    let mut rows = Vec::new();
    for (name, manifest) in library()?.list() {
        let name = rounds_support::sanitise::clean_line(&name);
        match manifest {
            Ok(known) => rows.push(row(&name, &known)),
            Err(error) => {
                faults += 1;
                aside(format_args!("{name}: {error}"));
            }
        }
    }
    if json {
        print(format_args!("{:#}", serde_json::Value::Array(rows)))?;
    } else {
        if rows.is_empty() {
            aside("no bundles yet; `rounds model import --help` says how to make one");
        }
        for row in &rows {
            let text = |key: &str| row[key].as_str().unwrap_or_default().to_string();
            let gb = row["bytes"].as_f64().unwrap_or(0.0) / 1e9;
            print(format_args!(
                "{:24} {:9} {:5} {gb:7.2} GB  {}",
                text("name"),
                text("family"),
                text("dtype"),
                text("model")
            ))?;
        }
    }
    Ok(u8::from(faults > 0))
}

fn show(bundle: &Path) -> Outcome {
    let known = match there(bundle)? {
        Some(folder) => Known::of(&folder),
        None => Bundle::open(None).map(|bundle| Known::Learner(Box::new(bundle.manifest))),
    };
    let text = match known.map_err(|e| Failure::model(&e))? {
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
        .map(|l| rounds_support::sanitise::clean_line(l) + "\n")
        .collect();
    out::write(clean.as_bytes()).map(|()| 0)
}

fn verify(bundle: &Path) -> Outcome {
    let faults = match there(bundle)? {
        Some(folder) => Known::verify(&folder),
        // Opening hashes all of it.
        None => Bundle::open(None).map(|_| Vec::new()),
    };
    let faults = faults.map_err(|e| Failure::model(&e))?;
    for fault in &faults {
        print(fault)?;
    }
    if faults.is_empty() {
        return print("every file is as it was written").map(|()| 0);
    }
    Err(Failure {
        message: format!("{} of the bundle's files are damaged", faults.len()),
        hint: Some("import or pull the model again".into()),
        code: 3,
    })
}

//! `rounds model`: imports, inspects and benchmarks model bundles.

mod bench;
mod import;
mod logits;
#[cfg(feature = "hub")]
mod pull;

use clap::Subcommand;
use std::path::{Path, PathBuf};

use super::failure::Outcome;
use super::interrupt::Interrupt;
use super::libraries::{existing_model, indexes_using, models};
use super::out::{self, print};
use rounds_model::bundle::Bundle;
use rounds_model::import::WeightFormat;
use rounds_model::library::BundleManifest;
use rounds_model::random::{self, Shape};
use rounds_support::errors::{count, display_path};
use rounds_support::{Failure, Progress, stderr_line};

#[derive(Subcommand)]
pub enum Model {
    /// Convert published weights into a bundle
    Import(import::Import),
    /// Download published weights and convert them into a bundle
    #[cfg(feature = "hub")]
    Pull(pull::Pull),
    /// List your models and encoders
    List {
        /// Print a JSON array
        #[arg(long)]
        json: bool,
    },
    /// Show a bundle's manifest
    Show {
        /// Bundle name or folder; `shipped` for the shipped model
        bundle: PathBuf,
    },
    /// Check a bundle's files for damage
    Verify {
        /// Bundle name or folder; `shipped` for the shipped model
        bundle: PathBuf,
    },
    /// Delete a bundle
    Remove {
        /// Bundle name or folder
        bundle: PathBuf,
    },
    /// Write the logits of prompts, to compare with a reference
    ///
    /// Greyscale above 8 bits is clipped, as in the reference implementation.
    #[command(hide = true)]
    Logits(logits::Logits),
    /// Write a bundle with random weights in a published shape
    #[command(hide = true)]
    Random {
        /// Model shape
        #[arg(long, value_enum)]
        shape: Shape,
        /// Number of decoder layers [default: as published]
        #[arg(long)]
        layers: Option<usize>,
        /// Weight type
        #[arg(long, value_enum, default_value = "q4_k")]
        dtype: WeightFormat,
        /// Seed for the weights
        #[arg(long, default_value_t = 0)]
        seed: u64,
        /// Name for the bundle, or a folder
        #[arg(long)]
        out: PathBuf,
    },
    /// Measure a bundle's speed and memory
    #[command(hide = true)]
    Bench(bench::Bench),
}

/// The folder for a new bundle.
fn new_bundle_folder(given: &std::path::Path) -> Result<PathBuf, Failure> {
    let folder = models()?.place(given);
    folder.map_err(|e| Failure::usage(e.to_string()))
}

/// Runs the subcommand.
pub fn run(model: &Model, interrupt: &Interrupt) -> Outcome {
    match model {
        Model::Import(import) => import::run(import, interrupt.flag()),
        #[cfg(feature = "hub")]
        Model::Pull(pull) => pull::run(pull, interrupt),
        Model::List { json } => list(*json),
        Model::Show { bundle } => show(bundle),
        Model::Verify { bundle } => verify(bundle),
        Model::Remove { bundle } => {
            let library = models()?;
            let folder = library.find(bundle);
            let users = indexes_using(&folder)?;
            library.remove(&folder)?;
            stderr_line(format_args!("deleted {}", display_path(&folder)));
            for (index, encoder) in users {
                stderr_line(format_args!(
                    "note: index {index} uses vectors from it and accepts no new examples without it; drop them with `rounds index embed {index} --drop {encoder}`"
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
            let folder = new_bundle_folder(out)?;
            let mut progress = Progress::new("writing tensors", None);
            let bytes = random::write(
                *shape,
                *layers,
                *dtype,
                &folder,
                *seed,
                interrupt.flag(),
                &mut |done, _| progress.set(done as u64),
            )?;
            progress.finish();
            stderr_line(format_args!(
                "{}: {:.2} GB",
                display_path(&folder),
                bytes as f64 / 1e9
            ));
            Ok(0)
        }
        Model::Bench(bench) => bench::run(bench, interrupt.flag()),
    }
}

fn row(name: &str, known: &BundleManifest) -> serde_json::Value {
    let (family, model, dtype, lengths, licence) = match known {
        BundleManifest::Learner(m) => {
            (m.family.as_str(), &m.name, &m.dtype, &m.lengths, &m.licence)
        }
        BundleManifest::Encoder(m) => (m.family.name(), &m.name, &m.dtype, &m.lengths, &m.licence),
    };
    serde_json::json!({
        "name": name, "family": family, "model": model, "dtype": dtype,
        "bytes": lengths.values().sum::<u64>(), "licence": licence,
    })
}

fn list(json: bool) -> Outcome {
    let mut faults = 0;
    let mut rows = Vec::new();
    for (name, manifest) in models()?.list() {
        let name = rounds_support::sanitise::clean_line(&name);
        match manifest {
            Ok(known) => rows.push(row(&name, &known)),
            Err(error) => {
                faults += 1;
                stderr_line(format_args!("{name}: {error}"));
            }
        }
    }
    if json {
        print(format_args!("{:#}", serde_json::Value::Array(rows)))?;
    } else {
        if rows.is_empty() {
            stderr_line("no models of your own yet; see `rounds model --help`");
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
    let known = match existing_model(bundle)? {
        Some(folder) => BundleManifest::of(&folder),
        None => Bundle::open(None).map(|bundle| BundleManifest::Learner(Box::new(bundle.manifest))),
    };
    let text = match known? {
        BundleManifest::Learner(manifest) => toml::to_string(&manifest),
        BundleManifest::Encoder(manifest) => toml::to_string(&manifest),
    };
    let text = text.map_err(Failure::model)?;
    // The manifest comes from an untrusted file.
    let clean: String = text
        .lines()
        .map(|l| rounds_support::sanitise::clean_line(l) + "\n")
        .collect();
    out::write(clean.as_bytes()).map(|()| 0)
}

fn verify(bundle: &Path) -> Outcome {
    let faults = match existing_model(bundle)? {
        Some(folder) => BundleManifest::verify(&folder),
        None => Bundle::verify_shipped(),
    };
    let faults = faults?;
    for fault in &faults {
        print(fault)?;
    }
    if faults.is_empty() {
        return print("all files verified, no damage").map(|()| 0);
    }
    let damaged = count(faults.len(), "damaged file");
    Err(Failure::model(format_args!("the bundle has {damaged}"))
        .hint("import or pull the model again"))
}

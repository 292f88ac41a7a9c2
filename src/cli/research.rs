//! Commands for whoever makes or measures the shipped model.

use clap::{Args, Subcommand};
use std::path::PathBuf;

use super::interrupt::Interrupt;
use super::out::print;
use super::{Failure, Outcome};
use rounds_assistant::Setup;
use rounds_eval::Share;
use rounds_model::device;
use rounds_phantom::{KINDS, render};
use rounds_support::errors::{count, shown};
use rounds_support::{INTENDED_USE, Progress, files};
use rounds_train::recipe::NanoRecipe;

#[derive(Subcommand, Clone)]
pub enum Eval {
    /// Questions about phantoms with seeds never trained on
    Phantoms {
        #[arg(short, default_value_t = 300)]
        n: usize,
        #[arg(long, default_value_t = 4)]
        shots: usize,
        /// Show the model a grey picture (control)
        #[arg(long)]
        blank: bool,
        #[command(flatten)]
        what: What,
        #[arg(long)]
        json: bool,
    },
    /// How often the neighbours of a picture share its tags
    Neighbours {
        /// Index that is searched
        #[arg(long)]
        index: PathBuf,
        /// Index whose pictures are the queries
        #[arg(long)]
        queries: PathBuf,
        #[arg(short, default_value_t = 5)]
        k: usize,
        /// Tag to compare (may be given several times)
        #[arg(long = "tag", default_values_t = ["modality".to_string(), "organ".to_string()])]
        tags: Vec<String>,
        #[arg(long)]
        json: bool,
    },
    /// Made-up names that only the shots define
    Binding {
        #[arg(short, default_value_t = 200)]
        n: usize,
        /// At least 2, so that both names are shown; 0 shows none (control)
        #[arg(long, default_value_t = 4)]
        shots: usize,
        /// Give the shots' answers in random order (control)
        #[arg(long)]
        shuffle: bool,
        #[command(flatten)]
        what: What,
        #[arg(long)]
        json: bool,
    },
}

/// What is measured.
#[derive(Args, Clone)]
pub struct What {
    /// Model folder; left out: the one that ships
    #[arg(long)]
    model: Option<PathBuf>,
    /// Index folder; left out: the one that ships
    #[arg(long)]
    index: Option<PathBuf>,
}

/// One figure: share, 95 % interval, bar, counts.
fn row(name: &str, share: &Share) -> Result<(), Failure> {
    row_with(name, share, share.interval())
}

fn row_with(name: &str, share: &Share, (low, high): (f64, f64)) -> Result<(), Failure> {
    let bar = "█".repeat((share.percent() / 5.0).round() as usize);
    print(format_args!(
        "{name:9} {:5.1} %  ({low:4.1} to {high:5.1})  {bar:20}  {} of {}",
        share.percent(),
        share.right,
        share.asked
    ))
}

/// Runs a measurement and prints it.
pub fn eval(eval: &Eval) -> Outcome {
    match eval.clone() {
        Eval::Phantoms {
            n,
            shots,
            blank,
            what,
            json,
        } => {
            let setup = Setup {
                device: "cpu".into(),
                model: what.model,
                index: what.index,
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
                if blank { ", picture blanked" } else { "" }
            ))?;
            row("closed", &result.closed)?;
            row("open", &result.open)?;
            if result.vote.asked > 0 {
                row("vote", &result.vote)?;
            }
            for (topic, share) in &result.by_topic {
                row(topic, share)?;
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
                "precision at {k}, the query's own picture, patient and study left out"
            ))?;
            for (tag, precision) in &result {
                row_with(tag, &precision.found, precision.interval_percent)?;
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
            what,
            json,
        } => {
            let result = rounds_eval::binding(what.model.as_deref(), n, shots, shuffle)?;
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
            row("generated", &result.generated)?;
            row("chosen", &result.chosen)?;
            print(match shots {
                0 => "no shot shows the names: this is a control",
                _ => "chance of a choice is 50 %",
            })?;
        }
    }
    print(INTENDED_USE)?;
    Ok(0)
}

#[derive(Subcommand)]
pub enum Train {
    /// Train the model that ships; a run found in the folder goes on
    Nano {
        #[arg(long)]
        out: PathBuf,
        /// JSON recipe; left out: the built-in one
        #[arg(long)]
        recipe: Option<PathBuf>,
        #[arg(long, default_value = "cpu", value_parser = device::NAMES)]
        device: String,
    },
    /// Make the index that ships again, from the model that ships
    Index {
        /// Root of the repository
        #[arg(long, default_value = ".")]
        root: PathBuf,
    },
    /// Make model bundle, index and sample cases from a run
    Ship {
        #[arg(long)]
        run: PathBuf,
        /// Root of the repository
        #[arg(long, default_value = ".")]
        root: PathBuf,
    },
}

/// Trains or ships.
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
                    serde_json::from_str(&text).map_err(|e| {
                        Failure::usage(format!("the recipe is not valid: {e}"), None)
                    })?
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
    /// Kind, for example chest-film
    kind: String,
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Side in pixels
    #[arg(long, default_value_t = 224, value_parser = clap::value_parser!(u32).range(8..=2048))]
    size: u32,
    /// File to write, never over one that exists unless --force is given
    #[arg(short, long)]
    out: PathBuf,
    /// Write over a file that exists
    #[arg(long)]
    force: bool,
}

/// Draws one phantom.
pub fn draw(draw: &DrawPhantom) -> Outcome {
    if draw.out.exists() && !draw.force {
        return Err(Failure::usage(
            format!("{} exists already", shown(&draw.out)),
            Some("write to another file, or over this one with --force".into()),
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
        .ok_or_else(|| Failure::usage("a picture of the wrong size", None))?;
    buffer
        .write_to(&mut png, image::ImageFormat::Png)
        .map_err(|e| Failure::from(anyhow::Error::from(e)))?;
    files::write_atomic(&draw.out, png.get_ref()).map_err(|e| Failure::model(&e))?;
    Ok(0)
}

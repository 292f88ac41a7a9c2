//! `rounds eval`: carries out plans on real sets, and measures the model on phantoms and made-up names, and an index on its tags.

mod bert_score;
mod compare;
mod report;
mod run;

use clap::{Args, Subcommand};
use std::path::PathBuf;

use super::failure::{Outcome, other};
use super::interrupt::Interrupt;
use super::libraries::{existing_index, existing_model, open_index};
use super::out::print;
use rounds_assistant::Setup;
use rounds_eval::Share;
use rounds_support::errors::count;
use rounds_support::{Failure, INTENDED_USE, Progress};

#[derive(Subcommand, Clone)]
pub enum Eval {
    /// Carry out a plan: every question under every condition, with controls; resumes where it was stopped
    Run(run::RunPlan),
    /// Write a run's report: a page with plots, tables in Markdown and LaTeX
    Report(report::Report),
    /// Test whether two runs, or two conditions of a run, differ
    Compare(compare::Compare),
    /// Score the answers of a run by BERTScore, on an encoder of yours
    BertScore(bert_score::BertScore),
    /// List plans under the names of papers and benchmarks, or print one
    Presets {
        /// Name of the plan to print
        name: Option<String>,
    },
    /// Measure answers to questions about phantoms with unseen seeds (nano in tests/fixtures was trained on phantoms)
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
    /// Model name or folder [default: the shipped model]
    #[arg(long)]
    model: Option<PathBuf>,
    /// Index name or folder [default: the shipped index]
    #[arg(long)]
    index: Option<PathBuf>,
}

impl EvalTarget {
    fn model(&self) -> Result<Option<PathBuf>, Failure> {
        self.model.as_deref().map_or(Ok(None), existing_model)
    }

    fn index(&self) -> Result<Option<PathBuf>, Failure> {
        self.index.as_deref().map_or(Ok(None), existing_index)
    }
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
pub fn run(eval: &Eval, interrupt: &Interrupt) -> Outcome {
    match eval.clone() {
        Eval::Run(plan) => return run::run_plan(&plan, interrupt.flag()),
        Eval::Report(args) => return report::run(&args),
        Eval::Compare(args) => return compare::run(&args),
        Eval::BertScore(args) => return bert_score::run(&args, interrupt.flag()),
        Eval::Presets { name } => return run::presets(name.as_deref()),
        Eval::Phantoms {
            n,
            shots,
            blank,
            target,
            json,
        } => {
            let setup = Setup {
                device: "cpu".into(),
                model: target.model()?,
                index: target.index()?,
                ..Setup::default()
            };
            let mut progress = Progress::new("phantoms", Some(n as u64));
            let result =
                rounds_eval::phantoms(&setup, n, shots, blank, |done| progress.set(done as u64))
                    .map_err(other)?;
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
            let (index, queries) = (open_index(&index)?, open_index(&queries)?);
            let mut progress = Progress::new("queries", None);
            let each = &mut |done| progress.set(done as u64);
            let result = rounds_eval::neighbours(&index, &queries, k, &tags, each)?;
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
                    "          queries: {}; chance {:.1} %",
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
            let result = rounds_eval::binding(target.model()?.as_deref(), n, shots, shuffle)
                .map_err(other)?;
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

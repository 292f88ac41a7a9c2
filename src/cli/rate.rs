//! `rounds rate`: blinded rating of answers, the file for it, and the report on it.

use clap::{Args, Subcommand};
use std::path::{Path, PathBuf};

use super::chat::{exit_code, line_mode_reason};
use super::failure::{Outcome, other};
use super::out::{print, write};
use super::screen_args::ScreenArgs;
use crate::rate::run as open_screen;
use rounds_eval::rating::{
    RatingSet, RatingsFile, Report, Request, check_rater, make, rater_files,
};
use rounds_support::errors::{count, display_path};
use rounds_support::{Failure, stderr_line};

/// Rate answers blinded to their models, and compare raters
///
/// `rounds rate new` makes a file to rate from the results of evaluation runs; `rounds rate FILE --rater NAME` opens it;
/// `rounds rate report FILE` says which system is which, how they did, and how far the raters agree. See docs/rating.md.
#[derive(Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct Rate {
    #[command(subcommand)]
    command: Option<RateCommand>,
    /// File made by `rounds rate new`
    #[arg(required = true)]
    file: Option<PathBuf>,
    /// Your name: letters, digits, hyphens and underscores
    #[arg(long, required = true)]
    rater: Option<String>,
    #[command(flatten)]
    screen: ScreenArgs,
}

#[derive(Subcommand)]
enum RateCommand {
    /// Make a file to rate: pair the answers of several systems, shuffle them, and seal which is whose
    New(New),
    /// Open the seal: mean ratings, ranks, flags, and agreement between raters
    Report(ReportArgs),
}

#[derive(Args)]
struct New {
    /// File to write; the images go into a folder beside it
    #[arg(long)]
    out: PathBuf,
    /// Results of an evaluation run, items.jsonl (may be given several times)
    #[arg(long, required = true)]
    results: Vec<PathBuf>,
    /// Only this model (may be given several times)
    #[arg(long = "model")]
    models: Vec<String>,
    /// Only this condition (may be given several times)
    #[arg(long = "condition")]
    conditions: Vec<String>,
    /// Number of items at most, drawn at random
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
    /// Seed of the order [default: follows from the results]
    #[arg(long)]
    seed: Option<u64>,
    /// Overwrite an existing file
    #[arg(long)]
    force: bool,
}

#[derive(Args)]
struct ReportArgs {
    /// File made by `rounds rate new`
    file: PathBuf,
    /// Print one JSON object
    #[arg(long, conflicts_with_all = ["markdown", "latex"])]
    json: bool,
    /// Print Markdown tables
    #[arg(long, conflicts_with = "latex")]
    markdown: bool,
    /// Print LaTeX tables
    #[arg(long)]
    latex: bool,
}

/// Runs `rounds rate`.
pub fn run(rate: &Rate) -> Outcome {
    match (&rate.command, &rate.file, &rate.rater) {
        (Some(RateCommand::New(new)), _, _) => make_file(new),
        (Some(RateCommand::Report(args)), _, _) => report(args),
        (None, Some(file), Some(rater)) => open(file, rater, &rate.screen),
        // The parser requires both.
        (None, _, _) => Err(Failure::usage("give a file to rate and --rater NAME")),
    }
}

fn make_file(new: &New) -> Outcome {
    let raters = rater_files(&new.out).len();
    if new.out.exists() && !new.force {
        let error = Failure::usage(format!("{} already exists", display_path(&new.out)));
        return Err(error.hint("choose another file, or add --force to overwrite it"));
    }
    if raters > 0 {
        let error = Failure::usage(format!(
            "{} rated {} already, and their ratings would be void",
            count(raters, "rater"),
            display_path(&new.out)
        ));
        return Err(error.hint("choose another file, or move the files of ratings away"));
    }
    let made = make(&Request {
        results: new.results.clone(),
        models: new.models.clone(),
        conditions: new.conditions.clone(),
        limit: new.limit.map(|limit| limit as usize),
        seed: new.seed,
        out: new.out.clone(),
    })?;
    for (number, what, why) in [
        (
            made.incomplete,
            "item",
            "that not every system had answered",
        ),
        (
            made.repeated,
            "result",
            "of an item that the same system had answered before",
        ),
    ] {
        if number > 0 {
            let all = count(number, what);
            stderr_line(format_args!("rounds: left out: {all} {why}"));
        }
    }
    print(format_args!(
        "{}: {} with {} each\nseed {}\nseal {}",
        display_path(&new.out),
        count(made.items, "item"),
        count(made.systems, "answer"),
        made.seed,
        made.seal
    ))?;
    Ok(0)
}

fn open(file: &Path, rater: &str, screen: &ScreenArgs) -> Outcome {
    check_rater(rater)?;
    if let Some(reason) = line_mode_reason() {
        return Err(Failure::usage(format!("rating needs a terminal: {reason}"))
            .hint("run it in a terminal, without redirecting standard input or standard output"));
    }
    let set = RatingSet::read(file)?;
    let seal = set.seal.clone();
    let (ratings_file, ratings) = RatingsFile::open(&set, rater)?;
    let ended = open_screen(set, ratings_file, &ratings, screen.look()).map_err(other)?;
    let (rated, all) = ended.rated;
    stderr_line(format_args!(
        "{rated} of {} rated by {rater}; seal {seal}",
        count(all, "answer")
    ));
    if let Some(lost) = ended.lost {
        return Err(lost.hint("the ratings that were not saved are lost; rate them again"));
    }
    Ok(exit_code(ended.reason, 0))
}

fn report(args: &ReportArgs) -> Outcome {
    let report = Report::read(&args.file)?;
    for row in report.unfinished() {
        stderr_line(format_args!(
            "rounds: {} has rated {} of {}; whoever reads this now is no longer blinded",
            row.rater,
            row.rated,
            count(row.of, "answer")
        ));
    }
    let text = if args.json {
        let json = serde_json::to_string_pretty(&report).map_err(Failure::model)?;
        format!("{json}\n")
    } else if args.markdown {
        report.markdown()
    } else if args.latex {
        report.latex()
    } else {
        report.text()
    };
    write(text.as_bytes())?;
    Ok(0)
}

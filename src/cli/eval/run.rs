//! `rounds eval run`, `presets`: carries out a plan.

use clap::Args;
use serde_json::json;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Instant;

use super::report::print_results;
use crate::cli::failure::Outcome;
use crate::cli::libraries::{indexes, models};
use crate::cli::out::print;
use rounds_eval::bench::{
    Estimate, PRESETS, Plan, Results, RunFolder, RunOptions, Shelf, Templates, estimate, prepare,
    preset, run,
};
use rounds_eval::report::keep_shown;
use rounds_support::errors::{count, display_path};
use rounds_support::{Cancel, Failure, INTENDED_USE, Progress, files, stderr_line};

#[derive(Args, Clone)]
pub struct RunPlan {
    /// Plan in TOML, or the name of a preset (see `rounds eval presets`)
    plan: PathBuf,
    /// Folder of the run: every answer, the results, and the imported data; a run found there is resumed
    /// [default: the plan's name in the current folder]
    #[arg(long)]
    out: Option<PathBuf>,
    /// Folder that relative paths of data start at [default: the plan's folder]
    #[arg(long)]
    data: Option<PathBuf>,
    /// Questions asked at the same time, each with a model of its own; 0 for one a core
    #[arg(long, default_value_t = 0)]
    jobs: usize,
    /// Stop after this many answers; the next call goes on from there
    #[arg(long)]
    max_items: Option<usize>,
    /// Say what the plan costs in images, tokens and time, and ask nothing
    #[arg(long)]
    dry_run: bool,
    /// Print one JSON object instead of a table
    #[arg(long)]
    json: bool,
    /// Compute device; auto uses the first that works
    #[arg(long, default_value = "auto", value_parser = rounds_model::device::NAMES)]
    device: String,
}

/// The text of a plan and the folder that its paths start at.
fn read_plan(given: &Path) -> Result<(String, PathBuf, String), Failure> {
    let name = given.file_stem().unwrap_or_default().to_string_lossy();
    if !given.is_file()
        && let Some(preset) = given.to_str().and_then(preset)
    {
        return Ok((preset.text.into(), PathBuf::from("."), preset.name.into()));
    }
    let text = files::read_to_string(given).map_err(|error| {
        let names: Vec<&str> = PRESETS.iter().map(|preset| preset.name).collect();
        Failure::from(error)
            .hint(format!("presets: {}", names.join(", ")))
            .kind(rounds_support::FailureKind::Usage)
    })?;
    let folder = given.parent().map(Path::to_path_buf).unwrap_or_default();
    let folder = match folder.as_os_str().is_empty() {
        true => PathBuf::from("."),
        false => folder,
    };
    Ok((text, folder, name.into_owned()))
}

impl RunPlan {
    fn shelf(&self) -> Result<Shelf, Failure> {
        Ok(Shelf {
            indexes: indexes()?,
            models: models()?,
            device: self.device.clone(),
        })
    }
}

/// Runs, resumes or only estimates a plan.
pub fn run_plan(args: &RunPlan, cancel: &Cancel) -> Outcome {
    let (text, folder, name) = read_plan(&args.plan)?;
    let plan = Plan::parse(&text)?;
    let templates = Templates::read(&plan, &folder)?;
    let base = args.data.clone().unwrap_or(folder);
    let shelf = args.shelf()?;
    if args.dry_run {
        let estimate = estimate(&plan, &base, &shelf)?;
        return print_estimate(args, &plan, &estimate);
    }
    let out = args.out.clone().unwrap_or_else(|| PathBuf::from(name));
    let run_folder = RunFolder::open(&out, &text)?;
    let steps = std::io::stderr().is_terminal();
    let mut last = String::new();
    let mut report = |step: &str| {
        // Without a terminal the counts of an import would fill the log.
        let counting = step.ends_with(" rows");
        if (steps || !counting) && last != step {
            stderr_line(step);
            last = step.to_string();
        }
    };
    let prepared = prepare(&plan, &templates, &base, &out, &shelf, cancel, &mut report);
    let prepared = match prepared {
        Err(_) if cancel.is_cancelled() => return interrupted(&out),
        other => other?,
    };
    let progress = Mutex::new(Progress::new("answers", None));
    let started = Instant::now();
    let options = RunOptions {
        jobs: args.jobs,
        max_items: args.max_items,
        device: args.device.clone(),
    };
    let outcome = run(
        &plan,
        &prepared,
        &run_folder,
        &options,
        cancel,
        &|outcome| {
            let mut progress = progress
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner);
            // Of this call: the time left would be wrong with those kept from before.
            progress.set_total(Some((outcome.planned - outcome.kept) as u64));
            progress.set(outcome.answered as u64);
        },
    );
    if let Ok(mut progress) = progress.lock() {
        progress.finish();
    }
    let outcome = match outcome {
        Err(_) if cancel.is_cancelled() => return interrupted(&out),
        other => other?,
    };
    let seconds = started.elapsed().as_secs_f64();
    let rate = outcome.answered as f64 / seconds.max(1e-3) * 60.0;
    stderr_line(format_args!(
        "{} in {seconds:.0} s ({rate:.0} a minute), {} kept from before, {} failed",
        count(outcome.answered, "answer"),
        outcome.kept,
        outcome.failed
    ));
    if cancel.is_cancelled() {
        return interrupted(&out);
    }
    if !outcome.is_complete() {
        let left = outcome.planned - outcome.kept - outcome.answered;
        stderr_line(format_args!(
            "{} left; run the same command again to go on",
            count(left, "answer")
        ));
    }
    let results = Results::of(&plan, &run_folder.records()?);
    let value = serde_json::to_string_pretty(&results).map_err(Failure::usage)?;
    run_folder.write("results.json", format!("{value}\n").as_bytes())?;
    keep_shown(&results, &prepared, &out);
    match args.json {
        true => print(value)?,
        false => {
            print_results(&results)?;
            print(INTENDED_USE)?;
        }
    }
    stderr_line(format_args!(
        "{}: items.jsonl, results.json; `rounds eval report` makes a page of it",
        display_path(&out)
    ));
    Ok(u8::from(results.failed > 0))
}

fn interrupted(out: &Path) -> Outcome {
    stderr_line(format_args!(
        "interrupted; finished answers are in {}, and the same command goes on from there",
        display_path(out)
    ));
    Ok(130)
}

fn print_estimate(args: &RunPlan, plan: &Plan, estimate: &Estimate) -> Outcome {
    if args.json {
        print(json!({ "plan": plan.name, "estimate": estimate, "intended_use": INTENDED_USE }))?;
        return Ok(0);
    }
    for (name, questions) in &estimate.questions {
        print(format_args!("{name:20} {}", count(*questions, "question")))?;
    }
    print(format_args!(
        "{} of each question, {}",
        count(estimate.conditions, "condition"),
        count(estimate.answers, "answer")
    ))?;
    print(format_args!(
        "at most {} to import, {} to encode while answering",
        count(estimate.imported, "image"),
        count(estimate.images, "image"),
    ))?;
    print(format_args!(
        "about {} tokens of prompts, {} of answers, beams and ranked options",
        estimate.tokens, estimate.new_tokens
    ))?;
    print(format_args!(
        "about {:.0} minutes here, from a short measurement",
        (estimate.seconds / 60.0).max(1.0)
    ))?;
    print(INTENDED_USE)?;
    Ok(0)
}

/// Lists the presets, or prints one to be changed.
pub fn presets(name: Option<&str>) -> Outcome {
    let Some(name) = name else {
        for preset in PRESETS {
            print(format_args!("{:24} {}", preset.name, preset.about))?;
        }
        return Ok(0);
    };
    let found = preset(name).ok_or_else(|| {
        Failure::usage("there is no such preset").hint("`rounds eval presets` lists them")
    })?;
    print(found.text.trim_end())?;
    Ok(0)
}

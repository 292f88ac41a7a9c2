//! `rounds eval compare`: whether two runs, or two conditions, differ.

use clap::Args;
use serde_json::json;
use std::path::{Path, PathBuf};

use crate::cli::failure::Outcome;
use crate::cli::out::print;
use rounds_eval::bench::{Plan, Selection, compare, read_records};
use rounds_support::{Failure, INTENDED_USE, files};

#[derive(Args, Clone)]
pub struct Compare {
    /// Folder of a run, or its items.jsonl
    first: PathBuf,
    /// The other one [default: the first, for two conditions of one run]
    second: Option<PathBuf>,
    /// Condition of the first, for example "k=4 auto similar-last" [default: all, matched by name]
    #[arg(long)]
    condition: Option<String>,
    /// Condition of the second [default: that of the first]
    #[arg(long)]
    with: Option<String>,
    /// Model of the first
    #[arg(long)]
    model: Option<String>,
    /// Model of the second
    #[arg(long)]
    with_model: Option<String>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Prints the differences, question by question paired.
pub fn run(args: &Compare) -> Outcome {
    let second_path = args.second.as_ref().unwrap_or(&args.first);
    if args.second.is_none() && args.with.is_none() && args.with_model.is_none() {
        return Err(Failure::usage("there is nothing to compare the run with")
            .hint("give a second run, or two conditions of one with --condition and --with"));
    }
    if args.with.is_some() != args.condition.is_some() && args.second.is_none() {
        return Err(
            Failure::usage("two conditions of a run are compared, and one is given")
                .hint("give both --condition and --with"),
        );
    }
    let (first, second) = (read_records(&args.first)?, read_records(second_path)?);
    let plan = plan_of(&args.first)?;
    if plan_of(second_path)?.exact.first() != plan.exact.first() {
        return Err(
            Failure::usage("the runs have different rules of exact match")
                .hint("run one of them again with the rule of the other, `exact` in its plan"),
        );
    }
    let rule = plan
        .exact
        .first()
        .copied()
        .unwrap_or(rounds_metrics::exact::ExactRule::Plain);
    let selections = [
        Selection {
            model: args.model.clone(),
            condition: args.condition.clone(),
        },
        Selection {
            model: args.with_model.clone().or(args.model.clone()),
            condition: args.with.clone().or(args.condition.clone()),
        },
    ];
    let found = compare(
        &first,
        &second,
        [&selections[0], &selections[1]],
        rule,
        plan.resamples,
        plan.seed,
    );
    if found.is_empty() {
        return Err(Failure::usage("no question is answered by both").hint(
            "conditions are named as in results.json, for example \"k=4 auto similar-last\"",
        ));
    }
    if args.json {
        print(json!({ "comparisons": found, "intended_use": INTENDED_USE }))?;
        return Ok(0);
    }
    for one in &found {
        let [first, second] = &one.models;
        if first != second {
            print(format_args!("{first} against {second}:"))?;
        }
        let [a, b] = &one.conditions;
        let between = match a == b {
            true => a.clone(),
            false => format!("{a} against {b}"),
        };
        let [low, high] = one.interval;
        print(format_args!("{}, {between}", one.dataset))?;
        print(format_args!(
            "    {}, {} answers: {:.1} % against {:.1} %",
            one.metric,
            one.n,
            100.0 * one.means[0],
            100.0 * one.means[1],
        ))?;
        print(format_args!(
            "    difference {:+.1} ({:+.1} to {:+.1}), p = {:.4}",
            100.0 * one.difference,
            100.0 * low,
            100.0 * high,
            one.p
        ))?;
        if let Some((only_first, only_second, p)) = one.mcnemar {
            print(format_args!(
                "    right only in the first {only_first}, in the second {only_second}; McNemar p = {p:.4}"
            ))?;
        }
    }
    print(INTENDED_USE)?;
    Ok(0)
}

/// The plan of a run, given by its folder or its items.jsonl.
fn plan_of(run: &Path) -> Result<Plan, Failure> {
    let folder = match run.is_dir() {
        true => run,
        false => run.parent().unwrap_or(Path::new("")),
    };
    Ok(Plan::parse(&files::read_to_string(
        &folder.join("plan.toml"),
    )?)?)
}

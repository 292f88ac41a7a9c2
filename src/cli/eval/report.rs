//! `rounds eval report`: a page, tables, and the same plots in the terminal.

use clap::Args;
use std::io::IsTerminal;
use std::path::PathBuf;

use crate::cli::failure::Outcome;
use crate::cli::out::print;
use rounds_eval::bench::{Plan, Results, read_records};
use rounds_eval::report;
use rounds_support::errors::display_path;
use rounds_support::{Failure, INTENDED_USE, files, stderr_line};

#[derive(Args, Clone)]
pub struct Report {
    /// Folder of a run
    run: PathBuf,
    /// Folder of the report [default: the run's]
    #[arg(long)]
    out: Option<PathBuf>,
    /// Print the results as one JSON object
    #[arg(long)]
    json: bool,
}

/// Writes report.html, tables.md and tables.tex, and prints the plots.
pub fn run(args: &Report) -> Outcome {
    let plan = Plan::parse(&files::read_to_string(&args.run.join("plan.toml"))?)?;
    let records = read_records(&args.run)?;
    if records.is_empty() {
        return Err(Failure::usage(format_args!(
            "{} has no answers yet",
            display_path(&args.run)
        ))
        .hint("run its plan first with `rounds eval run`"));
    }
    let results = Results::of(&plan, &records);
    let out = args.out.as_ref().unwrap_or(&args.run);
    files::create_private_dir(out)?;
    let images = report::Images::of(&args.run);
    for (name, text) in [
        ("report.html", report::html(&results, &images)),
        ("tables.md", report::markdown(&results)),
        ("tables.tex", report::latex(&results)),
    ] {
        files::write_atomic(&out.join(name), text.as_bytes())?;
    }
    match args.json {
        true => {
            let value = serde_json::to_string_pretty(&results).map_err(Failure::usage)?;
            print(value)?;
        }
        false => {
            print_results(&results)?;
            print(INTENDED_USE)?;
        }
    }
    stderr_line(format_args!(
        "{}: report.html, tables.md, tables.tex",
        display_path(out)
    ));
    Ok(0)
}

/// Widest plot, in columns.
const MAX_WIDTH: usize = 120;

/// The results as bars, and on a terminal as plots over the number of shots too.
pub fn print_results(results: &Results) -> Result<(), Failure> {
    if std::io::stdout().is_terminal() {
        let plots = report::plots(results, ink(), columns());
        if !plots.is_empty() {
            print(plots)?;
        }
    }
    print(report::terminal(results).trim_end())
}

/// The characters that the terminal can show, from its environment.
fn ink() -> report::Ink {
    let variable = |name: &str| std::env::var(name).unwrap_or_default();
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].map(variable);
    let locale = locale.iter().find(|value| !value.is_empty());
    // Windows has no such variables, and its terminals show Unicode.
    let locale = match locale {
        Some(locale) => locale.as_str(),
        None if cfg!(windows) => "utf-8",
        None => "",
    };
    report::Ink::of(locale, &variable("TERM"))
}

fn columns() -> usize {
    let size = crossterm::terminal::size();
    size.map_or(80, |(columns, _)| usize::from(columns).min(MAX_WIDTH))
}

//! `rounds index import`: imports a data set into an index.

use clap::{Args, ValueEnum};
use serde_json::{Value, json};
use std::path::PathBuf;

use crate::cli::failure::Outcome;
use crate::cli::libraries::{indexes, models};
use crate::cli::out::print;
use rounds_assistant::maintenance::{self, ImportError, ImportReport, Imported};
use rounds_index::dataset::{Fold, Format, Options};
use rounds_index::ingest::{Report, Summary};
use rounds_support::errors::{count, display_path};
use rounds_support::{Cancel, Failure, FailureKind, Progress};

#[derive(Args)]
#[command(
    override_usage = "rounds index import [OPTIONS] <INDEX> <FORMAT> <PATH>
       rounds index import [OPTIONS] --format <FORMAT> <INDEX> <PATH>"
)]
pub struct Import {
    /// Index name or folder; created for the shipped model if missing
    index: PathBuf,
    /// Format of the data set; omit it with --format
    #[arg(value_name = "FORMAT")]
    format_or_path: PathBuf,
    /// File or folder of the data set, in the layout in which it is published
    path: Option<PathBuf>,
    /// Format of the data set, if not given before its path
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Use a column of the data as a field, for example --map finding=answer (may be given several times)
    #[arg(long, value_name = "COLUMN=FIELD", value_parser = pair)]
    map: Vec<(String, String)>,
    /// Import only rows in this language (`all` for all languages)
    #[arg(long)]
    language: Option<String>,
    /// Import only rows of this split: train, validation, test
    #[arg(long)]
    split: Option<String>,
    /// Import only a fixed part of the images, by the SHA-256 of their file names: 0/10 for a tenth, "not 0/10" for the others
    #[arg(long, value_name = "NUMBER/OF")]
    fold: Option<Fold>,
    /// Folder with the images, if not next to the data
    #[arg(long)]
    images: Option<PathBuf>,
    /// Licence of rows that do not state one
    #[arg(long)]
    licence: Option<String>,
    /// Source of rows that do not state one
    #[arg(long)]
    source: Option<String>,
    /// For dicom: a table (CSV, TSV, JSON, JSON Lines) of questions and answers by file, series or study
    #[arg(long, value_name = "FILE")]
    table: Option<PathBuf>,
    /// For dicom: one example for every Nth slice of a series; by default only its middle slice
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    every: Option<u32>,
    /// For an export of an index with scans: the file with its salts, with which a question about a scan is told from its own
    /// patient by the number that the file states
    #[arg(long, value_name = "FILE")]
    salt: Option<PathBuf>,
    /// Print the summary as JSON, including rejected rows and reasons
    #[arg(long)]
    json: bool,
    /// Report every commit on standard error: how many rows are saved to disk
    #[arg(long)]
    commits: bool,
    /// Compute device; auto uses the first that works
    #[arg(long, default_value = "auto", value_parser = rounds_model::device::NAMES)]
    device: String,
}

/// Maximum number of rejections listed in the JSON summary; all of them are counted.
const MAX_LISTED_REJECTIONS: usize = 10_000;

/// Said of an export whose salt is not known.
const UNKNOWN_CODES: &str = "note: the salt of the scans in this export is not known: examples of one patient stay together, but a question is told \
from its own patient by images only; --salt FILE names the salt";

/// What was reported so far.
#[derive(Default)]
struct ReportLog {
    /// Origin of each rejected row, and why it was rejected.
    rejections: Vec<Value>,
    /// The last commit message.
    commit: String,
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((column, field)) if !column.is_empty() && !field.is_empty() => {
            Ok((column.to_string(), field.to_string()))
        }
        _ => Err("write COLUMN=FIELD".into()),
    }
}

/// The names of all formats.
fn format_names() -> String {
    let names = Format::value_variants().iter();
    let names: Vec<String> = names
        .filter_map(ValueEnum::to_possible_value)
        .map(|value| value.get_name().to_string())
        .collect();
    names.join(", ")
}

/// Imports with progress; an interrupted import keeps the rows committed so far.
pub fn run(import: &Import, cancel: &Cancel) -> Outcome {
    let request = import.request()?;
    let mut progress = Progress::new("rows", None);
    let mut log = ReportLog::default();
    let imported = maintenance::import(&request, &indexes()?, &models()?, cancel, &mut |report| {
        import.report(&mut progress, &mut log, report)
    });
    progress.finish();
    let imported = imported?;
    print_summary(import, &imported, log)?;
    match imported.ended {
        Ok(()) => Ok(u8::from(imported.summary.rejected > 0)),
        // Rows were read before it failed, so the request was right.
        Err(ImportError::Dataset(error)) => Err(Failure::from(error).kind(FailureKind::Io)),
        Err(error) => Err(error.into()),
    }
}

impl Import {
    /// Format and path, which are given in the order of `/import` or with `--format`.
    fn format_and_path(&self) -> Result<(Format, &PathBuf), Failure> {
        let hint = || format!("formats: {}", format_names());
        match (&self.format_or_path, &self.path, self.format) {
            (path, None, Some(format)) => Ok((format, path)),
            (named, Some(path), None) => {
                let format = named.to_str().map(|name| Format::from_str(name, true));
                match format {
                    Some(Ok(format)) => Ok((format, path)),
                    _ => {
                        let named = display_path(named);
                        Err(Failure::usage(format_args!("{named} is not a format")).hint(hint()))
                    }
                }
            }
            (_, None, None) => {
                let message = "the format is missing: rounds index import INDEX FORMAT PATH";
                Err(Failure::usage(message).hint(hint()))
            }
            (_, Some(_), Some(_)) => Err(Failure::usage(
                "the format is given twice: leave out --format, or the word before the path",
            )),
        }
    }

    fn request(&self) -> Result<maintenance::Import, Failure> {
        let (format, path) = self.format_and_path()?;
        Ok(maintenance::Import {
            index: self.index.clone(),
            format,
            path: path.clone(),
            options: Options {
                map: self.map.clone(),
                language: self.language.clone(),
                split: self.split.clone(),
                fold: self.fold,
                images: self.images.clone(),
                licence: self.licence.clone(),
                source: self.source.clone(),
                table: self.table.clone(),
                every: self.every.and_then(|every| usize::try_from(every).ok()),
                ..Options::default()
            },
            salt: self.salt.clone(),
            device: self.device.clone(),
        })
    }

    fn report(&self, progress: &mut Progress, log: &mut ReportLog, report: ImportReport) {
        match report {
            ImportReport::Made(folder) => {
                progress.note(&format!("created index {}", display_path(folder)));
            }
            ImportReport::UnknownCodes => progress.note(UNKNOWN_CODES),
            ImportReport::Total(total) => progress.set_total(total),
            ImportReport::Rows(Report::Rejected { origin, reason }) => {
                progress.note(&format!("rejected {origin}: {reason}"));
                if log.rejections.len() < MAX_LISTED_REJECTIONS {
                    log.rejections
                        .push(json!({ "origin": origin, "reason": reason }));
                }
            }
            ImportReport::Rows(Report::Progress(summary)) => {
                progress.set(summary.rows + summary.filtered);
            }
            ImportReport::Rows(Report::Committed(summary)) if self.commits => {
                let saved = summary.added + summary.duplicates + summary.rejected;
                let line = format!(
                    "committed {}, {} added",
                    count(saved as usize, "row"),
                    summary.added
                );
                // The final commit may add nothing; do not repeat the message.
                if log.commit != line {
                    progress.note(&line);
                    log.commit = line;
                }
            }
            ImportReport::Rows(Report::Committed(_)) => {}
        }
    }
}

fn print_summary(import: &Import, imported: &Imported, log: ReportLog) -> Result<(), Failure> {
    let (summary, total) = (&imported.summary, imported.examples);
    if import.json {
        let mut value = json!(summary);
        value["rejections"] = log.rejections.into();
        value["examples"] = total.into();
        value["complete"] = imported.ended.is_ok().into();
        value["intended_use"] = rounds_support::INTENDED_USE.into();
        return print(value);
    }
    let Summary {
        rows,
        added,
        duplicates,
        rejected,
        filtered,
    } = summary;
    print(format_args!(
        "{rows} rows = {added} added + {duplicates} duplicates + {rejected} rejected"
    ))?;
    if *filtered > 0 {
        print(format_args!(
            "skipped {} in another language or split",
            count(*filtered as usize, "row")
        ))?;
    }
    print(format_args!("the index has {}", count(total, "example")))
}

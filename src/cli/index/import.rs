//! `rounds index import`: a data set into an index.

use clap::Args;
use serde_json::{Value, json};
use std::path::PathBuf;

use super::{Failure, Outcome, failed, library};
use crate::cli::out::print;
use rounds_assistant::upkeep::{self, ImportError, ImportReport, Imported};
use rounds_index::dataset::{Format, Options};
use rounds_index::ingest::{Report, Summary};
use rounds_support::errors::shown;
use rounds_support::{Cancel, Hint, Progress};

#[derive(Args)]
pub struct Import {
    /// Index name or folder; made for the model that ships where there is none
    index: PathBuf,
    /// File or folder in the format's published layout
    path: PathBuf,
    #[arg(long, value_enum)]
    format: Format,
    /// Column of the data and the field it is: --map finding=answer (may be given several times)
    #[arg(long, value_name = "COLUMN=FIELD", value_parser = pair)]
    map: Vec<(String, String)>,
    /// Only rows of this language (`all` for every one)
    #[arg(long)]
    language: Option<String>,
    /// Only rows of this split: train, validation, test
    #[arg(long)]
    split: Option<String>,
    /// Folder of the pictures, where it is not beside the data
    #[arg(long)]
    images: Option<PathBuf>,
    /// Licence of rows that do not state their own
    #[arg(long)]
    licence: Option<String>,
    /// Source of rows that do not state their own
    #[arg(long)]
    source: Option<String>,
    /// Print the summary as JSON, with the rows that were rejected and why
    #[arg(long)]
    json: bool,
    /// Say on standard error, line by line, how many rows are safe on the disk
    #[arg(long)]
    commits: bool,
    #[arg(long, default_value = "auto", value_parser = rounds_model::device::NAMES)]
    device: String,
}

/// Most rejections that the summary in JSON lists; it counts all of them.
const MOST_REJECTIONS: usize = 10_000;

/// What was said so far.
#[derive(Default)]
struct Told {
    /// Where each rejected row stands, and why it was rejected.
    rejections: Vec<Value>,
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

/// Imports, with progress; what was done stays when it is interrupted.
pub fn run(import: &Import, cancel: &Cancel) -> Outcome {
    let mut progress = Progress::new("rows", None);
    let mut told = Told::default();
    let imported = upkeep::import(
        &import.what(),
        &library()?,
        &super::super::model::library()?,
        cancel,
        &mut |report| import.report(&mut progress, &mut told, report),
    );
    progress.finish();
    let imported = imported.map_err(begun_badly)?;
    tell(import, &imported, told)?;
    match imported.ended {
        Ok(()) => Ok(u8::from(imported.summary.rejected > 0)),
        Err(ImportError::Dataset(error)) => Err(Failure {
            message: error.to_string(),
            hint: error.hint(),
            code: 3,
        }),
        Err(error) => Err(begun_badly(error)),
    }
}

/// Data that cannot be opened at all is a mistyped command.
fn begun_badly(error: ImportError) -> Failure {
    match error {
        ImportError::Dataset(error) => Failure::usage(&error, error.hint()),
        ImportError::Index(error) => failed(error),
        ImportError::Model(error) => Failure::model(&error),
    }
}

impl Import {
    fn what(&self) -> upkeep::Import {
        upkeep::Import {
            index: self.index.clone(),
            format: self.format,
            path: self.path.clone(),
            options: Options {
                map: self.map.clone(),
                language: self.language.clone(),
                split: self.split.clone(),
                images: self.images.clone(),
                licence: self.licence.clone(),
                source: self.source.clone(),
            },
            device: self.device.clone(),
        }
    }

    fn report(&self, progress: &mut Progress, told: &mut Told, report: ImportReport) {
        match report {
            ImportReport::Made(folder) => {
                progress.note(&format!("made the index {}", shown(folder)));
            }
            ImportReport::Total(total) => progress.expect(total),
            ImportReport::Rows(Report::Rejected { origin, reason }) => {
                progress.note(&format!("rejected {origin}: {reason}"));
                if told.rejections.len() < MOST_REJECTIONS {
                    told.rejections
                        .push(json!({ "origin": origin, "reason": reason }));
                }
            }
            ImportReport::Rows(Report::Looked(summary)) => {
                progress.set(summary.rows + summary.left_out);
            }
            ImportReport::Rows(Report::Committed(summary)) if self.commits => {
                let safe = summary.added + summary.duplicates + summary.rejected;
                let line = format!("committed {safe} rows, {} added", summary.added);
                // The end is committed once more, for what came after the last rows.
                if told.commit != line {
                    progress.note(&line);
                    told.commit = line;
                }
            }
            ImportReport::Rows(Report::Committed(_)) => {}
        }
    }
}

fn tell(import: &Import, imported: &Imported, told: Told) -> Result<(), Failure> {
    let (summary, total) = (&imported.summary, imported.examples);
    if import.json {
        let mut value = json!(summary);
        value["rejections"] = told.rejections.into();
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
        left_out,
    } = summary;
    print(format_args!(
        "{rows} rows = {added} added + {duplicates} duplicates + {rejected} rejected"
    ))?;
    if *left_out > 0 {
        print(format_args!(
            "{left_out} rows of another language or split were left out"
        ))?;
    }
    print(format_args!("the index has {total} examples"))
}

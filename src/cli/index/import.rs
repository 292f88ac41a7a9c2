//! `rounds index import`: a data set into an index.

use clap::Args;
use std::io::Write;
use std::path::PathBuf;

use super::{Failure, Outcome, embedders, failed, find, library};
use crate::index::dataset::{self, Format, Options};
use crate::index::ingest::{IngestError, Report, Summary, ingest};
use crate::index::{Writer, create};
use crate::support::{Cancel, Hint, Progress};

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
    /// Print the summary as JSON
    #[arg(long)]
    json: bool,
    /// Say on standard error, line by line, how many rows are safe on the disk
    #[arg(long)]
    commits: bool,
    #[arg(long, default_value = "auto")]
    device: String,
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
    let options = Options {
        map: import.map.clone(),
        language: import.language.clone(),
        split: import.split.clone(),
        images: import.images.clone(),
        licence: import.licence.clone(),
        source: import.source.clone(),
    };
    let bad = |error: dataset::DatasetError| Failure {
        message: error.to_string(),
        hint: error.hint(),
        code: 2,
    };
    // The data first: a mistyped path should not leave a new index behind.
    let mut data = dataset::open(import.format, &import.path, &options).map_err(bad)?;
    let mut folder = find(&import.index)?;
    if !folder.join("index.toml").exists() {
        folder = library()?.place(&import.index);
        let maker = super::Maker {
            model: None,
            device: import.device.clone(),
        };
        create(&folder, vec![maker.load()?.0]).map_err(failed)?;
        eprintln!("made the index {}", crate::support::errors::shown(&folder));
    }
    let mut writer = Writer::open(&folder).map_err(failed)?;
    let embedders = embedders(writer.encoders(), &import.device)?;
    let mut progress = Progress::new("rows", data.total);
    let mut summary = Summary::default();
    let ended = ingest(
        &mut writer,
        &mut *data.items,
        &embedders,
        cancel,
        &mut summary,
        &mut |report| match report {
            Report::Rejected { origin, reason } => {
                progress.note(&format!("rejected {origin}: {reason}"));
            }
            Report::Looked(summary) => progress.set(summary.rows + summary.left_out),
            Report::Committed(summary) if import.commits => {
                let safe = summary.added + summary.duplicates + summary.rejected;
                progress.note(&format!("committed {safe} rows, {} added", summary.added));
            }
            Report::Committed(_) => {}
        },
    );
    progress.finish();
    let total = writer.len();
    if !matches!(ended, Err(IngestError::Index(ref e)) if !matches!(e, crate::index::IndexError::Cancelled))
    {
        writer.finish().map_err(failed)?;
    }
    tell(import, &summary, total, ended.is_ok())?;
    match ended {
        Ok(()) => Ok(u8::from(summary.rejected > 0)),
        Err(IngestError::Index(error)) => Err(failed(error)),
        Err(IngestError::Dataset(error)) => Err(Failure {
            code: 3,
            ..bad(error)
        }),
    }
}

fn tell(import: &Import, summary: &Summary, total: usize, complete: bool) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    let written = if import.json {
        let mut value = serde_json::json!(summary);
        value["examples"] = total.into();
        value["complete"] = complete.into();
        value["intended_use"] = crate::support::INTENDED_USE.into();
        writeln!(out, "{value}")
    } else {
        let Summary {
            rows,
            added,
            duplicates,
            rejected,
            left_out,
        } = summary;
        writeln!(
            out,
            "{rows} rows = {added} added + {duplicates} duplicates + {rejected} rejected"
        )
        .and_then(|()| match left_out {
            0 => Ok(()),
            _ => writeln!(
                out,
                "{left_out} rows of another language or split were left out"
            ),
        })
        .and_then(|()| writeln!(out, "the index has {total} examples"))
    };
    written.map_err(|e| Failure::io(&e))
}

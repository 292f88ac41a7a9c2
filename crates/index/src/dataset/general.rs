//! The user's own data: a folder of images with a table, or any Parquet file with images.
//!
//! Columns are recognised by name or mapped by the user; unknown columns become tags. Lines of an exported index are used
//! unchanged (`exported`).

use std::path::Path;

use super::error::quote;
use super::filter::{RawDataset, Recipe, stated_split};
use super::image_finder::ImageFinder;
use super::inputs::{Input, Reader, chain, extension, files, folder_of, parquet_files};
use super::readers::reader_of;
use super::record::{Record, Value};
use super::row::Row;
use super::{DatasetError, Options, exported, jsonl, parquet_reader, vocabulary};
use rounds_support::errors::display_path;

/// Fields, and the column names recognised for each.
static COLUMNS: [(&str, &[&str]); 11] = [
    (
        "image",
        &[
            "image",
            "images",
            "image_path",
            "image_name",
            "figure_path",
            "img",
            "img_name",
            "picture",
            "file",
            "file_name",
            "filename",
        ],
    ),
    ("question", &["question", "query", "prompt"]),
    ("answer", &["answer", "response", "label"]),
    (
        "caption",
        &["caption", "captions", "report", "text", "description"],
    ),
    ("rationale", &["rationale", "explanation", "reasoning"]),
    (
        "patient",
        &["patient", "patient_id", "subject", "subject_id"],
    ),
    ("study", &["study", "study_id", "case", "case_id"]),
    ("licence", &["licence", "license"]),
    ("source", &["source"]),
    ("tags", &["tags"]),
    ("language", &["language", "lang", "q_lang"]),
];
/// Longest text that becomes a tag, in characters; longer ones are not labels.
const MAX_LABEL_CHARS: usize = 200;

/// Opens a folder with one table, or a table.
pub(super) fn open_folder(path: &Path, options: &Options) -> Result<RawDataset, DatasetError> {
    let input = table_of(path)?;
    input.check_text()?;
    // JSON Lines files are sometimes named `.json`.
    let lines = extension(&input.path) == "json" && jsonl::starts_as_lines(&input);
    let reader = match reader_of(&input.path) {
        Some(reader) if !lines => reader,
        _ => jsonl::entries,
    };
    let folder = folder_of(path);
    opened(&folder, options, vec![input], reader)
}

/// Opens a Parquet file, or a folder of them.
pub(super) fn open_parquet(path: &Path, options: &Options) -> Result<RawDataset, DatasetError> {
    let inputs = match path.is_dir() {
        true => parquet_files(path)?,
        // Any extension is accepted.
        false => vec![Input::new(path.to_path_buf())],
    };
    if inputs.is_empty() {
        return Err(DatasetError::nothing("Parquet file", path));
    }
    opened(&folder_of(path), options, inputs, parquet_reader::entries)
}

fn opened(
    folder: &Path,
    options: &Options,
    inputs: Vec<Input>,
    reader: Reader,
) -> Result<RawDataset, DatasetError> {
    let source = inputs.first().map(|input| input.name.clone());
    Ok(RawDataset {
        recipe: Box::new(General {
            images: ImageFinder::new(folder, options, &["images", "imgs"])?,
        }),
        entries: chain(inputs, reader)?,
        source: source.unwrap_or_default(),
        licence: "unknown",
        language: None,
    })
}

/// The table at `path`, or the only one in the folder.
fn table_of(path: &Path) -> Result<Input, DatasetError> {
    if !path.is_dir() {
        let input = Input::new(path.to_path_buf());
        input.open()?;
        return match reader_of(path) {
            Some(_) => Ok(input),
            None => Err(DatasetError::nothing(
                "table (CSV, TSV, JSON or JSON Lines)",
                path,
            )),
        };
    }
    let is_table = |name: &str| {
        [".csv", ".tsv", ".json", ".jsonl", ".ndjson"]
            .iter()
            .any(|end| name.ends_with(end))
    };
    let mut tables = files(path, is_table)?;
    if tables.len() > 1 {
        let names: Vec<&str> = tables
            .iter()
            .take(8)
            .map(|table| table.name.as_str())
            .collect();
        return Err(DatasetError::Several {
            place: display_path(path),
            names: names.join(", "),
        });
    }
    let table = tables.pop();
    table.ok_or_else(|| DatasetError::nothing("table (CSV, TSV, JSON or JSON Lines)", path))
}

struct General {
    images: ImageFinder,
}

impl Recipe for General {
    fn rows(&mut self, record: &mut Record) -> Result<Vec<Row>, String> {
        if exported::is_exported(record) {
            return Ok(vec![exported::row(&self.images, record)?]);
        }
        let images = self.images.of_value(record.take("image"))?;
        let caption = record.text("caption")?;
        let mut row = match record.has("question") {
            false if record.has("answer") && caption.is_empty() => {
                return Err("the question is empty".to_owned());
            }
            false => Row::caption(images, caption),
            true => {
                let answer = record.first_text(&["answer", "caption"])?;
                Row::new(images, record.text("question")?, answer)
            }
        };
        row.rationale = record.text("rationale")?;
        row.patient = record.note("patient");
        row.study = record.note("study");
        row.licence = record.note("licence");
        row.source = record.note("source");
        tag(&mut row, record)?;
        Ok(vec![row])
    }

    fn image_columns(&self) -> &'static [&'static str] {
        let image = COLUMNS.iter().find(|(field, _)| *field == "image");
        image.map_or(&[], |(_, names)| *names)
    }

    fn name_columns(&self, record: &mut Record) {
        if exported::is_exported(record) {
            return;
        }
        for (field, names) in COLUMNS {
            for name in names {
                if !record.has(field) {
                    record.rename(name, field);
                }
            }
        }
    }

    fn is_complete(&self, record: &Record) -> bool {
        exported::is_exported(record)
    }

    fn language(&self, record: &Record) -> String {
        match exported::is_exported(record) {
            true => exported::tag(record, "language"),
            false => record.note("language"),
        }
    }

    fn split(&self, record: &Record) -> String {
        match exported::is_exported(record) {
            true => exported::tag(record, "split"),
            false => stated_split(record),
        }
    }
}

/// Adds tags from the column `tags` and from every column that is not a field.
fn tag(row: &mut Row, record: &Record) -> Result<(), String> {
    let is_field = |name: &str| {
        name == "split" || name == "ignore" || COLUMNS.iter().any(|(field, _)| *field == name)
    };
    for (name, value) in record.fields() {
        match value {
            Value::Null => {}
            _ if name == "tags" => add_tags_column(row, value)?,
            _ if is_field(name) => {}
            _ => {
                for text in labels(value) {
                    add(row, name, text);
                }
            }
        }
    }
    Ok(())
}

/// Adds the tags of the column `tags`: `name=value; name=value`, a list of such texts, or an object.
fn add_tags_column(row: &mut Row, value: &Value) -> Result<(), String> {
    if let Value::Object(fields) = value {
        for (name, value) in fields {
            for text in labels(value) {
                add(row, name, text);
            }
        }
        return Ok(());
    }
    for text in labels(value) {
        for pair in text
            .split(';')
            .map(str::trim)
            .filter(|pair| !pair.is_empty())
        {
            let (name, value) = pair.split_once(['=', ':']).unwrap_or(("tag", pair));
            if name.trim().is_empty() {
                return Err(format!("a tag has no name: {}", quote(pair)));
            }
            add(row, name, value);
        }
    }
    Ok(())
}

/// The text of a value, or the texts of a list.
fn labels(value: &Value) -> Vec<&str> {
    match value {
        Value::List(items) => items.iter().filter_map(Value::as_text).collect(),
        value => value.as_text().into_iter().collect(),
    }
}

/// Adds a tag; tags shared by all data sets are normalised.
pub(super) fn add(row: &mut Row, name: &str, value: &str) {
    if value.chars().count() > MAX_LABEL_CHARS {
        return;
    }
    match super::record::key(name).as_str() {
        "modality" => row.tag_modality(value),
        "organ" => row.tag("organ", &vocabulary::organ(value)),
        shared @ ("plane" | "answer_type" | "category") => {
            row.tag(shared, &value.trim().to_lowercase())
        }
        // Handled separately for every row.
        "language" | "split" => {}
        name => row.tag(name, value),
    }
}

//! Questions and answers about scans, from a table. Its other columns are not used: they may be names or numbers of patients.

use std::path::Path;

use super::super::general::add;
use super::super::inputs::Input;
use super::super::readers::reader_of;
use super::super::record::{Entries, Record, key};
use super::super::row::Row;
use super::super::{DatasetError, Options};

/// Fields, and the column names recognised for each. DICOM's own words count as well.
static COLUMNS: [(&str, &[&str]); 11] = [
    (
        "image",
        &["image", "file", "file_name", "filename", "path", "dicom"],
    ),
    (
        "series",
        &[
            "series",
            "series_id",
            "series_uid",
            "seriesinstanceuid",
            "series_instance_uid",
        ],
    ),
    (
        "study",
        &[
            "study",
            "study_id",
            "study_uid",
            "studyinstanceuid",
            "study_instance_uid",
        ],
    ),
    (
        "patient",
        &[
            "patient",
            "patient_id",
            "patientid",
            "subject",
            "subject_id",
        ],
    ),
    ("question", &["question", "query", "prompt"]),
    ("answer", &["answer", "response", "label"]),
    (
        "caption",
        &["caption", "report", "text", "description", "findings"],
    ),
    ("rationale", &["rationale", "explanation", "reasoning"]),
    ("licence", &["licence", "license"]),
    ("source", &["source"]),
    ("language", &["language", "lang"]),
];
/// Columns that become tags. Others only do if they are mapped.
const TAGS: [&str; 5] = ["modality", "organ", "plane", "category", "answer_type"];

/// The rows of the table at `path`.
pub(super) fn entries(path: &Path) -> Result<Entries, DatasetError> {
    let input = Input::new(path.to_path_buf());
    let reader = reader_of(path).ok_or_else(|| {
        DatasetError::nothing("table (CSV, TSV, JSON, JSON Lines or Parquet)", path)
    })?;
    reader(&input)
}

/// Gives the columns of a record the names of fields.
pub(super) fn name_columns(record: &mut Record) {
    for (field, names) in COLUMNS {
        for name in names {
            if !record.has(field) {
                record.rename(name, field);
            }
        }
    }
}

/// The columns that become tags.
pub(super) struct Keys(Vec<String>);

impl Keys {
    pub(super) fn new(options: &Options) -> Self {
        let is_field = |name: &String| {
            ["split", "ignore"].contains(&name.as_str())
                || COLUMNS.iter().any(|(field, _)| field == name)
        };
        let mapped = options.map.iter().map(|(_, field)| key(field));
        let usual = TAGS.iter().map(|name| (*name).to_owned());
        Self(usual.chain(mapped.filter(|name| !is_field(name))).collect())
    }

    /// Adds the tags of a record.
    pub(super) fn tag(&self, row: &mut Row, record: &Record) {
        for name in &self.0 {
            for text in record.texts(name) {
                add(row, name, &text);
            }
        }
    }
}

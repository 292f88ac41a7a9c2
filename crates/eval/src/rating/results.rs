//! Reads the per-item results of an evaluation run. They are untrusted text and sanitised here.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use rounds_support::sanitise::{clean, clean_line};
use rounds_support::{FileError, lines};

use super::RatingError;

/// Most lines of one file.
const MAX_LINES: usize = 1_000_000;

/// One line: what a system answered to an item.
#[derive(Debug)]
pub(super) struct ResultLine {
    pub(super) dataset: String,
    pub(super) item: String,
    pub(super) question: String,
    pub(super) reference: String,
    /// Paths, or SHA-256 ids of files in `images/` beside the results.
    pub(super) images: Vec<String>,
    pub(super) model: String,
    pub(super) condition: String,
    pub(super) answer: String,
    pub(super) rationale: Option<String>,
}

/// The fields as they are written; all others are ignored.
#[derive(Deserialize)]
struct Fields {
    dataset: String,
    item: Value,
    question: String,
    reference: Value,
    #[serde(default)]
    images: Vec<String>,
    model: String,
    #[serde(default)]
    condition: Option<String>,
    #[serde(default)]
    answer: Option<String>,
    #[serde(default)]
    rationale: Option<String>,
}

/// A text, a number, or several of them, of which each would be right.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(if *truth { "yes" } else { "no" }.into()),
        Value::Array(all) => {
            let all: Option<Vec<String>> = all.iter().map(text).collect();
            Some(all?.join(" / "))
        }
        Value::Null | Value::Object(_) => None,
    }
}

impl ResultLine {
    fn parse(line: &str) -> Result<Self, String> {
        let fields: Fields = serde_json::from_str(line).map_err(|error| error.to_string())?;
        let item = text(&fields.item).ok_or("`item` is neither a text nor a number")?;
        let reference = text(&fields.reference).ok_or("`reference` is not a text")?;
        let rationale = fields.rationale.map(|text| clean(text.trim()));
        Ok(Self {
            dataset: clean_line(&fields.dataset),
            item: clean_line(&item),
            question: clean(fields.question.trim()),
            reference: clean(reference.trim()),
            images: fields.images,
            model: clean_line(&fields.model),
            condition: clean_line(&fields.condition.unwrap_or_default()),
            answer: clean(fields.answer.unwrap_or_default().trim()),
            rationale: rationale.filter(|text| !text.is_empty()),
        })
    }
}

/// All lines of a results file. Empty lines are skipped; any other that is not a result is an error.
pub(super) fn read(path: &Path) -> Result<Vec<ResultLine>, RatingError> {
    let failed = |error: std::io::Error| FileError::from_io(path, "read", &error);
    if path.is_dir() {
        let path = path.to_path_buf();
        return Err(FileError::IsDirectory { path }.into());
    }
    let mut input = BufReader::new(File::open(path).map_err(failed)?);
    let mut found = Vec::new();
    let mut number = 0;
    let mut wrong = None;
    lines::each(&mut input, |line| {
        number += 1;
        let parsed = match line {
            Err(error) => Err(RatingError::from(failed(error))),
            Ok(Err(bad)) => Err(RatingError::format(path, format!("line {number}: {bad}"))),
            Ok(Ok(line)) if line.trim().is_empty() => return true,
            Ok(Ok(_)) if number > MAX_LINES => Err(RatingError::format(path, "too many lines")),
            Ok(Ok(line)) => ResultLine::parse(line.trim_start_matches('\u{FEFF}'))
                .map_err(|reason| RatingError::format(path, format!("line {number}: {reason}"))),
        };
        match parsed {
            Ok(line) => found.push(line),
            Err(error) => wrong = Some(error),
        }
        wrong.is_none()
    });
    match wrong {
        Some(error) => Err(error),
        None => Ok(found),
    }
}

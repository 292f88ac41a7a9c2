//! The cases of a JSON Lines file.

use serde::Deserialize;
use serde_json::Value;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use rounds_assistant::SettingsPatch;
use rounds_support::errors::display_path;
use rounds_support::{Failure, FailureKind, Lines};

/// One case.
#[derive(Default, Deserialize)]
pub(super) struct Item {
    /// Read apart, because a line that is no case has one too; here only so that it is no unknown field.
    #[serde(rename = "id")]
    pub(super) _id: Option<Value>,
    #[serde(default)]
    pub(super) images: Vec<PathBuf>,
    pub(super) question: String,
    /// The answer to score.
    pub(super) answer: Option<String>,
    pub(super) patient: Option<String>,
    pub(super) study: Option<String>,
    /// Settings other than those of the flags; fields that are none are errors.
    #[serde(flatten)]
    pub(super) settings: SettingsPatch,
}

impl Item {
    pub(super) fn parse(text: &str) -> Result<Self, Failure> {
        let item = serde_json::from_str(text);
        item.map_err(|error| {
            Failure::usage(error).hint("see docs/probes.md for the fields of a case")
        })
    }
}

/// The id of a line, if it has one.
pub(super) fn id(text: &str) -> Option<Value> {
    let value: Value = serde_json::from_str(text).ok()?;
    let id = value.get("id")?;
    (id.is_string() || id.is_number()).then(|| id.clone())
}

/// The lines of a file, or of standard input for `-`.
pub(super) fn read(path: &Path) -> Result<Lines, Failure> {
    if path == Path::new("-") {
        return Lines::read(|| std::io::stdin().lock()).map_err(|e| Failure::io(&e));
    }
    let file = File::open(path).map_err(|error| {
        let message = format!("{} cannot be read: {error}", display_path(path));
        Failure::new(FailureKind::Usage, message).hint("--items takes a JSON Lines file, or -")
    })?;
    Lines::read(move || BufReader::new(file)).map_err(|e| Failure::io(&e))
}

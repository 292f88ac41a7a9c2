//! The part of a turn that is not searched, as one JSON text; and the cleaning of all text before it is saved.
//!
//! Text is cleaned and its length checked here. Never write a row without these functions.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{SessionError, at_most, unreadable};
use crate::types::{Sources, StoredAnswer, StoredImage, StoredShot};
use rounds_support::sanitise::{clean, clean_line, clean_line_max};

/// Longest title, model name or index name in characters; longer ones are cut with an ellipsis.
pub const MAX_TITLE: usize = 200;
/// Longest question, answer, rationale or message in bytes.
pub const MAX_TEXT: usize = 1 << 20;
/// Most shots of one turn.
pub const MAX_SHOTS: usize = 512;
/// Longest JSON text of one turn in bytes.
const MAX_RECORD_BYTES: usize = 16 << 20;
/// Deepest nesting of settings and provenance; deeper parts become `null`.
const MAX_VALUE_DEPTH: usize = 32;

/// The parts of a turn that are not full-text columns.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Record {
    /// The settings, as a JSON object.
    pub settings: Value,
    /// Where the model, index and encoder are.
    #[serde(default)]
    pub sources: Option<Sources>,
    /// The patient in the images, if known.
    #[serde(default)]
    pub patient: Option<String>,
    /// The study the images belong to, if known.
    #[serde(default)]
    pub study: Option<String>,
    /// The attached images.
    pub images: Vec<StoredImage>,
    /// The answer without its texts, which have their own columns.
    #[serde(default)]
    pub answer: Option<StoredAnswer>,
    /// The shots, most similar first.
    #[serde(default)]
    pub shots: Vec<StoredShot>,
    /// The prompt as the model read it.
    #[serde(default)]
    pub prompt: Option<String>,
}

impl Record {
    /// The record as JSON.
    pub(crate) fn to_text(&self) -> Result<String, SessionError> {
        let text = serde_json::to_string(self).map_err(unreadable)?;
        at_most(
            "bytes in settings, shots and provenance",
            text.len(),
            MAX_RECORD_BYTES,
        )?;
        Ok(text)
    }

    /// Parses [`Record::to_text`]; cleans the text again, because other programs can write to the database.
    pub(crate) fn from_text(text: &str) -> Result<Self, SessionError> {
        at_most(
            "bytes in settings, shots and provenance",
            text.len(),
            MAX_RECORD_BYTES,
        )?;
        let record: Self = serde_json::from_str(text).map_err(unreadable)?;
        let answer = record.answer.map(cleaned_answer).transpose()?;
        let images: Vec<_> = record.images.into_iter().map(cleaned_image).collect();
        if let Some(image) = images.iter().find(|image| !is_sha256(&image.sha256)) {
            return Err(unreadable(format!("{} is not a SHA-256", image.sha256)));
        }
        Ok(Self {
            settings: clean_value(record.settings),
            sources: record.sources.map(cleaned_sources),
            patient: record.patient.map(|text| clean_line(&text)),
            study: record.study.map(|text| clean_line(&text)),
            images,
            answer,
            shots: cleaned_shots(record.shots)?,
            prompt: record.prompt.map(|text| clean(&text)),
        })
    }
}

/// Whether `text` is a SHA-256 as this program writes it, and therefore safe as a file name.
pub(crate) fn is_sha256(text: &str) -> bool {
    text.len() == 64
        && text
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Cleans a text of several lines; errors if it is too long.
pub(crate) fn cleaned_text(what: &'static str, text: &str) -> Result<String, SessionError> {
    at_most(what, text.len(), MAX_TEXT)?;
    Ok(clean(text))
}

/// Cleans a title or name; `untitled` if nothing is left.
pub(crate) fn cleaned_title(title: &str) -> String {
    let line = clean_line_max(title.trim(), MAX_TITLE);
    if line.trim().is_empty() {
        return "untitled".to_owned();
    }
    line
}

/// Cleans the sources of an answer.
pub(crate) fn cleaned_sources(sources: Sources) -> Sources {
    Sources {
        model: clean_line(&sources.model),
        index: clean_line(&sources.index),
        encoder: sources.encoder.map(|name| clean_line(&name)),
        search: clean_line_max(&sources.search, 16),
    }
}

/// Cleans the name and format of an image.
pub(crate) fn cleaned_image(image: StoredImage) -> StoredImage {
    StoredImage {
        name: clean_line_max(&image.name, MAX_TITLE),
        format: clean_line_max(&image.format, 16),
        ..image
    }
}

/// Cleans every text of an answer.
pub(crate) fn cleaned_answer(answer: StoredAnswer) -> Result<StoredAnswer, SessionError> {
    let rationale = answer.rationale.as_deref();
    Ok(StoredAnswer {
        answer: cleaned_text("bytes in the answer", &answer.answer)?,
        rationale: rationale
            .map(|text| cleaned_text("bytes in the rationale", text))
            .transpose()?,
        withheld: answer.withheld.as_deref().map(clean_line),
        stop_reason: clean_line_max(&answer.stop_reason, MAX_TITLE),
        notices: answer
            .notices
            .iter()
            .map(|notice| clean_line(notice))
            .collect(),
        about_model: answer.about_model.as_deref().map(clean_line),
        provenance: clean_value(answer.provenance),
        timings: clean_value(answer.timings),
        ranking: clean_value(answer.ranking),
        ..answer
    })
}

/// Cleans every text of the shots.
pub(crate) fn cleaned_shots(shots: Vec<StoredShot>) -> Result<Vec<StoredShot>, SessionError> {
    at_most("shots", shots.len(), MAX_SHOTS)?;
    shots.into_iter().map(cleaned_shot).collect()
}

fn cleaned_shot(shot: StoredShot) -> Result<StoredShot, SessionError> {
    let text = |text: &str| cleaned_text("bytes in a text of a shot", text);
    let tags = shot.tags.iter();
    Ok(StoredShot {
        example_id: clean_line(&text(&shot.example_id)?),
        reason: clean_line(&text(&shot.reason)?),
        question: text(&shot.question)?,
        answer: text(&shot.answer)?,
        rationale: text(&shot.rationale)?,
        source: clean_line(&text(&shot.source)?),
        licence: clean_line(&text(&shot.licence)?),
        images: shot
            .images
            .iter()
            .map(|name| clean_line_max(name, 80))
            .collect(),
        tags: tags
            .map(|(name, value)| (clean_line(name), clean_line(value)))
            .collect(),
        match_share: shot.match_share.filter(|share| share.is_finite()),
        thumbnail: shot
            .thumbnail
            .map(cleaned_image)
            .filter(|image| is_sha256(&image.sha256)),
        ..shot
    })
}

/// Cleans every string in a JSON value.
pub(crate) fn clean_value(value: Value) -> Value {
    clean_nested(value, MAX_VALUE_DEPTH)
}

fn clean_nested(value: Value, depth: usize) -> Value {
    let Some(below) = depth.checked_sub(1) else {
        return Value::Null;
    };
    match value {
        Value::String(text) => Value::String(clean(&text)),
        Value::Array(items) => Value::Array(
            items
                .into_iter()
                .map(|item| clean_nested(item, below))
                .collect(),
        ),
        Value::Object(fields) => Value::Object(
            fields
                .into_iter()
                .map(|(name, field)| (clean_line(&name), clean_nested(field, below)))
                .collect(),
        ),
        other => other,
    }
}

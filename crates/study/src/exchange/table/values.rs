//! Named values to a card, whatever table they stand in.

use std::borrow::Cow;

use serde_json::Value;

use crate::card::{Card, Kind, LabRow, Region};
use crate::exchange::checked;
use crate::exchange::error::ExchangeError;
use crate::exchange::import::Collector;

use super::folder::Folder;

/// What a value says about a card.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Column {
    Id,
    Kind,
    Question,
    Answer,
    Rationale,
    Images,
    Choices,
    Regions,
    Vignette,
    Laboratory,
    Tags,
    Source,
    Licence,
}

impl Column {
    /// The column of this name; other programs call them differently.
    pub(super) fn named(name: &str) -> Option<Self> {
        let name = name.trim().to_lowercase().replace(['-', ' '], "_");
        Some(match name.as_str() {
            "id" | "card_id" => Self::Id,
            "kind" => Self::Kind,
            "question" | "front" | "prompt" => Self::Question,
            "answer" | "back" | "response" => Self::Answer,
            "rationale" | "explanation" | "extra" | "back_extra" => Self::Rationale,
            "image" | "images" | "image_path" | "image_paths" => Self::Images,
            "choices" | "options" => Self::Choices,
            "regions" => Self::Regions,
            "vignette" | "history" => Self::Vignette,
            "laboratory" | "labs" => Self::Laboratory,
            "tag" | "tags" => Self::Tags,
            "source" => Self::Source,
            "licence" | "license" => Self::Licence,
            _ => return None,
        })
    }
}

/// Reads a card from its values and adds it, or notes under `place` why it was skipped.
pub(super) fn add<'v>(
    values: impl Iterator<Item = (Column, &'v Value)>,
    place: &str,
    folder: &Folder,
    collector: &mut Collector,
) -> Result<(), ExchangeError> {
    let (card, images) = match card(values) {
        Ok(read) => read,
        Err(reason) => {
            collector.skip(place, &reason);
            return Ok(());
        }
    };
    let card = match with_images(card, &images, folder, collector)? {
        Ok(card) => card,
        Err(reason) => {
            collector.skip(place, &reason);
            return Ok(());
        }
    };
    collector.add(card, place)?;
    Ok(())
}

fn with_images(
    mut card: Card,
    names: &[String],
    folder: &Folder,
    collector: &mut Collector,
) -> Result<Result<Card, String>, ExchangeError> {
    if names.len() > checked::MAX_IMAGES {
        return Ok(Err(format!(
            "it has more than {} images",
            checked::MAX_IMAGES
        )));
    }
    let limit = collector.limits.image_bytes;
    for name in names {
        match collector.image(name, || folder.image(name, limit))? {
            Ok(image) => card.images.push(image),
            Err(reason) => return Ok(Err(reason)),
        }
    }
    Ok(Ok(card))
}

/// The card without its images, and their names.
fn card<'v>(
    values: impl Iterator<Item = (Column, &'v Value)>,
) -> Result<(Card, Vec<String>), String> {
    let mut card = checked::empty(Kind::Question);
    let (mut kind, mut images) = (None, Vec::new());
    for (column, value) in values.filter(|(_, value)| !value.is_null()) {
        match column {
            Column::Id => card.id = text(value, "id")?,
            Column::Kind => kind = Some(kind_of(value)?),
            Column::Question => card.question = text(value, "question")?,
            Column::Answer => card.answer = text(value, "answer")?,
            Column::Rationale => card.rationale = text(value, "rationale")?,
            Column::Vignette => card.vignette = text(value, "vignette")?,
            Column::Source => card.source = text(value, "source")?,
            Column::Licence => card.licence = text(value, "licence")?,
            Column::Images => images = list(&structured(value), &[';', '|'], "images")?,
            Column::Choices => card.choices = list(&structured(value), &['|', '\n'], "choices")?,
            Column::Tags => card.tags = tags(&structured(value))?,
            Column::Regions => card.regions = records::<Region>(value, "regions")?,
            Column::Laboratory => card.laboratory = records::<LabRow>(value, "laboratory")?,
        }
    }
    let guessed = match () {
        () if !card.choices.is_empty() => Kind::Choice,
        () if !card.vignette.is_empty() || !card.laboratory.is_empty() => Kind::Staged,
        () => Kind::Question,
    };
    card.kind = kind.unwrap_or(guessed);
    Ok((card, images))
}

fn kind_of(value: &Value) -> Result<Kind, String> {
    let word = value.as_str().unwrap_or_default().trim().to_lowercase();
    let unknown =
        |_| "its kind is none of question, choice, spot, occlusion, compare, staged".to_owned();
    serde_json::from_value(Value::from(word)).map_err(unknown)
}

fn text(value: &Value, name: &str) -> Result<String, String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(true) => Ok("yes".to_owned()),
        Value::Bool(false) => Ok("no".to_owned()),
        _ => Err(format!("its {name} is not text")),
    }
}

/// The value, or the array or object that its text holds, as an export writes them into a column.
fn structured(value: &Value) -> Cow<'_, Value> {
    let text = value
        .as_str()
        .filter(|text| text.trim_start().starts_with(['[', '{']));
    match text.and_then(|text| serde_json::from_str(text).ok()) {
        Some(structured) => Cow::Owned(structured),
        None => Cow::Borrowed(value),
    }
}

/// An array of texts, or a text with separators.
fn list(value: &Value, separators: &[char], name: &str) -> Result<Vec<String>, String> {
    let texts: Vec<String> = match value {
        Value::Array(values) => values
            .iter()
            .map(|value| text(value, name))
            .collect::<Result<_, _>>()?,
        value => text(value, name)?
            .split(separators)
            .map(str::to_owned)
            .collect(),
    };
    let trimmed = texts.iter().map(|text| text.trim().to_owned());
    Ok(trimmed.filter(|text| !text.is_empty()).collect())
}

/// An object of names and values, an array of pairs, or texts such as `organ=lung`; a word alone has the name `tag`.
fn tags(value: &Value) -> Result<Vec<(String, String)>, String> {
    if let Value::Object(names) = value {
        let mut tags = Vec::new();
        for (name, value) in names {
            let values = list(value, &[], "tags")?;
            tags.extend(values.into_iter().map(|value| (name.clone(), value)));
        }
        return Ok(tags);
    }
    if let Ok(pairs) = serde_json::from_value::<Vec<(String, String)>>(value.clone()) {
        return Ok(pairs);
    }
    let words = list(value, &[';', '|', '\n'], "tags")?;
    let pair = |word: &String| match word.split_once('=') {
        Some((name, value)) => (name.trim().to_owned(), value.trim().to_owned()),
        None => ("tag".to_owned(), word.clone()),
    };
    Ok(words.iter().map(pair).collect())
}

/// An array of objects, or a text that holds one.
fn records<T: serde::de::DeserializeOwned>(value: &Value, name: &str) -> Result<Vec<T>, String> {
    let records = match value {
        Value::String(text) if text.trim().is_empty() => return Ok(Vec::new()),
        Value::String(text) => serde_json::from_str(text),
        value => serde_json::from_value(value.clone()),
    };
    records.map_err(|error| format!("its {name} cannot be read ({error})"))
}

//! Writes cards as a table that is read back as it was, with the images in a folder beside it.
//!
//! As in a package, no keys of siblings and no ids of examples leave. A table holds no reviews.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use rounds_support::{FileError, INTENDED_USE, files, sanitise};
use serde_json::{Map, Value, json};

use crate::card::{Card, CardImage};
use crate::exchange::apkg::{DeckExport, Exported};
use crate::exchange::error::{ExchangeError, unmade};
use crate::exchange::import::image_of;

use super::{TableFormat, formulas};

/// The columns, in order.
const NAMES: [&str; 13] = [
    "id",
    "kind",
    "question",
    "answer",
    "rationale",
    "images",
    "choices",
    "regions",
    "vignette",
    "laboratory",
    "tags",
    "source",
    "licence",
];

/// Writes the cards of a deck to `path`, and their images to a folder beside it, which is named after it. A card whose image cannot
/// be had is left out and named in the result.
pub(in crate::exchange) fn write(
    path: &Path,
    format: TableFormat,
    deck: &DeckExport,
) -> Result<Exported, ExchangeError> {
    let stem = path
        .file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let mut images = Images {
        folder: path.with_file_name(format!("{stem}-images")),
        prefix: format!("{stem}-images"),
        names: HashMap::new(),
        written: 0,
    };
    let (mut rows, mut skipped) = (Vec::new(), Vec::new());
    let mut ids = HashSet::new();
    for card in deck.cards.iter().filter(|card| ids.insert(&card.id)) {
        match images.of(card, deck)? {
            Ok(names) => rows.push(row(card, &names)),
            Err(reason) => skipped.push((card.id.clone(), sanitise::clean_line_max(&reason, 300))),
        }
    }
    if rows.is_empty() {
        let first = skipped
            .first()
            .map(|(id, reason)| format!("card {id}: {reason}"));
        return Err(ExchangeError::Empty { first });
    }
    let exported = Exported {
        cards: rows.len(),
        images: images.written,
        reviews: 0,
        skipped,
    };
    let content = match format {
        TableFormat::Csv => separated(&rows, b',')?,
        TableFormat::Tsv => separated(&rows, b'\t')?,
        TableFormat::JsonLines => {
            let lines: Vec<String> = rows
                .iter()
                .map(|row| Value::Object(row.clone()).to_string())
                .collect();
            (lines.join("\n") + "\n").into_bytes()
        }
        TableFormat::Json => {
            let about = json!({"name": deck.name, "about": deck.about, "intended_use": INTENDED_USE, "cards": rows});
            serde_json::to_vec_pretty(&about).map_err(unmade)?
        }
    };
    files::write_atomic(path, &content)?;
    Ok(exported)
}

/// The folder of images.
struct Images {
    folder: PathBuf,
    prefix: String,
    /// Paths from the table by SHA-256, or why there is none.
    names: HashMap<String, Result<String, String>>,
    written: usize,
}

impl Images {
    /// The paths of a card's images, which are written if they have not been.
    fn of(
        &mut self,
        card: &Card,
        deck: &DeckExport,
    ) -> Result<Result<Vec<String>, String>, FileError> {
        let mut names = Vec::with_capacity(card.images.len());
        for image in &card.images {
            let known = match self.names.get(&image.sha256) {
                Some(known) => known.clone(),
                None => self.write(image, deck)?,
            };
            self.names.insert(image.sha256.clone(), known.clone());
            match known {
                Ok(name) => names.push(name),
                Err(reason) => return Ok(Err(reason)),
            }
        }
        Ok(Ok(names))
    }

    fn write(
        &mut self,
        image: &CardImage,
        deck: &DeckExport,
    ) -> Result<Result<String, String>, FileError> {
        let content = (deck.media)(image).and_then(|bytes| Ok((image_of(&bytes)?, bytes)));
        let (found, bytes) = match content {
            Ok((found, bytes)) if found.sha256 == image.sha256 => (found, bytes),
            Ok(_) => return Ok(Err("its image has changed".to_owned())),
            Err(reason) => return Ok(Err(reason)),
        };
        files::create_private_dir(&self.folder)?;
        let digits: String = found.sha256.chars().take(32).collect();
        let name = format!("{digits}.{}", found.extension);
        files::write_atomic(&self.folder.join(&name), &bytes)?;
        self.written += 1;
        Ok(Ok(format!("{}/{name}", self.prefix)))
    }
}

/// The values of a card by their names; empty ones are left out.
fn row(card: &Card, images: &[String]) -> Map<String, Value> {
    let values = [
        json!(card.id),
        json!(card.kind),
        json!(card.question),
        json!(card.answer),
        json!(card.rationale),
        json!(images),
        json!(card.choices),
        json!(card.regions),
        json!(card.vignette),
        json!(card.laboratory),
        json!(card.tags),
        json!(card.source),
        json!(card.licence),
    ];
    let named = NAMES.iter().map(|name| (*name).to_owned()).zip(values);
    let is_empty = |value: &Value| match value {
        Value::String(text) => text.is_empty(),
        Value::Array(values) => values.is_empty(),
        _ => false,
    };
    named.filter(|(_, value)| !is_empty(value)).collect()
}

/// A table with a header. Arrays are written as JSON. No cell is a formula to a spreadsheet.
fn separated(rows: &[Map<String, Value>], separator: u8) -> Result<Vec<u8>, ExchangeError> {
    let mut table = csv::WriterBuilder::new()
        .delimiter(separator)
        .from_writer(Vec::new());
    table.write_record(NAMES).map_err(unmade)?;
    for row in rows {
        let fields = NAMES.iter().map(|name| match row.get(*name) {
            Some(Value::String(text)) => formulas::guarded(text).into_owned(),
            Some(value) => value.to_string(),
            None => String::new(),
        });
        table.write_record(fields).map_err(unmade)?;
    }
    table.into_inner().map_err(|error| unmade(error.error()))
}

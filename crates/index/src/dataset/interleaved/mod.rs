//! Documents of text with embedded images: JSON Lines, Markdown or plain text.
//!
//! A document is cut into windows of a few images and the text around them. Each window is a row: its question is the text up
//! to the last image, with a placeholder for each, and its answer is the text that follows.

mod pieces;
mod windows;

use std::path::Path;

use super::filter::{RawDataset, Recipe, has_no_text};
use super::image_finder::ImageFinder;
use super::inputs::{Input, Reader, chain, extension, files, folder_of};
use super::record::{Entries, Entry, Record, Value};
use super::row::{DERIVED_QUESTION, Row};
use super::{DatasetError, Options, jsonl};
use pieces::Piece;
use rounds_support::files as disk;
use rounds_support::sanitise::clean;
use windows::Window;

/// Largest document in bytes; enough for a book without its images.
const MAX_DOCUMENT_BYTES: u64 = 8 << 20;

pub(super) fn open(path: &Path, options: &Options) -> Result<RawDataset, DatasetError> {
    let inputs = match path.is_dir() {
        true => files(path, |name| is_lines(name) || is_document(name))?,
        false => vec![Input::new(path.to_path_buf())],
    };
    let Some(first) = inputs.first() else {
        return Err(DatasetError::nothing(
            "document (JSON Lines, Markdown or text)",
            path,
        ));
    };
    let source = match inputs.len() {
        1 => first.name.clone(),
        _ => path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned(),
    };
    let reader: Reader = entries;
    Ok(RawDataset {
        entries: chain(inputs, reader)?,
        recipe: Box::new(Interleaved {
            images: ImageFinder::new(&folder_of(path), options, &["images"])?,
        }),
        source,
        licence: "unknown",
        language: None,
    })
}

fn is_lines(name: &str) -> bool {
    name.ends_with(".jsonl") || name.ends_with(".ndjson")
}

fn is_document(name: &str) -> bool {
    [".md", ".markdown", ".txt"]
        .iter()
        .any(|end| name.ends_with(end))
}

/// The documents of a file: one per line, or the file itself.
fn entries(input: &Input) -> Result<Entries, DatasetError> {
    if matches!(extension(&input.path).as_str(), "jsonl" | "ndjson") {
        return jsonl::entries(input);
    }
    input.open()?;
    let bytes = disk::read_limited(&input.path, MAX_DOCUMENT_BYTES)?;
    let origin = input.name.clone();
    let entry = match String::from_utf8(bytes) {
        Ok(text) => {
            let stem = input
                .path
                .file_stem()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            let fields = [("text", text), ("id", stem)];
            let fields = fields.map(|(name, text)| (name.to_owned(), Value::Text(text)));
            Entry::Record(Record::new(origin, &input.split, fields))
        }
        Err(_) => Entry::Bad {
            origin,
            reason: "the document is not UTF-8".to_owned(),
        },
    };
    Ok(Entries {
        total: None,
        iterator: Box::new(std::iter::once(Ok(entry))),
    })
}

struct Interleaved {
    images: ImageFinder,
}

impl Recipe for Interleaved {
    fn rows(&mut self, record: &mut Record) -> Result<Vec<Row>, String> {
        let pieces = self.pieces(record)?;
        let windows = windows::cut(pieces)?;
        let study = record.first_text(&["study", "id", "pmcid"])?;
        let filled = windows.into_iter().map(|window| {
            let mut row = row(window);
            row.study.clone_from(&study);
            row.patient = record.note("patient");
            row.licence = record
                .first_text(&["licence", "license"])
                .unwrap_or_default();
            row.source = record.note("source");
            row
        });
        Ok(filled.collect())
    }

    fn has_placeholders(&self) -> bool {
        true
    }
}

impl Interleaved {
    /// The pieces of a document: a text with placeholders, or parallel lists of texts and images.
    fn pieces(&self, record: &mut Record) -> Result<Vec<Piece>, String> {
        let lists = (record.take("texts"), record.take("images"));
        let (named, texts) = match lists {
            (Value::List(texts), Value::List(images)) => return self.parallel_lists(texts, images),
            (Value::Null, named) => (named, Value::Null),
            (texts, named) => (named, texts),
        };
        let text = match texts {
            Value::Text(text) => text,
            _ => record.first_text(&["text", "content", "document"])?,
        };
        let mut named = self.images.of_value(named)?.into_iter();
        let parts = pieces::read(&clean(&text));
        let placeholders = parts
            .iter()
            .filter(|p| matches!(p, pieces::Part::Placeholder(_)));
        windows::check(placeholders.count())?;
        let mut pieces = Vec::new();
        for piece in parts {
            pieces.push(match piece {
                pieces::Part::Text(text) => Piece::Text(text),
                pieces::Part::Placeholder(name) if name.is_empty() => {
                    let next = named.next();
                    Piece::Image(next.ok_or("there are more placeholders than images")?)
                }
                pieces::Part::Placeholder(name) => Piece::Image(self.images.find(&name)?),
            });
        }
        if named.next().is_some() {
            return Err("there are more images than placeholders".to_owned());
        }
        Ok(pieces)
    }

    /// The pieces of two lists of the same length, with an image or a text at each position.
    fn parallel_lists(&self, texts: Vec<Value>, images: Vec<Value>) -> Result<Vec<Piece>, String> {
        if texts.len() != images.len() {
            return Err("the lists of texts and images differ in length".to_owned());
        }
        let mut pieces = Vec::new();
        for (text, image) in texts.into_iter().zip(images) {
            let found = self.images.of_value(image)?;
            pieces.extend(found.into_iter().map(Piece::Image));
            match text {
                Value::Text(text) => pieces.push(Piece::Text(clean(&text))),
                Value::Null => {}
                _ => return Err("the list of texts has an entry that is not a text".to_owned()),
            }
        }
        Ok(pieces)
    }
}

fn row(window: Window) -> Row {
    let Window {
        images,
        question,
        answer,
        cut,
    } = window;
    let mut row = Row::new(images, question, answer);
    if has_no_text(&row.question) {
        row.question.push(' ');
        row.question.push_str(DERIVED_QUESTION);
        row.tag("question", "derived");
    }
    if cut {
        row.tag("text", "cut");
    }
    row
}

//! Processing common to all data sets: filtering rows, cleaning texts, adding shared tags, and one item for every row.

use std::collections::VecDeque;

use super::error::{DatasetError, quote};
use super::fold::Fold;
use super::record::{Entries, Entry, EntryIterator, Record, key};
use super::row::Row;
use super::vocabulary::{self, split_of};
use super::{Item, Options};
use crate::IMAGE_PLACEHOLDER;
use rounds_support::sanitise::{clean, clean_line, clean_line_max};

/// Most tags kept of a row.
const MAX_TAGS: usize = 200;
/// Longest tag name or value, in characters.
const MAX_TAG_CHARS: usize = 400;

/// Turns the records of one data set into rows.
pub(super) trait Recipe: Send {
    /// The rows of a record, at least one, or the reason why there are none.
    fn rows(&mut self, record: &mut Record) -> Result<Vec<Row>, String>;

    /// Whether the questions contain image placeholders.
    fn has_placeholders(&self) -> bool {
        false
    }

    /// Columns that may name the images, one of which is required; empty if the recipe finds images in another way.
    fn image_columns(&self) -> &'static [&'static str] {
        &[]
    }

    /// Whether a record is an already completed example, whose rows are only sanitised.
    fn is_complete(&self, _record: &Record) -> bool {
        false
    }

    /// Renames the columns of a record to the names the recipe uses, before anything else is read from it.
    fn name_columns(&self, _record: &mut Record) {}

    /// The language of a record; empty if not given.
    fn language(&self, record: &Record) -> String {
        record.note("language")
    }

    /// The split of a record; empty if not given.
    fn split(&self, record: &Record) -> String {
        stated_split(record)
    }
}

/// The split given in a record, or else by the name of its file or list.
pub(super) fn stated_split(record: &Record) -> String {
    let stated = split_of(&record.note("split"));
    if stated.is_empty() {
        record.split.clone()
    } else {
        stated
    }
}

/// A data set before its rows are filtered.
pub(super) struct RawDataset {
    pub(super) entries: Entries,
    pub(super) recipe: Box<dyn Recipe>,
    /// Source and licence of rows that do not state their own.
    pub(super) source: String,
    pub(super) licence: &'static str,
    /// The language to use if none is requested.
    pub(super) language: Option<&'static str>,
}

/// The items of a data set.
pub(super) struct Rows {
    entries: EntryIterator,
    recipe: Box<dyn Recipe>,
    source: String,
    licence: String,
    map: Vec<(String, String)>,
    language: Option<String>,
    split: Option<String>,
    fold: Option<Fold>,
    waiting: VecDeque<Item>,
    ended: bool,
}

impl Rows {
    /// The rows of `dataset` that match `options`. Errors if they name an unknown split.
    pub(super) fn new(dataset: RawDataset, options: &Options) -> Result<Self, DatasetError> {
        let language = options.language.as_deref().or(dataset.language);
        let split = match options.split.as_deref().map(key) {
            None => None,
            Some(all) if all == "all" => None,
            Some(split) => match split_of(&split) {
                known if known.is_empty() => {
                    let reason = format!(
                        "unknown split {}; use train, validation, test or all",
                        quote(&split)
                    );
                    return Err(DatasetError::Option(reason));
                }
                known => Some(known),
            },
        };
        let fields = options
            .map
            .iter()
            .map(|(column, field)| (key(column), key(field)));
        Ok(Self {
            entries: dataset.entries.iterator,
            recipe: dataset.recipe,
            source: options.source.clone().unwrap_or(dataset.source),
            licence: options
                .licence
                .clone()
                .unwrap_or_else(|| dataset.licence.to_owned()),
            map: fields.collect(),
            language: language.map(key).filter(|language| language != "all"),
            split,
            fold: options.fold,
            waiting: VecDeque::new(),
            ended: false,
        })
    }

    fn entry(&mut self, entry: Entry) {
        let mut record = match entry {
            Entry::Record(record) => record,
            Entry::Bad { origin, reason } => return self.reject(&origin, &reason),
        };
        for (column, field) in &self.map {
            record.map(column, field);
        }
        self.recipe.name_columns(&mut record);
        let origin = clean_line(&record.origin);
        let language = key(&self.recipe.language(&record));
        let split = self.recipe.split(&record);
        for (wanted, found, what) in [
            (&self.language, &language, "language"),
            (&self.split, &split, "split"),
        ] {
            if let Some(wanted) = wanted
                && wanted != found
            {
                let found = if found.is_empty() {
                    "not stated"
                } else {
                    found.as_str()
                };
                let reason = format!("the {what} is {}, not {}", quote(found), quote(wanted));
                return self.waiting.push_back(Item::Filtered { origin, reason });
            }
        }
        let complete = self.recipe.is_complete(&record);
        match self.recipe.rows(&mut record) {
            Err(reason) => self.reject(&origin, &reason),
            Ok(rows) if rows.is_empty() => self.reject(&origin, "the row is empty"),
            Ok(rows) => {
                let several = rows.len() > 1;
                for (number, mut row) in (1_usize..).zip(rows) {
                    row.origin = match several {
                        true => format!("{origin}, part {number}"),
                        false => origin.clone(),
                    };
                    if !complete {
                        row.tag("language", &language);
                        row.tag("split", &split);
                    }
                    if self.fold.is_some_and(|fold| !fold.contains(&row)) {
                        let (origin, reason) = (row.origin, "of another fold".to_owned());
                        self.waiting.push_back(Item::Filtered { origin, reason });
                        continue;
                    }
                    let item = match complete {
                        true => complete_item(row),
                        false => self.finish(row),
                    };
                    self.waiting.push_back(item);
                }
            }
        }
    }

    fn reject(&mut self, origin: &str, reason: &str) {
        self.waiting.push_back(Item::Rejected {
            origin: clean_line(origin),
            reason: clean_line(reason),
        });
    }

    /// Cleans and completes a row, or rejects it if something is missing.
    fn finish(&self, mut row: Row) -> Item {
        // Remove stray placeholders from texts that should have none.
        if !self.recipe.has_placeholders() {
            row.question = row.question.replace(IMAGE_PLACEHOLDER, " ");
        }
        row.answer = row.answer.replace(IMAGE_PLACEHOLDER, " ");
        row.rationale = row.rationale.replace(IMAGE_PLACEHOLDER, " ");
        for text in [&mut row.question, &mut row.answer, &mut row.rationale] {
            *text = tidy(text);
        }
        for text in [
            &mut row.source,
            &mut row.licence,
            &mut row.patient,
            &mut row.study,
        ] {
            *text = clean_line(text).trim().to_owned();
        }
        let reason = if row.images.is_empty() {
            "there is no image"
        } else if has_no_text(&row.question) {
            "the question is empty"
        } else if row.answer.is_empty() {
            "the answer is empty"
        } else {
            ""
        };
        if !reason.is_empty() {
            let reason = reason.to_owned();
            return Item::Rejected {
                origin: row.origin,
                reason,
            };
        }
        if !row.has_tag("answer_type") {
            row.tag("answer_type", vocabulary::answer_type(&row.answer));
            row.tag("answer_type_source", "inferred");
        }
        if row.source.is_empty() {
            row.source = clean_line(&self.source);
        }
        if row.licence.is_empty() {
            row.licence = clean_line(&self.licence);
        }
        row.tags.truncate(MAX_TAGS);
        for (name, value) in &mut row.tags {
            *name = clean_line_max(&key(name), MAX_TAG_CHARS);
            *value = clean_line_max(value, MAX_TAG_CHARS);
        }
        Item::Row(Box::new(row))
    }
}

/// Sanitises an already completed row. It may have no image, because examples without images are valid.
fn complete_item(mut row: Row) -> Item {
    let texts = [
        &mut row.question,
        &mut row.answer,
        &mut row.rationale,
        &mut row.source,
        &mut row.licence,
        &mut row.patient,
        &mut row.study,
    ];
    for text in texts {
        *text = clean_line(text).trim().to_owned();
    }
    for (name, value) in &mut row.tags {
        *name = clean_line(name);
        *value = clean_line(value);
    }
    let reason = match (has_no_text(&row.question), row.answer.is_empty()) {
        (true, _) => "the question is empty",
        (_, true) => "the answer is empty",
        _ => return Item::Row(Box::new(row)),
    };
    Item::Rejected {
        origin: row.origin,
        reason: reason.to_owned(),
    }
}

/// A sanitised text with runs of blanks collapsed; line breaks are kept.
fn tidy(text: &str) -> String {
    let text = clean(text);
    let lines = text
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    lines.collect::<Vec<_>>().join("\n").trim().to_owned()
}

/// Whether a question is empty except for placeholders.
pub(super) fn has_no_text(question: &str) -> bool {
    question
        .chars()
        .all(|character| character == IMAGE_PLACEHOLDER || character.is_whitespace())
}

impl Iterator for Rows {
    type Item = Result<Item, DatasetError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(item) = self.waiting.pop_front() {
                return Some(Ok(item));
            }
            if self.ended {
                return None;
            }
            match self.entries.next() {
                Some(Ok(entry)) => self.entry(entry),
                Some(Err(error)) => {
                    self.ended = true;
                    return Some(Err(error));
                }
                None => self.ended = true,
            }
        }
    }
}

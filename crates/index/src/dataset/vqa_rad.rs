//! VQA-RAD: clinicians' questions about radiology images.
//!
//! The original form links paraphrases by `qid_linked_id` and names the case; the expanded form adds templated questions
//! (`frame`), but has neither links nor cases, so cases are looked up in the original form if it is in the same folder. Both
//! have numeric answers and stray blanks. Each record is one row; paraphrases are separate rows, marked by `phrase_type`.

use std::collections::HashMap;
use std::path::Path;

use super::filter::{RawDataset, Recipe};
use super::image_finder::ImageFinder;
use super::inputs::folder_of;
use super::readers::read_tables;
use super::record::{Entry, Record};
use super::row::Row;
use super::{DatasetError, Options, json, vocabulary};

/// Names of the tables; the expanded form is preferred because it has more rows.
const EXPANDED: [&str; 2] = ["trainset.json", "testset.json"];
const ORIGINAL: [&str; 1] = ["VQA_RAD Dataset Public.json"];

pub(super) fn open(path: &Path, options: &Options) -> Result<RawDataset, DatasetError> {
    let lists: [&[&str]; 2] = [&EXPANDED, &ORIGINAL];
    let wanted = "trainset.json of VQA-RAD";
    let entries = read_tables(path, &lists, json::entries, wanted)?;
    let folder = folder_of(path);
    let usual = ["VQA_RAD Image Folder", "images", "imgs"];
    Ok(RawDataset {
        entries,
        recipe: Box::new(VqaRad {
            images: ImageFinder::new(&folder, options, &usual)?,
            cases: cases(&folder),
        }),
        source: "VQA-RAD".to_owned(),
        licence: "CC0 1.0",
        language: None,
    })
}

struct VqaRad {
    images: ImageFinder,
    /// Cases by image.
    cases: HashMap<String, String>,
}

/// The cases of the images from the original form; empty if it is missing or cannot be read.
fn cases(folder: &Path) -> HashMap<String, String> {
    let path = folder.join(ORIGINAL[0]);
    if !path.is_file() {
        return HashMap::new();
    }
    let Ok(entries) = read_tables(&path, &[&ORIGINAL], json::entries, ORIGINAL[0]) else {
        return HashMap::new();
    };
    let records = entries.iterator.filter_map(|entry| match entry {
        Ok(Entry::Record(record)) => Some(record),
        _ => None,
    });
    let pairs = records.map(|record| {
        let case = stated(record.note("image_case_url"));
        (record.note("image_name"), case)
    });
    pairs.filter(|(_, case)| !case.is_empty()).collect()
}

impl Recipe for VqaRad {
    fn rows(&mut self, record: &mut Record) -> Result<Vec<Row>, String> {
        let name = record.text("image_name")?;
        let images = match name.is_empty() {
            true => self.images.of_value(record.take("image"))?,
            false => vec![self.images.find(&name)?],
        };
        let mut row = Row::new(images, record.text("question")?, record.text("answer")?);
        row.study = match stated(record.note("image_case_url")) {
            case if case.is_empty() => self.cases.get(&name).cloned().unwrap_or_default(),
            case => case,
        };
        row.tag("organ", &vocabulary::organ(&record.note("image_organ")));
        let kinds = record.note("question_type");
        // Two records of the published file misspell it as ATRIB.
        let kinds = kinds
            .split(',')
            .map(|kind| match kind.trim().to_lowercase().as_str() {
                "atrib" => "attrib".to_owned(),
                kind => kind.to_owned(),
            });
        for kind in kinds {
            row.tag("question_type", &kind);
            row.tag("category", &kind);
        }
        row.tag("answer_type", &record.note("answer_type").to_lowercase());
        for name in ["phrase_type", "evaluation", "question_relation"] {
            row.tag(name, &stated(record.note(name)).to_lowercase());
        }
        row.tag("qid_linked_id", &stated(record.note("qid_linked_id")));
        row.tag("qid", &record.note("qid"));
        Ok(vec![row])
    }

    fn language(&self, _: &Record) -> String {
        "en".to_owned()
    }

    /// In the original form, test rows are mixed with the others.
    fn split(&self, record: &Record) -> String {
        let kind = record.note("phrase_type");
        match kind.as_str() {
            _ if !record.split.is_empty() => record.split.clone(),
            "" => String::new(),
            kind if kind.starts_with("test") => "test".to_owned(),
            _ => "train".to_owned(),
        }
    }
}

/// A value; `NULL` becomes empty.
fn stated(value: String) -> String {
    if value == "NULL" {
        String::new()
    } else {
        value
    }
}

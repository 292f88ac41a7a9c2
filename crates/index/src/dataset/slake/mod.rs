//! SLAKE: English and Chinese questions about radiology images, with boxes and a knowledge graph.
//!
//! The two languages have separate splits and answers, so the default is English. Boxes become tags, in pixels of the
//! published image. The data has no rationales: they are written from the record, the boxes and the graph, never from
//! anything else, and tagged `rationale=derived`.

mod boxes;
mod knowledge;

use std::path::Path;

use super::filter::{RawDataset, Recipe};
use super::image_finder::ImageFinder;
use super::inputs::folder_of;
use super::readers::read_tables;
use super::record::{Record, key};
use super::row::{ImageSource, Row};
use super::{DatasetError, Options, json, vocabulary};
use boxes::Boxes;
use knowledge::Knowledge;

const TABLES: [&str; 4] = [
    "train.json",
    "validate.json",
    "validation.json",
    "test.json",
];

pub(super) fn open(path: &Path, options: &Options) -> Result<RawDataset, DatasetError> {
    let entries = read_tables(path, &[&TABLES], json::entries, "train.json of SLAKE")?;
    let folder = folder_of(path);
    Ok(RawDataset {
        entries,
        recipe: Box::new(Slake {
            images: ImageFinder::new(&folder, options, &["imgs", "images"])?,
            knowledge: Knowledge::read(&folder.join("KG"))?,
            boxes: Boxes::default(),
        }),
        source: "SLAKE".to_owned(),
        licence: "CC BY 4.0",
        language: Some("en"),
    })
}

struct Slake {
    images: ImageFinder,
    knowledge: Knowledge,
    boxes: Boxes,
}

impl Recipe for Slake {
    fn rows(&mut self, record: &mut Record) -> Result<Vec<Row>, String> {
        let name = record.text("img_name")?;
        let images = match name.is_empty() {
            true => self.images.of_value(record.take("image"))?,
            false => vec![self.images.find(&name)?],
        };
        let mut row = Row::new(images, record.text("question")?, record.text("answer")?);
        if let Some((study, _)) = name.split_once('/') {
            row.study = study.to_owned();
        }
        let (location, modality) = (record.note("location"), record.note("modality"));
        row.tag("organ", &vocabulary::organ(&location));
        row.tag("location", &location);
        if !modality.is_empty() {
            row.tag_modality(&modality);
        }
        row.tag("answer_type", &key(&record.note("answer_type")));
        let content = key(&record.note("content_type"));
        row.tag("content_type", &content);
        row.tag("category", &content);
        row.tag("base_type", &key(&record.note("base_type")));
        row.tag("qid", &record.note("qid"));
        self.explain(&mut row, record, &location, &modality);
        Ok(vec![row])
    }

    fn language(&self, record: &Record) -> String {
        let language = record.note("q_lang");
        // The Parquet copies are English only and have no language column.
        if language.is_empty() {
            "en".to_owned()
        } else {
            language
        }
    }
}

impl Slake {
    /// Adds the boxes as tags, and a rationale from the known facts.
    fn explain(&mut self, row: &mut Row, record: &Record, location: &str, modality: &str) {
        let mut structures = Vec::new();
        if let Some(ImageSource::File(image)) = row.images.first() {
            let boxes = self.boxes.of(image);
            for marked in boxes {
                if !structures.contains(&marked.name) {
                    structures.push(marked.name.clone());
                }
            }
            let rectangles: Vec<String> = boxes.iter().map(ToString::to_string).collect();
            row.tag_all("box", rectangles.iter().map(String::as_str));
        }
        let triple = record.texts("triple");
        let facts = self.knowledge.facts(&triple, &row.answer, &structures);
        let mut sentences = Vec::new();
        if self.language(record) == "en" {
            if !modality.is_empty() && !location.is_empty() {
                let location = vocabulary::organ(location);
                sentences.push(format!("Modality: {modality}. Region: {location}."));
            }
            if !structures.is_empty() {
                sentences.push(format!(
                    "Marked in the image: {}.",
                    structures.join(", ").to_lowercase()
                ));
            }
            sentences.extend(facts.iter().map(|fact| fact.english()));
        } else {
            sentences.extend(facts.iter().map(|fact| fact.chinese()));
        }
        if !facts.is_empty() {
            row.tag("knowledge", "graph");
        }
        if !sentences.is_empty() {
            row.rationale = sentences.join(" ");
            row.tag("rationale", "derived");
        }
    }
}

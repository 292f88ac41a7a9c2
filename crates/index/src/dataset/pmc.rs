//! PMC-VQA and PMC-OA: figures of open-access papers, with generated questions or with their captions.
//!
//! PMC-VQA has two versions whose columns have the same names but different meanings: in the first, `Answer` is the text and
//! `Answer_label` the letter; in the second, `Answer` is the letter. Some copies spell it `Anwser`. Columns are only found by
//! name; a row whose letter and text disagree is rejected.

use std::path::Path;

use super::error::quote;
use super::filter::{RawDataset, Recipe};
use super::image_finder::ImageFinder;
use super::inputs::folder_of;
use super::readers::read_tables;
use super::record::Record;
use super::row::Row;
use super::{DatasetError, Options, jsonl, table};

const LETTERS: [&str; 4] = ["a", "b", "c", "d"];
/// The tables of both versions. `test_clean.csv` is a subset of `test.csv`.
const VQA_TABLES: [&str; 4] = ["train.csv", "test.csv", "train_2.csv", "test_2.csv"];
const CAPTION_TABLES: [&str; 4] = ["pmc_oa.jsonl", "train.jsonl", "valid.jsonl", "test.jsonl"];
/// Subfolders that may contain the images.
const FOLDERS: [&str; 5] = [
    "images",
    "images_2",
    "figures",
    "images/images",
    "caption_T060_filtered_top4_sep_v0_subfigures",
];

/// Opens PMC-VQA: the CSV tables of a folder, one file, or Parquet.
pub(super) fn open_vqa(path: &Path, options: &Options) -> Result<RawDataset, DatasetError> {
    let lists: [&[&str]; 2] = [&VQA_TABLES, &["test_clean.csv"]];
    let wanted = "train.csv or test.csv of PMC-VQA";
    let entries = read_tables(path, &lists, table::commas, wanted)?;
    Ok(RawDataset {
        entries,
        recipe: Box::new(PmcVqa {
            images: ImageFinder::new(&folder_of(path), options, &FOLDERS)?,
        }),
        source: "PMC-VQA".to_owned(),
        licence: "CC BY-SA; images of CC0 and CC BY papers",
        language: None,
    })
}

/// Opens PMC-OA: the JSON Lines of a folder (sub-captions if both files exist), or one file.
pub(super) fn open_captions(path: &Path, options: &Options) -> Result<RawDataset, DatasetError> {
    let lists: [&[&str]; 2] = [&CAPTION_TABLES, &["pmc_oa_beta.jsonl"]];
    let wanted = "pmc_oa.jsonl of PMC-OA";
    let entries = read_tables(path, &lists, jsonl::entries, wanted)?;
    Ok(RawDataset {
        entries,
        recipe: Box::new(PmcOa {
            images: ImageFinder::new(&folder_of(path), options, &FOLDERS)?,
        }),
        source: "PMC-OA".to_owned(),
        licence: "unknown",
        language: None,
    })
}

struct PmcVqa {
    images: ImageFinder,
}

impl Recipe for PmcVqa {
    fn rows(&mut self, record: &mut Record) -> Result<Vec<Row>, String> {
        let name = record.first_text(&["figure_path", "image_path", "image_name"])?;
        let images = match name.is_empty() {
            true => self.images.of_value(record.take("image"))?,
            false => vec![self.images.find(&name)?],
        };
        let choices = choices(record)?;
        let (label, answer) = answer(record, &choices)?;
        let mut question = record.text("question")?;
        if question.is_empty() {
            return Err("the question is empty".to_owned());
        }
        for (letter, text) in &choices {
            question.push_str(&format!(" {letter}: {text}"));
        }
        let mut row = Row::new(images, question, answer);
        row.study = paper(&name);
        for (letter, text) in &choices {
            row.tag("choice", &format!("{letter}: {text}"));
        }
        row.tag("answer_label", &label);
        if !choices.is_empty() {
            row.tag("category", "multiple-choice");
        }
        row.rationale = record.text("caption")?;
        if !row.rationale.is_empty() {
            row.tag("rationale", "caption");
        }
        Ok(vec![row])
    }

    fn language(&self, _: &Record) -> String {
        "en".to_owned()
    }
}

/// The choices of a record: upper-case letter and text without the letter.
fn choices(record: &Record) -> Result<Vec<(String, String)>, String> {
    let mut found = Vec::new();
    for letter in LETTERS {
        let text =
            record.first_text(&[&format!("choice {letter}"), &format!("choice_{letter}")])?;
        let text = without_letter(&text, letter);
        if !text.is_empty() {
            found.push((letter.to_uppercase(), text));
        }
    }
    Ok(found)
}

/// Removes the leading letter from `A: text`.
fn without_letter(text: &str, letter: &str) -> String {
    let text = text.trim();
    let rest = text
        .split_once(':')
        .filter(|(front, _)| front.trim().eq_ignore_ascii_case(letter));
    rest.map_or(text, |(_, rest)| rest).trim().to_owned()
}

/// Letter and text of the right answer; the letter is empty if there are no choices.
fn answer(record: &Record, choices: &[(String, String)]) -> Result<(String, String), String> {
    let stated = record.first_text(&["answer", "anwser"])?;
    if choices.is_empty() {
        return Ok((String::new(), stated));
    }
    let label = record.first_text(&[
        "answer_label",
        "anwser_label",
        "answer label",
        "anwser label",
    ])?;
    let is_unlabelled = label.is_empty();
    let label = if is_unlabelled { stated.clone() } else { label };
    let by_letter = |letter: &str| {
        let letter = letter.trim().trim_end_matches([':', '.']);
        choices
            .iter()
            .find(|(other, _)| other.eq_ignore_ascii_case(letter))
    };
    let by_text = |text: &str| {
        let plain = LETTERS.iter().fold(text.to_owned(), |text, letter| {
            without_letter(&text, letter)
        });
        choices
            .iter()
            .find(|(_, choice)| normalised(choice) == normalised(&plain))
    };
    let right = by_letter(&label).or_else(|| by_text(&label));
    let Some((letter, text)) = right else {
        return Err(format!(
            "the answer {} is not among the choices",
            quote(&label)
        ));
    };
    if !is_unlabelled
        && let Some((other, choice)) = by_text(&stated)
        && normalised(choice) != normalised(text)
    {
        return Err(format!(
            "the answer is choice {other}, but its label is {letter}"
        ));
    }
    Ok((letter.clone(), text.clone()))
}

/// A text in lower case with blanks collapsed, for comparison.
fn normalised(text: &str) -> String {
    text.split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .to_lowercase()
}

struct PmcOa {
    images: ImageFinder,
}

impl Recipe for PmcOa {
    fn rows(&mut self, record: &mut Record) -> Result<Vec<Row>, String> {
        let name = record.text("image").unwrap_or_default();
        let images = self.images.of_value(record.take("image"))?;
        let mut row = Row::caption(images, record.text("caption")?);
        row.study = match record.note("pmcid") {
            id if id.is_empty() => paper(&name),
            id => id,
        };
        Ok(vec![row])
    }
}

/// The paper of a figure such as `PMC212319_Fig3_4.jpg`; empty if its name does not give it.
pub(super) fn paper(name: &str) -> String {
    let file = name.rsplit('/').next().unwrap_or(name);
    let paper = file.split(['_', '.', ' ']).next().unwrap_or_default();
    let digits = paper.strip_prefix("PMC").unwrap_or_default();
    match !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit()) {
        true => paper.to_owned(),
        false => String::new(),
    }
}

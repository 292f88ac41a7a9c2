//! ImageCLEF VQA-Med 2019: lines of `image|question|answer`, in one file or by category.
//!
//! What one question reveals about an image (its modality, organ and plane) holds for the image, so it becomes a tag of every
//! row about it. This takes a first pass over the lines. Only answers that name something are used, and what a question
//! presupposes (`in this mri`); a `no` reveals nothing.

mod facts;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::filter::{RawDataset, Recipe};
use super::image_finder::ImageFinder;
use super::inputs::{Input, chain, files, folder_of};
use super::record::{Entries, Entry, Record, Value};
use super::row::Row;
use super::{DatasetError, Options, text};
use facts::{Category, Facts};

/// Most images whose facts are kept.
const MAX_IMAGES: usize = 200_000;
/// Most questions whose category is kept.
const MAX_QUESTIONS: usize = 1_000_000;

pub(super) fn open(path: &Path, options: &Options) -> Result<RawDataset, DatasetError> {
    let inputs = find(path)?;
    if inputs.is_empty() {
        return Err(DatasetError::nothing(
            "All_QA_Pairs_*.txt of VQA-Med 2019",
            path,
        ));
    }
    let mut known = FirstPass::default();
    let mut total = 0_u64;
    for input in &inputs {
        known.read_categories(input)?;
        total = total.saturating_add(known.read_facts(input)?);
    }
    let folder = image_folder(&inputs, path);
    let usual = [
        "Train_images",
        "train_images",
        "Val_images",
        "val_images",
        "VQAMed2019_Test_Images",
        "images",
        "training/train_images",
        "validation/val_images",
    ];
    let entries = Entries {
        total: Some(total),
        ..chain(inputs, entries)?
    };
    Ok(RawDataset {
        entries,
        recipe: Box::new(VqaMed {
            images: ImageFinder::new(&folder, options, &usual)?,
            known,
        }),
        source: "VQA-Med 2019 (ImageCLEF)".to_owned(),
        licence: "CC BY 4.0",
        language: None,
    })
}

/// The files to read: `path` itself, or those in it and in its split folders.
fn find(path: &Path) -> Result<Vec<Input>, DatasetError> {
    if !path.is_dir() {
        let input = Input::new(path.to_path_buf());
        input.open()?;
        return Ok(vec![input]);
    }
    let lines = |name: &str| {
        name.ends_with(".txt")
            && (name.starts_with("all_qa_pairs") || name.contains("w_ref_answers"))
    };
    let mut found = files(path, lines)?;
    if found.is_empty() {
        found = files(path, is_category)?;
    }
    for split in ["training", "train", "validation", "val", "test"] {
        found.extend(files_if(&path.join(split), lines)?);
    }
    Ok(found)
}

fn files_if(folder: &Path, wanted: impl Fn(&str) -> bool) -> Result<Vec<Input>, DatasetError> {
    if folder.is_dir() {
        files(folder, wanted)
    } else {
        Ok(Vec::new())
    }
}

/// Whether a file is one category, such as `C1_Modality_train.txt`.
fn is_category(name: &str) -> bool {
    name.ends_with(".txt") && Category::of_file(name).is_some()
}

/// The folder with the images: that of the files, or the parent of the folder of categories.
fn image_folder(inputs: &[Input], path: &Path) -> PathBuf {
    let folder = inputs
        .first()
        .map_or_else(|| folder_of(path), |input| folder_of(&input.path));
    let named_for_categories = inputs
        .first()
        .is_some_and(|input| is_category(&input.name.to_lowercase()));
    match folder.parent() {
        Some(above) if named_for_categories && !above.as_os_str().is_empty() => above.to_path_buf(),
        Some(_) if path.is_dir() && !named_for_categories => path.to_path_buf(),
        _ => folder,
    }
}

/// The fields of a line: image, category if present, question, answer.
fn fields(line: &str) -> Option<(&str, Option<Category>, &str, &str)> {
    let fields: Vec<&str> = line.split('|').map(str::trim).collect();
    match fields[..] {
        [image, question, answer] => Some((image, None, question, answer)),
        // The published answers of the test split include the category.
        [image, category, question, answer] => {
            Some((image, Some(Category::of_name(category)?), question, answer))
        }
        _ => None,
    }
}

fn entries(input: &Input) -> Result<Entries, DatasetError> {
    let split = match input.split.as_str() {
        // If the file's name gives no split, its folder's name may.
        "" => {
            let folder = folder_of(&input.path);
            let name = folder
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            super::vocabulary::split_of(&name)
        }
        split => split.to_owned(),
    };
    let file_category = Category::of_file(&input.name.to_lowercase());
    text::entries(input, move |line, origin| {
        let Some((image, category, question, answer)) = fields(line) else {
            let reason = "the line is not image|question|answer".to_owned();
            return Entry::Bad { origin, reason };
        };
        let category = category.or(file_category).map_or("", Category::name);
        let fields = [
            ("image", image),
            ("category", category),
            ("question", question),
            ("answer", answer),
        ];
        let fields = fields.map(|(name, text)| (name.to_owned(), Value::Text(text.to_owned())));
        Entry::Record(Record::new(origin, &split, fields))
    })
}

/// What the first pass over the lines found.
#[derive(Default)]
struct FirstPass {
    /// Facts by image.
    facts: HashMap<String, Facts>,
    /// Categories by image and question, for files whose lines do not include them.
    categories: HashMap<String, Category>,
}

impl FirstPass {
    /// Reads the categories of questions from the per-category files next to `input`.
    fn read_categories(&mut self, input: &Input) -> Result<(), DatasetError> {
        let folder = folder_of(&input.path);
        for folder in [folder.join("QAPairsByCategory"), folder] {
            for file in files_if(&folder, is_category)? {
                let Some(category) = Category::of_file(&file.name.to_lowercase()) else {
                    continue;
                };
                self.each(&file, |known, image, _, question, answer| {
                    if known.categories.len() < MAX_QUESTIONS {
                        known
                            .categories
                            .insert(question_key(image, question), category);
                    }
                    known.learn(image, Some(category), question, answer);
                })?;
            }
        }
        Ok(())
    }

    /// Collects facts from the lines of `input`; returns the number of lines, valid or not.
    fn read_facts(&mut self, input: &Input) -> Result<u64, DatasetError> {
        self.each(input, |known, image, category, question, answer| {
            let category = category.or_else(|| {
                known
                    .category(image, question)
                    .map(|(category, _)| category)
            });
            known.learn(image, category, question, answer);
        })
    }

    fn each(
        &mut self,
        input: &Input,
        mut work: impl FnMut(&mut Self, &str, Option<Category>, &str, &str),
    ) -> Result<u64, DatasetError> {
        let mut rows = 0_u64;
        for (number, line) in text::lines(input)? {
            let origin = format!("{}, line {number}", input.name);
            let line = line.map_err(|error| DatasetError::broken(&origin, error))?;
            if line.as_ref().is_ok_and(|line| line.trim().is_empty()) {
                continue;
            }
            rows = rows.saturating_add(1);
            if let Ok(line) = line
                && let Some((image, category, question, answer)) = fields(&line)
            {
                work(self, image, category, question, answer);
            }
        }
        Ok(rows)
    }

    fn learn(&mut self, image: &str, category: Option<Category>, question: &str, answer: &str) {
        if self.facts.len() < MAX_IMAGES || self.facts.contains_key(image) {
            let facts = self.facts.entry(image.to_owned()).or_default();
            facts.learn(category, question, answer);
        }
    }

    /// The category of a question, and whether it was inferred from its words.
    fn category(&self, image: &str, question: &str) -> Option<(Category, bool)> {
        let known = self
            .categories
            .get(&question_key(image, question))
            .map(|category| (*category, false));
        known.or_else(|| Category::of_question(question).map(|category| (category, true)))
    }
}

fn question_key(image: &str, question: &str) -> String {
    format!("{image}|{question}")
}

struct VqaMed {
    images: ImageFinder,
    known: FirstPass,
}

impl Recipe for VqaMed {
    fn rows(&mut self, record: &mut Record) -> Result<Vec<Row>, String> {
        let name = record.text("image")?;
        let images = vec![self.images.find_stem(&name)?];
        let question = record.text("question")?;
        let stated = Category::of_name(&record.note("category")).map(|category| (category, false));
        let category = stated.or_else(|| self.known.category(&name, &question));
        let mut row = Row::new(images, question, record.text("answer")?);
        if let Some((category, inferred)) = category {
            row.tag("category", category.name());
            row.tag("category_source", if inferred { "inferred" } else { "" });
        }
        if let Some(facts) = self.known.facts.get(&name) {
            facts.tag(&mut row);
        }
        Ok(vec![row])
    }

    fn language(&self, _: &Record) -> String {
        "en".to_owned()
    }
}

//! The three radiology question sets, their splits, and which images are near-duplicates of each other.
//!
//! Nothing is reported on an image that was trained on: SLAKE's and VQA-Med's validation images, and the tenth of VQA-RAD's images whose
//! SHA-256 of the file name is 0 modulo 10, are only reported on. A part of the other images is kept for tuning.

use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::facts;
use rounds_assistant::{comparable, is_yes_or_no};
use rounds_support::files;

/// One of the question sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Set {
    /// SLAKE, English questions.
    Slake,
    /// VQA-Med 2019.
    VqaMed,
    /// VQA-RAD.
    VqaRad,
    /// A user's own questions.
    Own,
}

impl Set {
    /// The published sets.
    pub const ALL: [Set; 3] = [Set::Slake, Set::VqaMed, Set::VqaRad];

    /// Its folder, which also names it in reports.
    pub fn name(self) -> &'static str {
        match self {
            Set::Slake => "slake",
            Set::VqaMed => "vqa-med-2019",
            Set::VqaRad => "vqa-rad",
            Set::Own => "own",
        }
    }
}

/// What an image may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Split {
    /// To train on.
    Train,
    /// To choose between models.
    Tune,
    /// To report results on.
    Report,
}

/// An image of a set.
#[derive(Clone, Debug)]
pub struct RadiologyImage {
    /// Where it is.
    pub path: PathBuf,
    /// Its path inside the set.
    pub name: String,
    /// Its set.
    pub set: Set,
    /// What it may be used for.
    pub split: Split,
    /// SLAKE's modality, VQA-RAD's organ: fields beside the questions, as (field, value).
    pub fields: Vec<(&'static str, String)>,
    /// Names in SLAKE's boxes; `None` where the set has no boxes.
    pub boxed: Option<BTreeSet<String>>,
}

/// A question about an image.
#[derive(Clone, Debug)]
pub struct RadiologyQuestion {
    /// Index of the image.
    pub image: usize,
    /// The question.
    pub question: String,
    /// The answer.
    pub answer: String,
    /// The rationale; empty where there is none.
    pub rationale: String,
    /// The set's own type of the question, such as `Organ`.
    pub category: String,
    /// Whether the answer is yes or no.
    pub closed: bool,
}

/// The sets together.
#[derive(Clone, Debug, Default)]
pub struct RadiologyData {
    /// All images.
    pub images: Vec<RadiologyImage>,
    /// All questions.
    pub questions: Vec<RadiologyQuestion>,
    /// Worked examples of SLAKE's training images, as the teaching index words them; their topic is the category.
    pub worked: Vec<RadiologyQuestion>,
}

#[derive(Deserialize)]
struct SlakeEntry {
    img_name: String,
    question: String,
    answer: String,
    q_lang: String,
    location: String,
    modality: String,
    content_type: String,
}

#[derive(Deserialize)]
struct RadEntry {
    image_name: String,
    image_organ: String,
    question: String,
    answer: serde_json::Value,
    question_type: String,
}

/// SHA-256 of a text as a number, modulo `n`.
pub(crate) fn hash_modulo(text: &str, n: u32) -> u32 {
    let hex = files::sha256_hex(text.as_bytes());
    hex.chars().fold(0u64, |rest, digit| {
        (rest * 16 + u64::from(digit.to_digit(16).unwrap_or(0))) % u64::from(n.max(1))
    }) as u32
}

fn one_line(text: &str) -> String {
    let clean = rounds_support::sanitise::clean_line(text);
    clean.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// One image in 20 of the training images is kept for tuning.
fn tuned(name: &str) -> Split {
    match hash_modulo(&format!("tune {name}"), 20) {
        0 => Split::Tune,
        _ => Split::Train,
    }
}

#[derive(Default)]
struct Reader {
    data: RadiologyData,
    /// Image, question and answer of all questions so far.
    asked: BTreeSet<(usize, String, String)>,
    known: BTreeMap<PathBuf, usize>,
}

impl Reader {
    fn image(&mut self, path: PathBuf, name: &str, set: Set, split: Split) -> Option<usize> {
        if let Some(&at) = self.known.get(&path) {
            return Some(at);
        }
        if !path.is_file() {
            return None;
        }
        self.known.insert(path.clone(), self.data.images.len());
        self.data.images.push(RadiologyImage {
            path,
            name: name.to_string(),
            set,
            split,
            fields: Vec::new(),
            boxed: None,
        });
        Some(self.data.images.len() - 1)
    }

    fn question(&mut self, image: usize, question: &str, answer: &str, category: &str) {
        let (question, mut answer) = (one_line(question), one_line(answer));
        if question.is_empty() || answer.is_empty() {
            return;
        }
        // VQA-RAD writes both `Yes` and `yes`; a model that must guess which is half as sure of either.
        answer = match comparable(&answer).as_str() {
            "yes" => "Yes".into(),
            "no" => "No".into(),
            _ => answer,
        };
        // VQA-RAD lists some of its questions twice, and SLAKE a few.
        if !self.asked.insert((image, question.clone(), answer.clone())) {
            return;
        }
        self.data.questions.push(RadiologyQuestion {
            image,
            closed: is_yes_or_no(&answer),
            question,
            answer,
            rationale: String::new(),
            category: category.to_string(),
        });
    }

    fn slake(&mut self, folder: &Path) -> Result<(), String> {
        for (file, report) in [("train.json", false), ("validate.json", true)] {
            for entry in json::<Vec<SlakeEntry>>(&folder.join(file))? {
                if entry.q_lang != "en" {
                    continue;
                }
                let path = folder.join("imgs").join(&entry.img_name);
                let split = match report {
                    true => Split::Report,
                    false => tuned(&entry.img_name),
                };
                let Some(image) = self.image(path, &entry.img_name, Set::Slake, split) else {
                    continue;
                };
                if self.data.images[image].fields.is_empty() {
                    self.data.images[image].fields = vec![
                        ("modality", entry.modality.clone()),
                        ("location", entry.location.clone()),
                    ];
                    let boxes = self.data.images[image]
                        .path
                        .with_file_name("detection.json");
                    let found: Vec<BTreeMap<String, serde_json::Value>> =
                        json(&boxes).unwrap_or_default();
                    let names = found.into_iter().flat_map(BTreeMap::into_keys);
                    self.data.images[image].boxed = Some(names.collect());
                }
                self.question(image, &entry.question, &entry.answer, &entry.content_type);
            }
        }
        Ok(())
    }

    fn vqa_med(&mut self, folder: &Path) -> Result<(), String> {
        const CATEGORIES: [(&str, &str); 4] = [
            ("C1_Modality", "Modality"),
            ("C2_Plane", "Plane"),
            ("C3_Organ", "Organ"),
            ("C4_Abnormality", "Abnormality"),
        ];
        for (part, short) in [("training", "train"), ("validation", "val")] {
            let folder = folder.join(part);
            for (file, category) in CATEGORIES {
                let file = folder.join(format!("QAPairsByCategory/{file}_{short}.txt"));
                for line in text(&file)?.lines() {
                    let fields: Vec<&str> = line.split('|').collect();
                    let [id, question, answer, ..] = fields[..] else {
                        continue;
                    };
                    let name = format!("{id}.jpg");
                    let path = folder.join(format!("{short}_images")).join(&name);
                    let split = match short {
                        "val" => Split::Report,
                        _ => tuned(&name),
                    };
                    if let Some(image) = self.image(path, &name, Set::VqaMed, split) {
                        self.question(image, question, answer, category);
                    }
                }
            }
        }
        Ok(())
    }

    fn vqa_rad(&mut self, folder: &Path) -> Result<(), String> {
        for entry in json::<Vec<RadEntry>>(&folder.join("trainset.json"))? {
            let path = folder.join("VQA_RAD Image Folder").join(&entry.image_name);
            let split = match hash_modulo(&entry.image_name, 10) {
                0 => Split::Report,
                _ => tuned(&entry.image_name),
            };
            let Some(image) = self.image(path, &entry.image_name, Set::VqaRad, split) else {
                continue;
            };
            if self.data.images[image].fields.is_empty() {
                self.data.images[image].fields = vec![("organ", entry.image_organ.clone())];
            }
            let answer = match &entry.answer {
                serde_json::Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            self.question(image, &entry.question, &answer, entry.question_type.trim());
        }
        Ok(())
    }
}

fn text(path: &Path) -> Result<String, String> {
    files::read_to_string(path).map_err(|e| e.to_string())
}

fn json<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, String> {
    serde_json::from_str(&text(path)?).map_err(|e| format!("{}: {e}", path.display()))
}

impl RadiologyData {
    /// Reads the sets in `folder` (`slake`, `vqa-med-2019`, `vqa-rad`), as many as are there. Questions whose image is missing are left
    /// out.
    ///
    /// Errors where a set's files cannot be read, or where there is no set.
    pub fn read(folder: &Path) -> Result<Self, String> {
        let mut reader = Reader::default();
        for set in Set::ALL {
            let path = folder.join(set.name());
            if !path.is_dir() {
                continue;
            }
            match set {
                Set::Slake => reader.slake(&path)?,
                Set::VqaMed => reader.vqa_med(&path)?,
                Set::VqaRad => reader.vqa_rad(&path)?,
                Set::Own => {}
            }
        }
        if reader.data.images.is_empty() {
            return Err(format!(
                "{} has none of the folders slake, vqa-med-2019 and vqa-rad",
                folder.display()
            ));
        }
        let mut data = reader.data;
        data.add_rationales(folder)?;
        Ok(data)
    }

    /// Derives the rationale of every question from the annotations of its image.
    fn add_rationales(&mut self, folder: &Path) -> Result<(), String> {
        let mut all = BTreeMap::new();
        for set in Set::ALL {
            let path = folder.join(set.name());
            if !path.is_dir() {
                continue;
            }
            let read = match set {
                Set::Slake => vec![
                    facts::slake(&path, "train"),
                    facts::slake(&path, "validate"),
                ],
                Set::VqaMed => vec![
                    facts::vqa_med(&path, "train"),
                    facts::vqa_med(&path, "validate"),
                ],
                Set::VqaRad => vec![facts::vqa_rad(&path)],
                Set::Own => Vec::new(),
            };
            for found in read {
                let found = found.map_err(|e| e.to_string())?;
                all.extend(
                    found
                        .into_iter()
                        .map(|(name, facts)| (path.join(name), facts)),
                );
            }
        }
        self.add_worked(&folder.join(Set::Slake.name()), &all)?;
        for question in &mut self.questions {
            if let Some(facts) = all.get(&self.images[question.image].path) {
                question.rationale = facts.rationale(&question.question, &question.answer);
            }
        }
        Ok(())
    }

    /// Makes the worked examples of SLAKE's training images. `known` has the facts of every image by its path.
    fn add_worked(
        &mut self,
        slake: &Path,
        known: &BTreeMap<PathBuf, facts::Facts>,
    ) -> Result<(), String> {
        if !slake.join("KG").is_dir() {
            return Ok(());
        }
        let knowledge = facts::Knowledge::read(slake).map_err(|e| e.to_string())?;
        for (at, image) in self.images.iter().enumerate() {
            if image.set != Set::Slake || image.split != Split::Train {
                continue;
            }
            let Some(facts) = known.get(&image.path) else {
                continue;
            };
            let facts = facts.clone().with_usual_plane();
            let worked = facts::worked_examples(&facts, &knowledge);
            self.worked
                .extend(worked.into_iter().map(|example| RadiologyQuestion {
                    image: at,
                    closed: example.closed,
                    question: example.question,
                    answer: example.answer,
                    rationale: example.rationale,
                    category: example.topic.to_string(),
                }));
        }
        Ok(())
    }

    /// The same images with the worked examples as their questions.
    pub fn of_worked_examples(&self) -> Self {
        Self {
            images: self.images.clone(),
            questions: self.worked.clone(),
            worked: Vec::new(),
        }
    }

    /// The sets that it has images of.
    pub(crate) fn sets(&self) -> BTreeSet<Set> {
        self.images.iter().map(|image| image.set).collect()
    }

    /// Images of a split.
    pub fn images_of(&self, split: Split) -> Vec<usize> {
        let of = |at: &usize| self.images[*at].split == split;
        (0..self.images.len()).filter(of).collect()
    }

    /// Questions about the images of a split.
    pub fn questions_of(&self, split: Split) -> Vec<usize> {
        let of = |at: &usize| self.images[self.questions[*at].image].split == split;
        (0..self.questions.len()).filter(of).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reported_tenth_is_fixed() {
        // sha256("a") = ca978112...bb, sha256("b") = 3e23e816...1d
        assert_eq!(hash_modulo("a", 16), 0xB);
        assert_eq!(hash_modulo("b", 16), 0xD);
    }
}

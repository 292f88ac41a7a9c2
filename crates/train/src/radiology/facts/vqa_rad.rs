//! VQA-RAD (Lau et al., Scientific Data 2018, <https://doi.org/10.1038/sdata.2018.251>; CC0 1.0): questions by clinicians, and
//! the organ of each image.

use serde::Deserialize;
use serde_json::Value;
use std::path::Path;

use super::Facts;
use super::question::yes_or_no;
use super::read::{self, FactsError, ImageFacts};

#[derive(Deserialize)]
struct Row {
    image_name: String,
    image_organ: String,
    question: String,
    answer: Value,
    question_type: String,
}

/// Reads `trainset.json` in `folder`. The keys are `VQA_RAD Image Folder/synpic1.jpg`.
pub fn vqa_rad(folder: &Path) -> Result<ImageFacts, FactsError> {
    let rows: Vec<Row> = read::json(&folder.join("trainset.json"))?;
    let mut images = ImageFacts::new();
    for row in rows {
        let image = format!("VQA_RAD Image Folder/{}", row.image_name);
        let part = match row.image_organ.trim() {
            "HEAD" => Some("head"),
            "CHEST" => Some("chest"),
            "ABD" => Some("abdomen"),
            _ => None,
        };
        let facts = images.entry(image.clone()).or_insert_with(|| Facts {
            image,
            body_part: part.map(str::to_owned),
            ..Facts::default()
        });
        // Some answers are numbers.
        let answer = match row.answer {
            Value::String(text) => text.trim().to_owned(),
            other => other.to_string(),
        };
        match row.question_type.trim() {
            "MODALITY" => modality(facts, &row.question, &answer),
            "PLANE" => plane(facts, &row.question, &answer),
            _ => taken_for_granted(facts, &row.question),
        }
        facts.qa.push((row.question, answer));
    }
    Ok(images)
}

/// The words of a text, in lower case.
fn words(text: &str) -> Vec<String> {
    let lower = text
        .to_lowercase()
        .replace("x-ray", "xray")
        .replace("x ray", "xray");
    lower
        .split(|c: char| !c.is_alphanumeric())
        .map(str::to_owned)
        .collect()
}

fn has(words: &[String], wanted: &[&str]) -> bool {
    wanted.iter().any(|word| words.iter().any(|w| w == word))
}

/// The modality and weighting that a text names.
fn learn(facts: &mut Facts, text: &str) {
    let words = words(text);
    let named = [
        ("MRI", &["mri", "mr", "dwi", "flair", "t1", "t2"][..]),
        ("CT", &["ct"][..]),
        ("X-ray", &["xray", "cxr", "radiograph", "film"][..]),
    ];
    let found: Vec<&str> = named
        .iter()
        .filter(|(_, wanted)| has(&words, wanted))
        .map(|(name, _)| *name)
        .collect();
    if let [name] = found.as_slice() {
        facts.modality.get_or_insert_with(|| (*name).to_owned());
    }
    let weightings = [
        ("t1", "T1"),
        ("t2", "T2"),
        ("flair", "FLAIR"),
        ("dwi", "diffusion-weighted"),
    ];
    if let Some((_, name)) = weightings
        .into_iter()
        .find(|(word, _)| has(&words, &[word]))
    {
        facts.weighting.get_or_insert_with(|| name.to_owned());
    }
}

fn modality(facts: &mut Facts, question: &str, answer: &str) {
    let lower = question.to_lowercase();
    let asks_for_one = [
        "is this a ct",
        "is this an mri",
        "is this a t2",
        "is this a plain film",
        "is this a chest rad",
    ];
    match yes_or_no(answer) {
        _ if words(question).contains(&"not".to_owned()) => {}
        None => {
            taken_for_granted(facts, question);
            learn(facts, answer);
        }
        Some(yes) if asks_for_one.iter().any(|words| lower.starts_with(words)) => {
            if yes {
                learn(facts, question);
            }
        }
        Some(_) => taken_for_granted(facts, question),
    }
}

fn plane(facts: &mut Facts, question: &str, answer: &str) {
    let text = match yes_or_no(answer) {
        Some(false) => return,
        Some(true) => question,
        None => answer,
    };
    let words = words(text);
    let planes = [
        ("Axial", &["axial", "transverse"][..]),
        ("Coronal", &["coronal"][..]),
        ("Sagittal", &["sagittal", "saggital"][..]),
        ("PA", &["pa", "posteroanterior"][..]),
        ("Lateral", &["lateral"][..]),
    ];
    if let Some((name, _)) = planes.iter().find(|(_, wanted)| has(&words, wanted)) {
        facts.plane.get_or_insert_with(|| (*name).to_owned());
    }
}

/// The modality that a question takes for granted: "Can the kidneys be visualized in this CT scan?".
fn taken_for_granted(facts: &mut Facts, question: &str) {
    let lower = question.to_lowercase();
    let certain = [
        "this ct",
        "the ct",
        "this mri",
        "the mri",
        "this cxr",
        "this radiograph",
        "the radiograph",
        "this x-ray",
        "chest x-ray",
        "this film",
        "mri imaging",
        "of mri",
        "this mr ",
        "mr weighting",
    ];
    if certain.iter().any(|words| lower.contains(words)) {
        learn(facts, question);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_modality_is_taken_from_answers_and_from_what_questions_take_for_granted() {
        let told = |question: &str, answer: &str| {
            let mut facts = Facts::default();
            modality(&mut facts, question, answer);
            facts.modality
        };
        assert_eq!(
            told("What kind of image is this?", "Chest x-ray").as_deref(),
            Some("X-ray")
        );
        assert_eq!(told("Is this a CT image?", "no"), None);
        assert_eq!(told("Is this an MRI?", "yes").as_deref(), Some("MRI"));
        assert_eq!(
            told(
                "What type of imaging does this not represent?",
                "ultrasound"
            ),
            None
        );
        assert_eq!(
            told("Is this CT scan enhanced by IV contrast?", "No").as_deref(),
            Some("CT")
        );
        assert_eq!(told("Is this a special kind of X-ray?", "No"), None);
    }
}

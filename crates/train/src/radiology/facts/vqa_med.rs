//! VQA-Med-2019 (Ben Abacha et al., ImageCLEF 2019; CC BY 4.0): modality, plane, organ system and abnormality of each image.

use std::path::Path;

use super::Facts;
use super::question::yes_or_no;
use super::read::{self, FactsError, ImageFacts};

/// Reads the four question files of `train` or `validate` in `folder`. The keys are `training/train_images/synpic1.jpg`.
pub fn vqa_med(folder: &Path, split: &str) -> Result<ImageFacts, FactsError> {
    let (part, short) = match split {
        "train" => ("training", "train"),
        "validate" => ("validation", "val"),
        _ => return Err(FactsError::Split(split.to_owned())),
    };
    let mut images = ImageFacts::new();
    for (category, learn) in CATEGORIES {
        let path = folder
            .join(part)
            .join(format!("QAPairsByCategory/{category}_{short}.txt"));
        for (index, line) in read::text(&path)?.lines().enumerate() {
            let mut fields = line.split('|');
            let (Some(id), Some(question), Some(answer)) =
                (fields.next(), fields.next(), fields.next())
            else {
                return Err(FactsError::Line {
                    path,
                    line: index + 1,
                    fields: 3,
                });
            };
            let image = format!("{part}/{short}_images/{id}.jpg");
            let facts = images.entry(image.clone()).or_insert_with(|| Facts {
                image,
                ..Facts::default()
            });
            learn(facts, question, answer);
            facts.qa.push((question.to_owned(), answer.to_owned()));
        }
    }
    for facts in images.values_mut() {
        drop_denied(facts);
    }
    Ok(images)
}

type Learn = fn(&mut Facts, &str, &str);

const CATEGORIES: [(&str, Learn); 4] = [
    ("C1_Modality", modality),
    ("C2_Plane", plane),
    ("C3_Organ", organ_system),
    ("C4_Abnormality", named_modality),
];

fn set(field: &mut Option<String>, value: &str) {
    field.get_or_insert_with(|| value.to_owned());
}

fn modality(facts: &mut Facts, question: &str, answer: &str) {
    match yes_or_no(answer) {
        None => stated(facts, question, answer),
        Some(yes) => {
            let given = ["taken with contrast", "iv contrast given"];
            if given.iter().any(|words| question.contains(words)) {
                named_modality(facts, question, answer);
                facts.contrast = Some(yes);
            } else if yes {
                let name = if question.contains("ct") { "ct" } else { "mri" };
                named(facts, name);
                weighting(facts, question);
                facts.contrast = question.contains("noncontrast").then_some(false);
            }
        }
    }
}

/// A modality stated by an answer (`ct w/contrast (iv)`, `mr - t2 weighted`), or by a question that takes it for granted.
fn stated(facts: &mut Facts, question: &str, answer: &str) {
    let starts = |words: &[&str]| words.iter().any(|word| answer.starts_with(word));
    let name = match answer {
        _ if answer.starts_with("cta") => "CT angiogram",
        _ if answer.starts_with("ct - myelogram") => "CT myelogram",
        _ if answer.starts_with("ct") => "CT",
        _ if answer.starts_with("mra") => "MR angiogram",
        _ if starts(&["mr", "t1", "t2", "flair"]) => "MRI",
        _ if starts(&["xr"]) => "X-ray",
        _ if answer.starts_with("us-d") => "Doppler ultrasound",
        _ if starts(&["us"]) => "ultrasound",
        _ if starts(&["an -"]) => "angiogram",
        _ if starts(&["mammo"]) => "mammogram",
        _ if starts(&["bas"]) => "barium swallow",
        _ if starts(&["ugi"]) => "upper GI series",
        _ if starts(&["be -"]) => "barium enema",
        _ if starts(&["sbft"]) => "small bowel series",
        _ if starts(&["nm"]) => "nuclear medicine scan",
        _ if starts(&["pet-ct"]) => "PET-CT",
        _ if starts(&["pet"]) => "PET",
        _ if starts(&["venogram"]) => "venogram",
        _ => "",
    };
    if name.is_empty() {
        named_modality(facts, question, answer);
    } else {
        set(&mut facts.modality, name);
    }
    if name == "MRI" {
        weighting(facts, answer);
    }
    facts.contrast = match answer {
        "noncontrast" => Some(false),
        "contrast" | "iv" | "gi and iv" | "gi" => Some(true),
        _ if answer.contains("noncontrast") => Some(false),
        _ if ["contrast", "w/g", "& iv"]
            .iter()
            .any(|word| answer.contains(word)) =>
        {
            Some(true)
        }
        _ => None,
    };
}

fn weighting(facts: &mut Facts, text: &str) {
    let names = [
        ("t1", "T1"),
        ("t2*", "gradient echo"),
        ("t2", "T2"),
        ("flair", "FLAIR"),
        ("dwi", "diffusion-weighted"),
        ("adc", "ADC"),
        ("pdw", "proton density"),
        ("stir", "STIR"),
        ("fiesta", "FIESTA"),
    ];
    if let Some((_, name)) = names.into_iter().find(|(word, _)| text.contains(word)) {
        set(&mut facts.weighting, name);
    }
}

/// The modality that a question takes for granted: "what is abnormal in the mri?".
fn named_modality(facts: &mut Facts, question: &str, _: &str) {
    let names = [
        "mri",
        "ct",
        "x-ray",
        "ultrasound",
        "angiogram",
        "mammograph",
        "nuclear medicine image",
        "pet scan",
    ];
    let words = format!(" {} ", question.replace(['?', ','], " "));
    if let Some(name) = names
        .into_iter()
        .find(|name| words.contains(&format!(" {name} ")))
    {
        named(facts, name);
    }
}

fn named(facts: &mut Facts, name: &str) {
    let name = match name {
        "mri" => "MRI",
        "ct" => "CT",
        "x-ray" => "X-ray",
        "mammograph" => "mammogram",
        "nuclear medicine image" => "nuclear medicine scan",
        "pet scan" => "PET",
        other => other,
    };
    set(&mut facts.modality, name);
}

fn plane(facts: &mut Facts, question: &str, answer: &str) {
    named_modality(facts, question, answer);
    let plane = match answer {
        "axial" => "Axial",
        "sagittal" => "Sagittal",
        "coronal" => "Coronal",
        "ap" => "AP",
        "pa" => "PA",
        "lateral" => "Lateral",
        "frontal" => "Frontal",
        "transverse" => "Transverse",
        "oblique" => "Oblique",
        "longitudinal" => "Longitudinal",
        "decubitus" => "Decubitus",
        "3d reconstruction" => "Reconstructed",
        "mammo - mlo" => "MLO",
        "mammo - cc" | "mammo - mag cc" | "mammo - xcc" => "CC",
        _ => return,
    };
    set(&mut facts.plane, plane);
}

fn organ_system(facts: &mut Facts, question: &str, answer: &str) {
    named_modality(facts, question, answer);
    let part = match answer {
        "lung, mediastinum, pleura" => "lung, mediastinum and pleura".to_owned(),
        "face, sinuses, and neck" => "face, sinuses and neck".to_owned(),
        "musculoskeletal" | "gastrointestinal" | "genitourinary" | "vascular and lymphatic" => {
            format!("{answer} system")
        }
        other => other.to_owned(),
    };
    set(&mut facts.body_part, &part);
}

/// A modality that an answer denies is not kept, whatever another question calls the image.
fn drop_denied(facts: &mut Facts) {
    let asked = match facts.modality.as_deref() {
        Some("CT") => "is this a ct scan?",
        Some("MRI") => "is this an mri image?",
        _ => return,
    };
    let denied = facts
        .qa
        .iter()
        .any(|(question, answer)| question.trim() == asked && yes_or_no(answer) == Some(false));
    if denied {
        facts.modality = None;
    }
}

//! What the user reads of a shot: modality, question and answer first, and its similarity where it has one.

use rounds_assistant::retrieval::Shot;
use rounds_support::errors::count;

/// The modality, the number of images if it has several, and the question.
pub fn lead(shot: &Shot) -> String {
    let example = &shot.example;
    let mut facts: Vec<String> = Vec::new();
    let tags = &example.tags;
    facts.extend(
        tags.iter()
            .find(|(name, _)| name == "modality")
            .map(|(_, value)| modality(value).to_owned()),
    );
    if example.images.len() > 1 {
        facts.push(count(example.images.len(), "image"));
    }
    match facts.is_empty() {
        true => example.question.clone(),
        false => format!("{}: {}", facts.join(", "), example.question),
    }
}

/// A modality as one says it: importers write DICOM's codes.
fn modality(tag: &str) -> &str {
    match tag {
        "xr" => "X-ray",
        "ct" => "CT",
        "mr" => "MRI",
        "us" => "ultrasound",
        "pet" => "PET",
        other => other,
    }
}

/// The similarity; `None` if the shot was not compared with anything, as when it is pinned or random.
pub fn similarity(shot: &Shot) -> Option<f32> {
    let compared = !shot.is_pinned() && shot.score != 0.0 && shot.score.is_finite();
    compared.then_some(shot.score)
}

/// The similarity as text, or else why the shot was chosen.
pub fn similarity_or_reason(shot: &Shot) -> String {
    match similarity(shot) {
        Some(score) => format!("{score:.3}"),
        None => shot.reason.clone(),
    }
}

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

/// The score by which the strategy chose the shot; `None` if it did not choose by one, as when it is pinned or random.
pub fn strategy_score(shot: &Shot) -> Option<f32> {
    let chosen_by_it = !shot.is_pinned() && shot.has_score() && shot.score.is_finite();
    chosen_by_it.then_some(shot.score)
}

/// The score as text, or else why the shot was chosen; of a pinned shot both.
pub fn score_or_reason(shot: &Shot) -> String {
    match (strategy_score(shot), shot.has_score()) {
        (Some(score), _) => format!("{score:.3}"),
        (None, true) if shot.is_pinned() => format!("{}, {:.3}", shot.reason, shot.score),
        (None, _) => shot.reason.clone(),
    }
}

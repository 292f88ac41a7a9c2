//! Staged cards: the history first, then the image, then laboratory values.

use crate::card::{Card, CardImage, Kind, LabRow, card_id};

/// A case as its file has it. The caller reads the file and keeps the images.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StagedCase {
    /// The history.
    pub vignette: String,
    /// The question.
    pub question: String,
    /// The reference answer.
    pub answer: String,
    /// Why that is the answer; may be empty.
    pub rationale: String,
    /// The images.
    pub images: Vec<CardImage>,
    /// The laboratory values.
    pub laboratory: Vec<LabRow>,
    /// Tag names and values.
    pub tags: Vec<(String, String)>,
    /// Where the case and its images come from.
    pub source: String,
    /// The licence.
    pub licence: String,
}

/// One card for every case that has a question and an answer, in their order.
pub fn staged_cards(cases: &[StagedCase]) -> Vec<Card> {
    let asked = |case: &&StagedCase| !case.question.is_empty() && !case.answer.is_empty();
    cases.iter().filter(asked).map(card).collect()
}

fn card(case: &StagedCase) -> Card {
    let extra = [case.vignette.as_str()];
    Card {
        id: card_id(Kind::Staged, &case.question, &case.images, &extra),
        kind: Kind::Staged,
        question: case.question.clone(),
        answer: case.answer.clone(),
        rationale: case.rationale.clone(),
        sibling_keys: case
            .images
            .iter()
            .map(|image| image.sha256.clone())
            .collect(),
        images: case.images.clone(),
        choices: Vec::new(),
        regions: Vec::new(),
        vignette: case.vignette.clone(),
        laboratory: case.laboratory.clone(),
        tags: case.tags.clone(),
        source: case.source.clone(),
        licence: case.licence.clone(),
        example: String::new(),
    }
}

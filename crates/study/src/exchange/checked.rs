//! The one gate through which imported cards come: whatever the file, a card is sanitised and makes sense.

use rounds_support::{files, sanitise};

use crate::card::{Card, Kind, LabRow, Region};

use super::limits::Limits;

/// Most answers to choose from, regions and rows of a laboratory table.
const MAX_LIST: usize = 200;
/// Most images of a card.
pub(super) const MAX_IMAGES: usize = 50;
/// Longest label, tag, source and licence, in characters.
const MAX_LINE_CHARS: usize = 500;
/// How far a region may reach over the edge by rounding, as a fraction.
const ROUNDING: f32 = 0.001;
/// What is asked where a card shows only an image.
const DEFAULT_QUESTION: &str = "What does this image show?";

/// An empty card of this kind, to be filled from a file.
pub(super) fn empty(kind: Kind) -> Card {
    Card {
        id: String::new(),
        kind,
        question: String::new(),
        answer: String::new(),
        rationale: String::new(),
        images: Vec::new(),
        choices: Vec::new(),
        regions: Vec::new(),
        vignette: String::new(),
        laboratory: Vec::new(),
        tags: Vec::new(),
        sibling_keys: Vec::new(),
        source: String::new(),
        licence: String::new(),
        example: String::new(),
    }
}

/// The card with sanitised texts, its id if it had none, and its images as sibling keys; or why it cannot be used.
pub(super) fn card(mut card: Card, limits: &Limits) -> Result<Card, String> {
    for (name, text) in [
        ("question", &mut card.question),
        ("answer", &mut card.answer),
        ("rationale", &mut card.rationale),
        ("vignette", &mut card.vignette),
    ] {
        block(name, text, limits)?;
    }
    for choice in &mut card.choices {
        block("choice", choice, limits)?;
    }
    for text in [&mut card.source, &mut card.licence, &mut card.example] {
        line(text);
    }
    for Region { label, .. } in &mut card.regions {
        line(label);
    }
    for LabRow {
        test,
        value,
        reference,
    } in &mut card.laboratory
    {
        [test, value, reference].into_iter().for_each(line);
    }
    for (name, value) in &mut card.tags {
        line(name);
        line(value);
    }
    card.tags
        .retain(|(name, value)| !name.is_empty() || !value.is_empty());
    card.sibling_keys.iter_mut().for_each(line);
    makes_sense(&mut card)?;
    if !is_id(&card.id) {
        card.id = content_id(&card);
    }
    for image in &card.images {
        if !card.sibling_keys.contains(&image.sha256) {
            card.sibling_keys.push(image.sha256.clone());
        }
    }
    Ok(card)
}

fn block(name: &str, text: &mut String, limits: &Limits) -> Result<(), String> {
    if text.chars().count() > limits.text_chars {
        return Err(format!(
            "its {name} is longer than {} characters",
            limits.text_chars
        ));
    }
    *text = sanitise::clean(text).trim().to_owned();
    Ok(())
}

fn line(text: &mut String) {
    *text = sanitise::clean_line_max(text, MAX_LINE_CHARS)
        .trim()
        .to_owned();
}

fn makes_sense(card: &mut Card) -> Result<(), String> {
    let lists = [
        ("choices", card.choices.len(), MAX_LIST),
        ("regions", card.regions.len(), MAX_LIST),
        ("laboratory values", card.laboratory.len(), MAX_LIST),
        ("tags", card.tags.len(), MAX_LIST),
        ("sibling keys", card.sibling_keys.len(), MAX_LIST),
        ("images", card.images.len(), MAX_IMAGES),
    ];
    if let Some((name, found, limit)) = lists.iter().find(|(_, found, limit)| found > limit) {
        return Err(format!("it has {found} {name}; the limit is {limit}"));
    }
    if card.question.is_empty() {
        if card.images.is_empty() {
            return Err("it has no question".to_owned());
        }
        card.question = DEFAULT_QUESTION.to_owned();
    }
    if !card.regions.iter().all(is_inside) {
        return Err("a region is not inside its image".to_owned());
    }
    let places = matches!(card.kind, Kind::Spot | Kind::Occlusion);
    if places && (card.images.is_empty() || card.regions.is_empty()) {
        return Err("it needs an image with a region".to_owned());
    }
    if card.answer.is_empty() && places {
        card.answer = card
            .regions
            .first()
            .map(|region| region.label.clone())
            .unwrap_or_default();
    }
    if card.answer.is_empty() {
        return Err("it has no answer in words".to_owned());
    }
    if card.kind == Kind::Compare && card.images.len() < 2 {
        return Err("it needs two images to compare".to_owned());
    }
    // A place is marked, not chosen.
    if card.kind == Kind::Spot {
        card.choices.clear();
    }
    let chosen = card.kind == Kind::Choice || !card.choices.is_empty();
    if chosen && (card.choices.len() < 2 || !card.choices.contains(&card.answer)) {
        return Err("its answer is not one of its choices".to_owned());
    }
    Ok(())
}

fn is_inside(region: &Region) -> bool {
    let Region {
        x,
        y,
        width,
        height,
        ..
    } = *region;
    [x, y, width, height].iter().all(|value| value.is_finite())
        && x >= 0.0
        && y >= 0.0
        && width > 0.0
        && height > 0.0
        && x + width <= 1.0 + ROUNDING
        && y + height <= 1.0 + ROUNDING
}

/// Whether `id` has the form of a card's id.
pub(super) fn is_id(id: &str) -> bool {
    id.len() == 16
        && id
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// An id made from `parts`.
pub(super) fn id_of(parts: &[&str]) -> String {
    let joined = parts.join("\u{0}");
    files::sha256_hex(joined.as_bytes())
        .chars()
        .take(16)
        .collect()
}

/// An id made from what the card asks and its kind.
fn content_id(card: &Card) -> String {
    let kind = format!("{:?}", card.kind);
    let mut parts = vec![
        "imported",
        kind.as_str(),
        card.question.as_str(),
        card.vignette.as_str(),
    ];
    parts.extend(card.images.iter().map(|image| image.sha256.as_str()));
    if matches!(card.kind, Kind::Spot | Kind::Occlusion) {
        parts.push(&card.answer);
    }
    id_of(&parts)
}

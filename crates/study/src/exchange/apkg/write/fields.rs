//! The fields of a card's note, in HTML.

use std::collections::HashMap;

use crate::card::{Card, CardImage, Kind, LabRow, Region};
use crate::exchange::html::escape;

use super::super::FIELD_SEPARATOR;
use super::super::own::{Data, FIELDS};

/// File names of images by SHA-256.
pub(super) type Names = HashMap<String, Result<String, String>>;

/// All fields, in order, with separators. `siblings` are the names of the card's groups.
pub(super) fn joined(card: &Card, names: &Names, siblings: Vec<String>) -> String {
    let data = Data {
        choices: card.choices.clone(),
        regions: card.regions.clone(),
        laboratory: card.laboratory.clone(),
        tags: card.tags.clone(),
        siblings,
    };
    let data = serde_json::to_string(&data).unwrap_or_default();
    let fields: [String; FIELDS.len()] = [
        escape(&card.question),
        images(card, names),
        choices(&card.choices),
        escape(&card.vignette),
        laboratory(&card.laboratory),
        escape(&card.answer),
        escape(&card.rationale),
        answer_image(card, names),
        escape(&card.source),
        escape(&card.licence),
        escape(&data),
    ];
    fields.join(FIELD_SEPARATOR)
}

fn images(card: &Card, names: &Names) -> String {
    let covers = match card.kind {
        Kind::Occlusion => boxes(&card.regions, "rounds-asked", "rounds-cover"),
        _ => String::new(),
    };
    let mut html = String::new();
    for (at, image) in card.images.iter().enumerate() {
        html.push_str(&framed(image, names, if at == 0 { &covers } else { "" }));
    }
    html
}

/// The first image with the right places marked.
fn answer_image(card: &Card, names: &Names) -> String {
    let marks = match card.kind {
        Kind::Spot => boxes(&card.regions, "rounds-mark", "rounds-mark"),
        Kind::Occlusion => boxes(
            card.regions.get(..1).unwrap_or_default(),
            "rounds-mark",
            "rounds-mark",
        ),
        _ => return String::new(),
    };
    let first = card.images.first();
    first
        .map(|image| framed(image, names, &marks))
        .unwrap_or_default()
}

fn framed(image: &CardImage, names: &Names, over: &str) -> String {
    match names.get(&image.sha256) {
        Some(Ok(name)) => {
            let name = escape(name);
            format!("<div class=\"rounds-image\"><img src=\"{name}\">{over}</div>")
        }
        _ => String::new(),
    }
}

/// Rectangles over an image; the first has the class `first`.
fn boxes(regions: &[Region], first: &str, others: &str) -> String {
    let boxes = regions.iter().enumerate().map(|(at, region)| {
        let class = if at == 0 { first } else { others };
        let [left, top, width, height] =
            [region.x, region.y, region.width, region.height].map(|fraction| fraction * 100.0);
        format!(
            "<div class=\"{class}\" style=\"left:{left:.2}%;top:{top:.2}%;width:{width:.2}%;height:{height:.2}%\"></div>"
        )
    });
    boxes.collect()
}

fn choices(choices: &[String]) -> String {
    if choices.is_empty() {
        return String::new();
    }
    let items: String = choices
        .iter()
        .map(|choice| format!("<li>{}</li>", escape(choice)))
        .collect();
    format!("<ol type=\"A\">{items}</ol>")
}

fn laboratory(rows: &[LabRow]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let rows = rows.iter().map(|row| {
        let cells = [&row.test, &row.value, &row.reference];
        let cells: String = cells
            .iter()
            .map(|cell| format!("<td>{}</td>", escape(cell)))
            .collect();
        format!("<tr>{cells}</tr>")
    });
    format!(
        "<table class=\"rounds-laboratory\">{}</table>",
        rows.collect::<String>()
    )
}

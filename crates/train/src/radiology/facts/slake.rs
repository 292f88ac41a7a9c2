//! SLAKE (Liu et al., ISBI 2021, <https://arxiv.org/abs/2102.09542>; CC BY 4.0): English questions, boxes, body parts.

use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;

use super::place::Bounds;
use super::question::{Asks, yes_or_no};
use super::read::{self, FactsError, ImageFacts};
use super::{Facts, Region, words};

#[derive(Deserialize)]
struct Row {
    img_name: String,
    question: String,
    answer: String,
    q_lang: String,
    location: String,
    modality: String,
}

/// Reads `train.json` or `validate.json` in `folder`, with the boxes of each image. The keys are `imgs/xmlab1/source.jpg`.
pub fn slake(folder: &Path, split: &str) -> Result<ImageFacts, FactsError> {
    if !["train", "validate"].contains(&split) {
        return Err(FactsError::Split(split.to_owned()));
    }
    let rows: Vec<Row> = read::json(&folder.join(format!("{split}.json")))?;
    let mut images = ImageFacts::new();
    for row in rows.into_iter().filter(|row| row.q_lang == "en") {
        let image = format!("imgs/{}", row.img_name);
        let facts = images.entry(image.clone()).or_insert_with(|| Facts {
            image,
            modality: Some(modality(&row.modality).to_owned()),
            body_part: Some(body_part(&row.location)),
            annotated: true,
            radiological: true,
            ..Facts::default()
        });
        facts.qa.push((row.question, row.answer));
    }
    for (image, facts) in &mut images {
        facts.boxes = boxes(&folder.join(image), facts.modality.as_deref())?;
        read_answers(facts);
        facts.settle();
    }
    Ok(images)
}

fn modality(name: &str) -> &str {
    if name == "X-Ray" { "X-ray" } else { name }
}

/// `Chest_lung` and `Lung` are the chest; `Brain_Face` is the head.
fn body_part(location: &str) -> String {
    let lower = location.to_lowercase();
    match lower.split('_').next().unwrap_or(&lower) {
        "lung" | "chest" => "chest".into(),
        "brain" => "head".into(),
        other => other.to_owned(),
    }
}

/// Plane, weighting and body part, where a question states them. An image's answer counts more than its location, which is
/// that of its volume.
fn read_answers(facts: &mut Facts) {
    for (question, answer) in &facts.qa {
        let (asked, told) = (question.to_lowercase(), answer.trim().to_lowercase());
        let affirmed = match yes_or_no(answer) {
            Some(true) => asked.as_str(),
            Some(false) => continue,
            None => told.as_str(),
        };
        match Asks::of(question) {
            Asks::Plane => {
                let named = [
                    ("transverse", "Axial"),
                    ("coronal", "Coronal"),
                    ("sagittal", "Sagittal"),
                ];
                let plane = named.into_iter().find(|(name, _)| affirmed.contains(name));
                facts.plane = plane
                    .map(|(_, plane)| plane.to_owned())
                    .or(facts.plane.take());
            }
            Asks::Modality => {
                let weighting = ["T1", "T2"]
                    .into_iter()
                    .find(|name| affirmed.contains(&name.to_lowercase()));
                facts.weighting = weighting.map(str::to_owned).or(facts.weighting.take());
            }
            Asks::BodyPart if yes_or_no(answer).is_none() => {
                let parts = ["chest", "abdomen", "head", "brain", "neck", "pelvic cavity"];
                let part = parts.into_iter().find(|part| *part == told);
                facts.body_part = part.map(str::to_owned).or(facts.body_part.take());
            }
            _ => {}
        }
    }
}

/// The side, in pixels, of the image that the boxes were drawn on. `None` if it is not known.
///
/// The images here were shrunk where larger than 512 pixels; the boxes were not. Only the X-rays were: they alone have other
/// JPEG quantisation tables than the never shrunk MRI, while CT files have the same. So CT boxes are in the stored image's
/// pixels. The X-rays come from NIH's ChestX-ray14, which is 1024 pixels square (<https://arxiv.org/abs/1705.02315>); their
/// boxes reach up to 995, and scaled by 1024 they frame the hearts and masses they name.
fn drawn_side(modality: Option<&str>, stored: (u32, u32)) -> Option<(u32, u32)> {
    match (modality, stored) {
        (_, (width, height)) if width.max(height) < 512 => Some(stored),
        (Some("CT"), (512, 512)) => Some(stored),
        (Some("X-ray"), (512, 512)) => Some((1024, 1024)),
        _ => None,
    }
}

/// The boxes beside an image. If one of them does not fit into the image they were drawn on, all lose their place.
fn boxes(image: &Path, modality: Option<&str>) -> Result<Vec<Region>, FactsError> {
    let file = image.with_file_name("detection.json");
    let drawn: Vec<BTreeMap<String, [f32; 4]>> = read::json(&file)?;
    let size = drawn_side(modality, read::size(image)?);
    let named: Vec<(String, Option<Bounds>)> = drawn
        .into_iter()
        .flatten()
        .map(|(name, drawn)| (canonical(&name), size.and_then(|size| fitted(drawn, size))))
        .collect();
    let all_fit = named.iter().all(|(_, bounds)| bounds.is_some());
    let region = |(name, bounds): (String, Option<Bounds>)| Region {
        name,
        bounds: bounds.filter(|_| all_fit),
    };
    Ok(named.into_iter().map(region).collect())
}

/// The usual name of a finding, or the organ's with its side.
fn canonical(name: &str) -> String {
    words::finding(name).unwrap_or_else(|| words::organ(name))
}

/// A box in pixels as fractions of an image of `size`; `None` if it is empty or does not fit.
fn fitted([x, y, width, height]: [f32; 4], (across, down): (u32, u32)) -> Option<Bounds> {
    let (across, down) = (across as f32, down as f32);
    let fits = x >= 0.0 && y >= 0.0 && x + width <= across && y + height <= down;
    (fits && width > 0.0 && height > 0.0).then(|| Bounds {
        x: x / across,
        y: y / down,
        width: width / across,
        height: height / down,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_scale_by_the_side_they_were_drawn_on() {
        assert_eq!(drawn_side(Some("MRI"), (240, 240)), Some((240, 240)));
        assert_eq!(drawn_side(Some("CT"), (512, 512)), Some((512, 512)));
        assert_eq!(drawn_side(Some("X-ray"), (512, 512)), Some((1024, 1024)));
        assert_eq!(drawn_side(Some("MRI"), (512, 400)), None);
        assert_eq!(drawn_side(None, (512, 512)), None);
        assert!(fitted([500.0, 0.0, 20.0, 10.0], (512, 512)).is_none());
        let half = fitted([256.0, 128.0, 256.0, 128.0], (512, 512)).unwrap();
        assert_eq!(
            (half.x, half.y, half.width, half.height),
            (0.5, 0.25, 0.5, 0.25)
        );
    }

    #[test]
    fn a_volumes_location_is_a_part_of_the_body() {
        assert_eq!(body_part("Chest_heart"), "chest");
        assert_eq!(body_part("Brain_Face"), "head");
        assert_eq!(body_part("Pelvic Cavity"), "pelvic cavity");
    }
}

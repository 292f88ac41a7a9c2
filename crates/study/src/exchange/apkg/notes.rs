//! A note and one of its templates to a card.
//!
//! Which field is the question follows from the template: what its front shows is asked, what only its back shows is the answer.

use crate::card::{Card, Kind, Region};
use crate::exchange::checked::{self, id_of};
use crate::exchange::cloze;
use crate::exchange::html::{self, Plain};

use super::collection::NoteRow;
use super::note_types::{NoteType, Template};
use super::{FIELD_SEPARATOR, own};

/// Tags by which Anki marks notes for itself.
const ANKI_TAGS: [&str; 2] = ["leech", "marked"];
/// How the shapes of Anki's own image occlusion begin.
const SHAPE: &str = "image-occlusion:";
/// What is asked of, and the answer to, an occluded image without words.
const COVERED: (&str, &str) = ("What is covered?", "see the image");

/// A card whose images are still names.
pub(super) struct Draft {
    pub(super) card: Card,
    /// Sources of the images in order.
    pub(super) images: Vec<String>,
    /// Whether the answer's side has images, which are left out.
    pub(super) answer_images: bool,
    /// Whether sound was left out.
    pub(super) sound: bool,
}

/// The card that template number `template`, from 0, makes of a note; or why there is none.
pub(super) fn draft(note: &NoteRow, note_type: &NoteType, template: i64) -> Result<Draft, String> {
    if let Some(own) = own::draft(note, note_type) {
        return Ok(own);
    }
    let mut draft = match note_type.cloze {
        true => deletion(note, note_type, template)?,
        false => two_sided(note, note_type, template),
    };
    let card = &mut draft.card;
    card.id = id_of(&["anki", &note.guid, &template.to_string()]);
    card.sibling_keys = vec![format!("note:{}", id_of(&["anki", &note.guid]))];
    card.tags = tags(&note.tags);
    Ok(draft)
}

/// Names and values of the tags of a note: `anatomy::chest` has the name `anatomy`, a word alone the name `tag`.
pub(super) fn tags(text: &str) -> Vec<(String, String)> {
    let tags = text.split_whitespace();
    let tags = tags.filter(|tag| !ANKI_TAGS.contains(&tag.to_lowercase().as_str()));
    tags.map(|tag| match tag.split_once("::") {
        Some((name, value)) => (name.to_owned(), value.to_owned()),
        None => ("tag".to_owned(), tag.to_owned()),
    })
    .collect()
}

/// The fields on the two sides. Where the template names none, the first two.
fn sides(note_type: &NoteType, template: i64) -> Template {
    let known = usize::try_from(template).ok();
    let mut sides = known
        .and_then(|at| note_type.templates.get(at))
        .cloned()
        .unwrap_or_default();
    if sides.front.is_empty() {
        sides.front.push(0);
        sides.back.retain(|field| *field != 0);
    }
    if sides.back.is_empty() {
        sides
            .back
            .extend((0..note_type.fields.len()).find(|field| !sides.front.contains(field)));
    }
    sides
}

fn two_sided(note: &NoteRow, note_type: &NoteType, template: i64) -> Draft {
    let fields: Vec<Plain> = note
        .fields
        .split(FIELD_SEPARATOR)
        .map(html::to_plain)
        .collect();
    let sides = sides(note_type, template);
    let on =
        |side: &[usize]| -> Vec<&Plain> { side.iter().filter_map(|at| fields.get(*at)).collect() };
    let (front, back) = (on(&sides.front), on(&sides.back));
    let mut card = checked::empty(Kind::Question);
    card.question = joined(front.iter().map(|field| field.text.as_str()));
    let mut answers = back
        .iter()
        .map(|field| field.text.as_str())
        .filter(|text| !text.is_empty());
    card.answer = answers.next().unwrap_or_default().to_owned();
    card.rationale = joined(answers);
    Draft {
        card,
        images: front
            .iter()
            .flat_map(|field| field.images.clone())
            .collect(),
        answer_images: back.iter().any(|field| !field.images.is_empty()),
        sound: front.iter().chain(&back).any(|field| field.sound),
    }
}

fn deletion(note: &NoteRow, note_type: &NoteType, template: i64) -> Result<Draft, String> {
    let fields: Vec<&str> = note.fields.split(FIELD_SEPARATOR).collect();
    // All deletions of a note share one template.
    let sides = sides(note_type, 0);
    let number = u32::try_from(template.saturating_add(1)).unwrap_or(0);
    let mut asked = None;
    let mut others = Vec::new();
    for field in sides.front.iter().filter_map(|at| fields.get(*at)) {
        match cloze::delete(field, number).filter(|_| asked.is_none()) {
            Some(deleted) => asked = Some(deleted),
            None => others.push(html::to_plain(field)),
        }
    }
    let Some(asked) = asked else {
        return Err(format!("its text has no deletion number {number}"));
    };
    let question = html::to_plain(&asked.question);
    let answers: Vec<Plain> = asked
        .answers
        .iter()
        .map(|answer| html::to_plain(answer))
        .collect();
    let back = sides.back.iter().filter_map(|at| fields.get(*at));
    let back: Vec<Plain> = back.map(|field| html::to_plain(field)).collect();
    let before = joined(others.iter().map(|field| field.text.as_str()));
    let mut card = checked::empty(Kind::Question);
    card.rationale = joined(back.iter().map(|field| field.text.as_str()));
    card.regions = answers
        .iter()
        .filter_map(|answer| shape(&answer.text))
        .collect();
    if answers.iter().any(|answer| answer.text.starts_with(SHAPE)) {
        if card.regions.is_empty() {
            return Err("what it covers is not understood".to_owned());
        }
        card.kind = Kind::Occlusion;
        card.question = if before.is_empty() {
            COVERED.0.to_owned()
        } else {
            before
        };
        card.answer = COVERED.1.to_owned();
    } else {
        card.question = joined([before.as_str(), question.text.as_str()].into_iter());
        let answers: Vec<&str> = answers.iter().map(|answer| answer.text.as_str()).collect();
        card.answer = answers.join("; ");
    }
    let mut images: Vec<String> = others
        .iter()
        .flat_map(|field| field.images.clone())
        .collect();
    images.extend(question.images);
    Ok(Draft {
        card,
        images,
        answer_images: answers
            .iter()
            .chain(&back)
            .any(|field| !field.images.is_empty()),
        sound: question.sound
            || answers
                .iter()
                .chain(&others)
                .chain(&back)
                .any(|field| field.sound),
    })
}

/// The bounding box of a shape of Anki's image occlusion: `image-occlusion:rect:left=.1:top=.2:width=.3:height=.4`.
fn shape(text: &str) -> Option<Region> {
    let mut parts = text.strip_prefix(SHAPE)?.split(':');
    let form = parts.next()?;
    let values: Vec<(&str, &str)> = parts.filter_map(|part| part.split_once('=')).collect();
    let text = |name: &str| {
        values
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| *value)
    };
    let value = |name: &str| text(name)?.trim().parse::<f32>().ok();
    let (x, y, right, lower) = match form {
        "rect" => {
            let (x, y) = (value("left")?, value("top")?);
            (x, y, x + value("width")?, y + value("height")?)
        }
        "ellipse" => {
            let (x, y) = (value("left")?, value("top")?);
            (x, y, x + 2.0 * value("rx")?, y + 2.0 * value("ry")?)
        }
        "polygon" => {
            let points = text("points")?.split_whitespace();
            let points = points.map(|point| {
                let (x, y) = point.split_once(',')?;
                Some((x.parse::<f32>().ok()?, y.parse::<f32>().ok()?))
            });
            let points: Vec<(f32, f32)> = points.collect::<Option<_>>()?;
            let start = (
                f32::INFINITY,
                f32::INFINITY,
                f32::NEG_INFINITY,
                f32::NEG_INFINITY,
            );
            points.iter().fold(start, |edges, (x, y)| {
                (
                    edges.0.min(*x),
                    edges.1.min(*y),
                    edges.2.max(*x),
                    edges.3.max(*y),
                )
            })
        }
        _ => return None,
    };
    let (x, y) = (x.max(0.0), y.max(0.0));
    Some(Region {
        label: String::new(),
        x,
        y,
        width: right.min(1.0) - x,
        height: lower.min(1.0) - y,
    })
}

/// The texts that are not empty, a blank line between two.
fn joined<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    let texts: Vec<&str> = texts.filter(|text| !text.is_empty()).collect();
    texts.join("\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(fields: &[&str]) -> NoteRow {
        NoteRow {
            guid: "guid".into(),
            note_type: 1,
            tags: " anatomy::chest::lung urgent leech ".into(),
            fields: fields.join("\u{1F}"),
        }
    }

    fn note_type(cloze: bool, front: &[usize], back: &[usize]) -> NoteType {
        let template = Template {
            front: front.to_vec(),
            back: back.to_vec(),
        };
        NoteType {
            name: "some type".into(),
            cloze,
            fields: ["A", "B", "C", "D"].map(String::from).to_vec(),
            templates: vec![template],
        }
    }

    #[test]
    fn the_front_is_asked_and_the_back_answers_and_explains() {
        let fields = ["<img src=x.png>What?", "<b>That</b>", "because", ""];
        let made = draft(&note(&fields), &note_type(false, &[0], &[1, 2, 3]), 0).unwrap();
        assert_eq!(made.card.question, "What?");
        assert_eq!(
            (made.card.answer.as_str(), made.card.rationale.as_str()),
            ("That", "because")
        );
        assert_eq!(made.images, ["x.png"]);
        let tags = [("anatomy", "chest::lung"), ("tag", "urgent")];
        assert_eq!(
            made.card.tags,
            tags.map(|(name, value)| (name.to_owned(), value.to_owned()))
        );
    }

    #[test]
    fn an_unknown_template_takes_the_first_two_fields() {
        let made = draft(&note(&["a", "b", "c"]), &note_type(false, &[], &[]), 7).unwrap();
        assert_eq!(
            (made.card.question.as_str(), made.card.answer.as_str()),
            ("a", "b")
        );
    }

    #[test]
    fn a_deletion_becomes_a_question_and_its_answer() {
        let fields = [
            "{{c1::Aorta}} and <i>{{c2::vein::vessel}}</i>",
            "more",
            "",
            "",
        ];
        let made = draft(&note(&fields), &note_type(true, &[0], &[1]), 1).unwrap();
        assert_eq!(made.card.question, "Aorta and [vessel]");
        assert_eq!(
            (made.card.answer.as_str(), made.card.rationale.as_str()),
            ("vein", "more")
        );
        assert!(draft(&note(&fields), &note_type(true, &[0], &[1]), 5).is_err());
    }

    #[test]
    fn covered_places_of_an_image_become_regions() {
        let shapes = "{{c1::image-occlusion:rect:left=.1:top=.2:width=.3:height=.4:oi=1}}<br>\
                      {{c2::image-occlusion:ellipse:left=.5:top=.5:rx=.1:ry=.2}}<br>\
                      {{c3::image-occlusion:polygon:points=.1,.1 .3,.2 .2,.4}}<br>{{c4::image-occlusion:text:x=1}}";
        let fields = [shapes, "<img src=\"scan.png\">", "Name it", ""];
        let kind = note_type(true, &[0, 1, 2], &[3]);
        let made = draft(&note(&fields), &kind, 0).unwrap();
        assert_eq!(
            (made.card.kind, made.card.question.as_str()),
            (Kind::Occlusion, "Name it")
        );
        assert_eq!(made.images, ["scan.png"]);
        let expected = [
            (0, [0.1, 0.2, 0.3, 0.4]),
            (1, [0.5, 0.5, 0.2, 0.4]),
            (2, [0.1, 0.1, 0.2, 0.3]),
        ];
        for (template, expected) in expected {
            let card = draft(&note(&fields), &kind, template).unwrap().card;
            let region = &card.regions[0];
            let found = [region.x, region.y, region.width, region.height];
            let close = found
                .iter()
                .zip(expected)
                .all(|(found, expected)| (found - expected).abs() < 1e-6);
            assert!(close, "{found:?} {expected:?}");
        }
        assert!(draft(&note(&fields), &kind, 3).is_err());
    }
}

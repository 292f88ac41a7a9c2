//! Makes a card safe to show and to store: control characters go, regions lie within the image.
//!
//! Done when a card is saved and again when it is read, because other programs can write to the database.

use rounds_support::sanitise::{clean, clean_line};

use crate::card::{Card, CardImage, LabRow, Region};
use crate::error::{StudyError, at_most};

/// Longest text of a card in characters: several pages.
const MAX_TEXT: usize = 32_000;
/// Most images, choices, regions, tags, laboratory values or sibling keys of a card.
const MAX_PARTS: usize = 256;

impl Card {
    /// The same card with clean texts and regions within the image. Errors if it is too large.
    pub fn cleaned(self) -> Result<Self, StudyError> {
        for parts in [
            self.images.len(),
            self.choices.len(),
            self.regions.len(),
            self.laboratory.len(),
            self.tags.len(),
            self.sibling_keys.len(),
        ] {
            at_most("parts of a card", parts, MAX_PARTS)?;
        }
        let pair = |(name, value): (String, String)| Ok((line(name)?, line(value)?));
        let tags = self.tags.into_iter().map(pair);
        let tags = tags.collect::<Result<Vec<_>, StudyError>>()?;
        Ok(Self {
            id: line(self.id)?,
            kind: self.kind,
            question: text(self.question)?,
            answer: text(self.answer)?,
            rationale: text(self.rationale)?,
            images: self
                .images
                .into_iter()
                .map(image)
                .collect::<Result<_, _>>()?,
            choices: self
                .choices
                .into_iter()
                .map(text)
                .collect::<Result<_, _>>()?,
            regions: self.regions.into_iter().filter_map(region).collect(),
            vignette: text(self.vignette)?,
            laboratory: self
                .laboratory
                .into_iter()
                .map(row)
                .collect::<Result<_, _>>()?,
            tags,
            sibling_keys: self
                .sibling_keys
                .into_iter()
                .map(line)
                .collect::<Result<_, _>>()?,
            source: line(self.source)?,
            licence: line(self.licence)?,
            example: line(self.example)?,
        })
    }
}

fn checked(text: String) -> Result<String, StudyError> {
    at_most(
        "characters in a text of a card",
        text.chars().count(),
        MAX_TEXT,
    )?;
    Ok(text)
}

fn text(text: String) -> Result<String, StudyError> {
    checked(clean(&text).trim().to_owned())
}

fn line(text: String) -> Result<String, StudyError> {
    checked(clean_line(&text).trim().to_owned())
}

fn image(image: CardImage) -> Result<CardImage, StudyError> {
    Ok(CardImage {
        sha256: line(image.sha256)?,
        extension: line(image.extension)?,
    })
}

fn row(row: LabRow) -> Result<LabRow, StudyError> {
    Ok(LabRow {
        test: line(row.test)?,
        value: line(row.value)?,
        reference: line(row.reference)?,
    })
}

/// The part of a region within the image; `None` if there is none.
fn region(region: Region) -> Option<Region> {
    let Region {
        label,
        x,
        y,
        width,
        height,
    } = region;
    let (left, right) = (x.clamp(0.0, 1.0), (x + width).clamp(0.0, 1.0));
    let (top, bottom) = (y.clamp(0.0, 1.0), (y + height).clamp(0.0, 1.0));
    // Also false for what is no number.
    let is_area = right > left && bottom > top;
    // What lies within stays as it is: subtracting again would change its last bits each time.
    let size = |from: f32, to: f32, given: f32| match from + given <= 1.0 {
        true => given.min(1.0),
        false => to - from,
    };
    is_area.then(|| Region {
        label: clean_line(&label).trim().to_owned(),
        x: left,
        y: top,
        width: if left == x {
            size(left, right, width)
        } else {
            right - left
        },
        height: if top == y {
            size(top, bottom, height)
        } else {
            bottom - top
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::a_card;

    fn at(x: f32, y: f32, width: f32, height: f32) -> Region {
        Region {
            label: "liver\u{1B}[2J".into(),
            x,
            y,
            width,
            height,
        }
    }

    #[test]
    fn texts_lose_control_characters_and_cleaning_again_changes_nothing() {
        let card = Card {
            question: " Is it\u{1B}]0;x\u{7} so?\nOr not?".into(),
            tags: vec![("organ".into(), "chest\nwall".into())],
            regions: vec![at(0.1, 0.2, 0.3, 0.4), at(0.7, 0.7, 0.3, 0.31)],
            ..a_card("q")
        };
        let clean = card.cleaned().unwrap();
        assert!(!clean.question.contains('\u{1B}') && clean.question.contains('\n'));
        assert_eq!(clean.tags[0].1, "chest wall");
        assert!(!clean.regions[0].label.contains('\u{1B}'));
        assert_eq!(clean.regions[0].width, 0.3);
        assert_eq!(clean.clone().cleaned().unwrap(), clean);
    }

    #[test]
    fn regions_are_cut_at_the_edges_and_those_without_area_are_dropped() {
        let card = Card {
            regions: vec![
                at(-0.5, -0.5, 1.0, 0.75),
                at(0.9, 0.9, 0.5, 0.5),
                at(1.5, 0.0, 0.5, 0.5),
                at(0.5, 0.5, 0.0, 0.5),
                at(0.5, 0.5, -0.2, 0.5),
                at(f32::NAN, 0.0, 0.5, 0.5),
                at(0.0, 0.0, f32::INFINITY, 0.5),
            ],
            ..a_card("q")
        };
        let regions = card.cleaned().unwrap().regions;
        let found: Vec<_> = regions
            .iter()
            .map(|r| (r.x, r.y, r.width, r.height))
            .collect();
        assert_eq!(found.len(), 3, "{found:?}");
        assert_eq!(found[0], (0.0, 0.0, 0.5, 0.25));
        for (x, y, width, height) in found {
            assert!(x >= 0.0 && y >= 0.0 && x + width <= 1.0 && y + height <= 1.0);
        }
    }

    #[test]
    fn a_card_that_is_too_large_is_refused() {
        let long = Card {
            rationale: "x".repeat(MAX_TEXT + 1),
            ..a_card("q")
        };
        assert!(matches!(long.cleaned(), Err(StudyError::TooMuch { .. })));
        let many = Card {
            choices: vec!["a".into(); MAX_PARTS + 1],
            ..a_card("q")
        };
        assert!(matches!(many.cleaned(), Err(StudyError::TooMuch { .. })));
    }
}

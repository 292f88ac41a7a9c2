//! Cards that compare two images about which the same was asked, with different answers.

use std::collections::{HashMap, HashSet};

use rounds_index::Example;
use rounds_metrics::text::normalised;

use super::source::{DeckSource, overlap};
use super::{card_of, images_of, keys_of, plain};
use crate::card::{Card, Kind, card_id};

/// The answers to choose from.
const FIRST: &str = "The first";
const SECOND: &str = "The second";

impl DeckSource {
    /// At most one comparison for every image, with one that is as like it as can be: of the same organ and modality if
    /// there is any.
    pub(super) fn comparisons(&self) -> Vec<Card> {
        let mut alike: HashMap<String, Vec<usize>> = HashMap::new();
        for (number, example) in self.chosen().iter().enumerate() {
            let key = normalised(&plain(&example.question));
            alike.entry(key).or_default().push(number);
        }
        let mut shown = HashSet::new();
        let cards = self.chosen().iter().filter_map(|example| {
            let [image] = example.images.as_slice() else {
                return None;
            };
            if shown.contains(&image.sha256) {
                return None;
            }
            let same = alike.get(&normalised(&plain(&example.question)))?;
            let card = self.comparison(example, same)?;
            shown.insert(image.sha256.clone());
            Some(card)
        });
        cards.collect()
    }

    /// A comparison of an example's image with that of one of `same`, which answer the same question.
    fn comparison(&self, example: &Example, same: &[usize]) -> Option<Card> {
        let others = same.iter().filter_map(|number| self.chosen().get(*number));
        let mut others: Vec<&Example> = others
            .filter(|other| are_comparable(example, other))
            .collect();
        let mut card = card_of(example, Kind::Compare);
        let mut luck = self.luck(&card.id);
        luck.shuffle(&mut others);
        let likeness = |other: &Example| {
            let names = ["organ", "modality", "plane"];
            let same = names
                .iter()
                .filter(|name| example.tag(name) == other.tag(name));
            same.count()
        };
        // The first of those that are most alike.
        let best = others.iter().map(|other| likeness(other)).max()?;
        let other = others.into_iter().find(|other| likeness(other) == best)?;
        let is_first = luck.chance(0.5);
        let pair = if is_first {
            [example, other]
        } else {
            [other, example]
        };
        card.images = pair.into_iter().flat_map(images_of).collect();
        card.question = format!(
            "For which of the two images is the answer \u{201C}{}\u{201D}? {}",
            example.answer,
            plain(&example.question)
        );
        card.answer = (if is_first { FIRST } else { SECOND }).to_owned();
        card.choices = vec![FIRST.to_owned(), SECOND.to_owned()];
        card.rationale = rationale(pair);
        for key in keys_of(other) {
            if !card.sibling_keys.contains(&key) {
                card.sibling_keys.push(key);
            }
        }
        if other.source != card.source {
            card.source = format!("{}; {}", card.source, other.source);
        }
        if other.licence != card.licence {
            card.licence = format!("{}; {}", card.licence, other.licence);
        }
        card.id = card_id(Kind::Compare, &card.question, &card.images, &[]);
        Some(card)
    }
}

/// Whether two examples show different images of different patients, and only one answer is right for each.
fn are_comparable(a: &Example, b: &Example) -> bool {
    let same = |a: &str, b: &str| !a.is_empty() && a == b;
    b.images.len() == 1
        && a.images != b.images
        && !same(&a.patient, &b.patient)
        && !same(&a.study, &b.study)
        && !overlap(&a.answer, &b.answer)
}

/// What the images show, in their order.
fn rationale(pair: [&Example; 2]) -> String {
    let lines = pair.into_iter().zip([FIRST, SECOND]);
    let lines = lines.map(|(example, place)| {
        let text = format!("{place}: {}. {}", example.answer, example.rationale);
        text.trim().to_owned()
    });
    lines.collect::<Vec<_>>().join("\n")
}

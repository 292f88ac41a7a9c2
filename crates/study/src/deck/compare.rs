//! Cards that compare two images about which the same was asked, with different answers.

use std::collections::{HashMap, HashSet};

use rounds_index::Example;
use rounds_metrics::text::normalised;
use rounds_support::rng::Rng;

use super::source::{DeckSource, MAX_DRAWN, drawn, overlap};
use super::{card_of, images_of, keys_of, plain};
use crate::card::{Card, Kind, card_id};

/// The tags by which two images are alike.
const ALIKE_BY: [&str; 3] = ["organ", "modality", "plane"];
/// The answers to choose from.
const FIRST: &str = "The first";
const SECOND: &str = "The second";

impl DeckSource {
    /// At most one comparison for every image, with one that is as like it as can be: of the same organ and modality if
    /// there is any.
    pub(super) fn comparisons(&self) -> Vec<Card> {
        let chosen = self.chosen();
        let answers: Vec<String> = chosen.iter().map(|of| normalised(&of.answer)).collect();
        let questions = chosen.iter().map(|of| normalised(&plain(&of.question)));
        let questions: Vec<String> = questions.collect();
        let mut alike: HashMap<Group, Vec<usize>> = HashMap::new();
        for (number, (example, question)) in chosen.iter().zip(&questions).enumerate() {
            for group in [Group::wide(question), Group::close(question, example)] {
                alike.entry(group).or_default().push(number);
            }
        }
        let mut shown = HashSet::new();
        let numbered = chosen.iter().zip(&questions).enumerate();
        let cards = numbered.filter_map(|(number, (example, question))| {
            let [image] = example.images.as_slice() else {
                return None;
            };
            if shown.contains(&image.sha256) {
                return None;
            }
            let same = alike.get(&Group::wide(question))?;
            let close = alike.get(&Group::close(question, example))?;
            let card = self.comparison(number, same, close, &answers)?;
            shown.insert(image.sha256.clone());
            Some(card)
        });
        cards.collect()
    }

    /// A comparison of an example's image with that of one of `same`, which answer the same question; of very many, some of
    /// `close`, which are alike by all tags, and some of the others. `answers` are normalised.
    fn comparison(
        &self,
        number: usize,
        same: &[usize],
        close: &[usize],
        answers: &[String],
    ) -> Option<Card> {
        let example = self.chosen().get(number)?;
        let answer = answers.get(number)?;
        let mut card = card_of(example, Kind::Compare);
        let mut luck = self.luck(&card.id);
        let some = |group: &[usize], luck: &mut Rng| -> Vec<usize> {
            let drawn = drawn(group.len(), luck).into_iter();
            drawn.filter_map(|at| group.get(at).copied()).collect()
        };
        let numbers = match same.len() {
            ..=MAX_DRAWN => same.to_vec(),
            _ => [some(close, &mut luck), some(same, &mut luck)].concat(),
        };
        let others = numbers.into_iter().filter_map(|number| {
            let (other, other_answer) = (self.chosen().get(number)?, answers.get(number)?);
            (are_comparable(example, other) && !overlap(answer, other_answer)).then_some(other)
        });
        let mut others: Vec<&Example> = others.collect();
        luck.shuffle(&mut others);
        let likeness = |other: &Example| {
            let same = ALIKE_BY
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

/// What comparable examples have in common: the question, and perhaps the tags by which they are alike.
#[derive(PartialEq, Eq, Hash)]
struct Group<'a>(&'a str, Option<[Option<&'a str>; 3]>);

impl<'a> Group<'a> {
    fn wide(question: &'a str) -> Self {
        Self(question, None)
    }

    fn close(question: &'a str, example: &'a Example) -> Self {
        Self(question, Some(ALIKE_BY.map(|name| example.tag(name))))
    }
}

/// Whether two examples show different images of different patients.
fn are_comparable(a: &Example, b: &Example) -> bool {
    let same = |a: &str, b: &str| !a.is_empty() && a == b;
    b.images.len() == 1
        && a.images != b.images
        && !same(&a.patient, &b.patient)
        && !same(&a.study, &b.study)
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

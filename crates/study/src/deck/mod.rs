//! Cards made from an index.
//!
//! Everything asked is in the index: no answer, no distractor and no place is made up. Cards with a seed are the same on
//! every machine, in the same order.

mod choices;
mod compare;
mod own;
mod places;
mod source;
mod staged;

use std::collections::HashSet;

use rounds_index::{Example, IMAGE_PLACEHOLDER, Index};

use crate::card::{Card, CardImage, Kind, card_id};
use crate::error::{StudyError, at_most};
use crate::store::MAX_CARDS;
pub use own::{add_or_replace, own_card, place_cards, places_of};
use source::DeckSource;
pub use staged::{StagedCase, staged_cards};

/// Most examples that cards are made from.
const MAX_EXAMPLES: usize = MAX_CARDS;

/// The cards that examples of an index give: of these kinds, from examples with one of the values of every tag named. The
/// seed decides the order, the answers to choose from, and which images are compared.
///
/// [`Kind::Staged`] gives none: see [`staged_cards`]. Errors if the index cannot be read, or if no card can be made.
pub fn cards_of(
    index: &Index,
    kinds: &[Kind],
    seed: u64,
    tags: &[(String, String)],
) -> Result<Vec<Card>, StudyError> {
    let source = DeckSource::read(index, seed, tags)?;
    let mut cards = Vec::new();
    for kind in Kind::ALL.into_iter().filter(|kind| kinds.contains(kind)) {
        match kind {
            Kind::Question => cards.extend(source.chosen().iter().map(question)),
            Kind::Choice => cards.extend(source.choices()),
            Kind::Spot => cards.extend(source.spots()),
            Kind::Occlusion => cards.extend(source.occlusions()),
            Kind::Compare => cards.extend(source.comparisons()),
            Kind::Staged => {}
        }
    }
    let mut seen = HashSet::new();
    let is_asked = |card: &Card| !card.question.is_empty() && !card.answer.is_empty();
    cards.retain(|card| is_asked(card) && seen.insert(card.id.clone()));
    if cards.is_empty() {
        return Err(StudyError::NoCards);
    }
    at_most("cards", cards.len(), MAX_CARDS)?;
    cards.sort_by_cached_key(|card| (source.luck(&card.id).next_u64(), card.id.clone()));
    // A card that is too large to be stored is left out.
    let cards = cards.into_iter().map(Card::cleaned);
    Ok(cards.filter_map(Result::ok).collect())
}

/// A card with what an example says of itself; the question and the answer are those of the example.
fn card_of(example: &Example, kind: Kind) -> Card {
    let images = images_of(example);
    let question = plain(&example.question);
    Card {
        id: card_id(kind, &question, &images, &[]),
        kind,
        question,
        answer: example.answer.clone(),
        rationale: example.rationale.clone(),
        sibling_keys: keys_of(example),
        images,
        choices: Vec::new(),
        regions: Vec::new(),
        vignette: String::new(),
        laboratory: Vec::new(),
        tags: example.tags.clone(),
        source: example.source.clone(),
        licence: example.licence.clone(),
        example: example.id.clone(),
    }
}

fn question(example: &Example) -> Card {
    card_of(example, Kind::Question)
}

fn images_of(example: &Example) -> Vec<CardImage> {
    let images = example.images.iter();
    let images = images.map(|image| CardImage {
        sha256: image.sha256.clone(),
        extension: image.extension.clone(),
    });
    images.collect()
}

/// What cards of an example share with others: the images, the patient, the study.
fn keys_of(example: &Example) -> Vec<String> {
    let images = example.images.iter().map(|image| image.sha256.clone());
    let mut keys: Vec<String> = images.collect();
    for (name, value) in [("patient", &example.patient), ("study", &example.study)] {
        if !value.is_empty() {
            keys.push(format!("{name}:{value}"));
        }
    }
    keys
}

/// A question without the marks of where its images go.
fn plain(question: &str) -> String {
    let text = question.replace(IMAGE_PLACEHOLDER, " ");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use rounds_index::ExampleImage;
    use std::collections::BTreeMap;
    use std::time::{Duration, Instant};

    /// Examples that all ask the same, each with an image and an answer of its own.
    fn alike(count: usize) -> DeckSource {
        let example = |number: usize| Example {
            id: format!("e{number}"),
            images: vec![ExampleImage {
                sha256: format!("{number:064x}"),
                extension: "png".into(),
            }],
            question: "What does this image show?".into(),
            answer: format!("finding {number}"),
            ..Example::default()
        };
        DeckSource {
            examples: (0..count).map(example).collect(),
            chosen: count,
            places: BTreeMap::new(),
            seed: 7,
        }
    }

    #[test]
    fn thousands_of_examples_that_ask_the_same_make_cards_in_seconds() {
        let started = Instant::now();
        let source = alike(5000);
        let (choices, pairs) = (source.choices(), source.comparisons());
        assert_eq!((choices.len(), pairs.len()), (5000, 5000));
        for card in &choices {
            let different: HashSet<_> = card.choices.iter().collect();
            assert!(different.len() == 4 && different.contains(&card.answer));
        }
        assert!(pairs.iter().all(|card| card.images[0] != card.images[1]));
        assert!(started.elapsed() < Duration::from_secs(60), "quadratic");
    }
}

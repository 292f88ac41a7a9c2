//! The examples that cards are made from, and what is known about their images.

use std::collections::{BTreeMap, HashSet};

use rounds_index::{Example, ExampleImage, Index};
use rounds_metrics::text::normalised;
use rounds_support::rng::Rng;

use super::MAX_EXAMPLES;
use super::places::{Place, places};
use crate::card::has_tags;
use crate::error::{StudyError, at_most};

/// Most of many candidates that are looked at for one card: looking at all of them for every card would take for ever.
pub(super) const MAX_DRAWN: usize = 128;

/// The chosen examples of an index.
pub(super) struct DeckSource {
    /// Those that cards are made from, in the order of the index; then others that show the same images, which say what
    /// else is true of these.
    pub(super) examples: Vec<Example>,
    /// How many of them cards are made from.
    pub(super) chosen: usize,
    /// The labelled places on each image, by SHA-256; in the order of their labels, each once.
    pub(super) places: BTreeMap<String, Vec<Place>>,
    pub(super) seed: u64,
}

impl DeckSource {
    /// Reads the examples with an image that have the tags.
    pub(super) fn read(
        index: &Index,
        seed: u64,
        tags: &[(String, String)],
    ) -> Result<Self, StudyError> {
        let is_chosen = |example: &Example| has_tags(&example.tags, tags);
        let mut examples = Vec::new();
        let mut count = 0;
        index.each_example(&mut |example| {
            let example = example?;
            if !example.images.is_empty() && is_chosen(&example) {
                count += 1;
                if count <= MAX_EXAMPLES {
                    examples.push(example);
                }
            }
            Ok(())
        })?;
        at_most("examples", count, MAX_EXAMPLES)?;
        if !tags.is_empty() {
            let images = examples.iter().flat_map(|example| &example.images);
            let images: HashSet<_> = images.map(|image| image.sha256.clone()).collect();
            index.each_example(&mut |example| {
                let example = example?;
                let shown = |image: &ExampleImage| images.contains(&image.sha256);
                if example.images.iter().any(shown) && !is_chosen(&example) {
                    examples.push(example);
                }
                Ok(())
            })?;
        }
        Ok(Self {
            places: places(index, &examples)?,
            chosen: count,
            examples,
            seed,
        })
    }

    /// The examples that cards are made from.
    pub(super) fn chosen(&self) -> &[Example] {
        self.examples.get(..self.chosen).unwrap_or_default()
    }

    /// Random numbers for a card: the same for the same seed and id.
    pub(super) fn luck(&self, id: &str) -> Rng {
        let salt = u64::from_str_radix(id, 16).unwrap_or(0);
        Rng::new(self.seed).fork(salt)
    }

    /// The places on an example's first image.
    pub(super) fn places_of(&self, example: &Example) -> &[Place] {
        let image = example.images.first();
        let places = image.and_then(|image| self.places.get(&image.sha256));
        places.map(Vec::as_slice).unwrap_or_default()
    }
}

/// An answer as it is written, and normalised once.
pub(super) struct Answer<'a> {
    pub(super) text: &'a str,
    pub(super) plain: String,
}

impl<'a> Answer<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        Self {
            text,
            plain: normalised(text),
        }
    }
}

/// The different answers among some examples, in alphabetical order, each as it is first written.
pub(super) fn answers<'a>(examples: impl Iterator<Item = &'a Example>) -> Vec<Answer<'a>> {
    let mut known = HashSet::new();
    let mut answers: Vec<Answer> = examples
        .map(|example| Answer::of(&example.answer))
        .filter(|answer| known.insert(answer.plain.clone()))
        .collect();
    answers.sort_unstable_by_key(|answer| answer.text);
    answers
}

/// The places of candidates out of `count`, at random: each once, or of very many [`MAX_DRAWN`], some perhaps twice.
pub(super) fn drawn(count: usize, luck: &mut Rng) -> Vec<usize> {
    if count > MAX_DRAWN {
        return (0..MAX_DRAWN).map(|_| luck.below(count)).collect();
    }
    let mut all: Vec<usize> = (0..count).collect();
    luck.shuffle(&mut all);
    all
}

/// Whether an answer is yes or no.
pub(super) fn is_yes_or_no(answer: &str) -> bool {
    matches!(normalised(answer).as_str(), "yes" | "no")
}

/// Whether all words of one normalised answer are in the other: then both can be right, as `left` and `upper left` can.
pub(super) fn overlap(a: &str, b: &str) -> bool {
    let (a, b): (Vec<&str>, Vec<&str>) = (a.split(' ').collect(), b.split(' ').collect());
    a.iter().all(|word| b.contains(word)) || b.iter().all(|word| a.contains(word))
}

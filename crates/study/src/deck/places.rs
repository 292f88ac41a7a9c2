//! Cards about places on an image, from the boxes that examples are tagged with.
//!
//! A tag `box` has the value `label x,y,width,height`, in pixels of the image.

use std::collections::{BTreeMap, HashMap, HashSet};

use rounds_index::{Example, ExampleImage, Index};

use super::card_of;
use super::source::{DeckSource, is_yes_or_no};
use crate::card::{Card, Kind, Region, card_id};
use crate::error::StudyError;

/// The tag that names a place.
const BOX: &str = "box";
/// The largest place to spot, as a share of the image: nobody misses a larger one.
const MAX_SPOT: f32 = 0.6;

/// A labelled place.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Place {
    /// Where it is and what it shows.
    pub(super) region: Region,
    /// Number of the first example that names it, in [`DeckSource::examples`].
    pub(super) example: usize,
}

impl Place {
    fn area(&self) -> f32 {
        self.region.width * self.region.height
    }
}

/// The places on every image, by label; the same place is there once. Images of unknown size have none.
pub(super) fn places(
    index: &Index,
    examples: &[Example],
) -> Result<BTreeMap<String, Vec<Place>>, StudyError> {
    let mut sizes: HashMap<&str, Option<(u32, u32)>> = HashMap::new();
    let mut places: BTreeMap<String, Vec<Place>> = BTreeMap::new();
    for (number, example) in examples.iter().enumerate() {
        let Some(ExampleImage { sha256, .. }) = example.images.first() else {
            continue;
        };
        for (_, value) in example.tags.iter().filter(|(name, _)| name == BOX) {
            let size = match sizes.get(sha256.as_str()) {
                Some(size) => *size,
                None => {
                    let size = index.image_size(sha256)?;
                    sizes.insert(sha256, size);
                    size
                }
            };
            let Some(region) = size.and_then(|size| region(value, size)) else {
                continue;
            };
            let here = places.entry(sha256.clone()).or_default();
            if !here.iter().any(|place| place.region == region) {
                here.push(Place {
                    region,
                    example: number,
                });
            }
        }
    }
    for here in places.values_mut() {
        let largest_first = |a: &Place, b: &Place| b.area().total_cmp(&a.area());
        here.sort_by(|a, b| {
            let by_label = a.region.label.cmp(&b.region.label);
            by_label.then_with(|| largest_first(a, b))
        });
    }
    Ok(places)
}

/// The place that a tag names on an image of this size in pixels; `None` if it cannot be read or is not on the image.
fn region(value: &str, (width, height): (u32, u32)) -> Option<Region> {
    let (label, numbers) = value.trim().rsplit_once(' ')?;
    let numbers: Vec<f32> = numbers
        .split(',')
        .map(|number| number.parse().ok())
        .collect::<Option<_>>()?;
    let &[x, y, across, down] = numbers.as_slice() else {
        return None;
    };
    let (width, height) = (width as f32, height as f32);
    let is_inside = x >= 0.0 && y >= 0.0 && x + across <= width && y + down <= height;
    let is_area = across > 0.0 && down > 0.0;
    (is_inside && is_area && !label.trim().is_empty()).then(|| Region {
        label: label.trim().to_owned(),
        x: x / width,
        y: y / height,
        width: across / width,
        height: down / height,
    })
}

impl DeckSource {
    /// One card for every label on an image: mark it. Every place with the label is right.
    pub(super) fn spots(&self) -> Vec<Card> {
        self.by_label(|image, places, label| {
            let (asked, first) = split(places, label);
            let first = first?;
            if asked.iter().any(|place| place.area() > MAX_SPOT) {
                return None;
            }
            let question = format!("Mark on the image: {label}");
            let regions = asked.iter().map(|place| place.region.clone());
            self.place_card(Kind::Spot, image, first, question, label, regions.collect())
        })
    }

    /// One card for every label of a structure on an image: name what is covered. All labelled places are covered; of
    /// several with the label the largest is asked about. Findings are not asked: what is covered cannot be diagnosed.
    pub(super) fn occlusions(&self) -> Vec<Card> {
        let findings = self.finding_labels();
        self.by_label(|image, places, label| {
            if findings.contains(label) {
                return None;
            }
            let (_, first) = split(places, label);
            let first = first?;
            let others = places.iter().filter(|place| place.region != first.region);
            let others = others.map(|place| place.region.clone());
            let regions = std::iter::once(first.region.clone()).chain(others);
            let question = "What lies under the marked cover?".to_owned();
            self.place_card(
                Kind::Occlusion,
                image,
                first,
                question,
                label,
                regions.collect(),
            )
        })
    }

    fn by_label(&self, card: impl Fn(&str, &[Place], &str) -> Option<Card>) -> Vec<Card> {
        let mut cards = Vec::new();
        for (image, places) in &self.places {
            // What only other examples of the image name was not chosen.
            let named = places.iter().filter(|place| place.example < self.chosen);
            let mut labels: Vec<&str> = named.map(|place| place.region.label.as_str()).collect();
            labels.dedup();
            cards.extend(labels.iter().filter_map(|label| card(image, places, label)));
        }
        cards
    }

    fn place_card(
        &self,
        kind: Kind,
        image: &str,
        place: &Place,
        question: String,
        label: &str,
        regions: Vec<Region>,
    ) -> Option<Card> {
        let example = self.examples.get(place.example)?;
        let card = card_of(example, kind);
        // Only the image that has the place, and no tags that belong to another question.
        let images: Vec<_> = card.images.iter().take(1).cloned().collect();
        debug_assert!(images.iter().all(|it| it.sha256 == image));
        let general =
            |(name, _): &&(String, String)| !["answer-type", "topic", BOX].contains(&name.as_str());
        let tags = card.tags.iter().filter(general).cloned();
        Some(Card {
            id: card_id(kind, &question, &images, &[label]),
            tags: tags.collect(),
            question,
            answer: label.to_owned(),
            images,
            regions,
            ..card
        })
    }

    /// Labels that are answers to an open question about findings.
    fn finding_labels(&self) -> HashSet<String> {
        let is_open = |example: &&Example| {
            example.tag("topic") == Some("finding") && !is_yes_or_no(&example.answer)
        };
        let mut labels = HashSet::new();
        for example in self.examples.iter().filter(is_open) {
            let boxes = example.tags.iter().filter(|(name, _)| name == BOX);
            let named = boxes.filter_map(|(_, value)| value.rsplit_once(' '));
            labels.extend(named.map(|(label, _)| label.trim().to_owned()));
        }
        labels
    }
}

/// The places with a label, and the first of them.
fn split<'a>(places: &'a [Place], label: &str) -> (Vec<&'a Place>, Option<&'a Place>) {
    let same = places.iter().filter(|place| place.region.label == label);
    let same: Vec<&Place> = same.collect();
    let first = same.first().copied();
    (same, first)
}

//! Cards of the learner's own: questions about an image, and places that were marked on it by hand.

use crate::card::{Card, CardImage, Kind, Region, card_id};

/// A card about an image with nothing but a question and an answer. Its id follows from both.
pub fn own_card(kind: Kind, image: &CardImage, question: &str, answer: &str) -> Card {
    Card {
        id: card_id(kind, question, std::slice::from_ref(image), &[answer]),
        kind,
        question: question.to_owned(),
        answer: answer.to_owned(),
        rationale: String::new(),
        images: vec![image.clone()],
        choices: Vec::new(),
        regions: Vec::new(),
        vignette: String::new(),
        laboratory: Vec::new(),
        tags: Vec::new(),
        sibling_keys: vec![image.sha256.clone()],
        source: String::new(),
        licence: String::new(),
        example: String::new(),
    }
}

/// Two cards for every label of an image: one to mark its places, one to name what lies under a cover.
pub fn place_cards(image: &CardImage, places: &[Region]) -> Vec<Card> {
    let mut labels: Vec<&str> = places.iter().map(|place| place.label.as_str()).collect();
    labels.sort_unstable();
    labels.dedup();
    let mut cards = Vec::new();
    for label in labels {
        let (own, others): (Vec<&Region>, Vec<&Region>) =
            places.iter().partition(|place| place.label == label);
        cards.push(Card {
            regions: own.iter().copied().cloned().collect(),
            ..spot(image, label)
        });
        // The first is asked about, the others are covered with it.
        let covered = own.iter().take(1).chain(&others).copied();
        let question = "What lies under the marked cover?";
        cards.push(Card {
            regions: covered.cloned().collect(),
            ..own_card(Kind::Occlusion, image, question, label)
        });
    }
    cards
}

fn spot(image: &CardImage, label: &str) -> Card {
    let question = format!("Mark this place: {label}");
    own_card(Kind::Spot, image, &question, label)
}

/// The places on an image that cards of [`place_cards`] ask for.
pub fn places_of(cards: &[Card], image: &CardImage) -> Vec<Region> {
    let is_own = |card: &&Card| {
        card.kind == Kind::Spot
            && card.images.first() == Some(image)
            && card.id == spot(image, &card.answer).id
    };
    let own = cards.iter().filter(is_own);
    own.flat_map(|card| card.regions.iter().cloned()).collect()
}

/// Adds cards to those of a deck; one with the id of another takes its place.
pub fn add_or_replace(cards: &mut Vec<Card>, made: Vec<Card>) {
    for card in made {
        match cards.iter_mut().find(|known| known.id == card.id) {
            Some(known) => *known = card,
            None => cards.push(card),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_drawn_one_after_the_other_make_the_same_cards_as_together() {
        let image = CardImage {
            sha256: "ab".repeat(32),
            extension: "png".into(),
        };
        let place = |label: &str, x: f32| Region {
            label: label.into(),
            x,
            y: 0.25,
            width: 0.125,
            height: 0.125,
        };
        let all = [
            place("heart", 0.0),
            place("heart", 0.25),
            place("lung", 0.5),
        ];
        // A card that only asks for a place as well is left alone.
        let other = Card {
            regions: vec![place("liver", 0.75)],
            ..own_card(Kind::Spot, &image, "Where is it?", "liver")
        };
        let mut cards = vec![other.clone()];
        for place in &all {
            let mut places = places_of(&cards, &image);
            places.push(place.clone());
            add_or_replace(&mut cards, place_cards(&image, &places));
        }
        assert_eq!(cards.remove(0), other);
        assert_eq!(cards, place_cards(&image, &all));
        assert_eq!(cards.len(), 4);
        assert_eq!(cards[0].regions.len(), 2);
        assert_eq!(cards[1].regions[0].label, "heart");
    }
}

//! Decks made from the index that ships, and from made-up cases.

use rounds_index::Index;
use rounds_metrics::text::normalised;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::OnceLock;

use super::*;
use crate::StudyError;
use crate::card::{CardImage, LabRow};
use crate::deck::{StagedCase, cards_of, staged_cards};

fn shipped() -> Index {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../index");
    Index::open(Some(&folder)).unwrap()
}

/// Every card that the shipped index gives, by kind.
fn deck() -> &'static BTreeMap<Kind, Vec<Card>> {
    static DECK: OnceLock<BTreeMap<Kind, Vec<Card>>> = OnceLock::new();
    DECK.get_or_init(|| {
        let mut deck: BTreeMap<Kind, Vec<Card>> = BTreeMap::new();
        for card in cards_of(&shipped(), &Kind::ALL, 7, &[]).unwrap() {
            deck.entry(card.kind).or_default().push(card);
        }
        deck
    })
}

/// The answers in the index that are right for each image, and the labels on it.
fn facts() -> BTreeMap<String, BTreeSet<String>> {
    let mut facts: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut add = |example: rounds_index::Example| {
        let image = example.images[0].sha256.clone();
        let facts = facts.entry(image).or_default();
        facts.insert(format!(
            "{}|{}",
            normalised(&example.question),
            normalised(&example.answer)
        ));
        let boxes = example.tags.iter().filter(|(name, _)| name == "box");
        facts.extend(boxes.map(|(_, value)| value.clone()));
    };
    shipped()
        .each_example(&mut |example| {
            add(example?);
            Ok(())
        })
        .unwrap();
    facts
}

#[test]
fn every_kind_of_card_comes_from_the_shipped_index_with_ids_of_its_own() {
    let index = shipped();
    let deck = deck();
    assert_eq!(deck[&Kind::Question].len(), index.len());
    for (kind, least) in [
        (Kind::Choice, 900),
        (Kind::Spot, 300),
        (Kind::Occlusion, 100),
        (Kind::Compare, 300),
    ] {
        let found = deck.get(&kind).map_or(0, Vec::len);
        assert!(found >= least, "{kind}: {found}");
    }
    let mut ids = BTreeSet::new();
    for card in deck.values().flatten() {
        assert!(ids.insert(&card.id), "{}", card.question);
        assert!(!card.question.is_empty() && !card.answer.is_empty());
        assert!(!card.source.is_empty() && !card.licence.is_empty());
        assert!(index.by_id(&card.example).is_ok());
        for image in &card.images {
            assert!(index.contains_image(&image.sha256).unwrap());
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_deck_and_another_seed_another_order_of_the_same_questions() {
    let ids = |seed| -> Vec<String> {
        let cards = cards_of(&shipped(), &[Kind::Question], seed, &[]).unwrap();
        cards.into_iter().map(|card| card.id).collect()
    };
    let (one, again, other) = (ids(1), ids(1), ids(2));
    assert_eq!(one, again);
    assert_ne!(one, other);
    assert_eq!(BTreeSet::from_iter(one), BTreeSet::from_iter(other));
    let choices = |seed| cards_of(&shipped(), &[Kind::Choice], seed, &[]).unwrap();
    assert_eq!(choices(1), choices(1));
}

#[test]
fn choices_have_one_right_answer_and_no_two_that_can_both_be_right() {
    let facts = facts();
    let mut places = [0; 4];
    for card in &deck()[&Kind::Choice] {
        let about = format!("{} {:?}", card.question, card.choices);
        assert!((2..=4).contains(&card.choices.len()), "{about}");
        assert_eq!(
            card.choices
                .iter()
                .filter(|choice| card.is_right(choice))
                .count(),
            1,
            "{about}"
        );
        let plain: Vec<String> = card
            .choices
            .iter()
            .map(|choice| normalised(choice))
            .collect();
        assert_eq!(BTreeSet::from_iter(&plain).len(), plain.len(), "{about}");
        let right = &facts[&card.images[0].sha256];
        for wrong in plain
            .iter()
            .filter(|choice| **choice != normalised(&card.answer))
        {
            let fact = format!("{}|{wrong}", normalised(&card.question));
            assert!(!right.contains(&fact), "{about}");
            let labelled = right
                .iter()
                .any(|fact| fact.starts_with(&format!("{wrong} ")));
            assert!(!labelled, "{about} of an image with {wrong}");
        }
        if ["yes", "no"].contains(&normalised(&card.answer).as_str()) {
            assert_eq!(plain, ["yes", "no"]);
        } else {
            places[card
                .choices
                .iter()
                .position(|choice| card.is_right(choice))
                .unwrap()] += 1;
            assert!(
                !plain
                    .iter()
                    .any(|choice| ["yes", "no"].contains(&choice.as_str())),
                "{about}"
            );
        }
    }
    assert!(
        places.iter().all(|count| *count > 30),
        "the right answer moves: {places:?}"
    );
}

#[test]
fn wrong_answers_are_of_the_kind_of_the_right_one() {
    for card in &deck()[&Kind::Choice] {
        let plain: Vec<String> = card
            .choices
            .iter()
            .map(|choice| normalised(choice))
            .collect();
        let about = format!("{} {:?}", card.question, card.choices);
        let question = normalised(&card.question);
        let fits = |choice: &String| -> bool {
            if question.ends_with("plane of this view") || question.starts_with("which plane") {
                ["axial", "coronal"].contains(&choice.as_str())
            } else if question.starts_with("count") {
                ["1", "2"].contains(&choice.as_str())
            } else if question.starts_with("which body system") {
                choice.contains("system")
            } else {
                true
            }
        };
        assert!(plain.iter().all(fits), "{about}");
    }
}

#[test]
fn regions_lie_within_the_image_and_are_the_boxes_of_the_index() {
    let facts = facts();
    let index = shipped();
    for card in deck()[&Kind::Spot].iter().chain(&deck()[&Kind::Occlusion]) {
        assert_eq!(card.images.len(), 1);
        assert!(!card.regions.is_empty());
        assert_eq!(card.regions[0].label, card.answer);
        let image = &card.images[0].sha256;
        let (width, height) = index.image_size(image).unwrap().unwrap();
        let (width, height) = (width as f32, height as f32);
        for region in &card.regions {
            assert!(
                region.x >= 0.0 && region.y >= 0.0 && region.width > 0.0 && region.height > 0.0
            );
            assert!(
                region.x + region.width <= 1.0 && region.y + region.height <= 1.0,
                "{region:?}"
            );
            let value = format!(
                "{} {},{},{},{}",
                region.label,
                (region.x * width).round(),
                (region.y * height).round(),
                (region.width * width).round(),
                (region.height * height).round()
            );
            assert!(facts[image].contains(&value), "{value}");
        }
        if card.kind == Kind::Spot {
            assert!(
                card.regions
                    .iter()
                    .all(|region| region.label == card.answer)
            );
            assert!(card.question.contains(&card.answer));
        } else {
            assert!(!card.question.contains(&card.answer));
            let findings = ["brain edema", "liver cancer", "pneumonia", "nodule"];
            assert!(!findings.contains(&card.answer.as_str()));
        }
    }
}

#[test]
fn compared_images_belong_to_different_patients_and_only_one_fits() {
    let facts = facts();
    let mut first = 0;
    for card in &deck()[&Kind::Compare] {
        let [one, other] = card.images.as_slice() else {
            panic!("{} images", card.images.len());
        };
        assert_ne!(one, other);
        assert_eq!(card.choices, ["The first", "The second"]);
        let is_first = card.is_right("The first");
        assert!(is_first || card.is_right("The second"));
        first += usize::from(is_first);
        let (answer, question) = card
            .question
            .split_once('\u{201C}')
            .unwrap()
            .1
            .split_once("\u{201D}? ")
            .unwrap();
        let fact = format!("{}|{}", normalised(question), normalised(answer));
        assert_eq!(
            facts[&one.sha256].contains(&fact),
            is_first,
            "{}",
            card.question
        );
        assert_eq!(
            facts[&other.sha256].contains(&fact),
            !is_first,
            "{}",
            card.question
        );
        let patients = card
            .sibling_keys
            .iter()
            .filter(|key| key.starts_with("patient:"));
        assert_eq!(patients.count(), 2);
    }
    let share = first as f32 / deck()[&Kind::Compare].len() as f32;
    assert!((0.4..0.6).contains(&share), "{share}");
}

#[test]
fn cards_of_one_image_or_patient_are_siblings() {
    let index = shipped();
    let mut by_image: BTreeMap<&str, Vec<&Card>> = BTreeMap::new();
    for card in deck().values().flatten() {
        let example = index.by_id(&card.example).unwrap();
        assert!(
            card.sibling_keys
                .contains(&format!("patient:{}", example.patient))
        );
        assert!(
            card.sibling_keys
                .contains(&format!("study:{}", example.study))
        );
        for image in &card.images {
            assert!(card.sibling_keys.contains(&image.sha256));
            by_image.entry(&image.sha256).or_default().push(card);
        }
    }
    assert!(by_image.values().any(|cards| cards.len() > 5));
    for cards in by_image.values() {
        for card in cards {
            let shares = |key: &String| cards[0].sibling_keys.contains(key);
            assert!(card.sibling_keys.iter().any(shares));
        }
    }
}

#[test]
fn tags_choose_examples_and_nothing_chosen_is_an_error() {
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let tags = [
        pair("organ", "Chest"),
        pair("modality", "x-ray"),
        pair("modality", "ct"),
    ];
    let chest = cards_of(&shipped(), &[Kind::Question, Kind::Spot], 1, &tags).unwrap();
    assert!(chest.len() > 100 && chest.len() < deck()[&Kind::Question].len());
    for card in &chest {
        assert!(card.matches(&[], &tags), "{:?}", card.tags);
    }
    for (kinds, tags) in [
        (vec![Kind::Question], vec![pair("organ", "spaceship")]),
        (vec![Kind::Staged], vec![]),
        (vec![], vec![]),
    ] {
        let made = cards_of(&shipped(), &kinds, 1, &tags);
        assert!(
            matches!(made, Err(StudyError::NoCards)),
            "{kinds:?} {tags:?}"
        );
    }
    // What is known of an image from other examples still counts.
    let places = [pair("topic", "finding")];
    for card in cards_of(&shipped(), &[Kind::Choice], 1, &places).unwrap() {
        assert!(card.matches(&[Kind::Choice], &places));
    }
}

#[test]
fn a_deck_of_the_shipped_index_can_be_stored_and_studied() {
    let all: Vec<Card> = deck().values().flatten().cloned().collect();
    let mut store = store(&all);
    let change = store.put_deck("d", &DeckInfo::default(), &all).unwrap();
    assert_eq!(
        (change.kept, change.updated),
        (all.len(), 0),
        "what is read is what was written"
    );
    let scheduler = scheduler(&Settings::default());
    let filter = crate::queue::Filter {
        kinds: vec![Kind::Spot],
        ..Default::default()
    };
    let mode = crate::queue::Mode::Study;
    let mut queue =
        crate::queue::Queue::new(&store, "d", &scheduler, monday(), mode, &filter).unwrap();
    assert_eq!(queue.counts(monday()).new, 20);
    let card = queue.next(monday()).unwrap();
    assert_eq!(store.card("d", &card).unwrap().kind, Kind::Spot);
}

#[test]
fn staged_cases_keep_their_parts_and_need_a_question_and_an_answer() {
    let case = StagedCase {
        vignette: "A woman of 34 is tired.".into(),
        question: "What is missing?".into(),
        answer: "Iron".into(),
        images: vec![CardImage {
            sha256: "a".repeat(64),
            extension: "png".into(),
        }],
        laboratory: vec![LabRow {
            test: "Ferritin".into(),
            value: "4 µg/L".into(),
            reference: "15-150".into(),
        }],
        ..StagedCase::default()
    };
    let unasked = StagedCase {
        question: String::new(),
        ..case.clone()
    };
    let other = StagedCase {
        vignette: "A man of 60 is tired.".into(),
        ..case.clone()
    };
    let cards = staged_cards(&[case.clone(), unasked, other]);
    assert_eq!(cards.len(), 2);
    assert_ne!(cards[0].id, cards[1].id);
    assert_eq!(cards[0].kind, Kind::Staged);
    assert_eq!(
        (&cards[0].vignette, &cards[0].laboratory),
        (&case.vignette, &case.laboratory)
    );
    assert_eq!(cards[0].sibling_keys, ["a".repeat(64)]);
}

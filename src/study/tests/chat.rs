//! Decks from indexes, what an index knows beside a card, and study mode over a chat.

use super::*;
use crate::study::exchanged::{FollowUp, Opinion};
use crate::study::lookup;
use crate::study::pair::Pair;
use crate::study::{CardModel, Sources, find, folder, over_chat, refresh};
use rounds_assistant::{Setup, comparable};
use rounds_index::{ExampleImage, Index};
use rounds_support::{Cancel, Paths};

fn index_path() -> std::path::PathBuf {
    crate::fixtures::path("index")
}

#[test]
fn an_index_becomes_a_deck_once_and_is_made_again_only_when_it_changes() {
    let home = tempfile::tempdir().unwrap();
    let paths = Paths::under(home.path());
    let mut store = Store::open(&folder(&paths)).unwrap();
    let found = find(&store, &paths, Some(&index_path())).unwrap();
    let change = refresh(&mut store, &paths, &found).unwrap().unwrap();
    assert!(change.added > 0);
    assert_eq!(refresh(&mut store, &paths, &found).unwrap(), None);
    // From now on the name of the deck is enough.
    let by_name = find(&store, &paths, Some(std::path::Path::new(&found.deck))).unwrap();
    assert_eq!(by_name.deck, found.deck);
    assert!(by_name.source.index().is_some());
}

#[test]
fn a_name_that_is_neither_a_deck_nor_an_index_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let paths = Paths::under(home.path());
    let store = Store::open(&folder(&paths)).unwrap();
    let failure = find(&store, &paths, Some(std::path::Path::new("nothing"))).unwrap_err();
    assert_eq!(failure.exit_code(), 2);
    assert!(failure.hint.unwrap().contains("rounds study decks"));
}

#[test]
fn look_alikes_have_another_answer_and_another_image() {
    let index = Index::open(Some(&index_path())).unwrap();
    let kinds = [Kind::Question];
    let cards = rounds_study::deck::cards_of(&index, &kinds, 0, &[]).unwrap();
    let mut any = 0;
    for card in cards.iter().take(30) {
        let found = lookup::look_alikes(&index, card).unwrap();
        assert!(found.len() <= 3);
        any += found.len();
        for case in found {
            assert_ne!(case.answer.to_lowercase(), card.answer.to_lowercase());
            assert_ne!(case.picture.unwrap().id, card.images[0].sha256);
        }
    }
    assert!(any > 0);
}

#[test]
fn a_card_that_is_not_from_an_index_has_no_look_alikes() {
    let index = Index::open(Some(&index_path())).unwrap();
    assert!(lookup::look_alikes(&index, &card(Kind::Question)).is_err());
    let found = lookup::follow_up(&index, &card(Kind::Question)).unwrap();
    assert!(found.is_none());
}

fn index_and_cards(kind: Kind, tags: &[(String, String)]) -> (Index, Vec<Card>) {
    let index = Index::open(Some(&index_path())).unwrap();
    let cards = rounds_study::deck::cards_of(&index, &[kind], 0, tags).unwrap();
    (index, cards)
}

#[test]
fn where_an_image_has_no_other_question_the_same_is_asked_about_one_that_looks_alike() {
    // No image of this index has a second question.
    let (index, cards) = index_and_cards(Kind::Question, &[]);
    let mut any = 0;
    for card in cards.iter().take(60) {
        let contrast = match lookup::follow_up(&index, card).unwrap() {
            Some(FollowUp::Contrast(contrast)) => contrast,
            Some(other) => panic!("{other:?}"),
            None => continue,
        };
        any += 1;
        let case = &contrast.case;
        assert_eq!(comparable(&case.question), comparable(&card.question));
        assert_ne!(comparable(&case.answer), comparable(&card.answer));
        assert!(contrast.choices.contains(&card.answer));
        assert!(contrast.is_right(0) != contrast.is_right(1));
        assert_ne!(case.picture.as_ref().unwrap().id, card.images[0].sha256);
    }
    assert!(any > 0);
}

#[test]
fn a_card_about_a_place_is_not_asked_again_of_a_case_that_looks_alike() {
    let (index, cards) = index_and_cards(Kind::Question, &[]);
    let follows = |card: &Card| lookup::follow_up(&index, card).unwrap().is_some();
    let asked = cards.iter().find(|card| follows(card)).unwrap();
    let place = Card {
        kind: Kind::Spot,
        question: "Mark on the image: lung".into(),
        answer: "lung".into(),
        ..asked.clone()
    };
    assert!(!follows(&place));
}

#[test]
fn a_comparison_knows_its_two_cases_and_keeps_them_from_the_shots() {
    let (index, cards) = index_and_cards(Kind::Compare, &[]);
    for card in cards.iter().take(20) {
        let pair = Pair::of(&index, card).unwrap().unwrap();
        for (image, example) in card.images.iter().zip(&pair.shown) {
            assert_eq!(example.images[0].sha256, image.sha256);
            assert!(pair.excluded.contains(&example.id));
        }
        let right = usize::from(card.answer != card.choices[0]);
        assert_eq!(pair.shown[right].answer, pair.answers[0]);
        assert!(card.question.contains(&pair.answers[0]));
        assert_ne!(pair.answers[0], pair.answers[1]);
    }
    let changed = Card {
        images: vec![cards[0].images[0].clone(); 2],
        ..cards[0].clone()
    };
    assert!(Pair::of(&index, &changed).unwrap().is_none());
}

fn nano() -> CardModel {
    CardModel::new(Sources {
        assistant: None,
        setup: Setup {
            model: Some(crate::fixtures::path("nano")),
            index: Some(index_path()),
            device: "cpu".into(),
            ..Setup::default()
        },
        index: Some(Some(index_path())),
    })
}

#[test]
fn the_model_guesses_which_of_two_images_it_is() {
    let (index, cards) = index_and_cards(Kind::Compare, &[]);
    let card = &cards[0];
    let images = card.images.iter().map(|image| {
        let image = ExampleImage {
            sha256: image.sha256.clone(),
            extension: image.extension.clone(),
        };
        rounds_imaging::decode(&index.image(&image).unwrap(), "image").unwrap()
    });
    let cancel = Cancel::new();
    let mut model = nano();
    match model.opinion(card, images.collect(), &cancel) {
        Opinion::Said {
            answer, standing, ..
        } => {
            assert!(card.choices.contains(&answer), "{answer}");
            assert!(standing[0].contains("as likely"), "{standing:?}");
        }
        other => panic!("{other:?}"),
    }
    let alone = model.opinion(card, Vec::new(), &cancel);
    assert!(matches!(alone, Opinion::Failed(_)), "{alone:?}");
}

#[test]
fn a_typed_answer_is_ranked_among_the_answers_of_its_kind() {
    let topic = [("topic".to_string(), "reading".to_string())];
    let (_, cards) = index_and_cards(Kind::Question, &topic);
    let cancel = Cancel::new();
    let mut model = nano();
    let words = model.nearness(&cards[0], "a strange shadow", &cancel);
    let words = words.unwrap().unwrap();
    assert!(words.starts_with("a guess: nearer to the reference than "));
    assert!(words.contains(" 29 other answers of this kind"), "{words}");
    let imported = card(Kind::Question);
    assert_eq!(model.nearness(&imported, "lung", &cancel).unwrap(), None);
}

#[test]
fn study_mode_over_the_chat_takes_the_index_of_the_chat() {
    let setup = Setup {
        index: Some(index_path()),
        ..Setup::default()
    };
    let start = over_chat(&setup, None).unwrap();
    assert_eq!(start.deck, "index");
    assert!(!start.cram);
    assert_eq!(start.tutor.index, Some(Some(index_path())));
}

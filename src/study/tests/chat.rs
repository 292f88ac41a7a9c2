//! Decks from indexes, what an index knows beside a card, and study mode over a chat.

use super::*;
use crate::study::lookup;
use crate::study::{find, folder, over_chat, refresh};
use rounds_assistant::Setup;
use rounds_index::Index;
use rounds_support::Paths;

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
    assert_eq!(
        lookup::follow_up(&index, &card(Kind::Question)).unwrap(),
        None
    );
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

//! Tests of study mode through its public interface. Times are given, so every run is the same.

mod damage;
mod decks;
mod fitting;
mod properties;
mod queueing;
mod scheduling;
mod statistics;
mod storing;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::card::{Card, Kind, card_id};
use crate::schedule::{Grade, Scheduler};
use crate::settings::Settings;
use crate::store::{DeckInfo, Review, ReviewKind, Store};

pub(crate) const MINUTE: i64 = 60_000;
pub(crate) const DAY: i64 = 24 * 60 * MINUTE;

/// A moment, from its text form in UTC.
pub(crate) fn ms(text: &str) -> i64 {
    text.parse::<Timestamp>().unwrap().as_millisecond()
}

/// A Monday at ten in the morning, UTC.
pub(crate) fn monday() -> i64 {
    ms("2026-11-30T10:00:00Z")
}

pub(crate) fn scheduler(settings: &Settings) -> Scheduler {
    Scheduler::new(settings, &TimeZone::UTC).unwrap()
}

/// A card with nothing but a question and an answer.
pub(crate) fn a_card(question: &str) -> Card {
    Card {
        id: card_id(Kind::Question, question, &[], &[]),
        kind: Kind::Question,
        question: question.into(),
        answer: "yes".into(),
        rationale: String::new(),
        images: Vec::new(),
        choices: Vec::new(),
        regions: Vec::new(),
        vignette: String::new(),
        laboratory: Vec::new(),
        tags: Vec::new(),
        sibling_keys: Vec::new(),
        source: String::new(),
        licence: String::new(),
        example: String::new(),
    }
}

/// A card of a patient.
pub(crate) fn card_of(question: &str, patient: &str) -> Card {
    Card {
        sibling_keys: vec![format!("patient:{patient}")],
        ..a_card(question)
    }
}

/// `count` cards without siblings.
pub(crate) fn cards(count: usize) -> Vec<Card> {
    (0..count)
        .map(|number| a_card(&format!("q{number}")))
        .collect()
}

/// A store in memory with a deck called `d`.
pub(crate) fn store(cards: &[Card]) -> Store {
    let mut store = Store::in_memory().unwrap();
    store.put_deck("d", &DeckInfo::default(), cards).unwrap();
    store
}

/// Grades a card of the deck `d` and records it.
pub(crate) fn grade(
    store: &mut Store,
    scheduler: &Scheduler,
    card: &str,
    grade: Grade,
    at: i64,
) -> Review {
    let before = store.schedule("d", card, at).unwrap();
    let review = Review {
        card: card.into(),
        deck: "d".into(),
        at,
        grade,
        took_ms: 4000,
        kind: ReviewKind::of(&before),
        before,
        after: scheduler.grade(card, &before, grade, at),
        typed: None,
    };
    store.record(&review).unwrap();
    review
}

//! The database of a package, made in memory.

use std::collections::{HashMap, HashSet};

use rusqlite::{Connection, Transaction, params};

use crate::card::Card;
use crate::exchange::error::{ExchangeError, unmade};
use crate::exchange::sha1;
use crate::schedule::{Phase, Schedule};

use super::super::history::{CardData, interval_number, kind_number};
use super::super::{DAY_MS, own};
use super::fields::{self, Names};
use super::{DeckExport, models, tag};

/// The hour at which days of the collection begin, UTC, in milliseconds, where no due date says when the learner's do.
const DAY_STARTS_MS: i64 = 4 * 3_600_000;
/// Ease of reviewed cards, in permille: Anki's initial one. FSRS does not use it.
const EASE: i64 = 2500;
/// Numbers of learning and relearning steps in the options.
const STEPS: (u8, u8) = (2, 1);

/// Schema 11, as Anki's documentation of the format gives it.
const SCHEMA: &str = "
create table col (id integer primary key, crt integer not null, mod integer not null, scm integer not null, ver integer not null,
  dty integer not null, usn integer not null, ls integer not null, conf text not null, models text not null, decks text not null,
  dconf text not null, tags text not null);
create table notes (id integer primary key, guid text not null, mid integer not null, mod integer not null, usn integer not null,
  tags text not null, flds text not null, sfld integer not null, csum integer not null, flags integer not null, data text not null);
create table cards (id integer primary key, nid integer not null, did integer not null, ord integer not null, mod integer not null,
  usn integer not null, type integer not null, queue integer not null, due integer not null, ivl integer not null,
  factor integer not null, reps integer not null, lapses integer not null, left integer not null, odue integer not null,
  odid integer not null, flags integer not null, data text not null);
create table revlog (id integer primary key, cid integer not null, usn integer not null, ease integer not null, ivl integer not null,
  lastIvl integer not null, factor integer not null, time integer not null, type integer not null);
create table graves (usn integer not null, oid integer not null, type integer not null);
create index ix_notes_usn on notes (usn);
create index ix_notes_csum on notes (csum);
create index ix_cards_usn on cards (usn);
create index ix_cards_nid on cards (nid);
create index ix_cards_sched on cards (did, queue, due);
create index ix_revlog_usn on revlog (usn);
create index ix_revlog_cid on revlog (cid);
";

/// The bytes of the database with these cards of the deck, and the number of reviews in it.
pub(super) fn database(
    deck: &DeckExport,
    cards: &[&Card],
    names: &Names,
) -> Result<(Vec<u8>, usize), ExchangeError> {
    let mut connection = Connection::open_in_memory().map_err(unmade)?;
    connection.execute_batch(SCHEMA).map_err(unmade)?;
    let transaction = connection.transaction().map_err(unmade)?;
    let reviews = fill(&transaction, deck, cards, names).map_err(unmade)?;
    transaction.commit().map_err(unmade)?;
    let bytes = connection.serialize("main").map_err(unmade)?.to_vec();
    Ok((bytes, reviews))
}

fn fill(
    database: &Transaction,
    deck: &DeckExport,
    cards: &[&Card],
    names: &Names,
) -> rusqlite::Result<usize> {
    let schedules: HashMap<&str, &Schedule> = match deck.with_history {
        true => deck
            .schedules
            .iter()
            .map(|(id, schedule)| (id.as_str(), schedule))
            .collect(),
        false => HashMap::new(),
    };
    let suspended: HashSet<&str> = match deck.with_history {
        true => deck.suspended.iter().map(String::as_str).collect(),
        false => HashSet::new(),
    };
    let created = created_ms(deck.now, schedules.values().copied());
    collection_row(database, deck, cards.len(), created)?;
    let first_id = (deck.now - cards.len() as i64).max(1);
    let groups = groups(cards);
    let mut ids = HashMap::new();
    let mut insert = database.prepare(
        "insert into cards values (?1, ?1, ?2, 0, ?3, 0, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, 0, 0, 0, ?12)",
    )?;
    let seconds = deck.now / 1000;
    let deck_id = models::deck_id(deck.title());
    for (at, card) in cards.iter().enumerate() {
        let id = first_id + at as i64;
        note(
            database,
            id,
            card,
            fields::joined(card, names, siblings(card, &groups)),
            seconds,
        )?;
        let mut row = CardRow::new(at, schedules.get(card.id.as_str()).copied(), created);
        if suspended.contains(card.id.as_str()) {
            row.queue = -1;
        }
        let CardRow {
            stage,
            queue,
            due,
            interval,
            ease,
            reviews,
            lapses,
            left,
            data,
        } = row;
        insert.execute(params![
            id, deck_id, seconds, stage, queue, due, interval, ease, reviews, lapses, left, data
        ])?;
        ids.insert(card.id.as_str(), id);
    }
    match deck.with_history {
        true => reviews(database, deck, &ids),
        false => Ok(0),
    }
}

/// The beginning of the day of the earliest time that has to be counted from it. Days begin when the learner's do, which is when
/// reviews are due: counted from another hour, a card would come a day early.
fn created_ms<'a>(now: i64, schedules: impl Iterator<Item = &'a Schedule>) -> i64 {
    let (mut earliest, mut review) = (now, None);
    for schedule in schedules {
        earliest = earliest.min(schedule.due);
        if schedule.phase == Phase::Review {
            review = Some(review.map_or(schedule.due, |known: i64| known.min(schedule.due)));
        }
    }
    let starts = review.map_or(DAY_STARTS_MS, |due| due.rem_euclid(DAY_MS));
    (earliest.max(DAY_MS) - starts).div_euclid(DAY_MS) * DAY_MS + starts
}

fn collection_row(
    database: &Transaction,
    deck: &DeckExport,
    cards: usize,
    created_ms: i64,
) -> rusqlite::Result<()> {
    database.execute(
        "insert into col values (1, ?1, ?2, ?2, 11, 0, 0, 0, ?3, ?4, ?5, ?6, '{}')",
        params![
            created_ms / 1000,
            deck.now,
            models::settings(cards).to_string(),
            models::models().to_string(),
            models::decks(deck.title(), deck.about, deck.now / 1000).to_string(),
            models::options().to_string(),
        ],
    )?;
    Ok(())
}

fn note(
    database: &Transaction,
    id: i64,
    card: &Card,
    fields: String,
    seconds: i64,
) -> rusqlite::Result<()> {
    let words: Vec<String> = card
        .tags
        .iter()
        .map(tag)
        .filter(|tag| !tag.is_empty())
        .collect();
    // Spaces at both ends let a search find whole words.
    let tags = match words.is_empty() {
        true => String::new(),
        false => format!(" {} ", words.join(" ")),
    };
    // Without its tags, of which an escaped text has only line breaks.
    let sort_field = card.question.replace('\n', "");
    let mut insert = database
        .prepare_cached("insert into notes values (?1, ?2, ?3, ?4, 0, ?5, ?6, ?7, ?8, 0, '')")?;
    insert.execute(params![
        id,
        own::guid(&card.id),
        models::type_id(card.kind),
        seconds,
        tags,
        fields,
        sort_field,
        checksum(&sort_field)
    ])?;
    Ok(())
}

/// Anki's checksum of a first field: the first four bytes of its SHA-1.
fn checksum(text: &str) -> i64 {
    let digest = sha1::digest(text.as_bytes());
    digest
        .iter()
        .take(4)
        .fold(0, |sum, byte| (sum << 8) | i64::from(*byte))
}

/// A name for each key that cards share, made from the first card that has it, so that no key of a patient leaves.
fn groups<'a>(cards: &[&'a Card]) -> HashMap<&'a str, String> {
    let mut groups = HashMap::new();
    for card in cards {
        for (at, key) in card.sibling_keys.iter().enumerate() {
            let name = || format!("group:{}:{at}", card.id);
            groups.entry(key.as_str()).or_insert_with(name);
        }
    }
    groups
}

/// The names of a card's groups. Those of its own images are left out: they come back with the images.
fn siblings(card: &Card, groups: &HashMap<&str, String>) -> Vec<String> {
    let is_image = |key: &str| card.images.iter().any(|image| image.sha256 == key);
    let keys = card.sibling_keys.iter().filter(|key| !is_image(key));
    keys.filter_map(|key| groups.get(key.as_str()).cloned())
        .collect()
}

/// What a row of `cards` says about a schedule.
struct CardRow {
    stage: i64,
    queue: i64,
    due: i64,
    interval: i64,
    ease: i64,
    reviews: u32,
    lapses: u32,
    left: i64,
    data: String,
}

impl CardRow {
    /// Of card number `at` of the deck.
    fn new(at: usize, schedule: Option<&Schedule>, created_ms: i64) -> Self {
        let new = Self {
            stage: 0,
            queue: 0,
            due: at as i64 + 1,
            interval: 0,
            ease: 0,
            reviews: 0,
            lapses: 0,
            left: 0,
            data: "{}".to_owned(),
        };
        let Some(schedule) = schedule.filter(|schedule| schedule.phase != Phase::New) else {
            return new;
        };
        // To the nearest: where the clock changes, days begin an hour earlier or later.
        let since = schedule.due.saturating_sub(created_ms);
        let day = since.saturating_add(DAY_MS / 2).div_euclid(DAY_MS);
        let last = schedule.last_review.unwrap_or(schedule.due);
        let waited = schedule.due.saturating_sub(last);
        let days = (waited as f64 / DAY_MS as f64).round().max(1.0) as i64;
        let remaining = |steps: u8, step: u8| i64::from(steps.saturating_sub(step).max(1)) * 1001;
        let (stage, due, interval, left) = match schedule.phase {
            Phase::New => return new,
            Phase::Learning(step) => (1, schedule.due / 1000, 0, remaining(STEPS.0, step)),
            Phase::Review => (2, day, days, 0),
            Phase::Relearning(step) => (3, schedule.due / 1000, 1, remaining(STEPS.1, step)),
        };
        let data = CardData {
            stability: schedule.memory.map(|memory| memory.stability),
            difficulty: schedule.memory.map(|memory| memory.difficulty),
            last_review: schedule.last_review.map(|at| at / 1000),
        };
        Self {
            stage,
            // Relearning has the queue of learning.
            queue: if stage == 2 { 2 } else { 1 },
            due,
            interval,
            ease: EASE,
            reviews: schedule.reviews,
            lapses: schedule.lapses,
            left,
            data: serde_json::to_string(&data).unwrap_or(new.data),
        }
    }
}

/// Writes the reviews of these cards; returns their number.
fn reviews(
    database: &Transaction,
    deck: &DeckExport,
    ids: &HashMap<&str, i64>,
) -> rusqlite::Result<usize> {
    let of_cards = deck
        .reviews
        .iter()
        .filter_map(|review| Some((ids.get(review.card.as_str())?, review)));
    let mut reviews: Vec<_> = of_cards.collect();
    reviews.sort_by_key(|(_, review)| review.at);
    let mut insert =
        database.prepare("insert into revlog values (?1, ?2, 0, ?3, ?4, ?5, ?6, ?7, ?8)")?;
    let mut last = 0;
    for (card, review) in &reviews {
        // The time is the key: no two reviews have the same.
        last = review.at.max(last + 1);
        insert.execute(params![
            last,
            card,
            review.grade as i64,
            interval_number(review.interval_ms),
            interval_number(review.previous_interval_ms),
            EASE,
            review.took_ms,
            kind_number(review.kind)
        ])?;
    }
    Ok(reviews.len())
}

//! Decks and their cards.

use jiff::tz::TimeZone;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use std::collections::{HashMap, HashSet};

use rounds_support::sanitise::{clean_line, clean_line_max};

use super::rows;
use super::types::{DeckChange, DeckInfo, DeckSummary, Standing};
use super::{MAX_CARDS, Store, check_name, number_of};
use crate::card::{self, Card, CardId, CardImage};
use crate::days::Days;
use crate::error::{StudyError, at_most, unreadable};
use crate::schedule::Schedule;

/// Longest description of a deck in characters.
const MAX_ABOUT: usize = 2000;

impl Store {
    /// Makes a deck, or gives the deck of this name these cards, in this order. A card keeps its reviews by its id; of
    /// several with one id the first counts.
    pub fn put_deck(
        &mut self,
        name: &str,
        info: &DeckInfo,
        cards: &[Card],
    ) -> Result<DeckChange, StudyError> {
        check_name(name)?;
        at_most("cards in a deck", cards.len(), MAX_CARDS)?;
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let deck = put_info(&transaction, name, info)?;
        let mut known = known_cards(&transaction, deck)?;
        let (mut seen, mut change) = (HashSet::new(), DeckChange::default());
        for card in cards {
            let card = card.clone().cleaned()?;
            if !card::is_id(&card.id) {
                return Err(unreadable("a card has no valid id"));
            }
            if !seen.insert(card.id.clone()) {
                continue;
            }
            let (text, position) = (rows::json(&card)?, seen.len() as i64);
            match known.remove(&card.id) {
                None => change.added += 1,
                Some(old) if old.present && old.text == text => {
                    change.kept += 1;
                    if old.position == position {
                        continue;
                    }
                }
                Some(_) => change.updated += 1,
            }
            transaction
                .prepare_cached(
                    "insert into cards (deck, id, position, present, card) values (?1, ?2, ?3, 1, ?4)
                     on conflict (deck, id) do update set position = ?3, present = 1, card = ?4",
                )?
                .execute(params![deck, card.id, position, text])?;
        }
        for (id, old) in &known {
            change.removed += usize::from(old.present);
            let statement = match old.has_history {
                true => "update cards set present = 0 where deck = ?1 and id = ?2",
                false => "delete from cards where deck = ?1 and id = ?2",
            };
            let mut statement = transaction.prepare_cached(statement)?;
            statement.execute(params![deck, id])?;
        }
        transaction.commit()?;
        Ok(change)
    }

    /// All decks by name, with what is to do in them at `now`.
    pub fn decks(&self, now: i64, zone: &TimeZone) -> Result<Vec<DeckSummary>, StudyError> {
        let mut statement = self
            .connection
            .prepare("select number, name, index_name, about, settings from decks order by name")?;
        let mut found = statement.query([])?;
        let mut decks = Vec::new();
        while let Some(row) = found.next()? {
            let settings: Option<String> = row.get(4)?;
            let settings = rows::settings(settings.as_deref());
            let until = Days::new(zone, settings.day_starts_at).end_of_today(now);
            let name = clean_line(&row.get::<_, String>(1)?);
            let info = info_of(row.get(2)?, &row.get::<_, String>(3)?);
            decks.push(self.summary(row.get(0)?, name, info, until)?);
        }
        Ok(decks)
    }

    fn summary(
        &self,
        deck: i64,
        name: String,
        info: DeckInfo,
        until: i64,
    ) -> Result<DeckSummary, StudyError> {
        let query = "select count(*), coalesce(sum(suspended), 0),
             coalesce(sum(not suspended and phase = 'new'), 0),
             coalesce(sum(not suspended and phase in ('learning', 'relearning')), 0),
             coalesce(sum(not suspended and phase = 'review' and due < ?2), 0)
             from cards where deck = ?1 and present";
        let count = |row: &rusqlite::Row, column: usize| -> rusqlite::Result<usize> {
            Ok(usize::try_from(row.get::<_, i64>(column)?).unwrap_or(0))
        };
        let summary = self
            .connection
            .prepare_cached(query)?
            .query_row([deck, until], |row| {
                Ok(DeckSummary {
                    name,
                    info,
                    cards: count(row, 0)?,
                    suspended: count(row, 1)?,
                    new: count(row, 2)?,
                    learning: count(row, 3)?,
                    due: count(row, 4)?,
                    reviews: 0,
                    last_review: None,
                })
            })?;
        let query = "select count(*), max(at) from reviews where deck = ?1 and undone = 0";
        let (reviews, last_review) = self
            .connection
            .prepare_cached(query)?
            .query_row([deck], |row| Ok((count(row, 0)?, row.get(1)?)))?;
        Ok(DeckSummary {
            reviews,
            last_review,
            ..summary
        })
    }

    /// Whether there is a deck of this name.
    pub fn has_deck(&self, name: &str) -> Result<bool, StudyError> {
        match self.number(name) {
            Ok(_) => Ok(true),
            Err(StudyError::NoDeck(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// What is known about a deck.
    pub fn deck_info(&self, name: &str) -> Result<DeckInfo, StudyError> {
        let query = "select index_name, about from decks where number = ?1";
        let number = self.number(name)?;
        let info = self.connection.query_row(query, [number], |row| {
            Ok(info_of(row.get(0)?, &row.get::<_, String>(1)?))
        })?;
        Ok(info)
    }

    /// Removes a deck with its reviews, and the imported images that no other deck shows.
    pub fn remove_deck(&mut self, name: &str) -> Result<(), StudyError> {
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let deck = number_of(&transaction, name)?;
        let mut unused = images(&transaction, "select card from cards where deck = ?1", deck)?;
        for image in images(
            &transaction,
            "select card from cards where deck <> ?1",
            deck,
        )? {
            unused.remove(&image);
        }
        transaction.execute("delete from decks where number = ?1", [deck])?;
        transaction.commit()?;
        for image in unused {
            self.media.remove(&image)?;
        }
        rounds_database::shrink(&self.connection);
        Ok(())
    }

    /// Removes those of the images that no card of any deck shows: of an import that came to nothing, or of cards that it
    /// left out.
    pub fn remove_unused_media(&mut self, images_kept: &[CardImage]) -> Result<(), StudyError> {
        if images_kept.is_empty() {
            return Ok(());
        }
        let of_all = "select card from cards where deck >= ?1";
        let shown = images(&self.connection, of_all, 0)?;
        for image in images_kept.iter().filter(|image| !shown.contains(*image)) {
            self.media.remove(image)?;
        }
        Ok(())
    }

    /// The cards of a deck in its order. Errors if one cannot be read.
    pub fn cards(&self, deck: &str) -> Result<Vec<Card>, StudyError> {
        let mut statement = self
            .connection
            .prepare("select card from cards where deck = ?1 and present order by position")?;
        let mut found = statement.query([self.number(deck)?])?;
        let mut cards = Vec::new();
        while let Some(row) = found.next()? {
            cards.push(rows::card(&row.get::<_, String>(0)?)?);
        }
        Ok(cards)
    }

    /// A card of a deck.
    pub fn card(&self, deck: &str, id: &str) -> Result<Card, StudyError> {
        let text: Option<String> = self
            .connection
            .prepare_cached("select card from cards where deck = ?1 and id = ?2")?
            .query_row(params![self.number(deck)?, id], |row| row.get(0))
            .optional()?;
        rows::card(&text.ok_or_else(|| no_card(deck, id))?)
    }

    /// Where the cards of a deck stand, in its order; those that are there only for their reviews come too.
    pub fn standings(&self, deck: &str) -> Result<Vec<Standing>, StudyError> {
        let mut statement = self.connection.prepare(
            "select id, schedule, suspended, buried_until, present from cards where deck = ?1 order by position",
        )?;
        let mut found = statement.query([self.number(deck)?])?;
        let mut standings = Vec::new();
        while let Some(row) = found.next()? {
            let schedule: Option<String> = row.get(1)?;
            standings.push(Standing {
                card: clean_line(&row.get::<_, String>(0)?),
                schedule: schedule.as_deref().map(rows::schedule).transpose()?,
                suspended: row.get(2)?,
                buried_until: row.get(3)?,
                present: row.get(4)?,
            });
        }
        Ok(standings)
    }

    /// Where a card stands; new if it was never graded.
    pub fn schedule(&self, deck: &str, id: &str, now: i64) -> Result<Schedule, StudyError> {
        let number = self.number(deck)?;
        let known = schedule_of(&self.connection, number, deck, id)?;
        Ok(known.unwrap_or_else(|| Schedule::new(now)))
    }

    /// Puts a card off until a time.
    pub fn bury(&mut self, deck: &str, card: &str, until: i64) -> Result<(), StudyError> {
        let statement = "update cards set buried_until = ?3 where deck = ?1 and id = ?2";
        let changed = self
            .connection
            .execute(statement, params![self.number(deck)?, card, until])?;
        expect_card(changed, deck, card)
    }

    /// Suspends a card until it is taken back, or takes it back.
    pub fn suspend(&mut self, deck: &str, card: &str, suspended: bool) -> Result<(), StudyError> {
        let statement = "update cards set suspended = ?3 where deck = ?1 and id = ?2";
        let changed = self
            .connection
            .execute(statement, params![self.number(deck)?, card, suspended])?;
        expect_card(changed, deck, card)
    }

    /// Suspends cards, all or none. Those that the deck lacks are left out.
    pub fn suspend_all(&mut self, deck: &str, cards: &[CardId]) -> Result<(), StudyError> {
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let number = number_of(&transaction, deck)?;
        for card in cards {
            let statement = "update cards set suspended = 1 where deck = ?1 and id = ?2";
            let mut statement = transaction.prepare_cached(statement)?;
            statement.execute(params![number, card])?;
        }
        transaction.commit()?;
        Ok(())
    }
}

/// What the deck had before.
struct Known {
    position: i64,
    text: String,
    present: bool,
    has_history: bool,
}

fn known_cards(connection: &Connection, deck: i64) -> Result<HashMap<CardId, Known>, StudyError> {
    let mut statement = connection.prepare(
        "select id, card, present, schedule is not null or exists
           (select 1 from reviews where reviews.deck = cards.deck and reviews.card = cards.id and undone = 0),
           position
         from cards where deck = ?1",
    )?;
    let rows = statement.query_map([deck], |row| {
        let known = Known {
            text: row.get(1)?,
            present: row.get(2)?,
            has_history: row.get(3)?,
            position: row.get(4)?,
        };
        Ok((row.get(0)?, known))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Writes what is known about a deck and returns its number.
fn put_info(connection: &Connection, name: &str, info: &DeckInfo) -> Result<i64, StudyError> {
    let info = info_of(info.index.clone(), &info.about);
    connection.execute(
        "insert into decks (name, index_name, about) values (?1, ?2, ?3)
         on conflict (name) do update set index_name = ?2, about = ?3",
        params![name, info.index, info.about],
    )?;
    number_of(connection, name)
}

fn info_of(index: Option<String>, about: &str) -> DeckInfo {
    DeckInfo {
        index: index.map(|index| clean_line(&index)),
        about: clean_line_max(about, MAX_ABOUT),
    }
}

/// The images of the cards that a query with the number of a deck finds. Cards that cannot be read show none.
fn images(
    connection: &Connection,
    query: &str,
    deck: i64,
) -> Result<HashSet<CardImage>, StudyError> {
    let mut statement = connection.prepare(query)?;
    let mut found = statement.query([deck])?;
    let mut images = HashSet::new();
    while let Some(row) = found.next()? {
        if let Ok(card) = rows::card(&row.get::<_, String>(0)?) {
            images.extend(card.images);
        }
    }
    Ok(images)
}

/// The schedule of a card; `None` if it was never graded. Errors if the deck, whose number and name these are, lacks it.
pub(super) fn schedule_of(
    connection: &Connection,
    number: i64,
    deck: &str,
    id: &str,
) -> Result<Option<Schedule>, StudyError> {
    let text: Option<Option<String>> = connection
        .prepare_cached("select schedule from cards where deck = ?1 and id = ?2")?
        .query_row(params![number, id], |row| row.get(0))
        .optional()?;
    let text = text.ok_or_else(|| no_card(deck, id))?;
    text.as_deref().map(rows::schedule).transpose()
}

fn expect_card(changed: usize, deck: &str, card: &str) -> Result<(), StudyError> {
    match changed {
        0 => Err(no_card(deck, card)),
        _ => Ok(()),
    }
}

fn no_card(deck: &str, card: &str) -> StudyError {
    StudyError::NoCard {
        deck: clean_line_max(deck, 80),
        card: clean_line_max(card, 40),
    }
}

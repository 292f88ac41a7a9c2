//! The log of grades, and undo.
//!
//! The log is the truth; a schedule is where the last grade of a card left it. Both are written in one transaction.

use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use std::collections::BTreeSet;

use rounds_support::sanitise::clean_line_max;

use super::decks::schedule_of;
use super::types::{Review, ReviewId, ReviewKind};
use super::{Store, number_of, rows};
use crate::card::CardId;
use crate::error::StudyError;
use crate::schedule::Schedule;

impl Store {
    /// Records a grade: the log and the schedule, or neither.
    ///
    /// Errors if the review contradicts itself, the deck lacks the card, or the card was graded or undone since `before`.
    pub fn record(&mut self, review: &Review) -> Result<ReviewId, StudyError> {
        check(review)?;
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let deck = number_of(&transaction, &review.deck)?;
        let stored = schedule_of(&transaction, deck, &review.deck, &review.card)?;
        let id = insert(&transaction, deck, review, false)?;
        if review.kind != ReviewKind::Cram {
            if !is_state(stored.as_ref(), &review.before) {
                return Err(changed(&review.card));
            }
            set_schedule(&transaction, deck, &review.card, &review.after)?;
        }
        transaction.commit()?;
        Ok(id)
    }

    /// Takes back the last grade of a deck and returns it; the card stands where it stood before. `None` if there is nothing
    /// to take back: every grade was undone, or the rest was imported.
    ///
    /// Errors if the card was changed since by an import.
    pub fn undo(&mut self, deck: &str) -> Result<Option<Review>, StudyError> {
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let number = number_of(&transaction, deck)?;
        let query = format!(
            "select {}, number from reviews where deck = ?1 and undone = 0 and imported = 0
             order by number desc limit 1",
            rows::REVIEW
        );
        let found = transaction
            .prepare_cached(&query)?
            .query_row([number], |row| {
                Ok((rows::review(row, deck), row.get::<_, i64>(8)?))
            })
            .optional()?;
        let Some((review, id)) = found else {
            return Ok(None);
        };
        let review = review?;
        if review.kind != ReviewKind::Cram {
            let stored = schedule_of(&transaction, number, deck, &review.card)?;
            if !is_state(stored.as_ref(), &review.after) {
                return Err(changed(&review.card));
            }
            set_schedule(&transaction, number, &review.card, &review.before)?;
        }
        transaction.execute("update reviews set undone = 1 where number = ?1", [id])?;
        transaction.commit()?;
        Ok(Some(review))
    }

    /// The grades of a deck that were not undone, by time.
    pub fn log(&self, deck: &str) -> Result<Vec<Review>, StudyError> {
        self.log_since(deck, i64::MIN)
    }

    /// The grades of a deck from a time on that were not undone, by time.
    pub fn log_since(&self, deck: &str, at: i64) -> Result<Vec<Review>, StudyError> {
        let query = format!(
            "select {} from reviews where deck = ?1 and at >= ?2 and undone = 0 order by at, number",
            rows::REVIEW
        );
        let mut statement = self.connection.prepare_cached(&query)?;
        let mut found = statement.query([self.number(deck)?, at])?;
        let mut log = Vec::new();
        while let Some(row) = found.next()? {
            log.push(rows::review(row, deck)?);
        }
        Ok(log)
    }

    /// Adds grades from elsewhere; returns how many were new. A grade of the same card at the same time is there already,
    /// and one of a card that the deck lacks is left out. A card whose last grade is among them stands where that left it.
    /// [`Store::undo`] does not take them back.
    pub fn import_history(&mut self, deck: &str, reviews: &[Review]) -> Result<usize, StudyError> {
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let number = number_of(&transaction, deck)?;
        let mut reviews: Vec<&Review> = reviews.iter().collect();
        reviews.sort_by_key(|review| review.at);
        let (mut added, mut touched) = (0, BTreeSet::new());
        for review in reviews {
            let query =
                "select exists (select 1 from cards where deck = ?1 and id = ?2) and not exists
                 (select 1 from reviews where deck = ?1 and card = ?2 and at = ?3 and undone = 0)";
            let is_new: bool = transaction
                .prepare_cached(query)?
                .query_row(params![number, review.card, review.at], |row| row.get(0))?;
            if is_new {
                insert(&transaction, number, review, true)?;
                touched.insert(review.card.as_str());
                added += 1;
            }
        }
        for card in touched {
            follow_log(&transaction, number, deck, card)?;
        }
        transaction.commit()?;
        Ok(added)
    }

    /// Sets where cards stand that were never graded here, as another program says without the grades that led there;
    /// returns how many. Cards that the deck lacks or that were graded are left as they are.
    pub fn import_schedules(
        &mut self,
        deck: &str,
        schedules: &[(CardId, Schedule)],
    ) -> Result<usize, StudyError> {
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let number = number_of(&transaction, deck)?;
        let mut set = 0;
        for (card, schedule) in schedules {
            match schedule_of(&transaction, number, deck, card) {
                Ok(None) if !schedule.is_new() => {
                    set_schedule(&transaction, number, card, schedule)?;
                    set += 1;
                }
                Ok(_) | Err(StudyError::NoCard { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        transaction.commit()?;
        Ok(set)
    }
}

/// Sets a card's schedule to where its last grade left it, if that is later than what it has.
fn follow_log(
    connection: &Connection,
    number: i64,
    deck: &str,
    card: &str,
) -> Result<(), StudyError> {
    let query = "select state_after, at from reviews
         where deck = ?1 and card = ?2 and undone = 0 and kind <> 'cram' order by at desc, number desc limit 1";
    let last: Option<(String, i64)> = connection
        .prepare_cached(query)?
        .query_row(params![number, card], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((after, at)) = last else {
        return Ok(());
    };
    let stored = schedule_of(connection, number, deck, card)?;
    let known = stored.and_then(|schedule| schedule.last_review);
    if known.is_none_or(|known| at > known) {
        set_schedule(connection, number, card, &rows::schedule(&after)?)?;
    }
    Ok(())
}

/// Errors if a review contradicts itself.
fn check(review: &Review) -> Result<(), StudyError> {
    let (before, after) = (&review.before, &review.after);
    let wrong = match review.kind {
        ReviewKind::Cram if after != before => "cramming changes no schedule",
        ReviewKind::Cram => return Ok(()),
        kind if kind != ReviewKind::of(before) => "it is of another kind than the card",
        _ if after.last_review != Some(review.at) => "its times differ",
        _ if after.reviews != before.reviews.saturating_add(1) => "it does not count",
        _ => return Ok(()),
    };
    Err(StudyError::Review(wrong))
}

fn insert(
    connection: &Connection,
    deck: i64,
    review: &Review,
    imported: bool,
) -> Result<ReviewId, StudyError> {
    connection
        .prepare_cached(
            "insert into reviews
               (deck, card, at, grade, took_ms, kind, state_before, state_after, typed, imported)
             values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        )?
        .execute(params![
            deck,
            review.card,
            review.at,
            review.grade as u8,
            review.took_ms,
            review.kind.name(),
            rows::json(&review.before)?,
            rows::json(&review.after)?,
            rows::typed(review.typed.as_deref()),
            imported,
        ])?;
    Ok(ReviewId(connection.last_insert_rowid()))
}

fn set_schedule(
    connection: &Connection,
    deck: i64,
    card: &str,
    schedule: &Schedule,
) -> Result<(), StudyError> {
    let text = match schedule.is_new() {
        true => None,
        false => Some(rows::json(schedule)?),
    };
    connection
        .prepare_cached(
            "update cards set schedule = ?3, phase = ?4, due = ?5 where deck = ?1 and id = ?2",
        )?
        .execute(params![
            deck,
            card,
            text,
            rows::phase_name(schedule.phase),
            schedule.due,
        ])?;
    Ok(())
}

/// Whether a stored schedule, `None` for a card never graded, is this state.
fn is_state(stored: Option<&Schedule>, state: &Schedule) -> bool {
    match stored {
        None => state.is_new(),
        Some(stored) => stored.is_same_state(state),
    }
}

fn changed(card: &str) -> StudyError {
    StudyError::Changed(clean_line_max(card, 40))
}

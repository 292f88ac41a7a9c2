//! The tables and the migrations between versions.
//!
//! Never change a released step; a new version adds a step at the end.

use rusqlite::{Connection, TransactionBehavior};
use std::collections::BTreeSet;

use crate::error::{StudyError, damaged};

/// Version 1. A schedule is JSON, null for a card never graded; `phase` and `due` repeat what lists ask of it. `position` is
/// the order of the deck; a card that is not `present` is there for its reviews. Reviews are only ever marked as undone.
const STEP_1: &str = "
create table decks (
  number integer primary key autoincrement, name text not null unique, index_name text, about text not null,
  settings text) strict;
create table cards (
  row integer primary key, deck integer not null references decks (number) on delete cascade, id text not null,
  position integer not null, present integer not null, suspended integer not null default 0, buried_until integer,
  phase text not null default 'new', due integer, schedule text, card text not null, unique (deck, id)) strict;
create table reviews (
  number integer primary key autoincrement, deck integer not null references decks (number) on delete cascade,
  card text not null, at integer not null, grade integer not null, took_ms integer not null, kind text not null,
  state_before text not null, state_after text not null, typed text, imported integer not null default 0,
  undone integer not null default 0) strict;
create index reviews_by_time on reviews (deck, at);
create index reviews_by_card on reviews (deck, card);
";

/// In order of version, starting with version 1.
const STEPS: [&str; 1] = [STEP_1];

/// The version this program writes.
pub(crate) const VERSION: i64 = STEPS.len() as i64;

/// Creates the tables of an empty database, or migrates an older one, in one transaction.
///
/// Errors if the database is newer than this program, or its tables do not match its version.
pub(crate) fn migrate(connection: &mut Connection) -> Result<(), StudyError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found: i64 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if found > VERSION {
        return Err(StudyError::Version {
            found,
            known: VERSION,
        });
    }
    let done = usize::try_from(found).map_err(|_| damaged("its version is negative"))?;
    if !schema_matches(&transaction, done)? {
        return Err(damaged("its tables do not match its version"));
    }
    for step in STEPS.iter().skip(done) {
        transaction.execute_batch(step)?;
    }
    if found < VERSION {
        transaction.pragma_update(None, "user_version", VERSION)?;
    }
    transaction.commit()?;
    Ok(())
}

/// Whether every object of this version exists exactly as written and there is no foreign trigger. Tables, indexes and
/// views that the user added are harmless and allowed.
fn schema_matches(connection: &Connection, version: usize) -> Result<bool, StudyError> {
    let reference = Connection::open_in_memory()?;
    for step in STEPS.iter().take(version) {
        reference.execute_batch(step)?;
    }
    let (ours, found) = (objects(&reference)?, objects(connection)?);
    if version == 0 {
        return Ok(found.is_empty());
    }
    let extras_are_harmless = found
        .difference(&ours)
        .all(|(kind, ..)| ["table", "index", "view"].contains(&kind.as_str()));
    Ok(ours.is_subset(&found) && extras_are_harmless)
}

type Object = (String, String, Option<String>);

fn objects(connection: &Connection) -> Result<BTreeSet<Object>, StudyError> {
    let mut statement = connection
        .prepare("select type, name, sql from sqlite_schema where name not glob 'sqlite_*'")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

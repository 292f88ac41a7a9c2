//! The database of a package, schema 11, opened from memory and only read.
//!
//! A database can hold views and computed columns that run for ever, so only plain tables are accepted.

use std::collections::HashMap;
use std::ops::ControlFlow;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row};
use serde_json::Value;

use rounds_support::Cancel;

use crate::exchange::error::{ExchangeError, at_most, damaged, unless_stopped};
use crate::exchange::limits::Limits;

use super::note_types::{self, NoteType};

/// The tables that are read.
const TABLES: [&str; 4] = ["col", "notes", "cards", "revlog"];
/// Where the header of a database says how it is written: 2 stands for a write-ahead log, which cannot be in memory.
const FORMAT_BYTES: [usize; 2] = [18, 19];

/// An open collection.
pub(super) struct Collection {
    connection: Connection,
    cancel: Cancel,
    /// When its first day began, in milliseconds since 1970 UTC.
    pub(super) created_ms: i64,
    pub(super) note_types: HashMap<i64, NoteType>,
    pub(super) decks: HashMap<i64, DeckRow>,
    /// Numbers of learning and relearning steps by options id.
    steps: HashMap<i64, (u8, u8)>,
}

/// A deck, as far as it is used.
pub(super) struct DeckRow {
    /// Full name, with `::` between levels; untrusted.
    pub(super) name: String,
    /// Description in HTML; untrusted.
    pub(super) about: String,
    options: i64,
}

/// A row of `notes`; untrusted.
pub(super) struct NoteRow {
    pub(super) guid: String,
    pub(super) note_type: i64,
    pub(super) tags: String,
    pub(super) fields: String,
}

/// A row of `cards`.
pub(super) struct CardRow {
    pub(super) id: i64,
    pub(super) note: i64,
    pub(super) deck: i64,
    pub(super) template: i64,
    pub(super) stage: i64,
    pub(super) queue: i64,
    pub(super) due: i64,
    /// Days between its reviews; seconds if negative.
    pub(super) interval: i64,
    pub(super) reviews: i64,
    pub(super) lapses: i64,
    pub(super) left: i64,
    /// Due date and deck before it went into a filtered deck; 0 otherwise.
    pub(super) original_due: i64,
    pub(super) original_deck: i64,
    /// JSON, with the state of FSRS.
    pub(super) data: String,
}

/// A row of `revlog`.
pub(super) struct ReviewRow {
    pub(super) at: i64,
    pub(super) card: i64,
    pub(super) grade: i64,
    pub(super) interval: i64,
    pub(super) previous: i64,
    pub(super) took_ms: i64,
    pub(super) kind: i64,
}

fn sql(error: rusqlite::Error) -> ExchangeError {
    damaged(format!("its database cannot be read ({error})"))
}

impl Collection {
    /// Opens the database in `bytes`.
    pub(super) fn open(mut bytes: Vec<u8>, cancel: &Cancel) -> Result<Self, ExchangeError> {
        if !bytes.starts_with(b"SQLite format 3\0") {
            return Err(damaged("its collection is not a SQLite database"));
        }
        for at in FORMAT_BYTES {
            if let Some(byte) = bytes.get_mut(at) {
                *byte = 1;
            }
        }
        let mut connection = Connection::open_in_memory().map_err(sql)?;
        let length = bytes.len();
        connection
            .deserialize_read_exact("main", bytes.as_slice(), length, true)
            .map_err(sql)?;
        drop(bytes);
        for (pragma, value) in [
            ("trusted_schema", false),
            ("query_only", true),
            ("cell_size_check", true),
            ("ignore_check_constraints", true),
        ] {
            connection.pragma_update(None, pragma, value).map_err(sql)?;
        }
        plain_tables_only(&connection)?;
        let check =
            connection.query_row("pragma quick_check(1)", [], |row| row.get::<_, String>(0));
        if check.map_err(sql)? != "ok" {
            return Err(damaged("its database is corrupt"));
        }
        let columns = "select ver, crt, models, decks, dconf from col limit 1";
        let (version, created, models, decks, options) = connection
            .query_row(columns, [], |row| {
                let text = |at| text_of(row, at);
                Ok((
                    row.get::<_, i64>(0)?,
                    row.get::<_, i64>(1)?,
                    text(2)?,
                    text(3)?,
                    text(4)?,
                ))
            })
            .map_err(sql)?;
        if version != 11 {
            return Err(damaged(format!(
                "its database has schema {version}, not 11"
            )));
        }
        Ok(Self {
            connection,
            cancel: cancel.clone(),
            created_ms: created.clamp(0, i64::MAX / 1000).saturating_mul(1000),
            note_types: note_types::parse(&json("models", models)?),
            decks: decks_of(&json("decks", decks)?),
            steps: steps_of(&json("dconf", options)?),
        })
    }

    /// All notes by their ids, and how many are not UTF-8.
    pub(super) fn notes(
        &self,
        limits: &Limits,
    ) -> Result<(HashMap<i64, NoteRow>, usize), ExchangeError> {
        let mut notes = HashMap::new();
        let mut broken = 0;
        let select = "select id, guid, mid, tags, flds from notes";
        self.each(select, "notes:", limits.cards, |row| {
            let texts = (text_of(row, 1)?, text_of(row, 3)?, text_of(row, 4)?);
            let (Some(guid), Some(tags), Some(fields)) = texts else {
                broken += 1;
                return Ok(ControlFlow::Continue(()));
            };
            let note_type = integer(row, 2)?;
            notes.insert(
                integer(row, 0)?,
                NoteRow {
                    guid,
                    note_type,
                    tags,
                    fields,
                },
            );
            Ok(ControlFlow::Continue(()))
        })?;
        Ok((notes, broken))
    }

    /// Passes each row of `cards` to `take`.
    pub(super) fn cards(
        &self,
        limits: &Limits,
        mut take: impl FnMut(CardRow) -> Result<(), ExchangeError>,
    ) -> Result<(), ExchangeError> {
        let mut failed = None;
        let select =
            "select id, nid, did, ord, type, queue, due, reps, lapses, \"left\", odue, odid, data, ivl
                      from cards order by id";
        self.each(select, "cards:", limits.cards, |row| {
            let card = CardRow {
                id: integer(row, 0)?,
                note: integer(row, 1)?,
                deck: integer(row, 2)?,
                template: integer(row, 3)?,
                stage: integer(row, 4)?,
                queue: integer(row, 5)?,
                due: integer(row, 6)?,
                interval: integer(row, 13)?,
                reviews: integer(row, 7)?,
                lapses: integer(row, 8)?,
                left: integer(row, 9)?,
                original_due: integer(row, 10)?,
                original_deck: integer(row, 11)?,
                data: text_of(row, 12)?.unwrap_or_default(),
            };
            Ok(match take(card) {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => {
                    failed = Some(error);
                    ControlFlow::Break(())
                }
            })
        })?;
        failed.map_or(Ok(()), Err)
    }

    /// Passes each row of `revlog` to `take`.
    pub(super) fn reviews(
        &self,
        limits: &Limits,
        mut take: impl FnMut(ReviewRow),
    ) -> Result<(), ExchangeError> {
        let select = "select id, cid, ease, ivl, lastIvl, time, type from revlog";
        self.each(select, "reviews:", limits.reviews, |row| {
            take(ReviewRow {
                at: integer(row, 0)?,
                card: integer(row, 1)?,
                grade: integer(row, 2)?,
                interval: integer(row, 3)?,
                previous: integer(row, 4)?,
                took_ms: integer(row, 5)?,
                kind: integer(row, 6)?,
            });
            Ok(ControlFlow::Continue(()))
        })
    }

    /// How many learning and relearning steps the deck has.
    pub(super) fn steps(&self, deck: i64) -> (u8, u8) {
        let options = self.decks.get(&deck).map_or(1, |deck| deck.options);
        self.steps.get(&options).copied().unwrap_or((2, 1))
    }

    fn each(
        &self,
        select: &str,
        what: &'static str,
        limit: usize,
        mut take: impl FnMut(&Row) -> rusqlite::Result<ControlFlow<()>>,
    ) -> Result<(), ExchangeError> {
        let mut statement = self.connection.prepare(select).map_err(sql)?;
        let mut rows = statement.query([]).map_err(sql)?;
        let mut count = 0;
        while let Some(row) = rows.next().map_err(sql)? {
            count += 1;
            unless_stopped(&self.cancel)?;
            at_most(what, count, limit)?;
            if take(row).map_err(sql)?.is_break() {
                break;
            }
        }
        Ok(())
    }
}

/// Errors unless the tables exist and are neither views nor virtual, without computed columns.
fn plain_tables_only(connection: &Connection) -> Result<(), ExchangeError> {
    for table in TABLES {
        let plain = "select count(*) from sqlite_master where name = ?1 and type = 'table' and rootpage > 0";
        let found: i64 = connection
            .query_row(plain, [table], |row| row.get(0))
            .map_err(sql)?;
        if found != 1 {
            return Err(damaged(format!("its database has no table {table}")));
        }
        let computed = "select count(*) from pragma_table_xinfo(?1) where hidden != 0";
        let found: i64 = connection
            .query_row(computed, [table], |row| row.get(0))
            .map_err(sql)?;
        if found != 0 {
            return Err(damaged(format!("its table {table} has computed columns")));
        }
    }
    Ok(())
}

/// Text of a column, also if it is stored as bytes; `None` if it is not UTF-8.
fn text_of(row: &Row, at: usize) -> rusqlite::Result<Option<String>> {
    Ok(match row.get_ref(at)? {
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => String::from_utf8(bytes.to_vec()).ok(),
        ValueRef::Integer(number) => Some(number.to_string()),
        ValueRef::Real(number) => Some(number.to_string()),
        ValueRef::Null => Some(String::new()),
    })
}

/// A whole number of a column. Old versions wrote some as fractions; anything else is 0.
fn integer(row: &Row, at: usize) -> rusqlite::Result<i64> {
    Ok(match row.get_ref(at)? {
        ValueRef::Integer(number) => number,
        ValueRef::Real(number) => number as i64,
        _ => 0,
    })
}

fn json(column: &str, text: Option<String>) -> Result<Value, ExchangeError> {
    let broken = || damaged(format!("its {column} are not JSON"));
    serde_json::from_str(&text.ok_or_else(broken)?).map_err(|_| broken())
}

/// The entries of a JSON object by their numbers.
fn numbered(json: &Value) -> impl Iterator<Item = (i64, &Value)> {
    let entries = json.as_object().into_iter().flatten();
    entries.filter_map(|(number, value)| Some((number.parse().ok()?, value)))
}

fn decks_of(json: &Value) -> HashMap<i64, DeckRow> {
    let text = |deck: &Value, key: &str| {
        deck.get(key)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let decks = numbered(json).map(|(id, deck)| {
        let row = DeckRow {
            name: text(deck, "name"),
            about: text(deck, "desc"),
            options: deck.get("conf").and_then(Value::as_i64).unwrap_or(1),
        };
        (id, row)
    });
    decks.collect()
}

fn steps_of(json: &Value) -> HashMap<i64, (u8, u8)> {
    let count = |options: &Value, key: &str| {
        let delays = options.get(key).and_then(|part| part.get("delays"));
        let count = delays.and_then(Value::as_array).map_or(0, Vec::len);
        u8::try_from(count).unwrap_or(u8::MAX)
    };
    numbered(json)
        .map(|(id, options)| (id, (count(options, "new"), count(options, "lapse"))))
        .collect()
}

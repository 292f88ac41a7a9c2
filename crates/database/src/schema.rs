//! The tables, and the migrations between versions.

use rusqlite::{Connection, TransactionBehavior};
use std::collections::BTreeSet;

use crate::error::DatabaseError;

/// What a database is called, and its tables.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    /// File name without extension: `sessions` for `sessions.sqlite3` and `sessions.lock`.
    pub name: &'static str,
    /// What it holds, for the notice that it was moved aside: `the saved sessions`.
    pub holds: &'static str,
    /// The SQL from one version to the next, starting with version 1. Never change a released step; add one at the end.
    pub steps: &'static [&'static str],
    /// The table of full-text search, if there is one. SQLite manages the tables behind it, whose SQL depends on its version; a
    /// damaged one is rebuilt.
    pub words: Option<&'static str>,
}

impl Layout {
    /// The version that this program writes.
    pub const fn version(&self) -> i64 {
        self.steps.len() as i64
    }

    /// Creates the tables of an empty database, or migrates an older one, in one transaction.
    ///
    /// Errors if the database is newer than this program, or its tables do not match its version.
    pub(crate) fn migrate(&self, connection: &mut Connection) -> Result<(), DatabaseError> {
        let known = self.version();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let found: i64 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
        if found > known {
            return Err(DatabaseError::Version { found, known });
        }
        let done = usize::try_from(found)
            .map_err(|_| DatabaseError::damaged("its version is negative"))?;
        if !self.matches(&transaction, done)? {
            return Err(DatabaseError::damaged(
                "its tables do not match its version",
            ));
        }
        for step in self.steps.iter().skip(done) {
            transaction.execute_batch(step)?;
        }
        if found < known {
            transaction.pragma_update(None, "user_version", known)?;
        }
        transaction.commit()?;
        Ok(())
    }

    /// Whether every object of this version exists exactly as written and there is no foreign trigger. Tables, indexes and
    /// views that the user added are harmless and allowed.
    fn matches(&self, connection: &Connection, version: usize) -> Result<bool, DatabaseError> {
        let reference = Connection::open_in_memory()?;
        for step in self.steps.iter().take(version) {
            reference.execute_batch(step)?;
        }
        let (ours, found) = (self.objects(&reference)?, self.objects(connection)?);
        if version == 0 {
            return Ok(found.is_empty());
        }
        let extras_are_harmless = found
            .difference(&ours)
            .all(|(kind, ..)| ["table", "index", "view"].contains(&kind.as_str()));
        Ok(ours.is_subset(&found) && extras_are_harmless)
    }

    fn objects(&self, connection: &Connection) -> Result<BTreeSet<Object>, DatabaseError> {
        let mut statement = connection
            .prepare("select type, name, sql from sqlite_schema where name not glob 'sqlite_*'")?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        let mut objects: BTreeSet<Object> = rows.collect::<Result<_, _>>()?;
        if let Some(words) = self.words {
            let managed = format!("{words}_");
            objects.retain(|(_, name, _)| !name.starts_with(&managed));
        }
        Ok(objects)
    }
}

/// Type, name and SQL.
type Object = (String, String, Option<String>);

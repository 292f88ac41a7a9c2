//! Renames, deletes and purges sessions, and removes images that no session uses any more.
//!
//! An image file is removed only inside a write transaction in which no turn refers to it. Other processes check their
//! images inside a transaction too, so neither can remove a file the other needs.

use rusqlite::{TransactionBehavior, params};
use std::collections::BTreeSet;
use std::time::Duration;

use crate::clock;
use crate::error::SessionError;
use crate::id::SessionId;
use crate::record::cleaned_title;
use crate::sessions::Sessions;

/// What was removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Removed {
    /// Number of sessions.
    pub sessions: usize,
    /// Number of different images.
    pub images: usize,
    /// Bytes of those images.
    pub image_bytes: u64,
}

impl Sessions {
    /// Renames a session.
    pub fn rename(&mut self, id: &SessionId, title: &str) -> Result<(), SessionError> {
        let changed = self.connection.execute(
            "update sessions set title = ?2 where id = ?1",
            params![id.as_str(), cleaned_title(title)],
        )?;
        expect_found(changed, id)
    }

    /// Deletes a session, its turns, and the images that no other session uses. The text is overwritten in the file.
    pub fn delete(&mut self, id: &SessionId) -> Result<Removed, SessionError> {
        let removed = self
            .connection
            .execute("delete from sessions where id = ?1", [id.as_str()])?;
        expect_found(removed, id)?;
        self.remove_unused_images(removed)
    }

    /// Deletes every session last used more than `age` ago, as [`Sessions::delete`] does, except those in which another
    /// process is answering.
    pub fn purge_older_than(&mut self, age: Duration) -> Result<Removed, SessionError> {
        let age = i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
        let removed = self.connection.execute(
            "delete from sessions where used < ?1
             and not exists (select 1 from turns where turns.session = sessions.number and state = 'asked')",
            [clock::now().saturating_sub(age)],
        )?;
        self.remove_unused_images(removed)
    }

    fn remove_unused_images(&mut self, sessions: usize) -> Result<Removed, SessionError> {
        let mut removed = Removed {
            sessions,
            ..Removed::default()
        };
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let unused = "select sha256, bytes from images where not exists
             (select 1 from pictured where pictured.sha256 = images.sha256)";
        let unused: Vec<(String, i64)> = transaction
            .prepare(unused)?
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<Result<_, _>>()?;
        for (sha256, bytes) in unused {
            self.images.remove(&sha256)?;
            transaction.execute("delete from images where sha256 = ?1", [&sha256])?;
            removed.images += 1;
            removed.image_bytes = removed.image_bytes.saturating_add(bytes.unsigned_abs());
        }
        // Files left by a turn that was never committed.
        let kept: BTreeSet<String> = transaction
            .prepare("select sha256 from images")?
            .query_map([], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        for stray in self
            .images
            .names()?
            .iter()
            .filter(|name| !kept.contains(*name))
        {
            self.images.remove(stray)?;
        }
        transaction.commit()?;
        rounds_database::shrink(&self.connection);
        Ok(removed)
    }
}

fn expect_found(changed: usize, id: &SessionId) -> Result<(), SessionError> {
    if changed == 0 {
        return Err(SessionError::Unknown(id.to_string()));
    }
    Ok(())
}

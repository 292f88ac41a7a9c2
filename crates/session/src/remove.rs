//! Renaming, deleting and purging; and letting go of pictures that no session uses any more.
//!
//! A picture's file goes only inside a write transaction that has seen that no turn refers to it: another process makes sure of
//! its pictures inside one too, so neither can pull a file from under the other.

use rusqlite::{TransactionBehavior, params};
use std::collections::BTreeSet;
use std::time::Duration;

use super::error::SessionError;
use super::id::SessionId;
use super::record::cleaned_title;
use super::{Sessions, clock};

/// What is gone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Removed {
    pub sessions: usize,
    /// Different pictures.
    pub images: usize,
    pub image_bytes: u64,
}

impl Sessions {
    /// Gives a session another title.
    pub fn rename(&mut self, id: &SessionId, title: &str) -> Result<(), SessionError> {
        let changed = self.connection.execute(
            "update sessions set title = ?2 where id = ?1",
            params![id.as_str(), cleaned_title(title)],
        )?;
        known(changed, id)
    }

    /// Deletes a session, its turns, and the pictures that no other session uses. The text is overwritten in the file.
    pub fn delete(&mut self, id: &SessionId) -> Result<Removed, SessionError> {
        let removed = self
            .connection
            .execute("delete from sessions where id = ?1", [id.as_str()])?;
        known(removed, id)?;
        self.let_go(removed)
    }

    /// Deletes every session that was used last more than `age` ago, as [`Sessions::delete`]. One that another process is
    /// answering in stays.
    pub fn purge_older_than(&mut self, age: Duration) -> Result<Removed, SessionError> {
        let age = i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
        let removed = self.connection.execute(
            "delete from sessions where used < ?1
             and not exists (select 1 from turns where turns.session = sessions.number and state = 'asked')",
            [clock::now().saturating_sub(age)],
        )?;
        self.let_go(removed)
    }

    fn let_go(&mut self, sessions: usize) -> Result<Removed, SessionError> {
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
        // Files of a turn that was never written to its end.
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
        self.shrink();
        Ok(removed)
    }

    /// Gives room back to the system and takes deleted text out of the journal. What a reader elsewhere holds up is done the
    /// next time, so failing here is no error.
    fn shrink(&self) {
        for pragma in [
            "pragma incremental_vacuum",
            "pragma wal_checkpoint(truncate)",
        ] {
            let stepped = self.connection.prepare(pragma).and_then(|mut statement| {
                let mut rows = statement.query([])?;
                while rows.next()?.is_some() {}
                Ok(())
            });
            if let Err(error) = stepped {
                tracing::debug!(%error, pragma, "the session store was not shrunk");
            }
        }
    }
}

fn known(changed: usize, id: &SessionId) -> Result<(), SessionError> {
    if changed == 0 {
        return Err(SessionError::Unknown(id.to_string()));
    }
    Ok(())
}

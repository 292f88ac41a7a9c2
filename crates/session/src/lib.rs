//! Saved sessions: each question with its images and shots, the answer, and everything needed to repeat it.
//!
//! Everything is saved as it happens, in one private SQLite database and one folder of images, so that neither a kill nor a
//! moved file loses a session. The store has its own plain types and knows no model and no index. Never delete or
//! overwrite data that cannot be read: move it aside and tell the user.

#![warn(missing_docs, unreachable_pub)]

mod branches;
mod clock;
mod error;
pub mod export;
mod find;
mod id;
mod images;
mod liveness;
mod open;
mod provenance_diff;
mod read;
mod record;
mod remove;
mod replay;
mod schema;
mod search;
mod turns;
mod types;

use rusqlite::Connection;

use rounds_support::Paths;

pub use branches::Branch;
pub use clock::{readable as readable_time, rfc3339};
pub use error::SessionError;
pub use export::Format;
pub use id::{SessionId, TurnAddress, TurnId};
pub use images::{MAX_IMAGES, MAX_THUMBNAIL_BYTES};
pub use read::Stats;
pub use record::{MAX_SHOTS, MAX_TEXT, MAX_TITLE};
pub use remove::Removed;
pub use replay::{Change, Difference, Verdict, compare};
pub use search::{Hit, Snippet};
pub use types::{
    NewImage, NewShot, NewTurn, Session, Sources, StoredAnswer, StoredImage, StoredShot, Summary,
    Turn, TurnEnd, TurnState,
};

/// The saved sessions of one user. Each thread opens its own; several processes may have the store open.
pub struct Sessions {
    connection: Connection,
    images: images::Images,
    writer: liveness::Writer,
    notice: Option<String>,
}

impl Sessions {
    /// Opens the store in the data directory, creating it if needed. Turns whose process is gone become `Interrupted`; a
    /// damaged store is moved aside and [`Sessions::notice`] says so.
    ///
    /// Errors if the folder cannot be used, another process locks the store for 10 seconds, or a newer version wrote it.
    pub fn open(paths: &Paths) -> Result<Self, SessionError> {
        let folder = &paths.data_dir;
        let lock = open::OpenLock::acquire(folder)?;
        let (connection, notice) = open::open(folder, &lock)?;
        liveness::sweep(&connection, folder, &lock)?;
        Ok(Self {
            connection,
            images: images::Images::below(folder),
            writer: liveness::Writer::new(Some(folder)),
            notice,
        })
    }

    /// A store in memory: for tests, and for users who want nothing saved.
    pub fn open_in_memory() -> Result<Self, SessionError> {
        Ok(Self {
            connection: open::open_in_memory()?,
            images: images::Images::Memory(Default::default()),
            writer: liveness::Writer::new(None),
            notice: None,
        })
    }

    /// A message about the opening to show the user once.
    pub fn notice(&self) -> Option<&str> {
        self.notice.as_deref()
    }
}

#[cfg(test)]
mod tests;

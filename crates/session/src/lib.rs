//! Sessions that last: what was asked, with which pictures and shots, what was answered, and what it takes to repeat it.
//!
//! Everything is saved as it happens, in one private SQLite database and one folder of pictures, so that neither a kill nor a
//! moved file loses a session. The store has plain types of its own and knows no model and no index. Never delete or
//! overwrite what cannot be read: it is moved aside and the user is told.

mod branches;
mod clock;
mod error;
pub mod export;
mod find;
mod id;
mod images;
mod ingredients;
mod open;
mod read;
mod record;
mod remove;
mod replay;
mod schema;
mod search;
mod turns;
mod types;
mod writers;

use rusqlite::Connection;

use rounds_support::Paths;

pub use branches::Branch;
pub use clock::{rfc3339, words as moment_in_words};
pub use error::SessionError;
pub use export::Format;
pub use id::{SessionId, TurnAddress, TurnId};
pub use images::{LONGEST_THUMBNAIL, MOST_IMAGES};
pub use read::Stats;
pub use record::{LONGEST_TEXT, LONGEST_TITLE, MOST_SHOTS};
pub use remove::Removed;
pub use replay::{Change, Difference, Verdict, compare};
pub use search::{Hit, Snippet};
pub use types::{
    NewImage, NewShot, NewTurn, Session, Sources, StoredAnswer, StoredImage, StoredShot, Summary,
    Turn, TurnEnd, TurnState,
};

/// The kept sessions of one user. One for each thread that needs it; several processes may have it open.
pub struct Sessions {
    connection: Connection,
    images: images::Images,
    writer: writers::Writer,
    notice: Option<String>,
}

impl Sessions {
    /// Opens the store in the data directory, and makes it where there is none. Turns whose process is gone become
    /// `Interrupted`; a damaged store is moved aside and [`Sessions::notice`] says so.
    ///
    /// Errors where the folder cannot be used, another process holds the store for 10 seconds, or a newer program wrote it.
    pub fn open(paths: &Paths) -> Result<Self, SessionError> {
        let folder = &paths.data_dir;
        let gate = open::Gate::enter(folder)?;
        let (connection, notice) = open::open(folder, &gate)?;
        writers::sweep(&connection, folder, &gate)?;
        Ok(Self {
            connection,
            images: images::Images::below(folder),
            writer: writers::Writer::new(Some(folder)),
            notice,
        })
    }

    /// A store that forgets at the end: for tests, and for those who want nothing kept.
    pub fn open_in_memory() -> Result<Self, SessionError> {
        Ok(Self {
            connection: open::open_in_memory()?,
            images: images::Images::Memory(Default::default()),
            writer: writers::Writer::new(None),
            notice: None,
        })
    }

    /// What the user must know of the opening; say it once.
    pub fn notice(&self) -> Option<&str> {
        self.notice.as_deref()
    }
}

#[cfg(test)]
mod tests;

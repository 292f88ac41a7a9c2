//! The store of decks and reviews: one private SQLite database and a folder of images.
//!
//! Every grade is one transaction that writes the log and the schedule, so a kill at any moment loses nothing and leaves no
//! contradiction. Text is cleaned when it is saved and again when it is read. Never delete or overwrite data that cannot be
//! read: move it aside and tell the learner.

mod decks;
mod media;
mod reviews;
mod rows;
mod schema;
mod types;

use rusqlite::{Connection, OptionalExtension};
use std::path::Path;

use rounds_database::OpenLock;
use rounds_support::sanitise::{clean_line, clean_line_max};

use crate::card::CardImage;
use crate::error::StudyError;
use crate::settings::Settings;
use media::Media;

use schema::LAYOUT;
#[cfg(test)]
pub(crate) use schema::VERSION;
pub use types::{DeckChange, DeckInfo, DeckSummary, Review, ReviewId, ReviewKind, Standing};

/// Most cards of a deck.
pub const MAX_CARDS: usize = 200_000;
/// Longest name of a deck in characters.
const MAX_NAME: usize = 80;

/// The decks and reviews of one user. Each thread opens its own; several processes may have the store open.
pub struct Store {
    connection: Connection,
    media: Media,
    notice: Option<String>,
}

impl Store {
    /// Opens the store in `folder`, creating both if needed. A damaged store is moved aside and [`Store::notice`] says so.
    ///
    /// Errors if the folder cannot be used, another process locks the store for 10 seconds, or a newer version wrote it.
    pub fn open(folder: &Path) -> Result<Self, StudyError> {
        let lock = OpenLock::acquire(&LAYOUT, folder)?;
        let (connection, notice) = rounds_database::open(&LAYOUT, folder, &lock)?;
        Ok(Self {
            connection,
            media: Media::below(folder),
            notice,
        })
    }

    /// A store in memory, for learners who want nothing saved.
    pub fn in_memory() -> Result<Self, StudyError> {
        Ok(Self {
            connection: rounds_database::open_in_memory(&LAYOUT)?,
            media: Media::Memory(Default::default()),
            notice: None,
        })
    }

    /// A message about the opening to show the learner once.
    pub fn notice(&self) -> Option<&str> {
        self.notice.as_deref()
    }

    /// The settings of a deck; the defaults if none were ever set.
    pub fn settings(&self, deck: &str) -> Result<Settings, StudyError> {
        let number = self.number(deck)?;
        let query = "select settings from decks where number = ?1";
        let text: Option<String> = self
            .connection
            .query_row(query, [number], |row| row.get(0))?;
        Ok(rows::settings(text.as_deref()))
    }

    /// Sets the settings of a deck. Errors if they are invalid.
    pub fn set_settings(&mut self, deck: &str, settings: &Settings) -> Result<(), StudyError> {
        let settings = settings.clone().validated()?;
        let number = self.number(deck)?;
        self.connection.execute(
            "update decks set settings = ?1 where number = ?2",
            (rows::json(&settings)?, number),
        )?;
        Ok(())
    }

    /// Keeps an image of an imported card. Errors if it is larger than the decoder accepts, or the extension is not 1 to 5
    /// plain letters and digits.
    pub fn put_media(&mut self, bytes: &[u8], extension: &str) -> Result<CardImage, StudyError> {
        self.media.put(bytes, extension)
    }

    /// Whether an image is kept, intact or not.
    pub fn has_media(&self, image: &CardImage) -> bool {
        self.media.has(image)
    }

    /// The bytes of an image of an imported card. Errors if it is missing or does not match its hash.
    pub fn media(&self, image: &CardImage) -> Result<Vec<u8>, StudyError> {
        self.media.get(image)
    }

    #[cfg(test)]
    pub(crate) fn connection_for_tests(&self) -> &Connection {
        &self.connection
    }

    /// The number of a deck.
    fn number(&self, deck: &str) -> Result<i64, StudyError> {
        number_of(&self.connection, deck)
    }
}

/// The number of the deck of this name.
fn number_of(connection: &Connection, deck: &str) -> Result<i64, StudyError> {
    let number = connection
        .prepare_cached("select number from decks where name = ?1")?
        .query_row([deck], |row| row.get(0))
        .optional()?;
    number.ok_or_else(|| StudyError::NoDeck(clean_line_max(deck, MAX_NAME)))
}

/// Errors unless a deck can have this name.
fn check_name(name: &str) -> Result<(), StudyError> {
    let is_clean = clean_line(name) == name && name.trim() == name;
    if !is_clean || !(1..=MAX_NAME).contains(&name.chars().count()) {
        return Err(StudyError::DeckName(clean_line_max(name, MAX_NAME)));
    }
    Ok(())
}

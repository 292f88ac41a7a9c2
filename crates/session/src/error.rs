//! Errors of the session store, with hints.

use rounds_database::DatabaseError;
use rounds_support::{FailureKind, FileError, Hint, sanitise};

/// An error of the session store.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// A file operation failed.
    #[error(transparent)]
    File(#[from] FileError),
    /// The database file is broken.
    #[error("the session store is damaged: {0}")]
    Damaged(String),
    /// A single image or record is damaged; the rest of the store is fine.
    #[error("part of a session cannot be read: {0}")]
    Unreadable(String),
    /// Written by a newer version of the program.
    #[error("the session store has version {found}; this program reads versions up to {known}")]
    Version {
        /// Version of the file.
        found: i64,
        /// Newest version this program reads.
        known: i64,
    },
    /// Another process has the store locked.
    #[error("another process has locked the session store")]
    Busy,
    /// No session has this id, number or title.
    #[error("no such session: {0}")]
    Unknown(String),
    /// The session exists, but not the turn.
    #[error("session {session} has no turn {turn}")]
    UnknownTurn {
        /// Id of the session.
        session: String,
        /// Number of the turn.
        turn: u32,
    },
    /// More than one session matches.
    #[error("{text} matches several sessions: {}", .candidates.join(", "))]
    Ambiguous {
        /// What was looked for.
        text: String,
        /// Ids of the first few matches.
        candidates: Vec<String>,
    },
    /// Not of the form `SESSION#TURN`.
    #[error("{0} does not name a turn")]
    Address(String),
    /// A saved answer is never overwritten.
    #[error("turn {0} has already ended")]
    Ended(String),
    /// Over a limit of the store.
    #[error("too many {what}: {found}; the limit is {limit}")]
    TooMuch {
        /// What was counted, with its unit.
        what: &'static str,
        /// The number found.
        found: usize,
        /// The largest number accepted.
        limit: usize,
    },
    /// Any other SQLite error.
    #[error("the session store cannot be used: {}", sanitise::clean_line(&.0.to_string()))]
    Database(rusqlite::Error),
}

/// The error for a single damaged image or record.
pub(crate) fn unreadable(what: impl ToString) -> SessionError {
    SessionError::Unreadable(sanitise::clean_line_max(&what.to_string(), 300))
}

/// Errors if `found` is greater than `limit`.
pub(crate) fn at_most(what: &'static str, found: usize, limit: usize) -> Result<(), SessionError> {
    if found > limit {
        return Err(SessionError::TooMuch { what, found, limit });
    }
    Ok(())
}

impl From<DatabaseError> for SessionError {
    fn from(error: DatabaseError) -> Self {
        match error {
            DatabaseError::File(error) => Self::File(error),
            DatabaseError::Damaged(what) => Self::Damaged(what),
            DatabaseError::Unreadable(what) => Self::Unreadable(what),
            DatabaseError::Version { found, known } => Self::Version { found, known },
            DatabaseError::Busy => Self::Busy,
            DatabaseError::Sqlite(error) => Self::Database(error),
        }
    }
}

impl From<rusqlite::Error> for SessionError {
    fn from(error: rusqlite::Error) -> Self {
        DatabaseError::from(error).into()
    }
}

impl Hint for SessionError {
    fn hint(&self) -> Option<String> {
        let text = match self {
            Self::File(error) => return error.hint(),
            Self::Damaged(_) => {
                "start the program again: it moves the damaged store aside (nothing is deleted) and creates a new one"
            }
            Self::Unreadable(_) => "other sessions are not affected",
            Self::Version { .. } => "update the program, or choose another folder with ROUNDS_HOME",
            Self::Busy => {
                "wait a moment and try again; if that does not help, close other windows of the program"
            }
            Self::Unknown(_) | Self::UnknownTurn { .. } => {
                "list your sessions with `rounds session list`"
            }
            Self::Ambiguous { .. } => "type more of the session id",
            Self::Address(_) => "write it as SESSION#TURN, for example k7m2#3",
            Self::TooMuch { .. } => "shorten the text, or attach fewer images",
            Self::Database(error) => return rounds_database::hint_of(error).map(str::to_owned),
            Self::Ended(_) => return None,
        };
        Some(text.to_owned())
    }

    fn kind(&self) -> FailureKind {
        match self {
            Self::Unknown(_)
            | Self::UnknownTurn { .. }
            | Self::Ambiguous { .. }
            | Self::Address(_) => FailureKind::Usage,
            _ => FailureKind::Io,
        }
    }
}

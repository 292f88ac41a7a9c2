//! What can go wrong with kept sessions, and what to do about it.

use rounds_support::{FileError, Hint, sanitise};

/// What can go wrong with kept sessions.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// A file next to the database.
    #[error(transparent)]
    File(#[from] FileError),
    /// The database file is broken.
    #[error("the session store is damaged: {0}")]
    Damaged(String),
    /// A single picture or record that is not what was written; the rest is sound.
    #[error("part of a session cannot be read: {0}")]
    Unreadable(String),
    /// Written by a newer program.
    #[error("the session store is of version {found}, this program knows versions up to {known}")]
    Version {
        /// Version of the file.
        found: i64,
        /// Newest version that is read.
        known: i64,
    },
    /// Another process is opening or changing it.
    #[error("another process keeps the session store locked")]
    Busy,
    /// Nothing has this id, number or title.
    #[error("no session {0}")]
    Unknown(String),
    /// The session is there, the turn is not.
    #[error("no turn {turn} in session {session}")]
    UnknownTurn {
        /// Id of the session.
        session: String,
        /// Number of the turn.
        turn: u32,
    },
    /// More than one session fits.
    #[error("{text} fits several sessions: {}", .candidates.join(", "))]
    Ambiguous {
        /// What was looked for.
        text: String,
        /// Ids of the first few that fit.
        candidates: Vec<String>,
    },
    /// Not of the form `SESSION#TURN`.
    #[error("{0} does not name a turn")]
    Address(String),
    /// An answer that is kept is never overwritten.
    #[error("turn {0} has ended already")]
    Ended(String),
    /// Past a limit of the store.
    #[error("{what}: {found}, at most {limit} are kept")]
    TooMuch {
        /// What there is too much of, with its unit.
        what: &'static str,
        /// How much there is.
        found: usize,
        /// How much is taken.
        limit: usize,
    },
    /// The database in SQLite's words.
    #[error("the session store could not be used: {}", sanitise::clean_line(&.0.to_string()))]
    Database(rusqlite::Error),
}

/// A database that is not as it was written.
pub(super) fn damaged(what: impl ToString) -> SessionError {
    SessionError::Damaged(sanitise::clean_line_max(&what.to_string(), 300))
}

/// A single stored thing that is not as it was written.
pub(super) fn unreadable(what: impl ToString) -> SessionError {
    SessionError::Unreadable(sanitise::clean_line_max(&what.to_string(), 300))
}

/// Errors where `found` is past `limit`.
pub(super) fn at_most(what: &'static str, found: usize, limit: usize) -> Result<(), SessionError> {
    if found > limit {
        return Err(SessionError::TooMuch { what, found, limit });
    }
    Ok(())
}

impl From<rusqlite::Error> for SessionError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode;
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => damaged(error),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy,
            _ if matches!(
                error,
                rusqlite::Error::FromSqlConversionFailure(..)
                    | rusqlite::Error::IntegralValueOutOfRange(..)
                    | rusqlite::Error::InvalidColumnType(..)
                    | rusqlite::Error::Utf8Error(..)
            ) =>
            {
                unreadable(error)
            }
            _ => Self::Database(error),
        }
    }
}

impl Hint for SessionError {
    fn hint(&self) -> Option<String> {
        use rusqlite::ErrorCode;
        let text = match self {
            Self::File(error) => return error.hint(),
            Self::Damaged(_) => {
                "start the program again: a damaged store is moved aside, never deleted, and a new one begun"
            }
            Self::Unreadable(_) => "the other sessions are not touched by this",
            Self::Version { .. } => "update the program, or choose another folder with ROUNDS_HOME",
            Self::Busy => {
                "wait a moment and try again; close other windows of the program if it stays"
            }
            Self::Unknown(_) | Self::UnknownTurn { .. } => {
                "see what there is with `rounds session list`"
            }
            Self::Ambiguous { .. } => "type more of the id",
            Self::Address(_) => "write it as SESSION#TURN, for example k7m2#3",
            Self::TooMuch { .. } => "shorten it, or attach less",
            Self::Database(error) => match error.sqlite_error_code() {
                Some(ErrorCode::DiskFull) => {
                    "free some space, or choose another folder with ROUNDS_HOME"
                }
                Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
                    "check who owns the data folder and its permissions"
                }
                _ => return None,
            },
            Self::Ended(_) => return None,
        };
        Some(text.to_owned())
    }
}

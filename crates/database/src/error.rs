//! What can go wrong with a database, whatever is in it.

use rounds_support::{FileError, sanitise};

/// Longest message of SQLite that is passed on, in characters.
const MAX_MESSAGE: usize = 300;

/// An error of a database.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// A file operation failed.
    #[error(transparent)]
    File(#[from] FileError),
    /// The file is broken.
    #[error("the database is damaged: {0}")]
    Damaged(String),
    /// A value does not have the type that it should have; the rest is fine.
    #[error("part of the database cannot be read: {0}")]
    Unreadable(String),
    /// Written by a newer version of the program.
    #[error("the database has version {found}; this program reads versions up to {known}")]
    Version {
        /// Version of the file.
        found: i64,
        /// Newest version this program reads.
        known: i64,
    },
    /// Another process has it locked.
    #[error("another process has locked the database")]
    Busy,
    /// Any other SQLite error.
    #[error("the database cannot be used: {}", sanitise::clean_line(&.0.to_string()))]
    Sqlite(rusqlite::Error),
}

impl DatabaseError {
    pub(crate) fn damaged(what: impl ToString) -> Self {
        Self::Damaged(sanitise::clean_line_max(&what.to_string(), MAX_MESSAGE))
    }
}

impl From<rusqlite::Error> for DatabaseError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::{Error, ErrorCode};
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::damaged(error),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy,
            _ if matches!(
                error,
                Error::FromSqlConversionFailure(..)
                    | Error::IntegralValueOutOfRange(..)
                    | Error::InvalidColumnType(..)
                    | Error::Utf8Error(..)
            ) =>
            {
                Self::Unreadable(sanitise::clean_line_max(&error.to_string(), MAX_MESSAGE))
            }
            _ => Self::Sqlite(error),
        }
    }
}

/// What to do about an error of SQLite; `None` if nothing is known.
pub fn hint_of(error: &rusqlite::Error) -> Option<&'static str> {
    use rusqlite::ErrorCode;
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => {
            Some("free some space, or choose another folder with ROUNDS_HOME")
        }
        Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
            Some("check the owner and the permissions of the data folder")
        }
        _ => None,
    }
}

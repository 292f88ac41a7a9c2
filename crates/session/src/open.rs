//! Opening the database without trust, one process at a time.
//!
//! What is damaged is moved aside under a name that says so, together with its journal, and never deleted. A lock that is
//! held, a missing permission or a newer version is no damage: those are errors, and nothing is moved for them.

use rusqlite::Connection;
use rusqlite::config::DbConfig;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::error::{SessionError, damaged};
use super::{clock, schema};
use rounds_support::errors::shown;
use rounds_support::{FileError, files};

/// File name in the data directory.
pub const DATABASE: &str = "sessions.sqlite3";
/// Held while a process opens the database.
const GATE: &str = "sessions.lock";
/// How long another process may take before we say that it is busy.
const PATIENCE: Duration = Duration::from_secs(10);

/// Lets one process at a time open, migrate or move the database. Opens when it is dropped.
pub struct Gate(#[expect(dead_code, reason = "the lock lives as long as the file is open")] File);

impl Gate {
    /// Waits until no other process is inside; not for ever.
    pub fn enter(folder: &Path) -> Result<Self, SessionError> {
        files::create_private_dir(folder)?;
        let path = folder.join(GATE);
        let file = private_file(&path)?;
        let since = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self(file)),
                Err(TryLockError::WouldBlock) if since.elapsed() < PATIENCE => {
                    std::thread::sleep(Duration::from_millis(10));
                }
                Err(TryLockError::WouldBlock) => return Err(SessionError::Busy),
                // A file system without locks: SQLite's own have to do.
                Err(TryLockError::Error(error))
                    if error.kind() == std::io::ErrorKind::Unsupported =>
                {
                    return Ok(Self(file));
                }
                Err(TryLockError::Error(error)) => {
                    return Err(FileError::from_io(&path, "lock", &error).into());
                }
            }
        }
    }
}

/// The file at `path`, made for this user only, its content left as it is.
pub fn private_file(path: &Path) -> Result<File, SessionError> {
    let file = files::open_private(path)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let failed = |error: std::io::Error| FileError::from_io(path, "open", &error);
        let mode = file.metadata().map_err(failed)?.permissions().mode();
        if mode & 0o077 != 0 {
            file.set_permissions(fs::Permissions::from_mode(0o600))
                .map_err(failed)?;
        }
    }
    Ok(file)
}

/// The database in `folder`, and what the user must know if an old one had to be moved aside. The gate must be held.
pub fn open(folder: &Path, _gate: &Gate) -> Result<(Connection, Option<String>), SessionError> {
    let path = folder.join(DATABASE);
    let reason = match attempt(&path) {
        Err(SessionError::Damaged(reason)) => reason,
        other => return Ok((other?, None)),
    };
    let aside = move_aside(&path)?;
    let connection = attempt(&path)?;
    let notice = format!(
        "the sessions could not be read ({reason}); they were moved to {} and a new store was begun",
        shown(&aside)
    );
    Ok((connection, Some(notice)))
}

/// A database in memory with the same tables.
pub fn open_in_memory() -> Result<Connection, SessionError> {
    let mut connection = Connection::open_in_memory()?;
    prepare(&connection)?;
    schema::migrate(&mut connection)?;
    Ok(connection)
}

fn attempt(path: &Path) -> Result<Connection, SessionError> {
    drop(private_file(path)?);
    let mut connection = Connection::open(path)?;
    prepare(&connection)?;
    // Takes effect in an empty file only, before its first table.
    connection.pragma_update(None, "auto_vacuum", "incremental")?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    schema::migrate(&mut connection)?;
    check(&connection)?;
    Ok(connection)
}

fn prepare(connection: &Connection) -> Result<(), SessionError> {
    connection.busy_timeout(PATIENCE)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "synchronous", "full")?;
    // What is deleted here was private: zeros take its place.
    connection.pragma_update(None, "secure_delete", true)?;
    Ok(())
}

/// Errors where pages or rows are broken. The words of the search can be made again, so they are.
fn check(connection: &Connection) -> Result<(), SessionError> {
    let mut found = first_fault(connection)?;
    if found.to_ascii_lowercase().contains("fts5") {
        connection.execute("insert into words (words) values ('rebuild')", [])?;
        found = first_fault(connection)?;
    }
    if found != "ok" {
        return Err(damaged(found));
    }
    Ok(())
}

/// In SQLite's words; `ok` where there is none.
fn first_fault(connection: &Connection) -> Result<String, SessionError> {
    let found = connection.query_row("pragma quick_check(1)", [], |row| row.get(0));
    match found.map_err(SessionError::from) {
        Err(SessionError::Damaged(fault)) => Ok(fault),
        other => other,
    }
}

fn move_aside(path: &Path) -> Result<PathBuf, SessionError> {
    let stamp = clock::compact(clock::now());
    let named = |try_: u32| path.with_file_name(format!("sessions.damaged-{stamp}-{try_}.sqlite3"));
    let aside = (1..1000).map(named).find(|aside| !aside.exists());
    let aside = aside.ok_or_else(|| FileError::other(path, "move", "no name is free beside it"))?;
    for end in ["-wal", "-shm", ""] {
        let (from, to) = (with_end(path, end), with_end(&aside, end));
        match fs::rename(&from, &to) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(FileError::from_io(&from, "move", &error).into());
            }
            _ => {}
        }
    }
    Ok(aside)
}

fn with_end(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    PathBuf::from(name)
}

//! Opens the database without trusting it, one process at a time.
//!
//! A damaged database is moved aside, together with its journal, under a name that says so; it is never deleted. A held
//! lock, a missing permission or a newer version is not damage: those are errors, and nothing is moved.

use rusqlite::Connection;
use rusqlite::config::DbConfig;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::schema;
use crate::error::{StudyError, damaged};
use rounds_support::errors::display_path;
use rounds_support::{FileError, files};

/// File name in the study folder.
pub(crate) const DATABASE: &str = "study.sqlite3";
/// Locked while a process opens the database.
const LOCK_FILE: &str = "study.lock";
/// How long to wait for another process before giving up.
const LOCK_TIMEOUT: Duration = Duration::from_secs(10);

/// The lock that lets one process at a time open, migrate or move the database. Released on drop.
struct OpenLock(#[expect(dead_code, reason = "the lock lives as long as the file is open")] File);

impl OpenLock {
    /// Waits for the lock, up to [`LOCK_TIMEOUT`].
    fn acquire(folder: &Path) -> Result<Self, StudyError> {
        files::create_private_dir(folder)?;
        let path = folder.join(LOCK_FILE);
        let file = private_file(&path)?;
        let since = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self(file)),
                Err(TryLockError::WouldBlock) if since.elapsed() < LOCK_TIMEOUT => {
                    std::thread::sleep(Duration::from_millis(10));
                }
                Err(TryLockError::WouldBlock) => return Err(StudyError::Busy),
                // The file system has no locks: rely on SQLite's own.
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

/// Opens the file at `path`, readable by this user only, without changing its content.
fn private_file(path: &Path) -> Result<File, StudyError> {
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

/// Opens the database in `folder`; also returns a notice if a damaged one was moved aside.
pub(crate) fn open(folder: &Path) -> Result<(Connection, Option<String>), StudyError> {
    let _lock = OpenLock::acquire(folder)?;
    let path = folder.join(DATABASE);
    let reason = match try_open(&path) {
        Err(StudyError::Damaged(reason)) => reason,
        other => return Ok((other?, None)),
    };
    let aside = move_aside(&path)?;
    let connection = try_open(&path)?;
    let notice = format!(
        "the saved decks and reviews are damaged ({reason}); they were moved to {}, and a new store was created",
        display_path(&aside)
    );
    Ok((connection, Some(notice)))
}

/// Opens a database in memory with the same tables.
pub(crate) fn open_in_memory() -> Result<Connection, StudyError> {
    let mut connection = Connection::open_in_memory()?;
    prepare(&connection)?;
    // What is sorted or gathered for a query must not reach a temporary file either.
    connection.pragma_update(None, "temp_store", "memory")?;
    schema::migrate(&mut connection)?;
    Ok(connection)
}

fn try_open(path: &Path) -> Result<Connection, StudyError> {
    drop(private_file(path)?);
    let mut connection = Connection::open(path)?;
    prepare(&connection)?;
    // Only takes effect in an empty file, before the first table exists.
    connection.pragma_update(None, "auto_vacuum", "incremental")?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    schema::migrate(&mut connection)?;
    check(&connection)?;
    Ok(connection)
}

fn prepare(connection: &Connection) -> Result<(), StudyError> {
    connection.busy_timeout(LOCK_TIMEOUT)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "synchronous", "full")?;
    // What a learner typed is private: overwrite it with zeros when it is deleted.
    connection.pragma_update(None, "secure_delete", true)?;
    Ok(())
}

/// Errors if pages or rows are damaged.
fn check(connection: &Connection) -> Result<(), StudyError> {
    let found: String = connection.query_row("pragma quick_check(1)", [], |row| row.get(0))?;
    match found.as_str() {
        "ok" => Ok(()),
        found => Err(damaged(found)),
    }
}

fn move_aside(path: &Path) -> Result<PathBuf, StudyError> {
    let stamp = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ");
    let named =
        |attempt: u32| path.with_file_name(format!("study.damaged-{stamp}-{attempt}.sqlite3"));
    let aside = (1..1000).map(named).find(|aside| !aside.exists());
    let aside =
        aside.ok_or_else(|| FileError::other(path, "move", "every backup name is taken"))?;
    for suffix in ["-wal", "-shm", ""] {
        let (from, to) = (with_suffix(path, suffix), with_suffix(&aside, suffix));
        match fs::rename(&from, &to) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(FileError::from_io(&from, "move", &error).into());
            }
            _ => {}
        }
    }
    Ok(aside)
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

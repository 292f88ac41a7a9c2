//! The file: lock, permissions, opening, checking, moving aside.

use rusqlite::Connection;
use rusqlite::config::DbConfig;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::error::DatabaseError;
use crate::schema::Layout;
use rounds_support::errors::display_path;
use rounds_support::{FileError, files};

/// How long to wait for another process before giving up.
const LOCK_TIMEOUT: Duration = Duration::from_secs(10);

/// The lock that lets one process at a time open, migrate or move the database. Released on drop.
pub struct OpenLock(
    #[expect(dead_code, reason = "the lock lives as long as the file is open")] File,
);

impl OpenLock {
    /// Waits for the lock in `folder`, ten seconds at most. The folder is created if it is missing.
    pub fn acquire(layout: &Layout, folder: &Path) -> Result<Self, DatabaseError> {
        files::create_private_dir(folder)?;
        let path = folder.join(format!("{}.lock", layout.name));
        let file = private_file(&path)?;
        let since = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self(file)),
                Err(TryLockError::WouldBlock) if since.elapsed() < LOCK_TIMEOUT => {
                    std::thread::sleep(Duration::from_millis(10));
                }
                Err(TryLockError::WouldBlock) => return Err(DatabaseError::Busy),
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
pub fn private_file(path: &Path) -> Result<File, FileError> {
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

/// Opens the database in `folder`; also returns a notice if a damaged one was moved aside. The caller holds the lock.
pub fn open(
    layout: &Layout,
    folder: &Path,
    _lock: &OpenLock,
) -> Result<(Connection, Option<String>), DatabaseError> {
    let path = folder.join(format!("{}.sqlite3", layout.name));
    let reason = match try_open(layout, &path) {
        Err(DatabaseError::Damaged(reason)) => reason,
        other => return Ok((other?, None)),
    };
    let aside = move_aside(layout, &path)?;
    let connection = try_open(layout, &path)?;
    let notice = format!(
        "{} are damaged ({reason}); they were moved to {}, and a new store was created",
        layout.holds,
        display_path(&aside)
    );
    Ok((connection, Some(notice)))
}

/// Opens a database in memory with the same tables.
pub fn open_in_memory(layout: &Layout) -> Result<Connection, DatabaseError> {
    let mut connection = Connection::open_in_memory()?;
    prepare(&connection)?;
    // What is sorted or gathered for a query must not reach a temporary file either.
    connection.pragma_update(None, "temp_store", "memory")?;
    layout.migrate(&mut connection)?;
    Ok(connection)
}

/// Returns free pages to the system and removes deleted text from the journal. Another reader may prevent this; the next
/// call does it then, so failing here is not an error.
pub fn shrink(connection: &Connection) {
    for pragma in [
        "pragma incremental_vacuum",
        "pragma wal_checkpoint(truncate)",
    ] {
        let stepped = connection.prepare(pragma).and_then(|mut statement| {
            let mut rows = statement.query([])?;
            while rows.next()?.is_some() {}
            Ok(())
        });
        if let Err(error) = stepped {
            tracing::debug!(%error, pragma, "a database was not shrunk");
        }
    }
}

fn try_open(layout: &Layout, path: &Path) -> Result<Connection, DatabaseError> {
    drop(private_file(path)?);
    let mut connection = Connection::open(path)?;
    prepare(&connection)?;
    // Only takes effect in an empty file, before the first table exists.
    connection.pragma_update(None, "auto_vacuum", "incremental")?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    layout.migrate(&mut connection)?;
    check(layout, &connection)?;
    Ok(connection)
}

fn prepare(connection: &Connection) -> Result<(), DatabaseError> {
    connection.busy_timeout(LOCK_TIMEOUT)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "synchronous", "full")?;
    // What was deleted was private: it is overwritten with zeros.
    connection.pragma_update(None, "secure_delete", true)?;
    Ok(())
}

/// Errors if pages or rows are damaged. A damaged search index is rebuilt instead.
fn check(layout: &Layout, connection: &Connection) -> Result<(), DatabaseError> {
    let mut found = first_error(connection)?;
    if let Some(words) = layout.words
        && found.to_ascii_lowercase().contains("fts5")
    {
        let rebuild = format!("insert into {words} ({words}) values ('rebuild')");
        connection.execute(&rebuild, [])?;
        found = first_error(connection)?;
    }
    match found.as_str() {
        "ok" => Ok(()),
        found => Err(DatabaseError::damaged(found)),
    }
}

/// The first error that SQLite's quick check reports, or `ok`.
fn first_error(connection: &Connection) -> Result<String, DatabaseError> {
    let found = connection.query_row("pragma quick_check(1)", [], |row| row.get(0));
    match found.map_err(DatabaseError::from) {
        Err(DatabaseError::Damaged(fault)) => Ok(fault),
        other => other,
    }
}

fn move_aside(layout: &Layout, path: &Path) -> Result<PathBuf, DatabaseError> {
    let stamp = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ");
    let named = |attempt: u32| {
        path.with_file_name(format!("{}.damaged-{stamp}-{attempt}.sqlite3", layout.name))
    };
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

//! Tells a turn that is still being answered from one whose process is gone.
//!
//! Every process that asks holds a lock on its own small file, which the system releases however the process ends. Never
//! decide this by a turn's age: a large model may take minutes.

use rusqlite::{Connection, params};
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use crate::error::SessionError;
use crate::schema::LAYOUT;
use rounds_database::{OpenLock, private_file};
use rounds_support::{FileError, files};

/// Folder in the data directory.
const FOLDER: &str = "session-writers";

/// The token that marks the turns this store has begun; created with the first one.
pub(crate) struct Writer {
    /// `None` in memory, where there is no other process.
    folder: Option<PathBuf>,
    held: Option<HeldToken>,
}

struct HeldToken {
    token: String,
    path: Option<PathBuf>,
    /// Kept open to hold the lock.
    _file: Option<File>,
}

impl Writer {
    /// A writer below the data directory; `None` for a store in memory.
    pub(crate) fn new(data: Option<&Path>) -> Self {
        Self {
            folder: data.map(|data| data.join(FOLDER)),
            held: None,
        }
    }

    /// The token, created and locked on first use.
    pub(crate) fn token(&mut self, connection: &Connection) -> Result<&str, SessionError> {
        if self.held.is_none() {
            let token: String =
                connection.query_row("select lower(hex(randomblob(16)))", [], |row| row.get(0))?;
            self.held = Some(match &self.folder {
                None => HeldToken {
                    token,
                    path: None,
                    _file: None,
                },
                Some(folder) => acquire_token(folder, token)?,
            });
        }
        Ok(self.held.as_ref().map_or("", |held| held.token.as_str()))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if let Some(path) = self.held.as_ref().and_then(|held| held.path.as_ref()) {
            // If this fails, the next start removes the file.
            let _ = fs::remove_file(path);
        }
    }
}

fn acquire_token(folder: &Path, token: String) -> Result<HeldToken, SessionError> {
    // Under the lock, or another process could remove the file before it is locked.
    let lock = folder.parent().map(|data| OpenLock::acquire(&LAYOUT, data));
    let lock = lock.transpose()?;
    files::create_private_dir(folder)?;
    let path = folder.join(&token);
    let file = private_file(&path)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::Error(error)) if error.kind() == std::io::ErrorKind::Unsupported => {}
        Err(error) => return Err(FileError::other(&path, "lock", &error.to_string()).into()),
    }
    drop(lock);
    Ok(HeldToken {
        token,
        path: Some(path),
        _file: Some(file),
    })
}

/// Marks unfinished turns as interrupted if their process is gone. The caller holds the lock.
pub(crate) fn sweep(
    connection: &Connection,
    data: &Path,
    _lock: &OpenLock,
) -> Result<(), SessionError> {
    let folder = data.join(FOLDER);
    let mut statement =
        connection.prepare("select distinct writer from turns where state = 'asked'")?;
    let writers = statement
        .query_map([], |row| row.get::<_, Option<String>>(0))?
        .collect::<Result<Vec<_>, _>>()?;
    let live = live_tokens(&folder)?;
    for writer in writers {
        if writer.as_ref().is_some_and(|writer| live.contains(writer)) {
            continue;
        }
        connection.execute(
            "update turns set state = 'interrupted', writer = null, ended = coalesce(ended, asked)
             where state = 'asked' and writer is ?1",
            params![writer],
        )?;
    }
    Ok(())
}

/// The tokens of running processes; removes the files of the others.
fn live_tokens(folder: &Path) -> Result<Vec<String>, SessionError> {
    let mut live = Vec::new();
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(live),
        other => other.map_err(|error| FileError::from_io(folder, "read", &error))?,
    };
    for entry in entries.flatten() {
        let (path, name) = (
            entry.path(),
            entry.file_name().to_string_lossy().into_owned(),
        );
        let is_token = name.len() == 32 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !is_token || !entry.file_type().is_ok_and(|kind| kind.is_file()) {
            continue;
        }
        match File::open(&path).map(|file| file.try_lock()) {
            Ok(Err(TryLockError::WouldBlock)) => live.push(name),
            // Its process is gone; if removing fails now, a later start does it.
            Ok(_) => drop(fs::remove_file(&path)),
            Err(_) => {}
        }
    }
    Ok(live)
}

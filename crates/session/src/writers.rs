//! Who is writing: tells a turn that is being answered from one whose process is gone.
//!
//! Every process that asks holds a lock on a small file of its own; the system lets go of it however the process ends. A turn
//! is never called interrupted by its age: a large model may think for minutes.

use rusqlite::{Connection, params};
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use super::error::SessionError;
use super::open::{Gate, private_file};
use rounds_support::{FileError, files};

/// Folder in the data directory.
const FOLDER: &str = "session-writers";

/// This store's own mark on the turns it asks; made at the first one.
pub struct Writer {
    /// `None` in memory, where nobody else looks.
    folder: Option<PathBuf>,
    held: Option<Held>,
}

struct Held {
    token: String,
    path: Option<PathBuf>,
    /// Locked.
    _file: Option<File>,
}

impl Writer {
    /// Writes below the data directory, or in memory.
    pub fn new(data: Option<&Path>) -> Self {
        Self {
            folder: data.map(|data| data.join(FOLDER)),
            held: None,
        }
    }

    /// The mark, made and locked if there is none yet.
    pub fn token(&mut self, connection: &Connection) -> Result<&str, SessionError> {
        if self.held.is_none() {
            let token: String =
                connection.query_row("select lower(hex(randomblob(16)))", [], |row| row.get(0))?;
            self.held = Some(match &self.folder {
                None => Held {
                    token,
                    path: None,
                    _file: None,
                },
                Some(folder) => hold(folder, token)?,
            });
        }
        Ok(self.held.as_ref().map_or("", |held| held.token.as_str()))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if let Some(path) = self.held.as_ref().and_then(|held| held.path.as_ref()) {
            // Left behind, it would only be swept at the next start.
            let _ = fs::remove_file(path);
        }
    }
}

fn hold(folder: &Path, token: String) -> Result<Held, SessionError> {
    // Inside the gate, or another process could sweep the file between its making and its locking.
    let gate = folder.parent().map(Gate::enter).transpose()?;
    files::create_private_dir(folder)?;
    let path = folder.join(&token);
    let file = private_file(&path)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::Error(error)) if error.kind() == std::io::ErrorKind::Unsupported => {}
        Err(error) => return Err(FileError::other(&path, "lock", &error.to_string()).into()),
    }
    drop(gate);
    Ok(Held {
        token,
        path: Some(path),
        _file: Some(file),
    })
}

/// Marks the unfinished turns of processes that are gone as interrupted. The gate must be held.
pub fn sweep(connection: &Connection, data: &Path, _gate: &Gate) -> Result<(), SessionError> {
    let folder = data.join(FOLDER);
    let mut statement =
        connection.prepare("select distinct writer from turns where state = 'asked'")?;
    let writers = statement
        .query_map([], |row| row.get::<_, Option<String>>(0))?
        .collect::<Result<Vec<_>, _>>()?;
    let alive = alive(&folder)?;
    for writer in writers {
        if writer.as_ref().is_some_and(|writer| alive.contains(writer)) {
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

/// Marks that are held; files of those that are not are removed.
fn alive(folder: &Path) -> Result<Vec<String>, SessionError> {
    let mut alive = Vec::new();
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(alive),
        other => other.map_err(|error| FileError::from_io(folder, "read", &error))?,
    };
    for entry in entries.flatten() {
        let (path, name) = (
            entry.path(),
            entry.file_name().to_string_lossy().into_owned(),
        );
        let is_ours = name.len() == 32 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !is_ours || !entry.file_type().is_ok_and(|kind| kind.is_file()) {
            continue;
        }
        match File::open(&path).map(|file| file.try_lock()) {
            Ok(Err(TryLockError::WouldBlock)) => alive.push(name),
            // Of a process that is gone; if it cannot be removed now, it will be later.
            Ok(_) => drop(fs::remove_file(&path)),
            Err(_) => {}
        }
    }
    Ok(alive)
}

//! The SHA-256 of every file ever pulled: `pins.toml`.
//!
//! A branch can be changed by the owner of a repository, or by an intruder. Every later pull must return the same content
//! as the first, until the user deletes the line. Never replace a pin.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::error::HubError;
use rounds_support::{FileError, files};

/// File name in the user's data folder.
const FILE_NAME: &str = "pins.toml";
/// Maximum length of the file, in bytes.
const MAX_PINS_BYTES: u64 = 4 << 20;

/// The pins. Read once; each new one is written immediately.
#[derive(Clone, Debug)]
pub struct Pins {
    path: PathBuf,
    table: Table,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Table {
    /// Maps `repository@revision` to a map from file name to SHA-256.
    #[serde(default)]
    pins: BTreeMap<String, BTreeMap<String, String>>,
}

impl Pins {
    /// Reads the pins in a folder. A missing file counts as empty, and no folder is created.
    pub fn open(folder: &Path) -> Result<Self, HubError> {
        let path = folder.join(FILE_NAME);
        let table = read(&path)?;
        Ok(Self { path, table })
    }

    /// The SHA-256 of a file when it was first pulled.
    pub fn expected(&self, repository: &str, revision: &str, file: &str) -> Option<&str> {
        let files = self.table.pins.get(&key(repository, revision))?;
        files.get(file).map(String::as_str)
    }

    /// Pins a file. If it is already pinned, perhaps by another process, the SHA-256 must agree.
    pub fn record(
        &mut self,
        repository: &str,
        revision: &str,
        file: &str,
        sha256: &str,
    ) -> Result<(), HubError> {
        if self.expected(repository, revision, file) == Some(sha256) {
            return Ok(());
        }
        if let Some(folder) = self.path.parent() {
            files::create_private_dir(folder)?;
        }
        let _lock = lock(&self.path)?;
        self.table = read(&self.path)?;
        let files = self
            .table
            .pins
            .entry(key(repository, revision))
            .or_default();
        match files.get(file) {
            Some(pinned) if pinned.eq_ignore_ascii_case(sha256) => return Ok(()),
            Some(pinned) => {
                return Err(HubError::HashMismatch {
                    file: file.to_owned(),
                    expected: pinned.clone(),
                    found: sha256.to_owned(),
                });
            }
            None => files.insert(file.to_owned(), sha256.to_owned()),
        };
        let text = toml::to_string(&self.table)
            .map_err(|error| FileError::other(&self.path, "write", &error.to_string()))?;
        files::write_atomic(&self.path, text.as_bytes())?;
        Ok(())
    }
}

fn key(repository: &str, revision: &str) -> String {
    format!("{repository}@{revision}")
}

fn read(path: &Path) -> Result<Table, HubError> {
    let content = match files::read_limited(path, MAX_PINS_BYTES) {
        Ok(content) => content,
        Err(FileError::NotFound { .. }) => return Ok(Table::default()),
        Err(error) => return Err(error.into()),
    };
    let damaged = |reason: &str| FileError::other(path, "read", reason);
    let text = String::from_utf8(content).map_err(|_| damaged("not UTF-8 text"))?;
    Ok(toml::from_str(&text).map_err(|error| damaged(error.message()))?)
}

/// Only held while a line is added, so waiting needs no cancel flag.
fn lock(path: &Path) -> Result<File, FileError> {
    let file = files::open_private(&path.with_extension("lock"))?;
    // Pin the file even if the file system does not support locks.
    let _ = file.lock();
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_is_kept_and_never_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("data");
        let mut pins = Pins::open(&folder).unwrap();
        assert!(!folder.exists());
        let mut others = Pins::open(&folder).unwrap();
        pins.record("a/b", "main", "c.bin", "11").unwrap();
        pins.record("a/b", "main", "c.bin", "11").unwrap();
        others.record("a/b", "main", "d.bin", "22").unwrap();
        assert!(matches!(
            others.record("a/b", "main", "c.bin", "33"),
            Err(HubError::HashMismatch { .. })
        ));
        let pins = Pins::open(&folder).unwrap();
        assert_eq!(pins.expected("a/b", "main", "c.bin"), Some("11"));
        assert_eq!(pins.expected("a/b", "main", "d.bin"), Some("22"));
        assert_eq!(pins.expected("a/b", "v2", "c.bin"), None);
    }

    #[test]
    fn damaged_pins_are_reported_and_not_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        files::write_atomic(&folder.path().join(FILE_NAME), b"pins = 3").unwrap();
        assert!(Pins::open(folder.path()).is_err());
    }
}

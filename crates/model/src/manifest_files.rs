//! The files that a manifest lists: whole, unchanged, and inside their folder.
//!
//! Every kind of bundle names its files with SHA-256 and length, and trusts nothing else about them. Weights of gigabytes are
//! checked by length when a bundle is opened and by hash when it is verified: hashing them would take longer than loading them.
//! Nothing here may follow a name out of the folder.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::error::ModelError;
use rounds_support::{FileError, files, sanitise};

/// Files up to this length are hashed whenever a bundle is opened.
const MAX_HASHED_ON_OPEN: u64 = 64 << 20;

/// The files that say what a bundle is: a learner's and an encoder's. A folder has one of them.
pub(crate) const MANIFESTS: [&str; 2] = ["model.toml", "encoder.toml"];

/// What the vectors of a bundle are known by: indexes keep it beside them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KnownBy {
    /// The weights alone: the model that ships, and bundles from before settings counted.
    #[default]
    Weights,
    /// The weights and every setting that changes a vector. A setting that is added later must be left out of the text it is
    /// written as where it says what was so before.
    Settings,
}

impl KnownBy {
    /// Whether it is what a manifest without it means.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// SHA-256 of sums of files and of settings, in this order.
pub(super) fn identity(hashes: &[&str], settings: &impl Serialize) -> String {
    let settings = serde_json::to_string(settings).unwrap_or_default();
    files::sha256_hex(format!("{}\n{settings}", hashes.join("\n")).as_bytes())
}

/// What a manifest says of its files.
pub(super) struct ManifestFiles<'a> {
    /// File name of the manifest, for messages.
    pub manifest: &'static str,
    /// Files with weights.
    pub weights: &'a [String],
    /// SHA-256 by name.
    pub files: &'a BTreeMap<String, String>,
    /// Length in bytes by name.
    pub lengths: &'a BTreeMap<String, u64>,
}

pub(super) fn damaged(file: &str, reason: impl ToString) -> ModelError {
    ModelError::Damaged {
        file: sanitise::clean_line(file),
        reason: sanitise::clean_line(&reason.to_string()),
    }
}

impl ManifestFiles<'_> {
    /// SHA-256 of each file with weights.
    pub fn weight_hashes(&self) -> Vec<&str> {
        let names = self.weights.iter();
        let hashes = names.filter_map(|name| self.files.get(name));
        hashes.map(String::as_str).collect()
    }

    /// Errors where a name leads out of the folder or has control characters, or a hash is none: vectors are known by it.
    pub fn validate(&self) -> Result<(), ModelError> {
        let wrong = |reason: &str| Err(damaged(self.manifest, reason));
        let names = || self.weights.iter().chain(self.files.keys());
        if names().any(|n| n.is_empty() || n.contains(['/', '\\', '\0']) || n.starts_with('.')) {
            return wrong("a file name leads out of the folder");
        }
        if names().any(|n| sanitise::clean_line(n) != *n) {
            return wrong("a file name has control characters");
        }
        let is_hash = |hash: &String| {
            hash.len() == 64 && hash.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        };
        match self.files.values().all(is_hash) {
            true => Ok(()),
            false => wrong("a SHA-256 is none"),
        }
    }

    /// Errors where `bytes` are not those of the file `name`.
    pub fn check(&self, name: &str, bytes: &[u8]) -> Result<(), ModelError> {
        self.check_hash(name, &files::sha256_hex(bytes))
    }

    fn check_hash(&self, name: &str, found: &str) -> Result<(), ModelError> {
        match self.files.get(name) {
            Some(hash) if *hash == found => Ok(()),
            Some(_) => {
                let reason = format!("its SHA-256 is not the one in {}", self.manifest);
                Err(damaged(name, reason))
            }
            None => Err(damaged(self.manifest, format!("no SHA-256 of {name}"))),
        }
    }

    /// Paths of the weights in `folder`, each of the length that was written; small ones are hashed too.
    pub fn weights(&self, folder: &Path) -> Result<Vec<PathBuf>, ModelError> {
        let mut paths = Vec::new();
        for name in self.weights {
            if !self.files.contains_key(name) {
                return Err(damaged(self.manifest, format!("no SHA-256 of {name}")));
            }
            let path = folder.join(name);
            // A pipe would never end.
            if !path.is_file() {
                return Err(FileError::NotFound { path }.into());
            }
            let length = files::length(&path)?;
            match self.lengths.get(name) {
                Some(&expected) if expected != length => {
                    let reason = format!("{length} bytes where {expected} were written");
                    return Err(damaged(name, reason));
                }
                Some(_) if length > MAX_HASHED_ON_OPEN => {}
                _ => self.check_hash(name, &files::sha256_file(&path)?)?,
            }
            paths.push(path);
        }
        Ok(paths)
    }

    /// Hashes every file in `folder`; gives a line for each that is not as written.
    pub fn problems(&self, folder: &Path) -> Vec<String> {
        let mut problems = Vec::new();
        for (name, hash) in self.files {
            let path = folder.join(name);
            let found = match path.is_file() {
                true => files::sha256_file(&path),
                false => Err(FileError::NotFound { path }),
            };
            match found {
                Ok(found) if found == *hash => {}
                Ok(_) => problems.push(format!(
                    "{name}: its SHA-256 is not the one in {}",
                    self.manifest
                )),
                Err(error) => problems.push(format!("{name}: {error}")),
            }
        }
        for name in self.weights {
            if !self.files.contains_key(name) {
                problems.push(format!("{}: no SHA-256 of {name}", self.manifest));
            }
        }
        problems.iter().map(|f| sanitise::clean_line(f)).collect()
    }
}

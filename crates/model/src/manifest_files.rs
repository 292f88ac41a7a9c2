//! The files that a manifest lists: checks that they are complete, unchanged and inside the bundle's folder.
//!
//! Every manifest gives the SHA-256 and length of its files. Large weights are checked by length when a bundle is opened and by
//! hash when it is verified: hashing them takes longer than loading them. Never follow a name out of the folder.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::error::ModelError;
use rounds_support::{FileError, files, sanitise};

/// Files up to this length are hashed whenever a bundle is opened.
const MAX_HASHED_ON_OPEN: u64 = 64 << 20;

/// Name of an encoder's manifest.
pub(crate) const ENCODER_MANIFEST: &str = "encoder.toml";
/// Names of the manifests of learners and encoders. A bundle has exactly one of them.
pub(crate) const MANIFESTS: [&str; 2] = ["model.toml", ENCODER_MANIFEST];

/// What identifies the vectors of a bundle. Indexes store the identifier with the vectors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VectorIdentity {
    /// The weights alone: the built-in model, and bundles made before settings were included.
    #[default]
    Weights,
    /// The weights and every setting that changes a vector. A setting added later must not be serialised at its default value,
    /// or the identity of existing bundles would change.
    Settings,
}

impl VectorIdentity {
    /// Whether it is the value assumed for a manifest without this field.
    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// SHA-256 over the hashes of the files and the settings, in this order.
pub(super) fn identity(hashes: &[&str], settings: &impl Serialize) -> String {
    let settings = serde_json::to_string(settings).unwrap_or_default();
    files::sha256_hex(format!("{}\n{settings}", hashes.join("\n")).as_bytes())
}

/// The files that a manifest lists.
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
    /// SHA-256 of each weights file.
    pub(crate) fn weight_hashes(&self) -> Vec<&str> {
        let names = self.weights.iter();
        let hashes = names.filter_map(|name| self.files.get(name));
        hashes.map(String::as_str).collect()
    }

    /// Errors where a name leads out of the folder or has control characters, or a hash is malformed (it may identify vectors).
    pub(crate) fn validate(&self) -> Result<(), ModelError> {
        let wrong = |reason: &str| Err(damaged(self.manifest, reason));
        let names = || self.weights.iter().chain(self.files.keys());
        if names().any(|n| n.is_empty() || n.contains(['/', '\\', '\0']) || n.starts_with('.')) {
            return wrong("a file name points outside the folder");
        }
        if names().any(|n| sanitise::clean_line(n) != *n) {
            return wrong("a file name contains control characters");
        }
        let is_hash = |hash: &String| {
            hash.len() == 64 && hash.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        };
        match self.files.values().all(is_hash) {
            true => Ok(()),
            false => wrong("a SHA-256 is not 64 hexadecimal digits"),
        }
    }

    /// Errors where `bytes` do not have the hash listed for `name`.
    pub(crate) fn check(&self, name: &str, bytes: &[u8]) -> Result<(), ModelError> {
        self.check_hash(name, &files::sha256_hex(bytes))
    }

    fn check_hash(&self, name: &str, found: &str) -> Result<(), ModelError> {
        match self.files.get(name) {
            Some(hash) if *hash == found => Ok(()),
            Some(_) => {
                let reason = format!("its SHA-256 differs from the one in {}", self.manifest);
                Err(damaged(name, reason))
            }
            None => Err(damaged(
                self.manifest,
                format!("it has no SHA-256 of {name}"),
            )),
        }
    }

    /// Paths of the weights in `folder`, after checking their lengths, and the hashes of small ones.
    pub(crate) fn weights(&self, folder: &Path) -> Result<Vec<PathBuf>, ModelError> {
        let mut paths = Vec::new();
        for name in self.weights {
            if !self.files.contains_key(name) {
                return Err(damaged(
                    self.manifest,
                    format!("it has no SHA-256 of {name}"),
                ));
            }
            let path = folder.join(name);
            // Reading a pipe could block forever.
            if !path.is_file() {
                return Err(FileError::NotFound { path }.into());
            }
            let length = files::length(&path)?;
            match self.lengths.get(name) {
                Some(&expected) if expected != length => {
                    let reason = format!("it has {length} bytes, but {expected} were expected");
                    return Err(damaged(name, reason));
                }
                Some(_) if length > MAX_HASHED_ON_OPEN => {}
                _ => self.check_hash(name, &files::sha256_file(&path)?)?,
            }
            paths.push(path);
        }
        Ok(paths)
    }

    /// Hashes every file in `folder`; returns a message for each that differs from the manifest.
    pub(crate) fn problems(&self, folder: &Path) -> Vec<String> {
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
                    "{name}: its SHA-256 differs from the one in {}",
                    self.manifest
                )),
                Err(error) => problems.push(format!("{name}: {error}")),
            }
        }
        for name in self.weights {
            if !self.files.contains_key(name) {
                problems.push(format!("{}: it has no SHA-256 of {name}", self.manifest));
            }
        }
        problems.iter().map(|f| sanitise::clean_line(f)).collect()
    }
}

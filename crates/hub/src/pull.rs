//! Pulls a whole model: every file of every source, each source at one commit, checked against the catalogue and the pins.
//!
//! The caller must have shown the licence and obtained consent.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::catalogue::{CatalogueFile, Entry, Role, Source};
use super::error::HubError;
use super::pins::Pins;
use super::{Fetched, Hub, Progress, names};
use rounds_support::{Cancel, FileError, files};

/// Names under which weights are published, in order of preference. An index lists shards in the same folder.
const WEIGHTS: [&str; 4] = [
    "model.safetensors.index.json",
    "model.safetensors",
    "pytorch_model.bin.index.json",
    "pytorch_model.bin",
];
const INDEX_SUFFIX: &str = ".index.json";
/// Maximum length of an index, in bytes.
const MAX_INDEX_BYTES: u64 = 16 << 20;

/// A source in the cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pulled {
    /// Which part of the model it provides.
    pub role: Role,
    /// `organisation/name`.
    pub repository: String,
    /// The commit of all its files.
    pub commit: String,
    /// The snapshot folder, which contains all the files.
    pub folder: PathBuf,
    /// The files by name, including the optional ones that exist on the hub.
    pub files: BTreeMap<String, Fetched>,
    /// The names of the weights that were found by convention, without their index. All are in `files`.
    pub weights: Vec<String>,
}

/// Pulls all files of a model, and pins new ones.
///
/// # Errors
/// As [`Hub::file`]. Files pulled before an error are kept, so the next pull resumes there.
pub fn pull(
    hub: &Hub,
    entry: &Entry,
    pins: &mut Pins,
    cancel: &Cancel,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Vec<Pulled>, HubError> {
    let mut all = Vec::with_capacity(entry.sources.len());
    for source in &entry.sources {
        let mut puller = Puller {
            hub,
            source,
            pins: &mut *pins,
            cancel,
            progress: &mut *progress,
            commit: None,
            files: BTreeMap::new(),
        };
        for file in &source.files {
            match puller.file(file) {
                Err(HubError::NotFound { .. } | HubError::Offline { .. }) if file.optional => {}
                other => other?,
            }
        }
        let weights = if source.weights {
            puller.weights()?
        } else {
            Vec::new()
        };
        all.push(puller.finish(weights)?);
    }
    Ok(all)
}

/// Pulls one source.
struct Puller<'a> {
    hub: &'a Hub,
    source: &'a Source,
    pins: &'a mut Pins,
    cancel: &'a Cancel,
    progress: &'a mut dyn FnMut(Progress<'_>),
    /// The commit of the first file, used for all others.
    commit: Option<String>,
    files: BTreeMap<String, Fetched>,
}

impl Puller<'_> {
    fn file(&mut self, file: &CatalogueFile) -> Result<(), HubError> {
        let Source {
            repository,
            revision,
            ..
        } = self.source;
        let pinned = self.pins.expected(repository, revision, &file.name);
        let expected = file.sha256.as_deref().or(pinned).map(str::to_owned);
        let fetched = self.hub.fetch(
            repository,
            self.commit.as_deref().unwrap_or(revision),
            &file.name,
            expected.as_deref(),
            self.cancel,
            self.progress,
        )?;
        if let Some(size) = file.size.filter(|&size| size != fetched.size) {
            return Err(HubError::LengthMismatch {
                file: file.name.clone(),
                expected: size,
                found: fetched.size,
            });
        }
        self.pins
            .record(repository, revision, &file.name, &fetched.sha256)?;
        self.commit.get_or_insert_with(|| fetched.commit.clone());
        self.files.insert(file.name.clone(), fetched);
        Ok(())
    }

    fn fetch_named(&mut self, name: &str) -> Result<(), HubError> {
        self.file(&CatalogueFile {
            name: name.to_owned(),
            size: None,
            sha256: None,
            optional: false,
        })
    }

    /// Pulls the weights under the first name that exists; returns their file names.
    fn weights(&mut self) -> Result<Vec<String>, HubError> {
        let mut missing = None;
        for name in WEIGHTS {
            match self.fetch_named(name) {
                Ok(()) => return self.shards(name),
                Err(error @ (HubError::NotFound { .. } | HubError::Offline { .. })) => {
                    missing = Some(error);
                }
                Err(error) => return Err(error),
            }
        }
        Err(missing.unwrap_or(HubError::Cancelled))
    }

    fn shards(&mut self, name: &str) -> Result<Vec<String>, HubError> {
        let Some(index) = self
            .files
            .get(name)
            .filter(|_| name.ends_with(INDEX_SUFFIX))
        else {
            return Ok(vec![name.to_owned()]);
        };
        let shards = shard_names(&index.path)?;
        for shard in &shards {
            self.fetch_named(shard)?;
        }
        Ok(shards)
    }

    fn finish(self, weights: Vec<String>) -> Result<Pulled, HubError> {
        let repository = &self.source.repository;
        let commit = self.commit.ok_or_else(|| HubError::Offline {
            repository: repository.clone(),
            file: "a file".to_owned(),
        })?;
        Ok(Pulled {
            role: self.source.role,
            folder: self.hub.snapshot(repository, &commit)?,
            repository: repository.clone(),
            commit,
            files: self.files,
            weights,
        })
    }
}

/// The shards listed in an index, without duplicates. The index comes from a server, so its names are checked.
fn shard_names(index: &Path) -> Result<Vec<String>, HubError> {
    let damaged = |reason: &str| FileError::other(index, "read", reason);
    let content = files::read_limited(index, MAX_INDEX_BYTES)?;
    let content: serde_json::Value =
        serde_json::from_slice(&content).map_err(|error| damaged(&error.to_string()))?;
    let map = content
        .get("weight_map")
        .and_then(serde_json::Value::as_object)
        .filter(|map| !map.is_empty())
        .ok_or_else(|| damaged("it has no weight_map"))?;
    let mut shards = BTreeSet::new();
    for shard in map.values() {
        let shard = shard
            .as_str()
            .ok_or_else(|| damaged("a shard without a name"))?;
        names::file(shard)?;
        shards.insert(shard.to_owned());
    }
    Ok(shards.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_lists_each_shard_once_and_unsafe_names_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let index = folder.path().join("index.json");
        let write = |text: &str| files::write_atomic(&index, text.as_bytes()).unwrap();
        write(r#"{"weight_map": {"a": "two.bin", "b": "one.bin", "c": "two.bin"}}"#);
        assert_eq!(shard_names(&index).unwrap(), ["one.bin", "two.bin"]);
        for text in [
            r#"{"weight_map": {"a": "../../one.bin"}}"#,
            r#"{"weight_map": {"a": 1}}"#,
            r#"{"weight_map": {}}"#,
            "[]",
            "{",
        ] {
            write(text);
            assert!(shard_names(&index).is_err(), "{text}");
        }
    }
}

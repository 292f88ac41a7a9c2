//! `index.toml`, which describes an index, and `seal.toml`, which shows that no write is in progress.
//!
//! The seal records the length and SHA-256 of the database. A writer removes it before its first change and writes a new one
//! when it finishes. A sealed small database is hashed when it is opened, which detects any flipped bit; without a seal (a
//! writer is active, or was killed) every example still has its own checksum.

use serde::{Deserialize, Serialize};
use std::path::Path;

use super::database::DATABASE;
use super::error::{IndexError, damaged};
use super::vectors::GraphEngine;
use rounds_support::{FileError, files, sanitise::clean_line};

/// The format version this program writes and reads.
pub(crate) const FORMAT_VERSION: u32 = 2;
/// Name of the manifest in the index's folder.
pub const MANIFEST: &str = "index.toml";
/// Name of the seal in the index's folder.
pub(crate) const SEAL: &str = "seal.toml";
/// Databases up to this length in bytes are hashed on every opening, which takes about 40 ms.
pub(crate) const MAX_ALWAYS_HASHED: u64 = 64 << 20;

/// Fewest digits of its hash by which an encoder can be named.
const MIN_HASH_PREFIX: usize = 6;

/// The encoder that made a set of vectors.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Encoder {
    /// SHA-256 of its weights, or of weights and settings. Vectors of different encoders cannot be compared.
    pub sha256: String,
    /// Display name.
    pub name: String,
    /// Values of a vector.
    pub dimension: usize,
    /// The bundle it was loaded from, a name or folder; empty for the built-in model.
    #[serde(default)]
    pub bundle: String,
    /// Whether questions and answers are embedded too, by its text tower.
    #[serde(default)]
    pub text: bool,
}

impl Encoder {
    /// Name, without extension, of its files in `vectors/` for a generation of the index.
    pub fn file(&self, generation: u64) -> String {
        format!("{}{generation}", self.file_stem())
    }

    /// Prefix of the names of all its files.
    pub fn file_stem(&self) -> String {
        let short: String = self.sha256.chars().take(16).collect();
        format!("{short}-")
    }

    /// Name, without extension, of the files with its text vectors.
    pub fn text_file(&self, generation: u64) -> String {
        format!("{}-text", self.file(generation))
    }
}

/// The first 12 digits of a hash, for messages.
pub fn short(sha256: &str) -> String {
    sha256.chars().take(12).collect()
}

/// `index.toml`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Manifest {
    /// Format version of the index.
    pub format_version: u32,
    /// Hash of the rest of the manifest except `graph`, to detect damage.
    #[serde(default)]
    pub checksum: String,
    /// What builds the graph of a large index. It changes no data, so it may be edited and is not part of the checksum; the own
    /// graph is not written down.
    #[serde(default, skip_serializing_if = "is_own")]
    pub graph: GraphEngine,
    /// The encoders it has vectors of; the first is searched by default.
    pub encoders: Vec<Encoder>,
}

fn is_own(graph: &GraphEngine) -> bool {
    *graph == GraphEngine::Own
}

#[derive(Deserialize)]
struct Version {
    format_version: u32,
}

/// The encoders with what does not belong there.
#[derive(Deserialize)]
struct Misplaced {
    encoders: Vec<MisplacedGraph>,
}

#[derive(Deserialize)]
struct MisplacedGraph {
    graph: Option<toml::Value>,
}

impl Misplaced {
    /// Errors if the graph was chosen below the encoders, where TOML makes it a property of the last one.
    fn check(text: &str) -> Result<(), IndexError> {
        let found: Self = toml::from_str(text).map_err(|e| damaged(MANIFEST, e.message()))?;
        if found.encoders.iter().any(|encoder| encoder.graph.is_some()) {
            return Err(IndexError::Refused(format!(
                "{MANIFEST}: `graph` must stand above the first [[encoders]]"
            )));
        }
        Ok(())
    }
}

impl Manifest {
    /// A manifest of the current format version.
    pub(crate) fn new(encoders: Vec<Encoder>) -> Self {
        Self {
            format_version: FORMAT_VERSION,
            checksum: String::new(),
            graph: GraphEngine::default(),
            encoders,
        }
    }

    /// Parses and checks the content of `index.toml`.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, IndexError> {
        let text = std::str::from_utf8(bytes).map_err(|e| damaged(MANIFEST, e))?;
        let version: Version = toml::from_str(text).map_err(|e| damaged(MANIFEST, e.message()))?;
        if version.format_version != FORMAT_VERSION {
            return Err(IndexError::Version {
                found: version.format_version,
                known: FORMAT_VERSION,
            });
        }
        let mut manifest: Self =
            toml::from_str(text).map_err(|e| damaged(MANIFEST, e.message()))?;
        Misplaced::check(text)?;
        if manifest.checksum != manifest.hash()? {
            return Err(damaged(MANIFEST, "its checksum does not match its content"));
        }
        let hex =
            |e: &Encoder| e.sha256.len() == 64 && e.sha256.bytes().all(|b| b.is_ascii_hexdigit());
        if !manifest.encoders.iter().all(hex) {
            return Err(damaged(MANIFEST, "an encoder has an invalid hash"));
        }
        for encoder in &mut manifest.encoders {
            encoder.name = clean_line(&encoder.name);
            encoder.bundle = clean_line(&encoder.bundle);
        }
        Ok(manifest)
    }

    /// The content of `index.toml`.
    pub(crate) fn text(&self) -> Result<String, IndexError> {
        let whole = Self {
            checksum: self.hash()?,
            ..self.clone()
        };
        toml::to_string(&whole).map_err(|e| damaged(MANIFEST, e))
    }

    /// Writes the file atomically.
    pub(crate) fn write(&self, folder: &Path) -> Result<(), IndexError> {
        Ok(files::write_atomic(
            &folder.join(MANIFEST),
            self.text()?.as_bytes(),
        )?)
    }

    fn hash(&self) -> Result<String, IndexError> {
        let bare = Self {
            checksum: String::new(),
            graph: GraphEngine::default(),
            ..self.clone()
        };
        let text = toml::to_string(&bare).map_err(|e| damaged(MANIFEST, e))?;
        Ok(files::sha256_hex(text.as_bytes()))
    }

    /// The encoder with this SHA-256.
    pub(crate) fn encoder(&self, sha256: &str) -> Option<&Encoder> {
        self.encoders.iter().find(|e| e.sha256 == sha256)
    }

    /// The encoder a user named, by name, bundle or hash prefix.
    ///
    /// Errors if there is none, or more than one.
    pub(crate) fn encoder_named(&self, given: &str) -> Result<&Encoder, IndexError> {
        let by_hash = |e: &Encoder| given.len() >= MIN_HASH_PREFIX && e.sha256.starts_with(given);
        let fits = |e: &&Encoder| e.name == given || e.bundle == given || by_hash(e);
        let mut found = self.encoders.iter().filter(fits);
        let first = found
            .next()
            .ok_or_else(|| self.unknown(&clean_line(given)))?;
        match found.next() {
            None => Ok(first),
            Some(_) => Err(IndexError::Refused(format!(
                "{} matches several encoders of the index, which has vectors from {}; use the first digits of the hash",
                clean_line(given),
                self.known()
            ))),
        }
    }

    /// The error for an encoder the index does not have.
    pub(crate) fn unknown(&self, wanted: &str) -> IndexError {
        IndexError::Encoder {
            wanted: wanted.to_string(),
            known: self.known(),
        }
    }

    /// The list of its encoders for messages.
    fn known(&self) -> String {
        let known = self.encoders.iter();
        let known: Vec<String> = known
            .map(|e| format!("{} ({})", e.name, short(&e.sha256)))
            .collect();
        match known.is_empty() {
            true => "none".into(),
            false => known.join(", "),
        }
    }
}

/// `seal.toml`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Seal {
    /// Length of the database in bytes.
    pub length: u64,
    /// SHA-256 of the database.
    pub sha256: String,
}

impl Seal {
    /// The seal of a folder's database, if there is one.
    pub(crate) fn read(folder: &Path) -> Result<Option<Self>, IndexError> {
        match files::read_to_string(&folder.join(SEAL)) {
            Ok(text) => toml::from_str(&text)
                .map(Some)
                .map_err(|e| damaged(SEAL, e.message())),
            Err(FileError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Seals the database as it is on disk.
    pub(crate) fn put(folder: &Path) -> Result<(), IndexError> {
        let database = folder.join(DATABASE);
        let seal = Self {
            length: files::length(&database)?,
            sha256: files::sha256_file(&database)?,
        };
        let text = toml::to_string(&seal).map_err(|e| damaged(SEAL, e))?;
        Ok(files::write_atomic(&folder.join(SEAL), text.as_bytes())?)
    }

    /// Removes the seal durably, which must happen before any other change.
    pub(crate) fn remove(folder: &Path) -> Result<(), IndexError> {
        Ok(files::delete(&folder.join(SEAL))?)
    }

    /// Whether the database matches the seal. With `whole` it is hashed at any length.
    pub(crate) fn matches(&self, folder: &Path, whole: bool) -> Result<bool, IndexError> {
        let database = folder.join(DATABASE);
        Ok(files::length(&database)? == self.length
            && (!whole && self.length > MAX_ALWAYS_HASHED
                || files::sha256_file(&database)? == self.sha256))
    }
}

/// Whether the database is sealed. Errors if it does not match its seal.
pub(crate) fn check_seal(folder: &Path, whole: bool) -> Result<bool, IndexError> {
    let Some(seal) = Seal::read(folder)? else {
        return Ok(false);
    };
    // If the seal has changed meanwhile, a writer started; then a mismatch is no damage.
    if seal.matches(folder, whole)? || Seal::read(folder)?.as_ref() != Some(&seal) {
        return Ok(true);
    }
    Err(damaged(DATABASE, "its SHA-256 does not match seal.toml"))
}

//! `index.toml`, which says what an index is, and `seal.toml`, which says that nobody is in the middle of changing it.
//!
//! The seal names the length and SHA-256 of the database. A writer takes it away before its first change and puts a new one
//! in place when it is done. With a seal, a small database is hashed whole when it is opened, so not one flipped bit of it
//! goes unseen; without one (a writer is at work, or was killed) every example still carries its own checksum.

use serde::{Deserialize, Serialize};
use std::path::Path;

use super::database::DATABASE;
use super::error::{IndexError, damaged};
use rounds_support::{FileError, files, sanitise::clean_line};

/// The format this program writes and reads.
pub const FORMAT_VERSION: u32 = 2;
pub const MANIFEST: &str = "index.toml";
pub const SEAL: &str = "seal.toml";
/// Databases up to this length are hashed whenever they are opened: about 40 ms.
pub const MAX_ALWAYS_HASHED: u64 = 64 << 20;

/// Fewest digits of an encoder's hash that name it.
const MIN_HASH_PREFIX: usize = 6;

/// What made a set of vectors.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Encoder {
    /// SHA-256 of its weights, or of them and its settings: vectors of others mean something else.
    pub sha256: String,
    /// What people call it.
    pub name: String,
    pub dimension: usize,
    /// The bundle it was loaded from, a name or a folder; empty for the model that ships.
    #[serde(default)]
    pub bundle: String,
    /// Whether questions and answers were embedded too (the encoder has a text tower).
    #[serde(default)]
    pub text: bool,
}

impl Encoder {
    /// Name of its files in `vectors/`, for a generation of the index.
    pub fn file(&self, generation: u64) -> String {
        format!("{}{generation}", self.file_stem())
    }

    /// What the names of all its files begin with.
    pub fn file_stem(&self) -> String {
        let short: String = self.sha256.chars().take(16).collect();
        format!("{short}-")
    }

    /// Name of the files with the vectors of its text tower.
    pub fn text_file(&self, generation: u64) -> String {
        format!("{}-text", self.file(generation))
    }
}

/// A hash as messages show it.
pub fn short(sha256: &str) -> String {
    sha256.chars().take(12).collect()
}

/// `index.toml`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    pub format_version: u32,
    /// Hash of everything below, so that a damaged line is seen.
    #[serde(default)]
    pub checksum: String,
    /// The first one is searched by default.
    pub encoders: Vec<Encoder>,
}

#[derive(Deserialize)]
struct Version {
    format_version: u32,
}

impl Manifest {
    pub fn new(encoders: Vec<Encoder>) -> Self {
        Self {
            format_version: FORMAT_VERSION,
            checksum: String::new(),
            encoders,
        }
    }

    /// Reads and checks the text of `index.toml`.
    pub fn parse(bytes: &[u8]) -> Result<Self, IndexError> {
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
        if manifest.checksum != manifest.hash()? {
            return Err(damaged(MANIFEST, "its checksum is not that of its content"));
        }
        let hex =
            |e: &Encoder| e.sha256.len() == 64 && e.sha256.bytes().all(|b| b.is_ascii_hexdigit());
        if !manifest.encoders.iter().all(hex) {
            return Err(damaged(MANIFEST, "an encoder's hash is not a hash"));
        }
        for encoder in &mut manifest.encoders {
            encoder.name = clean_line(&encoder.name);
            encoder.bundle = clean_line(&encoder.bundle);
        }
        Ok(manifest)
    }

    /// The text of `index.toml`.
    pub fn text(&self) -> Result<String, IndexError> {
        let whole = Self {
            checksum: self.hash()?,
            ..self.clone()
        };
        toml::to_string(&whole).map_err(|e| damaged(MANIFEST, e))
    }

    /// Replaces the file in one step.
    pub fn write(&self, folder: &Path) -> Result<(), IndexError> {
        Ok(files::write_atomic(
            &folder.join(MANIFEST),
            self.text()?.as_bytes(),
        )?)
    }

    fn hash(&self) -> Result<String, IndexError> {
        let bare = Self {
            checksum: String::new(),
            ..self.clone()
        };
        let text = toml::to_string(&bare).map_err(|e| damaged(MANIFEST, e))?;
        Ok(files::sha256_hex(text.as_bytes()))
    }

    /// The encoder of these weights.
    pub fn encoder(&self, sha256: &str) -> Option<&Encoder> {
        self.encoders.iter().find(|e| e.sha256 == sha256)
    }

    /// The encoder that a user calls so: by its name, its bundle, or the beginning of its hash.
    ///
    /// Errors where there is none, or more than one.
    pub fn encoder_called(&self, given: &str) -> Result<&Encoder, IndexError> {
        let by_hash = |e: &Encoder| given.len() >= MIN_HASH_PREFIX && e.sha256.starts_with(given);
        let fits = |e: &&Encoder| e.name == given || e.bundle == given || by_hash(e);
        let mut found = self.encoders.iter().filter(fits);
        let first = found
            .next()
            .ok_or_else(|| self.unknown(&clean_line(given)))?;
        match found.next() {
            None => Ok(first),
            Some(_) => Err(IndexError::Refused(format!(
                "{} may be several encoders of the index, which has the vectors of {}; say the beginning of the hash",
                clean_line(given),
                self.known()
            ))),
        }
    }

    /// The error of an encoder that is none of its own.
    pub fn unknown(&self, wanted: &str) -> IndexError {
        IndexError::Encoder {
            wanted: wanted.to_string(),
            known: self.known(),
        }
    }

    /// Its encoders as a message lists them.
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
pub struct Seal {
    pub length: u64,
    pub sha256: String,
}

impl Seal {
    /// The seal of a folder's database, if there is one.
    pub fn read(folder: &Path) -> Result<Option<Self>, IndexError> {
        match files::read_to_string(&folder.join(SEAL)) {
            Ok(text) => toml::from_str(&text)
                .map(Some)
                .map_err(|e| damaged(SEAL, e.message())),
            Err(FileError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Seals the database as it is on the disk.
    pub fn put(folder: &Path) -> Result<(), IndexError> {
        let database = folder.join(DATABASE);
        let seal = Self {
            length: files::length(&database)?,
            sha256: files::sha256_file(&database)?,
        };
        let text = toml::to_string(&seal).map_err(|e| damaged(SEAL, e))?;
        Ok(files::write_atomic(&folder.join(SEAL), text.as_bytes())?)
    }

    /// Takes the seal away, for good: before anything else changes.
    pub fn remove(folder: &Path) -> Result<(), IndexError> {
        Ok(files::delete(&folder.join(SEAL))?)
    }

    /// Whether the database is the sealed one. `whole`: hash it, whatever its length.
    pub fn matches(&self, folder: &Path, whole: bool) -> Result<bool, IndexError> {
        let database = folder.join(DATABASE);
        Ok(files::length(&database)? == self.length
            && (!whole && self.length > MAX_ALWAYS_HASHED
                || files::sha256_file(&database)? == self.sha256))
    }
}

/// Errors where a sealed database is not what its seal says.
pub fn check_seal(folder: &Path, whole: bool) -> Result<bool, IndexError> {
    let Some(seal) = Seal::read(folder)? else {
        return Ok(false);
    };
    // A writer may have begun between the two looks.
    if seal.matches(folder, whole)? || Seal::read(folder)?.as_ref() != Some(&seal) {
        return Ok(true);
    }
    Err(damaged(DATABASE, "its SHA-256 is not the one in seal.toml"))
}

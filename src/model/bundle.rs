//! A bundle: a folder with a model ready to run (`model.toml`, `tokenizer.json`, weights), or the one that ships.
//!
//! Every file is checked against the SHA-256 that `model.toml` gives before anything is made of it.

use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::error::ModelError;
use super::flamingo::FlamingoConfig;
use crate::support::files;

/// The format this program writes and reads.
pub const FORMAT_VERSION: u32 = 1;

/// `model.toml`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Manifest {
    pub format_version: u32,
    pub family: String,
    pub name: String,
    pub licence: String,
    pub intended_use: String,
    /// What the model knows and what it does not, shown with every answer.
    pub knows: String,
    /// Name of the prompt template.
    pub template: String,
    /// Below this similarity of query and best shot the picture is unlike anything the model was made for.
    pub familiar_similarity: f32,
    pub tokens: SpecialTokens,
    pub pixels: Pixels,
    pub config: FlamingoConfig,
    /// SHA-256 of every other file.
    pub files: BTreeMap<String, String>,
}

/// Special tokens as the tokenizer spells them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SpecialTokens {
    pub begin: String,
    pub image: String,
    pub end_of_chunk: String,
}

/// How pixels are normalised.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Pixels {
    pub mean: [f32; 3],
    pub std: [f32; 3],
}

/// A bundle's files in memory.
pub struct Bundle {
    pub manifest: Manifest,
    pub tokenizer: Cow<'static, [u8]>,
    pub weights: Cow<'static, [u8]>,
    /// SHA-256 of `model.toml`, which names the hash of everything else.
    pub sha256: String,
}

enum Place {
    Shipped,
    Folder(PathBuf),
}

impl Place {
    fn read(&self, name: &str) -> Result<Cow<'static, [u8]>, ModelError> {
        match self {
            Place::Folder(folder) => Ok(Cow::Owned(files::read(&folder.join(name))?)),
            Place::Shipped => crate::shipped::file(&format!("assets/nano/{name}"))
                .map(Cow::Borrowed)
                .ok_or_else(|| damaged(name, "not part of this build")),
        }
    }
}

fn damaged(file: &str, reason: impl ToString) -> ModelError {
    ModelError::Damaged {
        file: file.to_string(),
        reason: reason.to_string(),
    }
}

impl Bundle {
    /// Reads and checks a bundle; `None` is the one that ships.
    pub fn open(folder: Option<&Path>) -> Result<Self, ModelError> {
        let place = match folder {
            None => Place::Shipped,
            Some(folder) => Place::Folder(folder.to_path_buf()),
        };
        let text = place.read("model.toml")?;
        let text_utf8 = std::str::from_utf8(&text).map_err(|e| damaged("model.toml", e))?;
        let version: Version =
            toml::from_str(text_utf8).map_err(|e| damaged("model.toml", e.message()))?;
        if version.format_version != FORMAT_VERSION {
            return Err(ModelError::Version {
                found: version.format_version,
                known: FORMAT_VERSION,
            });
        }
        let manifest: Manifest =
            toml::from_str(text_utf8).map_err(|e| damaged("model.toml", e.message()))?;
        if manifest.family != "flamingo" {
            return Err(ModelError::Family(crate::support::sanitise::clean_line(
                &manifest.family,
            )));
        }
        let checked = |name: &str| {
            let bytes = place.read(name)?;
            match manifest.files.get(name) {
                Some(sum) if *sum == files::sha256_hex(&bytes) => Ok(bytes),
                Some(_) => Err(damaged(name, "its SHA-256 is not the one in model.toml")),
                None => Err(damaged("model.toml", format!("no SHA-256 of {name}"))),
            }
        };
        let (tokenizer, weights) = (checked("tokenizer.json")?, checked("model.safetensors")?);
        Ok(Self {
            tokenizer,
            weights,
            sha256: files::sha256_hex(&text),
            manifest,
        })
    }
}

#[derive(Deserialize)]
struct Version {
    format_version: u32,
}

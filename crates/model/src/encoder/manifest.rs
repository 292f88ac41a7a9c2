//! An encoder's bundle: a folder with `encoder.toml`, `tokenizer.json` and weights.
//!
//! What holds for a learner's bundle holds here: `encoder.toml` gives SHA-256 and length of every other file, small files are hashed
//! before anything is made of them, weights of gigabytes only when verified. A bundle may come from anyone, so sizes are checked
//! before a tensor is made.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

use super::config::{EncoderConfig, Family};
use super::tokens::TextKind;
use crate::bundle::{Pixels, Weights};
use crate::error::ModelError;
use crate::manifest_files::{KnownBy, ManifestFiles, damaged, identity};
use rounds_support::{files, sanitise};

/// The format this program writes and reads.
pub(super) const FORMAT_VERSION: u32 = 1;
/// Longest `encoder.toml`.
const MAX_MANIFEST: u64 = 1 << 20;
/// Longest `tokenizer.json`; SigLIP's largest published one has 34 MB.
pub(super) const MAX_TOKENIZER: u64 = 64 << 20;

/// How texts become tokens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenizerManifest {
    /// How texts are prepared.
    pub kind: TextKind,
    /// Most tokens of a text, special ones included.
    pub context: usize,
    /// Id of the token that ends a text.
    pub end: u32,
    /// Id of the token that fills a text up.
    pub pad: u32,
}

/// `encoder.toml`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct EncoderManifest {
    /// Version of the format.
    pub format_version: u32,
    /// Which architecture it is.
    pub family: Family,
    /// Name shown to people.
    pub name: String,
    /// Licence of the weights.
    pub licence: String,
    /// What the encoder may be used for.
    pub intended_use: String,
    /// How the weights are held: `f32`, `f16`, `bf16`, `q8_0`.
    pub dtype: String,
    /// Files with weights: `*.safetensors` or `*.gguf`.
    pub weights: Vec<String>,
    /// What identifies its vectors.
    #[serde(default, skip_serializing_if = "KnownBy::is_default")]
    pub vectors_known_by: KnownBy,
    /// How pixels are prepared.
    pub pixels: Pixels,
    /// How texts become tokens.
    pub tokenizer: TokenizerManifest,
    /// Sizes of both towers.
    pub config: EncoderConfig,
    /// SHA-256 of every other file.
    pub files: BTreeMap<String, String>,
    /// Length in bytes of every other file.
    pub lengths: BTreeMap<String, u64>,
}

/// An encoder's bundle that was opened.
pub struct EncoderBundle {
    /// What `encoder.toml` says.
    pub manifest: EncoderManifest,
    /// The text of `tokenizer.json`.
    pub tokenizer: Vec<u8>,
    /// Where the weights are.
    pub weights: Weights,
}

#[derive(Deserialize)]
struct ManifestHeader {
    format_version: u32,
    family: String,
}

impl EncoderManifest {
    /// What its vectors are known by: with [`KnownBy::Weights`] the SHA-256 of the file of weights, or of the files' sums where
    /// there are several.
    pub fn id(&self) -> String {
        let manifest_files = self.manifest_files();
        let mut hashes = manifest_files.weight_hashes();
        match (self.vectors_known_by, hashes.as_slice()) {
            (KnownBy::Weights, [one]) => (*one).to_string(),
            (KnownBy::Weights, several) => files::sha256_hex(several.join("\n").as_bytes()),
            (KnownBy::Settings, _) => {
                hashes.extend(self.files.get("tokenizer.json").map(String::as_str));
                let towers = (self.family, &self.config, &self.pixels, &self.tokenizer);
                identity(&hashes, &towers)
            }
        }
    }

    fn manifest_files(&self) -> ManifestFiles<'_> {
        ManifestFiles {
            manifest: EncoderBundle::MANIFEST,
            weights: &self.weights,
            files: &self.files,
            lengths: &self.lengths,
        }
    }

    fn check(&self) -> Result<(), String> {
        self.config.check(self.family)?;
        let (tokenizer, text) = (&self.tokenizer, &self.config.text);
        if !(2..=text.positions).contains(&tokenizer.context) {
            return Err(format!(
                "a context of {} where the text tower has {} positions",
                tokenizer.context, text.positions
            ));
        }
        if [tokenizer.end, tokenizer.pad]
            .iter()
            .any(|&id| id as usize >= text.vocab_size)
        {
            return Err("a token's id is past the vocabulary".into());
        }
        let numbers = self.pixels.mean.iter().chain(&self.pixels.std);
        if !numbers.clone().all(|v| v.is_finite()) || self.pixels.std.iter().any(|v| *v <= 0.0) {
            return Err("mean and std of the pixels are not numbers that can be used".into());
        }
        match self.weights.is_empty() {
            true => Err("it names no weights".into()),
            false => Ok(()),
        }
    }
}

impl EncoderBundle {
    /// Name of the manifest.
    pub const MANIFEST: &'static str = "encoder.toml";

    /// Whether `folder` holds an encoder's bundle.
    pub fn is_one(folder: &Path) -> bool {
        folder.join(Self::MANIFEST).is_file()
    }

    /// Reads and checks a bundle.
    pub fn open(folder: &Path) -> Result<Self, ModelError> {
        let manifest = Self::manifest(folder)?;
        let manifest_files = manifest.manifest_files();
        let tokenizer = files::read_plain(&folder.join("tokenizer.json"), MAX_TOKENIZER)?;
        manifest_files.check("tokenizer.json", &tokenizer)?;
        let weights = Weights::Files(manifest_files.weights(folder)?);
        Ok(Self {
            tokenizer,
            weights,
            manifest,
        })
    }

    /// Reads `encoder.toml` of a bundle in `folder`, and nothing else.
    pub fn manifest(folder: &Path) -> Result<EncoderManifest, ModelError> {
        let path = folder.join(Self::MANIFEST);
        Self::manifest_of(&files::read_plain(&path, MAX_MANIFEST)?)
    }

    /// Reads the text of an `encoder.toml`; also the fuzzer's way in.
    pub fn manifest_of(text: &[u8]) -> Result<EncoderManifest, ModelError> {
        let wrong = |reason: &str| damaged(Self::MANIFEST, reason);
        let text = std::str::from_utf8(text).map_err(|e| wrong(&e.to_string()))?;
        let header: ManifestHeader = toml::from_str(text).map_err(|e| wrong(e.message()))?;
        if header.format_version != FORMAT_VERSION {
            return Err(ModelError::Version {
                found: header.format_version,
                known: FORMAT_VERSION,
            });
        }
        let known = [Family::Clip, Family::Siglip, Family::Biomedclip];
        if !known.iter().any(|family| family.name() == header.family) {
            return Err(ModelError::Family(sanitise::clean_line(&header.family)));
        }
        let mut manifest: EncoderManifest = toml::from_str(text).map_err(|e| wrong(e.message()))?;
        manifest.manifest_files().validate()?;
        manifest.check().map_err(|reason| wrong(&reason))?;
        for words in [
            &mut manifest.name,
            &mut manifest.licence,
            &mut manifest.intended_use,
        ] {
            *words = sanitise::clean_line(words);
        }
        Ok(manifest)
    }

    /// Hashes every file of a bundle in `folder`; gives a line for each that is not as written.
    pub fn verify(folder: &Path) -> Result<Vec<String>, ModelError> {
        Ok(Self::manifest(folder)?.manifest_files().problems(folder))
    }
}

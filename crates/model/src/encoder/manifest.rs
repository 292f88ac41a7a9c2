//! An encoder's bundle: a folder with `encoder.toml`, `tokenizer.json` and weights.
//!
//! As in a learner's bundle, `encoder.toml` gives the SHA-256 and length of every other file; small files are hashed before they are
//! parsed, large weights only when verified. A bundle is untrusted, so sizes are checked before a tensor is allocated.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

use super::config::{EncoderConfig, Family};
use super::tokens::TextKind;
use crate::bundle::{Pixels, Weights};
use crate::error::ModelError;
use crate::manifest_files::{ENCODER_MANIFEST, ManifestFiles, VectorIdentity, damaged, identity};
use rounds_support::{files, sanitise};

/// Version of the `encoder.toml` format that this program reads and writes.
pub(super) const FORMAT_VERSION: u32 = 1;
/// Maximum length of `encoder.toml` in bytes.
const MAX_MANIFEST: u64 = 1 << 20;
/// Maximum length of `tokenizer.json` in bytes; SigLIP's largest published one has 34 MB.
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
    /// Id of the padding token.
    pub pad: u32,
}

/// The content of `encoder.toml`.
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
    /// How the weights are stored: `f32`, `f16`, `bf16`, `q8_0`.
    pub dtype: String,
    /// Files with weights: `*.safetensors` or `*.gguf`.
    pub weights: Vec<String>,
    /// What identifies its vectors.
    #[serde(default, skip_serializing_if = "VectorIdentity::is_default")]
    pub vectors_known_by: VectorIdentity,
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

/// An opened encoder bundle.
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
    /// Identifies its vectors; with [`VectorIdentity::Weights`] it is the SHA-256 of the weights file, or of the files' hashes if there are
    /// several.
    pub fn id(&self) -> String {
        let manifest_files = self.manifest_files();
        let mut hashes = manifest_files.weight_hashes();
        match (self.vectors_known_by, hashes.as_slice()) {
            (VectorIdentity::Weights, [one]) => (*one).to_string(),
            (VectorIdentity::Weights, several) => files::sha256_hex(several.join("\n").as_bytes()),
            (VectorIdentity::Settings, _) => {
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
                "the context is {}, but must be from 2 to the {} positions of the text tower",
                tokenizer.context, text.positions
            ));
        }
        if [tokenizer.end, tokenizer.pad]
            .iter()
            .any(|&id| id as usize >= text.vocab_size)
        {
            return Err("the id of a special token is outside the vocabulary".into());
        }
        self.pixels.check()?;
        match self.weights.is_empty() {
            true => Err("it lists no weights".into()),
            false => Ok(()),
        }
    }
}

impl EncoderBundle {
    /// File name of the manifest.
    pub const MANIFEST: &'static str = ENCODER_MANIFEST;

    /// Whether `folder` is an encoder's bundle.
    pub fn is_encoder(folder: &Path) -> bool {
        folder.join(Self::MANIFEST).is_file()
    }

    /// Reads and checks the bundle in `folder`.
    pub fn open(folder: &Path) -> Result<Self, ModelError> {
        let manifest = Self::manifest(folder)?;
        let manifest_files = manifest.manifest_files();
        let tokenizer = files::read_regular_file(&folder.join("tokenizer.json"), MAX_TOKENIZER)?;
        manifest_files.check("tokenizer.json", &tokenizer)?;
        let weights = Weights::Files(manifest_files.weights(folder)?);
        Ok(Self {
            tokenizer,
            weights,
            manifest,
        })
    }

    /// Reads only `encoder.toml` of the bundle in `folder`.
    pub fn manifest(folder: &Path) -> Result<EncoderManifest, ModelError> {
        let path = folder.join(Self::MANIFEST);
        Self::parse_manifest(&files::read_regular_file(&path, MAX_MANIFEST)?)
    }

    /// Parses and checks the text of an `encoder.toml`. Public for the fuzzer.
    pub fn parse_manifest(text: &[u8]) -> Result<EncoderManifest, ModelError> {
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
        for text in [
            &mut manifest.name,
            &mut manifest.licence,
            &mut manifest.intended_use,
        ] {
            *text = sanitise::clean_line(text);
        }
        Ok(manifest)
    }

    /// Hashes every file of the bundle in `folder`; returns a message for each that differs from the manifest.
    pub fn verify(folder: &Path) -> Result<Vec<String>, ModelError> {
        Ok(Self::manifest(folder)?.manifest_files().problems(folder))
    }
}

//! The last step of every import: the manifest of what was written, and the bundle's folder.

use std::collections::BTreeMap;
use std::path::Path;

use super::tokens::ImportedTokenizer;
use super::{ImportError, StagedWeights, WeightFormat};
use crate::bundle::{FORMAT_VERSION, Manifest, Pixels, VectorIdentity};
use crate::families::ModelConfig;
use rounds_support::{files, sanitise};

/// What differs between imported bundles.
pub(super) struct Imported<'a> {
    pub(super) family: &'a str,
    /// As given; it is sanitised here.
    pub(super) name: &'a str,
    /// What follows the name in the sentence about every answer.
    pub(super) knows: &'a str,
    pub(super) template: String,
    pub(super) pixels: Pixels,
    pub(super) config: ModelConfig,
    pub(super) tokenizer: ImportedTokenizer,
    pub(super) format: WeightFormat,
}

impl Imported<'_> {
    /// Moves the weights to `folder`, with tokenizer and manifest beside them.
    pub(super) fn commit(self, written: StagedWeights, folder: &Path) -> Result<(), ImportError> {
        let name = sanitise::clean_line(self.name);
        let weights = self.format.file().to_string();
        let json = &self.tokenizer.json;
        let tokenizer = "tokenizer.json".to_string();
        let manifest = Manifest {
            format_version: FORMAT_VERSION,
            family: self.family.into(),
            licence: "as published with the weights".into(),
            intended_use: rounds_support::INTENDED_USE.into(),
            knows: format!("{name} {}", self.knows),
            name,
            template: self.template,
            familiar_similarity: -1.0,
            reliability: None,
            dtype: self.format.name().into(),
            weights: vec![weights.clone()],
            vectors_known_by: VectorIdentity::Settings,
            tokens: self.tokenizer.special,
            pixels: self.pixels,
            config: self.config,
            files: BTreeMap::from([
                (weights.clone(), written.sha256.clone()),
                (tokenizer.clone(), files::sha256_hex(json.as_bytes())),
            ]),
            lengths: BTreeMap::from([(weights, written.length), (tokenizer, json.len() as u64)]),
        };
        let text = toml::to_string(&manifest)
            .map_err(|e| ImportError::config("model.toml", e.to_string()))?;
        Ok(written.commit(folder, json, ("model.toml", &text))?)
    }
}

//! Imports a published encoder as a bundle.
//!
//! The towers say which tensors they need, and `rules` how to make each of them. Every published tensor must then be used or known to
//! be unneeded: whatever is missing, unknown or has another shape is reported, never skipped. `encoder.toml` is written last, so
//! an interrupted import leaves nothing that looks like a bundle.

mod config_reader;
mod defaults;
mod hugging_face;
mod layout;
mod open_clip;
mod pixels;
mod rules;
mod sentencepiece;
mod sizes;
mod tokenizer;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use self::config_reader::CheckpointConfig;
use self::layout::{Layout, find_weights};
use self::sizes::read_config;
use super::config::{Activation, EncoderConfig, Family};
use super::image::ImageTower;
use super::manifest::{EncoderBundle, EncoderManifest, FORMAT_VERSION};
use super::text::TextTower;
use crate::bundle::VectorIdentity;
use crate::import::assemble::assemble;
use crate::import::check::{check, unused};
use crate::import::key_map::Rules;
use crate::import::{
    ImportError, Sources, WeightFormat, check_free_space, size_of_weights, write_weights,
};
use crate::store::{TensorSpec, required_tensors};
use crate::weights::{Source, WeightError};
use rounds_support::{Cancel, files, sanitise};

/// Options of an encoder's import.
pub struct EncoderOptions {
    /// How the weights are stored; `q4_k` is not supported for encoders.
    pub weight_format: WeightFormat,
    /// Name of the new bundle.
    pub name: String,
    /// Its licence, if known.
    pub licence: Option<String>,
    /// File or folder of the tokenizer, if it is not next to the weights.
    pub tokenizer: Option<PathBuf>,
    /// Settings that the published files lack or get wrong.
    pub overrides: Overrides,
}

/// Settings that the published files lack or get wrong.
#[derive(Clone, Copy, Debug, Default)]
pub struct Overrides {
    /// Attention heads of the image tower.
    pub vision_heads: Option<usize>,
    /// Attention heads of the text tower.
    pub text_heads: Option<usize>,
    /// Activation of both towers.
    pub activation: Option<Activation>,
}

/// Result of an import.
#[derive(Debug)]
pub struct Summary {
    /// The family that was recognised.
    pub family: Family,
    /// Tensors written.
    pub tensors: usize,
    /// Parameters written.
    pub parameters: u64,
    /// Published tensors that are not needed: scales of the loss, lists of positions.
    pub ignored: usize,
    /// Length of the weights file in bytes.
    pub bytes: u64,
}

/// Imports the encoder at `checkpoint`, a weights file or a folder, into the folder `out`. `progress` gets the number of tensors
/// written and of all tensors.
///
/// On an error `out` stays unchanged; an existing bundle is replaced only when the new one is complete.
pub fn import(
    checkpoint: &Path,
    out: &Path,
    options: &EncoderOptions,
    cancel: &Cancel,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Summary, ImportError> {
    if options.weight_format == WeightFormat::Q4K {
        let reason = "an encoder in four bits would find other neighbours; use q8_0 or larger";
        return Err(ImportError::config("the import", reason.into()));
    }
    let weights = find_weights(checkpoint)?;
    let source = Source::open(&weights)?;
    let folder = weights.parent().unwrap_or(Path::new("."));
    let layout = Layout::of(&source)?;
    let checkpoint_config = read_config(&layout, &source, folder, &options.overrides)?;
    let sources = Sources {
        checkpoint: source,
        language: None,
        vision: None,
    };
    let origin = sources.checkpoint.origin();
    let (family, config) = (layout.family(), &checkpoint_config.config);
    config
        .check(family)
        .map_err(|reason| ImportError::config(origin, reason))?;
    let specs = tensors(family, config)?;
    let used = check(&layout, &sources, &specs)?;
    let tokens = tokenizer::find(
        &layout,
        options.tokenizer.as_deref().unwrap_or(folder),
        config.text.vocab_size,
        checkpoint_config.context,
    )?;
    files::create_private_dir(out)?;
    check_free_space(out, size_of_weights(options.weight_format, &specs))?;
    let mut done = 0;
    let written = write_weights(out, options.weight_format, &specs, &mut |tensor| {
        if cancel.is_cancelled() {
            return Err(ImportError::Cancelled);
        }
        progress(done, specs.len());
        done += 1;
        let recipe = layout
            .find(&tensor.name)
            .ok_or_else(|| WeightError::format(&tensor.name, "it has no known source"))?;
        assemble(&sources, &recipe, tensor)
    })?;
    progress(specs.len(), specs.len());
    let summary = Summary {
        family,
        tensors: specs.len(),
        parameters: specs
            .iter()
            .map(|a| a.shape.iter().map(|&d| d as u64).product::<u64>())
            .sum(),
        ignored: unused(&sources, &used).count(),
        bytes: written.length,
    };
    let file_entries = [
        (
            options.weight_format.file(),
            written.sha256.clone(),
            written.length,
        ),
        (
            "tokenizer.json",
            files::sha256_hex(tokens.json.as_bytes()),
            tokens.json.len() as u64,
        ),
    ];
    let manifest = manifest(
        family,
        checkpoint_config,
        tokens.manifest,
        &file_entries,
        options,
    );
    let text = toml::to_string(&manifest)
        .map_err(|e| ImportError::config(EncoderBundle::MANIFEST, e.to_string()))?;
    written.commit(out, &tokens.json, (EncoderBundle::MANIFEST, &text))?;
    Ok(summary)
}

/// The tokenizer of a published BERT, from its `tokenizer.json` or `vocab.txt`.
pub(super) fn word_piece_tokenizer(
    folder: &Path,
    rows: usize,
    context: usize,
) -> Result<tokenizers::Tokenizer, ImportError> {
    let found = tokenizer::find(&Layout::BiomedClip, folder, rows, context)?;
    super::tokens::parse(found.json.as_bytes())
        .map_err(|reason| ImportError::config(&folder.to_string_lossy(), reason))
}

fn manifest(
    family: Family,
    checkpoint_config: CheckpointConfig,
    tokenizer: super::TokenizerManifest,
    file_entries: &[(&str, String, u64)],
    options: &EncoderOptions,
) -> EncoderManifest {
    let licence = options.licence.as_deref();
    EncoderManifest {
        format_version: FORMAT_VERSION,
        family,
        name: sanitise::clean_line(&options.name),
        licence: sanitise::clean_line(licence.unwrap_or("as published with the weights")),
        intended_use: rounds_support::INTENDED_USE.into(),
        dtype: options.weight_format.name().into(),
        weights: vec![options.weight_format.file().into()],
        vectors_known_by: VectorIdentity::Settings,
        pixels: checkpoint_config.pixels,
        tokenizer,
        config: checkpoint_config.config,
        files: file_entries
            .iter()
            .map(|(name, sum, _)| ((*name).to_string(), sum.clone()))
            .collect::<BTreeMap<_, _>>(),
        lengths: file_entries
            .iter()
            .map(|(name, _, length)| ((*name).to_string(), *length))
            .collect(),
    }
}

/// Every tensor that the two towers need.
fn tensors(family: Family, config: &EncoderConfig) -> Result<Vec<TensorSpec>, ImportError> {
    Ok(required_tensors(|store| {
        ImageTower::load(family, config, &store.pp("visual"))?;
        TextTower::load(family, config, &store.pp("text"))?;
        Ok(())
    })?)
}

//! Imports a MedVInT checkpoint of PMC-VQA: one file with vision tower, query decoder and language model, its LoRA not yet merged.
//!
//! Which tensors are needed is what the model's own loading code asks for; [`names`] says how each is published, [`sizes`] infers the
//! configuration. Whatever is missing, unknown or has another shape is reported, never skipped.

mod names;
mod sizes;

use std::path::{Path, PathBuf};

use self::names::Names;
use super::commit::Imported;
use super::convert::Conversion;
use super::infer_config::JsonConfig;
use super::tokens::{self, TokenizerText};
use super::{ImportError, ImportSummary, Sources, WeightFormat, peft};
use crate::bundle::{Fit, Pixels};
use rounds_support::Cancel;

/// Which MedVInT a checkpoint is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MedvintVariant {
    /// MedVInT-TD, which writes answers.
    Td,
    /// MedVInT-TE, which fills in masked answers.
    Te,
}

impl MedvintVariant {
    /// The name of its family, and of its default template.
    pub fn name(self) -> &'static str {
        match self {
            Self::Td => "medvint-td",
            Self::Te => "medvint-te",
        }
    }
}

/// What to import.
pub struct MedvintRequest {
    /// Which variant it is.
    pub variant: MedvintVariant,
    /// The checkpoint: a file, or a folder with `pytorch_model.bin`.
    pub checkpoint: PathBuf,
    /// A folder with the language model's `config.json`; without it the sizes of LLaMA that tensors do not show are assumed. Its weights
    /// are not read: the checkpoint has them.
    pub language: Option<PathBuf>,
    /// `tokenizer.json` or its folder; by default it is looked for next to the checkpoint and in the language folder.
    pub tokenizer: Option<PathBuf>,
    /// Folder of the new bundle.
    pub out: PathBuf,
    /// Name of the new bundle.
    pub name: String,
    /// Side of the square input in pixels, for a ResNet; 512 if not given. The positions of a CLIP show it.
    pub image_size: Option<usize>,
    /// Attention heads of a CLIP tower, if not one per 64 channels.
    pub vision_heads: Option<usize>,
    /// Attention heads of the query decoder, if not as published.
    pub query_heads: Option<usize>,
    /// Numerator of the factor of its LoRA, `alpha / rank`, which no tensor shows; `None` for that of an `adapter_config.json` beside the
    /// checkpoint, else 32 as in PMC-VQA's code.
    pub lora_alpha: Option<u32>,
    /// How weights are stored.
    pub weight_format: WeightFormat,
    /// Token in front of every text, if not as published.
    pub begin: Option<String>,
    /// Prompt template; `None` for the default of the variant.
    pub template: Option<String>,
}

/// Imports a checkpoint. `progress` gets the number of tensors written and of all tensors.
///
/// On an error the output folder stays unchanged; an existing bundle is replaced only when the new one is complete.
pub fn import_medvint(
    request: &MedvintRequest,
    cancel: &Cancel,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<ImportSummary, ImportError> {
    let sources = Sources {
        checkpoint: peft::open(&request.checkpoint)?,
        language: None,
        vision: None,
    };
    let json = request.language.as_deref().map(JsonConfig::from_folder);
    let alpha = peft::alpha(request.lora_alpha, &request.checkpoint)?;
    let names = Names::of(request.variant, &sources.checkpoint, alpha)?;
    let (config, names) = sizes::infer(request, &sources.checkpoint, json.transpose()?, names)?;
    let text = TokenizerText::from_file(&tokenizer_file(request)?)?;
    let mut tokens = tokens::medvint(&text, request.variant)?;
    if let Some(begin) = &request.begin {
        tokens.special.begin = begin.clone();
    }
    let template = request.template.clone();
    let conversion = Conversion {
        sources: &sources,
        rules: &names,
        out: &request.out,
        bundle: Imported {
            family: request.variant.name(),
            name: &request.name,
            knows: "was imported from published weights and was not evaluated for medical use; it was trained on one image and one question, so shots and further images are outside what it was trained on",
            template: template.unwrap_or_else(|| request.variant.name().into()),
            pixels: Pixels::imagenet(Fit::SquashOpaque),
            config: config.into(),
            tokenizer: tokens,
            format: request.weight_format,
        },
    };
    conversion.run(|_| Ok(()), cancel, progress)
}

/// The given tokenizer, else one next to the checkpoint or in the language folder.
fn tokenizer_file(request: &MedvintRequest) -> Result<PathBuf, ImportError> {
    let inside = |folder: &Path| folder.join("tokenizer.json");
    let candidates: Vec<PathBuf> = match request.tokenizer.as_deref() {
        Some(folder) if folder.is_dir() => vec![inside(folder)],
        Some(file) => vec![file.to_path_buf()],
        None => {
            let checkpoint = match request.checkpoint.is_dir() {
                true => Some(request.checkpoint.as_path()),
                false => request.checkpoint.parent(),
            };
            let folders = [checkpoint, request.language.as_deref()];
            folders.into_iter().flatten().map(inside).collect()
        }
    };
    let found = candidates.into_iter().find(|file| file.is_file());
    found.ok_or_else(|| {
        ImportError::config(
            "the import",
            "there is no tokenizer.json: give LLaMA's, or its folder, with --tokenizer".into(),
        )
    })
}

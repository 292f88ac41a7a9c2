//! Imports a prefix-tuned model: the state dict that its training saved, the language model it was tuned from, and a CLIP.
//!
//! As for a Flamingo, the model says which tensors it needs and every published tensor must be used or known to be unneeded.

mod adapters;
mod rules;
mod sizes;

use std::path::PathBuf;

use self::adapters::Adapters;
use self::rules::PrefixMap;
use super::commit::Imported;
use super::convert::Conversion;
use super::key_map::{Family, KeyMap};
use super::recipe::LanguageLayout;
use super::tokens::TokenizerText;
use super::{
    ImportError, ImportSummary, Sources, WeightFormat, gpt, infer_config, llama_cpp, peft,
    tokenizer_near, tokens,
};
use crate::bundle::{Fit, Pixels, SpecialTokens};
use crate::language::DecoderConfig;
use crate::prefix::{Architecture, Layout, PrefixConfig};
use crate::vision::VisionConfig;
use crate::weights::Source;
use rounds_support::Cancel;

/// What to import.
pub struct PrefixRequest {
    /// The state dict that training saved, usually `open_ended_latest.pt`.
    pub checkpoint: PathBuf,
    /// The language model it was tuned from: a folder of transformers, or a GGUF file of llama.cpp.
    pub language: PathBuf,
    /// The CLIP whose vectors it was trained on.
    pub vision: PathBuf,
    /// `tokenizer.json` or its folder; by default it is looked for next to the checkpoint and the language model.
    pub tokenizer: Option<PathBuf>,
    /// Folder of the new bundle.
    pub out: PathBuf,
    /// Name of the new bundle.
    pub name: String,
    /// Which sequences it was trained on.
    pub layout: Layout,
    /// Attention heads of the vision tower, where the files do not say.
    pub vision_heads: Option<usize>,
    /// Numerator of the factor of additions of low rank, `alpha / rank`, which no tensor shows; `None` for that of an `adapter_config.json`
    /// beside the checkpoint, else 32 as published.
    pub lora_alpha: Option<u32>,
    /// Keeps additions of low rank apart from the weights, instead of adding them.
    pub keep_lora: bool,
    /// How weights are stored.
    pub weight_format: WeightFormat,
    /// Token in front of every prompt; none as published.
    pub begin: Option<String>,
    /// Prompt template; `None` for that of the layout.
    pub template: Option<String>,
}

/// A `tokenizer.json` with the token `<image>`, and the special tokens of a prefix-tuned model.
///
/// Errors where no token can end an answer.
pub fn prefix_tokenizer(json: &str) -> Result<(String, SpecialTokens), ImportError> {
    let text = TokenizerText {
        origin: "tokenizer.json".into(),
        bytes: json.as_bytes().to_vec(),
    };
    tokens::prefix(&text).map(|made| (made.json, made.special))
}

/// Imports a prefix-tuned model. `progress` gets the number of tensors written and of all tensors.
///
/// On an error the output folder stays unchanged; an existing bundle is replaced only when the new one is complete.
pub fn import_prefix(
    request: &PrefixRequest,
    cancel: &Cancel,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<ImportSummary, ImportError> {
    let sources = Sources {
        checkpoint: peft::open(&request.checkpoint)?,
        language: Some(Source::open(&request.language)?),
        vision: Some(Source::open(&request.vision)?),
    };
    let (map, config) = plan(request, &sources)?;
    let near = [request.checkpoint.as_path(), request.language.as_path()];
    let language = sources.language.as_ref().unwrap_or(&sources.checkpoint);
    let text = tokenizer_near(request.tokenizer.as_deref(), &near, language)?;
    let mut tokens = tokens::prefix(&text)?;
    if let Some(begin) = &request.begin {
        tokens.special.begin = begin.clone();
    }
    let template = request.template.clone();
    let conversion = Conversion {
        sources: &sources,
        rules: &map,
        out: &request.out,
        bundle: Imported {
            family: "prefix",
            name: &request.name,
            knows: "was imported from trained weights and was not evaluated for medical use",
            template: template.unwrap_or_else(|| config.layout.template().into()),
            pixels: Pixels::clip(Fit::Crop),
            config: config.into(),
            tokenizer: tokens,
            format: request.weight_format,
        },
    };
    conversion.run(|_| Ok(()), cancel, progress)
}

/// The sizes of the model, and how its tensors are made.
fn plan<'a>(
    request: &PrefixRequest,
    sources: &'a Sources,
) -> Result<(PrefixMap<'a>, PrefixConfig), ImportError> {
    let missing = || ImportError::config("the import", "a model is missing".into());
    let language = sources.language.as_ref().ok_or_else(missing)?;
    let vision = sources.vision.as_ref().ok_or_else(missing)?;
    let (layout, mut decoder) = decoder(request, language)?;
    let json = request.vision.is_dir();
    let json = json.then(|| infer_config::JsonConfig::from_folder(&request.vision).ok());
    let (vision_layout, tower) =
        infer_config::vision(vision, json.flatten().as_ref(), request.vision_heads)?;
    let base = KeyMap {
        family: Family::Flamingo,
        language: layout,
        llama_cpp: language.gguf().is_some(),
        vision: vision_layout,
        heads: decoder.attention_heads(),
        tied_head: decoder.tied_head,
    };
    let checkpoint = &sources.checkpoint;
    let adapters = Adapters::find(checkpoint);
    let map = PrefixMap {
        base,
        checkpoint,
        adapters,
        alpha: peft::alpha(request.lora_alpha, &request.checkpoint)?,
        keep: request.keep_lora,
        layout: request.layout,
    };
    if request.keep_lora {
        decoder.low_rank = map.low_rank(&decoder)?;
    }
    // A quantised head is stored in addition to the embedding table, whose rows must stay readable.
    decoder.tied_head &= !request.weight_format.is_packed();
    let config = PrefixConfig {
        architecture: Architecture::Prefix,
        prefix_length: sizes::prefix_length(checkpoint, request.layout, &decoder)?,
        layout: request.layout,
        mapper: match request.layout.sees_image() {
            true => Some(sizes::mapper(checkpoint, &decoder)?),
            false => None,
        },
        virtual_tokens: sizes::virtual_tokens(checkpoint, &decoder)?,
        vision: VisionConfig::Clip(tower),
        language: decoder,
    };
    Ok((map, config))
}

fn decoder(
    request: &PrefixRequest,
    source: &Source,
) -> Result<(LanguageLayout, DecoderConfig), ImportError> {
    let rows = |table: &str| source.shape(table)?.first().copied();
    const TABLES: [&str; 4] = [
        "token_embd.weight",
        "model.embed_tokens.weight",
        "gpt_neox.embed_in.weight",
        "transformer.wte.weight",
    ];
    let found = gpt::vocabulary(source).or_else(|| TABLES.iter().find_map(|table| rows(table)));
    let vocab = found.ok_or_else(|| {
        let reason = "it has no token table of GPT-2, BioGPT, LLaMA, GPT-NeoX or MPT".into();
        ImportError::config(source.origin(), reason)
    })?;
    match source.gguf() {
        Some(file) => llama_cpp::language(file, source, vocab),
        None => {
            let json = infer_config::JsonConfig::from_folder(&request.language)?;
            infer_config::language(&json, source, vocab)
        }
    }
}

//! `rounds model import`: converts published weights into a bundle.

use clap::{Args, ValueEnum};
use std::path::{Path, PathBuf};

use super::new_bundle_folder;
use crate::cli::failure::Outcome;
use rounds_assistant::prompt::Template;
use rounds_model::encoder::{self, Activation, EncoderOptions, Overrides};
use rounds_model::flamingo::MediaMask;
use rounds_model::import::{
    ImportError, ImportSummary, MedvintRequest, MedvintVariant, PrefixRequest, Request,
    WeightFormat, import, import_medvint, import_prefix,
};
use rounds_model::prefix::Layout;
use rounds_support::errors::{count, display_path};
use rounds_support::{Cancel, Failure, Progress, stderr_line};

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Family {
    /// OpenFlamingo (both versions) and Med-Flamingo
    Flamingo,
    /// IDEFICS-9B and IDEFICS-9B-instruct
    Idefics,
    /// A prefix-tuned language model: what open-ended-medical-vqa's training saved, over GPT-2, BioMedLM, BioGPT or LLaMA
    Prefix,
    /// MedVInT-TD of PMC-VQA, which writes answers
    MedvintTd,
    /// MedVInT-TE of PMC-VQA, which fills in masked answers
    MedvintTe,
    /// An image-text encoder for retrieval: CLIP, SigLIP or BiomedCLIP
    Encoder,
}

impl Family {
    fn medvint(self) -> Option<MedvintVariant> {
        match self {
            Self::MedvintTd => Some(MedvintVariant::Td),
            Self::MedvintTe => Some(MedvintVariant::Te),
            _ => None,
        }
    }
}

#[derive(Args)]
pub struct Import {
    /// Layout of the published files
    #[arg(long, value_enum)]
    family: Family,
    /// Published checkpoint: a file, or a folder with the weights (IDEFICS: the whole repository)
    #[arg(long)]
    checkpoint: PathBuf,
    /// Base language model: a folder with config.json, tokenizer.json and weights, or a llama.cpp GGUF file (LLaMA,
    /// GPT-NeoX, MPT) with a tokenizer.json next to it. A MedVInT has the weights in its checkpoint: a folder with
    /// config.json and tokenizer.json is enough
    #[arg(long)]
    language: Option<PathBuf>,
    /// CLIP weights: an open_clip file, or a Hugging Face folder
    #[arg(long)]
    vision: Option<PathBuf>,
    /// tokenizer.json or its folder, if it is stored elsewhere
    #[arg(long)]
    tokenizer: Option<PathBuf>,
    /// Name for the bundle, or a folder
    #[arg(long)]
    out: PathBuf,
    /// Model name in the manifest [default: the last part of --out]
    #[arg(long)]
    name: Option<String>,
    /// Which image the text attends to: the previous one (OpenFlamingo 2) or the next one (0.0.2, used by Med-Flamingo's demo)
    #[arg(long, value_enum, default_value = "previous")]
    media_mask: MediaMask,
    /// Number of layers per gated cross-attention block; checked against the checkpoint
    #[arg(long)]
    cross_attn_every: Option<usize>,
    /// Attention heads of the vision tower, if its files do not state them [default: width / 64]
    #[arg(long)]
    vision_heads: Option<usize>,
    /// Attention heads of a MedVInT's query decoder [default: as published]
    #[arg(long)]
    query_heads: Option<usize>,
    /// Side of the images in pixels, for a MedVInT with a ResNet [default: 512]
    #[arg(long)]
    image_size: Option<usize>,
    /// Attention heads of an encoder's text tower, if its files do not state them
    #[arg(long)]
    text_heads: Option<usize>,
    /// Activation function of an encoder, if its files do not state it
    #[arg(long, value_enum)]
    activation: Option<Activation>,
    /// Sequences that a prefix-tuned model was trained on
    #[arg(long, value_enum, default_value_t)]
    layout: Layout,
    /// Alpha of the LoRA of a prefix-tuned model or a MedVInT, which no tensor shows [default: that of an adapter_config.json
    /// beside the checkpoint, else 32 as in the papers' code]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    lora_alpha: Option<u32>,
    /// Keep a prefix-tuned model's LoRA apart from the weights, so that quantising does not touch it
    #[arg(long)]
    keep_lora: bool,
    /// Licence of an encoder's weights, as its publisher names it
    #[arg(long)]
    licence: Option<String>,
    /// Weight type [default: bf16, or f16 for an encoder]
    #[arg(long, value_enum)]
    dtype: Option<WeightFormat>,
    /// Token at the start of every prompt [default: the tokenizer's <s>, if it has one]
    #[arg(long)]
    begin: Option<String>,
    /// Prompt template [default: med-flamingo for LLaMA, that of the family for IDEFICS and MedVInT (add
    /// -choice to it for a choice of answers), prefix or that of its layout for prefix tuning, else
    /// open-flamingo]
    #[arg(long)]
    template: Option<String>,
}

pub fn run(arguments: &Import, cancel: &Cancel) -> Outcome {
    if let Some(template) = &arguments.template {
        Template::shipped(template).map_err(Failure::usage)?;
    }
    let out = new_bundle_folder(&arguments.out)?;
    let name = arguments.name.clone().unwrap_or_else(|| {
        out.file_name()
            .map_or_else(|| "imported".into(), |n| n.to_string_lossy().into_owned())
    });
    if arguments.family == Family::Encoder {
        return run_encoder(arguments, &out, name, cancel);
    }
    if arguments.family == Family::Prefix {
        let request = prefix_request(arguments, &out, name)?;
        let imported = with_progress(|progress| import_prefix(&request, cancel, progress))?;
        return Ok(report(&out, &imported));
    }
    if let Some(variant) = arguments.family.medvint() {
        let request = medvint_request(arguments, variant, &out, name);
        let imported = with_progress(|progress| import_medvint(&request, cancel, progress))?;
        return Ok(report(&out, &imported));
    }
    let request = Request {
        idefics: arguments.family == Family::Idefics,
        checkpoint: arguments.checkpoint.clone(),
        language: arguments.language.clone(),
        vision: arguments.vision.clone(),
        tokenizer: arguments.tokenizer.clone(),
        out: out.clone(),
        name,
        media_mask: arguments.media_mask,
        cross_attn_every_n: arguments.cross_attn_every,
        vision_heads: arguments.vision_heads,
        weight_format: arguments.dtype.unwrap_or(WeightFormat::Bf16),
        begin: arguments.begin.clone(),
        template: arguments.template.clone(),
    };
    let imported = with_progress(|progress| import(&request, cancel, progress))?;
    Ok(report(&out, &imported))
}

/// Says what was imported; returns the exit code.
fn report(out: &Path, imported: &ImportSummary) -> u8 {
    stderr_line(format_args!(
        "{}: {}, {} parameters ({} of them in the checkpoint), {} unused, {:.2} GB",
        display_path(out),
        count(imported.tensors, "tensor"),
        imported.parameters,
        imported.checkpoint_parameters,
        count(imported.ignored, "published tensor"),
        imported.bytes as f64 / 1e9
    ));
    0
}

fn prefix_request(arguments: &Import, out: &Path, name: String) -> Result<PrefixRequest, Failure> {
    let needed = |path: &Option<PathBuf>, flag: &str| {
        let missing = || Failure::usage(format!("--family prefix also needs {flag}"));
        path.clone().ok_or_else(missing)
    };
    Ok(PrefixRequest {
        checkpoint: arguments.checkpoint.clone(),
        language: needed(&arguments.language, "--language")?,
        vision: needed(&arguments.vision, "--vision")?,
        tokenizer: arguments.tokenizer.clone(),
        out: out.to_path_buf(),
        name,
        layout: arguments.layout,
        vision_heads: arguments.vision_heads,
        lora_alpha: arguments.lora_alpha,
        keep_lora: arguments.keep_lora,
        weight_format: arguments.dtype.unwrap_or(WeightFormat::Bf16),
        begin: arguments.begin.clone(),
        template: arguments.template.clone(),
    })
}

fn medvint_request(
    arguments: &Import,
    variant: MedvintVariant,
    out: &Path,
    name: String,
) -> MedvintRequest {
    MedvintRequest {
        variant,
        checkpoint: arguments.checkpoint.clone(),
        language: arguments.language.clone(),
        tokenizer: arguments.tokenizer.clone(),
        out: out.to_path_buf(),
        name,
        image_size: arguments.image_size,
        vision_heads: arguments.vision_heads,
        query_heads: arguments.query_heads,
        lora_alpha: arguments.lora_alpha,
        weight_format: arguments.dtype.unwrap_or(WeightFormat::Bf16),
        begin: arguments.begin.clone(),
        template: arguments.template.clone(),
    }
}

fn run_encoder(arguments: &Import, out: &Path, name: String, cancel: &Cancel) -> Outcome {
    let options = EncoderOptions {
        weight_format: arguments.dtype.unwrap_or(WeightFormat::F16),
        name,
        licence: arguments.licence.clone(),
        tokenizer: arguments.tokenizer.clone(),
        overrides: Overrides {
            vision_heads: arguments.vision_heads,
            text_heads: arguments.text_heads,
            activation: arguments.activation,
        },
    };
    let imported = with_progress(|progress| {
        encoder::import(&arguments.checkpoint, out, &options, cancel, progress)
    })?;
    stderr_line(format_args!(
        "{}: {}, {}, {} parameters, {} unused, {:.2} GB",
        display_path(out),
        imported.family.name(),
        count(imported.tensors, "tensor"),
        imported.parameters,
        count(imported.ignored, "published tensor"),
        imported.bytes as f64 / 1e9
    ));
    Ok(0)
}

/// Runs an import with a progress bar.
pub fn with_progress<T>(
    work: impl FnOnce(&mut dyn FnMut(usize, usize)) -> Result<T, ImportError>,
) -> Result<T, Failure> {
    let mut progress: Option<Progress> = None;
    let done = work(&mut |done, of| {
        progress
            .get_or_insert_with(|| Progress::new("converting tensors", Some(of as u64)))
            .set(done as u64);
    });
    if let (Some(progress), true) = (&mut progress, done.is_ok()) {
        progress.finish();
    }
    drop(progress);
    done.map_err(failed)
}

/// The failure of an import; tensors that do not fit are printed one to a line.
fn failed(error: ImportError) -> Failure {
    let ImportError::Mismatch(tensors) = &error else {
        return error.into();
    };
    tensors.iter().for_each(stderr_line);
    Failure {
        message: format!(
            "the weights do not fit together: {}",
            count(tensors.len(), "fault")
        ),
        ..Failure::of(&error)
    }
}

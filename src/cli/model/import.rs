//! `rounds model import`.

use clap::{Args, ValueEnum};
use std::path::{Path, PathBuf};

use super::{Failure, Outcome, place, shown};
use rounds_assistant::prompt::Template;
use rounds_model::encoder::{self, Activation, EncoderOptions, Overrides};
use rounds_model::flamingo::MediaMask;
use rounds_model::import::{Hold, ImportError, Request, import};
use rounds_support::{Cancel, Progress, aside};

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Family {
    /// OpenFlamingo (both versions) and Med-Flamingo
    Flamingo,
    /// IDEFICS-9B and its instructed sibling
    Idefics,
    /// An image-text encoder that searches an index: CLIP, SigLIP or BiomedCLIP
    Encoder,
}

#[derive(Args)]
pub struct Import {
    /// Whose layout it is
    #[arg(long, value_enum)]
    family: Family,
    /// The published checkpoint: a file, or a folder with the weights (IDEFICS: the whole repository)
    #[arg(long)]
    checkpoint: PathBuf,
    /// The base language model: a folder with config.json, tokenizer.json and weights, or a GGUF file of llama.cpp's (LLaMA,
    /// GPT-NeoX, MPT) with a tokenizer.json beside it
    #[arg(long)]
    language: Option<PathBuf>,
    /// CLIP weights: an open_clip file, or a Hugging Face folder
    #[arg(long)]
    vision: Option<PathBuf>,
    /// The tokenizer.json or its folder, where it lies elsewhere
    #[arg(long)]
    tokenizer: Option<PathBuf>,
    /// Name in your library, or a folder
    #[arg(long)]
    out: PathBuf,
    /// What to call it; left out: the last part of --out
    #[arg(long)]
    name: Option<String>,
    /// Which image text sees: the previous one (OpenFlamingo 2), or the next one (0.0.2, which Med-Flamingo's demo runs)
    #[arg(long, value_enum, default_value = "previous")]
    media_mask: MediaMask,
    /// A gated block every so many layers; checked against the checkpoint
    #[arg(long)]
    cross_attn_every: Option<usize>,
    /// Heads of the vision tower, where nothing beside its weights says so (its width / 64)
    #[arg(long)]
    vision_heads: Option<usize>,
    /// Heads of an encoder's text tower, where nothing beside its weights says so
    #[arg(long)]
    text_heads: Option<usize>,
    /// Activation of an encoder, where nothing beside its weights says so
    #[arg(long, value_enum)]
    activation: Option<Activation>,
    /// Licence of an encoder's weights, as its publisher names it
    #[arg(long)]
    licence: Option<String>,
    /// How the weights are held; left out: bf16, or f16 for an encoder
    #[arg(long, value_enum)]
    dtype: Option<Hold>,
    /// Token in front of every prompt; left out: the tokenizer's <s>, or none
    #[arg(long)]
    begin: Option<String>,
    /// Prompt template; left out: med-flamingo for LLaMA, open-flamingo for others, idefics
    #[arg(long)]
    template: Option<String>,
}

pub fn run(arguments: &Import, cancel: &Cancel) -> Outcome {
    if let Some(template) = &arguments.template {
        Template::shipped(template).map_err(|e| Failure::usage(e, None))?;
    }
    let out = place(&arguments.out)?;
    let name = arguments.name.clone().unwrap_or_else(|| {
        out.file_name()
            .map_or_else(|| "imported".into(), |n| n.to_string_lossy().into_owned())
    });
    if arguments.family == Family::Encoder {
        return run_encoder(arguments, &out, name, cancel);
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
        hold: arguments.dtype.unwrap_or(Hold::Bf16),
        begin: arguments.begin.clone(),
        template: arguments.template.clone(),
    };
    let imported = with_progress(|progress| import(&request, cancel, progress))?;
    aside(format_args!(
        "{}: {} tensors, {} parameters ({} of them in the checkpoint), {} published tensors not needed, {:.2} GB",
        shown(&out),
        imported.tensors,
        imported.parameters,
        imported.checkpoint_parameters,
        imported.ignored,
        imported.bytes as f64 / 1e9
    ));
    Ok(0)
}

fn run_encoder(arguments: &Import, out: &Path, name: String, cancel: &Cancel) -> Outcome {
    let options = EncoderOptions {
        hold: arguments.dtype.unwrap_or(Hold::F16),
        name,
        licence: arguments.licence.clone(),
        tokenizer: arguments.tokenizer.clone(),
        overrides: Overrides {
            vision_heads: arguments.vision_heads,
            text_heads: arguments.text_heads,
            activation: arguments.activation,
        },
    };
    let made = with_progress(|progress| {
        encoder::import(&arguments.checkpoint, out, &options, cancel, progress)
    })?;
    aside(format_args!(
        "{}: {}, {} tensors, {} parameters, {} published tensors not needed, {:.2} GB",
        shown(out),
        made.family.name(),
        made.tensors,
        made.parameters,
        made.ignored,
        made.bytes as f64 / 1e9
    ));
    Ok(0)
}

/// Runs an import and shows how far it is.
fn with_progress<T>(
    work: impl FnOnce(&mut dyn FnMut(usize, usize)) -> Result<T, ImportError>,
) -> Result<T, Failure> {
    let mut progress: Option<Progress> = None;
    let done = work(&mut |done, of| {
        progress
            .get_or_insert_with(|| Progress::new("converting tensors", Some(of as u64)))
            .set(done as u64);
    })
    .map_err(|e| Failure::model(&e))?;
    if let Some(progress) = &mut progress {
        progress.finish();
    }
    Ok(done)
}

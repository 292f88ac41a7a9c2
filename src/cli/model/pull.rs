//! `rounds model pull`: downloads published weights and converts them into a bundle.

use clap::Args;
use std::io::{BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};

use super::import::with_progress;
use super::new_bundle_folder;
use crate::cli::failure::Outcome;
use crate::cli::interrupt::Interrupt;
use crate::cli::out::print;
use rounds_hub::{self as hub, Entry, Family, Hub, Pins, Role};
use rounds_model::flamingo::MediaMask;
use rounds_model::import::{
    ImportSummary, MedvintRequest, MedvintVariant, Request, WeightFormat, import, import_medvint,
};
use rounds_support::errors::display_path;
use rounds_support::{Failure, Paths, Progress, stderr_line};

#[derive(Args)]
pub struct Pull {
    /// Name of a model in the catalogue [default: list the catalogue]
    name: Option<String>,
    /// Accept the licence, after reading it
    #[arg(long)]
    accept_licence: bool,
    /// Name for the bundle, or a folder [default: the catalogue's name]
    #[arg(long)]
    out: Option<PathBuf>,
    /// Weight type
    #[arg(long, value_enum, default_value = "q4_k")]
    dtype: WeightFormat,
    /// Which image the text attends to: the previous one, or the next one (used by Med-Flamingo's demo)
    #[arg(long, value_enum, default_value = "previous")]
    media_mask: MediaMask,
}

pub fn run(arguments: &Pull, interrupt: &Interrupt) -> Outcome {
    let Some(name) = &arguments.name else {
        for entry in hub::catalogue() {
            print(format_args!("{:26} {}", entry.name, entry.about))?;
        }
        return Ok(0);
    };
    let entry = hub::find(name).ok_or_else(|| {
        let hint = "list the catalogue with `rounds model pull`, or import your own files with `rounds model import`";
        Failure::usage(format!(
                "no model named {} in the catalogue",
                rounds_support::sanitise::clean_line(name)
            )).hint(hint)
    })?;
    confirm_licence(&entry, arguments.accept_licence)?;
    let cancel = interrupt.flag();
    let paths = Paths::find()?;
    let hub = Hub::from_env();
    let mut pins = Pins::open(&paths.data_dir)?;
    let mut current_file = String::new();
    let mut bar: Option<Progress> = None;
    let pulled = hub::pull(&hub, &entry, &mut pins, cancel, &mut |p| {
        if current_file != p.file {
            current_file = p.file.to_string();
            bar = Some(Progress::new(p.file, p.total));
        }
        if let Some(bar) = &mut bar {
            bar.set(p.done);
        }
    })?;
    drop(bar);
    let folder = |role: Role| {
        pulled
            .iter()
            .find(|p| p.role == role)
            .map(|p| p.folder.clone())
    };
    let Some(checkpoint) = folder(Role::Checkpoint) else {
        // An encoder without a checkpoint stays in the cache; there is nothing to convert.
        for p in &pulled {
            stderr_line(display_path(&p.folder));
        }
        return Ok(0);
    };
    let out = arguments
        .out
        .clone()
        .unwrap_or_else(|| PathBuf::from(&entry.name));
    let variant = match entry.family {
        Family::MedvintTd => Some(MedvintVariant::Td),
        Family::MedvintTe => Some(MedvintVariant::Te),
        _ => None,
    };
    if let Some(variant) = variant {
        let request = MedvintRequest {
            variant,
            checkpoint: checkpoint.join(first_file(&entry)),
            language: folder(Role::Language),
            tokenizer: None,
            out: new_bundle_folder(&out)?,
            name: entry.name.clone(),
            image_size: None,
            vision_heads: None,
            query_heads: None,
            lora_alpha: None,
            weight_format: arguments.dtype,
            begin: None,
            // The blank checkpoint alone was trained without choices.
            template: (!entry.name.ends_with("-blank"))
                .then(|| format!("{}-choice", variant.name())),
        };
        let imported = with_progress(|progress| import_medvint(&request, cancel, progress))?;
        report(&request.out, &imported);
        return Ok(0);
    }
    let request = Request {
        idefics: entry.family == Family::Idefics,
        checkpoint,
        language: folder(Role::Language),
        vision: folder(Role::Vision),
        tokenizer: None,
        out: new_bundle_folder(&out)?,
        name: entry.name.clone(),
        media_mask: arguments.media_mask,
        cross_attn_every_n: entry
            .gated_every
            .filter(|_| entry.family != Family::Idefics),
        vision_heads: None,
        weight_format: arguments.dtype,
        begin: None,
        template: None,
    };
    let imported = with_progress(|progress| import(&request, cancel, progress))?;
    report(&request.out, &imported);
    Ok(0)
}

fn report(out: &Path, imported: &ImportSummary) {
    stderr_line(format_args!(
        "{}: {} parameters, {:.2} GB",
        display_path(out),
        imported.parameters,
        imported.bytes as f64 / 1e9
    ));
}

/// The checkpoint's file, which may be in a folder of its repository.
fn first_file(entry: &Entry) -> &str {
    let file = entry
        .sources
        .first()
        .and_then(|source| source.files.first());
    file.map_or("", |file| file.name.as_str())
}

/// Prints the licence and, at a terminal, asks the user to accept it.
fn confirm_licence(entry: &Entry, by_flag: bool) -> Result<(), Failure> {
    stderr_line(&entry.licence.text);
    for page in &entry.licence.pages {
        stderr_line(format_args!("  {page}"));
    }
    if by_flag {
        return Ok(());
    }
    if std::io::stdin().is_terminal() {
        let _ = write!(std::io::stderr(), "accept the licence? [y/N] ");
        let mut line = String::new();
        let _ = std::io::stdin().lock().read_line(&mut line);
        if matches!(line.trim(), "y" | "Y" | "yes") {
            return Ok(());
        }
    }
    Err(Failure::usage("the licence was not accepted")
        .hint("read it at the pages above, then add --accept-licence"))
}

//! Index commands that modify an index, and export.

use clap::Args;
use std::path::{Path, PathBuf};

use super::{EncoderArgs, embedders, encoder_key, find_editable};
use crate::cli::confirm::confirm_deletion;
use crate::cli::failure::Outcome;
use crate::cli::libraries::{existing_index, indexes, models, open_index};
use crate::cli::out::print;
use rounds_assistant::{Engine, Setup};
use rounds_index::Writer;
use rounds_index::codes;
use rounds_index::dataset::{ImageSource, Item, Row};
use rounds_index::ingest::{IngestError, Report, Summary, ingest};
use rounds_support::Failure;
use rounds_support::{
    Cancel, Progress,
    errors::{bytes, count, display_path},
    stderr_line,
};

/// Maximum number of files that a message names.
const MAX_NAMED: usize = 8;

#[derive(Args)]
pub struct Create {
    /// Name for the index, or a folder
    name: PathBuf,
    #[command(flatten)]
    encoder_args: EncoderArgs,
}

pub fn create(create: &Create) -> Outcome {
    let folder = indexes()?.new_folder(&create.name)?;
    rounds_index::create(&folder, create.encoder_args.of_new_index()?)?;
    stderr_line(format_args!("created index {}", display_path(&folder)));
    Ok(0)
}

#[derive(Args)]
pub struct Add {
    /// Index name or folder
    index: PathBuf,
    /// Image of the example (may be given several times)
    #[arg(short, long = "image")]
    images: Vec<PathBuf>,
    /// Question of the example
    #[arg(long)]
    question: String,
    /// Answer to the question
    #[arg(long)]
    answer: String,
    /// Reasons for the answer
    #[arg(long, default_value = "")]
    rationale: String,
    /// Tag, for example modality=ct (may be given several times)
    #[arg(long = "tag", value_name = "NAME=VALUE")]
    tags: Vec<String>,
    /// Where the example comes from
    #[arg(long, default_value = "own")]
    source: String,
    /// Licence of the example
    #[arg(long, default_value = "unknown")]
    licence: String,
    /// Patient id; questions about the same patient never use the example
    #[arg(long, default_value = "")]
    patient: String,
    /// Study id; questions about the same study never use the example
    #[arg(long, default_value = "")]
    study: String,
    /// Compute device; auto uses the first that works
    #[arg(long, default_value = "auto", value_parser = rounds_model::device::NAMES)]
    device: String,
}

pub fn add(add: &Add, cancel: &Cancel) -> Outcome {
    let mut tags = Vec::new();
    for tag in &add.tags {
        match tag.split_once('=') {
            Some((name, value)) => tags.push((name.to_string(), value.to_string())),
            None => return Err(Failure::usage("--tag takes NAME=VALUE")),
        }
    }
    if add.question.trim().is_empty() || add.answer.trim().is_empty() {
        return Err(Failure::usage("an example needs a question and an answer"));
    }
    let mut writer = Writer::open(&find_editable(&add.index)?)?;
    let embedders = embedders(writer.encoders(), &add.device)?;
    let row = Row {
        images: add.images.iter().cloned().map(ImageSource::File).collect(),
        question: add.question.clone(),
        answer: add.answer.clone(),
        rationale: add.rationale.clone(),
        tags,
        source: add.source.clone(),
        licence: add.licence.clone(),
        patient: add.patient.clone(),
        study: add.study.clone(),
        origin: "the example".into(),
        ..Row::default()
    };
    let mut summary = Summary::default();
    let mut reason = String::new();
    let mut items = std::iter::once(Ok(Item::Row(Box::new(row))));
    let ended = ingest(
        &mut writer,
        &mut items,
        &embedders,
        cancel,
        &mut summary,
        &mut |report| {
            if let Report::Rejected { reason: why, .. } = report {
                reason = why.to_string();
            }
        },
    );
    if let Err(IngestError::Index(error)) = ended {
        return Err(error.into());
    }
    writer.finish()?;
    match summary {
        Summary { rejected: 1, .. } => Err(Failure::usage(reason)),
        Summary { duplicates: 1, .. } => {
            stderr_line("the index already has this example");
            Ok(0)
        }
        _ => {
            stderr_line("added");
            Ok(0)
        }
    }
}

#[derive(Args)]
pub struct Remove {
    /// Index name or folder
    index: PathBuf,
    /// Ids of examples, or unique prefixes of at least 4 characters
    ids: Vec<String>,
    /// Delete the whole index; other files in its folder are left alone
    #[arg(long, conflicts_with = "ids")]
    whole: bool,
    /// Delete the whole index without asking
    #[arg(long, requires = "whole")]
    yes: bool,
}

pub fn remove(remove: &Remove) -> Outcome {
    let folder = find_editable(&remove.index)?;
    if remove.whole {
        return remove_whole(&folder, remove.yes);
    }
    if remove.ids.is_empty() {
        return Err(
            Failure::usage("name the examples to remove, or add --whole")
                .hint("find them with `rounds index search`"),
        );
    }
    let mut writer = Writer::open(&folder)?;
    // Nothing is committed until all ids are found, so a mistyped id changes nothing.
    for id in &remove.ids {
        writer.remove(id)?;
    }
    writer.finish()?;
    stderr_line(format_args!(
        "removed {}; run `rounds index compact` to free the space",
        count(remove.ids.len(), "example")
    ));
    Ok(0)
}

fn remove_whole(folder: &Path, yes: bool) -> Outcome {
    existing_index(folder)?;
    confirm_deletion(
        &format!("permanently delete the index {}?", display_path(folder)),
        yes,
    )?;
    let kept = rounds_index::library::delete(folder)?;
    stderr_line(format_args!("deleted {}", display_path(folder)));
    if !kept.is_empty() {
        let named: Vec<_> = kept
            .iter()
            .take(MAX_NAMED)
            .map(|path| display_path(path))
            .collect();
        let more = match kept.len().saturating_sub(MAX_NAMED) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        stderr_line(format_args!(
            "kept, not part of the index: {}{more}",
            named.join(", ")
        ));
    }
    Ok(0)
}

pub fn compact(index: &Path, cancel: &Cancel) -> Outcome {
    let folder = find_editable(index)?;
    let mut progress = Progress::new("examples", None);
    let freed = rounds_index::compact::compact(&folder, cancel, &mut |done, _| {
        progress.set(done as u64);
    })?;
    progress.finish();
    stderr_line(format_args!(
        "purged {} and {}, freed {}",
        count(freed.examples, "removed example"),
        count(freed.images, "image"),
        bytes(freed.bytes)
    ));
    Ok(0)
}

pub fn export(index: &Path, out: &Path, salt: Option<&Path>, cancel: &Cancel) -> Outcome {
    let index = open_index(index)?;
    if let Some(file) = salt {
        codes::check_salts(&index, file, out)?;
    }
    let mut progress = Progress::new("examples", Some(index.len() as u64));
    let written = rounds_index::export::export(&index, out, cancel, &mut |done, _| {
        progress.set(done as u64);
    })?;
    progress.finish();
    if let Some(file) = salt {
        codes::write_salts(&index, file, out)?;
        stderr_line(format_args!(
            "wrote the salts to {}: keep them as private as the scans",
            display_path(file)
        ));
    }
    stderr_line(format_args!(
        "exported {} to {}; education and research only, not for diagnosis",
        count(written, "example"),
        display_path(out)
    ));
    Ok(0)
}

#[derive(Args)]
pub struct Embed {
    /// Index name or folder
    index: PathBuf,
    #[command(flatten)]
    encoder_args: EncoderArgs,
    /// Instead drop the vectors of this encoder, given by its name, bundle or hash prefix
    #[arg(long, value_name = "NAME", conflicts_with = "model")]
    drop: Option<PathBuf>,
}

pub fn embed(embed: &Embed, cancel: &Cancel) -> Outcome {
    let folder = find_editable(&embed.index)?;
    if let Some(name) = &embed.drop {
        let dropped = rounds_index::embed::drop_vectors(&folder, &encoder_key(name))?;
        stderr_line(format_args!("dropped the vectors of {}", dropped.name));
        return Ok(0);
    }
    let (encoder, embedder) = embed.encoder_args.load()?;
    let name = encoder.name.clone();
    let mut progress = Progress::new("examples", None);
    rounds_index::embed::embed(&folder, encoder, &embedder, cancel, &mut |done, _| {
        progress.set(done as u64);
    })?;
    progress.finish();
    stderr_line(format_args!("added vectors of {name}"));
    Ok(0)
}

#[derive(Args)]
pub struct Warm {
    /// Index name or folder
    index: PathBuf,
    /// Model name or folder [default: the shipped model]
    #[arg(long)]
    model: Option<PathBuf>,
    /// Set the size limit of the cache in megabytes; the least recently used features are evicted first [default: the
    /// current limit, initially 4096]
    #[arg(long)]
    limit: Option<u64>,
    /// Only show the cost
    #[arg(long)]
    dry_run: bool,
    /// Compute device; auto uses the first that works
    #[arg(long, default_value = "auto", value_parser = rounds_model::device::NAMES)]
    device: String,
}

pub fn warm(warm: &Warm, cancel: &Cancel) -> Outcome {
    let model = match &warm.model {
        Some(model) => Some(models()?.find(model)),
        None => None,
    };
    let setup = Setup {
        model,
        index: Some(find_editable(&warm.index)?),
        device: warm.device.clone(),
        ..Setup::default()
    };
    let mut engine = Engine::load(&setup)?;
    let limit = warm
        .limit
        .map(|megabytes| megabytes.saturating_mul(1 << 20));
    let plan = engine.warm_plan(limit)?;
    stderr_line(plan.in_words());
    if warm.dry_run {
        return Ok(0);
    }
    let mut progress = Progress::new("images", None);
    let warmed = engine.warm_all(limit, cancel, &mut |done, all| {
        progress.set_total(Some(all));
        progress.set(done);
    });
    progress.finish();
    let warmed = warmed?;
    print(format_args!(
        "{} cached, {}; {} evicted",
        count(warmed.images as usize, "image"),
        bytes(warmed.bytes),
        warmed.evicted
    ))?;
    Ok(0)
}

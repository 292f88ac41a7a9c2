//! Commands that change an index.

use clap::Args;
use std::path::{Path, PathBuf};

use super::{Failure, Maker, Outcome, embedders, encoder_word, failed, find_own, library};
use crate::cli::ask_first::sure;
use crate::cli::out::print;
use rounds_assistant::{Engine, Setup};
use rounds_index::Writer;
use rounds_index::dataset::{ImageSource, Item, Row};
use rounds_index::ingest::{IngestError, Report, Summary, ingest};
use rounds_support::{Cancel, Progress, aside, errors::bytes, errors::shown};

/// Most files that a message names.
const MOST_NAMED: usize = 8;

#[derive(Args)]
pub struct Create {
    /// Its name in the library, or a folder
    name: PathBuf,
    #[command(flatten)]
    maker: Maker,
}

pub fn create(create: &Create) -> Outcome {
    let folder = library()?.place(&create.name).map_err(failed)?;
    rounds_index::create(&folder, create.maker.of_new_index()?).map_err(failed)?;
    aside(format_args!("made the index {}", shown(&folder)));
    Ok(0)
}

#[derive(Args)]
pub struct Add {
    index: PathBuf,
    /// Image of the example (may be given several times)
    #[arg(short, long = "image")]
    images: Vec<PathBuf>,
    #[arg(long)]
    question: String,
    #[arg(long)]
    answer: String,
    #[arg(long, default_value = "")]
    rationale: String,
    /// Tag: modality=ct (may be given several times)
    #[arg(long = "tag", value_name = "NAME=VALUE")]
    tags: Vec<String>,
    #[arg(long, default_value = "own")]
    source: String,
    #[arg(long, default_value = "unknown")]
    licence: String,
    #[arg(long, default_value = "")]
    patient: String,
    #[arg(long, default_value = "")]
    study: String,
    #[arg(long, default_value = "auto", value_parser = rounds_model::device::NAMES)]
    device: String,
}

pub fn add(add: &Add, cancel: &Cancel) -> Outcome {
    let mut tags = Vec::new();
    for tag in &add.tags {
        match tag.split_once('=') {
            Some((name, value)) => tags.push((name.to_string(), value.to_string())),
            None => return Err(Failure::usage("--tag takes NAME=VALUE", None)),
        }
    }
    if add.question.trim().is_empty() || add.answer.trim().is_empty() {
        return Err(Failure::usage(
            "an example needs a question and an answer",
            None,
        ));
    }
    let mut writer = Writer::open(&find_own(&add.index)?).map_err(failed)?;
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
        return Err(failed(error));
    }
    writer.finish().map_err(failed)?;
    match summary {
        Summary { rejected: 1, .. } => Err(Failure::usage(reason, None)),
        Summary { duplicates: 1, .. } => {
            aside("the index has this example already");
            Ok(0)
        }
        _ => {
            aside("added");
            Ok(0)
        }
    }
}

#[derive(Args)]
pub struct Remove {
    index: PathBuf,
    /// Ids of examples, or beginnings of at least 4 characters that one example has
    ids: Vec<String>,
    /// Delete the whole index; files in its folder that are not its own stay
    #[arg(long, conflicts_with = "ids")]
    whole: bool,
    /// Do not ask before the whole index is deleted
    #[arg(long, requires = "whole")]
    yes: bool,
}

pub fn remove(remove: &Remove) -> Outcome {
    let folder = find_own(&remove.index)?;
    if remove.whole {
        return remove_whole(&folder, remove.yes);
    }
    if remove.ids.is_empty() {
        return Err(Failure::usage(
            "name the examples to remove, or say --whole",
            Some("find them with `rounds index search`".into()),
        ));
    }
    let mut writer = Writer::open(&folder).map_err(failed)?;
    // All or none: a mistyped id changes nothing.
    for id in &remove.ids {
        writer.remove(id).map_err(failed)?;
    }
    writer.finish().map_err(failed)?;
    aside(format_args!(
        "removed {}; `rounds index compact` gives their room back",
        remove.ids.len()
    ));
    Ok(0)
}

fn remove_whole(folder: &Path, yes: bool) -> Outcome {
    super::there(folder)?;
    sure(
        &format!("delete the index {} for good?", shown(folder)),
        yes,
    )?;
    let others = rounds_index::library::delete(folder).map_err(failed)?;
    aside(format_args!("deleted {}", shown(folder)));
    if !others.is_empty() {
        let named: Vec<_> = others.iter().take(MOST_NAMED).map(|o| shown(o)).collect();
        let more = match others.len().saturating_sub(MOST_NAMED) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        aside(format_args!(
            "not an index's and kept: {}{more}",
            named.join(", ")
        ));
    }
    Ok(0)
}

pub fn compact(index: &Path, cancel: &Cancel) -> Outcome {
    let folder = find_own(index)?;
    let mut progress = Progress::new("examples", None);
    let freed = rounds_index::compact::compact(&folder, cancel, &mut |done, _| {
        progress.set(done as u64);
    })
    .map_err(failed)?;
    progress.finish();
    aside(format_args!(
        "{} removed examples and {} pictures are gone, {} freed",
        freed.examples,
        freed.pictures,
        bytes(freed.bytes)
    ));
    Ok(0)
}

pub fn export(index: &Path, out: &Path, cancel: &Cancel) -> Outcome {
    let index = super::open(index)?;
    let mut progress = Progress::new("examples", Some(index.len() as u64));
    let written = rounds_index::export::export(&index, out, cancel, &mut |done, _| {
        progress.set(done as u64);
    })
    .map_err(failed)?;
    progress.finish();
    aside(format_args!(
        "{written} examples in {}; education and research only, not for diagnosis",
        shown(out)
    ));
    Ok(0)
}

#[derive(Args)]
pub struct Embed {
    index: PathBuf,
    #[command(flatten)]
    maker: Maker,
    /// Drop the vectors of this encoder instead: its name, its bundle, or the beginning of its hash
    #[arg(long, value_name = "NAME", conflicts_with = "model")]
    drop: Option<PathBuf>,
}

pub fn embed(embed: &Embed, cancel: &Cancel) -> Outcome {
    let folder = find_own(&embed.index)?;
    if let Some(name) = &embed.drop {
        let dropped =
            rounds_index::embed::drop_vectors(&folder, &encoder_word(name)).map_err(failed)?;
        aside(format_args!("the vectors of {} are gone", dropped.name));
        return Ok(0);
    }
    let (encoder, embedder) = embed.maker.load()?;
    let name = encoder.name.clone();
    let mut progress = Progress::new("examples", None);
    rounds_index::embed::embed(&folder, encoder, &embedder, cancel, &mut |done, _| {
        progress.set(done as u64);
    })
    .map_err(failed)?;
    progress.finish();
    aside(format_args!("the index has the vectors of {name} now"));
    Ok(0)
}

#[derive(Args)]
pub struct Warm {
    index: PathBuf,
    /// Model; left out: the one that ships
    #[arg(long)]
    model: Option<PathBuf>,
    /// Most megabytes to keep, from now on; what was not used for the longest time goes first; left out: the limit that was
    /// set before, or 4096
    #[arg(long)]
    limit: Option<u64>,
    /// Only say how much it would be
    #[arg(long)]
    dry_run: bool,
    #[arg(long, default_value = "auto", value_parser = rounds_model::device::NAMES)]
    device: String,
}

pub fn warm(warm: &Warm, cancel: &Cancel) -> Outcome {
    let model = match &warm.model {
        Some(model) => Some(super::super::model::library()?.find(model)),
        None => None,
    };
    let setup = Setup {
        model,
        index: Some(find_own(&warm.index)?),
        device: warm.device.clone(),
        ..Setup::default()
    };
    let model_failed = |e: rounds_assistant::AssistantError| Failure::model(&e);
    let mut engine = Engine::load(&setup).map_err(model_failed)?;
    let limit = warm
        .limit
        .map(|megabytes| megabytes.saturating_mul(1 << 20));
    let plan = engine.warm_plan(limit).map_err(model_failed)?;
    aside(plan.in_words());
    if warm.dry_run {
        return Ok(0);
    }
    let mut progress = Progress::new("pictures", None);
    let warmed = engine.warm_all(limit, cancel, &mut |done, all| {
        progress.expect(Some(all));
        progress.set(done);
    });
    progress.finish();
    let warmed = warmed.map_err(model_failed)?;
    print(format_args!(
        "{} pictures kept, {}; {} let go",
        warmed.pictures,
        bytes(warmed.bytes),
        warmed.gone
    ))?;
    Ok(0)
}

//! `rounds probe`: what the shots of an answer really do, on one case or on a set (docs/probes.md).

mod items;
mod map_files;
mod report;
mod table;

use clap::Args;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

use super::answer_args::AnswerArgs;
use super::failure::Outcome;
use super::out::print;
use items::Item;
use map_files::MapFiles;
use rounds_assistant::{AssistantError, Case, Engine, INTENDED_USE, Settings};
use rounds_eval::probe::{Probe, ProbeOptions, SCHEMA_VERSION, probe};
use rounds_imaging::Image;
use rounds_model::error::ModelError;
use rounds_support::{Cancel, Failure, FailureKind, Progress, sanitise, stderr_line};

#[derive(Args)]
pub struct ProbeArgs {
    /// The question; before it the images, as files or scans, if they are not given with --image
    #[arg(
        value_name = "IMAGE|QUESTION",
        required_unless_present = "items",
        conflicts_with = "items"
    )]
    inputs: Vec<String>,
    /// Image to ask about (may be given several times): a file, or a scan and what to see of it, such as
    /// ct.dcm#window=lung or series/#slice=40 (see `rounds image show --help`)
    #[arg(short, long = "image", conflicts_with = "items")]
    images: Vec<PathBuf>,
    /// Patient the images belong to; their examples are never used as shots
    #[arg(long, conflicts_with = "items")]
    patient: Option<String>,
    /// Study the images belong to; its examples are never used as shots
    #[arg(long, conflicts_with = "items")]
    study: Option<String>,
    /// Probe every case of a JSON Lines file instead, with the fields of `rounds script` and `answer`; - reads standard input
    #[arg(long, value_name = "FILE")]
    items: Option<PathBuf>,
    /// The answer to score [default: the model's own]
    #[arg(long, conflicts_with = "items")]
    answer: Option<String>,
    /// The shot to move through all positions, by its rank [default: the most similar]
    #[arg(long = "move", value_name = "RANK")]
    moved: Option<usize>,
    /// Folder for the maps of where the answer looked, drawn over the images as PNG
    #[arg(short, long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// Overwrite existing maps
    #[arg(long)]
    force: bool,
    /// Print one JSON object a case
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    answer_args: AnswerArgs,
}

/// A case that was probed, with its images.
struct Probed {
    probe: Probe,
    images: Vec<Image>,
    /// The files of its maps, in their order; empty where none were asked for.
    files: Vec<PathBuf>,
}

pub fn run(args: &ProbeArgs, cancel: &Cancel) -> Outcome {
    let settings = args.answer_args.settings()?;
    let files = MapFiles::new(args.out.as_deref(), args.force)?;
    match &args.items {
        Some(items) => each(args, items, &settings, &files, cancel),
        None => one(args, &settings, &files, cancel),
    }
}

fn one(args: &ProbeArgs, settings: &Settings, files: &MapFiles, cancel: &Cancel) -> Outcome {
    let (question, before) = args
        .inputs
        .split_last()
        .ok_or_else(|| Failure::usage("there is no question"))?;
    let named = before.iter().map(PathBuf::from);
    let item = Item {
        images: args.images.iter().cloned().chain(named).collect(),
        question: question.clone(),
        answer: args.answer.clone(),
        patient: args.patient.clone(),
        study: args.study.clone(),
        ..Item::default()
    };
    files.refuse_to_overwrite("case", item.images.len())?;
    let mut engine = Engine::load(&args.answer_args.setup()?)?;
    let probed = probe_item(&mut engine, args, &item, settings, ("case", files), cancel)?;
    if args.json {
        print(format_args!("{:#}", in_json(&probed, Value::Null)))?;
        return Ok(0);
    }
    report::print_report(&probed)?;
    print(INTENDED_USE)?;
    Ok(0)
}

/// Probes every line of a file; a line that fails is reported and the next one is read.
fn each(
    args: &ProbeArgs,
    items: &Path,
    settings: &Settings,
    files: &MapFiles,
    cancel: &Cancel,
) -> Outcome {
    let lines = items::read(items)?;
    let mut engine = Engine::load(&args.answer_args.setup()?)?;
    let (mut number, mut failed) = (0_u64, 0_usize);
    while let Some(line) = lines.next(cancel) {
        let line = line.map_err(|e| Failure::io(&e))?;
        number += 1;
        if line.as_ref().is_ok_and(|text| text.trim().is_empty()) {
            continue;
        }
        let name = format!("line-{number}");
        let text = line.as_deref().unwrap_or_default();
        let id = items::id(text).unwrap_or_else(|| name.as_str().into());
        let place = json!({ "id": id, "line": number });
        let probed = line
            .as_ref()
            .map_err(Failure::usage)
            .and_then(|text| Item::parse(text))
            .and_then(|item| {
                let settings = item.settings.checked(settings);
                let settings = settings.map_err(Failure::from)?;
                files.refuse_to_overwrite(&name, item.images.len())?;
                probe_item(&mut engine, args, &item, &settings, (&name, files), cancel)
            });
        match probed {
            Ok(probed) if args.json => print(in_json(&probed, place))?,
            Ok(probed) => {
                print(format_args!("== {}", sanitise::clean_line(&id.to_string())))?;
                report::print_report(&probed)?;
                print("")?;
            }
            Err(failure) if failure.kind == FailureKind::Interrupted => return Err(failure),
            Err(failure) => {
                failed += 1;
                report_line(args.json, &failure, place)?;
            }
        }
    }
    if !args.json {
        print(INTENDED_USE)?;
    }
    Ok(u8::from(failed > 0))
}

/// Says what is wrong with a line: in the data with --json, otherwise on standard error.
fn report_line(in_data: bool, failure: &Failure, place: Value) -> Result<(), Failure> {
    if !in_data {
        let line = place.get("line").cloned().unwrap_or_default();
        stderr_line(format_args!("error: line {line}: {}", failure.message));
        if let Some(hint) = &failure.hint {
            stderr_line(format_args!("hint: {hint}"));
        }
        return Ok(());
    }
    let mut object = place;
    object["schema_version"] = SCHEMA_VERSION.into();
    object["error"] = json!({
        "message": failure.message,
        "hint": failure.hint,
        "code": failure.kind.code(),
    });
    print(object)
}

fn probe_item(
    engine: &mut Engine,
    args: &ProbeArgs,
    item: &Item,
    settings: &Settings,
    (name, files): (&str, &MapFiles),
    cancel: &Cancel,
) -> Result<Probed, Failure> {
    let (mut patient, mut study) = (item.patient.clone(), item.study.clone());
    let mut note = |text: &str| stderr_line(format_args!("note: {text}"));
    let images = crate::given::all_images(&item.images, &mut patient, &mut study, &mut note)?;
    let case = Case {
        images,
        question: item.question.clone(),
        patient,
        study,
        ..Case::default()
    };
    let options = ProbeOptions {
        answer: item.answer.clone(),
        moved: args.moved,
    };
    let mut progress = Progress::new(&format!("probing {name}"), None);
    let probe = probe(
        engine,
        &case,
        settings,
        &options,
        cancel,
        &mut |done, all| {
            progress.set_total(Some(all as u64));
            progress.set(done as u64);
        },
    );
    if probe.is_ok() {
        progress.finish();
    }
    drop(progress);
    let probe = probe.map_err(|error| match error {
        AssistantError::Model(ModelError::Cancelled) => {
            Failure::new(FailureKind::Interrupted, "stopped")
        }
        other => Failure::from(other),
    })?;
    let files = files.write(name, &case.images, &probe)?;
    Ok(Probed {
        probe,
        images: case.images,
        files,
    })
}

/// A probed case as one JSON object, after the fields of `first`.
fn in_json(probed: &Probed, first: Value) -> Value {
    let mut object = match first {
        Value::Object(_) => first,
        _ => json!({}),
    };
    let mut probe = json!(probed.probe);
    let maps = probe
        .pointer_mut("/attention/maps")
        .and_then(Value::as_array_mut);
    for (map, file) in maps.into_iter().flatten().zip(&probed.files) {
        map["file"] = file.to_string_lossy().into();
    }
    round(&mut probe);
    if let (Some(all), Value::Object(probe)) = (object.as_object_mut(), probe) {
        all.extend(probe);
        all.insert("intended_use".into(), INTENDED_USE.into());
    }
    object
}

/// Rounds every fraction to six digits: more would only be noise of the arithmetic.
fn round(value: &mut Value) {
    match value {
        Value::Array(values) => values.iter_mut().for_each(round),
        Value::Object(values) => values.iter_mut().for_each(|(_, value)| round(value)),
        Value::Number(number) if number.is_f64() => {
            let rounded = number.as_f64().map(|v| (v * 1e6).round() / 1e6);
            *value = json!(rounded);
        }
        _ => {}
    }
}

//! `rounds replay`: answers a saved question again and reports differences.
//!
//! Model, index, encoder and search are those of each turn unless flags override them. They are compared by hash, so a
//! replaced file is noticed.

use clap::{Args, ValueEnum};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

use super::failure::Outcome;
use super::libraries::{existing_encoder, existing_index, existing_model, find_index, models};
use super::out::print;
use super::session::print_note;
use crate::tui::journal::{Libraries, background, stored_answer, stored_shot};
use rounds_assistant::{Assistant, Case, Event, INTENDED_USE, SHIPPED, Settings, Setup};
use rounds_imaging::decode;
use rounds_index::Search;
use rounds_model::encoder::Descriptor;
use rounds_session::{Session, Sessions, Turn, TurnState, Verdict, compare};
use rounds_support::errors::display_path;
use rounds_support::sanitise::clean_line_max;
use rounds_support::{Cancel, Failure, Paths};

#[derive(Args)]
pub struct Replay {
    /// Session id, number or title; with #TURN, only that turn
    #[arg(value_name = "SESSION[#TURN]")]
    target: String,
    /// Model name or folder [default: the turn's]
    #[arg(long)]
    model: Option<PathBuf>,
    /// Index name or folder [default: the turn's]
    #[arg(long)]
    index: Option<PathBuf>,
    /// Encoder used to find similar images [default: the turn's]
    #[arg(long)]
    encoder: Option<PathBuf>,
    /// Search algorithm for similar images [default: the turn's]
    #[arg(long, value_enum)]
    search: Option<Search>,
    /// Compute device; auto uses the first that works
    #[arg(long, default_value = "auto", value_parser = rounds_model::device::NAMES)]
    device: String,
    /// Print one JSON object per turn
    #[arg(long)]
    json: bool,
}

/// Runs the replay; exit code 1 if an answer changed, 3 if a turn failed to answer.
pub fn run(replay: &Replay, cancel: &Cancel) -> Outcome {
    let paths = Paths::find()?;
    let sessions = Sessions::open(&paths)?;
    if let Some(notice) = sessions.notice() {
        print_note(notice);
    }
    let (session, wanted) = find(&sessions, &replay.target)?;
    let turns: Vec<&Turn> = session
        .turns
        .iter()
        .filter(|turn| match wanted {
            Some(number) => turn.number == number,
            None => turn.state == TurnState::Answered,
        })
        .collect();
    if turns.is_empty() {
        return Err(Failure::usage("the session has no answer to replay")
            .hint("to replay a stopped turn, name it as SESSION#TURN"));
    }
    // Resolve all of them first, so that errors come before the first slow answer.
    let setups: Vec<Setup> = turns
        .iter()
        .map(|turn| setup(replay, &session, turn))
        .collect::<Result<_, _>>()?;
    let libraries = Libraries::of(&paths);
    let mut open: Option<(Setup, Assistant)> = None;
    let (mut answer_differs, mut failed) = (false, false);
    for (old, setup) in turns.into_iter().zip(setups) {
        let assistant = match open.take().filter(|(opened, _)| *opened == setup) {
            Some((_, assistant)) => assistant,
            None => Assistant::start(setup.clone())?,
        };
        let new = Turn {
            sources: Some(libraries.sources(&setup)),
            ..answer_again(&assistant, &sessions, old, cancel)?
        };
        open = Some((setup, assistant));
        if cancel.is_cancelled() {
            return Ok(130);
        }
        let verdict = compare(old, &new);
        answer_differs |= matches!(
            verdict,
            Verdict::Differs {
                answer_changed: true,
                ..
            }
        );
        let name = format!("{}#{}", session.id, old.number);
        failed |= new.answer.is_none();
        let text = match (replay.json, &new.answer) {
            (true, _) => as_json(&name, old, &new, &verdict).to_string(),
            (false, Some(_)) => in_words(&name, old, &verdict),
            (false, None) => failure_in_words(&name, old, &new),
        };
        print(text)?;
    }
    Ok(match failed {
        true => 3,
        false => u8::from(answer_differs),
    })
}

/// The session and, if one was named, the turn number. A title may contain a `#`.
fn find(sessions: &Sessions, target: &str) -> Result<(Session, Option<u32>), Failure> {
    let (id, turn) = match sessions.find_turn(target) {
        Ok(turn) => (turn.session, Some(turn.number)),
        Err(no_turn) => match sessions.find(target) {
            Ok(id) => (id, None),
            Err(no_session) if target.contains('#') => {
                tracing::debug!(%no_session, "no session of that name");
                return Err(no_turn.into());
            }
            Err(no_session) => return Err(no_session.into()),
        },
    };
    let session = sessions.load(&id)?;
    Ok((session, turn))
}

/// The model, index and encoder for a turn: from the flags, else from the turn itself. Turns of older versions have only
/// their session's model and index.
fn setup(replay: &Replay, session: &Session, turn: &Turn) -> Result<Setup, Failure> {
    let sources = turn.sources.as_ref();
    let library = models()?;
    let resolve = |kind: &str, given: &Option<PathBuf>, saved: Option<&str>| {
        let find = |name: &Path| match kind {
            "index" => find_index(name),
            _ => Ok(library.find(name)),
        };
        // An encoder may be a reserved name; the shipped model and index are represented by `None`.
        let is_reserved = |path: &Path| {
            kind == "encoder" && (Descriptor::is_descriptor(path) || path == Path::new(SHIPPED))
        };
        let saved = saved.map(Path::new);
        let saved = saved.filter(|saved| *saved != Path::new(SHIPPED) || is_reserved(saved));
        let path = match (given, saved) {
            (Some(given), _) => {
                return match kind {
                    "model" => existing_model(given),
                    "index" => existing_index(given),
                    _ => existing_encoder(given).map(Some),
                };
            }
            (None, None) => return Ok(None),
            (None, Some(saved)) => find(saved)?,
        };
        match path.exists() || is_reserved(&path) {
            true => Ok(Some(path)),
            false => Err(Failure::usage(format!(
                "the session's {kind} is missing: {}",
                display_path(&path)
            ))
            .hint(format!("give its location with --{kind}"))),
        }
    };
    let (model, index) = (
        sources.map_or(&session.model, |sources| &sources.model),
        sources.map_or(&session.index, |sources| &sources.index),
    );
    let encoder = sources.and_then(|sources| sources.encoder.as_deref());
    Ok(Setup {
        model: resolve("model", &replay.model, Some(model))?,
        index: resolve("index", &replay.index, Some(index))?,
        encoder: resolve("encoder", &replay.encoder, encoder)?,
        device: replay.device.clone(),
        search: replay.search.unwrap_or_else(|| search_of(turn)),
    }
    .named())
}

/// The search algorithm that found the turn's shots, or the requested one if there were no shots.
fn search_of(turn: &Turn) -> Search {
    let used = turn.answer.as_ref().map(|answer| &answer.provenance);
    let used = used.and_then(|provenance| provenance["search"].as_str());
    let requested = turn.sources.as_ref().map(|sources| sources.search.as_str());
    let search = used.or(requested).map(|name| Search::from_str(name, true));
    search.and_then(Result::ok).unwrap_or_default()
}

/// Answers the turn's question again.
fn answer_again(
    assistant: &Assistant,
    sessions: &Sessions,
    old: &Turn,
    cancel: &Cancel,
) -> Result<Turn, Failure> {
    let mut images = Vec::new();
    for image in &old.images {
        let bytes = sessions.image(image)?;
        images.push(decode(&bytes, &image.name)?);
    }
    let settings: Settings = serde_json::from_value(old.settings.clone()).map_err(|error| {
        let why = clean_line_max(&error.to_string(), 200);
        Failure::usage(format!(
            "the settings of turn {} cannot be read: {why}",
            old.number
        ))
        .hint("the turn was saved by another version of rounds")
    })?;
    // Other programs can write to the database.
    settings.check()?;
    let case = Case {
        images,
        question: old.question.clone(),
        background: background(old),
        patient: old.patient.clone(),
        study: old.study.clone(),
    };
    let mut new = Turn {
        settings: json!(settings),
        state: TurnState::Failed,
        text: String::new(),
        answer: None,
        shots: Vec::new(),
        message: None,
        ..old.clone()
    };
    for event in assistant.ask(case, settings, cancel.clone()) {
        match event {
            Event::Answer(given) => {
                new.state = TurnState::Answered;
                new.shots = given.shots.iter().map(stored_shot).collect();
                new.answer = Some(round_trip(&stored_answer(&given)));
            }
            Event::Failed(error) => new.message = Some(error.to_string()),
            _ => {}
        }
    }
    Ok(new)
}

/// The answer after being stored and loaded, so that its numbers are rounded like the saved ones.
fn round_trip(answer: &rounds_session::StoredAnswer) -> rounds_session::StoredAnswer {
    let text = serde_json::to_string(answer).ok();
    text.and_then(|text| serde_json::from_str(&text).ok())
        .unwrap_or_else(|| answer.clone())
}

/// The report of a turn that got no answer this time.
fn failure_in_words(name: &str, old: &Turn, new: &Turn) -> String {
    let question = clean_line_max(&old.question, 80);
    let message = new.message.as_deref();
    let message = message.unwrap_or("the model stopped without an answer");
    let message = clean_line_max(message, 600);
    format!("{name}  NO ANSWER  {question}\n    failed this time: {message}")
}

fn in_words(name: &str, old: &Turn, verdict: &Verdict) -> String {
    let question = clean_line_max(&old.question, 80);
    let mut lines = Vec::new();
    match verdict {
        Verdict::Same => lines.push(format!("{name}  same answer  {question}")),
        Verdict::Differs {
            answer_changed,
            first_difference,
            changes,
        } => {
            lines.push(match answer_changed {
                true => format!("{name}  DIFFERENT ANSWER  {question}"),
                false => format!("{name}  same answer from different inputs  {question}"),
            });
            if let Some(difference) = first_difference {
                lines.push(format!(
                    "    {} differs from character {}:",
                    difference.part, difference.character
                ));
                lines.push(format!("      then: {}", difference.before));
                lines.push(format!("      now:  {}", difference.after));
            }
            for change in changes {
                lines.push(format!(
                    "    changed: {}: {} -> {}",
                    change.name, change.before, change.after
                ));
            }
            if *answer_changed && changes.is_empty() {
                lines.push("    none of the recorded inputs changed".into());
            }
        }
    }
    lines.join("\n")
}

fn as_json(name: &str, old: &Turn, new: &Turn, verdict: &Verdict) -> Value {
    let text = |turn: &Turn| {
        let answer = turn.answer.as_ref();
        json!({
            "state": turn.state.name(),
            "answer": answer.map_or(turn.text.as_str(), |answer| answer.answer.as_str()),
            "rationale": answer.and_then(|answer| answer.rationale.as_deref()),
            "message": turn.message,
        })
    };
    let (changed, difference, changes) = match verdict {
        Verdict::Same => (false, None, &[][..]),
        Verdict::Differs {
            answer_changed,
            first_difference,
            changes,
        } => (*answer_changed, first_difference.as_ref(), &changes[..]),
    };
    let changes: Vec<Value> = changes
        .iter()
        .map(
            |change| json!({ "name": change.name, "before": change.before, "after": change.after }),
        )
        .collect();
    json!({
        "turn": name,
        "question": old.question,
        "same": *verdict == Verdict::Same,
        "answer_changed": changed,
        "first_difference": difference.map(|d| json!({
            "part": d.part, "character": d.character, "before": d.before, "after": d.after,
        })),
        "changed_ingredients": changes,
        "before": text(old),
        "after": text(new),
        "intended_use": INTENDED_USE,
    })
}

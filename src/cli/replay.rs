//! `rounds replay`: a kept question is answered again, and what differs is said.
//!
//! Model, index, encoder and search are those of each turn unless others are given; what they were is compared by hash, so
//! a replaced file cannot pass for the old one.

use clap::{Args, ValueEnum};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

use super::journal::{Names, answer, stored};
use super::out::print;
use super::session::note;
use super::{Failure, Outcome, index, model};
use rounds_assistant::{Assistant, Case, Event, INTENDED_USE, SHIPPED, Settings, Setup};
use rounds_imaging::decode;
use rounds_index::Search;
use rounds_model::encoder::Descriptor;
use rounds_session::{Session, Sessions, Turn, TurnState, Verdict, compare};
use rounds_support::errors::shown;
use rounds_support::sanitise::clean_line_max;
use rounds_support::{Cancel, Hint, Paths};

#[derive(Args)]
pub struct Replay {
    /// SESSION or SESSION#TURN; a session by its id, its number or its title
    what: String,
    /// Model folder or name; left out: the turn's
    #[arg(long)]
    model: Option<PathBuf>,
    /// Index folder or name; left out: the turn's
    #[arg(long)]
    index: Option<PathBuf>,
    /// Image-text encoder that compares; left out: the turn's, if it had one
    #[arg(long)]
    encoder: Option<PathBuf>,
    /// How similar pictures are searched; left out: as it was done for the turn
    #[arg(long, value_enum)]
    search: Option<Search>,
    /// What it is computed on; auto takes the first that works
    #[arg(long, default_value = "auto", value_parser = rounds_model::device::NAMES)]
    device: String,
    /// One JSON object a turn
    #[arg(long)]
    json: bool,
}

/// Answers again; exit code 1 where an answer is another one now, 3 where there is none.
pub fn run(replay: &Replay, cancel: &Cancel) -> Outcome {
    let paths = Paths::find().map_err(|e| Failure::usage(e, e.hint()))?;
    let sessions = Sessions::open(&paths).map_err(|e| Failure::model(&e))?;
    if let Some(notice) = sessions.notice() {
        note(notice);
    }
    let (session, wanted) = find(&sessions, &replay.what)?;
    let turns: Vec<&Turn> = session
        .turns
        .iter()
        .filter(|turn| match wanted {
            Some(number) => turn.number == number,
            None => turn.state == TurnState::Answered,
        })
        .collect();
    if turns.is_empty() {
        return Err(Failure::usage(
            "the session has no answer to repeat",
            Some("name a turn that was stopped as SESSION#TURN".into()),
        ));
    }
    // All are known before the first answer is waited for.
    let setups: Vec<Setup> = turns
        .iter()
        .map(|turn| setup(replay, &session, turn))
        .collect::<Result<_, _>>()?;
    let names = Names::of(&paths);
    let mut open: Option<(Setup, Assistant)> = None;
    let (mut changed, mut failed) = (false, false);
    for (old, setup) in turns.into_iter().zip(setups) {
        let assistant = match open.take().filter(|(opened, _)| *opened == setup) {
            Some((_, assistant)) => assistant,
            None => Assistant::start(setup.clone()).map_err(|e| Failure::model(&e))?,
        };
        let new = Turn {
            sources: Some(names.sources(&setup)),
            ..again(&assistant, &sessions, old, cancel)?
        };
        open = Some((setup, assistant));
        if cancel.is_cancelled() {
            return Ok(130);
        }
        let verdict = compare(old, &new);
        changed |= matches!(
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
            (false, None) => why_not(&name, old, &new),
        };
        print(text)?;
    }
    Ok(match failed {
        true => 3,
        false => u8::from(changed),
    })
}

/// The session, and the number of the turn where one was named. A title may hold a `#`.
fn find(sessions: &Sessions, what: &str) -> Result<(Session, Option<u32>), Failure> {
    let unknown = |e: rounds_session::SessionError| Failure::usage(&e, e.hint());
    let (id, turn) = match sessions.find_turn(what) {
        Ok(turn) => (turn.session, Some(turn.number)),
        Err(no_turn) => match sessions.find(what) {
            Ok(id) => (id, None),
            Err(no_session) if what.contains('#') => {
                tracing::debug!(%no_session, "no session of that name");
                return Err(unknown(no_turn));
            }
            Err(no_session) => return Err(unknown(no_session)),
        },
    };
    let session = sessions.load(&id).map_err(|e| Failure::model(&e))?;
    Ok((session, turn))
}

/// What to answer a turn with: as the flags say, or as it was. Turns of older versions know their session's model and index
/// only.
fn setup(replay: &Replay, session: &Session, turn: &Turn) -> Result<Setup, Failure> {
    let made = turn.sources.as_ref();
    let library = model::library()?;
    let found = |what: &str, given: &Option<PathBuf>, kept: Option<&str>| {
        let find = |name: &Path| match what {
            "index" => index::find(name),
            _ => Ok(library.find(name)),
        };
        // What compares may be a word; of the others, what ships is left out.
        let word = |path: &Path| {
            what == "encoder" && (Descriptor::is_named(path) || path == Path::new(SHIPPED))
        };
        let kept = kept.map(Path::new);
        let kept = kept.filter(|kept| *kept != Path::new(SHIPPED) || word(kept));
        let path = match (given, kept) {
            (Some(given), _) if what == "encoder" => return model::comparing(given).map(Some),
            (Some(given), _) => return find(given).map(Some),
            (None, None) => return Ok(None),
            (None, Some(kept)) => find(kept)?,
        };
        match path.exists() || word(&path) {
            true => Ok(Some(path)),
            false => Err(Failure::usage(
                format!("the session's {what} is not here: {}", shown(&path)),
                Some(format!("say where it is with --{what}")),
            )),
        }
    };
    let (model, index) = (
        made.map_or(&session.model, |made| &made.model),
        made.map_or(&session.index, |made| &made.index),
    );
    let encoder = made.and_then(|made| made.encoder.as_deref());
    Ok(Setup {
        model: found("model", &replay.model, Some(model))?,
        index: found("index", &replay.index, Some(index))?,
        encoder: found("encoder", &replay.encoder, encoder)?,
        device: replay.device.clone(),
        search: replay.search.unwrap_or_else(|| search_of(turn)),
    }
    .named())
}

/// The search that found the turn's shots, or that was asked for where none were found.
fn search_of(turn: &Turn) -> Search {
    let used = turn.answer.as_ref().map(|answer| &answer.provenance);
    let used = used.and_then(|provenance| provenance["search"].as_str());
    let asked = turn.sources.as_ref().map(|made| made.search.as_str());
    let known = used.or(asked).map(|name| Search::from_str(name, true));
    known.and_then(Result::ok).unwrap_or_default()
}

/// The turn as it comes out now.
fn again(
    assistant: &Assistant,
    sessions: &Sessions,
    old: &Turn,
    cancel: &Cancel,
) -> Result<Turn, Failure> {
    let mut images = Vec::new();
    for image in &old.images {
        let bytes = sessions.image(image).map_err(|e| Failure::model(&e))?;
        images.push(decode(&bytes, &image.name).map_err(|e| Failure::model(&e))?);
    }
    let settings: Settings = serde_json::from_value(old.settings.clone()).map_err(|error| {
        let why = clean_line_max(&error.to_string(), 200);
        Failure::usage(
            format!("the settings of turn {} cannot be read: {why}", old.number),
            Some("it was kept by another version of the program".into()),
        )
    })?;
    let case = Case {
        images,
        question: old.question.clone(),
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
                new.shots = given.shots.iter().map(stored).collect();
                new.answer = Some(kept(&answer(&given)));
            }
            Event::Failed(error) => new.message = Some(error.to_string()),
            _ => {}
        }
    }
    Ok(new)
}

/// As it reads after being stored: numbers go through the same text.
fn kept(answer: &rounds_session::StoredAnswer) -> rounds_session::StoredAnswer {
    let text = serde_json::to_string(answer).ok();
    text.and_then(|text| serde_json::from_str(&text).ok())
        .unwrap_or_else(|| answer.clone())
}

/// A repetition that came to no answer.
fn why_not(name: &str, old: &Turn, new: &Turn) -> String {
    let question = clean_line_max(&old.question, 80);
    let message = new.message.as_deref();
    let message = message.unwrap_or("the model stopped without an answer");
    let message = clean_line_max(message, 600);
    format!("{name}  NO ANSWER  {question}\n    it failed now: {message}")
}

fn in_words(name: &str, old: &Turn, verdict: &Verdict) -> String {
    let question = clean_line_max(&old.question, 80);
    let mut lines = Vec::new();
    match verdict {
        Verdict::Same => lines.push(format!("{name}  same answer  {question}")),
        Verdict::Differs {
            answer_changed,
            first_difference,
            ingredients,
        } => {
            lines.push(match answer_changed {
                true => format!("{name}  ANOTHER ANSWER  {question}"),
                false => format!("{name}  same answer from other ingredients  {question}"),
            });
            if let Some(difference) = first_difference {
                lines.push(format!(
                    "    {} differs from character {} on:",
                    difference.part, difference.character
                ));
                lines.push(format!("      then: {}", difference.before));
                lines.push(format!("      now:  {}", difference.after));
            }
            for change in ingredients {
                lines.push(format!(
                    "    changed: {}: {} -> {}",
                    change.name, change.before, change.after
                ));
            }
            if *answer_changed && ingredients.is_empty() {
                lines.push("    nothing that went in has changed".into());
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
    let (changed, difference, ingredients) = match verdict {
        Verdict::Same => (false, None, &[][..]),
        Verdict::Differs {
            answer_changed,
            first_difference,
            ingredients,
        } => (*answer_changed, first_difference.as_ref(), &ingredients[..]),
    };
    let ingredients: Vec<Value> = ingredients
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
        "changed_ingredients": ingredients,
        "before": text(old),
        "after": text(new),
        "intended_use": INTENDED_USE,
    })
}

//! `rounds replay`: a kept question is answered again, and what differs is said.
//!
//! The model and the index are those of the session unless others are given; what they were is compared by hash, so a
//! replaced file cannot pass for the old one.

use clap::Args;
use serde_json::{Value, json};
use std::io::Write;
use std::path::PathBuf;

use super::journal::{answer, stored};
use super::{Failure, Outcome, index, model};
use crate::assistant::{Assistant, Case, Event, INTENDED_USE, Settings, Setup};
use crate::imaging::decode;
use crate::index::Search;
use crate::session::{Session, Sessions, Turn, TurnState, Verdict, compare};
use crate::support::errors::shown;
use crate::support::sanitise::clean_line_max;
use crate::support::{Cancel, Hint, Paths};

/// How the shipped model and index are called in a session.
const SHIPPED: &str = "shipped";

#[derive(Args)]
pub struct Replay {
    /// SESSION or SESSION#TURN; a session by its id, its number or its title
    what: String,
    /// Model folder or name; left out: the session's
    #[arg(long)]
    model: Option<PathBuf>,
    /// Index folder or name; left out: the session's
    #[arg(long)]
    index: Option<PathBuf>,
    /// Image-text encoder that compares, where the session had one
    #[arg(long)]
    encoder: Option<PathBuf>,
    /// auto, cpu, cuda or metal
    #[arg(long, default_value = "auto")]
    device: String,
    /// One JSON object a turn
    #[arg(long)]
    json: bool,
}

/// Answers again; exit code 1 where an answer is another one now.
pub fn run(replay: &Replay, cancel: &Cancel) -> Outcome {
    let paths = Paths::find().map_err(|e| Failure::usage(e, e.hint()))?;
    let sessions = Sessions::open(&paths).map_err(|e| Failure::model(&e))?;
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
    let assistant = Assistant::start(setup(replay, &session)?).map_err(|e| Failure::model(&e))?;
    let mut out = std::io::stdout().lock();
    let mut changed = false;
    for old in turns {
        let new = again(&assistant, &sessions, old, cancel)?;
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
        let text = match replay.json {
            true => as_json(&name, old, &new, &verdict).to_string(),
            false => in_words(&name, old, &verdict),
        };
        writeln!(out, "{text}").map_err(|e| Failure::io(&e))?;
    }
    Ok(u8::from(changed))
}

/// The session, and the number of the turn where one was named. A title may hold a `#`.
fn find(sessions: &Sessions, what: &str) -> Result<(Session, Option<u32>), Failure> {
    let unknown = |e: crate::session::SessionError| Failure::usage(&e, e.hint());
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

fn setup(replay: &Replay, session: &Session) -> Result<Setup, Failure> {
    let named = |given: &Option<PathBuf>, kept: &str| match given {
        Some(given) => Some(given.clone()),
        None if kept == SHIPPED => None,
        None => Some(PathBuf::from(kept)),
    };
    let library = model::library()?;
    let found = |what: &str, flag: bool, path: PathBuf| match flag || path.exists() {
        true => Ok(path),
        false => Err(Failure::usage(
            format!("the session's {what} is not here: {}", shown(&path)),
            Some(format!("say where it is with --{what}")),
        )),
    };
    Ok(Setup {
        model: named(&replay.model, &session.model)
            .map(|name| found("model", replay.model.is_some(), library.find(&name)))
            .transpose()?,
        index: named(&replay.index, &session.index)
            .map(|name| found("index", replay.index.is_some(), index::find(&name)?))
            .transpose()?,
        encoder: replay.encoder.as_ref().map(|name| library.find(name)),
        device: replay.device.clone(),
        search: Search::Auto,
    })
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
fn kept(answer: &crate::session::StoredAnswer) -> crate::session::StoredAnswer {
    let text = serde_json::to_string(answer).ok();
    text.and_then(|text| serde_json::from_str(&text).ok())
        .unwrap_or_else(|| answer.clone())
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

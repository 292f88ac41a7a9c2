//! `rounds script`: JSON Lines in, JSON Lines out. An invalid line gives an `error` event and processing continues.

use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::io::Write;
use std::path::PathBuf;

use rounds_assistant::retrieval::{Condition, Order, Shot, Strategy};
use rounds_assistant::{Answer, Assistant, AssistantError, Case, Event, INTENDED_USE, Settings};
use rounds_imaging::{Image, load};
use rounds_model::generate::Decoding;
use rounds_support::{Cancel, Hint, Lines, sanitise};

/// Schema version of the events.
pub const SCHEMA_VERSION: u32 = 1;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    id: Option<Value>,
    #[serde(default)]
    images: Vec<PathBuf>,
    question: String,
    session: Option<String>,
    shots: Option<usize>,
    strategy: Option<Strategy>,
    order: Option<Order>,
    floor: Option<f32>,
    filter: Option<Vec<Condition>>,
    pinned: Option<Vec<String>>,
    excluded: Option<Vec<String>>,
    /// Candidate answers to rank by likelihood.
    options: Option<Vec<String>>,
    seed: Option<u64>,
    temperature: Option<f64>,
    max_new_tokens: Option<usize>,
    /// Patient the images belong to; their examples are never used as shots.
    patient: Option<String>,
    study: Option<String>,
    #[serde(default)]
    tokens: bool,
}

/// A shot as JSON.
pub fn shot_json(shot: &Shot) -> Value {
    json!({
        "example_id": shot.example.id,
        "rank": shot.rank,
        "score": (f64::from(shot.score) * 1e4).round() / 1e4,
        "reason": shot.reason,
        "question": shot.example.question,
        "answer": shot.example.answer,
        "rationale": shot.example.rationale,
        "tags": shot.example.tags.iter().map(|(n, v)| format!("{n}={v}")).collect::<Vec<_>>(),
        "source": shot.example.source,
        "licence": shot.example.licence,
    })
}

/// An answer as JSON, for both `ask --json` and `script`.
pub fn answer_json(answer: &Answer) -> Value {
    json!({
        "answer": answer.answer,
        "rationale": answer.rationale,
        "rationale_missing": answer.rationale.is_none(),
        "stop_reason": answer.stop,
        "shots": answer.shots.iter().map(shot_json).collect::<Vec<_>>(),
        "notices": answer.notices,
        "provenance": answer.provenance,
        "timings": answer.timings,
        "tokens": { "prompt": answer.prompt_tokens, "generated": answer.generated_tokens },
        "log_probabilities": answer.log_probabilities,
        "ranking": answer.ranking,
        "intended_use": INTENDED_USE,
    })
}

struct Problem {
    message: String,
    hint: Option<String>,
    code: &'static str,
}

fn bad_request(message: impl ToString) -> Problem {
    Problem {
        message: sanitise::clean_line(&message.to_string()),
        hint: Some("see docs/script.md for the fields of a request".into()),
        code: "bad-request",
    }
}

/// Answers requests until the input ends. Returns whether any line failed.
///
/// Errors if reading or writing fails, including on a closed pipe.
pub fn run(
    assistant: &Assistant,
    defaults: &Settings,
    input: &Lines,
    output: &mut dyn Write,
    cancel: &Cancel,
) -> std::io::Result<bool> {
    let mut sessions: HashMap<String, Vec<PathBuf>> = HashMap::new();
    let (mut number, mut failed) = (0u64, false);
    while let Some(line) = input.next(cancel) {
        let line = line?;
        number += 1;
        let text = match &line {
            Ok(text) if text.trim().is_empty() => continue,
            Ok(text) => text.as_str(),
            Err(_) => "",
        };
        let fallback = json!(format!("line-{number}"));
        let id = serde_json::from_str::<Value>(text)
            .ok()
            .and_then(|v| v.get("id").cloned())
            .filter(|v| v.is_string() || v.is_number())
            .unwrap_or(fallback);
        let mut emit = |event: &str, body: Value| -> std::io::Result<()> {
            let mut all = json!({ "event": event, "schema_version": SCHEMA_VERSION, "id": id, "line": number });
            if let (Some(all), Value::Object(body)) = (all.as_object_mut(), body) {
                all.extend(body);
            }
            writeln!(output, "{all}")?;
            output.flush()
        };
        let outcome = match line {
            Err(reason) => Err(bad_request(reason)),
            Ok(text) => {
                answer_request(assistant, defaults, &text, &mut sessions, cancel, &mut emit)?
            }
        };
        if let Err(problem) = outcome {
            failed = true;
            emit(
                "error",
                json!({ "message": problem.message, "hint": problem.hint, "code": problem.code }),
            )?;
        }
    }
    Ok(failed)
}

fn answer_request(
    assistant: &Assistant,
    defaults: &Settings,
    text: &str,
    sessions: &mut HashMap<String, Vec<PathBuf>>,
    cancel: &Cancel,
    emit: &mut dyn FnMut(&str, Value) -> std::io::Result<()>,
) -> std::io::Result<Result<(), Problem>> {
    let request: Request = match serde_json::from_str(text) {
        Ok(request) => request,
        Err(error) => return Ok(Err(bad_request(error))),
    };
    if request
        .id
        .as_ref()
        .is_some_and(|id| !id.is_string() && !id.is_number())
    {
        return Ok(Err(bad_request("the id must be a string or a number")));
    }
    emit(
        "started",
        json!({ "question": sanitise::clean_line(&request.question) }),
    )?;
    let paths = match request.session.as_ref().and_then(|name| sessions.get(name)) {
        Some(paths) if request.images.is_empty() => paths.clone(),
        _ => request.images.clone(),
    };
    let mut images: Vec<Image> = Vec::new();
    for path in &paths {
        match load(path) {
            Ok(image) => images.push(image),
            Err(error) => {
                return Ok(Err(Problem {
                    message: error.to_string(),
                    hint: error.hint(),
                    code: "bad-image",
                }));
            }
        }
    }
    // Only after loading: a path that cannot be loaded would fail every follow-up.
    if let Some(name) = &request.session {
        sessions.insert(name.clone(), paths);
    }
    let settings = Settings {
        shots: request.shots.unwrap_or(defaults.shots),
        strategy: request.strategy.unwrap_or(defaults.strategy),
        order: request.order.unwrap_or(defaults.order),
        floor: request.floor.or(defaults.floor),
        filter: request.filter.unwrap_or_else(|| defaults.filter.clone()),
        pinned: request.pinned.unwrap_or_else(|| defaults.pinned.clone()),
        excluded: request
            .excluded
            .unwrap_or_else(|| defaults.excluded.clone()),
        options: request.options.unwrap_or_else(|| defaults.options.clone()),
        decoding: Decoding {
            seed: request.seed.unwrap_or(defaults.decoding.seed),
            temperature: request.temperature.unwrap_or(defaults.decoding.temperature),
            max_new_tokens: request
                .max_new_tokens
                .unwrap_or(defaults.decoding.max_new_tokens),
            ..defaults.decoding.clone()
        },
        prompt_only: false,
    };
    if let Err(error) = settings.check() {
        return Ok(Err(Problem {
            message: error.to_string(),
            hint: error.hint(),
            code: "bad-request",
        }));
    }
    let case = Case {
        images,
        question: request.question,
        patient: request.patient,
        study: request.study,
    };
    for event in assistant.ask(case, settings, cancel.clone()) {
        match event {
            Event::Retrieved {
                shots,
                asked,
                dropped,
            } => emit(
                "shots",
                json!({ "shots": shots.iter().map(shot_json).collect::<Vec<_>>(), "asked": asked, "dropped": dropped }),
            )?,
            Event::Token(text) if request.tokens => emit("token", json!({ "text": text }))?,
            Event::Token(_) | Event::Prompt(_) => {}
            Event::Answer(answer) => emit("answer", answer_json(&answer))?,
            Event::Failed(error) => return Ok(Err(assistant_problem(&error))),
        }
    }
    Ok(Ok(()))
}

fn assistant_problem(error: &AssistantError) -> Problem {
    Problem {
        message: error.to_string(),
        hint: error.hint(),
        code: if error.is_request() {
            "bad-request"
        } else {
            "model"
        },
    }
}

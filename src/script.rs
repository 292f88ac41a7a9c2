//! `rounds script`: JSON Lines in, JSON Lines out. An invalid line gives an `error` event and processing continues.

use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::fmt::Display;
use std::io::Write;
use std::path::PathBuf;

use rounds_assistant::retrieval::Shot;
use rounds_assistant::{Answer, Assistant, Case, Event, INTENDED_USE, Settings, SettingsPatch};
use rounds_eval::problems::{self, Problem};
use rounds_support::{Cancel, Failure, Lines, millionths, sanitise, stderr_line, thousandths};

/// Schema version of the events.
pub const SCHEMA_VERSION: u32 = 1;

#[derive(Deserialize)]
struct Request {
    id: Option<Value>,
    #[serde(default)]
    images: Vec<PathBuf>,
    /// A problem to ask about, as `rounds ask --problem` takes it: it brings images, vignette, values and a question.
    problem: Option<String>,
    /// Needed unless a problem brings one.
    question: Option<String>,
    session: Option<String>,
    /// Patient the images belong to; their examples are never used as shots.
    patient: Option<String>,
    study: Option<String>,
    #[serde(default)]
    tokens: bool,
    /// Settings other than the defaults; fields that are none are errors.
    #[serde(flatten)]
    settings: SettingsPatch,
}

/// What the requests of a session are about, unless one says otherwise.
#[derive(Clone, Default)]
struct Topic {
    images: Vec<PathBuf>,
    problem: Option<String>,
}

impl Request {
    fn parse(text: &str) -> Result<Self, String> {
        let request: Self = serde_json::from_str(text).map_err(|error| error.to_string())?;
        if request.question.is_none() && request.problem.is_none() {
            return Err("missing field `question`".into());
        }
        if request.problem.is_some() && !request.images.is_empty() {
            return Err("a problem has its own images: leave out `images` or `problem`".into());
        }
        Ok(request)
    }

    /// What it is about: its own images or problem, or else those of its session.
    fn topic(&self, sessions: &HashMap<String, Topic>) -> Topic {
        let before = self.session.as_ref().and_then(|name| sessions.get(name));
        match before {
            Some(before) if self.images.is_empty() && self.problem.is_none() => before.clone(),
            _ => Topic {
                images: self.images.clone(),
                problem: self.problem.clone(),
            },
        }
    }
}

/// A shot as JSON.
pub fn shot_json(shot: &Shot) -> Value {
    json!({
        "example_id": shot.example.id,
        "rank": shot.rank,
        "score": millionths(shot.score),
        "match_share": shot.match_share.map(thousandths),
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
        "rationale_missing": answer.rationale.is_none() && answer.standing.withheld.is_none(),
        "stop_reason": answer.stop,
        "shots": answer.shots.iter().map(shot_json).collect::<Vec<_>>(),
        "notices": answer.notices.iter().chain([&answer.about_model]).filter(|n| !n.is_empty()).collect::<Vec<_>>(),
        "provenance": answer.provenance,
        "timings": answer.timings,
        "tokens": { "prompt": answer.prompt_tokens, "generated": answer.generated_tokens },
        "log_probabilities": answer.log_probabilities,
        "ranking": answer.ranking,
        "confidence": answer.standing.confidence.map(thousandths),
        "sure_from": answer.standing.sure_from.map(thousandths),
        "sure": answer.standing.sure,
        "withheld": answer.standing.withheld,
        "vote": answer.standing.vote,
        "copied": answer.standing.copied,
        "contradicted": answer.standing.contradicted,
        "intended_use": INTENDED_USE,
    })
}

fn bad_request(message: impl Display) -> Failure {
    Failure::usage(message).hint("see docs/script.md for the fields of a request")
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
    let mut sessions: HashMap<String, Topic> = HashMap::new();
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
        if let Err(failure) = outcome {
            failed = true;
            let code = failure.kind.code();
            emit(
                "error",
                json!({ "message": failure.message, "hint": failure.hint, "code": code }),
            )?;
        }
    }
    Ok(failed)
}

fn answer_request(
    assistant: &Assistant,
    defaults: &Settings,
    text: &str,
    sessions: &mut HashMap<String, Topic>,
    cancel: &Cancel,
    emit: &mut dyn FnMut(&str, Value) -> std::io::Result<()>,
) -> std::io::Result<Result<(), Failure>> {
    let request = match Request::parse(text) {
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
    let topic = request.topic(sessions);
    let problem = match topic.problem.as_deref().map(problems::find).transpose() {
        Ok(problem) => problem,
        Err(error) => return Ok(Err(error.into())),
    };
    let own = problem.as_ref().map(|problem| problem.question.clone());
    let question = request.question.or(own).unwrap_or_default();
    emit(
        "started",
        json!({ "question": sanitise::clean_line(&question) }),
    )?;
    let (mut patient, mut study) = (request.patient, request.study);
    let mut note = |text: &str| stderr_line(format_args!("note: {text}"));
    let case = match problem.as_ref().map(Problem::case).transpose() {
        Ok(case) => case.unwrap_or_default(),
        Err(error) => return Ok(Err(error.into())),
    };
    let images = match crate::given::all_images(&topic.images, &mut patient, &mut study, &mut note)
    {
        Ok(images) => images,
        Err(error) => return Ok(Err(error)),
    };
    // Only after loading: what cannot be loaded would fail every follow-up.
    if let Some(name) = &request.session {
        sessions.insert(name.clone(), topic);
    }
    let settings = match request.settings.checked(defaults) {
        Ok(settings) => settings,
        Err(error) => return Ok(Err(error.into())),
    };
    let case = Case {
        images: case.images.into_iter().chain(images).collect(),
        question,
        patient,
        study,
        ..case
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
            Event::Answer(answer) => {
                let mut body = answer_json(&answer);
                if let Some(problem) = &problem {
                    body["problem"] = problem.id.as_str().into();
                    body["reference"] = problem.answer.as_str().into();
                }
                emit("answer", body)?;
            }
            Event::Failed(error) => return Ok(Err(error.into())),
        }
    }
    Ok(Ok(()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rounds_assistant::SETTINGS;

    fn patch(text: &str) -> Result<SettingsPatch, String> {
        Request::parse(text).map(|request| request.settings)
    }

    /// A request that changes the setting.
    fn request(name: &str) -> String {
        let value = match name {
            "strategy" => json!("random"),
            "order" => json!("shuffled"),
            "filter" => json!(["modality=ct"]),
            "pinned" | "excluded" => json!(["chest-0001"]),
            "options" => json!(["yes", "no"]),
            "floor" | "temperature" | "top_p" | "length_penalty" | "repetition_penalty" => {
                json!(0.5)
            }
            _ => json!(7),
        };
        json!({ "question": "q", name: value }).to_string()
    }

    #[test]
    fn every_setting_is_a_field_of_a_request_and_documented() {
        let schema: Value =
            serde_json::from_str(include_str!("../docs/script.schema.json")).expect("JSON");
        let manual = include_str!("../docs/script.md");
        let (requests, _) = manual.split_once("## Events").expect("two parts");
        let schema = json!({
            "$defs": schema["$defs"], "$ref": "#/$defs/request",
        });
        let validator = jsonschema::validator_for(&schema).expect("a valid schema");
        for setting in SETTINGS {
            let request = request(setting.name);
            let patch = patch(&request).unwrap_or_else(|error| panic!("{request}: {error}"));
            let changed = patch.apply(&Settings::default());
            assert_ne!(changed, Settings::default(), "{request}");
            assert!(
                requests.contains(&format!("`{}`", setting.name)),
                "{request}"
            );
            let value: Value = serde_json::from_str(&request).expect("JSON");
            assert!(validator.is_valid(&value), "{request}");
            let is_off = setting.can_be_off && !setting.many;
            let off = json!({ "question": "q", setting.name: "off" });
            assert_eq!(validator.is_valid(&off), is_off, "{off}");
            let null = json!({ "question": "q", setting.name: null });
            assert!(validator.is_valid(&null), "{null}");
        }
    }

    #[test]
    fn a_field_that_is_unknown_or_repeated_or_of_another_type_is_an_error() {
        for (text, message) in [
            (r#"{"question":"q","shot":1}"#, "unknown field `shot`"),
            (
                r#"{"question":"q","shots":1,"shots":2}"#,
                "duplicate field `shots`",
            ),
            (r#"{"question":"q","shots":"4"}"#, "invalid type: string"),
            (
                r#"{"question":"q","floor":"low"}"#,
                "expected a number or \"off\"",
            ),
            (
                r#"{"question":"q","filter":["ct"]}"#,
                "`ct` is not a condition",
            ),
            (r#"{"shots":1}"#, "missing field `question`"),
            (
                r#"{"problem":"iron","images":["a.png"]}"#,
                "a problem has its own images",
            ),
        ] {
            let error = patch(text).expect_err(text);
            assert!(error.starts_with(message), "{text}: {error}");
        }
    }

    #[test]
    fn a_follow_up_is_about_the_images_or_the_problem_of_its_session() {
        let topic = |text: &str, sessions: &HashMap<String, Topic>| {
            let topic = Request::parse(text).expect(text).topic(sessions);
            (topic.images.len(), topic.problem)
        };
        let problem = Topic {
            images: Vec::new(),
            problem: Some("iron".into()),
        };
        let images = Topic {
            images: vec!["a.png".into(), "b.png".into()],
            problem: None,
        };
        let sessions = HashMap::from([("p".into(), problem), ("i".into(), images)]);
        for (text, expected) in [
            (
                r#"{"question":"q","session":"p"}"#,
                (0, Some("iron".to_string())),
            ),
            (r#"{"question":"q","session":"i"}"#, (2, None)),
            (
                r#"{"question":"q","session":"p","images":["c.png"]}"#,
                (1, None),
            ),
            (
                r#"{"problem":"gallstones","session":"i"}"#,
                (0, Some("gallstones".to_string())),
            ),
            (r#"{"question":"q","session":"other"}"#, (0, None)),
        ] {
            assert_eq!(topic(text, &sessions), expected, "{text}");
        }
    }

    #[test]
    fn a_request_about_a_problem_fits_the_schema_without_a_question() {
        let schema: Value =
            serde_json::from_str(include_str!("../docs/script.schema.json")).expect("JSON");
        let schema = json!({ "$defs": schema["$defs"], "$ref": "#/$defs/request" });
        let validator = jsonschema::validator_for(&schema).expect("a valid schema");
        for (request, good) in [
            (json!({ "problem": "missed-dialysis" }), true),
            (json!({ "problem": "own.toml#one", "question": "q" }), true),
            (json!({ "question": "q" }), true),
            (json!({ "shots": 1 }), false),
            (json!({ "problem": "iron", "images": ["a.png"] }), false),
        ] {
            assert_eq!(validator.is_valid(&request), good, "{request}");
            let text = request.to_string();
            assert_eq!(Request::parse(&text).is_ok(), good, "{request}");
        }
    }

    #[test]
    fn null_leaves_a_setting_as_it_is_and_off_ends_a_limit() {
        let defaults = Settings {
            floor: Some(0.5),
            ..Settings::default()
        };
        let floor = |text: &str| patch(text).expect(text).apply(&defaults).floor;
        assert_eq!(floor(r#"{"question":"q","floor":null}"#), Some(0.5));
        assert_eq!(floor(r#"{"question":"q"}"#), Some(0.5));
        assert_eq!(floor(r#"{"question":"q","floor":"off"}"#), None);
        assert_eq!(floor(r#"{"question":"q","floor":1}"#), Some(1.0));
    }
}

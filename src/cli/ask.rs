//! `rounds ask`: one question, one answer.

use clap::Args;
use serde_json::json;
use std::io::Write;
use std::path::PathBuf;

use super::{Common, Failure, Outcome};
use crate::script::{answer_json, shot_json};
use rounds_assistant::prompt::Parts;
use rounds_assistant::retrieval::shots_in_words;
use rounds_assistant::{Answer, Assistant, Case, Event, INTENDED_USE, Settings};
use rounds_imaging::load;
use rounds_support::sanitise::clean_line;
use rounds_support::{Cancel, Hint};

#[derive(Args)]
pub struct Ask {
    /// Image to ask about (may be given several times)
    #[arg(short, long = "image")]
    images: Vec<PathBuf>,
    /// The question
    question: String,
    /// Whose images they are: no example of this patient is a shot
    #[arg(long)]
    patient: Option<String>,
    /// Their study: no example of it is a shot
    #[arg(long)]
    study: Option<String>,
    /// Print one JSON object instead of text
    #[arg(long)]
    json: bool,
    /// Print the interleaved prompt and stop
    #[arg(long)]
    show_prompt: bool,
    #[command(flatten)]
    pub common: Common,
}

/// Reads the pictures and answers.
pub fn run(ask: &Ask, cancel: &Cancel) -> Outcome {
    let mut settings = ask.common.settings()?;
    settings.prompt_only = ask.show_prompt;
    let images = ask
        .images
        .iter()
        .map(|path| {
            load(path).map_err(|e| Failure {
                message: e.to_string(),
                hint: e.hint(),
                code: 3,
            })
        })
        .collect::<Result<Vec<_>, _>>()?;
    let assistant = ask.common.start()?;
    let case = Case {
        images,
        question: ask.question.clone(),
        patient: ask.patient.clone(),
        study: ask.study.clone(),
    };
    let mut out = std::io::stdout().lock();
    if ask.show_prompt {
        return show_prompt(ask, assistant.ask(case, settings, cancel.clone()), &mut out);
    }
    let answer = converse(&assistant, case, settings, cancel, ask.json, &mut out)?;
    if ask.json {
        let mut value = answer_json(&answer);
        value["question"] = clean_line(&ask.question).into();
        writeln!(out, "{value:#}").map_err(|e| Failure::io(&e))?;
    }
    Ok(0)
}

/// Writes the prompt that `events` bring; as JSON with the shots in it.
fn show_prompt(ask: &Ask, events: impl IntoIterator<Item = Event>, out: &mut dyn Write) -> Outcome {
    let mut known = Vec::new();
    for event in events {
        match event {
            Event::Retrieved { shots, .. } => known = shots,
            Event::Prompt(prompt) => {
                let text = match ask.json {
                    false => prompt,
                    true => format!(
                        "{:#}",
                        json!({
                            "prompt": prompt,
                            "question": clean_line(&ask.question),
                            "shots": known.iter().map(shot_json).collect::<Vec<_>>(),
                            "intended_use": INTENDED_USE,
                        })
                    ),
                };
                writeln!(out, "{text}").map_err(|e| Failure::io(&e))?;
            }
            Event::Failed(error) => return Err(Failure::assistant(&error)),
            _ => {}
        }
    }
    Ok(0)
}

/// Runs a case and, unless `quiet`, streams shots, text and notices to `out`.
fn converse(
    assistant: &Assistant,
    case: Case,
    settings: Settings,
    cancel: &Cancel,
    quiet: bool,
    out: &mut dyn Write,
) -> Result<Answer, Failure> {
    let io = |e: std::io::Error| Failure::io(&e);
    let mut parts = Parts::default();
    for event in assistant.ask(case, settings, cancel.clone()) {
        match event {
            Event::Answer(answer) => {
                if !quiet {
                    writeln!(out, "{}", parts.end()).map_err(io)?;
                    if answer.rationale.is_none() {
                        writeln!(out, "(the model gave no rationale)").map_err(io)?;
                    }
                    for ranked in &answer.ranking {
                        writeln!(out, "  {}", ranked.in_words()).map_err(io)?;
                    }
                    for notice in &answer.notices {
                        writeln!(out, "note: {notice}").map_err(io)?;
                    }
                    writeln!(
                        out,
                        "{INTENDED_USE} | {} tokens in {:.2} s",
                        answer.generated_tokens,
                        answer.timings.total_ms / 1000.0
                    )
                    .map_err(io)?;
                }
                return Ok(*answer);
            }
            Event::Failed(error) => return Err(Failure::assistant(&error)),
            _ if quiet => {}
            Event::Retrieved { shots, asked, .. } => {
                writeln!(out, "{}:", shots_in_words(shots.len(), asked)).map_err(io)?;
                for shot in &shots {
                    writeln!(out, "  {}. {}", shot.rank, shot.in_words()).map_err(io)?;
                }
            }
            Event::Prompt(prompt) => parts.begin(&prompt),
            Event::Token(text) => {
                write!(out, "{}", parts.push(&text)).map_err(io)?;
                out.flush().map_err(io)?;
            }
        }
    }
    Err(Failure {
        message: "the model stopped without an answer".into(),
        hint: None,
        code: 3,
    })
}

//! `rounds ask`: one question, one answer.

use clap::Args;
use std::io::Write;
use std::path::PathBuf;

use super::{Common, Failure, Outcome};
use crate::assistant::{Answer, Assistant, Case, Event, INTENDED_USE, Settings};
use crate::imaging::load;
use crate::retrieval::Shot;
use crate::script::answer_json;
use crate::support::{Cancel, Hint};

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
        for event in assistant.ask(case, settings, cancel.clone()) {
            match event {
                Event::Prompt(text) => writeln!(out, "{text}").map_err(|e| Failure::io(&e))?,
                Event::Failed(error) => return Err(failed(&error)),
                _ => {}
            }
        }
        return Ok(0);
    }
    let answer = converse(&assistant, case, settings, cancel, ask.json, &mut out)?;
    if ask.json {
        let mut value = answer_json(&answer);
        value["question"] = crate::support::sanitise::clean_line(&ask.question).into();
        writeln!(out, "{value:#}").map_err(|e| Failure::io(&e))?;
    }
    Ok(0)
}

fn failed(error: &crate::assistant::AssistantError) -> Failure {
    Failure {
        message: error.to_string(),
        hint: error.hint(),
        code: if error.is_request() { 2 } else { 3 },
    }
}

fn show_shot(out: &mut dyn Write, shot: &Shot) -> std::io::Result<()> {
    writeln!(
        out,
        "  {}. {}  {:.3}  Q: {}  A: {}  [{}; {}, {}]",
        shot.rank,
        shot.example.id,
        shot.score,
        shot.example.question,
        shot.example.answer,
        shot.reason,
        shot.example.source,
        shot.example.licence
    )
}

/// Runs a case and, unless `quiet`, streams shots, text and notices to `out`.
pub fn converse(
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
                        writeln!(
                            out,
                            "  {:<30} {:8.3} a token, {:8.3} in all",
                            ranked.option, ranked.per_token, ranked.log_probability
                        )
                        .map_err(io)?;
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
            Event::Failed(error) => return Err(failed(&error)),
            _ if quiet => {}
            Event::Retrieved { shots, asked, .. } => {
                writeln!(out, "{} of {asked} shots:", shots.len()).map_err(io)?;
                for shot in &shots {
                    show_shot(out, shot).map_err(io)?;
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

/// Puts answer and rationale on lines of their own while they stream.
#[derive(Default)]
struct Parts {
    /// The marker that the prompt ends with.
    lead: String,
    started: bool,
    /// Could still become a marker.
    held: String,
}

impl Parts {
    const MARKERS: [&str; 2] = [" Answer:", " Rationale:"];

    fn begin(&mut self, prompt: &str) {
        let lead = prompt.rsplit([' ', '\n']).next().unwrap_or_default();
        self.lead = lead.to_string();
    }

    fn push(&mut self, text: &str) -> String {
        self.held.push_str(text);
        if !self.started {
            self.held = self.held.trim_start().to_string();
            if self.held.is_empty() {
                return String::new();
            }
            self.started = true;
            self.held = format!("\n{} {}", self.lead, self.held);
        }
        for marker in Self::MARKERS {
            self.held = self.held.replace(marker, &format!("\n{}", &marker[1..]));
        }
        let keep = (0..self.held.len())
            .filter(|&at| self.held.is_char_boundary(at))
            .find(|&at| {
                Self::MARKERS
                    .iter()
                    .any(|m| m.starts_with(&self.held[at..]))
            })
            .unwrap_or(self.held.len());
        let rest = self.held.split_off(keep);
        std::mem::replace(&mut self.held, rest)
    }

    fn end(&mut self) -> String {
        std::mem::take(&mut self.held)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_stream_on_lines_of_their_own_however_they_are_cut() {
        let text = " I see A and an Ans. Answer: yes";
        for size in 1..12 {
            let mut parts = Parts::default();
            parts.begin("<image>Question: Is it? Rationale:");
            let bytes: Vec<char> = text.chars().collect();
            let mut out: String = bytes
                .chunks(size)
                .map(|c| parts.push(&c.iter().collect::<String>()))
                .collect();
            out.push_str(&parts.end());
            assert_eq!(out, "\nRationale: I see A and an Ans.\nAnswer: yes");
        }
    }
}

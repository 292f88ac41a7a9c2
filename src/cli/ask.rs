//! `rounds ask`: one question, one answer.

use clap::Args;
use serde_json::json;
use std::io::Write;
use std::path::PathBuf;

use super::answer_args::AnswerArgs;
use super::failure::Outcome;
use crate::script::{answer_json, shot_json};
use rounds_assistant::prompt::AnswerLayout;
use rounds_assistant::retrieval::shots_heading;
use rounds_assistant::{
    Answer, Assistant, Case, Event, INTENDED_USE, NO_ANSWER, Settings, WITHHELD, WITHHELD_TEXT,
};
use rounds_eval::problems::{self, Problem};
use rounds_support::Cancel;
use rounds_support::Failure;
use rounds_support::errors::count;
use rounds_support::sanitise::clean_line;
use rounds_support::stderr_line;

#[derive(Args)]
pub struct Ask {
    /// Image to ask about (may be given several times): a file, or a scan and what to see of it, such as
    /// ct.dcm#window=lung or series/#slice=40 (see `rounds image show --help`)
    #[arg(short, long = "image", conflicts_with = "problem")]
    images: Vec<PathBuf>,
    /// Ask about a problem, with its vignette, laboratory values and images: its id, or FILE#ID (see docs/problems.md)
    #[arg(long, value_name = "[FILE#]ID")]
    problem: Option<String>,
    /// The question [default with --problem: the problem's]
    #[arg(required_unless_present = "problem")]
    question: Option<String>,
    /// Patient the images belong to; their examples are never used as shots
    #[arg(long)]
    patient: Option<String>,
    /// Study the images belong to; its examples are never used as shots
    #[arg(long)]
    study: Option<String>,
    /// Print one JSON object instead of text
    #[arg(long)]
    json: bool,
    /// Print the prompt instead of answering
    #[arg(long)]
    show_prompt: bool,
    #[command(flatten)]
    pub answer_args: AnswerArgs,
}

/// Loads the images and answers the question.
pub fn run(ask: &Ask, cancel: &Cancel) -> Outcome {
    let mut settings = ask.answer_args.settings()?;
    settings.prompt_only = ask.show_prompt;
    let problem = ask.problem.as_deref().map(problems::find).transpose()?;
    let case = case(ask, problem.as_ref())?;
    let question = clean_line(&case.question);
    let assistant = ask.answer_args.start()?;
    let mut out = std::io::stdout().lock();
    if ask.show_prompt {
        let events = assistant.ask(case, settings, cancel.clone());
        return show_prompt(ask, &question, events, &mut out);
    }
    let io = |e: std::io::Error| Failure::io(&e);
    if problem.is_some() && !ask.json {
        write_case(&case, &mut out).map_err(io)?;
    }
    let answer = stream_answer(&assistant, case, settings, cancel, ask.json, &mut out)?;
    if ask.json {
        let mut value = answer_json(&answer);
        value["question"] = question.into();
        if let Some(problem) = &problem {
            value["problem"] = problem.id.as_str().into();
            value["reference"] = problem.answer.as_str().into();
        }
        writeln!(out, "{value:#}").map_err(io)?;
    } else if let Some(problem) = &problem {
        writeln!(out, "reference answer: {}", problem.answer).map_err(io)?;
        if !problem.rationale.is_empty() {
            writeln!(out, "{}", problem.rationale).map_err(io)?;
        }
    }
    Ok(0)
}

/// The case that the flags describe.
fn case(ask: &Ask, problem: Option<&Problem>) -> Result<Case, Failure> {
    let mut case = match problem {
        Some(problem) => problem.case()?,
        None => Case::default(),
    };
    let (mut patient, mut study) = (ask.patient.clone(), ask.study.clone());
    let mut note = |text: &str| stderr_line(format_args!("note: {text}"));
    let images = crate::given::all_images(&ask.images, &mut patient, &mut study, &mut note)?;
    case.images.extend(images);
    if let Some(question) = &ask.question {
        case.question.clone_from(question);
    }
    Ok(Case {
        patient,
        study,
        ..case
    })
}

/// The vignette, the laboratory table and the question of a problem.
fn write_case(case: &Case, out: &mut dyn Write) -> std::io::Result<()> {
    writeln!(out, "{}", case.background.vignette)?;
    if !case.background.labs.is_empty() {
        for row in case.background.table() {
            writeln!(out, "  {}", row.text)?;
        }
    }
    writeln!(out, "Question: {}\n", clean_line(&case.question))
}

/// Writes the prompt; with `--json` as an object that also lists the shots.
fn show_prompt(
    ask: &Ask,
    question: &str,
    events: impl IntoIterator<Item = Event>,
    out: &mut dyn Write,
) -> Outcome {
    let mut shots_json = Vec::new();
    for event in events {
        match event {
            Event::Retrieved { shots, .. } => {
                shots_json = shots.iter().map(shot_json).collect::<Vec<_>>();
            }
            Event::Prompt(prompt) => {
                let text = match ask.json {
                    false => prompt,
                    true => format!(
                        "{:#}",
                        json!({
                            "prompt": prompt,
                            "question": question,
                            "shots": shots_json,
                            "intended_use": INTENDED_USE,
                        })
                    ),
                };
                writeln!(out, "{text}").map_err(|e| Failure::io(&e))?;
            }
            Event::Failed(error) => return Err(Failure::from(error)),
            _ => {}
        }
    }
    Ok(0)
}

/// What the streamed text of an answer did not say: what it lacks, and whether it is unsure, which is known only after it.
fn beside(answer: &Answer) -> Vec<&'static str> {
    if answer.standing.withheld.is_some() {
        return vec![if answer.generated_tokens > 0 {
            WITHHELD_TEXT
        } else {
            WITHHELD
        }];
    }
    let is_empty = answer.answer.is_empty();
    let is_unsure = answer.standing.sure == Some(false) && !is_empty;
    let lines = [
        (answer.rationale.is_none(), "(the model gave no rationale)"),
        (is_empty, NO_ANSWER),
        (is_unsure, "(not sure of this answer)"),
    ];
    let lines = lines.into_iter().filter(|(applies, _)| *applies);
    lines.map(|(_, line)| line).collect()
}

/// Answers a case and, unless `quiet`, streams shots, text and notices to `out`.
fn stream_answer(
    assistant: &Assistant,
    case: Case,
    settings: Settings,
    cancel: &Cancel,
    quiet: bool,
    out: &mut dyn Write,
) -> Result<Answer, Failure> {
    let io = |e: std::io::Error| Failure::io(&e);
    let mut parts = AnswerLayout::default();
    let strategy = settings.strategy;
    for event in assistant.ask(case, settings, cancel.clone()) {
        match event {
            Event::Answer(answer) => {
                if !quiet {
                    writeln!(out, "{}", parts.end()).map_err(io)?;
                    for line in beside(&answer) {
                        writeln!(out, "{line}").map_err(io)?;
                    }
                    for ranked in &answer.ranking {
                        writeln!(out, "  {}", ranked.in_words()).map_err(io)?;
                    }
                    let always = Some(&answer.about_model).filter(|text| !text.is_empty());
                    for notice in answer.notices.iter().chain(always) {
                        writeln!(out, "note: {notice}").map_err(io)?;
                    }
                    writeln!(
                        out,
                        "{INTENDED_USE} | {} in {:.2} s",
                        count(answer.generated_tokens, "token"),
                        answer.timings.total_ms / 1000.0
                    )
                    .map_err(io)?;
                }
                return Ok(*answer);
            }
            Event::Failed(error) => return Err(Failure::from(error)),
            _ if quiet => {}
            Event::Retrieved {
                shots,
                asked,
                dropped,
            } => {
                let heading = shots_heading(strategy, shots.len(), asked, dropped);
                writeln!(out, "{heading}").map_err(io)?;
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
    Err(Failure::model("the model stopped without an answer"))
}

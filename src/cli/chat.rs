//! A plain line chat: attach, ask, follow up, see the shots. The full terminal interface will take its place.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;

use super::ask::converse;
use super::{Common, Failure, Outcome};
use crate::assistant::{Case, INTENDED_USE};
use crate::imaging::{ColourDepth, Picture, decode, half_blocks, load};
use crate::support::{Cancel, Hint, Lines};

const HELP: &str = "/attach PATH   attach an image (or a sample case by name)\n/cases         list the sample cases\n/clear         take all images away\n/shots K       number of shots\n/quit          leave\nanything else is a question";

/// Talks until the input ends.
pub fn run(common: &Common, cancel: &Cancel) -> Outcome {
    let mut settings = common.settings()?;
    let mut out = std::io::stdout().lock();
    let io = |e: std::io::Error| Failure::io(&e);
    writeln!(out, "rounds: {INTENDED_USE}\n{HELP}").map_err(io)?;
    out.flush().map_err(io)?;
    let assistant = common.start()?;
    let mut images: Vec<Picture> = Vec::new();
    let input = Lines::read(|| std::io::stdin().lock()).map_err(io)?;
    loop {
        write!(out, "> ").map_err(io)?;
        out.flush().map_err(io)?;
        let line = match input.next(cancel) {
            None if cancel.is_cancelled() => {
                writeln!(out).map_err(io)?;
                return Ok(130);
            }
            None => return Ok(0),
            Some(line) => match line.map_err(io)? {
                Ok(line) => line,
                Err(reason) => {
                    writeln!(out, "{reason}").map_err(io)?;
                    continue;
                }
            },
        };
        let line = line.trim();
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "" => {}
            "/quit" | "/exit" => return Ok(0),
            "/help" => writeln!(out, "{HELP}").map_err(io)?,
            "/cases" => {
                for name in crate::shipped::below("assets/cases/") {
                    writeln!(
                        out,
                        "  {}",
                        name.trim_start_matches("assets/cases/")
                            .trim_end_matches(".png")
                    )
                    .map_err(io)?;
                }
            }
            "/clear" => images.clear(),
            "/shots" => match rest.trim().parse() {
                Ok(k) => settings.shots = k,
                Err(_) => writeln!(out, "/shots takes a number").map_err(io)?,
            },
            "/attach" => match attach(rest.trim()) {
                Ok(picture) => {
                    show(&mut out, &picture).map_err(io)?;
                    images.push(picture);
                }
                Err(message) => writeln!(out, "{message}").map_err(io)?,
            },
            _ if word.starts_with('/') => {
                writeln!(out, "no such command; /help lists them").map_err(io)?
            }
            _ => {
                let case = Case {
                    images: images.clone(),
                    question: line.to_string(),
                    patient: None,
                    study: None,
                };
                if let Err(failure) =
                    converse(&assistant, case, settings.clone(), cancel, false, &mut out)
                {
                    if failure.code == 0 {
                        return Err(failure);
                    }
                    writeln!(out, "error: {}", failure.message).map_err(io)?;
                    if let Some(hint) = failure.hint {
                        writeln!(out, "hint: {hint}").map_err(io)?;
                    }
                }
                cancel.reset();
            }
        }
    }
}

fn attach(name: &str) -> Result<Picture, String> {
    let shipped = crate::shipped::file(&format!("assets/cases/{name}.png"));
    let picture = match shipped {
        Some(bytes) => decode(bytes, name),
        None => load(&PathBuf::from(name)),
    };
    picture.map_err(|e| match e.hint() {
        Some(hint) => format!("error: {e}\nhint: {hint}"),
        None => format!("error: {e}"),
    })
}

fn show(out: &mut dyn Write, picture: &Picture) -> std::io::Result<()> {
    let depth = if std::env::var_os("NO_COLOR").is_some() || !std::io::stdout().is_terminal() {
        ColourDepth::None
    } else if std::env::var("COLORTERM").is_ok_and(|v| v == "truecolor" || v == "24bit") {
        ColourDepth::True
    } else {
        ColourDepth::Ansi256
    };
    for line in half_blocks(picture, 40, 20, depth) {
        writeln!(out, "{line}")?;
    }
    writeln!(
        out,
        "attached {} ({} x {} pixels, {})",
        picture.source.name,
        picture.width,
        picture.height,
        picture.source.format.name()
    )
}

//! The chat: on the full screen where there is a terminal for it, line by line elsewhere.

use clap::builder::BoolishValueParser;
use clap::{ArgAction, Args};
use std::io::{IsTerminal, Write};
use std::path::PathBuf;

use super::journal::{Kept, accepted};
use super::session::note;
use super::{Common, Failure, Keys, Outcome};
use crate::tui::journal::Whose;
use crate::tui::plain::Ended;
use crate::tui::{
    self, Colours, ExitReason, ImageMode, Journal, MemoryJournal, ThemeChoice, Trouble,
};
use rounds_support::sanitise::clean_line;
use rounds_support::{Hint, Paths, aside};

#[derive(Args, Clone)]
pub struct Screen {
    /// Line by line, for screen readers and simple terminals
    #[arg(long, action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_value_t = false, default_missing_value = "true", value_name = "BOOL", value_parser = BoolishValueParser::new())]
    pub plain: bool,
    /// Image to attach at the start (may be given several times)
    #[arg(short, long = "image")]
    images: Vec<PathBuf>,
    /// Whose images they are: no example of this patient is a shot
    #[arg(long)]
    patient: Option<String>,
    /// Their study: no example of it is a shot
    #[arg(long)]
    study: Option<String>,
    /// Go on with a session: its id, its number or its title
    #[arg(long)]
    session: Option<String>,
    /// Keep nothing of this session
    #[arg(long, action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_value_t = false, default_missing_value = "true", value_name = "BOOL", value_parser = BoolishValueParser::new())]
    no_log: bool,
    /// How pictures are shown
    #[arg(long, value_enum, default_value = "auto")]
    pictures: ImageMode,
    /// For a dark or a light ground
    #[arg(long, value_enum, default_value = "auto")]
    theme: ThemeChoice,
    /// How many colours are used
    #[arg(long, value_enum, default_value = "auto")]
    colours: Colours,
}

/// Why there can be no more than lines here.
pub fn only_lines() -> Option<&'static str> {
    let term = std::env::var("TERM").unwrap_or_default();
    if !std::io::stdin().is_terminal() {
        Some("standard input is no terminal")
    } else if !std::io::stdout().is_terminal() {
        Some("standard output is no terminal")
    } else if term == "dumb" {
        Some("TERM is dumb")
    } else if term.is_empty() && !cfg!(windows) {
        Some("TERM is not set")
    } else {
        None
    }
}

/// Opens the chat; returns when the user leaves.
pub fn run(common: &Common, screen: &Screen, keys: Keys) -> Outcome {
    let settings = common.settings()?;
    let paths = Paths::find().map_err(|e| Failure::usage(e, e.hint()))?;
    let setup = common.setup()?;
    let (journal, notice): (Box<dyn Journal>, _) = match screen.no_log {
        true => (Box::new(MemoryJournal::default()), None),
        false => {
            let kept = Kept::open(&paths).map_err(|e| Failure::model(&e))?;
            let notice = kept.notice().map(str::to_string);
            if let (Some(session), None) = (&screen.session, &notice) {
                let unknown = kept.knows(session);
                unknown.map_err(|e| Failure::usage(&e, e.hint()))?;
            }
            (Box::new(kept), notice)
        }
    };
    if let Some(notice) = &notice {
        // Stays there when the screen has gone.
        note(notice);
    }
    let options = tui::Options {
        images: screen.pictures,
        theme: screen.theme,
        colours: screen.colours,
        first_run: !accepted(&paths).exists(),
        attach: screen.images.clone(),
        session: screen.session.clone(),
        whose: Whose {
            patient: screen.patient.as_deref().map(clean_line),
            study: screen.study.as_deref().map(clean_line),
        },
        keys,
        notice,
    };
    let reason = only_lines();
    if let Some(reason) = reason.filter(|_| !screen.plain)
        && std::io::stderr().is_terminal()
    {
        aside(format_args!(
            "rounds: {reason}, so the chat goes line by line, as with --plain"
        ));
    }
    if !screen.plain && reason.is_none() {
        let (reason, troubles) = tui::run(setup, settings, options, journal)?;
        troubles.iter().for_each(complain);
        return Ok(code(reason, 0));
    }
    let ended = tui::plain::run(setup, settings, options, journal).map_err(|e| Failure::io(&e))?;
    let left = match ended {
        Ended { unopened: true, .. } => 3,
        ended => u8::from(ended.failed),
    };
    Ok(code(ended.reason, left))
}

/// Says what there was no screen left for.
fn complain(trouble: &Trouble) {
    let mut err = std::io::stderr().lock();
    // Where nobody can read it there is nobody to tell.
    let _ = writeln!(err, "error: {}", trouble.message);
    if let Some(hint) = &trouble.hint {
        let _ = writeln!(err, "hint: {hint}");
    }
}

/// The exit code; `left` where the end of the conversation was its end.
fn code(reason: ExitReason, left: u8) -> u8 {
    match reason {
        ExitReason::Left => left,
        ExitReason::Signal(number) => 128_u8.saturating_add(u8::try_from(number).unwrap_or(0)),
        ExitReason::TerminalGone => 129,
    }
}

//! The chat: on the full screen where there is a terminal for it, line by line elsewhere.

use clap::{ArgAction, Args};
use std::io::IsTerminal;
use std::path::PathBuf;

use super::journal::{Kept, accepted};
use super::{Common, Failure, Keys, Outcome};
use crate::index::Images;
use crate::support::{Hint, Paths};
use crate::tui::{self, Colours, ExitReason, ImageMode, Journal, MemoryJournal, ThemeChoice};

#[derive(Args, Clone)]
pub struct Screen {
    /// Line by line, for screen readers and simple terminals
    #[arg(long, action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_value_t = false, default_missing_value = "true", value_name = "BOOL")]
    pub plain: bool,
    /// Image to attach at the start (may be given several times)
    #[arg(short, long = "image")]
    images: Vec<PathBuf>,
    /// Go on with a session: its id, its number or its title
    #[arg(long)]
    session: Option<String>,
    /// Keep nothing of this session
    #[arg(long, action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_value_t = false, default_missing_value = "true", value_name = "BOOL")]
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
fn only_lines() -> Option<&'static str> {
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
    let journal: Box<dyn Journal> = match screen.no_log {
        true => Box::new(MemoryJournal::default()),
        false => {
            let images = Images::new(setup.index.as_deref());
            Box::new(Kept::open(&paths, images).map_err(|e| Failure::model(&e))?)
        }
    };
    let options = tui::Options {
        images: screen.pictures,
        theme: screen.theme,
        colours: screen.colours,
        first_run: !accepted(&paths).exists(),
        attach: screen.images.clone(),
        session: screen.session.clone(),
        keys,
    };
    let reason = only_lines();
    if let Some(reason) = reason.filter(|_| !screen.plain)
        && std::io::stderr().is_terminal()
    {
        eprintln!("rounds: {reason}, so the chat goes line by line, as with --plain");
    }
    if !screen.plain && reason.is_none() {
        return Ok(code(tui::run(setup, settings, options, journal)?, false));
    }
    let ended = tui::plain::run(setup, settings, options, journal).map_err(|e| Failure::io(&e))?;
    Ok(code(ended.reason, ended.failed))
}

fn code(reason: ExitReason, failed: bool) -> u8 {
    match reason {
        ExitReason::Left => u8::from(failed),
        ExitReason::Signal(number) => 128_u8.saturating_add(u8::try_from(number).unwrap_or(0)),
        ExitReason::TerminalGone => 129,
    }
}

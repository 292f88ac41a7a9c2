//! The full-screen interface, where there is a terminal for it.

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

/// Whether the terminal can do more than lines.
pub fn can() -> bool {
    let dumb = std::env::var("TERM").is_ok_and(|term| term == "dumb");
    std::io::stdin().is_terminal() && std::io::stdout().is_terminal() && !dumb
}

/// Opens the screen; returns when the user leaves.
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
    match tui::run(setup, settings, options, journal)? {
        ExitReason::Left => Ok(0),
        ExitReason::Signal(number) => Ok(128_u8.saturating_add(u8::try_from(number).unwrap_or(0))),
        ExitReason::TerminalGone => Ok(129),
    }
}

//! `rounds chat`: full screen in a capable terminal, line by line elsewhere.

use clap::builder::BoolishValueParser;
use clap::{ArgAction, Args};
use std::io::{IsTerminal, Write};
use std::path::PathBuf;

use super::journal::{SessionJournal, accepted_marker};
use super::session::print_note;
use super::{AnswerArgs, Failure, KeyBindings, Outcome};
use crate::tui::journal::Subject;
use crate::tui::plain::PlainOutcome;
use crate::tui::{
    self, Colours, ExitReason, ImageMode, Journal, MemoryJournal, ThemeChoice, UserError,
};
use rounds_support::sanitise::clean_line;
use rounds_support::{Hint, Paths, stderr_line};

#[derive(Args, Clone)]
pub struct ChatArgs {
    /// Chat line by line, for screen readers and simple terminals
    #[arg(long, action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_value_t = false, default_missing_value = "true", value_name = "BOOL", value_parser = BoolishValueParser::new())]
    pub plain: bool,
    /// Image to attach at the start (may be given several times)
    #[arg(short, long = "image")]
    images: Vec<PathBuf>,
    /// Patient the images belong to; their examples are never used as shots
    #[arg(long)]
    patient: Option<String>,
    /// Study the images belong to; its examples are never used as shots
    #[arg(long)]
    study: Option<String>,
    /// Continue a session, given its id, number or title
    #[arg(long)]
    session: Option<String>,
    /// Do not save this session
    #[arg(long, action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_value_t = false, default_missing_value = "true", value_name = "BOOL", value_parser = BoolishValueParser::new())]
    no_log: bool,
    /// How to draw images in the terminal
    #[arg(
        long = "pictures",
        value_name = "MODE",
        value_enum,
        default_value = "auto"
    )]
    image_mode: ImageMode,
    /// Colours for a dark or a light background
    #[arg(long, value_enum, default_value = "auto")]
    theme: ThemeChoice,
    /// Number of colours to use
    #[arg(long, value_enum, default_value = "auto")]
    colours: Colours,
}

/// Why the chat must run line by line here; `None` if the full screen works.
pub fn line_mode_reason() -> Option<&'static str> {
    let term = std::env::var("TERM").unwrap_or_default();
    if !std::io::stdin().is_terminal() {
        Some("standard input is not a terminal")
    } else if !std::io::stdout().is_terminal() {
        Some("standard output is not a terminal")
    } else if term == "dumb" {
        Some("TERM is dumb")
    } else if term.is_empty() && !cfg!(windows) {
        Some("TERM is not set")
    } else {
        None
    }
}

/// Opens the chat; returns when the user leaves.
pub fn run(answer_args: &AnswerArgs, args: &ChatArgs, keys: KeyBindings) -> Outcome {
    let settings = answer_args.settings()?;
    let paths = Paths::find().map_err(|e| Failure::usage(e, e.hint()))?;
    let setup = answer_args.setup()?;
    let (journal, notice): (Box<dyn Journal>, _) = match args.no_log {
        true => (Box::new(MemoryJournal::default()), None),
        false => {
            let journal = SessionJournal::open(&paths).map_err(|e| Failure::model(&e))?;
            let notice = journal.notice().map(str::to_string);
            if let (Some(session), None) = (&args.session, &notice) {
                let known = journal.check_exists(session);
                known.map_err(|e| Failure::usage(&e, e.hint()))?;
            }
            (Box::new(journal), notice)
        }
    };
    if let Some(notice) = &notice {
        // Also printed here, so that it stays after the full screen closes.
        print_note(notice);
    }
    let options = tui::Options {
        images: args.image_mode,
        theme: args.theme,
        colours: args.colours,
        first_run: !accepted_marker(&paths).exists(),
        attach: args.images.clone(),
        session: args.session.clone(),
        subject: Subject {
            patient: args.patient.as_deref().map(clean_line),
            study: args.study.as_deref().map(clean_line),
        },
        keys,
        notice,
    };
    let line_mode = line_mode_reason();
    if let Some(reason) = line_mode.filter(|_| !args.plain)
        && std::io::stderr().is_terminal()
    {
        stderr_line(format_args!(
            "rounds: {reason}, so the chat runs line by line (as with --plain)"
        ));
    }
    if !args.plain && line_mode.is_none() {
        let (reason, errors) = tui::run(setup, settings, options, journal)?;
        errors.iter().for_each(print_error);
        return Ok(exit_code(reason, 0));
    }
    let ended = tui::plain::run(setup, settings, options, journal).map_err(|e| Failure::io(&e))?;
    let code = match ended {
        PlainOutcome {
            open_failed: true, ..
        } => 3,
        ended => u8::from(ended.failed),
    };
    Ok(exit_code(ended.reason, code))
}

/// Prints an error that occurred too late to appear on the screen.
fn print_error(error: &UserError) {
    let mut err = std::io::stderr().lock();
    // Nothing can be done if standard error is closed.
    let _ = writeln!(err, "error: {}", error.message);
    if let Some(hint) = &error.hint {
        let _ = writeln!(err, "hint: {hint}");
    }
}

/// The exit code; `code` if the user left the chat normally.
fn exit_code(reason: ExitReason, code: u8) -> u8 {
    match reason {
        ExitReason::Left => code,
        ExitReason::Signal(number) => 128_u8.saturating_add(u8::try_from(number).unwrap_or(0)),
        ExitReason::TerminalGone => 129,
    }
}

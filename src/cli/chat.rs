//! `rounds chat`: full screen in a capable terminal, line by line elsewhere.

use clap::builder::BoolishValueParser;
use clap::{ArgAction, Args};
use std::io::IsTerminal;
use std::path::PathBuf;

use super::answer_args::AnswerArgs;
use super::failure::Outcome;
use super::failure::{other, report};
use super::screen_args::ScreenArgs;
use super::session::print_note;
use crate::tui::journal::{Subject, accepted_marker};
use crate::tui::keys::KeyBindings;
use crate::tui::{self, ExitReason, Journal};
use rounds_support::Failure;
use rounds_support::sanitise::clean_line;
use rounds_support::{Paths, stderr_line};

#[derive(Args, Clone)]
pub struct ChatArgs {
    /// Chat line by line, for screen readers and simple terminals
    #[arg(long, action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_value_t = false, default_missing_value = "true", value_name = "BOOL", value_parser = BoolishValueParser::new())]
    pub plain: bool,
    /// Image to attach at the start (may be given several times)
    #[arg(short, long = "image")]
    images: Vec<PathBuf>,
    /// Question to start with
    #[arg(requires = "images")]
    question: Option<String>,
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
    #[command(flatten)]
    screen: ScreenArgs,
}

impl ChatArgs {
    /// Whether a question was given to start with.
    pub fn has_question(&self) -> bool {
        self.question.is_some()
    }
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
    let paths = Paths::find()?;
    let setup = answer_args.setup()?;
    if args.no_log && args.session.is_some() {
        return Err(
            Failure::usage("a chat that saves nothing cannot continue a saved session")
                .hint("leave out --no-log or --session"),
        );
    }
    let journal = match args.no_log {
        true => Journal::in_memory(&paths)?,
        false => Journal::open(&paths)?,
    };
    let notice = journal.notice().map(str::to_string);
    if let (Some(session), None) = (&args.session, &notice) {
        journal.check_exists(session)?;
    }
    if let Some(notice) = &notice {
        // Also printed here, so that it stays after the full screen closes.
        print_note(notice);
    }
    let options = tui::Options {
        images: args.screen.image_mode,
        theme: args.screen.theme,
        colours: args.screen.colours,
        first_run: !accepted_marker(&paths).exists(),
        attach: args.images.clone(),
        session: args.session.clone(),
        question: args.question.clone(),
        subject: Subject {
            patient: args.patient.as_deref().map(clean_line),
            study: args.study.as_deref().map(clean_line),
            ..Subject::default()
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
        let ended = tui::run(setup, settings, options, journal).map_err(other)?;
        ended.errors.iter().for_each(|error| {
            report(error);
        });
        print_way_back(ended.session.filter(|_| !args.no_log));
        return Ok(exit_code(ended.reason, 0));
    }
    let ended = tui::plain::run(setup, settings, options, journal).map_err(|e| Failure::io(&e))?;
    let code = match ended.open_failed {
        true => 3,
        false => u8::from(ended.failed),
    };
    print_way_back(ended.session.filter(|_| !args.no_log));
    Ok(exit_code(ended.reason, code))
}

/// Tells a user at a terminal how to continue the session that was just left.
fn print_way_back(session: Option<String>) {
    if let Some(id) = session.filter(|_| std::io::stderr().is_terminal()) {
        stderr_line(format_args!(
            "continue this session with `rounds chat --session {id}`"
        ));
    }
}

/// The exit code; `code` if the user left the chat normally.
pub(super) fn exit_code(reason: ExitReason, code: u8) -> u8 {
    match reason {
        ExitReason::Left => code,
        ExitReason::Signal(number) => 128_u8.saturating_add(u8::try_from(number).unwrap_or(0)),
        ExitReason::TerminalGone => 129,
    }
}

//! Options of the interface, from flags, the settings file or the defaults.

use std::path::PathBuf;

use super::journal::Subject;
use super::keys::KeyBindings;
use super::state::Start;
use super::{backend, effects};
use rounds_assistant::{Settings, Setup};
use rounds_support::Failure;

/// How images are drawn in the terminal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum ImageMode {
    /// Ask the terminal
    #[default]
    Auto,
    /// Kitty graphics protocol
    Kitty,
    /// iTerm2 inline images
    Iterm2,
    /// Sixel graphics
    Sixel,
    /// Two pixels per character cell
    HalfBlocks,
    /// No images
    None,
}

/// Colours for a dark or a light background.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum ThemeChoice {
    /// Ask the terminal
    #[default]
    Auto,
    Dark,
    Light,
}

/// How many colours may be used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Colours {
    /// From NO_COLOR, COLORTERM and TERM
    #[default]
    Auto,
    /// No colours
    None,
    /// The 16 colours of old terminals
    Ansi16,
    /// The 256-colour palette
    Ansi256,
    /// 24-bit colour
    True,
}

/// Settings of the interface.
#[derive(Clone, Debug, Default)]
pub struct Options {
    pub images: ImageMode,
    pub theme: ThemeChoice,
    pub colours: Colours,
    /// The user's own keys.
    pub keys: KeyBindings,
    /// Shows the introduction and its warnings first.
    pub first_run: bool,
    /// Images to attach at the start.
    pub attach: Vec<PathBuf>,
    /// A session to open at the start.
    pub session: Option<String>,
    /// A question that is typed at the start, but not sent.
    pub question: Option<String>,
    /// Patient and study of the attached images.
    pub subject: Subject,
    /// A sanitised message for the start; the full screen shows it, in line mode the caller prints it.
    pub notice: Option<String>,
}

impl Options {
    /// The start of the state in both modes: these options, plus home, current folder and sample cases.
    pub(super) fn start(&self, setup: Setup, settings: Settings) -> Start {
        Start {
            setup,
            settings,
            first_run: self.first_run,
            attach: self.attach.clone(),
            session: self.session.clone(),
            question: self.question.clone(),
            subject: self.subject.clone(),
            home: backend::home(),
            folder: std::env::current_dir().unwrap_or_else(|_| ".".into()),
            cases: effects::sample_cases(),
            problems: effects::shipped_problems(),
            ..Start::default()
        }
    }
}

/// How a full-screen conversation ended.
#[derive(Clone, Debug)]
pub struct Ended {
    pub reason: ExitReason,
    /// Errors of the session store that came too late to show on screen.
    pub errors: Vec<Failure>,
    /// Id of the session, if it is stored.
    pub session: Option<String>,
}

/// Why the interface ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitReason {
    /// The user left.
    Left,
    /// A signal asked the program to end (its number), or the terminal went away.
    Signal(i32),
    TerminalGone,
}

//! What can be said of the terminal without taking it over: for a report, not for drawing.

use super::detect::{self, Detected};
use crate::tui::view::MIN_SIZE;
use crate::tui::{Colours, ImageMode};
use rounds_imaging::ColourDepth;

/// What a terminal can do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Abilities {
    /// The way in which images are drawn.
    pub pictures: &'static str,
    pub colours: &'static str,
    /// Columns and rows.
    pub size: (u16, u16),
    /// The terminal was asked; else it is judged by the environment.
    pub asked: bool,
    pub tmux: bool,
}

impl Abilities {
    /// Whether there is no room for the full screen.
    pub fn is_too_small(&self) -> bool {
        self.size.0 < MIN_SIZE.0 || self.size.1 < MIN_SIZE.1
    }
}

/// Looks at the environment, and asks the terminal where that can be done.
pub fn abilities() -> Abilities {
    let guessed = Detected::from_environment();
    let answered = ask(&guessed);
    let asked = answered.is_some();
    let found = answered.unwrap_or(guessed);
    Abilities {
        pictures: detect::image_protocol(ImageMode::Auto, Some(&found)).name(),
        colours: match detect::colour_depth(Colours::Auto) {
            ColourDepth::None => "no colours",
            ColourDepth::Ansi16 => "16 colours",
            ColourDepth::Ansi256 => "256 colours",
            ColourDepth::True => "24-bit colours",
        },
        size: crossterm::terminal::size().unwrap_or((80, 24)),
        asked,
        tmux: found.tmux,
    }
}

/// Asks the terminal; `None` where nobody can be asked or nothing came back.
#[cfg(unix)]
fn ask(guessed: &Detected) -> Option<Detected> {
    use super::terminal_query::{TerminalQuery, QUERY_TIMEOUT};
    use std::io::Write;

    if !detect::can_ask() || !is_in_front() {
        return None;
    }
    crossterm::terminal::enable_raw_mode().ok()?;
    let mut out = std::io::stdout().lock();
    let query = detect::query(guessed.tmux, false);
    let sent = out.write_all(query.as_bytes()).and_then(|()| out.flush());
    // What is typed meanwhile is for nobody.
    let (sender, _) = std::sync::mpsc::sync_channel(1);
    let mut query = TerminalQuery::new(guessed.clone(), &sender);
    if sent.is_ok() {
        query.listen(QUERY_TIMEOUT);
    }
    let _ = crossterm::terminal::disable_raw_mode();
    query.answered.then_some(query.detected)
}

#[cfg(not(unix))]
fn ask(_: &Detected) -> Option<Detected> {
    None
}

/// Whether the terminal listens to us: a job in the background would be stopped for touching it.
#[cfg(target_os = "linux")]
fn is_in_front() -> bool {
    // SAFETY: both only read the state of this process and its terminal.
    unsafe { libc::tcgetpgrp(libc::STDIN_FILENO) == libc::getpgrp() }
}

/// Whether the terminal listens to us: a job in the background would be stopped for touching it.
#[cfg(all(unix, not(target_os = "linux")))]
fn is_in_front() -> bool {
    true
}

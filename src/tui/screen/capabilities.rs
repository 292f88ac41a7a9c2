//! Terminal capabilities, determined without taking over the screen: for reports, not for drawing.

use super::detect;
use crate::tui::detected::Detected;
use crate::tui::view::MIN_SIZE;
use crate::tui::{Colours, ImageMode};
use rounds_imaging::ColourDepth;

/// What a terminal can do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// The protocol that draws images.
    pub image_protocol: &'static str,
    /// Number of colours, in words.
    pub colours: &'static str,
    /// Columns and rows.
    pub size: (u16, u16),
    /// Whether the terminal replied to a query; otherwise only the environment was considered.
    pub asked: bool,
    /// Whether it runs inside tmux.
    pub tmux: bool,
}

impl Capabilities {
    /// Whether it is too small for the full-screen interface.
    pub fn is_too_small(&self) -> bool {
        self.size.0 < MIN_SIZE.0 || self.size.1 < MIN_SIZE.1
    }
}

/// Determines the capabilities from the environment, and by querying the terminal if possible.
pub fn capabilities() -> Capabilities {
    let guessed = Detected::from_environment();
    let reply = query_terminal(&guessed);
    let asked = reply.is_some();
    let found = reply.unwrap_or(guessed);
    Capabilities {
        image_protocol: detect::image_protocol(ImageMode::Auto, Some(&found)).name(),
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

/// Queries the terminal; `None` if that is impossible or it does not reply.
#[cfg(unix)]
fn query_terminal(guessed: &Detected) -> Option<Detected> {
    use super::terminal_query::{QUERY_TIMEOUT, TerminalQuery};
    use crate::tui::message::Message;
    use std::io::Write;

    if !detect::can_query() || !is_foreground_job() {
        return None;
    }
    crossterm::terminal::enable_raw_mode().ok()?;
    let mut out = std::io::stdout().lock();
    let query = detect::query(guessed.tmux, false);
    let sent = out.write_all(query.as_bytes()).and_then(|()| out.flush());
    // Keys typed meanwhile are discarded.
    let (sender, _) = std::sync::mpsc::sync_channel::<Message>(1);
    let mut query = TerminalQuery::new(guessed.clone(), &sender);
    if sent.is_ok() {
        query.listen(QUERY_TIMEOUT);
    }
    let _ = crossterm::terminal::disable_raw_mode();
    query.answered.then_some(query.detected)
}

#[cfg(not(unix))]
fn query_terminal(_: &Detected) -> Option<Detected> {
    None
}

/// Whether this is the foreground job: a background job would be stopped for using the terminal.
#[cfg(target_os = "linux")]
fn is_foreground_job() -> bool {
    // SAFETY: both only read the state of this process and its terminal.
    unsafe { libc::tcgetpgrp(libc::STDIN_FILENO) == libc::getpgrp() }
}

/// Whether this is the foreground job: a background job would be stopped for using the terminal.
#[cfg(all(unix, not(target_os = "linux")))]
fn is_foreground_job() -> bool {
    true
}

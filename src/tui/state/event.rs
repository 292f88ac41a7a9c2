//! Events for the state. The time comes with every event; the state has no clock.

use std::path::PathBuf;

use crate::tui::house::About;
use crate::tui::journal::{Attached, SavedSession, SessionSummary};
use crate::tui::keys::Press;
use rounds_assistant::Answer;
use rounds_assistant::retrieval::Shot;

use super::conversation::TurnId;
use super::user_error::Trouble;

/// Something that happened.
#[derive(Debug)]
pub enum Event {
    // The user.
    Key(Press),
    Paste(String),
    /// A whole line, in the line mode.
    Line(String),
    /// Ctrl-C in line mode, where it is not a key.
    Interrupt,
    Click {
        column: u16,
        row: u16,
    },
    Scroll {
        column: u16,
        row: u16,
        lines: isize,
    },
    Resize {
        columns: u16,
        rows: u16,
    },

    // Time; sent only while something changes.
    Tick {
        memory: Option<u64>,
    },

    // Model and index.
    Opened {
        job: u64,
        result: Result<About, Trouble>,
    },
    Retrieved {
        turn: TurnId,
        shots: Vec<Shot>,
        asked: usize,
        dropped: usize,
    },
    Prompt {
        turn: TurnId,
        text: String,
    },
    Token {
        turn: TurnId,
        text: String,
    },
    Answered {
        turn: TurnId,
        answer: Box<Answer>,
    },
    TurnFailed {
        turn: TurnId,
        trouble: Trouble,
    },

    // Long work on indexes.
    Working {
        job: u64,
        said: String,
    },
    Worked {
        job: u64,
        /// A summary for the user.
        result: Result<String, Trouble>,
    },

    // Files.
    Attached {
        name: String,
        result: Result<Attached, Trouble>,
    },
    Folder {
        folder: PathBuf,
        result: Result<Vec<Entry>, Trouble>,
    },

    // The session store.
    SessionCreated(Result<String, Trouble>),
    TurnStored {
        turn: TurnId,
        result: Result<String, Trouble>,
    },
    Sessions {
        words: String,
        result: Result<Vec<SessionSummary>, Trouble>,
    },
    SessionOpened(Result<Box<SavedSession>, Trouble>),
    Exported(Result<PathBuf, Trouble>),
    StoreFailed(Trouble),

    // The process.
    Resumed,
    Copied(Result<(), Trouble>),
    /// A signal or a closed terminal: leave now.
    EndNow(crate::tui::ExitReason),
}

/// One entry of a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub path: PathBuf,
    /// Sanitised, on one line.
    pub name: String,
    pub folder: bool,
    /// In bytes.
    pub length: u64,
}

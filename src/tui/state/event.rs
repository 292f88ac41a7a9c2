//! Events for the state. The time comes with every event; the state has no clock.

use std::path::PathBuf;

use crate::tui::backend::EngineInfo;
use crate::tui::journal::{Attached, SavedSession, SessionSummary};
use crate::tui::keys::Press;
use rounds_assistant::Answer;
use rounds_assistant::retrieval::Shot;

use super::conversation::TurnId;
use super::user_error::UserError;

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
        result: Result<EngineInfo, UserError>,
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
        error: UserError,
    },

    // Long work on indexes.
    WorkProgress {
        job: u64,
        progress: String,
    },
    WorkFinished {
        job: u64,
        /// A summary for the user.
        result: Result<String, UserError>,
    },

    // Files.
    Attached {
        name: String,
        result: Result<Attached, UserError>,
    },
    Folder {
        folder: PathBuf,
        result: Result<Vec<Entry>, UserError>,
    },

    // The session store.
    SessionCreated(Result<String, UserError>),
    TurnStored {
        turn: TurnId,
        result: Result<String, UserError>,
    },
    Sessions {
        words: String,
        result: Result<Vec<SessionSummary>, UserError>,
    },
    SessionOpened(Result<Box<SavedSession>, UserError>),
    Exported(Result<PathBuf, UserError>),
    StoreFailed(UserError),

    // The process.
    Resumed,
    Copied(Result<(), UserError>),
    /// A signal or a closed terminal: leave now.
    Terminate(crate::tui::ExitReason),
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

//! Events for the state. The time comes with every event; the state has no clock.

use std::path::PathBuf;

use crate::tui::backend::EngineInfo;
use crate::tui::journal::{Attached, Marked, SavedSession, SessionSummary};
use crate::tui::keys::Press;
use rounds_assistant::retrieval::Shot;
use rounds_assistant::{Answer, Influence};

use rounds_support::Failure;

use super::conversation::TurnId;
use super::library::LibraryNames;
use super::problems::OpenedProblem;

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
    /// The mouse moved with its button down.
    Drag {
        column: u16,
        row: u16,
    },
    /// The button went up.
    Release,
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
        result: Result<EngineInfo, Failure>,
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
        error: Failure,
    },

    // Long work on indexes.
    WorkProgress {
        job: u64,
        progress: String,
    },
    WorkFinished {
        job: u64,
        /// A summary for the user.
        result: Result<String, Failure>,
    },

    /// What each shot did to an answer; `None` if that was stopped.
    Explained {
        job: u64,
        result: Result<Option<Vec<Influence>>, Failure>,
    },

    // Files.
    Attached {
        name: String,
        /// One image, or those of a fusion.
        result: Result<Vec<Attached>, Failure>,
    },
    /// A problem was read, with its images.
    Problem(Result<Box<OpenedProblem>, Failure>),
    /// A view of a scan was rendered.
    ScanViewed {
        job: u64,
        /// One image, or those of a fusion.
        result: Result<Vec<Attached>, Failure>,
        /// What lies under the cross-hair.
        marked: Option<Marked>,
    },
    Folder {
        folder: PathBuf,
        result: Result<Vec<Entry>, Failure>,
    },

    /// The names of the user's own indexes and models.
    Library(LibraryNames),

    // The session store.
    SessionCreated(Result<String, Failure>),
    TurnStored {
        turn: TurnId,
        result: Result<String, Failure>,
    },
    Sessions {
        words: String,
        result: Result<Vec<SessionSummary>, Failure>,
    },
    SessionOpened(Result<Box<SavedSession>, Failure>),
    Exported {
        path: PathBuf,
        result: Result<Exported, Failure>,
    },
    StoreFailed(Failure),

    /// Study mode was left; what was done there, in words.
    StudyEnded(Result<String, Failure>),

    // The process.
    Resumed,
    Copied(Result<(), Failure>),
    /// A signal or a closed terminal: leave now.
    Terminate(crate::tui::ExitReason),
}

/// What came of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exported {
    Written,
    /// Nothing was written: there is a file of this name.
    Exists,
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

//! Where sessions are kept, as the interface sees it: a small trait that the session store fills in.
//!
//! It is called on a thread of its own and may wait for a disk. Nothing here may be called by the thread that draws.

use std::path::PathBuf;
use std::sync::Arc;

use rounds_assistant::retrieval::Shot;
use rounds_assistant::{Answer, Settings, Setup};
use rounds_imaging::Picture;
use rounds_index::Images;

/// A failure of the store, in words for the user.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct JournalError {
    pub message: String,
    pub hint: Option<String>,
}

impl JournalError {
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: None,
        }
    }
}

/// A picture as it was attached.
#[derive(Clone, Debug)]
pub struct Attached {
    pub picture: Arc<Picture>,
    /// The file's bytes, so that a session can be opened when the file has gone.
    pub file: Arc<[u8]>,
    /// Where it was read; `None` for a shipped case or a reopened session.
    pub path: Option<PathBuf>,
}

/// Whose pictures are asked about, where that is known: no example of the patient or the study is a shot. Kept with the
/// turn, never exported.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Whose {
    pub patient: Option<String>,
    pub study: Option<String>,
}

/// A question, the moment it is asked.
#[derive(Clone, Debug)]
pub struct NewTurn {
    /// The stored turn that it follows.
    pub parent: Option<String>,
    pub question: String,
    pub images: Vec<Attached>,
    pub whose: Whose,
    pub settings: Settings,
    /// What it will be answered with, as far as is known.
    pub setup: Setup,
}

/// How a turn ended.
#[derive(Clone, Debug)]
pub enum TurnEnd {
    Answered(Box<Answer>),
    Stopped { text: String, shots: Vec<Shot> },
    Failed { text: String, message: String },
}

/// A line of the session list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionSummary {
    pub id: String,
    pub title: String,
    /// When it was used last, in words: `today 14:05`, `2026-11-02`.
    pub when: String,
    pub turns: usize,
    /// Where the search words were found.
    pub snippet: Option<String>,
}

/// A turn as the store has it.
#[derive(Clone, Debug)]
pub struct SavedTurn {
    pub id: String,
    /// Id of the turn before it.
    pub parent: Option<String>,
    pub question: String,
    pub images: Vec<Attached>,
    /// Names of pictures that are damaged.
    pub lost: Vec<String>,
    pub whose: Whose,
    pub settings: Settings,
    pub end: SavedEnd,
}

/// How a stored turn ended.
#[derive(Clone, Debug)]
pub enum SavedEnd {
    Answered {
        answer: String,
        rationale: Option<String>,
        notices: Vec<String>,
        /// Options and their likelihoods in words, most likely first.
        ranking: Vec<String>,
        shots: Vec<Shot>,
    },
    Stopped {
        text: String,
        shots: Vec<Shot>,
    },
    Failed {
        /// What had come until then.
        text: String,
        message: String,
    },
}

/// A whole session.
#[derive(Clone, Debug, Default)]
pub struct SavedSession {
    pub id: String,
    pub title: String,
    /// Parents before their children.
    pub turns: Vec<SavedTurn>,
}

/// Formats of an export.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ExportFormat {
    #[default]
    Markdown,
    Html,
    Json,
}

impl ExportFormat {
    pub const ALL: [Self; 3] = [Self::Markdown, Self::Html, Self::Json];

    pub fn name(self) -> &'static str {
        match self {
            Self::Markdown => "Markdown",
            Self::Html => "HTML, one file with the images",
            Self::Json => "JSON with the full provenance",
        }
    }

    /// The format that a path's end names.
    pub fn of(path: &std::path::Path) -> Option<Self> {
        let end = path.extension()?.to_str()?;
        Self::ALL.into_iter().find(|f| f.extension() == end)
    }

    pub fn extension(self) -> &'static str {
        match self {
            Self::Markdown => "md",
            Self::Html => "html",
            Self::Json => "json",
        }
    }
}

/// Keeps sessions.
pub trait Journal: Send {
    /// Begins a session and returns its id.
    fn create(&mut self, title: &str, model: &str, index: &str) -> Result<String, JournalError>;
    /// Keeps a question before it is answered; returns the turn's id.
    fn begin_turn(&mut self, session: &str, turn: &NewTurn) -> Result<String, JournalError>;
    /// Keeps what has come so far; called about once a second.
    fn append_partial(&mut self, turn: &str, text: &str) -> Result<(), JournalError>;
    /// Keeps how a turn ended, and what it was answered with.
    fn finish_turn(&mut self, turn: &str, end: &TurnEnd, setup: &Setup)
    -> Result<(), JournalError>;
    /// The latest sessions; those with `words` in them, where there are words.
    fn list(&mut self, words: &str, limit: usize) -> Result<Vec<SessionSummary>, JournalError>;
    /// By id, or the beginning of one.
    fn open(&mut self, id: &str) -> Result<SavedSession, JournalError>;
    fn rename(&mut self, id: &str, title: &str) -> Result<(), JournalError>;
    fn delete(&mut self, id: &str) -> Result<(), JournalError>;
    /// Writes a session to `path`; never over a file that exists.
    fn export(
        &mut self,
        id: &str,
        format: ExportFormat,
        path: &std::path::Path,
    ) -> Result<(), JournalError>;
    /// An index was opened: shots of answers that end from now on may have their pictures there.
    fn index_opened(&mut self, _images: Images) {}
    /// Remembers that the first-run screen was accepted.
    fn accept(&mut self) -> Result<(), JournalError>;
}

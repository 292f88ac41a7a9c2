//! The interface's view of the session store: a small trait that the store implements.
//!
//! It is called on its own thread and may wait for the disk. Never call it from the thread that draws.

use std::path::PathBuf;
use std::sync::Arc;

use rounds_assistant::retrieval::Shot;
use rounds_assistant::{Answer, Settings, Setup};
use rounds_imaging::Image;
use rounds_index::Images;

/// A failure of the store, as a message for the user.
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

/// An attached image.
#[derive(Clone, Debug)]
pub struct Attached {
    pub image: Arc<Image>,
    /// The file's bytes, so that a session can be reopened after the file is gone.
    pub file: Arc<[u8]>,
    /// Where it was read from; `None` for a built-in case or a reopened session.
    pub path: Option<PathBuf>,
}

/// The patient and study that the images belong to, where known: their examples are never used as shots. Stored with
/// the turn, never exported.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subject {
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
    pub subject: Subject,
    pub settings: Settings,
    /// The setup that will answer it, as far as is known.
    pub setup: Setup,
}

/// How a turn ended.
#[derive(Clone, Debug)]
pub enum TurnEnd {
    Answered(Box<Answer>),
    Stopped { text: String, shots: Vec<Shot> },
    Failed { text: String, message: String },
}

/// A row of the session list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionSummary {
    pub id: String,
    pub title: String,
    /// When it was last used, as text: `today 14:05`, `2026-11-02`.
    pub when: String,
    pub turns: usize,
    /// Where the search words were found.
    pub snippet: Option<String>,
}

/// A stored turn.
#[derive(Clone, Debug)]
pub struct SavedTurn {
    pub id: String,
    /// Id of the previous turn.
    pub parent: Option<String>,
    pub question: String,
    pub images: Vec<Attached>,
    /// Names of images that could not be read back.
    pub damaged: Vec<String>,
    pub subject: Subject,
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
        /// Answer options with their likelihoods as text, most likely first.
        ranking: Vec<String>,
        shots: Vec<Shot>,
    },
    Stopped {
        text: String,
        shots: Vec<Shot>,
    },
    Failed {
        /// The partial answer.
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

    /// The format that a path's extension names.
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

/// Stores sessions.
pub trait Journal: Send {
    /// Creates a session and returns its id.
    fn create(&mut self, title: &str, model: &str, index: &str) -> Result<String, JournalError>;
    /// Stores a question before it is answered; returns the turn's id.
    fn begin_turn(&mut self, session: &str, turn: &NewTurn) -> Result<String, JournalError>;
    /// Stores the partial answer; called about once a second.
    fn append_partial(&mut self, turn: &str, text: &str) -> Result<(), JournalError>;
    /// Stores how a turn ended, and the setup that answered it.
    fn finish_turn(&mut self, turn: &str, end: &TurnEnd, setup: &Setup)
    -> Result<(), JournalError>;
    /// The latest sessions; only those that contain `words`, unless it is empty.
    fn list(&mut self, words: &str, limit: usize) -> Result<Vec<SessionSummary>, JournalError>;
    /// Opens a session by its id or a prefix of it.
    fn open(&mut self, id: &str) -> Result<SavedSession, JournalError>;
    fn rename(&mut self, id: &str, title: &str) -> Result<(), JournalError>;
    fn delete(&mut self, id: &str) -> Result<(), JournalError>;
    /// Writes a session to `path`; never overwrites a file.
    fn export(
        &mut self,
        id: &str,
        format: ExportFormat,
        path: &std::path::Path,
    ) -> Result<(), JournalError>;
    /// An index was opened: shots of later answers may have their images there.
    fn index_opened(&mut self, _images: Images) {}
    /// Remembers that the first-run screen was accepted.
    fn accept(&mut self) -> Result<(), JournalError>;
}

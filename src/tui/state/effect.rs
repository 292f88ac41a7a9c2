//! What the state wants done. The driver does it and answers with events.

use std::path::PathBuf;

use crate::tui::ExitReason;
use crate::tui::journal::{Attached, ExportFormat, NewTurn, TurnEnd, Whose};
use rounds_assistant::{Settings, Setup};

use super::background_work::Work;
use super::conversation::TurnId;

/// Something to do.
#[derive(Debug)]
pub enum Effect {
    // Model and index.
    Open {
        job: u64,
        setup: Setup,
    },
    /// Forget an opening that is still under way.
    Abandon {
        job: u64,
    },
    Ask {
        turn: TurnId,
        question: String,
        images: Vec<Attached>,
        whose: Whose,
        settings: Settings,
    },
    Cancel,

    // Long work on indexes.
    Work {
        job: u64,
        work: Work,
    },
    StopWork,

    // Files.
    AttachFile(PathBuf),
    AttachCase(String),
    /// The picture on the system's clipboard.
    AttachClipboard,
    ListFolder(PathBuf),

    // The session store.
    CreateSession {
        title: String,
        model: String,
        index: String,
    },
    StoreTurn {
        turn: TurnId,
        session: String,
        new: Box<NewTurn>,
    },
    StorePartial {
        id: String,
        text: String,
    },
    StoreEnd {
        id: String,
        end: Box<TurnEnd>,
        /// What it was answered with.
        setup: Setup,
    },
    ListSessions {
        words: String,
    },
    OpenSession(String),
    RenameSession {
        id: String,
        title: String,
    },
    DeleteSession(String),
    Export {
        id: String,
        format: ExportFormat,
        path: PathBuf,
    },
    Accept,

    // The terminal.
    Copy(String),
    Redraw,
    SetImages(crate::tui::ImageMode),
    Suspend,
    Leave(ExitReason),
}

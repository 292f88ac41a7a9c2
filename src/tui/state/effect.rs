//! Work that the state requests. It is run outside and answered with events.

use std::path::PathBuf;

use crate::tui::ExitReason;
use crate::tui::journal::{Attached, ExportFormat, Mark, NewTurn, Subject, TurnEnd};
use rounds_assistant::retrieval::Shot;
use rounds_assistant::{Settings, Setup, Wording};
use rounds_scan::Selector;

use super::background_work::Work;
use super::conversation::TurnId;

/// An answer that is to be explained by its shots.
#[derive(Debug)]
pub struct WhyTurn {
    pub question: String,
    pub images: Vec<Attached>,
    pub subject: Subject,
    pub settings: Settings,
    /// As they stood in the prompt.
    pub shots: Vec<Shot>,
    pub wording: Wording,
}

/// A request for work.
#[derive(Debug)]
pub enum Effect {
    // Model and index.
    Open {
        job: u64,
        setup: Setup,
    },
    /// Ignore the result of an opening that is still running.
    CancelOpening {
        job: u64,
    },
    Ask {
        turn: TurnId,
        question: String,
        images: Vec<Attached>,
        subject: Subject,
        settings: Settings,
    },
    Cancel,

    // Long work on indexes.
    Work {
        job: u64,
        work: Work,
    },
    StopWork,
    /// Explain an answer by its shots; background work too.
    Why {
        job: u64,
        request: Box<WhyTurn>,
    },

    // Files.
    AttachFile(PathBuf),
    /// Renders a view of an attached scan.
    ViewScan {
        job: u64,
        selector: Selector,
        /// What to look up in it.
        mark: Option<Mark>,
    },
    /// A sample case, by the name of its file.
    AttachCase(String),
    /// A problem to study: `ID` of those that ship, or `FILE#ID`.
    OpenProblem(String),
    /// The image on the system clipboard.
    AttachClipboard,
    ListFolder(PathBuf),
    /// The names of the user's own indexes and models.
    ListLibrary,

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
        /// The setup that answered it.
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
        /// Replaces a file of this name.
        replace: bool,
    },
    AcceptFirstRun,

    // The terminal.
    /// Study mode on the index of this setup, over the chat until it is left.
    OpenStudy(Setup),
    Copy(String),
    Redraw,
    SetImages(crate::tui::ImageMode),
    Suspend,
    Leave(ExitReason),
}

//! The interface as a pure state machine: events in, effects out.
//!
//! Nothing here does input or output, waits, or reads a clock: time comes with events. What is drawn is a function of
//! this state (`view`), and work to do is returned to the driver as effects. Impossible states should not be
//! representable: a running answer is a value of [`Activity`], an open window a value of [`Overlay`].

mod answering;
mod attachments;
mod background_work;
mod branches;
mod command_table;
mod completion;
mod conversation;
mod editor;
mod effect;
mod engine;
mod event;
mod folder_listing;
mod fuzzy;
mod history;
mod image_pane;
mod line_input;
mod list_keys;
mod main_keys;
mod mouse;
mod overlay;
mod overlay_keys;
mod pages;
mod paths;
mod persistence;
mod regenerate;
mod run_command;
mod sessions;
mod shots;
mod user_error;

pub use answering::{Activity, Stage};
pub use background_work::{RunningWork, Work};
pub use command_table::{COMMANDS, command_name};
pub use completion::Completion;
pub use conversation::{Conversation, Finished, Reply, Turn, TurnId};
pub use editor::Editor;
pub use effect::Effect;
pub use engine::Engine;
pub use event::{Entry, Event};
pub use image_pane::ImagePane;
pub use mouse::Hits;
pub use overlay::{CASES_STEP, ExportDialog, Overlay, Picker, SessionList};
pub use pages::Page;
pub use persistence::Session;
pub use regenerate::{describe_shots, same_answer};
pub use run_command::value_name;
pub use user_error::UserError;

use std::collections::VecDeque;
use std::path::PathBuf;
use std::time::Duration;

use crate::tui::ExitReason;
use crate::tui::journal::{Attached, Subject};
use crate::tui::keys::{KeyContext, Keymap};
use crate::tui::{ImageMode, ThemeChoice};
use rounds_assistant::{Settings, Setup};

/// Where typed keys go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Focus {
    #[default]
    Input,
    Conversation,
    Images,
    Shots,
}

impl Focus {
    const ALL: [Self; 4] = [Self::Input, Self::Conversation, Self::Images, Self::Shots];

    /// Its part of the keymap.
    pub fn key_context(self) -> KeyContext {
        match self {
            Self::Input => KeyContext::Input,
            Self::Conversation => KeyContext::Conversation,
            Self::Images => KeyContext::Images,
            Self::Shots => KeyContext::Shots,
        }
    }
}

/// A message that disappears by itself.
#[derive(Clone, Debug)]
pub struct Notice {
    pub error: UserError,
    pub is_error: bool,
    until: Duration,
}

const NOTICE_TIME: Duration = Duration::from_secs(6);
const ERROR_TIME: Duration = Duration::from_secs(15);
/// Two presses of Ctrl-C within this time quit.
const DOUBLE_PRESS: Duration = Duration::from_secs(2);

/// The whole state of the interface.
pub struct State {
    /// Line mode: no panes, no keys, and no windows that stay open.
    linear: bool,
    pub columns: u16,
    pub rows: u16,
    pub now: Duration,
    pub focus: Focus,
    /// The visible pane where there is room for only one.
    pub front: Focus,
    pub overlay: Option<Overlay>,
    pub input: Editor,
    history: history::History,
    pub completion: Option<Completion>,
    /// The turn that is being edited.
    pub editing: Option<TurnId>,
    /// The input before that edit.
    draft: Option<regenerate::Draft>,
    pub attached: Vec<Attached>,
    /// Patient and study of the next question.
    pub subject: Subject,
    pub image_pane: ImagePane,
    pub conversation: Conversation,
    /// How many conversations came before this one: turn ids restart with each.
    pub conversations: u64,
    /// The selected turn; `None` is the last one.
    chosen: Option<TurnId>,
    /// First visible line of the conversation; `None` follows its end.
    pub scroll: Option<usize>,
    /// Index of the selected shot in the list.
    pub shot: usize,
    pub activity: Activity,
    queue: VecDeque<TurnId>,
    pub settings: Settings,
    pub engine: Engine,
    pub session: Session,
    /// Long work in the background.
    pub work: Option<RunningWork>,
    last_job: u64,
    pub notice: Option<Notice>,
    /// Resident memory in bytes.
    pub memory: Option<u64>,
    pub keymap: Keymap,
    pub theme: ThemeChoice,
    pub images: ImageMode,
    /// Where the last frame drew things; for the mouse and for scrolling.
    pub hits: Hits,
    listing: Option<folder_listing::FolderListing>,
    /// The user closed the list of completions.
    completion_dismissed: bool,
    interrupted: Option<Duration>,
    partial_at: Duration,
    home: Option<PathBuf>,
    folder: PathBuf,
    /// Images to attach after the session is open, since opening it replaces the attached images.
    pending_attachments: Vec<PathBuf>,
    /// Their patient and study, which override those of the session.
    pending_subject: Subject,
    /// Names of the sample cases.
    pub cases: Vec<String>,
    effects: Vec<Effect>,
}

/// The initial values of a state.
#[derive(Clone, Debug, Default)]
pub struct Start {
    /// For the line mode.
    pub linear: bool,
    pub columns: u16,
    pub rows: u16,
    pub setup: Setup,
    pub settings: Settings,
    pub keymap: Keymap,
    pub theme: ThemeChoice,
    pub images: ImageMode,
    pub first_run: bool,
    pub attach: Vec<PathBuf>,
    pub session: Option<String>,
    pub home: Option<PathBuf>,
    /// The first folder of the file picker.
    pub folder: PathBuf,
    pub cases: Vec<String>,
    pub subject: Subject,
    /// A message to show first.
    pub notice: Option<String>,
}

impl State {
    /// The first state, and its first effects.
    pub fn new(start: Start) -> (Self, Vec<Effect>) {
        let mut state = Self {
            linear: start.linear,
            columns: start.columns,
            rows: start.rows,
            now: Duration::ZERO,
            focus: Focus::Input,
            front: Focus::Conversation,
            overlay: start.first_run.then_some(Overlay::Welcome {
                step: 0,
                selected: 0,
                scroll: 0,
            }),
            input: Editor::new(),
            history: history::History::default(),
            completion: None,
            editing: None,
            draft: None,
            attached: Vec::new(),
            subject: start.subject.clone(),
            pending_subject: match start.session {
                Some(_) => start.subject,
                None => Subject::default(),
            },
            image_pane: ImagePane::default(),
            conversation: Conversation::default(),
            conversations: 0,
            chosen: None,
            scroll: None,
            shot: 0,
            activity: Activity::Idle,
            queue: VecDeque::new(),
            settings: start.settings,
            engine: Engine::new(start.setup.clone()),
            session: Session::default(),
            work: None,
            last_job: 0,
            notice: None,
            memory: None,
            keymap: start.keymap,
            theme: start.theme,
            images: start.images,
            hits: Hits::default(),
            listing: None,
            completion_dismissed: false,
            interrupted: None,
            partial_at: Duration::ZERO,
            home: start.home,
            folder: start.folder,
            pending_attachments: start.attach,
            cases: start.cases,
            effects: Vec::new(),
        };
        state.open(start.setup);
        if let Some(notice) = start.notice {
            state.show_error(UserError::new(notice));
        }
        match start.session {
            Some(id) => state.emit(Effect::OpenSession(id)),
            None => state.attach_pending(),
        }
        let effects = std::mem::take(&mut state.effects);
        (state, effects)
    }

    /// Handles an event that happened at `now` (since the start) and returns the effects to run.
    pub fn handle(&mut self, now: Duration, event: Event) -> Vec<Effect> {
        self.now = now.max(self.now);
        if self.notice.as_ref().is_some_and(|n| n.until <= self.now) {
            self.notice = None;
        }
        match event {
            Event::Key(press) => self.on_key(press),
            Event::Paste(text) => self.on_paste(&text),
            Event::Line(line) => self.on_line(&line),
            Event::Interrupt => self.on_interrupt(),
            Event::Click { column, row } => self.on_click(column, row),
            Event::Scroll { column, row, lines } => self.on_scroll(column, row, lines),
            Event::Resize { columns, rows } => {
                self.columns = columns;
                self.rows = rows;
            }
            Event::Tick { memory } => {
                self.memory = memory.or(self.memory);
                self.store_partial();
                self.watch_folder();
            }
            Event::Opened { job, result } => self.on_opened(job, result),
            Event::Retrieved {
                turn,
                shots,
                asked,
                dropped,
            } => self.on_retrieved(turn, shots, asked, dropped),
            Event::Prompt { turn, text } => self.on_prompt(turn, text),
            Event::Token { turn, text } => self.on_token(turn, &text),
            Event::Answered { turn, answer } => self.on_answered(turn, *answer),
            Event::TurnFailed { turn, error } => self.on_failed(turn, error),
            Event::Attached { name, result } => self.on_attached(&name, result),
            Event::Folder { folder, result } => self.on_folder(folder, result),
            Event::SessionCreated(result) => self.on_session_created(result),
            Event::TurnStored { turn, result } => self.on_turn_stored(turn, result),
            Event::Sessions { words, result } => self.on_sessions(&words, result),
            Event::SessionOpened(result) => self.on_session_opened(result),
            Event::Exported(result) => self.on_exported(result),
            Event::WorkProgress { job, progress } => self.on_work_progress(job, progress),
            Event::WorkFinished { job, result } => self.on_work_finished(job, result),
            Event::StoreFailed(error) => self.show_error(error),
            Event::Resumed => self.emit(Effect::Redraw),
            Event::Copied(Ok(())) => self.notify("copied to the terminal's clipboard"),
            Event::Copied(Err(error)) => self.show_error(error),
            Event::Terminate(reason) => self.leave(reason),
        }
        std::mem::take(&mut self.effects)
    }

    /// Whether something changes with time, so that tick events are needed.
    pub fn needs_ticks(&self) -> bool {
        !matches!(self.activity, Activity::Idle)
            || self.engine.is_opening()
            || self.work.is_some()
            || self.notice.is_some()
            || self.shows_folder()
    }

    /// The selected turn; the last one unless the user selected another.
    pub fn turn(&self) -> Option<TurnId> {
        self.chosen.or(self.conversation.leaf())
    }

    /// Whether the user selected `turn`.
    pub fn is_chosen(&self, turn: TurnId) -> bool {
        self.chosen == Some(turn)
    }

    fn emit(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    fn notify(&mut self, text: impl AsRef<str>) {
        self.notice = Some(Notice {
            error: UserError::new(text),
            is_error: false,
            until: self.now + NOTICE_TIME,
        });
    }

    fn show_error(&mut self, error: UserError) {
        self.notice = Some(Notice {
            error,
            is_error: true,
            until: self.now + ERROR_TIME,
        });
    }

    /// Brings a pane to the front where there is room for only one. If it covers the focused pane, it takes the focus:
    /// keys must not act on something hidden.
    fn show_pane(&mut self, pane: Focus) {
        self.front = pane;
        // A pane that is shown only as a tab is one row high.
        let seen = |pane| {
            let mut panes = self.hits.panes.iter();
            panes.any(|(area, drawn)| *drawn == pane && area.height > 1)
        };
        if self.focus != Focus::Input && !(seen(pane) && seen(self.focus)) {
            self.focus = pane;
        }
    }

    fn go(&mut self, focus: Focus) {
        self.focus = focus;
        if focus != Focus::Input {
            self.front = focus;
        }
    }

    /// Quits: a running answer is stopped and stored.
    fn leave(&mut self, reason: ExitReason) {
        self.stop_before_exit();
        self.emit(Effect::Leave(reason));
    }
}

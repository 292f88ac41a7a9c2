//! The state of the interface: its parts, and what an event does.
//!
//! The parts have files and methods of their own and know nothing of each other; what concerns several of them is done by
//! methods of [`State`], in the files named after the task.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::time::Duration;

use crate::tui::ExitReason;
use crate::tui::journal::Subject;
use crate::tui::keys::Keymap;
use crate::tui::{ImageMode, ThemeChoice};
use rounds_assistant::{Settings, Setup};
use rounds_support::Failure;

use super::activity::Activity;
use super::background_work::BackgroundWork;
use super::case::NextCase;
use super::cine::Cine;
use super::composer::Composer;
use super::conversation::{Conversation, TurnId};
use super::cross_hair::CrossHair;
use super::dragging;
use super::effect::Effect;
use super::engine::Engine;
use super::event::Event;
use super::focus::Focus;
use super::hits::Hits;
use super::image_pane::ImagePane;
use super::notice::Notice;
use super::overlay::Overlay;
use super::pane_letter::PaneLetter;
use super::pins::PinsByIndex;
use super::problems::ProblemName;
use super::sample_cases::SampleCase;
use super::scan_view::WantedView;
use super::selection::Selection;
use super::session::Session;

/// Two presses of Ctrl-C within this time quit.
pub(super) const DOUBLE_PRESS: Duration = Duration::from_secs(2);

/// The whole state of the interface.
pub struct State {
    /// Line mode: no panes, no keys, and no windows that stay open.
    pub(super) linear: bool,
    pub columns: u16,
    pub rows: u16,
    pub now: Duration,
    pub focus: Focus,
    /// The visible pane where there is room for only one.
    pub front: Focus,
    pub overlay: Option<Overlay>,
    pub composer: Composer,
    pub case: NextCase,
    pub image_pane: ImagePane,
    pub conversation: Conversation,
    /// How many conversations came before this one: turn ids restart with each.
    pub conversations: u64,
    pub selection: Selection,
    pub activity: Activity,
    pub(super) queue: VecDeque<TurnId>,
    pub settings: Settings,
    pub engine: Engine,
    pub session: Session,
    pub work: BackgroundWork,
    pub notice: Option<Notice>,
    /// Resident memory in bytes.
    pub memory: Option<u64>,
    pub keymap: Keymap,
    pub theme: ThemeChoice,
    pub images: ImageMode,
    /// Where the last frame drew things; for the mouse and for scrolling.
    pub hits: Hits,
    pub(super) interrupted: Option<Duration>,
    pub(super) partial_at: Duration,
    pub(super) home: Option<PathBuf>,
    pub(super) folder: PathBuf,
    pub cases: Vec<SampleCase>,
    pub problems: Vec<ProblemName>,
    /// A letter pressed in a pane that may become text.
    pub(super) letter: Option<PaneLetter>,
    /// Pinned and excluded examples of other indexes.
    pub(super) pins: PinsByIndex,
    /// Number of the last view of a scan that was asked for.
    pub(super) view_jobs: u64,
    /// Number of the last images that change together.
    pub(super) view_groups: u64,
    /// The view of a scan that is not there yet.
    pub(super) wanted_view: Option<WantedView>,
    pub(super) cross_hair: Option<CrossHair>,
    pub(super) cine: Option<Cine>,
    /// The mouse button that is held down on an image.
    pub(super) pressed: Option<dragging::Press>,
    pub(super) effects: Vec<Effect>,
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
    /// The text of the input.
    pub question: Option<String>,
    pub home: Option<PathBuf>,
    /// The first folder of the file picker.
    pub folder: PathBuf,
    pub cases: Vec<SampleCase>,
    /// The problems that ship.
    pub problems: Vec<ProblemName>,
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
            composer: Composer::default(),
            case: NextCase {
                subject: start.subject.clone(),
                pending_images: start.attach,
                pending_subject: match start.session {
                    Some(_) => start.subject,
                    None => Subject::default(),
                },
                ..NextCase::default()
            },
            image_pane: ImagePane::default(),
            conversation: Conversation::default(),
            conversations: 0,
            selection: Selection::default(),
            activity: Activity::Idle,
            queue: VecDeque::new(),
            pins: PinsByIndex::new(start.setup.index.clone(), &start.settings),
            settings: start.settings,
            engine: Engine::new(start.setup.clone()),
            session: Session::default(),
            work: BackgroundWork::default(),
            notice: None,
            memory: None,
            keymap: start.keymap,
            theme: start.theme,
            images: start.images,
            hits: Hits::default(),
            interrupted: None,
            partial_at: Duration::ZERO,
            home: start.home,
            folder: start.folder,
            cases: start.cases,
            problems: start.problems,
            letter: None,
            view_jobs: 0,
            view_groups: 0,
            wanted_view: None,
            cross_hair: None,
            cine: None,
            pressed: None,
            effects: Vec::new(),
        };
        state.open(start.setup);
        if let Some(question) = start.question {
            state.composer.input.set(&question);
        }
        if let Some(notice) = start.notice {
            state.show_error(Failure::usage(notice));
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
        if self.notice.as_ref().is_some_and(|n| n.is_over(self.now)) {
            self.notice = None;
        }
        match event {
            Event::Key(press) => self.on_key(press),
            Event::Paste(text) => self.on_paste(&text),
            Event::Line(line) => self.on_line(&line),
            Event::Interrupt => self.on_interrupt(),
            Event::Click { column, row } => {
                self.press_image(column, row);
                self.on_click(column, row);
            }
            Event::Drag { column, row } => self.on_drag(column, row),
            Event::Release => self.on_release(),
            Event::Scroll { column, row, lines } => self.on_scroll(column, row, lines),
            Event::Resize { columns, rows } => {
                self.columns = columns;
                self.rows = rows;
            }
            Event::Tick { memory } => {
                self.memory = memory.or(self.memory);
                self.tick_letter();
                self.store_partial();
                self.watch_folder();
                self.tick_cine();
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
            Event::Problem(result) => self.on_problem(result.map(|problem| *problem)),
            Event::ScanViewed {
                job,
                result,
                marked,
            } => self.on_viewed(job, result, marked),
            Event::Folder { folder, result } => self.on_folder(folder, result),
            Event::SessionCreated(result) => self.on_session_created(result),
            Event::TurnStored { turn, result } => self.on_turn_stored(turn, result),
            Event::Sessions { words, result } => self.on_sessions(&words, result),
            Event::SessionOpened(result) => self.on_session_opened(result),
            Event::Exported { path, result } => self.on_exported(&path, result),
            Event::Library(names) => self.on_library(names),
            Event::WorkProgress { job, progress } => self.work.report(job, progress),
            Event::WorkFinished { job, result } => self.on_work_finished(job, result),
            Event::Explained { job, result } => self.on_explained(job, result),
            Event::StoreFailed(error) => self.show_error(error),
            Event::Resumed => self.emit(Effect::Redraw),
            Event::StudyEnded(Ok(summary)) => self.notify(summary),
            Event::Copied(Ok(())) => self.notify("copied to the terminal's clipboard"),
            Event::Copied(Err(error)) | Event::StudyEnded(Err(error)) => self.show_error(error),
            Event::Terminate(reason) => self.leave(reason),
        }
        std::mem::take(&mut self.effects)
    }

    /// Whether something changes with time, so that tick events are needed.
    pub fn needs_ticks(&self) -> bool {
        !matches!(self.activity, Activity::Idle)
            || self.engine.is_opening()
            || self.work.running.is_some()
            || self.notice.as_ref().is_some_and(Notice::is_timed)
            || self.has_deferred_letter()
            || self.shows_folder()
            || self.is_playing()
    }

    /// The selected turn; the last one unless the user selected another.
    pub fn turn(&self) -> Option<TurnId> {
        self.selection.turn.or(self.conversation.leaf())
    }

    /// Whether the user selected `turn`.
    pub fn is_chosen(&self, turn: TurnId) -> bool {
        self.selection.turn == Some(turn)
    }

    pub(super) fn emit(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    pub(super) fn notify(&mut self, text: impl AsRef<str>) {
        self.notice = Some(Notice::news(text, self.now));
    }

    /// A message that stays until the user closes it with Esc, or asks something.
    pub(super) fn notify_until_read(&mut self, text: impl AsRef<str>) {
        self.notice = Some(Notice::news(text, self.now).until_read());
    }

    pub(super) fn show_error(&mut self, error: Failure) {
        self.notice = Some(Notice::error(error, self.now));
    }

    /// Brings a pane to the front where there is room for only one. If it covers the focused pane, it takes the focus:
    /// keys must not act on something hidden.
    pub(super) fn show_pane(&mut self, pane: Focus) {
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

    pub(super) fn go(&mut self, focus: Focus) {
        self.focus = focus;
        if focus != Focus::Input {
            self.front = focus;
        }
    }

    /// Quits: a running answer is stopped and stored.
    pub(super) fn leave(&mut self, reason: ExitReason) {
        self.stop_before_exit();
        self.emit(Effect::Leave(reason));
    }
}

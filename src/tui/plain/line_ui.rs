//! The line interface to the state: input lines and events in, text and effects out, in order.
//!
//! A line is queued until everything before it is done, so that a pipe can hold a whole conversation. There is no I/O and
//! no clock here: every call passes the current time.

use std::collections::VecDeque;
use std::time::Duration;

use super::continuation::Continuation;
use super::line_writer::LineWriter;
use super::{PlainOutcome, messages};
use crate::tui::ExitReason;
use crate::tui::first_run;
use crate::tui::state::{
    Activity, Command, Effect, Event, Overlay, Start, State, TurnId, command_of,
};
use rounds_assistant::prompt::AnswerLayout;
use rounds_support::Failure;
use rounds_support::lines::Line;
use rounds_support::sanitise;

/// Shortest time between two progress lines of the same background work.
const WORK_REPORT_INTERVAL: Duration = Duration::from_secs(10);

/// The line interface; see the module.
pub struct LineUi {
    pub(super) state: State,
    /// Input comes from a person at a terminal, not from a pipe.
    pub(super) is_terminal: bool,
    /// When progress of the background work was last printed.
    work_reported: Option<Duration>,
    /// Pending text for standard output.
    writer: LineWriter,
    /// Pending text for standard error.
    stderr_text: String,
    /// An input line that continues on the next.
    continuation: Continuation,
    queue: VecDeque<QueuedLine>,
    /// Replies that workers still owe.
    pending_replies: usize,
    input_ended: bool,
    exited: bool,
    failed: bool,
    interrupted: bool,
    /// The streamed parts of the running answer.
    pub(super) parts: AnswerLayout,
    /// Two answers to print side by side once both are complete.
    pub(super) comparing: Option<(TurnId, TurnId)>,
    /// The last line was a command, so the question it asks is not yet visible above its answer.
    pub(super) asked_by_command: bool,
}

struct QueuedLine {
    line: Line,
    /// Typed while something else was running, so it is echoed when its turn comes.
    echo: bool,
}

/// Parts of the state before an event, to see what it changed.
pub(super) struct StateBefore {
    pub running: Option<TurnId>,
    pub turns: usize,
    pub opening: bool,
}

impl LineUi {
    /// Prints the first lines and returns the first effects.
    pub fn new(start: Start, is_terminal: bool) -> (Self, Vec<Effect>) {
        let (state, mut effects) = State::new(start);
        let mut ui = Self {
            pending_replies: effects
                .iter()
                .filter(|effect| expects_reply(effect))
                .count(),
            state,
            is_terminal,
            work_reported: None,
            writer: LineWriter::default(),
            stderr_text: String::new(),
            continuation: Continuation::default(),
            queue: VecDeque::new(),
            input_ended: false,
            exited: false,
            failed: false,
            interrupted: false,
            parts: AnswerLayout::default(),
            comparing: None,
            asked_by_command: false,
        };
        ui.print_line(messages::BANNER);
        if matches!(ui.state.overlay, Some(Overlay::Welcome { .. })) {
            ui.state.overlay = None;
            ui.print_welcome();
            effects.push(Effect::AcceptFirstRun);
        }
        ui.print_opening();
        (ui, effects)
    }

    /// The first-run notice. For piped input it goes to standard error, because it is not part of the conversation.
    fn print_welcome(&mut self) {
        let facts = first_run::CAVEATS.iter().map(|fact| format!("* {fact}"));
        let all = [
            first_run::INTRODUCTION.to_string(),
            first_run::PURPOSE.to_string(),
        ];
        for line in all.into_iter().chain(facts) {
            if self.is_terminal {
                self.print_line(&line);
            } else {
                self.stderr_text.push_str(&line);
                self.stderr_text.push('\n');
            }
        }
    }

    /// Takes an input line and runs it as soon as everything before it is done.
    pub fn on_line(&mut self, now: Duration, line: std::io::Result<Line>) -> Vec<Effect> {
        self.writer.line_entered();
        let line = match line {
            Ok(line) => line,
            Err(error) => {
                self.print_error(&Failure::usage(format!("cannot read the input: {error}")));
                return self.on_end_of_input(now);
            }
        };
        match self.continuation.push(line) {
            Some(line) => self.queue_line(now, line),
            None => Vec::new(),
        }
    }

    fn queue_line(&mut self, now: Duration, line: Line) -> Vec<Effect> {
        if let Ok(text) = &line
            && self.skips_queue(text)
        {
            return self.run_line(now, text);
        }
        let echo = !self.is_ready_for_line() || !self.queue.is_empty();
        self.queue.push_back(QueuedLine { line, echo });
        self.run_queue(now)
    }

    /// Whether a line runs at once, even while something else is running.
    fn skips_queue(&self, line: &str) -> bool {
        match command_of(line) {
            Some(Command::Stop) => self.running().is_some() || self.state.work.running.is_some(),
            Some(Command::Quit | Command::Help | Command::Status) => self.is_terminal,
            _ => false,
        }
    }

    /// The input has ended: quits once the queued lines are done.
    pub fn on_end_of_input(&mut self, now: Duration) -> Vec<Effect> {
        self.input_ended = true;
        let mut effects = match self.continuation.finish() {
            Some(line) => self.queue_line(now, line),
            None => Vec::new(),
        };
        effects.extend(self.run_queue(now));
        effects
    }

    /// Handles an event.
    pub fn on_event(&mut self, now: Duration, event: Event) -> Vec<Effect> {
        let interrupt = matches!(event, Event::Interrupt);
        if interrupt && self.is_terminal && self.running().is_none() && self.continuation.discard()
        {
            self.print_line("line discarded; press Ctrl-C again to quit");
            return Vec::new();
        }
        let mut effects = self.apply(now, event);
        if interrupt {
            self.interrupted = true;
        }
        effects.extend(self.run_queue(now));
        effects
    }

    /// Runs queued lines until one has to wait.
    fn run_queue(&mut self, now: Duration) -> Vec<Effect> {
        let mut effects = Vec::new();
        while self.is_ready_for_line() && !self.exited {
            let Some(QueuedLine { line, echo }) = self.queue.pop_front() else {
                if self.input_ended {
                    effects.extend(self.apply(now, Event::Terminate(ExitReason::Left)));
                }
                break;
            };
            match line {
                Ok(line) => {
                    if echo && self.is_terminal {
                        let lines = sanitise::clean(&line).replace('\n', "\n... ");
                        self.print_line(&format!("{}{lines}", messages::PROMPT));
                    }
                    effects.extend(self.run_line(now, &line));
                }
                Err(bad) => self.print_error(&Failure::usage(bad.to_string())),
            }
        }
        effects
    }

    fn run_line(&mut self, now: Duration, line: &str) -> Vec<Effect> {
        let confirming = matches!(self.state.overlay, Some(Overlay::Confirm { .. }));
        if line.trim().is_empty() && !confirming {
            return Vec::new();
        }
        self.asked_by_command = command_of(line).is_some();
        self.apply(now, Event::Line(sanitise::clean(line)))
    }

    /// Whether nothing is running that the next line has to wait for.
    fn is_ready_for_line(&self) -> bool {
        // At a terminal, commands work while a model opens or an import runs; a pipe stays in order.
        let busy = self.state.engine.is_opening() || self.state.work.running.is_some();
        self.running().is_none()
            && self.pending_replies == 0
            && self.comparing.is_none()
            && (self.is_terminal || !busy)
    }

    pub(super) fn running(&self) -> Option<TurnId> {
        match self.state.activity {
            Activity::Turn { turn, .. } => Some(turn),
            Activity::Idle => None,
        }
    }

    /// Passes an event to the state and prints what it changed.
    fn apply(&mut self, now: Duration, event: Event) -> Vec<Effect> {
        if is_reply(&event) {
            self.pending_replies = self.pending_replies.saturating_sub(1);
        }
        let before = StateBefore {
            running: self.running(),
            turns: self.state.conversation.count(),
            opening: self.state.engine.is_opening(),
        };
        let kind = self.observe(&event);
        let effects = self.state.handle(now, event);
        self.pending_replies += effects
            .iter()
            .filter(|effect| expects_reply(effect))
            .count();
        self.exited |= effects.iter().any(|e| matches!(e, Effect::Leave(_)));
        self.print_windows(kind);
        self.print_notice(&before);
        self.print_turns(kind, &before);
        self.print_changes(kind, &before);
        self.print_comparison();
        self.print_work(now);
        effects
    }

    /// Progress of background work, printed now and then.
    fn print_work(&mut self, now: Duration) {
        let Some(progress) = self
            .state
            .work
            .running
            .as_ref()
            .map(|work| work.progress.clone())
        else {
            self.work_reported = None;
            return;
        };
        let last = self.work_reported;
        if last.is_none_or(|last| now.saturating_sub(last) >= WORK_REPORT_INTERVAL) {
            self.work_reported = Some(now);
            self.print_line(&progress);
        }
    }

    pub fn queued_lines(&self) -> usize {
        self.queue.len()
    }

    /// The time between the ticks of the clock that the state wants, if any.
    pub fn tick_every(&self) -> Option<Duration> {
        self.state.tick_every()
    }

    pub fn state_mut(&mut self) -> &mut State {
        &mut self.state
    }

    /// How it ended. An interrupt of a piped conversation is reported; at a terminal the user knows about it.
    pub fn outcome(&self, reason: ExitReason) -> PlainOutcome {
        let interrupted = reason == ExitReason::Left && self.interrupted && !self.is_terminal;
        PlainOutcome {
            reason: if interrupted {
                ExitReason::Signal(2)
            } else {
                reason
            },
            failed: self.failed && !self.is_terminal,
            open_failed: !self.is_terminal
                && !self.state.engine.is_ready()
                && self.state.engine.error.is_some(),
            session: self.state.session.id().map(str::to_string),
        }
    }

    pub(super) fn print(&mut self, text: &str) {
        self.writer.write(text);
    }

    /// Prints text on a line of its own.
    pub(super) fn print_line(&mut self, line: &str) {
        self.writer.write_line(line);
    }

    pub(super) fn end_line(&mut self) {
        self.writer.end_line();
    }

    pub fn print_error(&mut self, error: &Failure) {
        self.failed = true;
        self.print_line(&format!("error: {}", error.message));
        if let Some(hint) = &error.hint {
            self.print_line(&format!("hint: {hint}"));
        }
    }

    /// Ends the output, so that the shell's prompt starts on a new line.
    pub fn close(&mut self) {
        self.writer.close();
        self.exited = true;
    }

    /// Pending text for standard output, with a prompt when a line is expected.
    pub fn take_stdout(&mut self) -> String {
        let idle = self.is_ready_for_line() && self.queue.is_empty();
        if self.is_terminal && idle && !self.exited && !self.input_ended {
            self.writer
                .write_prompt(match self.continuation.is_pending() {
                    true => messages::CONTINUATION_PROMPT,
                    false => messages::PROMPT,
                });
        }
        self.writer.take()
    }

    /// Pending text for standard error.
    pub fn take_stderr(&mut self) -> String {
        std::mem::take(&mut self.stderr_text)
    }
}

/// Whether a worker replies to this effect with an event of [`is_reply`].
fn expects_reply(effect: &Effect) -> bool {
    matches!(
        effect,
        Effect::AttachFile(_)
            | Effect::AttachCase(_)
            | Effect::OpenProblem(_)
            | Effect::AttachClipboard
            | Effect::ViewScan { .. }
            | Effect::ListFolder(_)
            | Effect::ListLibrary
            | Effect::CreateSession { .. }
            | Effect::StoreTurn { .. }
            | Effect::ListSessions { .. }
            | Effect::OpenSession(_)
            | Effect::Export { .. }
    )
}

/// Whether this event is the reply to an effect of [`expects_reply`].
fn is_reply(event: &Event) -> bool {
    matches!(
        event,
        Event::Attached { .. }
            | Event::Problem(_)
            | Event::ScanViewed { .. }
            | Event::Folder { .. }
            | Event::Library(_)
            | Event::SessionCreated(_)
            | Event::TurnStored { .. }
            | Event::Sessions { .. }
            | Event::SessionOpened(_)
            | Event::Exported { .. }
    )
}

//! The linear face of a state: lines in, text and effects out, in the order in which things happen.
//!
//! A line waits until everything before it is done, so that a pipe may hold a whole conversation. No input, no output, no
//! clock: time comes with what happens.

use std::collections::VecDeque;
use std::time::Duration;

use super::joining::Joining;
use super::paper::Paper;
use super::{Ended, words};
use crate::tui::ExitReason;
use crate::tui::first_run;
use crate::tui::state::{Activity, Effect, Event, Overlay, Start, State, Trouble, TurnId, named};
use rounds_assistant::prompt::Parts;
use rounds_support::lines::Line;
use rounds_support::sanitise;

/// Shortest time between two lines about the same work.
const WORK_EVERY: Duration = Duration::from_secs(10);

/// See the module.
pub struct Face {
    pub(super) state: State,
    /// Lines come from a person at a terminal, not from a pipe.
    pub(super) terminal: bool,
    /// When the work under way was spoken of last.
    work_told: Option<Duration>,
    /// What is to be written to standard output.
    paper: Paper,
    /// What is to be written to standard error.
    aside: String,
    /// A line that goes on.
    joining: Joining,
    waiting: VecDeque<Waiting>,
    /// Answers of workers that are still to come.
    owed: usize,
    input_ended: bool,
    left: bool,
    failed: bool,
    interrupted: bool,
    /// What is being answered, as it streams.
    pub(super) parts: Parts,
    /// Two answers that are said when both are there.
    pub(super) comparing: Option<(TurnId, TurnId)>,
    /// The line before was a command, and no question that can still be read above its answer.
    pub(super) by_command: bool,
}

struct Waiting {
    line: Line,
    /// It was typed while something else went on.
    late: bool,
}

/// What is to be known of the time before an event.
pub(super) struct Before {
    pub running: Option<TurnId>,
    pub turns: usize,
    pub opening: bool,
}

impl Face {
    /// A face that has said its first line, and what must be done at once.
    pub fn new(start: Start, terminal: bool) -> (Self, Vec<Effect>) {
        let (state, mut effects) = State::new(start);
        let mut face = Self {
            owed: effects.iter().filter(|effect| owes(effect)).count(),
            state,
            terminal,
            work_told: None,
            paper: Paper::default(),
            aside: String::new(),
            joining: Joining::default(),
            waiting: VecDeque::new(),
            input_ended: false,
            left: false,
            failed: false,
            interrupted: false,
            parts: Parts::default(),
            comparing: None,
            by_command: false,
        };
        face.say(words::FIRST);
        if matches!(face.state.overlay, Some(Overlay::Welcome { .. })) {
            face.state.overlay = None;
            face.welcome();
            effects.push(Effect::Accept);
        }
        face.say_opening();
        (face, effects)
    }

    /// What everybody is told once. Where no person is at the input, it is no part of the conversation.
    fn welcome(&mut self) {
        let facts = first_run::FACTS.iter().map(|fact| format!("* {fact}"));
        let all = [first_run::WHAT.to_string(), first_run::PURPOSE.to_string()];
        for line in all.into_iter().chain(facts) {
            if self.terminal {
                self.say(&line);
            } else {
                self.aside.push_str(&line);
                self.aside.push('\n');
            }
        }
    }

    /// Takes a line of the input: at once, or when what was begun before is done.
    pub fn line(&mut self, now: Duration, line: std::io::Result<Line>) -> Vec<Effect> {
        self.paper.typed();
        let line = match line {
            Ok(line) => line,
            Err(error) => {
                self.complain(&Trouble::new(format!("the input cannot be read: {error}")));
                return self.end_of_input(now);
            }
        };
        match self.joining.push(line) {
            Some(line) => self.whole_line(now, line),
            None => Vec::new(),
        }
    }

    fn whole_line(&mut self, now: Duration, line: Line) -> Vec<Effect> {
        if let Ok(text) = &line
            && self.is_urgent(text)
        {
            return self.take_line(now, text);
        }
        let late = !self.is_settled() || !self.waiting.is_empty();
        self.waiting.push_back(Waiting { line, late });
        self.advance(now)
    }

    /// Whether a line is done while something else goes on.
    fn is_urgent(&self, line: &str) -> bool {
        match named(line) {
            Some("/stop") => self.running().is_some() || self.state.work.is_some(),
            Some("/quit" | "/help" | "/status") => self.terminal,
            _ => false,
        }
    }

    /// No line comes any more: leaves when those that wait are done.
    pub fn end_of_input(&mut self, now: Duration) -> Vec<Effect> {
        self.input_ended = true;
        let mut effects = match self.joining.finish() {
            Some(line) => self.whole_line(now, line),
            None => Vec::new(),
        };
        effects.extend(self.advance(now));
        effects
    }

    /// Takes what happened.
    pub fn event(&mut self, now: Duration, event: Event) -> Vec<Effect> {
        let interrupt = matches!(event, Event::Interrupt);
        if interrupt && self.terminal && self.running().is_none() && self.joining.forget() {
            self.say("what was typed is dropped; Ctrl-C again leaves");
            return Vec::new();
        }
        let mut effects = self.feed(now, event);
        if interrupt {
            self.interrupted = true;
        }
        effects.extend(self.advance(now));
        effects
    }

    /// Does the lines that wait, as far as that can be done now.
    fn advance(&mut self, now: Duration) -> Vec<Effect> {
        let mut effects = Vec::new();
        while self.is_settled() && !self.left {
            let Some(Waiting { line, late }) = self.waiting.pop_front() else {
                if self.input_ended {
                    effects.extend(self.feed(now, Event::EndNow(ExitReason::Left)));
                }
                break;
            };
            match line {
                Ok(line) => {
                    if late && self.terminal {
                        let lines = sanitise::clean(&line).replace('\n', "\n... ");
                        self.say(&format!("{}{lines}", words::PROMPT));
                    }
                    effects.extend(self.take_line(now, &line));
                }
                Err(bad) => self.complain(&Trouble::new(bad.to_string())),
            }
        }
        effects
    }

    fn take_line(&mut self, now: Duration, line: &str) -> Vec<Effect> {
        let asked = matches!(self.state.overlay, Some(Overlay::Confirm { .. }));
        if line.trim().is_empty() && !asked {
            return Vec::new();
        }
        self.by_command = named(line).is_some();
        self.feed(now, Event::Line(sanitise::clean(line)))
    }

    /// Whether nothing is under way that the next line would have to wait for.
    fn is_settled(&self) -> bool {
        // A person is not kept from looking around while a model opens; a pipe stays in order.
        let busy = self.state.engine.is_opening() || self.state.work.is_some();
        self.running().is_none()
            && self.owed == 0
            && self.comparing.is_none()
            && (self.terminal || !busy)
    }

    pub(super) fn running(&self) -> Option<TurnId> {
        match self.state.activity {
            Activity::Turn { turn, .. } => Some(turn),
            Activity::Idle => None,
        }
    }

    /// Tells the state, and says what came of it.
    fn feed(&mut self, now: Duration, event: Event) -> Vec<Effect> {
        if is_owed(&event) {
            self.owed = self.owed.saturating_sub(1);
        }
        let before = Before {
            running: self.running(),
            turns: self.state.talk.count(),
            opening: self.state.engine.is_opening(),
        };
        let kind = self.hear(&event);
        let effects = self.state.handle(now, event);
        self.owed += effects.iter().filter(|effect| owes(effect)).count();
        self.left |= effects.iter().any(|e| matches!(e, Effect::Leave(_)));
        self.say_windows(kind);
        self.say_notice(&before);
        self.say_turns(kind, &before);
        self.say_changes(kind, &before);
        self.say_comparison();
        self.say_work(now);
        effects
    }

    /// How far long work is, now and then.
    fn say_work(&mut self, now: Duration) {
        let Some(said) = self.state.work.as_ref().map(|work| work.said.clone()) else {
            self.work_told = None;
            return;
        };
        let told = self.work_told;
        if told.is_none_or(|told| now.saturating_sub(told) >= WORK_EVERY) {
            self.work_told = Some(now);
            self.say(&said);
        }
    }

    /// Lines that wait.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Whether time must be told.
    pub fn is_lively(&self) -> bool {
        self.state.is_lively()
    }

    pub fn state_mut(&mut self) -> &mut State {
        &mut self.state
    }

    /// How it ended: an interrupt of a piped conversation counts, one at a terminal was seen by its user.
    pub fn ended(&self, reason: ExitReason) -> Ended {
        let cut = reason == ExitReason::Left && self.interrupted && !self.terminal;
        Ended {
            reason: if cut { ExitReason::Signal(2) } else { reason },
            failed: self.failed && !self.terminal,
            unopened: !self.terminal
                && !self.state.engine.is_ready()
                && self.state.engine.trouble.is_some(),
        }
    }

    pub(super) fn put(&mut self, text: &str) {
        self.paper.put(text);
    }

    /// Writes a line of its own.
    pub(super) fn say(&mut self, line: &str) {
        self.paper.line(line);
    }

    pub(super) fn end_line(&mut self) {
        self.paper.end_line();
    }

    pub fn complain(&mut self, trouble: &Trouble) {
        self.failed = true;
        self.say(&format!("error: {}", trouble.message));
        if let Some(hint) = &trouble.hint {
            self.say(&format!("hint: {hint}"));
        }
    }

    /// Nothing more is said: the shell's prompt gets a line of its own.
    pub fn close(&mut self) {
        self.paper.close();
        self.left = true;
    }

    /// What is to be written to standard output now, with a prompt where a line is waited for.
    pub fn take_text(&mut self) -> String {
        let idle = self.is_settled() && self.waiting.is_empty();
        if self.terminal && idle && !self.left && !self.input_ended {
            self.paper.prompt(match self.joining.is_begun() {
                true => words::MORE,
                false => words::PROMPT,
            });
        }
        self.paper.take()
    }

    /// What is to be written to standard error now.
    pub fn take_aside(&mut self) -> String {
        std::mem::take(&mut self.aside)
    }
}

/// Whether a worker answers to this.
fn owes(effect: &Effect) -> bool {
    matches!(
        effect,
        Effect::AttachFile(_)
            | Effect::AttachCase(_)
            | Effect::AttachClipboard
            | Effect::ListFolder(_)
            | Effect::CreateSession { .. }
            | Effect::StoreTurn { .. }
            | Effect::ListSessions { .. }
            | Effect::OpenSession(_)
            | Effect::Export { .. }
    )
}

/// Whether this is such an answer.
fn is_owed(event: &Event) -> bool {
    matches!(
        event,
        Event::Attached { .. }
            | Event::Folder { .. }
            | Event::SessionCreated(_)
            | Event::TurnStored { .. }
            | Event::Sessions { .. }
            | Event::SessionOpened(_)
            | Event::Exported(_)
    )
}

//! The line mode: the same state as the full screen, printed line by line, for screen readers and simple terminals.
//!
//! `LineUi` turns input lines into events and state changes into text, and does no I/O itself. This module reads the
//! lines, writes the text and runs the effects. It writes plain text only: no cursor movement, colours or drawing.

mod continuation;
mod line_ui;
mod line_writer;
mod messages;
#[cfg(test)]
mod tests;
mod turns;
mod windows;

use std::io::{IsTerminal, Write};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::time::Instant;

use self::line_ui::LineUi;
use super::effects::{self, EffectRunner};
use super::message::{CHANNEL, Message, News};
use super::state::{Effect, Event, Start};
use super::{ExitReason, Journal, Options};
use rounds_assistant::{Settings, Setup};
use rounds_support::lines;

/// Input lines that may be queued; the reader of a pipe with more of them blocks.
const MAX_QUEUED_LINES: usize = 64;
/// Messages handled before their output is written.
const MAX_MESSAGES_PER_WRITE: usize = 256;

/// How a line-mode conversation ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlainOutcome {
    pub reason: ExitReason,
    /// A command or question of a piped input failed.
    pub failed: bool,
    /// The model or index could not be opened for a piped input.
    pub open_failed: bool,
    /// Id of the session, if it is stored.
    pub session: Option<String>,
}

struct LineMode {
    ui: LineUi,
    runner: EffectRunner,
    started: Instant,
    /// Lines read whose permits have not been returned to the input thread yet.
    permits_in_use: usize,
    permits: Receiver<()>,
    write_error: Option<std::io::Error>,
    exit_reason: Option<ExitReason>,
}

/// Runs the conversation until the user quits, the input ends or a signal arrives. It is saved in every case.
///
/// # Errors
///
/// When a thread cannot be started or standard output cannot be written.
pub fn run(
    setup: Setup,
    settings: Settings,
    options: Options,
    journal: Journal,
) -> std::io::Result<PlainOutcome> {
    let (sender, receiver) = sync_channel(CHANNEL);
    effects::listen_to_lines(sender.clone())?;
    let start = Start {
        linear: true,
        question: None,
        ..options.start(setup, settings)
    };
    let question = options.question;
    let (ui, effects) = LineUi::new(start, std::io::stdin().is_terminal());
    let (permit_sender, permits) = sync_channel(MAX_QUEUED_LINES);
    let mut mode = LineMode {
        ui,
        runner: EffectRunner::new(sender.clone(), journal)?,
        started: Instant::now(),
        permits_in_use: 0,
        permits,
        write_error: None,
        exit_reason: None,
    };
    // The first lines appear before anything that takes time.
    mode.write();
    mode.run_effects(effects);
    if let Some(question) = question {
        let effects = mode.ui.on_line(mode.started.elapsed(), Ok(Ok(question)));
        mode.run_effects(effects);
    }
    spawn_input_reader(sender, permit_sender)?;
    let reason = mode.run(&receiver);
    mode.finish(&receiver);
    match mode.write_error {
        Some(error) => Err(error),
        None => Ok(mode.ui.outcome(reason)),
    }
}

fn spawn_input_reader(sender: SyncSender<Message>, permits: SyncSender<()>) -> std::io::Result<()> {
    let work = move || {
        lines::each(&mut std::io::stdin().lock(), |line| {
            permits.send(()).is_ok() && sender.send(Message::News(News::Line(Some(line)))).is_ok()
        });
        let _ = sender.send(Message::News(News::Line(None)));
    };
    std::thread::Builder::new()
        .name("input".into())
        .spawn(work)
        .map(|_| ())
}

impl LineMode {
    fn run(&mut self, receiver: &Receiver<Message>) -> ExitReason {
        loop {
            if let Some(reason) = self.exit_reason {
                return reason;
            }
            let Ok(first) = receiver.recv() else {
                return ExitReason::TerminalGone;
            };
            let more = std::iter::from_fn(|| receiver.try_recv().ok());
            for message in std::iter::once(first)
                .chain(more)
                .take(MAX_MESSAGES_PER_WRITE)
            {
                self.handle(message);
            }
            self.runner.set_ticking(self.ui.tick_every());
            self.write();
        }
    }

    fn handle(&mut self, message: Message) {
        let now = self.started.elapsed();
        let effects = match message {
            Message::Input(input) => self.ui.on_event(now, input.into()),
            Message::News(News::Event(event)) => self.ui.on_event(now, event),
            Message::News(News::Opened { job, result }) => {
                let (event, _) = self.runner.opened(job, result);
                self.ui.on_event(now, event)
            }
            Message::News(News::Line(Some(line))) => {
                self.permits_in_use += 1;
                self.ui.on_line(now, line)
            }
            Message::News(News::Line(None)) => self.ui.on_end_of_input(now),
            Message::News(News::StoreDone | News::Study { .. })
            | Message::ImageReady { .. }
            | Message::Detected(_)
            | Message::Suspend => Vec::new(),
        };
        self.run_effects(effects);
        self.return_permits();
    }

    /// Returns a permit to the input thread for each line that is no longer queued.
    fn return_permits(&mut self) {
        while self.permits_in_use > self.ui.queued_lines()
            && self.permits.try_recv() != Err(TryRecvError::Empty)
        {
            self.permits_in_use -= 1;
        }
    }

    fn run_effects(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Leave(reason) => self.exit_reason = Some(reason),
                other => self.runner.run(other),
            }
        }
    }

    /// Writes pending output. When standard output is broken, the conversation ends.
    fn write(&mut self) {
        let notes = self.ui.take_stderr();
        if !notes.is_empty() {
            let _ = std::io::stderr().lock().write_all(notes.as_bytes());
        }
        let text = self.ui.take_stdout();
        if text.is_empty() || self.write_error.is_some() {
            return;
        }
        let mut out = std::io::stdout().lock();
        let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
        if let Err(error) = written {
            self.write_error = Some(error);
            let gone = Event::Terminate(ExitReason::TerminalGone);
            let effects = self.ui.on_event(self.started.elapsed(), gone);
            self.run_effects(effects);
        }
    }

    fn finish(&mut self, receiver: &Receiver<Message>) {
        let now = self.started.elapsed();
        for error in self.runner.finish(self.ui.state_mut(), now, receiver) {
            self.ui.print_error(&error);
        }
        self.ui.close();
        self.write();
    }
}

//! The line mode: the same state as the full screen, said line by line, for screen readers and simple terminals.
//!
//! [`Face`] turns lines into events and what happens into text, without input or output; here lines are read, text is
//! written, and effects are handed on. Nothing may be written that moves a cursor, colours, or draws: only clean text.

mod face;
mod joining;
mod paper;
#[cfg(test)]
mod tests;
mod turns;
mod windows;
mod words;

use std::io::{IsTerminal, Write};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::time::Instant;

use self::face::Face;
use super::hands::{self, Hands};
use super::message::{CHANNEL, Message};
use super::state::{Effect, Event, Start};
use super::{ExitReason, Journal, Options};
use rounds_assistant::{Settings, Setup};
use rounds_support::lines;

/// Lines that may wait; a pipe with more of them is not read on.
const MOST_LINES: usize = 64;
/// Messages handled before what they say is written.
const MOST_MESSAGES: usize = 256;

/// How the conversation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    pub reason: ExitReason,
    /// Something of a piped input failed.
    pub failed: bool,
    /// No model or index could be opened for a piped input.
    pub unopened: bool,
}

struct Plain {
    face: Face,
    hands: Hands,
    started: Instant,
    /// Lines that were read and count against the most that may wait.
    read: usize,
    permits: Receiver<()>,
    broken: Option<std::io::Error>,
    leaving: Option<ExitReason>,
}

/// Talks until the user leaves, the input ends, or a signal comes. What was said is kept in every case.
///
/// Errors where a thread cannot be started, or standard output cannot be written.
pub fn run(
    setup: Setup,
    settings: Settings,
    options: Options,
    journal: Box<dyn Journal>,
) -> std::io::Result<Ended> {
    let (sender, receiver) = sync_channel(CHANNEL);
    hands::listen_to_lines(sender.clone())?;
    let start = Start {
        linear: true,
        ..options.start(setup, settings)
    };
    let (face, effects) = Face::new(start, std::io::stdin().is_terminal());
    let (wanted, permits) = sync_channel(MOST_LINES);
    let mut plain = Plain {
        face,
        hands: Hands::new(sender.clone(), journal)?,
        started: Instant::now(),
        read: 0,
        permits,
        broken: None,
        leaving: None,
    };
    // Before anything that takes time.
    plain.write();
    plain.carry(effects);
    read_lines(sender, wanted)?;
    let reason = plain.run(&receiver);
    plain.finish(&receiver);
    match plain.broken {
        Some(error) => Err(error),
        None => Ok(plain.face.ended(reason)),
    }
}

fn read_lines(sender: SyncSender<Message>, wanted: SyncSender<()>) -> std::io::Result<()> {
    let work = move || {
        lines::each(&mut std::io::stdin().lock(), |line| {
            wanted.send(()).is_ok() && sender.send(Message::Line(Some(line))).is_ok()
        });
        let _ = sender.send(Message::Line(None));
    };
    std::thread::Builder::new()
        .name("input".into())
        .spawn(work)
        .map(|_| ())
}

impl Plain {
    fn run(&mut self, receiver: &Receiver<Message>) -> ExitReason {
        loop {
            if let Some(reason) = self.leaving {
                return reason;
            }
            let Ok(first) = receiver.recv() else {
                return ExitReason::TerminalGone;
            };
            let more = std::iter::from_fn(|| receiver.try_recv().ok());
            for message in std::iter::once(first).chain(more).take(MOST_MESSAGES) {
                self.take(message);
            }
            self.hands.set_lively(self.face.is_lively());
            self.write();
        }
    }

    fn take(&mut self, message: Message) {
        let now = self.started.elapsed();
        let effects = match message {
            Message::Event(event) => self.face.event(now, event),
            Message::Opened { job, result } => {
                let (event, _) = self.hands.opened(job, result);
                self.face.event(now, event)
            }
            Message::Line(Some(line)) => {
                self.read += 1;
                self.face.line(now, line)
            }
            Message::Line(None) => self.face.end_of_input(now),
            Message::StoreDone
            | Message::Shown { .. }
            | Message::Detected(_)
            | Message::Suspend => Vec::new(),
        };
        self.carry(effects);
        self.permit();
    }

    /// Lets as many lines be read as no longer wait.
    fn permit(&mut self) {
        while self.read > self.face.waiting() && self.permits.try_recv() != Err(TryRecvError::Empty)
        {
            self.read -= 1;
        }
    }

    fn carry(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Leave(reason) => self.leaving = Some(reason),
                other => self.hands.carry(other),
            }
        }
    }

    /// Writes what there is to say. Where nobody can read it any more, the conversation ends.
    fn write(&mut self) {
        let aside = self.face.take_aside();
        if !aside.is_empty() {
            let _ = std::io::stderr().lock().write_all(aside.as_bytes());
        }
        let text = self.face.take_text();
        if text.is_empty() || self.broken.is_some() {
            return;
        }
        let mut out = std::io::stdout().lock();
        let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
        if let Err(error) = written {
            self.broken = Some(error);
            let gone = Event::EndNow(ExitReason::TerminalGone);
            let effects = self.face.event(self.started.elapsed(), gone);
            self.carry(effects);
        }
    }

    fn finish(&mut self, receiver: &Receiver<Message>) {
        let now = self.started.elapsed();
        for trouble in self.hands.finish(self.face.state_mut(), now, receiver) {
            self.face.complain(&trouble);
        }
        self.face.close();
        self.write();
    }
}

//! Workers that fail, panic or hang: every request is still answered, and errors at exit are reported.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};

use super::{EffectRunner, ReadJob, catch_panic};
use crate::tui::ExitReason;
use crate::tui::Journal;
use crate::tui::backend::EngineInfo;
use crate::tui::journal::{
    ExportFormat, JournalError, NewTurn, SavedSession, SessionSummary, TurnEnd,
};
use crate::tui::message::{CHANNEL, Message};
use crate::tui::state::{Effect, Event, Start, State, UserError};
use rounds_assistant::Setup;

/// Longer than any machine needs.
const LONG: Duration = Duration::from_secs(120);

enum Failure {
    Error,
    Panic,
    /// Hangs until the other end of the channel is dropped.
    Hang(Receiver<()>),
}

/// A session store in which one operation fails.
struct FailingJournal {
    at: &'static str,
    failure: Failure,
}

impl FailingJournal {
    fn attempt(&self, at: &str) -> Result<(), JournalError> {
        if self.at != at {
            return Ok(());
        }
        match &self.failure {
            Failure::Error => Err(JournalError::new("the disk is full")),
            Failure::Panic => panic!("the store panics"),
            Failure::Hang(until) => {
                let _ = until.recv();
                Ok(())
            }
        }
    }
}

impl Journal for FailingJournal {
    fn create(&mut self, _: &str, _: &str, _: &str) -> Result<String, JournalError> {
        self.attempt("create").map(|()| "s1".into())
    }
    fn begin_turn(&mut self, _: &str, _: &NewTurn) -> Result<String, JournalError> {
        self.attempt("begin").map(|()| "t1".into())
    }
    fn append_partial(&mut self, _: &str, _: &str) -> Result<(), JournalError> {
        self.attempt("partial")
    }
    fn finish_turn(&mut self, _: &str, _: &TurnEnd, _: &Setup) -> Result<(), JournalError> {
        self.attempt("finish")
    }
    fn list(&mut self, _: &str, _: usize) -> Result<Vec<SessionSummary>, JournalError> {
        self.attempt("list").map(|()| Vec::new())
    }
    fn open(&mut self, _: &str) -> Result<SavedSession, JournalError> {
        self.attempt("open").map(|()| SavedSession::default())
    }
    fn rename(&mut self, _: &str, _: &str) -> Result<(), JournalError> {
        self.attempt("rename")
    }
    fn delete(&mut self, _: &str) -> Result<(), JournalError> {
        self.attempt("delete")
    }
    fn export(&mut self, _: &str, _: ExportFormat, _: &Path) -> Result<(), JournalError> {
        self.attempt("export")
    }
    fn accept(&mut self) -> Result<(), JournalError> {
        self.attempt("accept")
    }
}

fn runner(at: &'static str, failure: Failure) -> (EffectRunner, Receiver<Message>) {
    let (sender, receiver) = sync_channel(CHANNEL);
    let runner = EffectRunner::new(sender, Box::new(FailingJournal { at, failure })).unwrap();
    (runner, receiver)
}

/// Asks a question, quits at once, and returns the errors reported at exit.
fn troubles_at_exit(at: &'static str, failure: Failure, timeout: Duration) -> Vec<UserError> {
    let (mut runner, receiver) = runner(at, failure);
    runner.store_timeout = timeout;
    let now = Duration::ZERO;
    let (mut state, _) = State::new(Start::default());
    let opened = Event::Opened {
        job: 1,
        result: Ok(EngineInfo::default()),
    };
    for event in [
        opened,
        Event::Line("Is there a nodule?".into()),
        Event::Terminate(ExitReason::Left),
    ] {
        for effect in state.handle(now, event) {
            if matches!(effect, Effect::CreateSession { .. }) {
                runner.run(effect);
            }
        }
    }
    runner.finish(&mut state, now, &receiver)
}

/// The first event other than a tick.
fn next(receiver: &Receiver<Message>) -> Event {
    let until = Instant::now() + LONG;
    while let Some(rest) = until.checked_duration_since(Instant::now()) {
        match receiver.recv_timeout(rest) {
            Ok(Message::Event(Event::Tick { .. })) => {}
            Ok(Message::Event(event)) => return event,
            Ok(_) => {}
            Err(error) => panic!("no event arrived: {error}"),
        }
    }
    panic!("no event arrived in time")
}

#[test]
fn store_errors_at_exit_are_reported_wherever_they_occur() {
    for at in ["create", "begin", "finish"] {
        let reported = troubles_at_exit(at, Failure::Error, LONG);
        assert_eq!(reported.len(), 1, "{at}: {reported:?}");
        assert_eq!(reported[0].message, "the disk is full", "{at}");
        let reported = troubles_at_exit(at, Failure::Panic, LONG);
        assert_eq!(reported.len(), 1, "{at}: {reported:?}");
        assert!(
            reported[0].message.contains("internal error"),
            "{reported:?}"
        );
    }
    assert_eq!(troubles_at_exit("nothing", Failure::Error, LONG), []);
}

#[test]
fn a_hanging_store_is_abandoned_and_reported() {
    for at in ["create", "begin", "finish"] {
        let (hold, until) = sync_channel(0);
        let reported = troubles_at_exit(at, Failure::Hang(until), Duration::from_millis(50));
        drop::<std::sync::mpsc::SyncSender<()>>(hold);
        assert_eq!(reported.len(), 1, "{at}: {reported:?}");
        assert!(reported[0].message.contains("in time"), "{reported:?}");
    }
}

#[test]
fn a_store_that_panicked_answers_and_runs_the_next_request() {
    let (mut runner, receiver) = runner("open", Failure::Panic);
    runner.run(Effect::OpenSession("s1".into()));
    runner.run(Effect::ListSessions { words: "x".into() });
    assert!(matches!(
        next(&receiver),
        Event::SessionOpened(Err(error)) if error.message.contains("internal error")
    ));
    assert!(matches!(
        next(&receiver),
        Event::Sessions { result: Ok(_), .. }
    ));
}

#[test]
fn a_panic_while_reading_is_reported_as_the_expected_event() {
    let attached = [
        ReadJob::File(PathBuf::from("/data/a\u{1b}.png")),
        ReadJob::Case("chest-nodule".into()),
        ReadJob::Clipboard,
    ];
    for job in attached {
        let event = catch_panic(job.failure(), || panic!("the reader panics"));
        let Event::Attached {
            result: Err(error), ..
        } = event
        else {
            panic!("{event:?}")
        };
        assert!(error.message.contains("internal error"));
        assert!(!error.message.contains('\u{1b}'), "{error:?}");
    }
    let job = ReadJob::Folder(PathBuf::from("/data"));
    let event = catch_panic(job.failure(), || panic!("the reader panics"));
    assert!(matches!(event, Event::Folder { result: Err(_), .. }));
}

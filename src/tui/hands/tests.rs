//! Workers that fail, break or hang: what was asked of them is always answered, and the end says what was not kept.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};

use super::{Hands, Reading, catch_panic};
use crate::tui::ExitReason;
use crate::tui::Journal;
use crate::tui::house::About;
use crate::tui::journal::{
    ExportFormat, JournalError, NewTurn, SavedSession, SessionSummary, TurnEnd,
};
use crate::tui::message::{CHANNEL, Message};
use crate::tui::state::{Effect, Event, Start, State, Trouble};
use rounds_assistant::Setup;

/// Longer than any machine needs.
const LONG: Duration = Duration::from_secs(120);

enum Failure {
    Refuses,
    Breaks,
    /// Until the other end is dropped.
    Hangs(Receiver<()>),
}

/// A store in which one thing goes wrong.
struct FailingJournal {
    at: &'static str,
    failure: Failure,
}

impl FailingJournal {
    fn go(&self, at: &str) -> Result<(), JournalError> {
        if self.at != at {
            return Ok(());
        }
        match &self.failure {
            Failure::Refuses => Err(JournalError::new("the disk is full")),
            Failure::Breaks => panic!("the store breaks"),
            Failure::Hangs(until) => {
                let _ = until.recv();
                Ok(())
            }
        }
    }
}

impl Journal for FailingJournal {
    fn create(&mut self, _: &str, _: &str, _: &str) -> Result<String, JournalError> {
        self.go("create").map(|()| "s1".into())
    }
    fn begin_turn(&mut self, _: &str, _: &NewTurn) -> Result<String, JournalError> {
        self.go("begin").map(|()| "t1".into())
    }
    fn append_partial(&mut self, _: &str, _: &str) -> Result<(), JournalError> {
        self.go("partial")
    }
    fn finish_turn(&mut self, _: &str, _: &TurnEnd, _: &Setup) -> Result<(), JournalError> {
        self.go("finish")
    }
    fn list(&mut self, _: &str, _: usize) -> Result<Vec<SessionSummary>, JournalError> {
        self.go("list").map(|()| Vec::new())
    }
    fn open(&mut self, _: &str) -> Result<SavedSession, JournalError> {
        self.go("open").map(|()| SavedSession::default())
    }
    fn rename(&mut self, _: &str, _: &str) -> Result<(), JournalError> {
        self.go("rename")
    }
    fn delete(&mut self, _: &str) -> Result<(), JournalError> {
        self.go("delete")
    }
    fn export(&mut self, _: &str, _: ExportFormat, _: &Path) -> Result<(), JournalError> {
        self.go("export")
    }
    fn accept(&mut self) -> Result<(), JournalError> {
        self.go("accept")
    }
}

fn runner(at: &'static str, failure: Failure) -> (Hands, Receiver<Message>) {
    let (sender, receiver) = sync_channel(CHANNEL);
    let runner = Hands::new(sender, Box::new(FailingJournal { at, failure })).unwrap();
    (runner, receiver)
}

/// Asks, leaves at once, and returns what the end says.
fn troubles_at_exit(at: &'static str, failure: Failure, timeout: Duration) -> Vec<Trouble> {
    let (mut runner, receiver) = runner(at, failure);
    runner.store_timeout = timeout;
    let now = Duration::ZERO;
    let (mut state, _) = State::new(Start::default());
    let opened = Event::Opened {
        job: 1,
        result: Ok(About::default()),
    };
    for event in [
        opened,
        Event::Line("Is there a nodule?".into()),
        Event::EndNow(ExitReason::Left),
    ] {
        for effect in state.handle(now, event) {
            if matches!(effect, Effect::CreateSession { .. }) {
                runner.run(effect);
            }
        }
    }
    runner.finish(&mut state, now, &receiver)
}

/// The first event that is neither time nor wanted elsewhere.
fn next(receiver: &Receiver<Message>) -> Event {
    let until = Instant::now() + LONG;
    while let Some(rest) = until.checked_duration_since(Instant::now()) {
        match receiver.recv_timeout(rest) {
            Ok(Message::Event(Event::Tick { .. })) => {}
            Ok(Message::Event(event)) => return event,
            Ok(_) => {}
            Err(error) => panic!("nothing came: {error}"),
        }
    }
    panic!("nothing came in time")
}

#[test]
fn what_the_store_cannot_keep_at_the_end_is_told_wherever_it_fails() {
    for at in ["create", "begin", "finish"] {
        let told = troubles_at_exit(at, Failure::Refuses, LONG);
        assert_eq!(told.len(), 1, "{at}: {told:?}");
        assert_eq!(told[0].message, "the disk is full", "{at}");
        let told = troubles_at_exit(at, Failure::Breaks, LONG);
        assert_eq!(told.len(), 1, "{at}: {told:?}");
        assert!(told[0].message.contains("inside the program"), "{told:?}");
    }
    assert_eq!(troubles_at_exit("nothing", Failure::Refuses, LONG), []);
}

#[test]
fn a_store_that_hangs_is_left_and_told() {
    for at in ["create", "begin", "finish"] {
        let (hold, until) = sync_channel(0);
        let told = troubles_at_exit(at, Failure::Hangs(until), Duration::from_millis(50));
        drop::<std::sync::mpsc::SyncSender<()>>(hold);
        assert_eq!(told.len(), 1, "{at}: {told:?}");
        assert!(told[0].message.contains("in time"), "{told:?}");
    }
}

#[test]
fn a_store_that_broke_once_answers_and_does_what_comes_next() {
    let (mut runner, receiver) = runner("open", Failure::Breaks);
    runner.run(Effect::OpenSession("s1".into()));
    runner.run(Effect::ListSessions { words: "x".into() });
    assert!(matches!(
        next(&receiver),
        Event::SessionOpened(Err(trouble)) if trouble.message.contains("inside the program")
    ));
    assert!(matches!(
        next(&receiver),
        Event::Sessions { result: Ok(_), .. }
    ));
}

#[test]
fn reading_that_breaks_is_answered_as_what_was_asked() {
    let attached = [
        Reading::File(PathBuf::from("/data/a\u{1b}.png")),
        Reading::Case("chest-nodule".into()),
        Reading::Clipboard,
    ];
    for job in attached {
        let event = catch_panic(job.failure(), || panic!("reading breaks"));
        let Event::Attached {
            result: Err(trouble),
            ..
        } = event
        else {
            panic!("{event:?}")
        };
        assert!(trouble.message.contains("inside the program"));
        assert!(!trouble.message.contains('\u{1b}'), "{trouble:?}");
    }
    let job = Reading::Folder(PathBuf::from("/data"));
    let event = catch_panic(job.failure(), || panic!("reading breaks"));
    assert!(matches!(event, Event::Folder { result: Err(_), .. }));
}

//! Workers that fail, panic or hang: every request is still answered, and errors at exit are reported.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};

use super::store::{Job, Store, failed, perform_job};
use super::{EffectRunner, ReadJob, catch_panic};
use crate::tui::ExitReason;
use crate::tui::Journal;
use crate::tui::backend::EngineInfo;
use crate::tui::message::{CHANNEL, Message, News};
use crate::tui::state::{Effect, Event, Start, State};
use rounds_support::Failure;

/// Longer than any machine needs.
const LONG: Duration = Duration::from_secs(120);

enum StoreFault {
    Error,
    Panic,
    /// Hangs until the other end of the channel is dropped.
    Hang(Receiver<()>),
}

/// The name of the operation that an effect is for the store.
fn operation(effect: &Effect) -> &'static str {
    match effect {
        Effect::CreateSession { .. } => "create",
        Effect::StoreTurn { .. } => "begin",
        Effect::StoreEnd { .. } => "finish",
        Effect::OpenSession(_) => "open",
        _ => "other",
    }
}

/// A runner with a session store in which one operation fails.
fn runner(at: &'static str, failure: StoreFault) -> (EffectRunner, Receiver<Message>) {
    let (sender, receiver) = sync_channel(CHANNEL);
    let mut journal = Journal::for_tests();
    let work = move |job: &Job| {
        if let Job::Run(effect) = job
            && operation(effect) == at
        {
            match &failure {
                StoreFault::Error => {
                    let error = Failure::model("the disk is full");
                    return Some(failed(effect, error));
                }
                StoreFault::Panic => panic!("the store panics"),
                StoreFault::Hang(until) => drop(until.recv()),
            }
        }
        perform_job(&mut journal, job)
    };
    let store = Store::start_with(sender.clone(), work).unwrap();
    (EffectRunner::with_store(sender, store).unwrap(), receiver)
}

/// Asks a question, quits at once, and returns the errors reported at exit.
fn troubles_at_exit(at: &'static str, failure: StoreFault, timeout: Duration) -> Vec<Failure> {
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
            Ok(Message::News(News::Event(Event::Tick { .. }))) => {}
            Ok(Message::News(News::Event(event))) => return event,
            Ok(_) => {}
            Err(error) => panic!("no event arrived: {error}"),
        }
    }
    panic!("no event arrived in time")
}

#[test]
fn store_errors_at_exit_are_reported_wherever_they_occur() {
    for at in ["create", "begin", "finish"] {
        let reported = troubles_at_exit(at, StoreFault::Error, LONG);
        assert_eq!(reported.len(), 1, "{at}: {reported:?}");
        assert_eq!(reported[0].message, "the disk is full", "{at}");
        let reported = troubles_at_exit(at, StoreFault::Panic, LONG);
        assert_eq!(reported.len(), 1, "{at}: {reported:?}");
        assert!(
            reported[0].message.contains("internal error"),
            "{reported:?}"
        );
    }
    assert_eq!(troubles_at_exit("nothing", StoreFault::Error, LONG), []);
}

#[test]
fn a_hanging_store_is_abandoned_and_reported() {
    for at in ["create", "begin", "finish"] {
        let (hold, until) = sync_channel(0);
        let reported = troubles_at_exit(at, StoreFault::Hang(until), Duration::from_millis(50));
        drop::<std::sync::mpsc::SyncSender<()>>(hold);
        assert_eq!(reported.len(), 1, "{at}: {reported:?}");
        assert!(reported[0].message.contains("in time"), "{reported:?}");
    }
}

#[test]
fn a_store_that_panicked_answers_and_runs_the_next_request() {
    let (mut runner, receiver) = runner("open", StoreFault::Panic);
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

//! Runs the session store on a worker thread, in the order of requests.

use std::sync::mpsc::{Receiver, Sender, SyncSender, channel};

use super::catch_panic;
use crate::tui::Journal;
use crate::tui::message::{Message, News};
use crate::tui::state::{Effect, Event, Exported};
use rounds_index::Images;
use rounds_session::SessionError;
use rounds_support::Failure;

/// Maximum sessions listed.
const MAX_LISTED_SESSIONS: usize = 500;

/// Something for the worker to do.
pub enum Job {
    Run(Box<Effect>),
    IndexOpened(Images),
}

/// A handle to the worker.
pub struct Store {
    jobs: Option<Sender<Job>>,
}

impl Store {
    /// Starts the worker, which owns the sessions.
    pub fn start(sender: SyncSender<Message>, mut journal: Journal) -> std::io::Result<Self> {
        Self::start_with(sender, move |job| perform_job(&mut journal, job))
    }

    /// Starts a worker that does its jobs with `work`, which a test may let fail.
    pub fn start_with(
        sender: SyncSender<Message>,
        mut work: impl FnMut(&Job) -> Option<Event> + Send + 'static,
    ) -> std::io::Result<Self> {
        // Unbounded, but only filled by the user's own keystrokes and at most one partial answer a second.
        let (jobs, queue): (Sender<Job>, Receiver<Job>) = channel();
        let run = move || {
            while let Ok(job) = queue.recv() {
                let event = catch_panic(panicked(&job), || work(&job));
                if let Some(event) = event
                    && sender.send(Message::event(event)).is_err()
                {
                    return;
                }
            }
            let _ = sender.send(Message::News(News::StoreDone));
        };
        std::thread::Builder::new()
            .name("sessions".into())
            .spawn(run)?;
        Ok(Self { jobs: Some(jobs) })
    }

    /// Queues an effect.
    pub fn run(&self, effect: Effect) {
        self.put(Job::Run(Box::new(effect)));
    }

    /// Queues the news that another index was opened.
    pub fn index_opened(&self, images: Images) {
        self.put(Job::IndexOpened(images));
    }

    fn put(&self, job: Job) {
        if let Some(jobs) = &self.jobs {
            let _ = jobs.send(job);
        }
    }

    /// Accepts no more work; `StoreDone` is sent when the rest is done.
    pub fn close(&mut self) {
        self.jobs = None;
    }
}

/// The event to send if a job panics.
fn panicked(job: &Job) -> Option<Event> {
    let broken = Failure::model("internal error: the session store failed")
        .hint("the conversation continues; `rounds session list` shows what was saved");
    match job {
        Job::Run(effect) => Some(failed(effect, broken)),
        Job::IndexOpened(_) => None,
    }
}

/// The event that reports that an effect failed: the one that would have reported its result.
pub fn failed(effect: &Effect, error: Failure) -> Event {
    match effect {
        Effect::CreateSession { .. } => Event::SessionCreated(Err(error)),
        Effect::StoreTurn { turn, .. } => Event::TurnStored {
            turn: *turn,
            result: Err(error),
        },
        Effect::ListSessions { words } => Event::Sessions {
            words: words.clone(),
            result: Err(error),
        },
        Effect::OpenSession(_) => Event::SessionOpened(Err(error)),
        Effect::Export { path, .. } => Event::Exported {
            path: path.clone(),
            result: Err(error),
        },
        _ => Event::StoreFailed(error),
    }
}

/// Does one job; returns the event that reports its result, if any.
pub fn perform_job(journal: &mut Journal, job: &Job) -> Option<Event> {
    match job {
        Job::Run(effect) => perform(journal, effect),
        Job::IndexOpened(images) => {
            journal.index_opened(images.clone());
            None
        }
    }
}

/// Runs one effect; returns the event that reports its result, if any.
pub fn perform(journal: &mut Journal, effect: &Effect) -> Option<Event> {
    attempt(journal, effect).unwrap_or_else(|error| Some(failed(effect, Failure::of(&error))))
}

fn attempt(journal: &mut Journal, effect: &Effect) -> Result<Option<Event>, SessionError> {
    match effect {
        Effect::CreateSession {
            title,
            model,
            index,
        } => {
            let id = journal.create(title, model, index)?;
            return Ok(Some(Event::SessionCreated(Ok(id))));
        }
        Effect::StoreTurn { turn, session, new } => {
            let result = Ok(journal.begin_turn(session, new)?);
            return Ok(Some(Event::TurnStored {
                turn: *turn,
                result,
            }));
        }
        Effect::ListSessions { words } => {
            let result = Ok(journal.list(words, MAX_LISTED_SESSIONS)?);
            let words = words.clone();
            return Ok(Some(Event::Sessions { words, result }));
        }
        Effect::OpenSession(name) => {
            let session = Box::new(journal.open_session(name)?);
            return Ok(Some(Event::SessionOpened(Ok(session))));
        }
        Effect::Export {
            id,
            format,
            path,
            replace,
        } => {
            let result = Ok(if !replace && path.symlink_metadata().is_ok() {
                Exported::Exists
            } else {
                journal.export(id, *format, path, *replace)?;
                Exported::Written
            });
            let path = path.clone();
            return Ok(Some(Event::Exported { path, result }));
        }
        Effect::StorePartial { id, text } => journal.append_partial(id, text)?,
        Effect::StoreEnd { id, end, setup } => journal.finish_turn(id, end, setup)?,
        Effect::RenameSession { id, title } => journal.rename(id, title)?,
        Effect::DeleteSession(id) => journal.delete(id)?,
        Effect::AcceptFirstRun => journal.accept()?,
        _ => {}
    }
    Ok(None)
}

//! Runs the session store on a worker thread, in the order of requests.

use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel};

use super::catch_panic;
use crate::tui::Journal;
use crate::tui::journal::JournalError;
use crate::tui::message::Message;
use crate::tui::state::{Effect, Event, UserError};
use rounds_index::Images;

/// Maximum sessions listed.
const MAX_LISTED_SESSIONS: usize = 500;

enum Job {
    Run(Box<Effect>),
    IndexOpened(Images),
}

/// A handle to the worker.
pub struct Store {
    jobs: Option<Sender<Job>>,
}

impl Store {
    /// Starts the worker.
    pub fn start(
        sender: SyncSender<Message>,
        mut journal: Box<dyn Journal>,
    ) -> std::io::Result<Self> {
        // Unbounded, but only filled by the user's own keystrokes and at most one partial answer a second.
        let (jobs, queue): (Sender<Job>, Receiver<Job>) = channel();
        let work = move || {
            while let Ok(job) = queue.recv() {
                let event = match job {
                    Job::Run(effect) => {
                        catch_panic(failure(&effect), || perform(journal.as_mut(), *effect))
                    }
                    Job::IndexOpened(images) => {
                        journal.index_opened(images);
                        None
                    }
                };
                if let Some(event) = event
                    && sender.send(Message::Event(event)).is_err()
                {
                    return;
                }
            }
            let _ = sender.send(Message::StoreDone);
        };
        std::thread::Builder::new()
            .name("sessions".into())
            .spawn(work)?;
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

/// The event to send if an effect panics: the one that would have reported its result.
fn failure(effect: &Effect) -> Option<Event> {
    let broken = UserError::new("internal error: the session store failed")
        .hint("the conversation continues; `rounds session list` shows what was saved");
    Some(match effect {
        Effect::CreateSession { .. } => Event::SessionCreated(Err(broken)),
        Effect::StoreTurn { turn, .. } => Event::TurnStored {
            turn: *turn,
            result: Err(broken),
        },
        Effect::ListSessions { words } => Event::Sessions {
            words: words.clone(),
            result: Err(broken),
        },
        Effect::OpenSession(_) => Event::SessionOpened(Err(broken)),
        Effect::Export { .. } => Event::Exported(Err(broken)),
        _ => Event::StoreFailed(broken),
    })
}

/// Runs one effect; returns the event that reports its result, if any.
pub fn perform(journal: &mut dyn Journal, effect: Effect) -> Option<Event> {
    let report_failure = |result: Result<(), JournalError>| {
        result
            .err()
            .map(|error| Event::StoreFailed(UserError::from(error)))
    };
    match effect {
        Effect::CreateSession {
            title,
            model,
            index,
        } => Some(Event::SessionCreated(
            journal
                .create(&title, &model, &index)
                .map_err(UserError::from),
        )),
        Effect::StoreTurn { turn, session, new } => {
            let result = journal.begin_turn(&session, &new).map_err(UserError::from);
            Some(Event::TurnStored { turn, result })
        }
        Effect::StorePartial { id, text } => report_failure(journal.append_partial(&id, &text)),
        Effect::StoreEnd { id, end, setup } => {
            report_failure(journal.finish_turn(&id, &end, &setup))
        }
        Effect::ListSessions { words } => {
            let result = journal
                .list(&words, MAX_LISTED_SESSIONS)
                .map_err(UserError::from);
            Some(Event::Sessions { words, result })
        }
        Effect::OpenSession(id) => Some(Event::SessionOpened(
            journal.open(&id).map(Box::new).map_err(UserError::from),
        )),
        Effect::RenameSession { id, title } => report_failure(journal.rename(&id, &title)),
        Effect::DeleteSession(id) => report_failure(journal.delete(&id)),
        Effect::Export { id, format, path } => Some(Event::Exported(
            export(journal, &id, format, &path).map(|()| path),
        )),
        Effect::AcceptFirstRun => report_failure(journal.accept()),
        _ => None,
    }
}

fn export(
    journal: &mut dyn Journal,
    id: &str,
    format: crate::tui::journal::ExportFormat,
    path: &Path,
) -> Result<(), UserError> {
    if path.symlink_metadata().is_ok() {
        return Err(
            UserError::new("a file with this name already exists").hint("choose another name")
        );
    }
    journal.export(id, format, path).map_err(UserError::from)
}

//! The session store, on a worker: everything in the order it was asked for.

use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel};

use crate::tui::Journal;
use crate::tui::journal::JournalError;
use crate::tui::message::Message;
use crate::tui::state::{Effect, Event, Trouble};

/// Sessions that a list shows.
const MOST_LISTED: usize = 500;

/// A handle to the worker.
pub struct Store {
    jobs: Option<Sender<Effect>>,
}

impl Store {
    pub fn start(
        sender: SyncSender<Message>,
        mut journal: Box<dyn Journal>,
    ) -> std::io::Result<Self> {
        // Unbounded, but fed by the user's own keys and at most one partial text a second.
        let (jobs, queue): (Sender<Effect>, Receiver<Effect>) = channel();
        let work = move || {
            while let Ok(effect) = queue.recv() {
                if let Some(event) = done(journal.as_mut(), effect)
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

    pub fn carry(&self, effect: Effect) {
        if let Some(jobs) = &self.jobs {
            let _ = jobs.send(effect);
        }
    }

    /// No more work; `StoreDone` comes when the rest is done.
    pub fn close(&mut self) {
        self.jobs = None;
    }
}

/// Does one thing; what is to be told of it.
pub fn done(journal: &mut dyn Journal, effect: Effect) -> Option<Event> {
    let quiet = |result: Result<(), JournalError>| {
        result
            .err()
            .map(|error| Event::StoreFailed(Trouble::from(error)))
    };
    match effect {
        Effect::CreateSession {
            title,
            model,
            index,
        } => Some(Event::SessionCreated(
            journal
                .create(&title, &model, &index)
                .map_err(Trouble::from),
        )),
        Effect::StoreTurn { turn, session, new } => {
            let result = journal.begin_turn(&session, &new).map_err(Trouble::from);
            Some(Event::TurnStored { turn, result })
        }
        Effect::StorePartial { id, text } => quiet(journal.append_partial(&id, &text)),
        Effect::StoreEnd { id, end } => quiet(journal.finish_turn(&id, &end)),
        Effect::ListSessions { words } => {
            let result = journal.list(&words, MOST_LISTED).map_err(Trouble::from);
            Some(Event::Sessions { words, result })
        }
        Effect::OpenSession(id) => Some(Event::SessionOpened(
            journal.open(&id).map(Box::new).map_err(Trouble::from),
        )),
        Effect::RenameSession { id, title } => quiet(journal.rename(&id, &title)),
        Effect::DeleteSession(id) => quiet(journal.delete(&id)),
        Effect::Export { id, format, path } => Some(Event::Exported(
            export(journal, &id, format, &path).map(|()| path),
        )),
        Effect::Accept => quiet(journal.accept()),
        _ => None,
    }
}

fn export(
    journal: &mut dyn Journal,
    id: &str,
    format: crate::tui::journal::ExportFormat,
    path: &Path,
) -> Result<(), Trouble> {
    if path.symlink_metadata().is_ok() {
        return Err(Trouble::new("a file of this name exists already").hint("write another name"));
    }
    journal.export(id, format, path).map_err(Trouble::from)
}

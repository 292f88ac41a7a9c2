//! Hands effects to the workers.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Sender, SyncSender, channel};

use super::pulse::Pulse;
use super::showing::Showing;
use super::store::Store;
use super::{Message, files, model, pasting, work};
use crate::assistant::Assistant;
use crate::support::Cancel;
use crate::tui::Journal;
use crate::tui::house::Opened;
use crate::tui::picture::{Screen, Wanted};
use crate::tui::state::{Effect, Event, Trouble, TurnId};

/// Reading that is to be done.
enum Reading {
    File(PathBuf),
    Case(String),
    Clipboard,
    Folder(PathBuf),
}

/// All workers.
pub struct Hands {
    sender: SyncSender<Message>,
    reading: Sender<Reading>,
    showing: Showing,
    store: Store,
    pulse: Pulse,
    assistant: Option<Arc<Assistant>>,
    /// The newest opening; older ones are dropped when they come.
    opening: Option<u64>,
    cancel: Cancel,
    /// Of the long work beside the conversation.
    work: Cancel,
}

impl Hands {
    pub fn new(sender: SyncSender<Message>, journal: Box<dyn Journal>) -> std::io::Result<Self> {
        Ok(Self {
            reading: start_reading(sender.clone())?,
            showing: Showing::start(sender.clone())?,
            store: Store::start(sender.clone(), journal)?,
            pulse: Pulse::start(sender.clone())?,
            assistant: None,
            opening: None,
            cancel: Cancel::new(),
            work: Cancel::new(),
            sender,
        })
    }

    pub fn set_lively(&self, lively: bool) {
        self.pulse.set_lively(lively);
    }

    pub fn show(&self, wanted: Vec<Wanted>, screen: Screen, generation: u64) {
        self.showing.want(wanted, screen, generation);
    }

    pub fn close_store(&mut self) {
        self.store.close();
    }

    /// Takes an opened model and index; one that was given up is dropped here, on this thread's way out.
    pub fn opened(&mut self, job: u64, result: Result<Box<Opened>, Trouble>) -> Event {
        let result = result.map(|opened| {
            let Opened {
                assistant,
                about,
                images,
            } = *opened;
            if self.opening == Some(job) {
                self.assistant = Some(Arc::new(assistant));
                self.showing.set_reader(images);
            }
            about
        });
        Event::Opened { job, result }
    }

    pub fn carry(&mut self, effect: Effect) {
        let started = match effect {
            Effect::Open { job, setup } => {
                self.opening = Some(job);
                model::open(self.sender.clone(), job, setup)
            }
            Effect::Abandon { job } => {
                if self.opening == Some(job) {
                    self.opening = None;
                }
                Ok(())
            }
            Effect::Ask {
                turn,
                question,
                images,
                settings,
            } => {
                let Some(assistant) = self.assistant.clone() else {
                    return self.failed(turn, "no model is open");
                };
                self.cancel = Cancel::new();
                let asked = model::ask(
                    self.sender.clone(),
                    assistant,
                    turn,
                    question,
                    images,
                    settings,
                    self.cancel.clone(),
                );
                if let Err(error) = asked {
                    self.failed(turn, &error.to_string());
                }
                Ok(())
            }
            Effect::Cancel => {
                self.cancel.cancel();
                Ok(())
            }
            Effect::Work { job, work } => {
                self.work = Cancel::new();
                let assistant = self.assistant.clone();
                work::start(self.sender.clone(), job, work, assistant, self.work.clone())
            }
            Effect::StopWork => {
                self.work.cancel();
                Ok(())
            }
            Effect::AttachFile(path) => self.read(Reading::File(path)),
            Effect::AttachCase(name) => self.read(Reading::Case(name)),
            Effect::AttachClipboard => self.read(Reading::Clipboard),
            Effect::ListFolder(folder) => self.read(Reading::Folder(folder)),
            other => {
                self.store.carry(other);
                Ok(())
            }
        };
        if let Err(error) = started {
            self.say(Event::StoreFailed(Trouble::new(error.to_string())));
        }
    }

    /// What still may be done while leaving.
    pub fn carry_to_store(&self, effect: Effect) {
        if matches!(effect, Effect::StoreTurn { .. } | Effect::StoreEnd { .. }) {
            self.store.carry(effect);
        }
    }

    fn failed(&self, turn: TurnId, why: &str) {
        self.say(Event::TurnFailed {
            turn,
            trouble: Trouble::new(why),
        });
    }

    /// From this thread to itself: must not wait for room in the channel.
    fn say(&self, event: Event) {
        let _ = self.sender.try_send(Message::Event(event));
    }

    fn read(&self, what: Reading) -> std::io::Result<()> {
        let _ = self.reading.send(what);
        Ok(())
    }
}

fn start_reading(sender: SyncSender<Message>) -> std::io::Result<Sender<Reading>> {
    // Unbounded, but fed by the user's own keys.
    let (jobs, queue) = channel();
    let work = move || {
        while let Ok(job) = queue.recv() {
            let event = match job {
                Reading::File(path) => files::attach_file(&path),
                Reading::Case(name) => files::attach_case(&name),
                Reading::Clipboard => pasting::attach(),
                Reading::Folder(folder) => files::list(&folder),
            };
            if sender.send(Message::Event(event)).is_err() {
                return;
            }
        }
    };
    std::thread::Builder::new()
        .name("files".into())
        .spawn(work)?;
    Ok(jobs)
}

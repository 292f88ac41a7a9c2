//! Carries effects out on workers: models, files, the session store, time and signals. Both faces have these hands.
//!
//! Nothing here draws, prints or waits, but for [`Hands::finish`], which ends everything.

mod files;
mod model;
mod clipboard_image;
mod ticker;
mod signals;
mod store;
mod work;

#[cfg(test)]
pub use files::{attach_case, attach_file, list_folder};
pub use files::{case_bytes, case_names, file_bytes};
pub use signals::{listen, listen_to_lines, stop_here};
#[cfg(test)]
pub use store::perform;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel};
use std::time::{Duration, Instant};

use super::Journal;
use super::house::Opened;
use super::message::Message;
use super::state::{Effect, Event, State, Trouble, TurnId};
use rounds_assistant::Assistant;
use rounds_index::Images;
use rounds_support::Cancel;

use ticker::Ticker;
use store::Store;

/// Longest wait for the session store at the end.
const STORE_TIMEOUT: Duration = Duration::from_secs(5);

/// Reading that is to be done.
enum Reading {
    File(PathBuf),
    Case(String),
    Clipboard,
    Folder(PathBuf),
}

impl Reading {
    fn perform(&self) -> Event {
        match self {
            Self::File(path) => files::attach_file(path),
            Self::Case(name) => files::attach_case(name),
            Self::Clipboard => clipboard_image::attach(),
            Self::Folder(folder) => files::list_folder(folder),
        }
    }

    /// What is said where the program itself breaks over it.
    fn failure(&self) -> Event {
        let broken = |what: String| {
            let said = rounds_support::sanitise::clean_line_max(&what, 200);
            Trouble::new(format!("reading {said} failed inside the program"))
                .hint("the conversation goes on; this one cannot be read")
        };
        let attached = |name: String| Event::Attached {
            result: Err(broken(name.clone())),
            name,
        };
        match self {
            Self::File(path) => attached(path.to_string_lossy().into_owned()),
            Self::Case(name) => attached(name.clone()),
            Self::Clipboard => attached("the clipboard".into()),
            Self::Folder(folder) => Event::Folder {
                result: Err(broken(folder.to_string_lossy().into_owned())),
                folder: folder.clone(),
            },
        }
    }
}

/// Does a worker's job; where it panics, `failure` is what came of it, so that nobody waits and the next job is done.
pub fn catch_panic<T>(failure: T, job: impl FnOnce() -> T) -> T {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(job)).unwrap_or(failure)
}

/// All workers.
pub struct Hands {
    sender: SyncSender<Message>,
    reading: Sender<Reading>,
    store: Store,
    ticker: Ticker,
    assistant: Option<Arc<Assistant>>,
    /// The newest opening; older ones are dropped when they come.
    opening: Option<u64>,
    cancel: Cancel,
    /// Of the long work beside the conversation.
    work: Cancel,
    /// Longest wait for the session store at the end.
    store_timeout: Duration,
}

impl Hands {
    pub fn new(sender: SyncSender<Message>, journal: Box<dyn Journal>) -> std::io::Result<Self> {
        Ok(Self {
            reading: start_reading(sender.clone())?,
            store: Store::start(sender.clone(), journal)?,
            ticker: Ticker::start(sender.clone())?,
            assistant: None,
            opening: None,
            cancel: Cancel::new(),
            work: Cancel::new(),
            store_timeout: STORE_TIMEOUT,
            sender,
        })
    }

    pub fn set_lively(&self, ticking: bool) {
        self.ticker.set_lively(ticking);
    }

    /// Takes an opened model and index; one that was given up is dropped here. Returns where images of its examples are
    /// read, where it is the one that was waited for.
    pub fn opened(
        &mut self,
        job: u64,
        result: Result<Box<Opened>, Trouble>,
    ) -> (Event, Option<Images>) {
        let mut reader = None;
        let result = result.map(|opened| {
            let Opened {
                assistant,
                about,
                images,
            } = *opened;
            if self.opening == Some(job) {
                self.assistant = Some(Arc::new(assistant));
                self.store.index_opened(images.clone());
                reader = Some(images);
            }
            about
        });
        (Event::Opened { job, result }, reader)
    }

    pub fn run(&mut self, effect: Effect) {
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
                whose,
                settings,
            } => {
                let Some(assistant) = self.assistant.clone() else {
                    return self.failed(turn, "no model is open");
                };
                self.cancel = Cancel::new();
                let asked = model::AskRequest {
                    turn,
                    question,
                    images,
                    whose,
                    settings,
                };
                let cancel = self.cancel.clone();
                let asked = model::ask(self.sender.clone(), assistant, asked, cancel);
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
                self.store.run(other);
                Ok(())
            }
        };
        if let Err(error) = started {
            self.say(Event::StoreFailed(Trouble::new(error.to_string())));
        }
    }

    /// Stops what goes on and waits until the store has written everything, for a few seconds at most. Returns what was not
    /// done.
    pub fn finish(
        &mut self,
        state: &mut State,
        now: Duration,
        receiver: &Receiver<Message>,
    ) -> Vec<Trouble> {
        let until = Instant::now() + self.store_timeout;
        let next = || receiver.recv_timeout(until.saturating_duration_since(Instant::now()));
        self.work.cancel();
        let mut failed: Vec<Trouble> = state.end_work().into_iter().collect();
        // A turn that is only now being stored still gets its end.
        while state.has_unstored()
            && let Ok(message) = next()
        {
            let Message::Event(event) = message else {
                continue;
            };
            failed.extend(store_trouble(&event).cloned());
            if !matches!(event, Event::TurnStored { .. } | Event::SessionCreated(_)) {
                continue;
            }
            for effect in state.handle(now, event) {
                if matches!(effect, Effect::StoreTurn { .. } | Effect::StoreEnd { .. }) {
                    self.store.run(effect);
                }
            }
        }
        let mut late = state.has_unstored();
        self.store.close();
        loop {
            match next() {
                Ok(Message::StoreDone) => break,
                Ok(Message::Event(event)) => failed.extend(store_trouble(&event).cloned()),
                Ok(_) => {}
                Err(_) => {
                    late = true;
                    break;
                }
            }
        }
        if late {
            failed.push(
                Trouble::new("the end of the conversation could not be kept in time")
                    .hint("look whether the disk is full or slow; `rounds session list` shows what is kept"),
            );
        }
        failed
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

/// What the store could not do, where that is what an event says.
fn store_trouble(event: &Event) -> Option<&Trouble> {
    match event {
        Event::StoreFailed(trouble)
        | Event::SessionCreated(Err(trouble))
        | Event::TurnStored {
            result: Err(trouble),
            ..
        } => Some(trouble),
        _ => None,
    }
}

fn start_reading(sender: SyncSender<Message>) -> std::io::Result<Sender<Reading>> {
    // Unbounded, but fed by the user's own keys.
    let (jobs, queue) = channel::<Reading>();
    let work = move || {
        while let Ok(job) = queue.recv() {
            let event = catch_panic(job.failure(), || job.perform());
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

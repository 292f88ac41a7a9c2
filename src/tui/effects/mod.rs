//! Runs effects on worker threads: models, files, the session store, ticks and signals. Shared by both user interfaces.
//!
//! Nothing here draws, prints or blocks, except [`EffectRunner::finish`], which shuts everything down.

mod clipboard_image;
mod files;
mod model;
mod problems;
mod scan_view;
mod signals;
mod store;
mod ticker;
mod why;
mod work;

#[cfg(test)]
pub use files::{attach_file, attached, list_folder};
pub use files::{case_bytes, file_bytes, sample_cases};
#[cfg(test)]
pub use problems::open as open_problem;
pub use problems::shipped_problems;
#[cfg(test)]
pub use scan_view::view_scan;
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
use super::backend::OpenedAssistant;
use super::message::{Message, News};
use super::state::{Effect, Event, LibraryNames, State, TurnId};
use rounds_assistant::Assistant;
use rounds_index::Images;
use rounds_support::Cancel;
use rounds_support::Failure;

use scan_view::ViewJob;
use store::Store;
use ticker::Ticker;

/// How long to wait for the session store at exit.
const STORE_TIMEOUT: Duration = Duration::from_secs(5);

/// Something to read.
enum ReadJob {
    File(PathBuf),
    Case(String),
    Problem(String),
    Clipboard,
    Folder(PathBuf),
    Library,
}

impl ReadJob {
    fn perform(&self) -> Event {
        match self {
            Self::File(path) => files::attach_file(path),
            Self::Case(name) => files::attach_case(name),
            Self::Problem(name) => problems::open(name),
            Self::Clipboard => clipboard_image::attach(),
            Self::Folder(folder) => files::list_folder(folder),
            Self::Library => Event::Library(super::backend::library_names()),
        }
    }

    /// The event to send if the job panics.
    fn failure(&self) -> Event {
        let broken = |name: String| {
            let name = rounds_support::sanitise::clean_line_max(&name, 200);
            Failure::model(format!("internal error: {name} cannot be read"))
                .hint("the conversation continues without it")
        };
        let attached = |name: String| Event::Attached {
            result: Err(broken(name.clone())),
            name,
        };
        match self {
            Self::File(path) => attached(path.to_string_lossy().into_owned()),
            Self::Case(name) => attached(name.clone()),
            Self::Problem(name) => Event::Problem(Err(broken(name.clone()))),
            Self::Clipboard => attached("the clipboard".into()),
            Self::Folder(folder) => Event::Folder {
                result: Err(broken(folder.to_string_lossy().into_owned())),
                folder: folder.clone(),
            },
            Self::Library => Event::Library(LibraryNames::default()),
        }
    }
}

/// Runs a worker's job; returns `failure` if it panics, so that the request is still answered and the worker continues.
pub fn catch_panic<T>(failure: T, job: impl FnOnce() -> T) -> T {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(job)).unwrap_or(failure)
}

/// Runs effects, and owns the worker threads.
pub struct EffectRunner {
    sender: SyncSender<Message>,
    read_jobs: Sender<ReadJob>,
    view_jobs: Sender<ViewJob>,
    store: Store,
    ticker: Ticker,
    assistant: Option<Arc<Assistant>>,
    /// The newest open job; results of older ones are dropped.
    opening: Option<u64>,
    cancel: Cancel,
    /// Cancels the background work.
    work: Cancel,
    /// How long to wait for the session store at exit.
    store_timeout: Duration,
}

impl EffectRunner {
    /// Starts the workers, which send their results to `sender`.
    pub fn new(sender: SyncSender<Message>, journal: Journal) -> std::io::Result<Self> {
        let store = Store::start(sender.clone(), journal)?;
        Self::with_store(sender, store)
    }

    fn with_store(sender: SyncSender<Message>, store: Store) -> std::io::Result<Self> {
        Ok(Self {
            read_jobs: start_reader(sender.clone())?,
            view_jobs: scan_view::start(sender.clone())?,
            store,
            ticker: Ticker::start(sender.clone())?,
            assistant: None,
            opening: None,
            cancel: Cancel::new(),
            work: Cancel::new(),
            store_timeout: STORE_TIMEOUT,
            sender,
        })
    }

    /// The open model, for whoever else asks it.
    pub fn assistant(&self) -> Option<Arc<Assistant>> {
        self.assistant.clone()
    }

    /// Starts or stops sending ticks.
    pub fn set_ticking(&self, every: Option<Duration>) {
        self.ticker.tick_every(every);
    }

    /// Takes over an opened model and index, or drops it if it was abandoned. Also returns the reader for images of its
    /// examples, unless it was dropped.
    pub fn opened(
        &mut self,
        job: u64,
        result: Result<Box<OpenedAssistant>, Failure>,
    ) -> (Event, Option<Images>) {
        let mut reader = None;
        let result = result.map(|opened| {
            let OpenedAssistant {
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

    /// Runs an effect; the result arrives later as an event.
    pub fn run(&mut self, effect: Effect) {
        let started = match effect {
            Effect::Open { job, setup } => {
                self.opening = Some(job);
                model::open(self.sender.clone(), job, setup)
            }
            Effect::CancelOpening { job } => {
                if self.opening == Some(job) {
                    self.opening = None;
                }
                Ok(())
            }
            Effect::Ask {
                turn,
                question,
                images,
                subject,
                settings,
            } => {
                let Some(assistant) = self.assistant.clone() else {
                    return self.failed(turn, "no model is open");
                };
                self.cancel = Cancel::new();
                let request = model::AskRequest {
                    turn,
                    question,
                    images,
                    subject,
                    settings,
                };
                let cancel = self.cancel.clone();
                let started = model::ask(self.sender.clone(), assistant, request, cancel);
                if let Err(error) = started {
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
            Effect::Why { job, request } => {
                self.work = Cancel::new();
                let assistant = self.assistant.clone();
                let cancel = self.work.clone();
                why::start(self.sender.clone(), job, *request, assistant, cancel)
            }
            Effect::StopWork => {
                self.work.cancel();
                Ok(())
            }
            Effect::AttachFile(path) => self.read(ReadJob::File(path)),
            Effect::ViewScan {
                job,
                selector,
                mark,
            } => {
                let _ = self.view_jobs.send(ViewJob {
                    job,
                    selector,
                    mark,
                });
                Ok(())
            }
            Effect::AttachCase(name) => self.read(ReadJob::Case(name)),
            Effect::OpenProblem(name) => self.read(ReadJob::Problem(name)),
            Effect::AttachClipboard => self.read(ReadJob::Clipboard),
            Effect::ListFolder(folder) => self.read(ReadJob::Folder(folder)),
            Effect::ListLibrary => self.read(ReadJob::Library),
            other => {
                self.store.run(other);
                Ok(())
            }
        };
        if let Err(error) = started {
            self.send(Event::StoreFailed(Failure::model(error.to_string())));
        }
    }

    /// Stops all work and waits until the session store has written everything, for a few seconds at most. Returns what went
    /// wrong.
    pub fn finish(
        &mut self,
        state: &mut State,
        now: Duration,
        receiver: &Receiver<Message>,
    ) -> Vec<Failure> {
        let until = Instant::now() + self.store_timeout;
        let next = || receiver.recv_timeout(until.saturating_duration_since(Instant::now()));
        self.work.cancel();
        let mut failed: Vec<Failure> = state.end_work().into_iter().collect();
        // A turn subject start is still being stored also needs its end stored.
        while state.has_unstored()
            && let Ok(message) = next()
        {
            let Message::News(News::Event(event)) = message else {
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
                Ok(Message::News(News::StoreDone)) => break,
                Ok(Message::News(News::Event(event))) => {
                    failed.extend(store_trouble(&event).cloned());
                }
                Ok(_) => {}
                Err(_) => {
                    late = true;
                    break;
                }
            }
        }
        if late {
            failed.push(
                Failure::model("the end of the conversation could not be saved in time")
                    .hint("check whether the disk is full or slow; `rounds session list` shows what was saved"),
            );
        }
        failed
    }

    fn failed(&self, turn: TurnId, why: &str) {
        self.send(Event::TurnFailed {
            turn,
            error: Failure::model(why),
        });
    }

    /// Sends to this same thread, so it must not block on a full channel.
    fn send(&self, event: Event) {
        let _ = self.sender.try_send(Message::event(event));
    }

    fn read(&self, job: ReadJob) -> std::io::Result<()> {
        let _ = self.read_jobs.send(job);
        Ok(())
    }
}

/// The error of the session store that an event reports, if any.
fn store_trouble(event: &Event) -> Option<&Failure> {
    match event {
        Event::StoreFailed(error)
        | Event::SessionCreated(Err(error))
        | Event::TurnStored {
            result: Err(error), ..
        } => Some(error),
        _ => None,
    }
}

fn start_reader(sender: SyncSender<Message>) -> std::io::Result<Sender<ReadJob>> {
    // Unbounded, but only filled by the user's own keystrokes.
    let (jobs, queue) = channel::<ReadJob>();
    let work = move || {
        while let Ok(job) = queue.recv() {
            let event = catch_panic(job.failure(), || job.perform());
            if sender.send(Message::event(event)).is_err() {
                return;
            }
        }
    };
    std::thread::Builder::new()
        .name("files".into())
        .spawn(work)?;
    Ok(jobs)
}

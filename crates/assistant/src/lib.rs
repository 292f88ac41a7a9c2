//! The main job: a case goes in, events come out. Surfaces talk to nothing else.
//!
//! The assistant owns the model on a thread of its own. A panic there becomes a `Failed` event; a cancel is looked at
//! between tokens and between layers.

mod answering;
mod embedding;
mod engine;
mod limits;
mod types;
pub mod upkeep;

pub use embedding::Embedders;
pub use engine::{Engine, SHIPPED, Setup, compares, is_shipped};
pub use limits::SettingsError;
pub use types::{
    Answer, AssistantError, Case, Event, LONGEST_QUESTION, MOST_IMAGES, MOST_SHOTS, Provenance,
    Ranked, Settings, Timings,
};

pub use rounds_support::INTENDED_USE;

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use rounds_support::Cancel;
use upkeep::Warming;

enum Job {
    Ask(Box<Question>),
    Warm {
        /// Whether to do it, and not only to say what it would cost.
        really: bool,
        cancel: Cancel,
        events: SyncSender<Warming>,
    },
}

struct Question {
    case: Case,
    settings: Settings,
    cancel: Cancel,
    events: SyncSender<Event>,
}

/// What is known once a model is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opened {
    /// Longest prompt with its answer, in tokens.
    pub context: usize,
    /// What it computes on.
    pub device: &'static str,
}

/// A handle to the model's thread.
pub struct Assistant {
    jobs: SyncSender<Job>,
    opened: Opened,
}

impl Assistant {
    /// Loads model and index on their own thread.
    ///
    /// Errors where either cannot be loaded.
    pub fn start(setup: Setup) -> Result<Self, AssistantError> {
        let (jobs, queue) = sync_channel::<Job>(4);
        let (ready, loaded) = sync_channel(1);
        let spawned = std::thread::Builder::new()
            .name("model".into())
            .spawn(move || {
                let mut engine = match guarded(|| Engine::load(&setup)) {
                    Ok(engine) => {
                        let _ = ready.send(Ok(engine.opened()));
                        engine
                    }
                    Err(error) => {
                        let _ = ready.send(Err(error));
                        return;
                    }
                };
                while let Ok(job) = queue.recv() {
                    match job {
                        Job::Ask(question) => answer(&mut engine, *question),
                        Job::Warm {
                            really,
                            cancel,
                            events,
                        } => warm(&mut engine, really, &cancel, &events),
                    }
                }
            });
        spawned.map_err(|e| AssistantError::Panic(e.to_string()))?;
        let opened = loaded
            .recv()
            .unwrap_or_else(|_| Err(AssistantError::Panic("the model's thread ended".into())))?;
        Ok(Self { jobs, opened })
    }

    /// What was opened.
    pub fn opened(&self) -> Opened {
        self.opened
    }

    /// Starts on a case. Events end with `Answer` or `Failed`.
    pub fn ask(&self, case: Case, settings: Settings, cancel: Cancel) -> Receiver<Event> {
        let (events, receiver) = sync_channel(64);
        let question = Question {
            case,
            settings,
            cancel,
            events: events.clone(),
        };
        if self.jobs.send(Job::Ask(Box::new(question))).is_err() {
            let _ = events.send(Event::Failed(AssistantError::Panic(
                "the model's thread ended".into(),
            )));
        }
        receiver
    }

    /// Keeps the latents of the index's pictures up to the limit that was set for them; unless `really`, only says what that
    /// costs. Questions wait until it is done or cancelled.
    pub fn warm(&self, really: bool, cancel: Cancel) -> Receiver<Warming> {
        let (events, receiver) = sync_channel(64);
        // Where the thread has ended, so does the stream of events.
        let _ = self.jobs.send(Job::Warm {
            really,
            cancel,
            events,
        });
        receiver
    }
}

fn answer(engine: &mut Engine, question: Question) {
    let events = question.events.clone();
    // Of its own: a surface that goes away must not look like a user who interrupts.
    let cancel = question.cancel.child();
    let last = guarded(|| {
        engine.answer(&question.case, &question.settings, &cancel, &mut |event| {
            // A surface that went away needs no more tokens.
            if question.events.send(event).is_err() {
                cancel.cancel();
            }
        })
    });
    let _ = events.send(match last {
        Ok(answer) => Event::Answer(Box::new(answer)),
        Err(error) => Event::Failed(error),
    });
}

fn warm(engine: &mut Engine, really: bool, cancel: &Cancel, events: &SyncSender<Warming>) {
    // Of its own, as for an answer: a surface that went away needs none of it.
    let cancel = cancel.child();
    let say = |event| {
        if events.send(event).is_err() {
            cancel.cancel();
        }
    };
    let last = guarded(|| {
        say(Warming::Plan(engine.warm_plan(None)?));
        if !really {
            return Ok(None);
        }
        let mut progress = |done, all| say(Warming::Progress(done, all));
        engine.warm_all(None, &cancel, &mut progress).map(Some)
    });
    let _ = match last {
        Ok(Some(warmed)) => events.send(Warming::Done(warmed)),
        Ok(None) => Ok(()),
        Err(error) => events.send(Warming::Failed(error)),
    };
}

/// A panic becomes an error.
fn guarded<T>(work: impl FnOnce() -> Result<T, AssistantError>) -> Result<T, AssistantError> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err(AssistantError::Panic("the model panicked".into())))
}

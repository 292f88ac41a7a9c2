//! The main job: a case goes in, events come out. Surfaces talk to nothing else.
//!
//! The assistant owns the model on a thread of its own. A panic there becomes a `Failed` event; a cancel is looked at
//! between tokens and between layers.

mod answering;
mod embedding;
mod engine;
mod types;

pub use embedding::Embedders;
pub use engine::{Engine, Setup};
pub use types::{Answer, AssistantError, Case, Event, Provenance, Ranked, Settings, Timings};

pub use crate::support::INTENDED_USE;

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use crate::support::Cancel;

struct Job {
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
                let mut engine = match Engine::load(&setup) {
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
                    run(&mut engine, job);
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
        let job = Job {
            case,
            settings,
            cancel,
            events: events.clone(),
        };
        if self.jobs.send(job).is_err() {
            let _ = events.send(Event::Failed(AssistantError::Panic(
                "the model's thread ended".into(),
            )));
        }
        receiver
    }
}

fn run(engine: &mut Engine, job: Job) {
    let events = job.events.clone();
    // Of its own: a surface that goes away must not look like a user who interrupts.
    let cancel = job.cancel.child();
    let work = std::panic::AssertUnwindSafe(|| {
        engine.answer(&job.case, &job.settings, &cancel, &mut |event| {
            // A surface that went away needs no more tokens.
            if job.events.send(event).is_err() {
                cancel.cancel();
            }
        })
    });
    let last = match std::panic::catch_unwind(work) {
        Ok(Ok(answer)) => Event::Answer(Box::new(answer)),
        Ok(Err(error)) => Event::Failed(error),
        Err(_) => Event::Failed(AssistantError::Panic("the model panicked".into())),
    };
    let _ = events.send(last);
}

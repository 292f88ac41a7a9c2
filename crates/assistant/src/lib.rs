//! The main job: a case goes in, events come out. Every front end uses only this.
//!
//! The assistant owns the model on its own thread. A panic there becomes a `Failed` event; cancellation is checked between
//! tokens and between layers.

#![warn(missing_docs, unreachable_pub)]

mod answering;
mod background;
mod choices;
mod embedding;
mod engine;
mod explaining;
#[cfg(test)]
#[path = "../../../tests/common/fixtures.rs"]
mod fixtures;
pub mod maintenance;
mod nearness;
pub mod prompt;
mod query_images;
pub mod retrieval;
mod settings;
mod types;
mod validate;

pub use answering::{
    Asked, Copied, Experiment, Explained, Influence, KnownCase, Reading, Standing, Vote, Wording,
    comparable, is_yes_or_no, known_cases, marking_words, overlap, telling_words, unknown_of,
};
pub use background::{Background, LabRow, LabStanding, LabValue, ReferenceRange};
pub use embedding::Embedders;
pub use engine::{Engine, SHIPPED, Setup, is_shipped, retrieval_encoder_path};
pub use explaining::{WhyEvent, WhyRequest};
pub use nearness::{Nearness, NearnessRequest, TextVectors};
pub use query_images::{IndexSketches, QueryImages};
pub use settings::{Group, SETTINGS, Setting, Settings, SettingsPatch};
pub use types::{
    Answer, AssistantError, Case, Event, MAX_IMAGES, MAX_QUESTION, MAX_SHOTS, NO_ANSWER, NOT_SURE,
    Provenance, Ranked, Timings, WITHHELD, WITHHELD_TEXT,
};
pub use validate::SettingsError;

pub use rounds_support::INTENDED_USE;

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use maintenance::WarmEvent;
use rounds_support::Cancel;

enum Job {
    Ask(Box<Question>),
    Why(Box<explaining::Why>),
    Near(nearness::Near),
    Warm {
        /// Whether to do it, or only report what it would cost.
        really: bool,
        cancel: Cancel,
        events: SyncSender<WarmEvent>,
    },
}

struct Question {
    case: Case,
    settings: Settings,
    cancel: Cancel,
    events: SyncSender<Event>,
}

/// Facts about a loaded model and its index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelInfo {
    /// Context length (prompt and answer together), in tokens.
    pub context: usize,
    /// Name of the device it computes on.
    pub device: &'static str,
    /// Number of examples in the index.
    pub examples: usize,
    /// Names that conditions on its examples may use.
    pub tags: Vec<String>,
}

/// A handle to the thread that owns the model.
pub struct Assistant {
    jobs: SyncSender<Job>,
    info: ModelInfo,
}

impl Assistant {
    /// Loads the model and the index on a new thread.
    ///
    /// Errors if either cannot be loaded.
    pub fn start(setup: Setup) -> Result<Self, AssistantError> {
        let (jobs, queue) = sync_channel::<Job>(4);
        let (ready, loaded) = sync_channel(1);
        let spawned = std::thread::Builder::new()
            .name("model".into())
            .spawn(move || {
                let mut engine = match guarded(|| Engine::load(&setup)) {
                    Ok(engine) => {
                        let _ = ready.send(Ok(engine.info()));
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
                        Job::Why(why) => explaining::explain(&mut engine, &why),
                        Job::Near(near) => nearness::compare(&mut engine, &near),
                        Job::Warm {
                            really,
                            cancel,
                            events,
                        } => warm(&mut engine, really, &cancel, &events),
                    }
                }
            });
        spawned.map_err(|e| AssistantError::Panic(e.to_string()))?;
        let info = loaded
            .recv()
            .unwrap_or_else(|_| Err(AssistantError::Panic("the model thread ended".into())))?;
        Ok(Self { jobs, info })
    }

    /// Facts about the loaded model.
    pub fn info(&self) -> &ModelInfo {
        &self.info
    }

    /// Starts answering a case. The events end with `Answer` or `Failed`.
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
                "the model thread ended".into(),
            )));
        }
        receiver
    }

    /// Caches the latents of the index's images up to the cache limit; unless `really`, only reports what that would cost.
    /// Questions wait until it is done or cancelled.
    pub fn warm(&self, really: bool, cancel: Cancel) -> Receiver<WarmEvent> {
        let (events, receiver) = sync_channel(64);
        // If the thread has ended, the receiver ends too.
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
    // A child: if the front end goes away, that must not look like an interrupt by the user.
    let cancel = question.cancel.child();
    let last = guarded(|| {
        engine.answer(&question.case, &question.settings, &cancel, &mut |event| {
            // The front end is gone, so stop generating.
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

fn warm(engine: &mut Engine, really: bool, cancel: &Cancel, events: &SyncSender<WarmEvent>) {
    // A child, as in `answer`.
    let cancel = cancel.child();
    let say = |event| {
        if events.send(event).is_err() {
            cancel.cancel();
        }
    };
    let last = guarded(|| {
        say(WarmEvent::Plan(engine.warm_plan(None)?));
        if !really {
            return Ok(None);
        }
        let mut progress = |done, all| say(WarmEvent::Progress(done, all));
        engine.warm_all(None, &cancel, &mut progress).map(Some)
    });
    let _ = match last {
        Ok(Some(warmed)) => events.send(WarmEvent::Done(warmed)),
        Ok(None) => Ok(()),
        Err(error) => events.send(WarmEvent::Failed(error)),
    };
}

/// Runs `work` and turns a panic into an error.
fn guarded<T>(work: impl FnOnce() -> Result<T, AssistantError>) -> Result<T, AssistantError> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err(AssistantError::Panic("the model panicked".into())))
}

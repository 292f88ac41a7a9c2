//! The question "why this answer?" to the thread that owns the model.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use crate::answering::{Asked, Explained, Wording};
use crate::engine::Engine;
use crate::retrieval::Shot;
use crate::settings::Settings;
use crate::types::{AssistantError, Case};
use crate::{Assistant, Job, guarded};
use rounds_model::error::ModelError;
use rounds_support::Cancel;

/// An answer that is to be explained by its shots.
#[derive(Clone, Debug)]
pub struct WhyRequest {
    /// The question.
    pub case: Case,
    /// Its settings.
    pub settings: Settings,
    /// The shots of the answer, as they stood in its prompt.
    pub shots: Vec<Shot>,
    /// The answer.
    pub wording: Wording,
}

/// What the assistant reports while it explains an answer.
#[derive(Debug)]
pub enum WhyEvent {
    /// So many of so many likelihoods are done.
    Progress(usize, usize),
    /// What each shot does; the last event.
    Done(Explained),
    /// It was cancelled; the last event.
    Stopped,
    /// Why there is no explanation; the last event.
    Failed(AssistantError),
}

/// A request on its way to the model's thread.
pub(crate) struct Why {
    request: WhyRequest,
    cancel: Cancel,
    events: SyncSender<WhyEvent>,
}

impl Assistant {
    /// Computes what each shot of an answer does to its likelihood. The events end with `Done`, `Stopped` or `Failed`.
    pub fn why(&self, request: WhyRequest, cancel: Cancel) -> Receiver<WhyEvent> {
        let (events, receiver) = sync_channel(64);
        // If the thread has ended, the receiver ends too.
        let _ = self.jobs.send(Job::Why(Box::new(Why {
            request,
            cancel,
            events,
        })));
        receiver
    }
}

/// Answers it.
pub(crate) fn explain(engine: &mut Engine, why: &Why) {
    // A child: if the front end goes away, that must not look like an interrupt by the user.
    let cancel = why.cancel.child();
    let WhyRequest {
        case,
        settings,
        shots,
        wording,
    } = &why.request;
    let last = guarded(|| {
        let asked = Asked { case, settings };
        engine.explain(asked, shots, wording, &cancel, &mut |done, all| {
            if why.events.send(WhyEvent::Progress(done, all)).is_err() {
                cancel.cancel();
            }
        })
    });
    let _ = why.events.send(match last {
        Ok(explained) => WhyEvent::Done(explained),
        Err(AssistantError::Model(ModelError::Cancelled)) => WhyEvent::Stopped,
        Err(error) => WhyEvent::Failed(error),
    });
}

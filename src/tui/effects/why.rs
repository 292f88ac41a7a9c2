//! Asks the model's thread why it gave an answer.

use std::sync::Arc;
use std::sync::mpsc::SyncSender;

use super::catch_panic;
use crate::tui::message::Message;
use crate::tui::state::{Event, WhyTurn};
use rounds_assistant::{Assistant, Case, Influence, WhyEvent, WhyRequest};
use rounds_support::{Cancel, Failure};

/// Explains an answer, and sends progress and result.
pub fn start(
    sender: SyncSender<Message>,
    job: u64,
    why: WhyTurn,
    assistant: Option<Arc<Assistant>>,
    cancel: Cancel,
) -> std::io::Result<()> {
    let task = move || {
        let failed = Err(Failure::model("the model stopped without an explanation"));
        let result = catch_panic(failed, || explain(&sender, job, why, assistant, cancel));
        let _ = sender.send(Message::event(Event::Explained { job, result }));
    };
    std::thread::Builder::new()
        .name("why".into())
        .spawn(task)
        .map(|_| ())
}

/// What each shot did; `None` if it was stopped.
fn explain(
    sender: &SyncSender<Message>,
    job: u64,
    why: WhyTurn,
    assistant: Option<Arc<Assistant>>,
    cancel: Cancel,
) -> Result<Option<Vec<Influence>>, Failure> {
    let assistant = assistant.ok_or_else(|| Failure::model("no model is open"))?;
    let images = why.images.iter();
    let request = WhyRequest {
        case: Case {
            // Copies pixels, so not on the drawing thread.
            images: images.map(|image| image.image.as_ref().clone()).collect(),
            question: why.question,
            patient: why.subject.patient,
            study: why.subject.study,
            background: why.subject.background,
        },
        settings: why.settings,
        shots: why.shots,
        wording: why.wording,
    };
    for event in assistant.why(request, cancel) {
        match event {
            WhyEvent::Progress(done, all) => {
                let progress = format!("why this answer, {done} of {all}");
                let _ = sender.send(Message::event(Event::WorkProgress { job, progress }));
            }
            WhyEvent::Done(explained) => return Ok(Some(explained.shots)),
            WhyEvent::Stopped => return Ok(None),
            WhyEvent::Failed(error) => return Err(Failure::of(&error)),
        }
    }
    Err(Failure::model("the model stopped without an explanation").hint("/model reopens it"))
}

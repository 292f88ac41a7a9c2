//! Opens models and asks them questions, on separate threads.

use std::sync::Arc;
use std::sync::mpsc::SyncSender;

use super::catch_panic;
use crate::tui::backend;
use crate::tui::journal::{Attached, Subject};
use crate::tui::message::{Message, News};
use crate::tui::state::{Event, TurnId};
use rounds_assistant::{self as assistant, Assistant, Case, Settings, Setup};
use rounds_support::Cancel;
use rounds_support::Failure;

/// Opens a model and an index, and sends the result.
pub fn open(sender: SyncSender<Message>, job: u64, setup: Setup) -> std::io::Result<()> {
    let work = move || {
        lower_thread_priority();
        let opened =
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| backend::open(&setup)));
        let result = match opened {
            Ok(Ok(opened)) => Ok(Box::new(opened)),
            Ok(Err(error)) => Err(Failure::of(&error)),
            Err(_) => Err(Failure::model("internal error: the model cannot be opened")),
        };
        let _ = sender.send(Message::News(News::Opened { job, result }));
    };
    std::thread::Builder::new()
        .name("opening".into())
        .spawn(work)
        .map(|_| ())
}

/// Lowers the priority of this thread and of those it starts, so that the interface stays responsive while all cores are
/// busy.
pub fn lower_thread_priority() {
    #[cfg(target_os = "linux")]
    {
        let thread = rustix::thread::gettid();
        let _ = rustix::process::setpriority_process(Some(thread), 5);
    }
}

/// A question to the model.
pub struct AskRequest {
    pub turn: TurnId,
    pub question: String,
    pub images: Vec<Attached>,
    pub subject: Subject,
    pub settings: Settings,
}

/// Asks a question, and forwards the assistant's events.
pub fn ask(
    sender: SyncSender<Message>,
    assistant: Arc<Assistant>,
    request: AskRequest,
    cancel: Cancel,
) -> std::io::Result<()> {
    let work = move || {
        let AskRequest {
            turn,
            question,
            images,
            subject,
            settings,
        } = request;
        // Copies pixels, so not on the drawing thread.
        let images = images
            .iter()
            .map(|image| image.image.as_ref().clone())
            .collect();
        let case = Case {
            images,
            question,
            patient: subject.patient,
            study: subject.study,
            background: subject.background,
        };
        let forward_events = || {
            let mut ended = false;
            for event in assistant.ask(case, settings, cancel) {
                ended |= matches!(
                    event,
                    assistant::Event::Answer(_) | assistant::Event::Failed(_)
                );
                if sender.send(Message::event(translate(turn, event))).is_err() {
                    return true;
                }
            }
            ended
        };
        if !catch_panic(false, forward_events) {
            // The model's thread is gone; end the turn.
            let error =
                Failure::model("the model stopped without an answer").hint("/model reopens it");
            let _ = sender.send(Message::event(Event::TurnFailed { turn, error }));
        }
    };
    std::thread::Builder::new()
        .name("answer".into())
        .spawn(work)
        .map(|_| ())
}

fn translate(turn: TurnId, event: assistant::Event) -> Event {
    match event {
        assistant::Event::Retrieved {
            shots,
            asked,
            dropped,
        } => Event::Retrieved {
            turn,
            shots,
            asked,
            dropped,
        },
        assistant::Event::Prompt(text) => Event::Prompt { turn, text },
        assistant::Event::Token(text) => Event::Token { turn, text },
        assistant::Event::Answer(answer) => Event::Answered { turn, answer },
        assistant::Event::Failed(error) => Event::TurnFailed {
            turn,
            error: Failure::of(&error),
        },
    }
}

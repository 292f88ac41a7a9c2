//! Opening models and asking them, on threads of their own.

use std::sync::Arc;
use std::sync::mpsc::SyncSender;

use super::catch_panic;
use crate::tui::house;
use crate::tui::journal::{Attached, Whose};
use crate::tui::message::Message;
use crate::tui::state::{Event, Trouble, TurnId};
use rounds_assistant::{self as assistant, Assistant, Case, Settings, Setup};
use rounds_support::Cancel;

/// Opens model and index and says so.
pub fn open(sender: SyncSender<Message>, job: u64, setup: Setup) -> std::io::Result<()> {
    let work = move || {
        lower_thread_priority();
        let opened = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| house::open(&setup)));
        let result = match opened {
            Ok(Ok(opened)) => Ok(Box::new(opened)),
            Ok(Err(error)) => Err(Trouble::of(&error)),
            Err(_) => Err(Trouble::new("opening the model failed inside the program")),
        };
        let _ = sender.send(Message::Opened { job, result });
    };
    std::thread::Builder::new()
        .name("opening".into())
        .spawn(work)
        .map(|_| ())
}

/// Threads made from here on give way to the one that draws, so that keys are heard while all cores compute. They inherit
/// this from the thread that starts them.
pub fn lower_thread_priority() {
    #[cfg(target_os = "linux")]
    {
        let own = rustix::thread::gettid();
        let _ = rustix::process::setpriority_process(Some(own), 5);
    }
}

/// What is asked.
pub struct AskRequest {
    pub turn: TurnId,
    pub question: String,
    pub images: Vec<Attached>,
    pub whose: Whose,
    pub settings: Settings,
}

/// Asks, and hands on what comes.
pub fn ask(
    sender: SyncSender<Message>,
    assistant: Arc<Assistant>,
    asked: AskRequest,
    cancel: Cancel,
) -> std::io::Result<()> {
    let work = move || {
        let AskRequest {
            turn,
            question,
            images,
            whose,
            settings,
        } = asked;
        // Copies pixels, so not on the thread that draws.
        let images = images
            .iter()
            .map(|image| image.picture.as_ref().clone())
            .collect();
        let case = Case {
            images,
            question,
            patient: whose.patient,
            study: whose.study,
        };
        let hand_on = || {
            let mut ended = false;
            for event in assistant.ask(case, settings, cancel) {
                ended |= matches!(
                    event,
                    assistant::Event::Answer(_) | assistant::Event::Failed(_)
                );
                if sender.send(Message::Event(told(turn, event))).is_err() {
                    return true;
                }
            }
            ended
        };
        if !catch_panic(false, hand_on) {
            // Its thread is gone; nobody may wait for it.
            let trouble =
                Trouble::new("the model stopped without an answer").hint("/model opens it again");
            let _ = sender.send(Message::Event(Event::TurnFailed { turn, trouble }));
        }
    };
    std::thread::Builder::new()
        .name("answer".into())
        .spawn(work)
        .map(|_| ())
}

fn told(turn: TurnId, event: assistant::Event) -> Event {
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
            trouble: Trouble::of(&error),
        },
    }
}

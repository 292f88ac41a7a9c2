//! Reads keys, mouse and pastes on their own thread, after collecting the terminal's replies to queries.

use std::sync::mpsc::SyncSender;

use crossterm::event;

use crate::tui::ExitReason;
use crate::tui::detected::Detected;
use crate::tui::message::{Input, Message};

/// Starts reading. If the terminal was sent a query, `queried` is what was known before, and its replies are read first.
pub fn listen<N: Send + 'static>(
    sender: SyncSender<Message<N>>,
    queried: Option<Detected>,
) -> std::io::Result<()> {
    let work = move || {
        #[cfg(unix)]
        if let Some(detected) = queried
            && !read_replies(detected, &sender)
        {
            return;
        }
        #[cfg(not(unix))]
        drop(queried);
        loop {
            let input = match event::read() {
                Ok(event) => Input::of_terminal(event),
                Err(_) => Some(Input::Terminate(ExitReason::TerminalGone)),
            };
            let gone = matches!(input, Some(Input::Terminate(_)));
            if input.is_some_and(|input| sender.send(Message::Input(input)).is_err()) || gone {
                return;
            }
        }
    };
    std::thread::Builder::new()
        .name("input".into())
        .spawn(work)
        .map(|_| ())
}

/// Reports the terminal's capabilities after the timeout, and again if it replied late. Whether somebody still listens.
#[cfg(unix)]
fn read_replies<N>(detected: Detected, sender: &SyncSender<Message<N>>) -> bool {
    use super::terminal_query::{LATE_REPLY_TIMEOUT, QUERY_TIMEOUT, TerminalQuery};

    let mut query = TerminalQuery::new(detected, sender);
    query.listen(QUERY_TIMEOUT);
    let heard = sender
        .send(Message::Detected(query.detected.clone()))
        .is_ok();
    if query.answered || !heard {
        return heard;
    }
    query.listen(LATE_REPLY_TIMEOUT);
    sender.send(Message::Detected(query.detected)).is_ok()
}

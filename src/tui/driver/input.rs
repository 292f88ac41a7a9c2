//! Reads keys, mouse and pastes on their own thread, after collecting the terminal's replies to queries.

use std::sync::mpsc::SyncSender;

use crossterm::event::{self, KeyEventKind, MouseButton, MouseEventKind};

use crate::tui::ExitReason;
use crate::tui::detected::Detected;
use crate::tui::keys::Press;
use crate::tui::message::Message;
use crate::tui::state::Event;

/// Lines scrolled per step of the mouse wheel.
const WHEEL: isize = 3;

/// Starts reading. If the terminal was sent a query, `queried` is what was known before, and its replies are read first.
pub fn listen(sender: SyncSender<Message>, queried: Option<Detected>) -> std::io::Result<()> {
    let work = move || {
        #[cfg(unix)]
        if let Some(detected) = queried
            && read_replies(detected, &sender).is_err()
        {
            return;
        }
        #[cfg(not(unix))]
        drop(queried);
        loop {
            let message = match event::read() {
                Ok(event) => message(event),
                Err(_) => Some(Message::Event(Event::Terminate(ExitReason::TerminalGone))),
            };
            let gone = matches!(message, Some(Message::Event(Event::Terminate(_))));
            if message.is_some_and(|message| sender.send(message).is_err()) || gone {
                return;
            }
        }
    };
    std::thread::Builder::new()
        .name("input".into())
        .spawn(work)
        .map(|_| ())
}

/// Reports the terminal's capabilities after the timeout, and again if it replied late.
///
/// Fails if the receiver is gone.
#[cfg(unix)]
#[expect(clippy::result_large_err, reason = "the error only ends the thread")]
fn read_replies(
    detected: Detected,
    sender: &SyncSender<Message>,
) -> Result<(), std::sync::mpsc::SendError<Message>> {
    use super::terminal_query::{LATE_REPLY_TIMEOUT, QUERY_TIMEOUT, TerminalQuery};

    let mut query = TerminalQuery::new(detected, sender);
    query.listen(QUERY_TIMEOUT);
    sender.send(Message::Detected(query.detected.clone()))?;
    if !query.answered {
        query.listen(LATE_REPLY_TIMEOUT);
        sender.send(Message::Detected(query.detected.clone()))?;
    }
    Ok(())
}

fn message(event: event::Event) -> Option<Message> {
    let event = match event {
        event::Event::Key(key) if key.kind != KeyEventKind::Release => Event::Key(Press::from(key)),
        event::Event::Paste(text) => Event::Paste(text),
        event::Event::Resize(columns, rows) => Event::Resize { columns, rows },
        event::Event::Mouse(mouse) => {
            let (column, row) = (mouse.column, mouse.row);
            match mouse.kind {
                MouseEventKind::Down(MouseButton::Left) => Event::Click { column, row },
                MouseEventKind::Drag(MouseButton::Left) => Event::Drag { column, row },
                MouseEventKind::Up(MouseButton::Left) => Event::Release,
                MouseEventKind::ScrollUp => Event::Scroll {
                    column,
                    row,
                    lines: -WHEEL,
                },
                MouseEventKind::ScrollDown => Event::Scroll {
                    column,
                    row,
                    lines: WHEEL,
                },
                _ => return None,
            }
        }
        _ => return None,
    };
    Some(Message::Event(event))
}

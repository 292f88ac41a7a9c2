//! The terminal's answers among what the user types meanwhile.
//!
//! Until the last answer came, bytes are read here and not by crossterm, which would take answers for keys. Keys and pastes
//! that come in between are handed on, so nothing that was typed is lost.

use std::sync::mpsc::{SendError, SyncSender};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::Message;
use super::detect::{Detected, Reply};
use super::typed::{Found, Parser};
use crate::tui::state::Event;

/// Pictures wait so long for the answers; the last of them usually comes within a few milliseconds.
const PATIENCE: Duration = Duration::from_millis(1500);
/// Answers of a slow line are still told from keys for so long.
const LATEST: Duration = Duration::from_secs(20);
/// Bytes that belong together come without a longer pause.
const TOGETHER: Duration = Duration::from_millis(50);
/// How often the size of the window is looked at meanwhile.
const LOOK: Duration = Duration::from_millis(250);
/// What was begun and does not go on for so many pauses is given up, once all answers are there.
const MOST_PAUSES: usize = 10;

/// What reading gave.
enum Read {
    Bytes(usize),
    /// Nothing came in time.
    Pause,
    /// The terminal is gone.
    Gone,
}

/// Reads until the last answer, and tells what was found out: when all is known, and at the latest after [`PATIENCE`].
///
/// Errors where nobody listens any more.
pub fn take(detected: Detected, sender: &SyncSender<Message>) -> Result<(), SendError<Message>> {
    let mut asking = Asking {
        detected,
        sender,
        parser: Parser::default(),
        answered: false,
    };
    let begun = Instant::now();
    let mut buffer = [0_u8; 256];
    let (mut told, mut pauses) = (false, 0);
    let mut size = crossterm::terminal::size().ok();
    loop {
        let waited = begun.elapsed();
        if !told && (asking.answered || waited >= PATIENCE) {
            told = true;
            asking.tell()?;
        }
        let over = asking.answered || waited >= LATEST;
        if over && (asking.parser.is_at_rest() || pauses >= MOST_PAUSES) {
            return Ok(());
        }
        let patience = match asking.parser.is_at_rest() {
            true if told => LOOK,
            true => LOOK.min(PATIENCE.saturating_sub(waited)),
            false => TOGETHER,
        };
        match read(&mut buffer, patience) {
            Read::Bytes(count) => {
                pauses = 0;
                asking.hear(buffer.get(..count).unwrap_or_default())?;
            }
            Read::Pause => {
                pauses += 1;
                let found = asking.parser.pause();
                asking.hand_on(found)?;
            }
            Read::Gone if told => return Ok(()),
            Read::Gone => return asking.tell(),
        }
        // Crossterm, which would say so, does not listen yet.
        let now = crossterm::terminal::size().ok();
        if let Some((columns, rows)) = now.filter(|_| now != size) {
            size = now;
            sender.send(Message::Event(Event::Resize { columns, rows }))?;
        }
    }
}

struct Asking<'a> {
    detected: Detected,
    sender: &'a SyncSender<Message>,
    parser: Parser,
    /// The last answer came.
    answered: bool,
}

impl Asking<'_> {
    fn hear(&mut self, bytes: &[u8]) -> Result<(), SendError<Message>> {
        for byte in bytes {
            let found = self.parser.push(*byte);
            self.hand_on(found)?;
        }
        Ok(())
    }

    fn hand_on(&mut self, found: Option<Found>) -> Result<(), SendError<Message>> {
        let event = match found {
            None => return Ok(()),
            Some(Found::Key(press)) => Event::Key(press),
            Some(Found::Paste(text)) => Event::Paste(text),
            Some(Found::Reply(reply)) => {
                self.detected.take(&reply);
                self.answered |= matches!(reply, Reply::Attributes { .. });
                return Ok(());
            }
        };
        self.sender.send(Message::Event(event))
    }

    fn tell(&self) -> Result<(), SendError<Message>> {
        self.sender.send(Message::Detected(self.detected.clone()))
    }
}

fn read(buffer: &mut [u8], patience: Duration) -> Read {
    let stdin = rustix::stdio::stdin();
    let mut wait = [PollFd::new(&stdin, PollFlags::IN)];
    let time = Timespec {
        tv_sec: patience.as_secs().try_into().unwrap_or(0),
        tv_nsec: patience.subsec_nanos().into(),
    };
    match poll(&mut wait, Some(&time)) {
        Ok(0) => Read::Pause,
        Ok(_) => match rustix::io::read(stdin, buffer) {
            Ok(0) | Err(_) => Read::Gone,
            Ok(count) => Read::Bytes(count),
        },
        Err(rustix::io::Errno::INTR) => Read::Bytes(0),
        Err(_) => Read::Gone,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::picture::How;

    #[test]
    fn what_comes_behind_the_last_answer_in_one_piece_is_not_lost() {
        let (sender, receiver) = std::sync::mpsc::sync_channel(16);
        let mut asking = Asking {
            detected: Detected::from_environment(),
            sender: &sender,
            parser: Parser::default(),
            answered: false,
        };
        asking.hear(b"a\x1b_Gi=31;OK\x1b\\\x1b[?62").unwrap();
        assert!(!asking.answered);
        asking.hear(b"c\x1b[3~b").unwrap();
        assert!(asking.answered);
        assert_ne!(asking.detected.how, How::Cells);
        drop(asking);
        drop(sender);
        let keys: Vec<String> = receiver
            .iter()
            .map(|message| match message {
                Message::Event(Event::Key(press)) => press.to_string(),
                _ => "no key".into(),
            })
            .collect();
        assert_eq!(keys, ["a", "Delete", "b"]);
    }
}

//! Collects the terminal's replies to queries while the user may be typing.
//!
//! Until the last reply has arrived, bytes are read here and not by crossterm, which would mistake replies for keys. Keys
//! and pastes that arrive in between are forwarded, so no input is lost.

use std::sync::mpsc::SyncSender;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::detect::Reply;
use super::input_parser::{Found, Parser};
use crate::tui::detected::Detected;
use crate::tui::message::{Input, Message};

/// Timeout for all replies; the last usually arrives within a few milliseconds.
pub const QUERY_TIMEOUT: Duration = Duration::from_millis(1500);
/// For this long, replies over a slow connection are still separated from keys.
pub const LATE_REPLY_TIMEOUT: Duration = Duration::from_secs(20);
/// The longest pause between bytes of one sequence.
const SEQUENCE_GAP: Duration = Duration::from_millis(50);
/// Interval at which the window size is checked meanwhile.
const RESIZE_POLL: Duration = Duration::from_millis(250);
/// An incomplete sequence is abandoned after this many pauses, once no more replies are expected.
const MAX_PAUSES: usize = 30;

/// The result of reading input.
enum Read {
    Bytes(usize),
    /// Nothing arrived in time.
    Pause,
    /// The terminal is gone.
    Gone,
}

/// Reads the replies of a terminal that was sent a query.
pub struct TerminalQuery<'a, N> {
    /// What is known about the terminal so far.
    pub detected: Detected,
    /// Whether the last reply has arrived.
    pub answered: bool,
    sender: &'a SyncSender<Message<N>>,
    parser: Parser,
    begun: Instant,
}

impl<'a, N> TerminalQuery<'a, N> {
    /// Starts from what is known without asking; other input goes to `sender`.
    pub fn new(detected: Detected, sender: &'a SyncSender<Message<N>>) -> Self {
        Self {
            detected,
            answered: false,
            sender,
            parser: Parser::default(),
            begun: Instant::now(),
        }
    }

    /// Reads until the last reply has arrived, or until `timeout` after [`TerminalQuery::new`]; finishes a sequence in progress.
    pub fn listen(&mut self, timeout: Duration) {
        let mut buffer = [0_u8; 256];
        let mut pauses = 0;
        let mut size = crossterm::terminal::size().ok();
        loop {
            let rest = timeout.saturating_sub(self.begun.elapsed());
            let over = self.answered || rest.is_zero();
            if over && (self.parser.is_idle() || pauses >= MAX_PAUSES) {
                return;
            }
            let wait = match self.parser.is_idle() {
                true => RESIZE_POLL.min(rest),
                false => SEQUENCE_GAP,
            };
            match read(&mut buffer, wait) {
                Read::Bytes(count) => {
                    pauses = 0;
                    self.feed(buffer.get(..count).unwrap_or_default());
                }
                Read::Pause => {
                    pauses += 1;
                    let found = self.parser.pause();
                    self.forward(found);
                }
                Read::Gone => return,
            }
            // Crossterm, which would report it, is not reading yet.
            let now = crossterm::terminal::size().ok();
            if let Some((columns, rows)) = now.filter(|_| now != size) {
                size = now;
                self.send(Input::Resize { columns, rows });
            }
        }
    }

    fn feed(&mut self, bytes: &[u8]) {
        for byte in bytes {
            let found = self.parser.push(*byte);
            self.forward(found);
        }
    }

    fn forward(&mut self, found: Option<Found>) {
        match found {
            None => {}
            Some(Found::Key(press)) => self.send(Input::Key(press)),
            Some(Found::Paste(text)) => self.send(Input::Paste(text)),
            Some(Found::Reply(reply)) => {
                self.detected.apply(&reply);
                self.answered |= matches!(reply, Reply::Attributes { .. });
            }
        }
    }

    fn send(&self, input: Input) {
        let _ = self.sender.send(Message::Input(input));
    }
}

fn read(buffer: &mut [u8], wait: Duration) -> Read {
    let stdin = rustix::stdio::stdin();
    let mut polled = [PollFd::new(&stdin, PollFlags::IN)];
    let time = Timespec {
        tv_sec: wait.as_secs().try_into().unwrap_or(0),
        tv_nsec: wait.subsec_nanos().into(),
    };
    match poll(&mut polled, Some(&time)) {
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
    use crate::tui::terminal_image::ImageProtocol;

    #[test]
    fn keys_after_the_last_reply_are_not_lost() {
        let (sender, receiver) = std::sync::mpsc::sync_channel::<Message>(16);
        let mut query = TerminalQuery::new(Detected::from_environment(), &sender);
        query.feed(b"a\x1b_Gi=31;OK\x1b\\\x1b[?62");
        assert!(!query.answered);
        query.feed(b"c\x1b[3~b");
        assert!(query.answered);
        assert_ne!(query.detected.protocol, ImageProtocol::Cells);
        drop(sender);
        let keys: Vec<String> = receiver
            .iter()
            .map(|message| match message {
                Message::Input(Input::Key(press)) => press.to_string(),
                _ => "no key".into(),
            })
            .collect();
        assert_eq!(keys, ["a", "Delete", "b"]);
    }
}

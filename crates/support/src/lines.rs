//! Reads lines from an input that may block, while staying responsive to Ctrl-C.

use std::io::BufRead;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Duration;

use super::Cancel;

/// One line without its line ending, or why it was rejected.
pub type Line = Result<String, BadLine>;

/// Why a line was rejected. Reading continues with the next line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadLine {
    /// Longer than [`MAX_LINE_BYTES`].
    #[error("the line is longer than 1 MiB")]
    TooLong,
    /// Not valid UTF-8.
    #[error("the line is not UTF-8")]
    NotUtf8,
}

/// Maximum length of a line in bytes.
pub const MAX_LINE_BYTES: usize = 1 << 20;

/// Reads lines on a separate thread.
pub struct Lines {
    lines: Receiver<std::io::Result<Line>>,
}

impl Lines {
    /// Starts the thread; `open` runs on it and returns the input.
    pub fn read<R: BufRead>(open: impl FnOnce() -> R + Send + 'static) -> std::io::Result<Self> {
        let (sender, lines) = sync_channel(16);
        std::thread::Builder::new()
            .name("input".into())
            .spawn(move || {
                each(&mut open(), |line| sender.send(line).is_ok());
            })?;
        Ok(Self { lines })
    }

    /// The next line; `None` at the end of the input or once `cancel` is set.
    pub fn next(&self, cancel: &Cancel) -> Option<std::io::Result<Line>> {
        loop {
            if cancel.is_cancelled() {
                return None;
            }
            match self.lines.recv_timeout(Duration::from_millis(20)) {
                Ok(line) => return Some(line),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return None,
            }
        }
    }
}

/// Passes each line to `take` until the input ends or fails, or `take` returns false.
pub fn each(input: &mut dyn BufRead, mut take: impl FnMut(std::io::Result<Line>) -> bool) {
    loop {
        let (line, last) = match next(input) {
            Ok(Some(line)) => (Ok(line), false),
            Ok(None) => return,
            Err(error) => (Err(error), true),
        };
        if !take(line) || last {
            return;
        }
    }
}

fn next(input: &mut dyn BufRead) -> std::io::Result<Option<Line>> {
    let mut bytes = Vec::new();
    let mut long = false;
    loop {
        let available = match input.fill_buf() {
            Ok(available) => available,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if available.is_empty() {
            if bytes.is_empty() && !long {
                return Ok(None);
            }
            break;
        }
        let end = available.iter().position(|b| *b == b'\n');
        let take = end.unwrap_or(available.len());
        long |= bytes.len() + take > MAX_LINE_BYTES;
        if !long {
            bytes.extend_from_slice(&available[..take]);
        }
        input.consume(take + usize::from(end.is_some()));
        if end.is_some() {
            break;
        }
    }
    if long {
        return Ok(Some(Err(BadLine::TooLong)));
    }
    if bytes.last() == Some(&b'\r') {
        bytes.pop();
    }
    Ok(Some(String::from_utf8(bytes).map_err(|_| BadLine::NotUtf8)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: Vec<u8>) -> Vec<Line> {
        let lines = Lines::read(move || std::io::Cursor::new(text)).unwrap();
        let cancel = Cancel::new();
        std::iter::from_fn(|| lines.next(&cancel))
            .map(Result::unwrap)
            .collect()
    }

    #[test]
    fn lines_arrive_in_order_and_reading_continues_after_bad_ones() {
        let mut text = b"one\r\n\n\xFF\n".to_vec();
        text.extend(vec![b'x'; MAX_LINE_BYTES + 1]);
        text.extend(b"\nlast");
        let expected = [
            Ok("one".to_string()),
            Ok(String::new()),
            Err(BadLine::NotUtf8),
            Err(BadLine::TooLong),
            Ok("last".to_string()),
        ];
        assert_eq!(all(text), expected);
        assert_eq!(all(Vec::new()), []);
    }

    #[test]
    fn cancelling_ends_the_wait_for_a_silent_input() {
        struct Silent;
        impl std::io::Read for Silent {
            fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
                loop {
                    std::thread::park();
                }
            }
        }
        let lines = Lines::read(|| std::io::BufReader::new(Silent)).unwrap();
        let cancel = Cancel::new();
        let flag = cancel.clone();
        std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(50));
            flag.cancel();
        });
        assert!(lines.next(&cancel).is_none());
    }
}

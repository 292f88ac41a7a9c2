//! The terminal's answers among what the user types meanwhile.
//!
//! Until the last answer came, bytes are read here and not by crossterm, which would take answers for keys. Keys and pastes
//! that come in between are handed on, so nothing that was typed is lost.

use std::sync::mpsc::SyncSender;
use std::time::{Duration, Instant};

use crossterm::event::{KeyCode, KeyModifiers};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::Message;
use super::detect::{Detected, Reply, reply};
use crate::tui::keys::Press;
use crate::tui::state::Event;

/// Longest time for all answers; the last of them usually comes within a few milliseconds.
const PATIENCE: Duration = Duration::from_millis(1500);
/// No answer is longer, in bytes.
const LONGEST: usize = 1024;
/// What is kept of a paste, in bytes; more than any question takes.
const LONGEST_PASTE: usize = 1 << 20;
/// What stands behind a paste.
const PASTE_END: &[u8] = b"\x1b[201~";

/// Reads until the last answer; true where that came. Keys that come in between are handed on.
pub fn take(detected: &mut Detected, sender: &SyncSender<Message>) -> bool {
    let mut until = Instant::now() + PATIENCE;
    let mut parser = Parser::default();
    let mut buffer = [0_u8; 256];
    while let Some(rest) = until.checked_duration_since(Instant::now()) {
        let Some(count) = read(&mut buffer, rest) else {
            break;
        };
        for byte in buffer.get(..count).unwrap_or_default() {
            match parser.push(*byte) {
                Some(Found::Reply(reply)) => {
                    detected.take(&reply);
                    if matches!(reply, Reply::Attributes { .. }) {
                        return true;
                    }
                }
                Some(Found::Key(press)) => {
                    let _ = sender.send(Message::Event(Event::Key(press)));
                }
                Some(Found::Paste(text)) => {
                    let _ = sender.send(Message::Event(Event::Paste(text)));
                }
                None => {}
            }
        }
        if parser.is_pasting() {
            // Half of it would look like keys to whoever reads next.
            until = Instant::now() + PATIENCE;
        }
        if let Some(Found::Key(press)) = parser.pause() {
            let _ = sender.send(Message::Event(Event::Key(press)));
        }
    }
    false
}

/// Bytes from the terminal; `None` after `patience` without any, or at its end.
fn read(buffer: &mut [u8], patience: Duration) -> Option<usize> {
    let stdin = rustix::stdio::stdin();
    let mut wait = [PollFd::new(&stdin, PollFlags::IN)];
    let time = Timespec {
        tv_sec: patience.as_secs().try_into().ok()?,
        tv_nsec: patience.subsec_nanos().into(),
    };
    match poll(&mut wait, Some(&time)) {
        Ok(0) => None,
        Ok(_) => rustix::io::read(stdin, buffer)
            .ok()
            .filter(|count| *count > 0),
        Err(rustix::io::Errno::INTR) => Some(0),
        Err(_) => None,
    }
}

/// What a byte completed.
#[derive(Debug, PartialEq)]
pub enum Found {
    Reply(Reply),
    Key(Press),
    Paste(String),
}

#[derive(Default)]
enum At {
    #[default]
    Ground,
    Escape,
    /// Inside a sequence that began with this byte.
    Inside(u8, Vec<u8>),
    /// Inside a character of several bytes, with those that are missing.
    Character(Vec<u8>, usize),
    /// Inside a paste.
    Paste(Vec<u8>),
}

/// Tells answers from keys.
#[derive(Default)]
pub struct Parser {
    at: At,
}

impl Parser {
    pub fn push(&mut self, byte: u8) -> Option<Found> {
        match std::mem::take(&mut self.at) {
            At::Ground => self.ground(byte),
            At::Escape => match byte {
                b'[' | b']' | b'P' | b'_' | b'O' => {
                    self.at = At::Inside(byte, Vec::new());
                    None
                }
                b'\\' => None,
                0x1b => {
                    self.at = At::Escape;
                    None
                }
                _ => key(byte, KeyModifiers::ALT),
            },
            At::Inside(introducer, body) => self.inside(introducer, body, byte),
            At::Paste(text) => self.paste(text, byte),
            At::Character(mut bytes, missing) => {
                bytes.push(byte);
                if missing > 1 {
                    self.at = At::Character(bytes, missing - 1);
                    return None;
                }
                let letter = std::str::from_utf8(&bytes)
                    .ok()
                    .and_then(|text| text.chars().next())?;
                Some(Found::Key(Press::new(
                    KeyCode::Char(letter),
                    KeyModifiers::NONE,
                )))
            }
        }
    }

    fn is_pasting(&self) -> bool {
        matches!(self.at, At::Paste(_))
    }

    fn paste(&mut self, mut text: Vec<u8>, byte: u8) -> Option<Found> {
        text.push(byte);
        if let Some(text) = text.strip_suffix(PASTE_END) {
            let text = text.get(..LONGEST_PASTE).unwrap_or(text);
            return Some(Found::Paste(String::from_utf8_lossy(text).into_owned()));
        }
        if text.len() > LONGEST_PASTE + PASTE_END.len() {
            // Its end is still looked for.
            text.remove(LONGEST_PASTE);
        }
        self.at = At::Paste(text);
        None
    }

    /// Nothing more came for now: a lone escape was the Esc key.
    pub fn pause(&mut self) -> Option<Found> {
        if matches!(self.at, At::Escape) {
            self.at = At::Ground;
            return Some(Found::Key(Press::new(KeyCode::Esc, KeyModifiers::NONE)));
        }
        None
    }

    fn ground(&mut self, byte: u8) -> Option<Found> {
        let missing = match byte {
            0x1b => {
                self.at = At::Escape;
                return None;
            }
            0xc2..=0xdf => 1,
            0xe0..=0xef => 2,
            0xf0..=0xf4 => 3,
            _ => return key(byte, KeyModifiers::NONE),
        };
        self.at = At::Character(vec![byte], missing);
        None
    }

    fn inside(&mut self, introducer: u8, mut body: Vec<u8>, byte: u8) -> Option<Found> {
        let control = matches!(introducer, b'[' | b'O');
        let ends = if control {
            (0x40..=0x7e).contains(&byte)
        } else {
            matches!(byte, 0x07 | 0x1b)
        };
        if !ends {
            if body.len() < LONGEST {
                body.push(byte);
            }
            self.at = At::Inside(introducer, body);
            return None;
        }
        if control {
            body.push(byte);
        } else if byte == 0x1b {
            // The backslash after it belongs to the end.
            self.at = At::Escape;
        }
        if introducer == b'[' && body == b"200~" {
            self.at = At::Paste(Vec::new());
            return None;
        }
        if let Some(press) = control.then(|| arrow(&body)).flatten() {
            return Some(Found::Key(press));
        }
        let text = String::from_utf8(body).ok()?;
        reply(introducer, &text).map(Found::Reply)
    }
}

fn arrow(body: &[u8]) -> Option<Press> {
    let code = match body {
        b"A" => KeyCode::Up,
        b"B" => KeyCode::Down,
        b"C" => KeyCode::Right,
        b"D" => KeyCode::Left,
        b"H" => KeyCode::Home,
        b"F" => KeyCode::End,
        b"P" => KeyCode::F(1),
        b"Q" => KeyCode::F(2),
        b"Z" => KeyCode::BackTab,
        _ => return None,
    };
    Some(Press::new(code, KeyModifiers::NONE))
}

fn key(byte: u8, modifiers: KeyModifiers) -> Option<Found> {
    let (code, modifiers) = match byte {
        b'\r' => (KeyCode::Enter, modifiers),
        b'\t' => (KeyCode::Tab, modifiers),
        0x7f => (KeyCode::Backspace, modifiers),
        1..=26 => (
            KeyCode::Char(char::from(byte - 1 + b'a')),
            modifiers | KeyModifiers::CONTROL,
        ),
        0x20..=0x7e => (KeyCode::Char(char::from(byte)), modifiers),
        _ => return None,
    };
    Some(Found::Key(Press::new(code, modifiers)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(bytes: &[u8]) -> Vec<Found> {
        let mut parser = Parser::default();
        let mut found: Vec<Found> = bytes.iter().filter_map(|byte| parser.push(*byte)).collect();
        found.extend(parser.pause());
        found
    }

    #[test]
    fn answers_are_taken_out_and_typed_keys_stay() {
        let found =
            all(b"i\x1b_Gi=31;OK\x1b\\s\x1b[6;20;10t\xc3\xa9\x1b]11;rgb:00/00/00\x07\r\x1b[?62;4c");
        let keys: Vec<String> = found
            .iter()
            .filter_map(|f| match f {
                Found::Key(press) => Some(press.to_string()),
                Found::Reply(_) | Found::Paste(_) => None,
            })
            .collect();
        assert_eq!(keys, ["i", "s", "é", "Enter"]);
        assert_eq!(found.len() - keys.len(), 4);
    }

    #[test]
    fn a_lone_escape_is_the_key() {
        let found = all(b"\x1b");
        assert_eq!(
            found,
            [Found::Key(Press::new(KeyCode::Esc, KeyModifiers::NONE))]
        );
        assert_eq!(
            all(b"\x1b[A"),
            [Found::Key(Press::new(KeyCode::Up, KeyModifiers::NONE))]
        );
    }

    #[test]
    fn a_paste_among_the_answers_stays_a_paste() {
        let found = all(b"a\x1b[200~one\rtwo \x1b[A \xc3\xa9\x1b[201~\x1b[?62;4cb");
        let pasted = Found::Paste("one\rtwo \x1b[A \u{e9}".into());
        assert_eq!(found.len(), 4);
        assert_eq!(found[1], pasted, "no line of it is sent by itself");
        let mut parser = Parser::default();
        let long = [
            &b"\x1b[200~"[..],
            &vec![b'x'; LONGEST_PASTE + 99],
            PASTE_END,
        ]
        .concat();
        let found: Vec<Found> = long.iter().filter_map(|b| parser.push(*b)).collect();
        assert!(matches!(&found[..], [Found::Paste(text)] if text.len() == LONGEST_PASTE));
    }

    #[test]
    fn an_answer_without_end_is_not_kept_forever() {
        let mut parser = Parser::default();
        parser.push(0x1b);
        parser.push(b'_');
        for _ in 0..100_000 {
            parser.push(b'x');
        }
        assert!(matches!(&parser.at, At::Inside(_, body) if body.len() <= LONGEST));
    }
}

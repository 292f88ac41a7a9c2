//! Parses the bytes a terminal sends into keys, pastes and replies to queries.
//!
//! Used before crossterm starts reading. Mouse reports are ignored.

use crossterm::event::{KeyCode, KeyModifiers};

use super::detect::{Reply, reply};
use crate::tui::keys::Press;

/// Maximum length of a reply, in bytes.
const MAX_REPLY: usize = 1024;
/// Maximum length of a paste, in bytes; more than a question may have. The rest is dropped.
const MAX_PASTE: usize = 1 << 20;
/// The sequence that ends a bracketed paste.
const PASTE_END: &[u8] = b"\x1b[201~";

/// A piece of input completed by a byte.
#[derive(Debug, PartialEq)]
pub enum Found {
    Reply(Reply),
    Key(Press),
    Paste(String),
}

impl Found {
    fn key(code: KeyCode, modifiers: KeyModifiers) -> Self {
        Self::Key(Press::new(code, modifiers))
    }
}

#[derive(Default)]
enum ParserState {
    #[default]
    Ground,
    Escape,
    /// After the escape of the string terminator `ESC \` that ends a reply.
    Ending,
    /// Inside a sequence introduced by this byte.
    Inside(u8, Vec<u8>),
    /// Inside a multi-byte character, with the number of bytes still missing.
    Character(Vec<u8>, usize),
    Paste(Vec<u8>),
}

/// An incremental parser of terminal input.
#[derive(Default)]
pub struct Parser {
    state: ParserState,
}

impl Parser {
    /// Adds a byte; returns the input it completes.
    pub fn push(&mut self, byte: u8) -> Option<Found> {
        match std::mem::take(&mut self.state) {
            ParserState::Ground => self.ground(byte),
            ParserState::Ending if byte == b'\\' => None,
            ParserState::Escape | ParserState::Ending => match byte {
                b'[' | b']' | b'P' | b'_' | b'O' => {
                    self.state = ParserState::Inside(byte, Vec::new());
                    None
                }
                0x1b => {
                    self.state = ParserState::Escape;
                    Some(Found::key(KeyCode::Esc, KeyModifiers::NONE))
                }
                _ => key(byte, KeyModifiers::ALT),
            },
            ParserState::Inside(introducer, body) => self.inside(introducer, body, byte),
            ParserState::Character(mut bytes, missing) => {
                bytes.push(byte);
                if missing > 1 {
                    self.state = ParserState::Character(bytes, missing - 1);
                    return None;
                }
                let letter = std::str::from_utf8(&bytes).ok()?.chars().next()?;
                Some(Found::key(KeyCode::Char(letter), KeyModifiers::NONE))
            }
            ParserState::Paste(text) => self.paste(text, byte),
        }
    }

    fn paste(&mut self, mut text: Vec<u8>, byte: u8) -> Option<Found> {
        text.push(byte);
        if let Some(text) = text.strip_suffix(PASTE_END) {
            let text = text.get(..MAX_PASTE).unwrap_or(text);
            return Some(Found::Paste(String::from_utf8_lossy(text).into_owned()));
        }
        if text.len() > MAX_PASTE + PASTE_END.len() {
            // Drop the excess, but keep looking for the end.
            text.remove(MAX_PASTE);
        }
        self.state = ParserState::Paste(text);
        None
    }

    /// Called when no more bytes have arrived for a while: a lone escape was the Esc key, and an escape with a character that
    /// introduces a sequence was Alt with that character.
    pub fn pause(&mut self) -> Option<Found> {
        match std::mem::take(&mut self.state) {
            ParserState::Escape => Some(Found::key(KeyCode::Esc, KeyModifiers::NONE)),
            ParserState::Inside(introducer, body) if body.is_empty() => {
                key(introducer, KeyModifiers::ALT)
            }
            ParserState::Ending => None,
            other => {
                self.state = other;
                None
            }
        }
    }

    /// Whether no sequence is incomplete.
    pub fn is_idle(&self) -> bool {
        matches!(self.state, ParserState::Ground)
    }

    fn ground(&mut self, byte: u8) -> Option<Found> {
        let missing = match byte {
            0x1b => {
                self.state = ParserState::Escape;
                return None;
            }
            0xc2..=0xdf => 1,
            0xe0..=0xef => 2,
            0xf0..=0xf4 => 3,
            _ => return key(byte, KeyModifiers::NONE),
        };
        self.state = ParserState::Character(vec![byte], missing);
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
            if body.len() < MAX_REPLY {
                body.push(byte);
            }
            self.state = ParserState::Inside(introducer, body);
            return None;
        }
        if control {
            body.push(byte);
        } else if byte == 0x1b {
            self.state = ParserState::Ending;
        }
        let text = String::from_utf8(body).ok()?;
        if control && text == "200~" {
            self.state = ParserState::Paste(Vec::new());
            return None;
        }
        if let Some(press) = control.then(|| control_key(&text)).flatten() {
            return Some(Found::Key(press));
        }
        reply(introducer, &text).map(Found::Reply)
    }
}

/// Parses a key from what follows `ESC [` or `ESC O`: numbers for the key and its modifiers, and a final character.
fn control_key(body: &str) -> Option<Press> {
    let last = body.chars().next_back()?;
    let numbers = body.strip_suffix(last)?;
    if numbers.starts_with(['?', '<', '=', '>']) {
        return None;
    }
    let mut numbers = numbers.split(';');
    // Sub-parameters after a colon are ignored, except 3: a key release.
    let first = numbers.next()?.split(':').next()?;
    let mut second = numbers.next().unwrap_or_default().split(':');
    let modifiers = modifiers(second.next().unwrap_or_default());
    if second.next() == Some("3") {
        return None;
    }
    let code = match last {
        'A' => KeyCode::Up,
        'B' => KeyCode::Down,
        'C' => KeyCode::Right,
        'D' => KeyCode::Left,
        'H' => KeyCode::Home,
        'F' => KeyCode::End,
        'P' => KeyCode::F(1),
        'Q' => KeyCode::F(2),
        'R' => KeyCode::F(3),
        'S' => KeyCode::F(4),
        'Z' => KeyCode::BackTab,
        '~' => key_by_number(first.parse().ok()?)?,
        'u' => key_by_code_point(first.parse().ok()?)?,
        _ => return None,
    };
    Some(Press::new(code, modifiers))
}

/// Encoded as one plus the sum of 1 for Shift, 2 for Alt and 4 for Ctrl.
fn modifiers(number: &str) -> KeyModifiers {
    let bits = number.parse::<u8>().unwrap_or(1).saturating_sub(1);
    let named = [
        (1, KeyModifiers::SHIFT),
        (2, KeyModifiers::ALT),
        (4, KeyModifiers::CONTROL),
    ];
    let held = named.into_iter().filter(|(bit, _)| bits & bit != 0);
    held.map(|(_, modifier)| modifier).collect()
}

fn key_by_number(number: u8) -> Option<KeyCode> {
    Some(match number {
        1 | 7 => KeyCode::Home,
        2 => KeyCode::Insert,
        3 => KeyCode::Delete,
        4 | 8 => KeyCode::End,
        5 => KeyCode::PageUp,
        6 => KeyCode::PageDown,
        11..=15 => KeyCode::F(number - 10),
        17..=21 => KeyCode::F(number - 11),
        23 | 24 => KeyCode::F(number - 12),
        _ => return None,
    })
}

/// A key in kitty's keyboard protocol. Its private code points have no meaning here, except Enter on the keypad.
fn key_by_code_point(number: u32) -> Option<KeyCode> {
    Some(match number {
        9 => KeyCode::Tab,
        13 | 57414 => KeyCode::Enter,
        27 => KeyCode::Esc,
        127 => KeyCode::Backspace,
        57344..=63743 => return None,
        other => KeyCode::Char(char::from_u32(other).filter(|c| !c.is_control())?),
    })
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
    Some(Found::key(code, modifiers))
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

    /// The keys and pastes as text, without the replies.
    fn typed(bytes: &[u8]) -> Vec<String> {
        let found = all(bytes).into_iter();
        let names = found.filter_map(|found| match found {
            Found::Key(press) => Some(press.to_string()),
            Found::Paste(text) => Some(format!("paste {text:?}")),
            Found::Reply(_) => None,
        });
        names.collect()
    }

    #[test]
    fn replies_are_separated_from_typed_keys() {
        let bytes =
            b"i\x1b_Gi=31;OK\x1b\\s\x1b[6;20;10t\xc3\xa9\x1b]11;rgb:00/00/00\x07\r\x1b[?62;4c";
        assert_eq!(typed(bytes), ["i", "s", "é", "Enter"]);
        assert_eq!(all(bytes).len(), 8);
    }

    #[test]
    fn a_lone_escape_is_the_esc_key() {
        assert_eq!(typed(b"\x1b"), ["Esc"]);
        assert_eq!(typed(b"\x1b\x1b"), ["Esc", "Esc"]);
        assert_eq!(typed(b"\x1b["), ["Alt-["]);
        assert_eq!(typed(b"\x1be\x1b\\"), ["Alt-e", "Alt-\\"]);
    }

    #[test]
    fn keys_sent_as_numbers_are_parsed_with_their_modifiers() {
        assert_eq!(typed(b"\x1b[A\x1bOB"), ["Up", "Down"]);
        assert_eq!(
            typed(b"\x1b[3~\x1b[5~\x1b[6;5~\x1b[15~\x1b[24~"),
            ["Delete", "Pageup", "Ctrl-Pagedown", "F5", "F12"]
        );
        assert_eq!(typed(b"\x1b[1;3D\x1b[1;2A"), ["Alt-Left", "Shift-Up"]);
    }

    #[test]
    fn keys_in_the_kitty_protocol_are_parsed() {
        assert_eq!(
            typed(b"\x1b[99;5u\x1b[27u\x1b[13;2u\x1b[97;2u\x1b[101;3:1u"),
            ["Ctrl-C", "Esc", "Shift-Enter", "A", "Alt-e"]
        );
        // A key release and a volume key.
        assert!(typed(b"\x1b[99;5:3u\x1b[57439u").is_empty());
    }

    #[test]
    fn a_paste_is_one_input_whatever_it_contains() {
        assert_eq!(
            typed(b"a\x1b[200~first\rsecond\x1b[A\x1b[201~b"),
            ["a", "paste \"first\\rsecond\\u{1b}[A\"", "b"]
        );
    }

    #[test]
    fn a_long_paste_is_truncated_and_its_end_is_found() {
        let long = [
            &b"\x1b[200~"[..],
            &vec![b'x'; MAX_PASTE + 99],
            PASTE_END,
            b"b",
        ]
        .concat();
        let found = all(&long);
        assert!(matches!(&found[0], Found::Paste(text) if text.len() == MAX_PASTE));
        assert_eq!(found.len(), 2);
    }

    #[test]
    fn mouse_reports_are_ignored() {
        assert!(typed(b"\x1b[<0;10;5M\x1b[<0;10;5m").is_empty());
    }

    #[test]
    fn a_reply_in_pieces_is_reassembled() {
        let mut parser = Parser::default();
        assert_eq!(parser.push(0x1b), None);
        assert!(!parser.is_idle(), "a sequence is incomplete");
        let rest = b"[?62;4;22c";
        let found: Vec<Found> = rest.iter().filter_map(|byte| parser.push(*byte)).collect();
        assert_eq!(found, [Found::Reply(Reply::Attributes { sixel: true })]);
        assert!(parser.is_idle());
    }

    #[test]
    fn a_reply_without_an_end_is_bounded() {
        let mut parser = Parser::default();
        parser.push(0x1b);
        parser.push(b'_');
        for _ in 0..100_000 {
            parser.push(b'x');
        }
        assert!(matches!(&parser.state, ParserState::Inside(_, body) if body.len() <= MAX_REPLY));
    }
}

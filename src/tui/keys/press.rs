//! A key with its modifiers, parsed from text and shown as text.
//!
//! Terminals report Shift with letters in two ways; here the case of the letter carries it and the modifier is dropped,
//! so that a key always has one value. Never compare crossterm's events directly.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use std::fmt;
use std::str::FromStr;

use rounds_support::sanitise::clean_line_max;

/// A key and its modifiers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Press {
    pub code: KeyCode,
    pub modifiers: KeyModifiers,
}

/// Text that is not a key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    #[error("the key is empty")]
    Empty,
    #[error("`{key}` has an unknown part `{part}`")]
    Part { key: String, part: String },
}

/// Names of keys that are not single characters.
const NAMES: &[(&str, KeyCode)] = &[
    ("enter", KeyCode::Enter),
    ("esc", KeyCode::Esc),
    ("tab", KeyCode::Tab),
    ("backspace", KeyCode::Backspace),
    ("delete", KeyCode::Delete),
    ("insert", KeyCode::Insert),
    ("left", KeyCode::Left),
    ("right", KeyCode::Right),
    ("up", KeyCode::Up),
    ("down", KeyCode::Down),
    ("home", KeyCode::Home),
    ("end", KeyCode::End),
    ("pageup", KeyCode::PageUp),
    ("pagedown", KeyCode::PageDown),
    ("space", KeyCode::Char(' ')),
    ("minus", KeyCode::Char('-')),
];

const MODIFIERS: &[(&str, KeyModifiers)] = &[
    ("ctrl", KeyModifiers::CONTROL),
    ("alt", KeyModifiers::ALT),
    ("shift", KeyModifiers::SHIFT),
];

impl Press {
    /// Normalises the different ways in which terminals report the same key.
    pub fn new(code: KeyCode, modifiers: KeyModifiers) -> Self {
        let mut modifiers =
            modifiers & (KeyModifiers::CONTROL | KeyModifiers::ALT | KeyModifiers::SHIFT);
        let code = match code {
            KeyCode::BackTab => {
                modifiers |= KeyModifiers::SHIFT;
                KeyCode::Tab
            }
            KeyCode::Char(letter) => {
                let shifted = modifiers.contains(KeyModifiers::SHIFT);
                modifiers -= KeyModifiers::SHIFT;
                let control = modifiers.contains(KeyModifiers::CONTROL);
                KeyCode::Char(match letter {
                    _ if control => letter.to_ascii_lowercase(),
                    _ if shifted => letter.to_ascii_uppercase(),
                    _ => letter,
                })
            }
            other => other,
        };
        Self { code, modifiers }
    }

    /// The character it types, if it types one.
    pub fn character(self) -> Option<char> {
        match self.code {
            KeyCode::Char(letter)
                if self.modifiers.is_empty() && !rounds_support::sanitise::is_forbidden(letter) =>
            {
                Some(letter)
            }
            _ => None,
        }
    }
}

impl From<KeyEvent> for Press {
    fn from(event: KeyEvent) -> Self {
        Self::new(event.code, event.modifiers)
    }
}

impl FromStr for Press {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let mut modifiers = KeyModifiers::NONE;
        let mut rest = text;
        let lower = |part: &str| part.to_lowercase();
        while let Some((part, after)) = rest.split_once('-')
            && !part.is_empty()
            && !after.is_empty()
        {
            let known = MODIFIERS.iter().find(|(name, _)| *name == lower(part));
            let (_, modifier) = known.ok_or_else(|| unknown(text, part))?;
            modifiers |= *modifier;
            rest = after;
        }
        Ok(Self::new(code(rest, text)?, modifiers))
    }
}

fn unknown(key: &str, part: &str) -> KeyError {
    KeyError::Part {
        key: clean_line_max(key, 40),
        part: clean_line_max(part, 40),
    }
}

fn code(name: &str, key: &str) -> Result<KeyCode, KeyError> {
    let mut letters = name.chars();
    match (letters.next(), letters.next()) {
        (None, _) => return Err(KeyError::Empty),
        (Some(letter), None) if !rounds_support::sanitise::is_forbidden(letter) => {
            return Ok(KeyCode::Char(letter));
        }
        _ => {}
    }
    let lower = name.to_lowercase();
    if let Some((_, code)) = NAMES.iter().find(|(known, _)| *known == lower) {
        return Ok(*code);
    }
    let number = lower.strip_prefix('f').and_then(|n| n.parse::<u8>().ok());
    match number {
        Some(number @ 1..=24) => Ok(KeyCode::F(number)),
        _ => Err(unknown(key, name)),
    }
}

impl fmt::Display for Press {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, modifier) in MODIFIERS {
            if self.modifiers.contains(*modifier) {
                write!(f, "{}-", capital(name))?;
            }
        }
        if let Some((name, _)) = NAMES.iter().find(|(_, code)| *code == self.code) {
            return write!(f, "{}", capital(name));
        }
        match self.code {
            KeyCode::F(number) => write!(f, "F{number}"),
            KeyCode::Char(letter) if self.modifiers.contains(KeyModifiers::CONTROL) => {
                write!(f, "{}", letter.to_ascii_uppercase())
            }
            KeyCode::Char(letter) => write!(f, "{letter}"),
            _ => write!(f, "?"),
        }
    }
}

fn capital(name: &str) -> String {
    let mut letters = name.chars();
    letters
        .next()
        .map(|first| first.to_uppercase().chain(letters).collect())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_round_trip_through_text() {
        for (text, shown) in [
            ("ctrl-r", "Ctrl-R"),
            ("alt-enter", "Alt-Enter"),
            ("shift-tab", "Shift-Tab"),
            ("f12", "F12"),
            ("?", "?"),
            ("K", "K"),
            ("-", "Minus"),
            ("ctrl-alt-x", "Ctrl-Alt-X"),
        ] {
            let press: Press = text.parse().unwrap();
            assert_eq!(press.to_string(), shown);
            assert_eq!(shown.parse::<Press>().unwrap(), press, "{text}");
        }
    }

    #[test]
    fn shift_with_a_letter_is_the_capital_however_the_terminal_reports_it() {
        let one = Press::new(KeyCode::Char('K'), KeyModifiers::SHIFT);
        let other = Press::new(KeyCode::Char('k'), KeyModifiers::SHIFT);
        assert_eq!(one, other);
        assert_eq!(one, "K".parse().unwrap());
        let back = Press::new(KeyCode::BackTab, KeyModifiers::NONE);
        assert_eq!(back, "shift-tab".parse().unwrap());
    }

    #[test]
    fn invalid_key_text_is_an_error() {
        assert_eq!("".parse::<Press>(), Err(KeyError::Empty));
        for wrong in ["f99", "hyper-x", "ctrl-nothing", "\u{1b}"] {
            assert!(wrong.parse::<Press>().is_err(), "{wrong:?}");
        }
    }
}

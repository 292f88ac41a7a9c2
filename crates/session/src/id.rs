//! Ids of sessions and turns, short enough to type: `k7m2p9xq`, `k7m2p9xq#3`.
//!
//! An id starts with a letter, so it is never mistaken for a number, and has no letter that looks like a digit. Ids are
//! random: never derive one from a title or an image, because they appear in logs and file names.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

use crate::error::SessionError;
use rounds_support::sanitise::clean_line_max;

/// Crockford's base32, digits last, so that the first 22 are letters.
const ALPHABET: &[u8; 32] = b"abcdefghjkmnpqrstvwxyz0123456789";
const LETTERS: u64 = 22;
const LENGTH: u32 = 8;

/// Id of a session: 8 characters of base32, the first a letter.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SessionId(String);

impl SessionId {
    /// An id from random `bytes`.
    pub fn from_bytes(bytes: [u8; 5]) -> Self {
        let number = bytes
            .iter()
            .fold(0_u64, |sum, &byte| sum << 8 | u64::from(byte));
        let letter = |position: u32| {
            let five = number >> (5 * position) & 31;
            let index = if position == 0 { five % LETTERS } else { five };
            ALPHABET
                .get(index as usize)
                .map_or('a', |&byte| char::from(byte))
        };
        Self((0..LENGTH).map(letter).collect())
    }

    /// Its eight characters.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// `text` normalised like an id or the beginning of one: lower case, look-alike letters replaced. `None` if it cannot be one.
pub(crate) fn as_prefix(text: &str) -> Option<String> {
    let text: String = text
        .trim()
        .chars()
        .map(|c| match c.to_ascii_lowercase() {
            'o' => '0',
            'i' | 'l' => '1',
            other => other,
        })
        .collect();
    let fits = (1..=LENGTH as usize).contains(&text.len())
        && text.bytes().all(|byte| ALPHABET.contains(&byte))
        && text.starts_with(|c: char| c.is_ascii_lowercase());
    fits.then_some(text)
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for SessionId {
    type Err = SessionError;

    fn from_str(text: &str) -> Result<Self, SessionError> {
        as_prefix(text)
            .filter(|id| id.len() == LENGTH as usize)
            .map(Self)
            .ok_or_else(|| SessionError::Unknown(clean_line_max(text, 60)))
    }
}

impl TryFrom<String> for SessionId {
    type Error = SessionError;

    fn try_from(text: String) -> Result<Self, SessionError> {
        text.parse()
    }
}

impl From<SessionId> for String {
    fn from(id: SessionId) -> Self {
        id.0
    }
}

/// Id of a turn; written `SESSION#TURN`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TurnId {
    /// The session it belongs to.
    pub session: SessionId,
    /// Its number in the session, from 1, in the order asked.
    pub number: u32,
}

impl fmt::Display for TurnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.session, self.number)
    }
}

impl FromStr for TurnId {
    type Err = SessionError;

    fn from_str(text: &str) -> Result<Self, SessionError> {
        let address: TurnAddress = text.parse()?;
        Ok(Self {
            session: address.session.parse()?,
            number: address.turn,
        })
    }
}

/// `SESSION#TURN` as typed; the session may be an id, the beginning of one, a number or a title.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TurnAddress {
    /// The text that names the session.
    pub session: String,
    /// Number of the turn, from 1.
    pub turn: u32,
}

impl FromStr for TurnAddress {
    type Err = SessionError;

    fn from_str(text: &str) -> Result<Self, SessionError> {
        let parts = text.trim().rsplit_once('#').and_then(|(session, turn)| {
            let digits = turn.bytes().all(|byte| byte.is_ascii_digit());
            let turn: u32 = turn.parse().ok().filter(|&turn| digits && turn > 0)?;
            let session = session.trim();
            (!session.is_empty()).then(|| (session.to_owned(), turn))
        });
        match parts {
            Some((session, turn)) => Ok(Self { session, turn }),
            None => Err(SessionError::Address(clean_line_max(text, 60))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_id_parses_back_in_upper_case_and_with_look_alike_letters() {
        for byte in 0..=255_u8 {
            let id =
                SessionId::from_bytes([byte, byte.wrapping_mul(37), 255 - byte, byte ^ 0x5A, byte]);
            let typed = id
                .as_str()
                .to_uppercase()
                .replace('0', "O")
                .replace('1', "l");
            assert_eq!(typed.parse::<SessionId>().unwrap(), id);
            assert!(id.as_str().starts_with(|c: char| c.is_ascii_lowercase()));
        }
    }

    #[test]
    fn a_turn_address_needs_a_session_and_a_positive_number() {
        let address: TurnAddress = " chest case #2#13 ".parse().unwrap();
        assert_eq!(
            (address.session.as_str(), address.turn),
            ("chest case #2", 13)
        );
        for wrong in [
            "",
            "k7m2",
            "#3",
            "k7m2#",
            "k7m2#0",
            "k7m2#-1",
            "k7m2#+1",
            "k7m2#4294967296",
            "k7m2#x",
        ] {
            assert!(wrong.parse::<TurnAddress>().is_err(), "{wrong}");
        }
        let id: TurnId = "k7m2p9xq#3".parse().unwrap();
        assert_eq!(id.to_string(), "k7m2p9xq#3");
        assert!("k7m2#3".parse::<TurnId>().is_err());
    }
}

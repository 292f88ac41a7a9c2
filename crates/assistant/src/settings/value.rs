//! Values of settings as text and as JSON, so that every surface reads them alike.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};

use crate::retrieval::{Condition, ConditionError};

/// What turns a limit off and empties a list.
pub(super) const OFF: &str = "off";

/// Why text is not a value of its setting.
pub(crate) enum Unreadable {
    /// It is not a value of the right kind.
    Value,
    /// It is not one of the names.
    Name,
    /// It is not a condition.
    Condition(ConditionError),
}

/// A value that a setting can have.
pub(crate) trait Value: Clone {
    /// Whether it is a list.
    const MANY: bool = false;
    /// Whether it can be `off`.
    const CAN_BE_OFF: bool = false;
    /// Whether it is a number, so that a leading minus is not a flag.
    const NUMBER: bool = false;

    /// The names it can have, with their help; none if it is not one of a few.
    fn names() -> Vec<(&'static str, &'static str)> {
        Vec::new()
    }

    /// Reads a list from its parts, or any other value from the last of them.
    fn read(parts: &[&str]) -> Result<Self, Unreadable>;

    /// As it could be typed.
    fn text(&self) -> String;

    /// Reads it from JSON.
    fn from_json<'de, D: Deserializer<'de>>(json: D) -> Result<Self, D::Error>;
}

macro_rules! numbers {
    ($($number:ty),+) => {
        $(impl Value for $number {
            const NUMBER: bool = true;

            fn read(parts: &[&str]) -> Result<Self, Unreadable> {
                let typed = parts.last().copied().unwrap_or_default();
                typed.trim().parse().map_err(|_| Unreadable::Value)
            }

            fn text(&self) -> String {
                self.to_string()
            }

            fn from_json<'de, D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
                Self::deserialize(json)
            }
        })+
    };
}

numbers!(usize, u64, f32, f64);

/// A limit that can be off.
impl<T: Value + DeserializeOwned> Value for Option<T> {
    const CAN_BE_OFF: bool = true;
    const NUMBER: bool = T::NUMBER;

    fn read(parts: &[&str]) -> Result<Self, Unreadable> {
        match parts.last() {
            Some(&OFF) => Ok(None),
            _ => T::read(parts).map(Some),
        }
    }

    fn text(&self) -> String {
        self.as_ref().map_or_else(|| OFF.into(), T::text)
    }

    fn from_json<'de, D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "expected a number or \"off\"")]
        enum NumberOrOff<T> {
            Number(T),
            Off(Off),
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "lowercase")]
        enum Off {
            Off,
        }
        Ok(match NumberOrOff::deserialize(json)? {
            NumberOrOff::Number(number) => Some(number),
            NumberOrOff::Off(Off::Off) => None,
        })
    }
}

/// One item of a list.
pub(crate) trait Item: Clone + DeserializeOwned {
    /// Reads it.
    fn read(text: &str) -> Result<Self, Unreadable>;
    /// As it could be typed.
    fn text(&self) -> String;
}

impl Item for String {
    fn read(text: &str) -> Result<Self, Unreadable> {
        Ok(text.into())
    }

    fn text(&self) -> String {
        self.clone()
    }
}

impl Item for Condition {
    fn read(text: &str) -> Result<Self, Unreadable> {
        text.parse().map_err(Unreadable::Condition)
    }

    fn text(&self) -> String {
        self.to_string()
    }
}

impl<T: Item> Value for Vec<T> {
    const MANY: bool = true;
    const CAN_BE_OFF: bool = true;

    fn read(parts: &[&str]) -> Result<Self, Unreadable> {
        match parts {
            [OFF] => Ok(Self::new()),
            parts => parts.iter().map(|part| T::read(part)).collect(),
        }
    }

    fn text(&self) -> String {
        match self.is_empty() {
            true => OFF.into(),
            false => self.iter().map(T::text).collect::<Vec<_>>().join(" "),
        }
    }

    fn from_json<'de, D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        Self::deserialize(json)
    }
}

/// How the text of a slash command is split into the parts of a value.
pub(crate) mod split {
    /// Not at all.
    pub(crate) fn whole(text: &str) -> Vec<&str> {
        vec![text]
    }

    /// At blanks.
    pub(crate) fn words(text: &str) -> Vec<&str> {
        text.split_whitespace().collect()
    }

    /// At bars, because an answer may have several words.
    pub(crate) fn bars(text: &str) -> Vec<&str> {
        let parts = text.split('|').map(str::trim);
        parts.filter(|part| !part.is_empty()).collect()
    }
}

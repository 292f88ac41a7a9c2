//! What a setting is: a row of the table that flags, script lines, slash commands and provenance are made from.

use std::fmt;
use std::hash::{Hash, Hasher};

use rounds_support::errors::count;

use super::value::{Unreadable, Value};
use super::{Settings, SettingsPatch};
use crate::validate::SettingsError;

/// What a setting is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// Which shots are chosen, and their order.
    Shots,
    /// How answers are decoded.
    Decoding,
    /// Particular examples or answers: of use for one question, not as a default.
    Question,
}

/// A setting.
pub struct Setting {
    /// Its name in JSON.
    pub name: &'static str,
    /// Its flag, without the dashes.
    pub flag: &'static str,
    /// Its slash command; `None` if the chat has richer commands for it.
    pub command: Option<&'static str>,
    /// Placeholder of its flag's value.
    pub argument: &'static str,
    /// Placeholder of what its slash command takes.
    pub arguments: &'static str,
    /// What it does, starting in lower case.
    pub help: &'static str,
    /// What it is about.
    pub group: Group,
    /// Whether it is a list.
    pub many: bool,
    /// Whether it is a number, or a number or off.
    pub number: bool,
    /// Whether it can be off or empty.
    pub can_be_off: bool,
    pub(super) takes: fn() -> String,
    pub(super) names: fn() -> Vec<(&'static str, &'static str)>,
    pub(super) split: fn(&str) -> Vec<&str>,
    pub(super) read: fn(&mut SettingsPatch, &[&str]) -> Result<(), Unreadable>,
    pub(super) patch_fits: fn(&SettingsPatch) -> bool,
    pub(super) fits: fn(&Settings) -> bool,
    pub(super) text: fn(&Settings) -> String,
    pub(super) words: fn(&Settings) -> String,
}

impl Setting {
    /// The setting with this name, flag or slash command.
    pub fn find(name: &str) -> Option<&'static Self> {
        let is_it = |setting: &&Self| {
            let command = setting.command.map(|command| &command[1..]);
            [Some(setting.name), Some(setting.flag), command].contains(&Some(name))
        };
        super::SETTINGS.iter().find(is_it)
    }

    /// The values that it takes, for a message.
    pub fn takes(&self) -> String {
        (self.takes)()
    }

    /// The names that it takes, with their help; none if it takes anything else.
    pub fn names(&self) -> Vec<(&'static str, &'static str)> {
        (self.names)()
    }

    /// Whether its value is in range.
    pub(crate) fn fits(&self, settings: &Settings) -> bool {
        (self.fits)(settings)
    }

    /// Its value as it could be typed.
    pub fn text(&self, settings: &Settings) -> String {
        (self.text)(settings)
    }

    /// The setting and its value in words: `4 shots`, `no floor`, `seed 7`.
    pub fn in_words(&self, settings: &Settings) -> String {
        (self.words)(settings)
    }

    /// The error for a value that is out of range or not of its kind.
    pub(crate) fn refuse(&'static self, given: Option<String>) -> SettingsError {
        SettingsError::Range(self, given)
    }

    /// Puts the value read from `parts` into `patch`; leaves it unchanged if it is not valid.
    pub(super) fn read(
        &'static self,
        patch: &mut SettingsPatch,
        parts: &[&str],
    ) -> Result<(), SettingsError> {
        let mut changed = patch.clone();
        let given = || parts.join(" ");
        (self.read)(&mut changed, parts).map_err(|why| match why {
            Unreadable::Value => self.refuse(Some(given())),
            Unreadable::Name => SettingsError::Name(self, given()),
            Unreadable::Condition(error) => error.into(),
        })?;
        if !(self.patch_fits)(&changed) {
            return Err(self.refuse(Some(given())));
        }
        *patch = changed;
        Ok(())
    }
}

impl PartialEq for Setting {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Setting {}

impl Hash for Setting {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.name.hash(hasher);
    }
}

impl fmt::Debug for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Setting({})", self.name)
    }
}

/// `seed 7`, `no floor`.
pub(super) fn plain<T: Value>(flag: &str, value: &T) -> String {
    match value.text() {
        off if T::CAN_BE_OFF && off == super::value::OFF => format!("no {flag}"),
        text => format!("{flag} {text}"),
    }
}

/// `1 shot`, `4 shots`.
pub(super) fn counted(_: &str, number: &usize) -> String {
    count(*number, "shot")
}

/// `no option`, `options yes | no`.
pub(super) fn barred(flag: &str, texts: &[String]) -> String {
    match texts {
        [] => format!("no {flag}"),
        texts => format!("{flag} {}", texts.join(" | ")),
    }
}

/// Any value.
pub(super) fn any<T>(_: &T) -> bool {
    true
}

/// The value of a setting in provenance, as it is.
pub(super) fn same<T>(value: &T) -> &T {
    value
}

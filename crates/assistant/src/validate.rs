//! Validates settings, in one place for the command line, the chat and scripts, so that all accept the same values.

use crate::retrieval::{ConditionError, Strategy};
use crate::settings::{SETTINGS, Setting, Settings};
use rounds_support::sanitise::{clean_line, clean_line_max};
use rounds_support::{FailureKind, Hint};

/// Highest temperature; here every token is about equally likely.
pub(crate) const MAX_TEMPERATURE: f64 = 100.0;
/// Most beams in a beam search.
pub(crate) const MAX_BEAMS: usize = 16;
/// Most answers to rank.
pub(crate) const MAX_OPTIONS: usize = 32;
/// Longest part of an invalid value that a message repeats, in characters.
const MAX_GIVEN: usize = 80;

/// A setting that does not exist or is out of range, or two that cannot be combined.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// The setting does not take this value, if it is known as text.
    #[error("{}", wrong_value(.0.flag, .0, .1.as_deref()))]
    Range(&'static Setting, Option<String>),
    /// The setting takes one of a few names, and this is none of them.
    #[error("{}", wrong_name(.0, .1))]
    Name(&'static Setting, String),
    /// Not a condition on examples.
    #[error(transparent)]
    Condition(#[from] ConditionError),
    /// There is no setting of this name.
    #[error("there is no setting `{0}`")]
    Unknown(String),
    /// Beam search with a temperature above 0.
    #[error("beam search cannot be combined with a temperature")]
    BeamsSampled,
    /// The strategy `fixed` without pinned examples.
    #[error("the strategy fixed uses only pinned examples, and none is pinned")]
    NothingPinned,
    /// The example with this id is both pinned and excluded.
    #[error("{0} is both pinned and excluded")]
    PinnedAndExcluded(String),
}

/// `floor takes a number from -1 to 1, or off, not `7``.
fn wrong_value(name: &str, setting: &Setting, given: Option<&str>) -> String {
    let takes = format!("{name} takes {}", setting.takes());
    match given.filter(|given| !given.is_empty()) {
        Some(given) => format!("{takes}, not `{}`", clean_line_max(given, MAX_GIVEN)),
        None => takes,
    }
}

fn wrong_name(setting: &Setting, given: &str) -> String {
    match given {
        "" => format!("{} is missing", setting.takes()),
        given => format!(
            "`{}` is not {}",
            clean_line_max(given, MAX_GIVEN),
            setting.takes()
        ),
    }
}

impl SettingsError {
    /// The error for a name that no setting has.
    pub(crate) fn unknown(name: &str) -> Self {
        Self::Unknown(clean_line_max(name, MAX_GIVEN))
    }

    /// The message with the setting's slash command for its name.
    pub fn in_chat(&self) -> String {
        match self {
            Self::Range(setting, given) => {
                let name = setting.command.unwrap_or(setting.name);
                wrong_value(name, setting, given.as_deref())
            }
            other => other.to_string(),
        }
    }

    /// The message without the setting's name and its value, which the parser of flags says itself.
    #[cfg(feature = "clap")]
    pub(crate) fn in_flag(&self) -> String {
        match self {
            Self::Range(setting, _) => wrong_value("it", setting, None),
            other => other.to_string(),
        }
    }
}

impl Hint for SettingsError {
    fn hint(&self) -> Option<String> {
        let text = match self {
            Self::Range(..) | Self::Condition(_) => return None,
            Self::Name(setting, _) => {
                let names: Vec<&str> = setting.names().iter().map(|(name, _)| *name).collect();
                return Some(format!("one of {}", names.join(", ")));
            }
            Self::Unknown(_) => {
                let commands = SETTINGS.iter().filter_map(|setting| setting.command);
                let names: Vec<&str> = commands.map(|command| &command[1..]).collect();
                return Some(format!("use one of {}", names.join(", ")));
            }
            Self::BeamsSampled => "set the temperature to 0, or use 1 beam",
            Self::PinnedAndExcluded(_) => "remove it from one of the two",
            Self::NothingPinned => {
                "pin an example or choose another strategy; find examples with `rounds index search`"
            }
        };
        Some(text.into())
    }

    fn kind(&self) -> FailureKind {
        FailureKind::Usage
    }
}

impl Settings {
    /// Errors with the first invalid setting.
    pub fn check(&self) -> Result<(), SettingsError> {
        if let Some(setting) = SETTINGS.iter().find(|setting| !setting.fits(self)) {
            return Err(setting.refuse(Some(setting.text(self))));
        }
        let decoding = &self.decoding;
        if decoding.beams > 1 && decoding.temperature > 0.0 {
            return Err(SettingsError::BeamsSampled);
        }
        if self.strategy == Strategy::Fixed && self.pinned.is_empty() {
            return Err(SettingsError::NothingPinned);
        }
        if let Some(id) = self.pinned.iter().find(|id| self.excluded.contains(id)) {
            return Err(SettingsError::PinnedAndExcluded(clean_line(id)));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(change: impl Fn(&mut Settings)) -> Result<(), SettingsError> {
        let mut settings = Settings::default();
        change(&mut settings);
        settings.check()
    }

    fn assert_refused(name: &str, change: impl Fn(&mut Settings)) {
        let error = with(change).unwrap_err().to_string();
        assert!(error.starts_with(&format!("{name} takes ")), "{error}");
    }

    #[test]
    fn numbers_out_of_range_are_assert_refused() {
        assert_eq!(with(|_| ()), Ok(()));
        assert_refused("shots", |s| s.shots = 513);
        for floor in [5.0, -1.5, f32::NAN] {
            assert_refused("floor", |s| s.floor = Some(floor));
        }
        for temperature in [-0.1, 100.5, f64::NAN, f64::INFINITY] {
            assert_refused("temperature", |s| s.decoding.temperature = temperature);
        }
        for top_p in [0.0, 1.5, f64::NAN] {
            assert_refused("top-p", |s| s.decoding.top_p = Some(top_p));
        }
        assert_refused("top-k", |s| s.decoding.top_k = Some(0));
        assert_refused("max-new-tokens", |s| s.decoding.max_new_tokens = 0);
        for beams in [0, 17] {
            assert_refused("beams", |s| s.decoding.beams = beams);
        }
        assert_refused("repetition-penalty", |s| {
            s.decoding.penalties.repetition = 0.0;
        });
        assert_refused("length-penalty", |s| {
            s.decoding.length_penalty = f64::NAN;
        });
    }

    #[test]
    fn settings_that_cannot_be_combined_are_assert_refused() {
        let both = with(|s| {
            s.decoding.beams = 4;
            s.decoding.temperature = 1.0;
        });
        assert_eq!(both, Err(SettingsError::BeamsSampled));
        let fixed = with(|s| s.strategy = Strategy::Fixed);
        assert_eq!(fixed, Err(SettingsError::NothingPinned));
        let pinned = with(|s| {
            s.strategy = Strategy::Fixed;
            s.pinned = vec!["chest-0001".into()];
        });
        assert_eq!(pinned, Ok(()));
        let both = with(|s| {
            s.pinned = vec!["chest-0001".into()];
            s.excluded = s.pinned.clone();
        });
        let error = SettingsError::PinnedAndExcluded("chest-0001".into());
        assert_eq!(both, Err(error));
    }
}

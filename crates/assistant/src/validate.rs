//! Validates settings, in one place for the command line, the chat and scripts, so that all accept the same values.

use super::types::{MAX_SHOTS, Settings};
use crate::retrieval::Strategy;
use rounds_support::Hint;
use rounds_support::sanitise::clean_line;

/// Highest temperature; here every token is about equally likely.
const MAX_TEMPERATURE: f64 = 100.0;
/// Most beams in a beam search.
const MAX_BEAMS: usize = 16;

/// A setting that is out of range, or two that cannot be combined.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// The setting's name, and the values it takes.
    #[error("{0} takes {1}")]
    Range(&'static str, String),
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

impl Hint for SettingsError {
    fn hint(&self) -> Option<String> {
        let text = match self {
            Self::Range(..) => return None,
            Self::BeamsSampled => "set the temperature to 0, or use 1 beam",
            Self::PinnedAndExcluded(_) => "remove it from one of the two",
            Self::NothingPinned => {
                "pin an example or choose another strategy; find examples with `rounds index search`"
            }
        };
        Some(text.into())
    }
}

impl Settings {
    /// Errors with the first invalid setting.
    pub fn check(&self) -> Result<(), SettingsError> {
        let decoding = &self.decoding;
        let penalties = &decoding.penalties;
        let ranges = [
            (
                "shots",
                self.shots <= MAX_SHOTS,
                format!("a number from 0 to {MAX_SHOTS}"),
            ),
            (
                "floor",
                self.floor.is_none_or(|f| (-1.0..=1.0).contains(&f)),
                "a number from -1 to 1".into(),
            ),
            (
                "temperature",
                (0.0..=MAX_TEMPERATURE).contains(&decoding.temperature),
                format!("a number from 0 to {MAX_TEMPERATURE}"),
            ),
            (
                "top-p",
                decoding.top_p.is_none_or(|p| p > 0.0 && p <= 1.0),
                "a number above 0 and at most 1".into(),
            ),
            (
                "top-k",
                decoding.top_k != Some(0),
                "a number of at least 1; leave it out to sample from all tokens".into(),
            ),
            (
                "max-new-tokens",
                decoding.max_new_tokens > 0,
                "a number of at least 1".into(),
            ),
            (
                "beams",
                (1..=MAX_BEAMS).contains(&decoding.beams),
                format!("a number from 1 to {MAX_BEAMS}"),
            ),
            (
                "repetition-penalty",
                penalties.repetition.is_finite() && penalties.repetition > 0.0,
                "a number above 0".into(),
            ),
            (
                "length-penalty",
                decoding.length_penalty.is_finite(),
                "a number".into(),
            ),
        ];
        if let Some((name, _, takes)) = ranges.into_iter().find(|(_, fits, _)| !fits) {
            return Err(SettingsError::Range(name, takes));
        }
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

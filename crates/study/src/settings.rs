//! What a learner can set for a deck.

use rounds_support::sanitise::clean_line_max;
use serde::{Deserialize, Serialize};

use crate::error::StudyError;

/// Most learning steps, and most relearning steps.
const MAX_STEPS: usize = 10;
/// Longest step in minutes: a day. What is longer is FSRS's.
const MAX_STEP_MINUTES: u32 = 24 * 60;
/// Longest interval in days: a hundred years.
const MAX_INTERVAL_DAYS: u32 = 36_500;
/// Most cards a day.
const MAX_PER_DAY: u32 = 9999;
/// Number of parameters of FSRS-6.
pub(crate) const PARAMETERS: usize = 21;

/// The settings of a deck. Fields that a file lacks have their defaults.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// The probability of recall at which a card comes again, 0.70 to 0.99.
    pub retention: f32,
    /// New cards a day.
    pub new_per_day: u32,
    /// Reviews a day.
    pub reviews_per_day: u32,
    /// After how many minutes a new card comes again, step by step.
    pub learning_steps_minutes: Vec<u32>,
    /// The same for a card that was forgotten.
    pub relearning_steps_minutes: Vec<u32>,
    /// Whether cards that share an image or a patient come on different days.
    pub bury_siblings: bool,
    /// The hour of local time at which a day of study begins, 0 to 23.
    pub day_starts_at: u8,
    /// Longest interval in days.
    pub max_interval_days: u32,
    /// Own parameters of FSRS-6; none for those of FSRS itself.
    pub parameters: Vec<f32>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            retention: 0.9,
            new_per_day: 20,
            reviews_per_day: 200,
            learning_steps_minutes: vec![1, 10],
            relearning_steps_minutes: vec![10],
            bury_siblings: true,
            day_starts_at: 4,
            max_interval_days: MAX_INTERVAL_DAYS,
            parameters: Vec::new(),
        }
    }
}

/// A setting, for a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// As it is typed.
    pub name: &'static str,
    /// As it can be typed.
    pub value: String,
    /// In words.
    pub meaning: &'static str,
}

fn wrong(name: &str, reason: impl Into<String>) -> StudyError {
    StudyError::Setting {
        name: clean_line_max(name, 60),
        reason: reason.into(),
    }
}

impl Settings {
    /// The same settings, if every value is one that it can have.
    pub fn validated(self) -> Result<Self, StudyError> {
        let steps = [
            ("learning-steps", &self.learning_steps_minutes),
            ("relearning-steps", &self.relearning_steps_minutes),
        ];
        for (name, steps) in steps {
            if steps.len() > MAX_STEPS {
                return Err(wrong(name, format!("has at most {MAX_STEPS} steps")));
            }
            let range = 1..=MAX_STEP_MINUTES;
            if steps.iter().any(|minutes| !range.contains(minutes)) {
                let reason = format!("are 1 to {MAX_STEP_MINUTES} minutes each");
                return Err(wrong(name, reason));
            }
        }
        if !(0.7..=0.99).contains(&self.retention) {
            return Err(wrong("retention", "is 0.70 to 0.99"));
        }
        let numbers = [
            ("new-per-day", self.new_per_day, 0, MAX_PER_DAY),
            ("reviews-per-day", self.reviews_per_day, 0, MAX_PER_DAY),
            ("day-starts-at", u32::from(self.day_starts_at), 0, 23),
            ("max-interval", self.max_interval_days, 1, MAX_INTERVAL_DAYS),
        ];
        for (name, value, low, high) in numbers {
            if !(low..=high).contains(&value) {
                return Err(wrong(name, format!("is {low} to {high}")));
            }
        }
        let count = self.parameters.len();
        if count != 0 && count != PARAMETERS {
            let reason = format!("are {PARAMETERS} numbers, or none for those of FSRS");
            return Err(wrong("parameters", reason));
        }
        if self.parameters.iter().any(|value| !value.is_finite()) {
            return Err(wrong("parameters", "are finite numbers"));
        }
        Ok(self)
    }

    /// Sets a setting by its name as in [`Settings::entries`]; unchanged if the value is wrong.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), StudyError> {
        let mut changed = self.clone();
        let value = value.trim();
        match name.trim() {
            "retention" => changed.retention = share(value)?,
            "new-per-day" => changed.new_per_day = number(name, value)?,
            "reviews-per-day" => changed.reviews_per_day = number(name, value)?,
            "learning-steps" => changed.learning_steps_minutes = numbers(name, value)?,
            "relearning-steps" => changed.relearning_steps_minutes = numbers(name, value)?,
            "bury-siblings" => changed.bury_siblings = switch(name, value)?,
            "day-starts-at" => changed.day_starts_at = number(name, value)?,
            "max-interval" => changed.max_interval_days = number(name, value)?,
            "parameters" if value == "default" => changed.parameters = Vec::new(),
            "parameters" => changed.parameters = numbers(name, value)?,
            _ => return Err(wrong(name, "is no setting")),
        }
        *self = changed.validated()?;
        Ok(())
    }

    /// Every setting with its value.
    pub fn entries(&self) -> Vec<Entry> {
        let entry = |name, value, meaning| Entry {
            name,
            value,
            meaning,
        };
        let switch = if self.bury_siblings { "on" } else { "off" };
        vec![
            entry(
                "retention",
                self.retention.to_string(),
                "probability of recall at which a card comes again, 0.70 to 0.99",
            ),
            entry(
                "new-per-day",
                self.new_per_day.to_string(),
                "new cards a day",
            ),
            entry(
                "reviews-per-day",
                self.reviews_per_day.to_string(),
                "reviews a day",
            ),
            entry(
                "learning-steps",
                list(&self.learning_steps_minutes),
                "minutes after which a new card comes again, separated by commas",
            ),
            entry(
                "relearning-steps",
                list(&self.relearning_steps_minutes),
                "minutes after which a forgotten card comes again",
            ),
            entry(
                "bury-siblings",
                switch.to_owned(),
                "cards with the same image or patient come on different days",
            ),
            entry(
                "day-starts-at",
                self.day_starts_at.to_string(),
                "hour at which a day of study begins",
            ),
            entry(
                "max-interval",
                self.max_interval_days.to_string(),
                "longest interval in days",
            ),
            entry(
                "parameters",
                list(&self.parameters),
                "own parameters of FSRS, as `rounds study fit` finds them; none: those of FSRS itself",
            ),
        ]
    }
}

fn list<T: ToString>(values: &[T]) -> String {
    match values.is_empty() {
        true => "none".to_owned(),
        false => {
            let texts: Vec<String> = values.iter().map(ToString::to_string).collect();
            texts.join(",")
        }
    }
}

fn number<T: std::str::FromStr>(name: &str, value: &str) -> Result<T, StudyError> {
    let parsed = value.parse();
    parsed.map_err(|_| wrong(name, format!("is not {}", clean_line_max(value, 40))))
}

/// Numbers separated by commas; `none` for none.
fn numbers<T: std::str::FromStr>(name: &str, value: &str) -> Result<Vec<T>, StudyError> {
    match value {
        "" | "none" => Ok(Vec::new()),
        value => value
            .split(',')
            .map(|part| number(name, part.trim()))
            .collect(),
    }
}

/// A share as `0.9` or `90%`.
fn share(value: &str) -> Result<f32, StudyError> {
    match value.strip_suffix('%') {
        Some(percent) => Ok(number::<f32>("retention", percent.trim())? / 100.0),
        None => number("retention", value),
    }
}

fn switch(name: &str, value: &str) -> Result<bool, StudyError> {
    match value.to_ascii_lowercase().as_str() {
        "on" | "yes" | "true" => Ok(true),
        "off" | "no" | "false" => Ok(false),
        _ => Err(wrong(name, "is on or off")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_valid_and_every_entry_can_be_typed_back() {
        let settings = Settings::default().validated().unwrap();
        let mut other = Settings {
            retention: 0.8,
            new_per_day: 1,
            learning_steps_minutes: Vec::new(),
            bury_siblings: false,
            parameters: fsrs::DEFAULT_PARAMETERS.to_vec(),
            ..Settings::default()
        };
        for entry in settings.entries() {
            other.set(entry.name, &entry.value).unwrap();
        }
        assert_eq!(other, settings);
    }

    #[test]
    fn values_are_typed_as_a_learner_would() {
        let mut settings = Settings::default();
        for (name, value) in [
            ("retention", "85%"),
            ("learning-steps", "1, 10, 60"),
            ("relearning-steps", "none"),
            ("bury-siblings", "off"),
            ("day-starts-at", " 0 "),
        ] {
            settings.set(name, value).unwrap();
        }
        assert_eq!(settings.retention, 0.85);
        assert_eq!(settings.learning_steps_minutes, [1, 10, 60]);
        assert!(settings.relearning_steps_minutes.is_empty());
        assert!(!settings.bury_siblings);
        assert_eq!(settings.day_starts_at, 0);
    }

    #[test]
    fn a_wrong_value_changes_nothing_and_says_what_is_possible() {
        let mut settings = Settings::default();
        for (name, value) in [
            ("retention", "1"),
            ("retention", "0.5"),
            ("retention", "NaN"),
            ("retention", "high"),
            ("new-per-day", "-1"),
            ("new-per-day", "10000"),
            ("learning-steps", "0"),
            ("learning-steps", "1,1,1,1,1,1,1,1,1,1,1"),
            ("relearning-steps", "1441"),
            ("day-starts-at", "24"),
            ("day-starts-at", "300"),
            ("max-interval", "0"),
            ("parameters", "1,2,3"),
            ("bury-siblings", "perhaps"),
            ("colour", "red"),
        ] {
            let error = settings.set(name, value).unwrap_err().to_string();
            assert!(error.starts_with(name), "{error}");
            assert_eq!(settings, Settings::default(), "{name}={value}");
        }
        let infinite = vec!["inf"; PARAMETERS].join(",");
        assert!(settings.set("parameters", &infinite).is_err());
    }

    #[test]
    fn settings_of_another_version_are_read_with_defaults_for_what_they_lack() {
        let read: Settings = serde_json::from_str(r#"{"retention":0.8,"colour":"red"}"#).unwrap();
        let expected = Settings {
            retention: 0.8,
            ..Settings::default()
        };
        assert_eq!(read, expected);
    }
}

//! Pinned and excluded examples belong to an index: another index has its own, and a new session starts with those that
//! the program was started with.

use std::collections::HashMap;
use std::path::PathBuf;

use rounds_assistant::Settings;
use rounds_support::errors::count;

/// The pinned and excluded examples of one index.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Pins {
    pinned: Vec<String>,
    excluded: Vec<String>,
}

impl Pins {
    fn of(settings: &Settings) -> Self {
        Self {
            pinned: settings.pinned.clone(),
            excluded: settings.excluded.clone(),
        }
    }

    fn put_into(self, settings: &mut Settings) {
        settings.pinned = self.pinned;
        settings.excluded = self.excluded;
    }

    /// `2 pinned and 1 excluded example`, if there are any.
    fn in_words(&self) -> Option<String> {
        match (self.pinned.len(), self.excluded.len()) {
            (0, 0) => None,
            (pinned, 0) => Some(count(pinned, "pinned example")),
            (0, excluded) => Some(count(excluded, "excluded example")),
            (pinned, excluded) => Some(format!(
                "{pinned} pinned and {}",
                count(excluded, "excluded example")
            )),
        }
    }
}

/// The pins of every index that was open. Those of the open index are in the settings.
#[derive(Clone, Debug, Default)]
pub struct PinsByIndex {
    /// `None` is the shipped index.
    index: Option<PathBuf>,
    others: HashMap<Option<PathBuf>, Pins>,
    first_index: Option<PathBuf>,
    first: Pins,
}

impl PinsByIndex {
    /// The pins in the settings that the program was started with are those of its index.
    pub fn new(index: Option<PathBuf>, settings: &Settings) -> Self {
        Self {
            others: HashMap::new(),
            first_index: index.clone(),
            first: Pins::of(settings),
            index,
        }
    }

    /// Another index was opened: its pins replace those in the settings. Returns what was set aside, in words.
    pub fn switch(&mut self, index: Option<PathBuf>, settings: &mut Settings) -> Option<String> {
        if index == self.index {
            return None;
        }
        let before = Pins::of(settings);
        let words = before.in_words();
        let known = self.others.remove(&index);
        known.unwrap_or_default().put_into(settings);
        let old = std::mem::replace(&mut self.index, index);
        self.others.insert(old, before);
        words
    }

    /// A new session begins. Returns what was cleared, in words.
    pub fn reset(&mut self, settings: &mut Settings) -> Option<String> {
        self.others = HashMap::from([(self.first_index.clone(), self.first.clone())]);
        let before = Pins::of(settings);
        let now = self.others.remove(&self.index).unwrap_or_default();
        let cleared = (now != before).then(|| before.in_words()).flatten();
        now.put_into(settings);
        cleared
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pinned(id: &str) -> Settings {
        Settings {
            pinned: vec![id.into()],
            ..Settings::default()
        }
    }

    #[test]
    fn every_index_keeps_its_own_pins_and_a_new_session_has_the_first_ones() {
        let mut settings = pinned("a");
        let mut pins = PinsByIndex::new(None, &settings);
        let mine = Some(PathBuf::from("mine"));
        let aside = pins.switch(mine.clone(), &mut settings);
        assert_eq!(aside.as_deref(), Some("1 pinned example"));
        assert!(settings.pinned.is_empty());
        settings = pinned("b");
        settings.excluded = vec!["c".into(), "d".into()];
        let aside = pins.switch(None, &mut settings);
        assert_eq!(aside.as_deref(), Some("1 pinned and 2 excluded examples"));
        assert_eq!(settings, pinned("a"));
        assert_eq!(pins.reset(&mut settings), None);
        assert_eq!(settings, pinned("a"));
        settings.pinned.push("e".into());
        assert!(pins.reset(&mut settings).is_some());
        assert_eq!(settings, pinned("a"));
        pins.switch(mine, &mut settings);
        assert!(settings.pinned.is_empty(), "the reset clears all indexes");
        assert!(settings.excluded.is_empty());
    }
}

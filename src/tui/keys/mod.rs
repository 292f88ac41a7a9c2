//! Which key does what: one table of actions, their default keys and their help.
//!
//! A settings file may give other keys by the action's name. Never match on a key elsewhere for something that has a
//! name here: the help screen, the hints and the user's own keys would lie.

mod press;
mod table;

pub use press::{KeyError, Press};
pub use table::{Action, Place, TABLE};

use std::collections::{BTreeMap, HashMap};

/// Keys to actions, by the place where they count.
#[derive(Clone, Debug)]
pub struct Keymap {
    bound: HashMap<(Place, Press), Action>,
    /// The keys of every action as text, in the order of the table.
    shown: Vec<(Action, String)>,
}

/// A key setting that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeymapError {
    #[error("there is no action named `{0}`")]
    Action(String),
    #[error("keys of `{action}`: {error}")]
    Key { action: String, error: KeyError },
    #[error("`{key}` is assigned to both `{first}` and `{second}`")]
    Twice {
        key: String,
        first: &'static str,
        second: &'static str,
    },
}

impl rounds_support::Hint for KeymapError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Action(name) => match nearest(name) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "F1 shows the names of all actions".into(),
            },
            Self::Key { .. } => {
                "write keys like ctrl-r, alt-enter, f5, shift-tab or ?, separated by spaces".into()
            }
            Self::Twice { .. } => "assign a different key to one of them".into(),
        })
    }
}

fn nearest(name: &str) -> Option<&'static str> {
    TABLE
        .iter()
        .map(|row| row.name)
        .find(|known| known.starts_with(name) || name.starts_with(known))
}

impl Keymap {
    /// The default keys, with those of `own` (an action's name to its keys, separated by spaces) in their place.
    ///
    /// Errors where a name or a key is unknown, or a key is given twice in one place.
    pub fn new(own: &BTreeMap<String, String>) -> Result<Self, KeymapError> {
        for name in own.keys() {
            if !TABLE.iter().any(|row| row.name == name) {
                return Err(KeymapError::Action(
                    rounds_support::sanitise::clean_line_max(name, 40),
                ));
            }
        }
        let mut map = Self {
            bound: HashMap::new(),
            shown: Vec::new(),
        };
        for row in TABLE {
            let keys = own.get(row.name).map_or(row.keys, String::as_str);
            let presses = keys
                .split_whitespace()
                .map(str::parse::<Press>)
                .collect::<Result<Vec<_>, _>>()
                .map_err(|error| KeymapError::Key {
                    action: row.name.into(),
                    error,
                })?;
            let texts: Vec<String> = presses.iter().map(ToString::to_string).collect();
            map.shown.push((row.action, texts.join(" ")));
            for press in presses {
                map.bind(row.place, press, row.action)?;
            }
        }
        Ok(map)
    }

    fn bind(&mut self, place: Place, press: Press, action: Action) -> Result<(), KeymapError> {
        match self.bound.insert((place, press), action) {
            Some(before) if before != action => Err(KeymapError::Twice {
                key: press.to_string(),
                first: before.name(),
                second: action.name(),
            }),
            _ => Ok(()),
        }
    }

    /// What a key does in `place`, or anywhere.
    pub fn action(&self, place: Place, press: Press) -> Option<Action> {
        let found = self.bound.get(&(place, press));
        found
            .or_else(|| self.bound.get(&(Place::Anywhere, press)))
            .copied()
    }

    /// The first key of an action, for hints; empty where it has none.
    pub fn hint(&self, action: Action) -> &str {
        self.keys(action).split(' ').next().unwrap_or_default()
    }

    /// All keys of an action, separated by spaces.
    pub fn keys(&self, action: Action) -> &str {
        let row = self.shown.iter().find(|(known, _)| *known == action);
        row.map_or("", |(_, keys)| keys)
    }
}

impl Default for Keymap {
    fn default() -> Self {
        // The defaults are proven to be free of errors by a test.
        Self::new(&BTreeMap::new()).unwrap_or_else(|_| Self {
            bound: HashMap::new(),
            shown: Vec::new(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rounds_support::Hint;

    fn own(name: &str, keys: &str) -> Result<Keymap, KeymapError> {
        Keymap::new(&BTreeMap::from([(name.to_string(), keys.to_string())]))
    }

    #[test]
    fn the_default_keys_have_no_conflict_and_every_action_a_name_of_its_own() {
        let map = Keymap::new(&BTreeMap::new()).unwrap();
        assert_eq!(
            map.action(Place::Input, "enter".parse().unwrap()),
            Some(Action::Send)
        );
        let mut names: Vec<_> = TABLE.iter().map(|row| row.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), TABLE.len());
    }

    #[test]
    fn a_key_of_the_user_takes_the_place_of_the_default() {
        let map = own("regenerate", "f5").unwrap();
        assert_eq!(
            map.action(Place::Input, "f5".parse().unwrap()),
            Some(Action::Regenerate)
        );
        assert_eq!(map.action(Place::Input, "ctrl-r".parse().unwrap()), None);
        assert_eq!(map.hint(Action::Regenerate), "F5");
    }

    #[test]
    fn a_wrong_setting_says_what_is_wrong_and_what_to_write() {
        let unknown = own("regen", "f5").unwrap_err();
        assert_eq!(unknown.to_string(), "there is no action named `regen`");
        assert_eq!(unknown.hint().unwrap(), "did you mean `regenerate`?");
        let key = own("send", "hyper-q").unwrap_err();
        assert_eq!(
            key.to_string(),
            "keys of `send`: `hyper-q` has an unknown part `hyper`"
        );
        let twice = own("send", "ctrl-u").unwrap_err();
        assert!(
            twice.to_string().contains("`Ctrl-U` is assigned to both"),
            "{twice}"
        );
    }
}

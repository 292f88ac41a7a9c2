//! Key bindings: one table of actions with their default keys and help.
//!
//! A settings file can rebind actions by name. Never match on a key elsewhere for an action that has a name here: the
//! help screen, the hints and the user's own keys would be wrong.

mod fixed;
mod press;
mod table;

pub(crate) use fixed::{image_key, window_key};
pub use press::{KeyError, Press};
use table::current_name;
pub use table::{Action, KeyContext, TABLE};

use std::collections::{BTreeMap, HashMap};

/// A user's own keys: names of actions to keys separated by spaces.
pub type KeyBindings = BTreeMap<String, String>;

/// Maps keys to actions, per part of the screen.
#[derive(Clone, Debug)]
pub struct Keymap {
    bound: HashMap<(KeyContext, Press), Action>,
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

    fn kind(&self) -> rounds_support::FailureKind {
        rounds_support::FailureKind::Configuration
    }
}

fn nearest(name: &str) -> Option<&'static str> {
    TABLE
        .iter()
        .map(|row| row.name)
        .find(|known| known.starts_with(name) || name.starts_with(known))
}

/// The overrides by the current names of their actions. Where both a former and the current name are given, the current
/// one counts.
fn by_current_name(overrides: &KeyBindings) -> Result<BTreeMap<&str, &str>, KeymapError> {
    let mut current = BTreeMap::new();
    for (name, keys) in overrides {
        let known = current_name(name);
        if !TABLE.iter().any(|row| row.name == known) {
            let name = rounds_support::sanitise::clean_line_max(name, 40);
            return Err(KeymapError::Action(name));
        }
        if known == name {
            current.insert(known, keys.as_str());
        } else {
            current.entry(known).or_insert(keys.as_str());
        }
    }
    Ok(current)
}

impl Keymap {
    /// The default keys, with `overrides`.
    ///
    /// Fails if a name or a key is unknown, or a key is bound twice in the same context.
    pub fn new(overrides: &KeyBindings) -> Result<Self, KeymapError> {
        let overrides = by_current_name(overrides)?;
        let mut map = Self {
            bound: HashMap::new(),
            shown: Vec::new(),
        };
        for row in TABLE {
            let keys = overrides.get(row.name).copied().unwrap_or(row.keys);
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
                map.bind(row.context, press, row.action)?;
            }
        }
        Ok(map)
    }

    fn bind(
        &mut self,
        context: KeyContext,
        press: Press,
        action: Action,
    ) -> Result<(), KeymapError> {
        match self.bound.insert((context, press), action) {
            Some(before) if before != action => Err(KeymapError::Twice {
                key: press.to_string(),
                first: before.name(),
                second: action.name(),
            }),
            _ => Ok(()),
        }
    }

    /// The action of a key in `context`, or else anywhere.
    pub fn action(&self, context: KeyContext, press: Press) -> Option<Action> {
        let found = self.bound.get(&(context, press));
        found
            .or_else(|| self.bound.get(&(KeyContext::Anywhere, press)))
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
        // A test checks that the defaults are valid.
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

    fn keymap_with(name: &str, keys: &str) -> Result<Keymap, KeymapError> {
        Keymap::new(&BTreeMap::from([(name.to_string(), keys.to_string())]))
    }

    #[test]
    fn default_keys_do_not_conflict_and_action_names_are_unique() {
        let map = Keymap::new(&BTreeMap::new()).unwrap();
        assert_eq!(
            map.action(KeyContext::Input, "enter".parse().unwrap()),
            Some(Action::Send)
        );
        let mut names: Vec<_> = TABLE.iter().map(|row| row.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), TABLE.len());
    }

    #[test]
    fn a_user_key_replaces_the_default() {
        let map = keymap_with("regenerate", "f5").unwrap();
        assert_eq!(
            map.action(KeyContext::Input, "f5".parse().unwrap()),
            Some(Action::Regenerate)
        );
        assert_eq!(
            map.action(KeyContext::Input, "ctrl-r".parse().unwrap()),
            None
        );
        assert_eq!(map.hint(Action::Regenerate), "F5");
    }

    #[test]
    fn an_action_may_be_given_by_the_name_it_had_before() {
        let map = keymap_with("picture-next", "f6").unwrap();
        assert_eq!(map.hint(Action::NextImage), "F6");
        let both = [("image-next", "f7"), ("picture-next", "f6")]
            .map(|(name, keys)| (name.to_string(), keys.to_string()));
        let map = Keymap::new(&BTreeMap::from(both)).unwrap();
        assert_eq!(map.hint(Action::NextImage), "F7");
        assert!(TABLE.iter().all(|row| !row.name.contains("picture")));
    }

    #[test]
    fn an_invalid_setting_names_the_problem_and_a_fix() {
        let unknown = keymap_with("regen", "f5").unwrap_err();
        assert_eq!(unknown.to_string(), "there is no action named `regen`");
        assert_eq!(unknown.hint().unwrap(), "did you mean `regenerate`?");
        let key = keymap_with("send", "hyper-q").unwrap_err();
        assert_eq!(
            key.to_string(),
            "keys of `send`: `hyper-q` has an unknown part `hyper`"
        );
        let twice = keymap_with("send", "ctrl-u").unwrap_err();
        assert!(
            twice.to_string().contains("`Ctrl-U` is assigned to both"),
            "{twice}"
        );
    }
}

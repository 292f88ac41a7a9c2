//! The user's settings: the file and the environment together, validated.

use clap::FromArgMatches;
use std::collections::BTreeMap;
use std::path::PathBuf;

use super::file::{Fault, Location, SettingsFile};
use super::layers::{self, Layer};
use super::table;
use crate::cli::answer_args::AnswerArgs;
use crate::tui::keys::{KeyBindings, Keymap};
use rounds_support::errors::{count, display_path};
use rounds_support::{Failure, FailureKind, Hint, Paths};

const NAME: &str = "config.toml";

pub(super) fn user_path() -> Result<PathBuf, Failure> {
    let paths = Paths::find()?;
    Ok(paths.config_dir.join(NAME))
}

/// The user's settings: defaults for the command line.
#[derive(Default)]
pub struct UserSettings {
    layers: Vec<Layer>,
    /// The user's own keys.
    pub keys: KeyBindings,
}

impl UserSettings {
    /// The command line with these settings as defaults.
    pub fn apply(&self, command: clap::Command) -> clap::Command {
        layers::apply(command, &self.layers)
    }

    /// The layers that override the built-in defaults.
    pub(super) fn layers(&self) -> &[Layer] {
        &self.layers
    }
}

/// Loads the user's settings. Errors if one of them is not valid.
pub fn load() -> Result<UserSettings, Failure> {
    // Without a home folder the built-in settings still work.
    let Ok(path) = user_path() else {
        return Ok(UserSettings::default());
    };
    let (user_settings, faults) = validate(SettingsFile::read(&path));
    match faults.first() {
        None => Ok(user_settings),
        Some(fault) => Err(match faults.len() {
            1 => failure(&path, fault),
            all => failure(&path, fault)
                .hint(format_args!("`rounds config check` lists all {all} faults")),
        }),
    }
}

/// The settings of a file and the environment, with all faults.
pub(super) fn validate(
    (file, mut faults): (SettingsFile, Vec<Fault>),
) -> (UserSettings, Vec<Fault>) {
    let layers = layers::layers(&file, |name| {
        std::env::var_os(name).map(|value| value.to_string_lossy().into_owned())
    });
    let chat = table::chat();
    faults.extend(
        layers
            .iter()
            .filter_map(|layer| layers::fault(&chat, layer)),
    );
    faults.extend(key_faults(&file));
    faults.sort_by(|a, b| a.at.cmp(&b.at));
    let keys = file.keys.iter();
    let keys = keys.map(|(action, keys)| (action.clone(), keys.values.join(" ")));
    let user_settings = UserSettings {
        layers,
        keys: keys.collect(),
    };
    (user_settings, faults)
}

/// Adds key bindings one by one, so that each fault gets the line that causes it.
pub(super) fn key_faults(file: &SettingsFile) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut good = BTreeMap::new();
    let mut keys: Vec<_> = file.keys.iter().collect();
    keys.sort_by_key(|(_, keys)| keys.line);
    for (action, written) in keys {
        good.insert(action.clone(), written.values.join(" "));
        if let Err(error) = Keymap::new(&good) {
            faults.push(Fault {
                at: Location::Line(written.line),
                message: error.to_string(),
                hint: error.hint(),
            });
            good.remove(action);
        }
    }
    // Two actions may swap keys: then all bindings together are valid though some prefixes are not.
    let all = file.keys.iter();
    let all = all.map(|(action, keys)| (action.clone(), keys.values.join(" ")));
    match Keymap::new(&all.collect()) {
        Ok(_) => Vec::new(),
        Err(_) => faults,
    }
}

/// The fault as a failure, with its place.
pub(super) fn failure(path: &std::path::Path, fault: &Fault) -> Failure {
    let located = Failure::new(FailureKind::Configuration, located(path, fault));
    match &fault.hint {
        Some(hint) => located.hint(hint),
        None => located,
    }
}

fn located(path: &std::path::Path, fault: &Fault) -> String {
    let path = display_path(path);
    match &fault.at {
        Location::File => format!("{path}: {}", fault.message),
        Location::Line(line) => format!("{path}:{line}: {}", fault.message),
        Location::Variable(name) => format!("{name}: {}", fault.message),
    }
}

/// The result of checking a settings file and the environment.
pub struct SettingsReport {
    pub path: PathBuf,
    /// How many settings and keys are changed, in words.
    pub summary: String,
    /// Each fault with its location, and a hint.
    pub faults: Vec<(String, Option<String>)>,
    /// Flag names of the settings that override a built-in default.
    pub settings: Vec<&'static str>,
    /// The answer flags of the chat under these settings; `None` if there are faults.
    pub answer_args: Option<AnswerArgs>,
}

/// Checks the user's settings file and the environment. Errors if there is no home folder.
pub fn examine_user_file() -> Result<SettingsReport, Failure> {
    user_path().map(examine)
}

pub(super) fn examine(path: PathBuf) -> SettingsReport {
    let (user_settings, mut faults) = validate(SettingsFile::read(&path));
    if faults.is_empty() {
        faults.extend(combination_fault(&user_settings));
    }
    let summary = match (user_settings.layers.len(), user_settings.keys.len()) {
        _ if !path.exists() => "no settings file; `rounds config init` creates one".into(),
        (0, 0) => "no changes from the defaults".into(),
        (settings, keys) => format!(
            "{} and {} changed",
            count(settings, "setting"),
            count(keys, "key")
        ),
    };
    let described = faults.iter().map(|f| (located(&path, f), f.hint.clone()));
    SettingsReport {
        summary,
        settings: user_settings
            .layers
            .iter()
            .map(|layer| layer.flag)
            .collect(),
        answer_args: answer_args(&user_settings).filter(|_| faults.is_empty()),
        faults: described.collect(),
        path,
    }
}

fn answer_args(user_settings: &UserSettings) -> Option<AnswerArgs> {
    let layers = user_settings.layers.iter();
    let chat = layers.fold(table::chat(), layers::set_defaults);
    let matches = chat.try_get_matches_from(["chat"]).ok()?;
    AnswerArgs::from_arg_matches(&matches).ok()
}

/// A conflict between settings, or a model, index or encoder that they name but that does not exist.
fn combination_fault(user_settings: &UserSettings) -> Option<Fault> {
    let answer_args = answer_args(user_settings)?;
    let invalid = answer_args.settings().err();
    let failure = invalid.or_else(|| answer_args.setup().err())?;
    Some(Fault {
        at: Location::File,
        message: failure.message,
        hint: failure.hint,
    })
}

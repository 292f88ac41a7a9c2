//! `rounds config`: the settings file, and the settings that result from flags, environment and file.

mod file;
mod layers;
mod show;
mod table;
#[cfg(test)]
mod tests;
mod write;

use clap::{Args, FromArgMatches, Subcommand};
use std::collections::BTreeMap;
use std::path::PathBuf;

use super::out::print;
use super::{AnswerArgs, Cli, Failure, Outcome};
use crate::tui::keys::Keymap;
use rounds_support::errors::{count, display_path};
use rounds_support::{Hint, Paths};

use file::{Fault, Location, SettingsFile};
use layers::Layer;

const NAME: &str = "config.toml";

#[derive(Subcommand)]
pub enum Config {
    /// Write a settings file that explains every setting and changes none
    Init(FileArg),
    /// Check the settings file and environment variables
    Check(FileArg),
    /// Show every setting and where it comes from
    Show {
        #[command(flatten)]
        file: FileArg,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
}

/// Which settings file.
#[derive(Args)]
pub struct FileArg {
    /// Settings file [default: your own]
    file: Option<PathBuf>,
}

impl FileArg {
    fn path(&self) -> Result<PathBuf, Failure> {
        match &self.file {
            Some(path) => Ok(path.clone()),
            None => user_path(),
        }
    }

    /// As [`Self::path`]. The user's own file may be missing; a file named on the command line must exist.
    fn existing_path(&self) -> Result<PathBuf, Failure> {
        match &self.file {
            Some(path) if !path.exists() => Err(Failure::usage(
                format!("not found: {}", display_path(path)),
                Some(format!(
                    "create it with `rounds config init {}`",
                    display_path(path)
                )),
            )),
            _ => self.path(),
        }
    }
}

fn user_path() -> Result<PathBuf, Failure> {
    let paths = Paths::find().map_err(|error| Failure::usage(error, error.hint()))?;
    Ok(paths.config_dir.join(NAME))
}

/// The user's settings: defaults for the command line.
#[derive(Default)]
pub struct UserSettings {
    layers: Vec<Layer>,
    /// Action names to keys.
    pub keys: BTreeMap<String, String>,
}

impl UserSettings {
    /// Parses `arguments` with these settings as defaults.
    pub fn parse(&self, arguments: Vec<std::ffi::OsString>) -> Result<Cli, clap::Error> {
        use clap::CommandFactory;
        let command = layers::apply(Cli::command(), &self.layers);
        let mut matches = command.try_get_matches_from(arguments)?;
        Cli::from_arg_matches_mut(&mut matches)
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
        Some(fault) => Err(Failure::usage(
            located(&path, fault),
            match faults.len() {
                1 => fault.hint.clone(),
                all => Some(format!("`rounds config check` lists all {all} faults")),
            },
        )),
    }
}

/// The settings of a file and the environment, with all faults.
fn validate((file, mut faults): (SettingsFile, Vec<Fault>)) -> (UserSettings, Vec<Fault>) {
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
fn key_faults(file: &SettingsFile) -> Vec<Fault> {
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

fn located(path: &std::path::Path, fault: &Fault) -> String {
    let path = display_path(path);
    match &fault.at {
        Location::File => format!("{path}: {}", fault.message),
        Location::Line(line) => format!("{path}:{line}: {}", fault.message),
        Location::Variable(name) => format!("{name}: {}", fault.message),
    }
}

/// Runs the command.
pub fn run(config: &Config) -> Outcome {
    match config {
        Config::Init(file) => write::init(&file.path()?),
        Config::Check(file) => check(file.existing_path()?),
        Config::Show { file, json } => show::show(&file.existing_path()?, *json),
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
    pub(super) answer_args: Option<AnswerArgs>,
}

/// Checks the user's settings file and the environment. Errors if there is no home folder.
pub fn examine_user_file() -> Result<SettingsReport, Failure> {
    user_path().map(examine)
}

fn examine(path: PathBuf) -> SettingsReport {
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

fn check(path: PathBuf) -> Outcome {
    let found = examine(path);
    for (fault, hint) in &found.faults {
        print(fault)?;
        if let Some(hint) = hint {
            print(format_args!("    {hint}"))?;
        }
    }
    if !found.faults.is_empty() {
        return Ok(2);
    }
    print(format_args!(
        "{}: {}",
        display_path(&found.path),
        found.summary
    ))?;
    Ok(0)
}

fn answer_args(user_settings: &UserSettings) -> Option<AnswerArgs> {
    let cli = user_settings
        .parse(vec!["rounds".into(), "chat".into()])
        .ok()?;
    cli.answer_args()
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

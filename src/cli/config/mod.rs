//! `rounds config`: the settings file, and what flags, environment and file come to.

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
use super::{Cli, Common, Failure, Outcome};
use crate::tui::keys::Keymap;
use rounds_support::errors::shown;
use rounds_support::{Hint, Paths};

use file::{At, Fault, SettingsFile};
use layers::Layer;

const NAME: &str = "config.toml";

#[derive(Subcommand)]
pub enum Config {
    /// Write a settings file with every setting explained and none changed
    Init(Place),
    /// Check the settings file and the environment
    Check(Place),
    /// Show every setting and where it comes from
    Show {
        #[command(flatten)]
        place: Place,
        /// As one JSON object
        #[arg(long)]
        json: bool,
    },
}

/// Which file.
#[derive(Args)]
pub struct Place {
    /// Settings file; left out: the user's
    file: Option<PathBuf>,
}

impl Place {
    fn path(&self) -> Result<PathBuf, Failure> {
        match &self.file {
            Some(path) => Ok(path.clone()),
            None => user_file(),
        }
    }

    /// As [`Self::path`]. The user's file need not be there; one that was named must.
    fn there(&self) -> Result<PathBuf, Failure> {
        match &self.file {
            Some(path) if !path.exists() => Err(Failure::usage(
                format!("there is no {}", shown(path)),
                Some(format!("`rounds config init {}` writes one", shown(path))),
            )),
            _ => self.path(),
        }
    }
}

fn user_file() -> Result<PathBuf, Failure> {
    let paths = Paths::find().map_err(|error| Failure::usage(error, error.hint()))?;
    Ok(paths.config_dir.join(NAME))
}

/// Settings of this user, to be put under what is typed.
#[derive(Default)]
pub struct Loaded {
    layers: Vec<Layer>,
    /// Action names to keys.
    pub keys: BTreeMap<String, String>,
}

impl Loaded {
    /// What `words` mean with these settings as defaults.
    pub fn parse(&self, words: Vec<std::ffi::OsString>) -> Result<Cli, clap::Error> {
        use clap::CommandFactory;
        let command = layers::apply(Cli::command(), &self.layers);
        let mut matches = command.try_get_matches_from(words)?;
        Cli::from_arg_matches_mut(&mut matches)
    }
}

/// The user's settings. Errors where one of them cannot be used.
pub fn load() -> Result<Loaded, Failure> {
    // No home folder is no reason to refuse an answer.
    let Ok(path) = user_file() else {
        return Ok(Loaded::default());
    };
    let (loaded, faults) = judge(SettingsFile::read(&path));
    match faults.first() {
        None => Ok(loaded),
        Some(fault) => Err(Failure::usage(
            place(&path, fault),
            match faults.len() {
                1 => fault.hint.clone(),
                all => Some(format!("`rounds config check` lists all {all} problems")),
            },
        )),
    }
}

/// The settings of a file and the environment, and all that is wrong with them.
fn judge((file, mut faults): (SettingsFile, Vec<Fault>)) -> (Loaded, Vec<Fault>) {
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
    let loaded = Loaded {
        layers,
        keys: keys.collect(),
    };
    (loaded, faults)
}

/// Keys are added one by one, so that a fault has the line of the key that brings it.
fn key_faults(file: &SettingsFile) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut good = BTreeMap::new();
    let mut keys: Vec<_> = file.keys.iter().collect();
    keys.sort_by_key(|(_, keys)| keys.line);
    for (action, written) in keys {
        good.insert(action.clone(), written.values.join(" "));
        if let Err(error) = Keymap::new(&good) {
            faults.push(Fault {
                at: At::Line(written.line),
                message: error.to_string(),
                hint: error.hint(),
            });
            good.remove(action);
        }
    }
    // Two actions may exchange their keys: then the whole is right though a part is not.
    let all = file.keys.iter();
    let all = all.map(|(action, keys)| (action.clone(), keys.values.join(" ")));
    match Keymap::new(&all.collect()) {
        Ok(_) => Vec::new(),
        Err(_) => faults,
    }
}

fn place(path: &std::path::Path, fault: &Fault) -> String {
    let path = shown(path);
    match &fault.at {
        At::File => format!("{path}: {}", fault.message),
        At::Line(line) => format!("{path}:{line}: {}", fault.message),
        At::Variable(name) => format!("{name}: {}", fault.message),
    }
}

/// Runs the command.
pub fn run(config: &Config) -> Outcome {
    match config {
        Config::Init(given) => write::init(&given.path()?),
        Config::Check(given) => check(given.there()?),
        Config::Show { place, json } => show::show(&place.there()?, *json),
    }
}

/// A settings file with the environment, looked at.
pub struct Examined {
    pub path: PathBuf,
    /// What there is, in words.
    pub says: String,
    /// Where something is wrong and what, and what to do about it.
    pub faults: Vec<(String, Option<String>)>,
    /// Names of the settings that are not the built-in ones.
    pub settings: Vec<&'static str>,
    /// What the chat would be started with, where nothing is wrong.
    pub(super) common: Option<Common>,
}

/// Looks at the user's settings file and the environment. Errors where no home folder is known.
pub fn examine_own() -> Result<Examined, Failure> {
    user_file().map(examine)
}

fn examine(path: PathBuf) -> Examined {
    let (loaded, mut faults) = judge(SettingsFile::read(&path));
    if faults.is_empty() {
        faults.extend(together(&loaded));
    }
    let says = match path.exists() {
        true => format!(
            "{} settings and {} keys",
            loaded.layers.len(),
            loaded.keys.len()
        ),
        false => "there is no such file; `rounds config init` writes one".into(),
    };
    let told = faults.iter().map(|f| (place(&path, f), f.hint.clone()));
    Examined {
        says,
        settings: loaded.layers.iter().map(|layer| layer.flag).collect(),
        common: common(&loaded).filter(|_| faults.is_empty()),
        faults: told.collect(),
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
    let good = if found.path.exists() {
        ", all good"
    } else {
        ""
    };
    print(format_args!("{}: {}{good}", shown(&found.path), found.says))?;
    Ok(0)
}

fn common(loaded: &Loaded) -> Option<Common> {
    let cli = loaded.parse(vec!["rounds".into(), "chat".into()]).ok()?;
    cli.common()
}

/// What is wrong only between settings, or with what they name.
fn together(loaded: &Loaded) -> Option<Fault> {
    let common = common(loaded)?;
    let settings = common.settings().err();
    let failure = settings.or_else(|| common.setup().err())?;
    Some(Fault {
        at: At::File,
        message: failure.message,
        hint: failure.hint,
    })
}

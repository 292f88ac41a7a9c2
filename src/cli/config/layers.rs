//! Layered settings: flags override environment variables, which override the file, which overrides built-in defaults.
//!
//! Values from the environment and the file become the defaults of the flags, so one parser validates all of
//! them and a flag always wins.

use clap::Command;

use super::file::{Fault, Location, SettingsFile};
use super::table;
use rounds_support::sanitise::clean_line_max;

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// On this line of the file.
    File(usize),
    /// In this environment variable.
    Variable(String),
}

/// A setting that overrides the built-in default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    /// Long name of the flag.
    pub flag: &'static str,
    pub values: Vec<String>,
    pub origin: Origin,
}

/// The settings of the environment and the file. `variable` reads the environment; an empty variable counts as unset.
pub fn layers(file: &SettingsFile, variable: impl Fn(&str) -> Option<String>) -> Vec<Layer> {
    table::flags()
        .filter_map(|flag| {
            let name = table::variable(flag);
            if let Some(value) = variable(&name).filter(|value| !value.is_empty()) {
                return Some(Layer {
                    flag,
                    values: vec![value],
                    origin: Origin::Variable(name),
                });
            }
            let written = file.settings.get(flag)?;
            Some(Layer {
                flag,
                values: written.values.clone(),
                origin: Origin::File(written.line),
            })
        })
        .collect()
}

/// The fault that the flag's parser finds in a value.
pub fn fault(chat: &Command, layer: &Layer) -> Option<Fault> {
    let flags = layer
        .values
        .iter()
        .map(|value| format!("--{}={value}", layer.flag));
    let arguments = std::iter::once("chat".to_string()).chain(flags);
    let error = chat.clone().try_get_matches_from(arguments).err()?;
    let text = error.render().to_string();
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let message = lines.next().unwrap_or("the value is not valid");
    let hint = lines.find(|line| line.starts_with('[') || line.starts_with("tip:"));
    Some(Fault {
        at: match &layer.origin {
            Origin::File(line) => Location::Line(*line),
            Origin::Variable(name) => Location::Variable(name.clone()),
        },
        message: clean_line_max(message.trim_start_matches("error: "), 200),
        hint: hint.map(|hint| clean_line_max(hint, 300)),
    })
}

/// The command with these values as defaults of the flags, in every subcommand that has them.
pub fn apply(command: Command, layers: &[Layer]) -> Command {
    let names: Vec<String> = command
        .get_subcommands()
        .map(|sub| sub.get_name().to_string())
        .collect();
    names.into_iter().fold(command, |command, name| {
        command.mut_subcommand(name, |sub| layers.iter().fold(sub, set_defaults))
    })
}

/// The command with this value as the default of its flag, if it has it.
pub fn set_defaults(sub: Command, layer: &Layer) -> Command {
    let Some(id) = table::argument(&sub, layer.flag).map(|arg| arg.get_id().clone()) else {
        return sub;
    };
    sub.mut_arg(id, |arg| arg.default_values(layer.values.iter().cloned()))
}

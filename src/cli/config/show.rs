//! `rounds config show`: every setting, its value and where it comes from.

use serde_json::json;
use std::path::Path;

use super::super::out::print;
use super::file::SettingsFile;
use super::layers::{Layer, Origin};
use super::settings::{failure, validate};
use super::table;
use crate::cli::failure::Outcome;
use rounds_support::sanitise::clean_line;

/// Prints the settings of the file at `path` and the environment.
pub fn show(path: &Path, json: bool) -> Outcome {
    let (user_settings, faults) = validate(SettingsFile::read(path));
    if let Some(fault) = faults.first() {
        return Err(failure(path, fault));
    }
    let chat = table::chat();
    let mut all = serde_json::Map::new();
    let mut lines = Vec::new();
    for flag in table::flags() {
        let layer = user_settings
            .layers()
            .iter()
            .find(|layer| layer.flag == flag);
        let values = match layer {
            Some(layer) => layer.values.clone(),
            None => built_in(&chat, flag),
        };
        let value = clean_line(&values.join(" "));
        let origin = origin(path, layer);
        lines.push(format!("{flag:<20} {value:<24} {origin}"));
        all.insert(flag.into(), json!({ "value": value, "from": origin }));
    }
    for (action, keys) in &user_settings.keys {
        lines.push(format!("{:<20} {keys:<24} file", format!("keys.{action}")));
        all.insert(
            format!("keys.{action}"),
            json!({ "value": keys, "from": "file" }),
        );
    }
    let text = match json {
        true => format!("{:#}", serde_json::Value::Object(all)),
        false => lines.join("\n"),
    };
    print(text).map(|()| 0)
}

fn built_in(chat: &clap::Command, flag: &str) -> Vec<String> {
    let argument = table::argument(chat, flag);
    let values = argument.map(|argument| argument.get_default_values());
    let texts = values.into_iter().flatten();
    texts
        .map(|value| value.to_string_lossy().into_owned())
        .collect()
}

fn origin(path: &Path, layer: Option<&Layer>) -> String {
    match layer.map(|layer| &layer.origin) {
        None => "built in".into(),
        Some(Origin::File(line)) => clean_line(&format!("{}:{line}", path.display())),
        Some(Origin::Variable(name)) => name.clone(),
    }
}

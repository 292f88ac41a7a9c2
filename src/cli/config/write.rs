//! Writing a settings file that explains itself and changes nothing.

use std::path::Path;

use super::super::{Failure, Outcome};
use super::file::KEYS;
use super::table;
use crate::cli::out::print;
use crate::tui::keys::TABLE;
use rounds_support::files;

/// Writes a new file at `path`; never over one that exists.
pub fn init(path: &Path) -> Outcome {
    let shown = rounds_support::sanitise::clean_line(&path.display().to_string());
    if path.exists() {
        return Err(Failure::usage(
            format!("{shown} exists already"),
            Some("`rounds config check` checks it; move it away to begin again".into()),
        ));
    }
    if let Some(folder) = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        files::create_private_dir(folder).map_err(|e| Failure::model(&e))?;
    }
    files::write_atomic(path, text().as_bytes()).map_err(|e| Failure::model(&e))?;
    print(shown).map(|()| 0)
}

/// The whole file: every setting with its help, its values and what is built in, commented out.
pub fn text() -> String {
    let mut out = String::from(
        "# Settings of rounds. Take the # away from a line to change it.\n\
         # A flag goes before an environment variable (ROUNDS_SHOTS for `shots`), that before this file.\n\
         # `rounds config check` checks this file, `rounds config show` says what counts.\n",
    );
    let chat = table::chat();
    for section in table::SECTIONS {
        out.push_str(&format!("\n# {}\n[{}]\n", section.help, section.name));
        for flag in section.flags {
            if let Some(argument) = table::argument(&chat, flag) {
                out.push_str(&setting(flag, argument));
            }
        }
    }
    out.push_str(&format!(
        "\n# Keys of the full-screen chat, several separated by spaces: \"ctrl-r f5\". An empty text takes a key away.\n[{KEYS}]\n"
    ));
    for row in TABLE {
        out.push_str(&format!(
            "# {} = {:?}  # {}\n",
            row.name, row.keys, row.help
        ));
    }
    out
}

fn setting(flag: &str, argument: &clap::Arg) -> String {
    let mut out = String::from("\n");
    if let Some(help) = argument.get_help() {
        out.push_str(&format!("# {help}\n"));
    }
    let names: Vec<String> = argument
        .get_possible_values()
        .iter()
        .map(|value| value.get_name().to_string())
        .collect();
    if !names.is_empty() {
        out.push_str(&format!("# One of: {}\n", names.join(", ")));
    }
    let default = argument.get_default_values().first();
    let value = match default.map(|value| value.to_string_lossy()) {
        Some(value) if plain(&value) => value.into_owned(),
        Some(value) => format!("{value:?}"),
        None => sample(flag).to_string(),
    };
    out.push_str(&format!("# {flag} = {value}\n"));
    out
}

/// Whether TOML writes a value without quotes.
fn plain(value: &str) -> bool {
    value.parse::<f64>().is_ok() || matches!(value, "true" | "false")
}

/// A value for a setting that has none built in.
fn sample(flag: &str) -> &'static str {
    match flag {
        "floor" => "0.5",
        "top-p" => "0.9",
        "top-k" => "40",
        "filter" => "[\"modality=ct\"]",
        _ => "\"name or folder\"",
    }
}

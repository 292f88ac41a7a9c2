//! `rounds config init`: writes a settings file that explains every setting and changes none.

use std::path::Path;

use super::table::{self, KEYS};
use crate::cli::failure::Outcome;
use crate::cli::out::print;
use crate::tui::keys::TABLE;
use rounds_support::Failure;
use rounds_support::files;

/// Writes a new file at `path`; never overwrites one.
pub fn init(path: &Path) -> Outcome {
    let shown = rounds_support::sanitise::clean_line(&path.display().to_string());
    if path.exists() {
        return Err(Failure::usage(format!("{shown} already exists"))
            .hint("check it with `rounds config check`, or move it away to start again"));
    }
    if let Some(folder) = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        files::create_private_dir(folder)?;
    }
    files::write_atomic(path, text().as_bytes())?;
    print(shown).map(|()| 0)
}

/// The text of the file: every setting with its help, possible values and default, commented out.
pub fn text() -> String {
    let mut out = String::from(
        "# Settings of rounds. To change one, remove the # at the start of its line.\n\
         # Flags override environment variables (ROUNDS_SHOTS for `shots`), which override this file.\n\
         # `rounds config check` checks this file, `rounds config show` lists the settings in effect.\n",
    );
    let chat = table::chat();
    for section in table::SECTIONS {
        out.push_str(&format!("\n# {}\n[{}]\n", section.help, section.name));
        for flag in section.flags() {
            if let Some(argument) = table::argument(&chat, flag) {
                out.push_str(&setting(flag, argument));
            }
        }
    }
    out.push_str(&format!(
        "\n# Keys of the full-screen chat, separated by spaces: \"ctrl-r f5\". An empty string removes the keys.\n[{KEYS}]\n"
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
        Some(value) if is_bare(&value) => value.into_owned(),
        Some(value) => format!("{value:?}"),
        None => example(flag).to_string(),
    };
    out.push_str(&format!("# {flag} = {value}\n"));
    out
}

/// Whether TOML needs no quotes around a value.
fn is_bare(value: &str) -> bool {
    value.parse::<f64>().is_ok() || matches!(value, "true" | "false")
}

/// An example value for a setting without a default.
fn example(flag: &str) -> &'static str {
    match flag {
        "floor" => "0.5",
        "top-p" => "0.9",
        "top-k" => "40",
        "filter" => "[\"modality=ct\"]",
        _ => "\"name or folder\"",
    }
}

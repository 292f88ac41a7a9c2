//! The settings that a file may contain: flags of the chat, grouped into sections. Help and valid values come from the flags.

use clap::{Arg, Command, CommandFactory};

use super::super::Cli;

/// One section of the file.
pub struct Section {
    pub name: &'static str,
    /// The comment above the section in a new file.
    pub help: &'static str,
    /// Long names of flags.
    pub flags: &'static [&'static str],
}

/// All sections that contain flags; key bindings have a section of their own.
pub const SECTIONS: &[Section] = &[
    Section {
        name: "answers",
        help: "Model and index, and how shots are chosen.",
        flags: &[
            "model", "index", "encoder", "device", "shots", "strategy", "order", "floor", "filter",
            "search",
        ],
    },
    Section {
        name: "decoding",
        help: "How answers are decoded.",
        flags: &[
            "seed",
            "temperature",
            "top-p",
            "top-k",
            "max-new-tokens",
            "beams",
            "length-penalty",
            "repetition-penalty",
            "no-repeat-ngram",
        ],
    },
    Section {
        name: "screen",
        help: "The chat's appearance.",
        flags: &["pictures", "theme", "colours", "plain", "no-log"],
    },
];

/// The section of a setting.
pub fn section_of(flag: &str) -> Option<&'static str> {
    let section = SECTIONS.iter().find(|s| s.flags.contains(&flag));
    section.map(|section| section.name)
}

/// The section names as a list in prose.
pub fn section_names() -> String {
    let names = SECTIONS.iter().map(|section| format!("[{}]", section.name));
    format!(
        "{} and [{}]",
        names.collect::<Vec<_>>().join(", "),
        super::file::KEYS
    )
}

/// The flags of all settings.
pub fn flags() -> impl Iterator<Item = &'static str> {
    SECTIONS
        .iter()
        .flat_map(|section| section.flags.iter().copied())
}

/// The setting whose name is most similar to `name`.
pub fn nearest(name: &str) -> Option<&'static str> {
    flags()
        .map(|flag| (strsim::levenshtein(flag, name), flag))
        .filter(|(distance, flag)| *distance <= flag.len().max(4) / 3 || flag.starts_with(name))
        .min()
        .map(|(_, flag)| flag)
}

/// The environment variable of a setting.
pub fn variable(flag: &str) -> String {
    format!("ROUNDS_{}", flag.replace('-', "_").to_uppercase())
}

/// The chat command, which has a flag for every setting.
pub fn chat() -> Command {
    let cli = Cli::command();
    cli.find_subcommand("chat").cloned().unwrap_or(cli)
}

/// The flag named `--flag`.
pub fn argument<'a>(command: &'a Command, flag: &str) -> Option<&'a Arg> {
    command
        .get_arguments()
        .find(|arg| arg.get_long() == Some(flag))
}

//! Which settings a file may hold: the flags of the chat, by section. What a setting means and may be is asked of the flag.

use clap::{Arg, Command, CommandFactory};

use super::super::Cli;

/// One section of the file.
pub struct Section {
    pub name: &'static str,
    pub help: &'static str,
    /// Long names of flags.
    pub flags: &'static [&'static str],
}

/// All sections with flags in them; keys of the interface have one of their own.
pub const SECTIONS: &[Section] = &[
    Section {
        name: "answers",
        help: "What answers, and how its shots are chosen.",
        flags: &[
            "model", "index", "encoder", "device", "shots", "strategy", "order", "floor", "filter",
            "search",
        ],
    },
    Section {
        name: "decoding",
        help: "How an answer is decoded.",
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
        help: "The chat's interface.",
        flags: &["pictures", "theme", "colours", "plain", "no-log"],
    },
];

/// The section of a setting.
pub fn section_of(flag: &str) -> Option<&'static str> {
    let section = SECTIONS.iter().find(|s| s.flags.contains(&flag));
    section.map(|section| section.name)
}

/// The sections in words.
pub fn section_names() -> String {
    let names = SECTIONS.iter().map(|section| format!("[{}]", section.name));
    format!(
        "{} and [{}]",
        names.collect::<Vec<_>>().join(", "),
        super::file::KEYS
    )
}

/// All settings.
pub fn flags() -> impl Iterator<Item = &'static str> {
    SECTIONS
        .iter()
        .flat_map(|section| section.flags.iter().copied())
}

/// A setting whose name looks like `name`.
pub fn nearest(name: &str) -> Option<&'static str> {
    flags()
        .map(|flag| (strsim::levenshtein(flag, name), flag))
        .filter(|(apart, flag)| *apart <= flag.len().max(4) / 3 || flag.starts_with(name))
        .min()
        .map(|(_, flag)| flag)
}

/// The environment variable of a setting.
pub fn variable(flag: &str) -> String {
    format!("ROUNDS_{}", flag.replace('-', "_").to_uppercase())
}

/// The chat's command, which knows every setting as a flag.
pub fn chat() -> Command {
    let whole = Cli::command();
    whole.find_subcommand("chat").cloned().unwrap_or(whole)
}

/// The flag named `--flag`.
pub fn argument<'a>(command: &'a Command, flag: &str) -> Option<&'a Arg> {
    command
        .get_arguments()
        .find(|arg| arg.get_long() == Some(flag))
}

//! The settings that a file may contain: flags of the chat, grouped into sections. Help and valid values come from the flags.

use clap::{Arg, Args, Command};

use crate::cli::answer_args::AnswerArgs;
use crate::cli::chat::ChatArgs;
use rounds_assistant::{Group, SETTINGS};

/// The section with the key bindings of the chat.
pub const KEYS: &str = "keys";

/// One section of the file.
pub struct Section {
    pub name: &'static str,
    /// The comment above the section in a new file.
    pub help: &'static str,
    /// Long names of flags that are not settings of an answer.
    flags: &'static [&'static str],
    /// The settings of an answer in it.
    group: Option<Group>,
}

impl Section {
    /// The long names of its flags.
    pub fn flags(&self) -> impl Iterator<Item = &'static str> + use<> {
        let group = self.group;
        let settings = SETTINGS
            .iter()
            .filter(move |setting| Some(setting.group) == group);
        let settings = settings.map(|setting| setting.flag);
        self.flags.iter().copied().chain(settings)
    }
}

/// All sections that contain flags; key bindings have a section of their own.
pub const SECTIONS: &[Section] = &[
    Section {
        name: "answers",
        help: "Model and index, and how shots are chosen.",
        flags: &["model", "index", "encoder", "device", "search"],
        group: Some(Group::Shots),
    },
    Section {
        name: "decoding",
        help: "How answers are decoded.",
        flags: &[],
        group: Some(Group::Decoding),
    },
    Section {
        name: "screen",
        help: "The chat's appearance.",
        flags: &["pictures", "theme", "colours", "plain", "no-log"],
        group: None,
    },
];

/// The section of a setting.
pub fn section_of(flag: &str) -> Option<&'static str> {
    let section = SECTIONS.iter().find(|s| s.flags().any(|name| name == flag));
    section.map(|section| section.name)
}

/// The section names as a list in prose.
pub fn section_names() -> String {
    let names = SECTIONS.iter().map(|section| format!("[{}]", section.name));
    format!("{} and [{}]", names.collect::<Vec<_>>().join(", "), KEYS)
}

/// The flags of all settings.
pub fn flags() -> impl Iterator<Item = &'static str> {
    SECTIONS.iter().flat_map(Section::flags)
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
    ChatArgs::augment_args(AnswerArgs::augment_args(Command::new("chat")))
}

/// The flag named `--flag`.
pub fn argument<'a>(command: &'a Command, flag: &str) -> Option<&'a Arg> {
    command
        .get_arguments()
        .find(|arg| arg.get_long() == Some(flag))
}

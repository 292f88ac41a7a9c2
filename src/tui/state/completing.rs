//! Completion of commands and their arguments while they are typed.

use clap::ValueEnum;

use crate::tui::{ImageMode, ThemeChoice};
use rounds_index::dataset::Format;

use super::command_table::{self, Argument, Command, CommandRow};
use super::completion::{Completion, Item};
use super::event::Entry;
use super::fuzzy;
use super::library::with_built_in;
use super::machine::State;
use super::paths::{self, folder_of, split_path};
use super::values::{value_name, value_names};

const MAX_ITEMS: usize = 200;

/// What stands at the cursor: the argument of a command, or one of several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Kind(Argument),
    Format,
    OwnIndex,
    FormatOrIndex,
}

/// The part of an argument at its end, and where that begins.
fn part(kind: Argument, argument: &str) -> (Part, usize) {
    let last = argument
        .rfind(char::is_whitespace)
        .map_or(0, |blank| blank + 1);
    match kind {
        // Every condition is a word of its own; its value is free.
        Argument::Filter => (Part::Kind(kind), last),
        Argument::Import => {
            let before = argument.get(..last).unwrap_or_default();
            let mut words = before.split_whitespace();
            let is_format = |word: &str| Format::from_str(word, true).is_ok();
            match (words.next(), words.next()) {
                (None, _) => (Part::FormatOrIndex, last),
                (Some(word), None) if is_format(word) => (Part::OwnIndex, last),
                (Some(_), None) => (Part::Format, last),
                // The path may contain blanks.
                (Some(_), Some(second)) => {
                    let start = argument.find(second).unwrap_or(0) + second.len();
                    let rest = argument.get(start..).unwrap_or_default();
                    let blanks = rest.len() - rest.trim_start().len();
                    (Part::Kind(Argument::Path), start + blanks)
                }
            }
        }
        kind => (Part::Kind(kind), 0),
    }
}

/// Whether a path is typed here. Where a name may stand, only what cannot be one is a path.
fn is_path(kind: Part, typed: &str) -> bool {
    match kind {
        Part::Kind(Argument::Path | Argument::ImageFile) => true,
        Part::Kind(Argument::Index | Argument::Model) => {
            typed.contains('/') || typed.starts_with(['.', '~'])
        }
        _ => false,
    }
}

impl State {
    /// Updates the completions; called after every change of the input.
    pub(super) fn complete(&mut self) {
        self.composer.completion = None;
        self.composer.completion_dismissed = false;
        let before = self.composer.input.before();
        if !before.starts_with('/') || before.contains('\n') {
            return;
        }
        let mut folder = None;
        let found = match before.split_once(' ') {
            None if !command_table::is_command(before) && before != "/" => None,
            None => Some((0, commands(before))),
            Some((word, argument)) => {
                let start = before.len() - argument.len();
                let argument = argument.to_string();
                let kind =
                    command_table::parse(word).map_or(Argument::None, |(row, _)| row.argument);
                let (kind, skip) = part(kind, &argument);
                let argument = argument.get(skip..).unwrap_or_default();
                if is_path(kind, argument) {
                    let beginning = split_path(argument).0;
                    folder = Some(folder_of(beginning, self.home.as_deref()));
                }
                self.arguments(kind, argument)
                    .map(|(more, items)| (start + skip + more, items))
            }
        };
        if let Some((start, items)) = found
            && !items.is_empty()
        {
            self.composer.completion = Some(Completion {
                items,
                chosen: None,
                folder,
                start,
            });
        }
    }

    /// Like [`State::complete`], when the folder changed rather than the input: the selection stays.
    pub(super) fn complete_again(&mut self) {
        let before = self.composer.completion.take();
        let chosen = before.and_then(|before| before.items.into_iter().nth(before.chosen?));
        self.complete();
        if let (Some(chosen), Some(completion)) = (chosen, &mut self.composer.completion) {
            completion.chosen = completion.items.iter().position(|i| i.text == chosen.text);
        }
    }

    /// Completions of an argument, and how many bytes of it stay in front.
    fn arguments(&mut self, kind: Part, typed: &str) -> Option<(usize, Vec<Item>)> {
        if is_path(kind, typed) {
            return self.path_items(kind, typed);
        }
        let names = self.values(kind);
        if kind == Part::Kind(Argument::Case) {
            let cases = fuzzy::sorted(typed, &names, |(_, title)| title);
            let cases = cases.into_iter().map(|(number, title)| Item {
                text: number.clone(),
                note: title.clone(),
                more: false,
            });
            return Some((0, cases.collect()));
        }
        if names.iter().any(|(name, _)| name == typed) {
            return None;
        }
        let more = matches!(kind, Part::FormatOrIndex | Part::Format | Part::OwnIndex);
        let items: Vec<Item> = fuzzy::sorted(typed, &names, |(name, _)| name)
            .into_iter()
            .take(MAX_ITEMS)
            .map(|(name, help)| Item {
                text: name.clone(),
                note: help.clone(),
                more,
            })
            .collect();
        Some((0, items))
    }

    /// The values to choose from, each with its help.
    fn values(&mut self, kind: Part) -> Vec<(String, String)> {
        let own = |names: Vec<String>| -> Vec<(String, String)> {
            let note = || "your index".to_string();
            names.into_iter().map(|name| (name, note())).collect()
        };
        let kind = match kind {
            Part::Kind(kind) => kind,
            Part::Format => return value_names::<Format>(),
            Part::OwnIndex => return own(self.library_names().indexes),
            Part::FormatOrIndex => {
                let mut names = value_names::<Format>();
                names.extend(own(self.library_names().indexes));
                return names;
            }
        };
        match kind {
            Argument::None
            | Argument::Text
            | Argument::Path
            | Argument::ImageFile
            | Argument::Import => Vec::new(),
            Argument::Index => with_built_in(&self.library_names().indexes),
            Argument::Model => with_built_in(&self.library_names().models),
            Argument::Filter => {
                let known = self.engine.about().map(|about| about.tags.clone());
                let names = known.unwrap_or_default().into_iter();
                names
                    .map(|name| (format!("{name}="), String::new()))
                    .collect()
            }
            Argument::Setting(setting) => {
                let names = setting.names().into_iter();
                names
                    .map(|(name, help)| (name.into(), help.into()))
                    .collect()
            }
            Argument::Problem => {
                let known = self.problems.iter();
                known
                    .map(|one| (one.id.clone(), one.words.clone()))
                    .collect()
            }
            Argument::ImageMode => value_names::<ImageMode>(),
            Argument::Theme => value_names::<ThemeChoice>(),
            Argument::Case => {
                let cases = self.cases.iter().enumerate();
                cases
                    .map(|(at, case)| ((at + 1).to_string(), case.title.clone()))
                    .collect()
            }
        }
    }

    /// A command without its value: offers the values to choose from, and says which one holds.
    pub(super) fn offer_values(&mut self, row: &CommandRow) {
        let Some((what, current)) = self.current_value(row.argument) else {
            return;
        };
        if self.linear {
            self.composer.offered = Some(row.command);
            if matches!(row.argument, Argument::Index | Argument::Model) {
                // The names are printed when they are here.
                return self.reread_library();
            }
            return self.print_offered_names();
        }
        self.composer.input.set(&format!("{} ", row.name));
        self.complete();
        if let Some(completion) = &mut self.composer.completion {
            let at = completion.items.iter().position(|i| i.text == current);
            completion.chosen = Some(at.unwrap_or(0));
        }
        self.notify(format!("{what} {current}; {} NAME changes it", row.name));
    }

    /// In line mode: the values of the command that was entered without one.
    pub(super) fn print_offered_names(&mut self) {
        let Some(row) = self.composer.offered.take().map(Command::row) else {
            return;
        };
        let names = self.values(Part::Kind(row.argument)).into_iter();
        let names: Vec<String> = names.map(|(name, _)| name).collect();
        if let Some((what, current)) = self.current_value(row.argument) {
            let names = names.join(", ");
            self.notify(format!(
                "{what} {current}; one of {names}; {} NAME changes it",
                row.name
            ));
        }
    }

    /// What a command sets, and the value it has.
    fn current_value(&self, kind: Argument) -> Option<(&'static str, String)> {
        let (model, index) = self.engine.names();
        Some(match kind {
            Argument::Setting(setting) => (setting.flag, setting.text(&self.settings)),
            Argument::ImageMode => ("images are drawn with", value_name(&self.images)),
            Argument::Theme => ("theme", value_name(&self.theme)),
            Argument::Index => ("index", index),
            Argument::Model => ("model", model),
            _ => return None,
        })
    }

    fn path_items(&mut self, kind: Part, typed: &str) -> Option<(usize, Vec<Item>)> {
        let (beginning, name) = split_path(typed);
        let folder = folder_of(beginning, self.home.as_deref());
        let entries = self.folder_entries(&folder)?;
        let hidden = name.starts_with('.');
        let entries: Vec<&Entry> = entries
            .iter()
            .filter(|e| hidden || !e.name.starts_with('.'))
            .filter(|e| match kind {
                _ if e.folder => true,
                Part::Kind(Argument::ImageFile) => paths::is_image_path(&e.path),
                Part::Kind(Argument::Index | Argument::Model) => false,
                _ => true,
            })
            .collect();
        let items = fuzzy::sorted(name, &entries, |entry| &entry.name)
            .into_iter()
            .take(MAX_ITEMS)
            // A name that sanitising changed cannot be typed; it can be selected in the file picker.
            .filter(|entry| entry.path.file_name().and_then(|n| n.to_str()) == Some(&entry.name))
            .map(|entry| Item {
                text: if entry.folder {
                    format!("{}/", entry.name)
                } else {
                    entry.name.clone()
                },
                note: if entry.folder {
                    String::new()
                } else {
                    format!("{:>10}", rounds_support::errors::bytes(entry.length))
                },
                more: entry.folder,
            })
            .collect();
        Some((beginning.len(), items))
    }

    /// Inserts the selected item, or the first; true if there was one.
    pub(super) fn take_completion(&mut self) -> bool {
        let Some(completion) = self.composer.completion.take() else {
            return false;
        };
        let Some(item) = completion.items.get(completion.chosen.unwrap_or(0)) else {
            return false;
        };
        let text = if item.more && !item.text.ends_with('/') {
            format!("{} ", item.text)
        } else {
            item.text.clone()
        };
        self.composer.input.replace_before(completion.start, &text);
        if item.more {
            self.complete();
        }
        true
    }
}

fn commands(typed: &str) -> Vec<Item> {
    command_table::matching(typed)
        .into_iter()
        .map(|row| Item {
            text: row.name.to_string(),
            note: format!("{}  {}", row.argument_hint, row.help)
                .trim()
                .to_string(),
            more: row.argument != Argument::None,
        })
        .collect()
}

//! Completion of commands and their arguments while they are typed.

use std::path::PathBuf;

use crate::tui::{ImageMode, ThemeChoice};
use rounds_assistant::retrieval::{Order, Strategy};

use super::command_table::{self, Argument};
use super::event::Entry;
use super::run_command::{folder_of, split_path, value_names};
use super::{State, fuzzy, paths};

/// The list of completions for the typed text.
#[derive(Clone, Debug, Default)]
pub struct Completion {
    pub items: Vec<Item>,
    /// The selected item; `None` until the user selects one.
    pub chosen: Option<usize>,
    /// The folder that is listed.
    pub(super) folder: Option<PathBuf>,
    /// Byte offset in the input where the replaced text starts.
    start: usize,
}

/// One completion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    pub text: String,
    pub note: String,
    /// More text follows: an argument, or a name in the folder.
    more: bool,
}

const MAX_ITEMS: usize = 200;

impl State {
    /// Updates the completions; called after every change of the input.
    pub(super) fn complete(&mut self) {
        self.completion = None;
        self.completion_dismissed = false;
        let before = self.input.before();
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
                if kind.is_path() {
                    let beginning = split_path(&argument).0;
                    folder = Some(folder_of(beginning, self.home.as_deref()));
                }
                self.arguments(kind, &argument)
                    .map(|(skip, items)| (start + skip, items))
            }
        };
        if let Some((start, items)) = found
            && !items.is_empty()
        {
            self.completion = Some(Completion {
                items,
                chosen: None,
                folder,
                start,
            });
        }
    }

    /// Like [`State::complete`], when the folder changed rather than the input: the selection stays.
    pub(super) fn complete_again(&mut self) {
        let before = self.completion.take();
        let chosen = before.and_then(|before| before.items.into_iter().nth(before.chosen?));
        self.complete();
        if let (Some(chosen), Some(completion)) = (chosen, &mut self.completion) {
            completion.chosen = completion.items.iter().position(|i| i.text == chosen.text);
        }
    }

    /// Completions of an argument, and how many bytes of it stay in front.
    fn arguments(&mut self, kind: Argument, typed: &str) -> Option<(usize, Vec<Item>)> {
        let names = match kind {
            Argument::None | Argument::Text => return None,
            Argument::Path | Argument::ImageFile | Argument::Folder => {
                return self.path_items(kind, typed);
            }
            Argument::Strategy => value_names::<Strategy>(),
            Argument::Order => value_names::<Order>(),
            Argument::ImageMode => value_names::<ImageMode>(),
            Argument::Theme => value_names::<ThemeChoice>(),
            Argument::Case => self
                .cases
                .iter()
                .map(|name| (name.clone(), String::new()))
                .collect(),
        };
        if names.iter().any(|(name, _)| name == typed) {
            return None;
        }
        let items: Vec<Item> = fuzzy::sorted(typed, &names, |(name, _)| name)
            .into_iter()
            .map(|(name, help)| Item {
                text: name.clone(),
                note: help.clone(),
                more: false,
            })
            .collect();
        Some((0, items))
    }

    fn path_items(&mut self, kind: Argument, typed: &str) -> Option<(usize, Vec<Item>)> {
        let (beginning, name) = split_path(typed);
        let folder = folder_of(beginning, self.home.as_deref());
        let entries = self.folder_entries(&folder)?;
        let hidden = name.starts_with('.');
        let entries: Vec<&Entry> = entries
            .iter()
            .filter(|e| hidden || !e.name.starts_with('.'))
            .filter(|e| match kind {
                _ if e.folder => true,
                Argument::ImageFile => paths::is_image_path(&e.path),
                Argument::Folder => false,
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
        let Some(completion) = self.completion.take() else {
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
        self.input.replace_before(completion.start, &text);
        if item.more {
            self.complete();
        }
        true
    }

    /// Moves the selection; true if a list is open.
    pub(super) fn choose_completion(&mut self, step: isize) -> bool {
        let Some(completion) = &mut self.completion else {
            return false;
        };
        let last = completion.items.len().saturating_sub(1);
        completion.chosen = Some(match completion.chosen {
            None if step < 0 => last,
            None => 0,
            Some(at) => at.saturating_add_signed(step).min(last),
        });
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

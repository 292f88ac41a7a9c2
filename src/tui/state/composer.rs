//! The input, and what belongs to writing a line in it.

use crate::tui::journal::{Attached, Subject};

use super::command_table::Command;
use super::completion::Completion;
use super::conversation::TurnId;
use super::editor::Editor;
use super::folder_listing::FolderListing;
use super::history::History;
use super::library::Library;

/// The input: the text, the list of completions under it, the lines before it, and an edit of an older question.
#[derive(Clone, Debug, Default)]
pub struct Composer {
    pub input: Editor,
    pub completion: Option<Completion>,
    /// The turn that is being edited.
    pub editing: Option<TurnId>,
    pub(super) history: History,
    /// The input before that edit.
    pub(super) draft: Option<Draft>,
    /// The user closed the list of completions.
    pub(super) completion_dismissed: bool,
    /// The input holds a suggested question, which typing replaces.
    suggested: bool,
    /// The last command or line of paths, to be given back if it fails.
    sent: Option<Sent>,
    pub(super) listing: Option<FolderListing>,
    pub(super) library: Library,
    /// Line mode: the command whose values are to be listed.
    pub(super) offered: Option<Command>,
}

impl Composer {
    /// Puts a question into an empty input that gives way to whatever the user types.
    pub fn suggest(&mut self, question: &str) {
        self.replace_suggestion();
        if self.input.is_empty() {
            self.input.set(question);
            self.suggested = true;
        }
    }

    /// Takes a suggested question away, since the user types something else.
    pub fn replace_suggestion(&mut self) {
        if std::mem::take(&mut self.suggested) {
            self.input.take();
        }
    }

    /// A suggestion that the user has changed is the user's own text.
    pub fn keep_suggestion(&mut self) {
        self.suggested = false;
    }

    /// Takes the text that was sent out of the input. `command` is `None` for a line of paths.
    pub fn send(&mut self, line: &str, command: Option<Command>) {
        self.clear();
        let line = line.trim().to_string();
        self.history.add(&line);
        self.sent = Some(Sent { line, command });
    }

    /// Empties the input.
    pub fn clear(&mut self) {
        self.input.take();
        self.completion = None;
        self.suggested = false;
    }

    /// The line that was sent last.
    pub fn sent_line(&self) -> Option<&str> {
        self.sent.as_ref().map(|sent| sent.line.as_str())
    }

    /// Puts a line that had no effect back into the input, unless something else was typed since.
    pub fn give_back(&mut self, line: &str) {
        self.sent = None;
        if self.input.is_empty() {
            self.input.set(line);
        }
    }

    /// Gives the last line back if `is_it` accepts its command.
    pub fn give_back_if(&mut self, is_it: impl Fn(Option<Command>) -> bool) {
        if let Some(sent) = self.sent.take_if(|sent| is_it(sent.command)) {
            self.give_back(&sent.line);
        }
    }

    /// Closes the list of completions; it stays closed until something is typed.
    pub fn close_completion(&mut self) {
        self.completion = None;
        self.completion_dismissed = true;
    }

    /// Puts an earlier line into the input. Completions stay closed: they would take the arrow keys.
    pub fn older(&mut self) {
        let current = self.input.text().to_string();
        let line = self.history.older(&current).map(str::to_string);
        self.recall(line);
    }

    /// Puts a later line into the input.
    pub fn newer(&mut self) {
        let line = self.history.newer().map(str::to_string);
        self.recall(line);
    }

    fn recall(&mut self, line: Option<String>) {
        self.close_completion();
        self.suggested = false;
        if let Some(line) = line {
            self.input.set(&line);
        }
    }

    /// Moves the selection in the list of completions; true if it is open.
    pub fn choose_completion(&mut self, step: isize) -> bool {
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

    /// Whether a completion is selected.
    pub fn has_chosen_completion(&self) -> bool {
        let completion = self.completion.as_ref();
        completion.is_some_and(|completion| completion.chosen.is_some())
    }
}

/// The input before an older question was put into it for editing.
#[derive(Clone, Debug)]
pub struct Draft {
    pub(super) text: String,
    pub(super) attached: Vec<Attached>,
    pub(super) subject: Subject,
}

/// The last line that was entered and is not a question.
#[derive(Clone, Debug)]
struct Sent {
    line: String,
    command: Option<Command>,
}

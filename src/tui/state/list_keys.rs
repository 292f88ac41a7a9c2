//! Keys in windows with a list: sample cases, files, sessions.

use crossterm::event::{KeyCode, KeyModifiers};

use crate::tui::keys::Press;

use super::effect::Effect;
use super::overlay::{Overlay, Renaming};
use super::{State, sessions};

impl State {
    pub(super) fn on_cases_key(&mut self, press: Press) {
        let last = self.cases.len().saturating_sub(1);
        let Some(Overlay::Cases { selected }) = &mut self.overlay else {
            return;
        };
        match press.code {
            KeyCode::Enter => {
                let number = *selected;
                self.attach_sample_case(number);
            }
            code => *selected = move_selection(*selected, last, code),
        }
    }

    /// Attaches a sample case and suggests a question if the input is empty. It is not sent.
    pub(super) fn attach_sample_case(&mut self, number: usize) {
        let Some(name) = self.cases.get(number).cloned() else {
            return;
        };
        self.overlay = None;
        if self.input.is_empty() {
            self.input.set(question_for(&name));
        }
        self.emit(Effect::AttachCase(name));
    }

    pub(super) fn on_picker_key(&mut self, press: Press) {
        let Some(Overlay::Picker(picker)) = &mut self.overlay else {
            return;
        };
        let last = picker.visible().len().saturating_sub(1);
        match press.code {
            KeyCode::Enter | KeyCode::Right | KeyCode::Tab => {
                let Some(entry) = picker.entry().cloned() else {
                    return;
                };
                if entry.folder {
                    self.enter_folder(entry.path);
                } else if press.code == KeyCode::Enter {
                    self.overlay = None;
                    self.attach_file(entry.path);
                }
            }
            KeyCode::Left => self.leave_folder(),
            KeyCode::Backspace if picker.filter.is_empty() => self.leave_folder(),
            KeyCode::Up | KeyCode::Down | KeyCode::PageUp | KeyCode::PageDown => {
                picker.selected = move_selection(picker.selected.min(last), last, press.code);
            }
            _ => self.edit_field(press),
        }
    }

    /// Shows another folder; the picker starts there next time.
    fn enter_folder(&mut self, folder: std::path::PathBuf) {
        self.folder.clone_from(&folder);
        self.emit(Effect::ListFolder(folder.clone()));
        self.overlay = Some(Overlay::Picker(super::Picker::new(folder)));
    }

    /// Goes to the parent folder.
    fn leave_folder(&mut self) {
        let Some(Overlay::Picker(picker)) = &self.overlay else {
            return;
        };
        let folder = picker.folder.clone();
        let above = match folder.parent() {
            Some(parent) if folder.file_name().is_some() && !parent.as_os_str().is_empty() => {
                parent.to_path_buf()
            }
            _ if folder.is_absolute() => return,
            _ => folder.join(".."),
        };
        self.enter_folder(above);
    }

    pub(super) fn on_sessions_key(&mut self, press: Press) {
        let Some(Overlay::Sessions(list)) = &mut self.overlay else {
            return;
        };
        let last = list.items().len().saturating_sub(1);
        let chosen = list
            .item()
            .map(|item| (item.id.clone(), item.title.clone()));
        if let Some(renaming) = &list.renaming {
            if press.code != KeyCode::Enter {
                return self.edit_field(press);
            }
            let (id, title) = (renaming.id.clone(), renaming.title.text().to_string());
            list.renaming = None;
            return self.rename_in_list(&id, &title);
        }
        let control = press.modifiers == KeyModifiers::CONTROL;
        // While searching, Delete edits the search text.
        let deletes = match press.code {
            KeyCode::Char('x') => control,
            code => code == KeyCode::Delete && list.words.is_empty(),
        };
        match (press.code, chosen) {
            (KeyCode::Enter, Some((id, _))) => self.emit(Effect::OpenSession(id)),
            (KeyCode::Char('r'), Some((id, title))) if control => {
                let title = super::Editor::line(&title);
                list.renaming = Some(Renaming { id, title });
            }
            (_, Some((id, title))) if deletes => {
                let list = Some(Box::new(list.clone()));
                self.overlay = Some(Overlay::Confirm {
                    question: format!("Delete the session \"{title}\"? This cannot be undone."),
                    id,
                    list,
                });
            }
            (KeyCode::Up | KeyCode::Down | KeyCode::PageUp | KeyCode::PageDown, _) => {
                list.selected = move_selection(list.selected, last, press.code);
            }
            _ => self.edit_field(press),
        }
    }

    /// Goes back from the delete confirmation to the list that opened it, which is reloaded.
    pub(super) fn close_window(&mut self) {
        if let Some(Overlay::Confirm {
            list: Some(list), ..
        }) = self.overlay.take()
        {
            let words = list.words.text().to_string();
            self.overlay = Some(Overlay::Sessions(*list));
            self.emit(Effect::ListSessions { words });
        }
    }

    fn rename_in_list(&mut self, id: &str, title: &str) {
        let title = sessions::clean_title(title);
        if title.is_empty() {
            return;
        }
        self.set_title(id.to_string(), title);
        if let Some(Overlay::Sessions(list)) = &self.overlay {
            let words = list.words.text().to_string();
            self.emit(Effect::ListSessions { words });
        }
    }
}

/// The new index of a selection.
fn move_selection(at: usize, last: usize, code: KeyCode) -> usize {
    match code {
        KeyCode::Up | KeyCode::Char('k') => at.saturating_sub(1),
        KeyCode::Down | KeyCode::Char('j') => (at + 1).min(last),
        KeyCode::PageUp => at.saturating_sub(10),
        KeyCode::PageDown => (at + 10).min(last),
        KeyCode::Home => 0,
        KeyCode::End => last,
        _ => at,
    }
}

/// A question for a sample case, by the finding in its name.
fn question_for(name: &str) -> &'static str {
    match name.rsplit('-').next().unwrap_or_default() {
        "nodule" => "Is there a nodule?",
        "effusion" => "Is there a pleural effusion?",
        "mass" => "Is there a mass?",
        "epidural" => "Is there a haemorrhage?",
        "fracture" => "Is there a fracture?",
        "bleed" => "Are there haemorrhages?",
        _ => "What does this image show?",
    }
}

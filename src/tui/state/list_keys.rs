//! Keys in windows with a list: sample cases, problems, files, sessions.

use crossterm::event::{KeyCode, KeyModifiers};

use crate::tui::keys::Press;

use super::editor::Editor;
use super::effect::Effect;
use super::machine::State;
use super::overlay::{Confirmed, ExportDialog, Overlay, Picker, Renaming};
use super::session::clean_title;

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

    pub(super) fn on_problems_key(&mut self, press: Press) {
        let last = self.problems.len().saturating_sub(1);
        let Some(Overlay::Problems { selected }) = &mut self.overlay else {
            return;
        };
        match press.code {
            KeyCode::Enter => {
                let chosen = self.problems.get(*selected).map(|one| one.id.clone());
                self.overlay = None;
                if let Some(id) = chosen {
                    self.open_problem(id);
                }
            }
            code => *selected = move_selection(*selected, last, code),
        }
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
        self.overlay = Some(Overlay::Picker(Picker::new(folder)));
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
                let title = Editor::line(&title);
                list.renaming = Some(Renaming { id, title });
            }
            (_, Some((id, title))) if deletes => {
                let list = Some(Box::new(list.clone()));
                self.overlay = Some(Overlay::Confirm {
                    question: format!("Delete the session \"{title}\"? This cannot be undone."),
                    confirmed: Confirmed::DeleteSession { id, list },
                });
            }
            (KeyCode::Up | KeyCode::Down | KeyCode::PageUp | KeyCode::PageDown, _) => {
                list.selected = move_selection(list.selected, last, press.code);
            }
            _ => self.edit_field(press),
        }
    }

    /// Goes back from a confirmation to the window that asked for it. A list is reloaded.
    pub(super) fn close_window(&mut self) {
        let Some(Overlay::Confirm { confirmed, .. }) = self.overlay.take() else {
            return;
        };
        match confirmed {
            Confirmed::DeleteSession {
                list: Some(list), ..
            } => {
                let words = list.words.text().to_string();
                self.overlay = Some(Overlay::Sessions(*list));
                self.emit(Effect::ListSessions { words });
            }
            Confirmed::DeleteSession { list: None, .. } => {}
            Confirmed::ReplaceExport { path, .. } => {
                let dialog = ExportDialog::new(Some(path), self.session.title());
                self.overlay = Some(Overlay::Export(dialog));
            }
        }
    }

    fn rename_in_list(&mut self, id: &str, title: &str) {
        let title = clean_title(title);
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

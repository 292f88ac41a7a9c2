//! Keys in open windows: Esc closes, arrows move in lists and scroll texts, other keys edit fields.

use crossterm::event::KeyCode;

use crate::tui::keys::{Action, Press};

use rounds_support::Failure;

use super::effect::Effect;
use super::machine::State;
use super::main_keys;
use super::overlay::{CASES_STEP, Confirmed, Overlay};
use super::paths;

/// Steps of the first run.
pub const WELCOME_STEPS: usize = 3;

impl State {
    /// A key while a window is open.
    pub(super) fn on_overlay_key(&mut self, press: Press) {
        if press.code == KeyCode::Esc {
            if matches!(self.overlay, Some(Overlay::Image)) && self.stop_cine() {
                return;
            }
            return self.close_overlay();
        }
        if self.scroll_overlay(press) {
            return;
        }
        match &self.overlay {
            Some(Overlay::Image) => {
                let action = self
                    .keymap
                    .action(crate::tui::keys::KeyContext::Images, press);
                if let Some(action) = action {
                    self.image_action(action);
                }
            }
            Some(Overlay::Welcome { .. }) => self.on_welcome_key(press),
            Some(Overlay::Cases { .. }) => self.on_cases_key(press),
            Some(Overlay::Problems { .. }) => self.on_problems_key(press),
            Some(Overlay::Picker(_)) => self.on_picker_key(press),
            Some(Overlay::Sessions(_)) => self.on_sessions_key(press),
            Some(Overlay::Export(_)) => self.on_export_key(press),
            Some(Overlay::Example { .. }) => self.on_example_key(press),
            Some(Overlay::Confirm { .. }) => self.on_confirm_key(press),
            Some(Overlay::Help { .. }) if press.code != KeyCode::Enter => self.edit_field(press),
            _ if matches!(press.code, KeyCode::Enter | KeyCode::Char('q')) => self.overlay = None,
            _ => {}
        }
    }

    /// Closes the open field or the window, or goes back to the previous window.
    fn close_overlay(&mut self) {
        if let Some(Overlay::Sessions(list)) = &mut self.overlay
            && list.renaming.take().is_some()
        {
            return;
        }
        self.close_window();
    }

    fn scroll_overlay(&mut self, press: Press) -> bool {
        let page = usize::from(self.rows / 2).max(1);
        let filters = matches!(self.overlay, Some(Overlay::Help { .. }));
        let Some(scroll) = self.overlay.as_mut().and_then(Overlay::scroll) else {
            return false;
        };
        let most = self.hits.max_overlay_scroll;
        // Where text can be typed, letters are not keys.
        if filters && press.character().is_some() {
            return false;
        }
        *scroll = match press.code {
            KeyCode::Up | KeyCode::Char('k') => scroll.saturating_sub(1),
            KeyCode::Down | KeyCode::Char('j') => *scroll + 1,
            KeyCode::PageUp => scroll.saturating_sub(page),
            // At the end, Space may have another meaning.
            KeyCode::Char(' ') if *scroll >= most => return false,
            KeyCode::PageDown | KeyCode::Char(' ') => *scroll + page,
            KeyCode::Home | KeyCode::Char('g') => 0,
            KeyCode::End | KeyCode::Char('G') => most,
            _ => return false,
        }
        .min(most);
        true
    }

    fn on_welcome_key(&mut self, press: Press) {
        let page = usize::from(self.rows / 2).max(1);
        let most = self.hits.max_overlay_scroll;
        let Some(Overlay::Welcome {
            step,
            selected,
            scroll,
        }) = &mut self.overlay
        else {
            return;
        };
        let cases = self.cases.len();
        match press.code {
            KeyCode::Char(digit) if *step == CASES_STEP && digit.is_ascii_digit() => {
                // 1 to 9, and 0 for the tenth.
                let number = digit
                    .to_digit(10)
                    .map_or(0, |d| if d == 0 { 9 } else { d as usize - 1 });
                self.attach_sample_case(number);
            }
            KeyCode::Up => *selected = selected.saturating_sub(1),
            KeyCode::Down => *selected = (*selected + 1).min(cases.saturating_sub(1)),
            KeyCode::Left | KeyCode::Backspace => {
                *step = step.saturating_sub(1);
                *scroll = 0;
            }
            // The whole text must have been on the screen before it can be accepted.
            KeyCode::Enter | KeyCode::Right | KeyCode::Tab if *scroll < most => {
                *scroll = (*scroll + page).min(most);
            }
            KeyCode::Enter if *step == CASES_STEP => {
                let number = *selected;
                self.attach_sample_case(number);
            }
            KeyCode::Enter | KeyCode::Right | KeyCode::Tab | KeyCode::Char(' ') => {
                let accepts = *step == 0;
                *step += 1;
                *scroll = 0;
                if *step >= WELCOME_STEPS {
                    self.overlay = None;
                }
                if accepts {
                    self.emit(Effect::AcceptFirstRun);
                }
            }
            _ => {}
        }
    }

    fn on_export_key(&mut self, press: Press) {
        let home = self.home.clone();
        let Some(Overlay::Export(dialog)) = &mut self.overlay else {
            return;
        };
        match press.code {
            KeyCode::Tab if press.modifiers.is_empty() => dialog.switch(1),
            KeyCode::Tab => dialog.switch(-1),
            KeyCode::Down => dialog.switch(1),
            KeyCode::Up => dialog.switch(-1),
            KeyCode::Enter => {
                let path = paths::from_input(dialog.path.text(), home.as_deref());
                dialog.error = match path {
                    Some(_) => None,
                    None => {
                        Some(Failure::usage("there is no path").hint("write where to export to"))
                    }
                };
                let format = dialog.format;
                if let Some(path) = path {
                    self.export(format, path, false);
                }
            }
            _ => self.edit_field(press),
        }
    }

    fn on_example_key(&mut self, press: Press) {
        let action = self
            .keymap
            .action(crate::tui::keys::KeyContext::Shots, press);
        match action {
            Some(Action::ShotOpen) => self.overlay = None,
            Some(Action::ShotPin | Action::ShotExclude) => {
                if let Some(action) = action {
                    self.shot_action(action);
                }
            }
            Some(Action::AskWithout) => {
                self.overlay = None;
                self.shot_action(Action::AskWithout);
            }
            _ if press.code == KeyCode::Char('q') => self.overlay = None,
            _ => {}
        }
    }

    fn on_confirm_key(&mut self, press: Press) {
        let Some(Overlay::Confirm { confirmed, .. }) = &self.overlay else {
            return;
        };
        let confirmed = confirmed.clone();
        match press.code {
            KeyCode::Char('y' | 'Y') => {
                let returns = matches!(confirmed, Confirmed::DeleteSession { .. });
                self.do_confirmed(confirmed);
                match returns {
                    true => self.close_window(),
                    false => self.overlay = None,
                }
            }
            KeyCode::Char('n' | 'N' | 'q') => self.close_window(),
            _ => {}
        }
    }

    /// Does what the user has confirmed.
    pub(super) fn do_confirmed(&mut self, confirmed: Confirmed) {
        match confirmed {
            Confirmed::DeleteSession { id, .. } => self.delete_session(&id),
            Confirmed::ReplaceExport { format, path } => self.export(format, path, true),
        }
    }

    /// Applies editing keys to the field of a window.
    pub(super) fn edit_field(&mut self, press: Press) {
        let action = self
            .keymap
            .action(crate::tui::keys::KeyContext::Input, press);
        let Some(field) = self.overlay.as_mut().and_then(Overlay::field) else {
            return;
        };
        let before = field.text().to_string();
        match (press.character(), action) {
            (Some(character), _) => field.type_character(character),
            (None, Some(action)) => main_keys::edit(field, action),
            _ => {}
        }
        if field.text() != before {
            self.field_changed();
        }
    }

    /// Updates lists after a change in a window's field.
    pub(super) fn field_changed(&mut self) {
        match &mut self.overlay {
            Some(Overlay::Picker(picker)) => picker.selected = 0,
            Some(Overlay::Help { scroll, .. }) => *scroll = 0,
            Some(Overlay::Export(dialog)) => dialog.set_format_from_path(),
            Some(Overlay::Sessions(list)) if list.renaming.is_none() => {
                list.selected = 0;
                let words = list.words.text().to_string();
                self.emit(Effect::ListSessions { words });
            }
            _ => {}
        }
    }
}

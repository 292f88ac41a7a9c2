//! Keys while no window is open.

use crate::tui::ExitReason;
use crate::tui::keys::{Action, Press};

use super::command_table;
use super::editor::Editor;
use super::effect::Effect;
use super::overlay::Overlay;
use super::user_error::UserError;
use super::{DOUBLE_PRESS, Focus, State};

impl State {
    pub(super) fn on_key(&mut self, press: Press) {
        let action = self.keymap.action(self.focus.key_context(), press);
        // These work even while a window is open.
        match action {
            Some(Action::Interrupt) => return self.interrupt(),
            Some(Action::Suspend) => return self.emit(Effect::Suspend),
            Some(Action::Redraw) => return self.emit(Effect::Redraw),
            _ => self.interrupted = None,
        }
        if self.overlay.is_some() {
            if action == Some(Action::Help) {
                self.overlay = None;
                return;
            }
            return self.on_overlay_key(press);
        }
        match (action, press.character()) {
            (Some(action), _) => self.do_action(action, press),
            (None, Some('?')) if self.input.is_empty() || self.focus != Focus::Input => {
                self.show_help()
            }
            (None, Some(character)) => self.type_character(character),
            (None, None) => {}
        }
    }

    fn show_help(&mut self) {
        self.overlay = Some(Overlay::Help { scroll: 0 });
    }

    /// A character without a binding in this pane starts a question.
    fn type_character(&mut self, character: char) {
        self.focus = Focus::Input;
        self.input.type_character(character);
        self.complete();
        self.warn_if_full();
    }

    fn do_action(&mut self, action: Action, press: Press) {
        match action {
            Action::Stop => self.escape(),
            Action::Quit if self.input.is_empty() => self.leave(ExitReason::Left),
            Action::Quit => {}
            Action::Help => self.show_help(),
            Action::NextPane if self.focus == Focus::Input && self.take_completion() => {}
            Action::NextPane => self.cycle_focus(1),
            Action::PreviousPane => self.cycle_focus(-1),
            Action::ToConversation => self.go(Focus::Conversation),
            Action::ToImages => self.go(Focus::Images),
            Action::ToShots => self.go(Focus::Shots),
            Action::PickFile => self.pick_file(),
            Action::PasteImage => self.emit(Effect::AttachClipboard),
            Action::Cases => self.overlay = Some(Overlay::Cases { selected: 0 }),
            Action::Regenerate | Action::TurnRegenerate => self.regenerate(),
            Action::EditQuestion | Action::TurnEdit => self.edit_question(),
            Action::PreviousBranch => self.switch_branch(-1),
            Action::NextBranch => self.switch_branch(1),
            Action::Compare => self.compare(""),
            Action::ShowPrompt => self.show_prompt(),
            Action::Sessions => self.show_sessions(""),
            Action::NewSession => self.new_session(),
            Action::Export => self.show_export(""),
            Action::CopyAnswer | Action::TurnCopy => self.copy_answer(),
            Action::ScrollUp => self.scroll_conversation(-(self.page())),
            Action::ScrollDown => self.scroll_conversation(self.page()),
            Action::TurnUp => self.choose_turn(-1),
            Action::TurnDown => self.choose_turn(1),
            Action::TurnFirst => self.choose_turn(isize::MIN / 2),
            Action::TurnLast => self.choose_turn(isize::MAX / 2),
            _ if self.focus == Focus::Input => self.input_action(action, press),
            _ if self.focus == Focus::Images => self.image_action(action),
            _ => self.shot_action(action),
        }
    }

    fn input_action(&mut self, action: Action, press: Press) {
        match action {
            Action::Send => return self.enter(),
            Action::EndOfInput
                if self.input.is_empty() && press.code != crossterm::event::KeyCode::Delete =>
            {
                return self.leave(ExitReason::Left);
            }
            Action::Newline => self.input.insert("\n"),
            Action::Up if self.choose_completion(-1) => return,
            Action::Down if self.choose_completion(1) => return,
            Action::Up if !self.input.up() => return self.older(),
            Action::Down if !self.input.down() => return self.newer(),
            Action::OlderQuestion => return self.older(),
            Action::NewerQuestion => return self.newer(),
            _ => edit(&mut self.input, action),
        }
        self.complete();
    }

    /// Enter: takes the selected completion, runs a command, or asks a question.
    pub(super) fn enter(&mut self) {
        let chosen = self.completion.as_ref().is_some_and(|c| c.chosen.is_some());
        if chosen && self.take_completion() {
            return;
        }
        let text = self.input.text().to_string();
        if text.trim() == "/" {
            // The list would cover the message.
            self.completion = None;
            let error = UserError::new("a slash alone is not a command");
            return self.show_error(error.hint("/help shows all commands"));
        }
        if command_table::is_command(&text) {
            self.run_command(&text);
        } else {
            self.send();
        }
    }

    fn older(&mut self) {
        let current = self.input.text().to_string();
        let line = self.history.older(&current).map(str::to_string);
        self.recall(line);
    }

    fn newer(&mut self) {
        let line = self.history.newer().map(str::to_string);
        self.recall(line);
    }

    /// Puts a line of the history into the input. Completions stay closed: they would take the arrow keys.
    fn recall(&mut self, line: Option<String>) {
        self.completion = None;
        self.completion_dismissed = true;
        if let Some(line) = line {
            self.input.set(&line);
        }
    }

    /// Esc: closes, cancels or stops the innermost thing.
    fn escape(&mut self) {
        if self.completion.take().is_some() {
            self.completion_dismissed = true;
            return;
        }
        if self.cancel_editing() {
            return self.notify("the question was not changed");
        }
        if self.stop() || self.cancel_opening() || self.cancel_work() {
            return;
        }
        if self.is_stopping_any() {
            return self.notify("already stopping");
        }
        if self.chosen.take().is_some() {
            self.scroll = None;
            return;
        }
        self.focus = Focus::Input;
        self.notice = None;
    }

    /// Ctrl-C: stops whatever is running; twice quits.
    fn interrupt(&mut self) {
        if self
            .interrupted
            .is_some_and(|before| self.now.saturating_sub(before) < DOUBLE_PRESS)
        {
            return self.leave(ExitReason::Left);
        }
        self.interrupted = Some(self.now);
        let key = self.keymap.hint(Action::Interrupt).to_string();
        let did = if self.stop() {
            "stopped"
        } else if self.cancel_work() {
            "stopping the background work"
        } else if self.is_stopping_any() {
            "already stopping"
        } else if self.overlay.take().is_some() {
            "closed"
        } else if self.cancel_editing() {
            self.completion = None;
            "the question was not changed"
        } else if !self.input.is_empty() {
            self.input.take();
            self.completion = None;
            "cleared"
        } else {
            "nothing is running"
        };
        self.notify(format!("{did}; {key} again quits"));
    }

    fn cycle_focus(&mut self, step: isize) {
        let all = Focus::ALL;
        let at = all.iter().position(|f| *f == self.focus).unwrap_or(0);
        let next = (at as isize + step).rem_euclid(all.len() as isize) as usize;
        self.go(all.get(next).copied().unwrap_or_default());
    }
}

/// Applies an editing action to a text.
pub(super) fn edit(editor: &mut Editor, action: Action) {
    match action {
        Action::EndOfInput => editor.delete(),
        Action::Backspace => editor.backspace(),
        Action::Left => editor.left(),
        Action::Right => editor.right(),
        Action::WordLeft => editor.word_left(),
        Action::WordRight => editor.word_right(),
        Action::LineStart => editor.go_to_line_start(),
        Action::LineEnd => editor.go_to_line_end(),
        Action::KillWord => editor.kill_word(),
        Action::KillWordAfter => editor.kill_word_after(),
        Action::KillToStart => editor.kill_to_start(),
        Action::KillToEnd => editor.kill_to_end(),
        Action::Yank => editor.yank(),
        Action::Transpose => editor.transpose(),
        Action::Undo => editor.undo(),
        _ => {}
    }
}

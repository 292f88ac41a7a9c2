//! Keys while no window is open.

use std::path::PathBuf;

use crate::tui::ExitReason;
use crate::tui::keys::{Action, Press};

use rounds_support::Failure;

use super::command_table;
use super::editor::Editor;
use super::effect::Effect;
use super::focus::Focus;
use super::machine::{DOUBLE_PRESS, State};
use super::overlay::Overlay;
use super::paths;

impl State {
    pub(super) fn on_key(&mut self, press: Press) {
        if self.continues_text(press) {
            return;
        }
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
            (Some(action), Some(letter)) if self.focus != Focus::Input => {
                self.pane_letter(letter, action, press);
            }
            (Some(action), _) => self.do_action(action, press),
            (None, Some('?')) if self.composer.input.is_empty() || self.focus != Focus::Input => {
                self.show_help("")
            }
            (None, Some(character)) => self.type_character(character),
            (None, None) => {}
        }
    }

    pub(super) fn show_help(&mut self, words: &str) {
        self.overlay = Some(Overlay::Help {
            scroll: 0,
            filter: Editor::line(words),
        });
    }

    /// A character without a binding in this pane starts a question.
    pub(super) fn type_character(&mut self, character: char) {
        self.focus = Focus::Input;
        self.composer.replace_suggestion();
        self.composer.input.type_character(character);
        self.complete();
        self.warn_if_full();
    }

    pub(super) fn do_action(&mut self, action: Action, press: Press) {
        match action {
            Action::Stop => self.escape(),
            Action::Quit if self.composer.input.is_empty() => self.leave(ExitReason::Left),
            Action::Quit => {}
            Action::Help => self.show_help(""),
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
            Action::Export => self.show_export(),
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
                if self.composer.input.is_empty()
                    && press.code != crossterm::event::KeyCode::Delete =>
            {
                return self.leave(ExitReason::Left);
            }
            Action::Newline => self.composer.input.insert("\n"),
            Action::Up if self.composer.choose_completion(-1) => return,
            Action::Down if self.composer.choose_completion(1) => return,
            Action::Up if !self.composer.input.up() => return self.composer.older(),
            Action::Down if !self.composer.input.down() => return self.composer.newer(),
            Action::OlderQuestion => return self.composer.older(),
            Action::NewerQuestion => return self.composer.newer(),
            _ => edit(&mut self.composer.input, action),
        }
        self.composer.keep_suggestion();
        self.complete();
    }

    /// Enter: takes the selected completion, runs a command, or asks a question.
    pub(super) fn enter(&mut self) {
        if self.composer.has_chosen_completion() && self.take_completion() {
            return;
        }
        let text = self.composer.input.text().to_string();
        if text.trim() == "/" {
            // The list would cover the message.
            self.composer.close_completion();
            let error = Failure::usage("a slash alone is not a command");
            return self.show_error(error.hint("/help shows all commands"));
        }
        if command_table::is_command(&text) {
            return self.run_command(&text);
        }
        match paths::leading_images(&text, self.home.as_deref()) {
            (images, _) if images.is_empty() => self.send(),
            (images, question) => self.enter_images(images, question, &text),
        }
    }

    /// A line that starts with the paths of images attaches them, and asks the question after them.
    fn enter_images(&mut self, images: Vec<PathBuf>, question: &str, line: &str) {
        if !question.is_empty() && self.is_answering() {
            return;
        }
        self.composer.send(line, None);
        self.attach_and_ask(images, question, line.trim());
    }

    /// Esc: closes, cancels or stops the innermost thing.
    fn escape(&mut self) {
        if self.composer.completion.take().is_some() {
            self.composer.completion_dismissed = true;
            return;
        }
        if self.cancel_editing() {
            return self.notify("the question was not changed");
        }
        if self.stop_cine() {
            return;
        }
        if self.stop() || self.cancel_opening() || self.cancel_work() {
            return;
        }
        if self.is_stopping_any() {
            return self.notify("already stopping");
        }
        if self.selection.turn.take().is_some() {
            self.selection.scroll = None;
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
        let did = if self.stop_cine() || self.stop() {
            "stopped"
        } else if self.cancel_work() {
            "stopping the background work"
        } else if self.is_stopping_any() {
            "already stopping"
        } else if self.overlay.take().is_some() {
            "closed"
        } else if self.cancel_editing() {
            self.composer.completion = None;
            "the question was not changed"
        } else if !self.composer.input.is_empty() {
            self.composer.clear();
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

//! Running slash commands.

use clap::ValueEnum;

use crate::tui::keys::Action;
use crate::tui::{ExitReason, ImageMode, ThemeChoice};

use rounds_support::Failure;

use super::case::SubjectPart;
use super::command_table::{self, Command};
use super::effect::Effect;
use super::focus::Focus;
use super::library::is_built_in;
use super::machine::State;
use super::overlay::{Overlay, SessionList};
use super::page::Page;
use super::paths;
use super::values::{invalid_value, value_name};

impl State {
    /// Runs a typed command. A command that fails stays in the input, to be corrected.
    pub(super) fn run_command(&mut self, line: &str) {
        let (row, argument) = match command_table::parse(line) {
            Ok((row, argument)) => (row, argument.to_string()),
            Err(error) => {
                // The list would cover the message.
                self.composer.close_completion();
                return self.show_error(error);
            }
        };
        if row.full_screen_only && self.linear {
            return self.notify(format!(
                "{} works only in the full-screen interface",
                row.name
            ));
        }
        if argument.is_empty() && row.argument.has_list() {
            return self.offer_values(row);
        }
        let typed = self.composer.input.text().to_string();
        self.composer.send(line, Some(row.command));
        let before = self.notice.take();
        self.dispatch(row.command, &argument);
        match &self.notice {
            None => self.notice = before,
            Some(notice) if notice.is_error => self.give_back(&typed),
            Some(_) => {}
        }
    }

    /// A worker could not do what the last line asked for: gives it back if it was one of these commands.
    pub(super) fn give_back_command(&mut self, commands: &[Command]) {
        self.give_back_if(|command| command.is_some_and(|command| commands.contains(&command)));
    }

    /// Gives the last line back if `is_it` accepts its command; a line of paths has none. In line mode it cannot be edited.
    pub(super) fn give_back_if(&mut self, is_it: impl Fn(Option<Command>) -> bool) {
        if !self.linear {
            self.composer.give_back_if(is_it);
        }
    }

    pub(super) fn give_back(&mut self, line: &str) {
        if !self.linear {
            self.composer.give_back(line);
        }
    }

    fn dispatch(&mut self, command: Command, argument: &str) {
        match command {
            Command::Attach => self.attach_argument(argument),
            Command::Paste => self.emit(Effect::AttachClipboard),
            Command::View => self.view_argument(argument),
            Command::Measure => self.measure_argument(argument),
            Command::Detach => self.detach_argument(argument),
            Command::Patient => self.subject_argument(SubjectPart::Patient, argument),
            Command::Study if argument.is_empty() => self.open_study_mode(),
            Command::Study => self.subject_argument(SubjectPart::Study, argument),
            Command::Cases => self.case_argument(argument),
            Command::Problem => self.problem_argument(argument),
            Command::Stop => self.stop_running(),
            Command::Shots if self.linear => self.show_page(Page::Shots),
            Command::Shots => self.go(Focus::Shots),
            Command::Shot => self.shot_command(argument, Action::ShotOpen),
            Command::Without => self.shot_command(argument, Action::AskWithout),
            Command::Why => self.explain_answer(),
            Command::Move => self.move_argument(argument),
            Command::Set(setting) => self.setting_argument(setting, argument),
            Command::Pin => self.pin_argument(argument),
            Command::Exclude => self.exclude_argument(argument),
            Command::Model => self.open_model(self.library_path(argument)),
            Command::Index => self.open_index(self.library_path(argument)),
            Command::Import => self.import_argument(argument),
            Command::Warm => self.warm_argument(argument),
            Command::Prompt => self.show_prompt(),
            Command::Compare => self.compare(argument),
            Command::Regenerate => self.regenerate(),
            Command::Edit => self.edit_argument(argument),
            Command::Turns => self.turns_argument(argument),
            Command::Branches => self.branches_argument(argument),
            Command::Copy => self.copy_answer(),
            Command::New => self.new_session(),
            Command::Sessions => self.show_sessions(""),
            Command::Search => self.show_sessions(argument),
            Command::Open if argument.is_empty() => self.show_sessions(""),
            Command::Open => self.emit(Effect::OpenSession(argument.to_string())),
            Command::Rename => self.rename_session(argument),
            Command::Delete => self.confirm_delete(),
            Command::Export => self.export_argument(argument),
            Command::Status => self.show_page(Page::Status),
            Command::Theme => self.theme_argument(argument),
            Command::Images => self.images_argument(argument),
            Command::Help => self.show_help(argument),
            Command::Quit => self.leave(ExitReason::Left),
        }
    }

    /// The path or name of a model or index; `None` is the shipped one.
    fn library_path(&self, argument: &str) -> Option<std::path::PathBuf> {
        paths::from_input(argument, self.home.as_deref()).filter(|path| !is_built_in(path))
    }

    fn theme_argument(&mut self, argument: &str) {
        match ThemeChoice::from_str(argument, true) {
            Ok(theme) => {
                self.theme = theme;
                self.notify(format!("theme {}", value_name(&theme)));
            }
            Err(_) => self.show_error(invalid_value::<ThemeChoice>("a theme", argument)),
        }
    }

    fn images_argument(&mut self, argument: &str) {
        match ImageMode::from_str(argument, true) {
            Ok(mode) => {
                self.images = mode;
                match mode {
                    ImageMode::Kitty | ImageMode::Iterm2 => {
                        self.notify("inside tmux, images need: set -g allow-passthrough on");
                    }
                    ImageMode::None => self.notify("images are off"),
                    _ => self.notify(format!("images are drawn with {}", value_name(&mode))),
                }
                self.emit(Effect::SetImages(mode));
            }
            Err(_) => self.show_error(invalid_value::<ImageMode>("an image mode", argument)),
        }
    }

    pub(super) fn show_sessions(&mut self, words: &str) {
        self.overlay = Some(Overlay::Sessions(SessionList::new(words)));
        self.emit(Effect::ListSessions {
            words: words.to_string(),
        });
    }

    pub(super) fn show_prompt(&mut self) {
        match self.turn() {
            Some(turn) => self.overlay = Some(Overlay::Prompt { turn, scroll: 0 }),
            None => self
                .show_error(Failure::usage("there is no prompt yet").hint("ask something first")),
        }
    }

    pub(super) fn copy_answer(&mut self) {
        let text = self
            .turn()
            .and_then(|id| self.conversation.get(id))
            .map(|turn| turn.answer_text());
        match text.filter(|text| !text.is_empty()) {
            Some(text) => self.emit(Effect::Copy(text)),
            None => self.show_error(Failure::usage("there is no answer to copy")),
        }
    }
}

//! Running slash commands, and changing a setting by name.

use std::path::PathBuf;

use clap::ValueEnum;

use crate::tui::journal::ExportFormat;
use crate::tui::keys::Action;
use crate::tui::{ExitReason, ImageMode, ThemeChoice};
use rounds_assistant::retrieval::{Order, Strategy};
use rounds_assistant::{Settings, SettingsError};

use super::command_table;
use super::effect::Effect;
use super::overlay::{ExportDialog, Overlay, SessionList};
use super::pages::Page;
use super::user_error::UserError;
use super::{Focus, State, paths};

impl State {
    /// Runs a typed command.
    pub(super) fn run_command(&mut self, line: &str) {
        let (row, argument) = match command_table::parse(line) {
            Ok(parsed) => parsed,
            Err(error) => return self.show_error(error),
        };
        let argument = argument.to_string();
        self.input.take();
        self.completion = None;
        self.history.add(line.trim());
        if row.full_screen_only && self.linear {
            return self.notify(format!(
                "{} works only in the full-screen interface",
                row.name
            ));
        }
        match row.name {
            "/attach" => self.attach_argument(&argument),
            "/paste" => self.emit(Effect::AttachClipboard),
            "/detach" => self.detach_argument(&argument),
            "/patient" | "/study" => self.patient_or_study_argument(row.name, &argument),
            "/cases" => self.case_argument(&argument),
            "/stop" => self.stop_running(),
            "/shots" if self.linear => self.show_page(Page::Shots),
            "/shots" => self.go(Focus::Shots),
            "/shot" => self.shot_command(&argument, Action::ShotOpen),
            "/without" => self.shot_command(&argument, Action::AskWithout),
            "/move" => self.move_argument(&argument),
            "/prompt" => self.show_prompt(),
            "/compare" => self.compare(&argument),
            "/regenerate" => self.regenerate(),
            "/edit" => self.edit_argument(&argument),
            "/turns" => self.turns_argument(&argument),
            "/branches" => self.branches_argument(&argument),
            "/copy" => self.copy_answer(),
            "/model" => self.open_model(paths::from_input(&argument, self.home.as_deref())),
            "/index" => self.open_index(paths::from_input(&argument, self.home.as_deref())),
            "/import" => self.import_argument(&argument),
            "/warm" => self.warm_argument(&argument),
            "/pin" => self.pin_argument(&argument),
            "/exclude" => self.exclude_argument(&argument),
            "/theme" => self.theme_argument(&argument),
            "/images" => self.images_argument(&argument),
            "/status" => self.show_page(Page::Status),
            "/help" => self.overlay = Some(Overlay::Help { scroll: 0 }),
            "/quit" => self.leave(ExitReason::Left),
            "/new" | "/sessions" | "/search" | "/open" | "/rename" | "/delete" | "/export" => {
                self.run_session_command(row.name, &argument);
            }
            _ => self.setting(row, &argument),
        }
    }

    fn run_session_command(&mut self, name: &str, argument: &str) {
        match name {
            "/new" => self.new_session(),
            "/sessions" | "/search" => self.show_sessions(argument),
            "/open" if argument.is_empty() => self.show_sessions(""),
            "/open" => self.emit(Effect::OpenSession(argument.to_string())),
            "/rename" => self.rename_session(argument),
            "/delete" => self.confirm_delete(),
            _ if self.linear => self.export_without_dialog(argument),
            _ => self.show_export(argument),
        }
    }

    /// Changes a setting, or shows its value.
    fn setting(&mut self, row: &command_table::CommandRow, value: &str) {
        let name = row.name.trim_start_matches('/');
        if value.is_empty() {
            let now = describe_setting(&self.settings, name);
            return self.notify(format!(
                "{now}; {} {} changes it",
                row.name, row.argument_hint
            ));
        }
        match set(&mut self.settings, name, value) {
            Ok(()) => {
                let now = describe_setting(&self.settings, name);
                self.notify(match name {
                    "k" => format!("Next question will use {now}"),
                    _ => format!("{now}, from the next question on"),
                });
            }
            Err(error) => self.show_error(error),
        }
    }

    fn theme_argument(&mut self, argument: &str) {
        if argument.is_empty() {
            let now = value_name(&self.theme);
            return self.notify(format!("theme {now}; /theme dark|light|auto changes it"));
        }
        match ThemeChoice::from_str(argument, true) {
            Ok(theme) => {
                self.theme = theme;
                self.notify(format!("theme {}", value_name(&theme)));
            }
            Err(_) => self.show_error(invalid_value::<ThemeChoice>("a theme", argument)),
        }
    }

    fn images_argument(&mut self, argument: &str) {
        if argument.is_empty() {
            let now = value_name(&self.images);
            return self.notify(format!(
                "images are drawn with {now}; /images MODE changes it"
            ));
        }
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

    pub(super) fn show_export(&mut self, argument: &str) {
        if self.session.id().is_none() {
            return self.nothing_to_export();
        }
        let path = paths::from_input(argument, self.home.as_deref());
        self.overlay = Some(Overlay::Export(ExportDialog::new(
            path,
            self.session.title(),
        )));
    }

    fn nothing_to_export(&mut self) {
        self.show_error(
            UserError::new("there is nothing to export yet").hint("ask something first"),
        );
    }

    /// Writes the session to the path in the argument, in the format of its extension.
    fn export_without_dialog(&mut self, argument: &str) {
        let Some(id) = self.session.id().map(str::to_string) else {
            return self.nothing_to_export();
        };
        let path = paths::from_input(argument, self.home.as_deref());
        let Some(path) = path else {
            let example = ExportDialog::new(None, self.session.title());
            return self.show_error(
                UserError::new("/export needs the path of the file to write")
                    .hint(format!("/export {}", example.path.text())),
            );
        };
        match ExportFormat::of(&path) {
            Some(format) => self.emit(Effect::Export { id, format, path }),
            None => self.show_error(
                UserError::new("the path does not end in a known export format")
                    .hint("use .md, .html or .json"),
            ),
        }
    }

    pub(super) fn show_prompt(&mut self) {
        match self.turn() {
            Some(turn) => self.overlay = Some(Overlay::Prompt { turn, scroll: 0 }),
            None => self
                .show_error(UserError::new("there is no prompt yet").hint("ask something first")),
        }
    }

    pub(super) fn copy_answer(&mut self) {
        let text = self
            .turn()
            .and_then(|id| self.conversation.get(id))
            .map(|turn| turn.answer_text());
        match text.filter(|text| !text.is_empty()) {
            Some(text) => self.emit(Effect::Copy(text)),
            None => self.show_error(UserError::new("there is no answer to copy")),
        }
    }
}

/// Changes one setting; leaves the settings unchanged if the result would be invalid.
pub(super) fn set(settings: &mut Settings, name: &str, value: &str) -> Result<(), UserError> {
    let wants = |what: &str| match value {
        "" => UserError::new(format!("/{name} takes {what}")),
        value => UserError::new(format!("/{name} takes {what}, not `{value}`")),
    };
    let mut changed = settings.clone();
    match name {
        // Text that is not a number becomes a value that fails the check below.
        "k" | "shots" => changed.shots = value.parse().unwrap_or(usize::MAX),
        "strategy" => {
            changed.strategy = Strategy::from_str(value, true)
                .map_err(|_| invalid_value::<Strategy>("a strategy", value))?;
        }
        "order" => {
            changed.order = Order::from_str(value, true)
                .map_err(|_| invalid_value::<Order>("an order", value))?;
        }
        "floor" if value == "off" => changed.floor = None,
        "floor" => changed.floor = Some(value.parse().unwrap_or(f32::NAN)),
        "filter" => changed.filter = parse_conditions(value)?,
        "seed" => {
            changed.decoding.seed = value.parse().map_err(|_| wants("a whole number"))?;
        }
        "temperature" => changed.decoding.temperature = value.parse().unwrap_or(f64::NAN),
        _ => {
            return Err(UserError::new(format!("there is no setting `{name}`"))
                .hint("use k, strategy, order, floor, filter, seed or temperature"));
        }
    }
    changed.check().map_err(|error| match error {
        SettingsError::Range("floor", takes) => wants(&format!("{takes}, or off")),
        SettingsError::Range(_, takes) => wants(&takes),
        other => UserError::of(&other),
    })?;
    *settings = changed;
    Ok(())
}

/// `1 shot`, `2 shots`.
pub(super) fn shot_count(shots: usize) -> String {
    match shots {
        1 => "1 shot".into(),
        _ => format!("{shots} shots"),
    }
}

/// A setting and its value, for the user.
fn describe_setting(settings: &Settings, name: &str) -> String {
    match name {
        "k" => shot_count(settings.shots),
        "strategy" => format!("strategy {}", value_name(&settings.strategy)),
        "order" => format!("order {}", value_name(&settings.order)),
        "floor" => settings
            .floor
            .map_or("no floor".into(), |floor| format!("floor {floor}")),
        "filter" if settings.filter.is_empty() => "no filter".into(),
        "filter" => {
            let words: Vec<String> = settings.filter.iter().map(ToString::to_string).collect();
            format!("filter {}", words.join(" "))
        }
        "seed" => format!("seed {}", settings.decoding.seed),
        _ => format!("temperature {}", settings.decoding.temperature),
    }
}

fn parse_conditions(value: &str) -> Result<Vec<rounds_assistant::retrieval::Condition>, UserError> {
    if value == "off" {
        return Ok(Vec::new());
    }
    let parts = value.split_whitespace();
    parts
        .map(|part| {
            part.parse()
                .map_err(|error| UserError::new(format!("{error}")))
        })
        .collect()
}

/// The name of a value on the command line.
pub fn value_name<T: ValueEnum>(value: &T) -> String {
    value
        .to_possible_value()
        .map_or_else(String::new, |v| v.get_name().to_string())
}

/// All names of an option.
pub(super) fn value_names<T: ValueEnum>() -> Vec<(String, String)> {
    let all = T::value_variants()
        .iter()
        .filter_map(ValueEnum::to_possible_value);
    all.map(|v| {
        (
            v.get_name().to_string(),
            v.get_help().map(ToString::to_string).unwrap_or_default(),
        )
    })
    .collect()
}

pub(super) fn invalid_value<T: ValueEnum>(what: &str, typed: &str) -> UserError {
    let names: Vec<String> = value_names::<T>()
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    let wrong = match typed {
        "" => format!("{what} is missing"),
        _ => format!("`{typed}` is not {what}"),
    };
    UserError::new(wrong).hint(format!("one of {}", names.join(", ")))
}

/// Splits a typed path after its last slash, for completion.
pub(super) fn split_path(text: &str) -> (&str, &str) {
    match text.rfind('/') {
        Some(at) => (
            text.get(..=at).unwrap_or_default(),
            text.get(at + 1..).unwrap_or_default(),
        ),
        None => ("", text),
    }
}

/// The folder that the typed part of a path names.
pub(super) fn folder_of(beginning: &str, home: Option<&std::path::Path>) -> PathBuf {
    if beginning.is_empty() {
        return PathBuf::from(".");
    }
    paths::from_input(beginning, home).unwrap_or_else(|| PathBuf::from("."))
}

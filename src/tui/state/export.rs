//! Exporting a session: by command with a path, or in a dialog that asks for one.

use std::path::{Path, PathBuf};

use crate::tui::journal::ExportFormat;

use rounds_support::Failure;

use super::command_table::Command;
use super::effect::Effect;
use super::event::Exported;
use super::machine::State;
use super::overlay::{Confirmed, ExportDialog, Overlay};
use super::paths;

impl State {
    /// Opens the dialog.
    pub(super) fn show_export(&mut self) {
        match self.session.id() {
            Some(_) => self.show_export_dialog(None),
            None => self.nothing_to_export(),
        }
    }

    fn show_export_dialog(&mut self, path: Option<PathBuf>) {
        let dialog = ExportDialog::new(path, self.session.title());
        self.overlay = Some(Overlay::Export(dialog));
    }

    fn nothing_to_export(&mut self) {
        self.show_error(
            Failure::usage("there is nothing to export yet").hint("ask something first"),
        );
    }

    /// Writes the session to the path in the argument, in the format of its extension.
    pub(super) fn export_argument(&mut self, argument: &str) {
        if self.session.id().is_none() {
            return self.nothing_to_export();
        }
        let replace = argument.strip_prefix("--replace ");
        let path = paths::from_input(replace.unwrap_or(argument), self.home.as_deref());
        match (path.as_deref().and_then(ExportFormat::of), path) {
            (Some(format), Some(path)) => self.export(format, path, replace.is_some()),
            (_, None) if self.linear => {
                let example = ExportDialog::new(None, self.session.title());
                self.show_error(
                    Failure::usage("/export needs the path of the file to write")
                        .hint(format!("/export {}", example.path.text())),
                );
            }
            (None, Some(_)) if self.linear => self.show_error(
                Failure::usage("the path does not end in a known export format")
                    .hint("use .md, .html or .json"),
            ),
            (_, path) => self.show_export_dialog(path),
        }
    }

    pub(super) fn export(&mut self, format: ExportFormat, path: PathBuf, replace: bool) {
        if let Some(id) = self.session.id().map(str::to_string) {
            self.emit(Effect::Export {
                id,
                format,
                path,
                replace,
            });
        }
    }

    pub(super) fn on_exported(&mut self, path: &Path, result: Result<Exported, Failure>) {
        match result {
            Ok(Exported::Written) => {
                self.overlay = None;
                self.notify(format!("written to {}", path.display()));
            }
            Ok(Exported::Exists) if self.linear => self.show_error(
                // A pipe cannot answer a question.
                Failure::usage("a file with this name already exists")
                    .hint("choose another name, or write /export --replace PATH"),
            ),
            Ok(Exported::Exists) => self.ask_to_replace(path),
            Err(error) => match &mut self.overlay {
                // The error belongs in the dialog.
                Some(Overlay::Export(dialog)) => dialog.error = Some(error),
                _ => {
                    self.show_error(error);
                    self.give_back_command(&[Command::Export]);
                }
            },
        }
    }

    fn ask_to_replace(&mut self, path: &Path) {
        let format = match &self.overlay {
            Some(Overlay::Export(dialog)) => Some(dialog.format),
            _ => ExportFormat::of(path),
        };
        let name = rounds_support::sanitise::clean_line_max(&path.to_string_lossy(), 200);
        self.overlay = Some(Overlay::Confirm {
            question: format!("{name} already exists. Replace it?"),
            confirmed: Confirmed::ReplaceExport {
                format: format.unwrap_or_default(),
                path: path.to_path_buf(),
            },
        });
    }
}

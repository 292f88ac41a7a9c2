//! Attaching and detaching images. Attaching never sends: only Enter asks.

use std::path::PathBuf;

use crate::tui::journal::Attached;
use rounds_assistant::MAX_IMAGES;
use rounds_support::sanitise;

use super::editor::MAX_CHARS;
use super::effect::Effect;
use super::overlay::{Overlay, Picker};
use super::user_error::UserError;
use super::{Focus, State, paths};

impl State {
    /// A paste: image paths are attached, anything else is text.
    pub(super) fn on_paste(&mut self, text: &str) {
        if let Some(field) = self.overlay.as_mut().and_then(Overlay::field) {
            field.insert(text);
            return self.field_changed();
        }
        if self.overlay.is_some() {
            return;
        }
        self.focus = Focus::Input;
        let command = self.input.text().starts_with('/');
        match paths::from_paste(text, self.home.as_deref()) {
            Some(found) if !command => {
                for path in found.into_iter().take(MAX_IMAGES) {
                    self.attach_file(path);
                }
            }
            _ => {
                self.input.insert(text);
                self.complete();
                self.warn_if_full();
            }
        }
    }

    /// Typed or pasted text is never cut off silently.
    pub(super) fn warn_if_full(&mut self) {
        if self.input.is_full() {
            let error = UserError::new(format!("a question has at most {MAX_CHARS} characters"));
            self.show_error(error.hint("the rest was cut off; check the end of your question"));
        }
    }

    pub(super) fn attach_argument(&mut self, argument: &str) {
        match paths::from_input(argument, self.home.as_deref()) {
            Some(path) => self.attach_file(path),
            None => self.pick_file(),
        }
    }

    pub(super) fn attach_file(&mut self, path: PathBuf) {
        if !self.linear {
            let path = sanitise::clean_line_max(&path.to_string_lossy(), 80);
            self.notify(format!("reading {path}"));
        }
        self.emit(Effect::AttachFile(path));
    }

    /// Attaches the images given at the start.
    pub(super) fn attach_pending(&mut self) {
        for path in std::mem::take(&mut self.pending_attachments) {
            self.emit(Effect::AttachFile(path));
        }
    }

    /// Opens the file picker in the folder it showed last.
    pub(super) fn pick_file(&mut self) {
        let folder = self.folder.clone();
        self.emit(Effect::ListFolder(folder.clone()));
        self.overlay = Some(Overlay::Picker(Picker::new(folder)));
    }

    pub(super) fn case_argument(&mut self, name: &str) {
        if name.is_empty() {
            self.overlay = Some(Overlay::Cases { selected: 0 });
            return;
        }
        let number = name.parse::<usize>().ok().and_then(|n| n.checked_sub(1));
        let numbered = number.and_then(|number| self.cases.get(number));
        let name = numbered.map_or(name, |numbered| numbered).to_string();
        self.emit(Effect::AttachCase(name));
    }

    pub(super) fn on_attached(&mut self, name: &str, result: Result<Attached, UserError>) {
        let attached = match result {
            Ok(attached) => attached,
            Err(error) => return self.show_error(error),
        };
        let sha256 = &attached.image.source.sha256;
        if let Some(at) = self
            .attached
            .iter()
            .position(|a| a.image.source.sha256 == *sha256)
        {
            self.image_pane.choose(at);
            return self.notify(format!("{name} is already attached"));
        }
        if self.attached.len() >= MAX_IMAGES {
            return self.show_error(
                UserError::new(format!("at most {MAX_IMAGES} images can be attached"))
                    .hint("/detach removes one"),
            );
        }
        self.attached.push(attached);
        self.image_pane.choose(self.attached.len() - 1);
        // The user wants to see the image just attached.
        self.chosen = None;
        self.show_pane(Focus::Images);
        self.notify(format!("attached {name}; it goes with your next question"));
    }

    /// Shows or sets the patient or study of the next question. Ids are compared in full, so they are never shortened.
    pub(super) fn patient_or_study_argument(&mut self, command: &str, argument: &str) {
        let what = command.trim_start_matches('/');
        let known = match what {
            "patient" => &mut self.subject.patient,
            _ => &mut self.subject.study,
        };
        match argument {
            "" => {}
            "off" => *known = None,
            id => *known = Some(sanitise::clean_line(id)),
        }
        let words = match known {
            Some(id) => {
                format!("{what} {id}: its examples are not used, from the next question on")
            }
            None => format!("no {what} is set; {command} ID sets it"),
        };
        self.notify(words);
    }

    pub(super) fn detach_argument(&mut self, argument: &str) {
        match (argument, argument.parse::<usize>()) {
            ("", _) => self.detach(self.image_pane.selected()),
            ("all", _) => {
                self.attached.clear();
                self.image_pane.fit(0);
                self.notify("no image is attached now");
            }
            (_, Ok(number)) => self.detach(number.wrapping_sub(1)),
            _ => self.show_error(UserError::new(
                "/detach takes the number of an image, or all",
            )),
        }
    }

    pub(super) fn detach(&mut self, at: usize) {
        if at >= self.attached.len() {
            return self.show_error(
                UserError::new("there is no such image").hint("/status lists the attached images"),
            );
        }
        let gone = self.attached.remove(at);
        self.image_pane.fit(self.attached.len());
        self.notify(format!("{} was detached", gone.image.source.name));
    }
}

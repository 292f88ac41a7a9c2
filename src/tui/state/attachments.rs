//! Attaching and detaching images. Attaching never sends: only Enter asks.

use std::path::PathBuf;

use crate::tui::journal::Attached;
use rounds_assistant::MOST_IMAGES;
use rounds_support::sanitise;

use super::editor::MAX_CHARS;
use super::effect::Effect;
use super::overlay::{Overlay, Picker};
use super::user_error::Trouble;
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
                for path in found.into_iter().take(MOST_IMAGES) {
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
            let trouble = Trouble::new(format!("a question has at most {MAX_CHARS} characters"));
            self.show_error(trouble.hint("the rest was cut off; check the end of your question"));
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

    pub(super) fn on_attached(&mut self, name: &str, result: Result<Attached, Trouble>) {
        let attached = match result {
            Ok(attached) => attached,
            Err(trouble) => return self.show_error(trouble),
        };
        let sha256 = &attached.picture.source.sha256;
        if let Some(at) = self
            .attached
            .iter()
            .position(|a| a.picture.source.sha256 == *sha256)
        {
            self.pictures.choose(at);
            return self.notify(format!("{name} is already attached"));
        }
        if self.attached.len() >= MOST_IMAGES {
            return self.show_error(
                Trouble::new(format!("at most {MOST_IMAGES} images can be attached"))
                    .hint("/detach removes one"),
            );
        }
        self.attached.push(attached);
        self.pictures.choose(self.attached.len() - 1);
        // The user wants to see the image just attached.
        self.chosen = None;
        self.show_pane(Focus::Pictures);
        self.notify(format!("attached {name}; it goes with your next question"));
    }

    /// Shows or sets the patient or study of the next question. Ids are compared in full, so they are never shortened.
    pub(super) fn patient_or_study_argument(&mut self, command: &str, argument: &str) {
        let what = command.trim_start_matches('/');
        let known = match what {
            "patient" => &mut self.whose.patient,
            _ => &mut self.whose.study,
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
            ("", _) => self.detach(self.pictures.selected()),
            ("all", _) => {
                self.attached.clear();
                self.pictures.fit(0);
                self.notify("no image is attached now");
            }
            (_, Ok(number)) => self.detach(number.wrapping_sub(1)),
            _ => self.show_error(Trouble::new("/detach takes the number of an image, or all")),
        }
    }

    pub(super) fn detach(&mut self, at: usize) {
        if at >= self.attached.len() {
            return self.show_error(
                Trouble::new("there is no such image").hint("/status lists the attached images"),
            );
        }
        let gone = self.attached.remove(at);
        self.pictures.fit(self.attached.len());
        self.notify(format!("{} was detached", gone.picture.source.name));
    }
}

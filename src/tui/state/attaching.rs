//! Attaching and taking away pictures. Attaching never sends: only Enter asks.

use std::path::PathBuf;

use crate::tui::journal::Attached;
use rounds_assistant::MOST_IMAGES;
use rounds_support::sanitise;

use super::editor::LONGEST;
use super::effect::Effect;
use super::overlay::{Overlay, Picker};
use super::trouble::Trouble;
use super::{Focus, State, paths};

impl State {
    /// A paste: paths of pictures are attached, anything else is text.
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
        match paths::pasted(text, self.home.as_deref()) {
            Some(found) if !command => {
                for path in found.into_iter().take(MOST_IMAGES) {
                    self.attach_file(path);
                }
            }
            _ => {
                self.input.insert(text);
                self.complete();
                self.tell_if_full();
            }
        }
    }

    /// Nothing that was typed or pasted may be left out in silence.
    pub(super) fn tell_if_full(&mut self) {
        if self.input.is_full() {
            let trouble = Trouble::new(format!("a question has at most {LONGEST} characters"));
            self.complain(trouble.hint("what was past them is left out; look at its end"));
        }
    }

    pub(super) fn attach_argument(&mut self, argument: &str) {
        match paths::typed(argument, self.home.as_deref()) {
            Some(path) => self.attach_file(path),
            None => self.pick_file(),
        }
    }

    pub(super) fn attach_file(&mut self, path: PathBuf) {
        if !self.linear {
            let path = sanitise::clean_line_max(&path.to_string_lossy(), 80);
            self.tell(format!("reading {path}"));
        }
        self.act(Effect::AttachFile(path));
    }

    /// Attaches what was to be attached at the start.
    pub(super) fn attach_waiting(&mut self) {
        for path in std::mem::take(&mut self.attach_later) {
            self.act(Effect::AttachFile(path));
        }
    }

    /// Opens the file picker where it was last, or here.
    pub(super) fn pick_file(&mut self) {
        let folder = self.folder.clone();
        self.act(Effect::ListFolder(folder.clone()));
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
        self.act(Effect::AttachCase(name));
    }

    pub(super) fn on_attached(&mut self, name: &str, result: Result<Attached, Trouble>) {
        let attached = match result {
            Ok(attached) => attached,
            Err(trouble) => return self.complain(trouble),
        };
        let sha256 = &attached.picture.source.sha256;
        if let Some(at) = self
            .attached
            .iter()
            .position(|a| a.picture.source.sha256 == *sha256)
        {
            self.pictures.choose(at);
            return self.tell(format!("{name} is attached already"));
        }
        if self.attached.len() >= MOST_IMAGES {
            return self.complain(
                Trouble::new(format!("at most {MOST_IMAGES} pictures can be attached"))
                    .hint("/detach takes one away"),
            );
        }
        self.attached.push(attached);
        self.pictures.choose(self.attached.len() - 1);
        // The picture just attached is what the user wants to see.
        self.chosen = None;
        self.show_pane(Focus::Pictures);
        self.tell(format!("attached {name}; it goes with your next question"));
    }

    /// Says or changes whose pictures the next question is about. An id is compared as a whole, so it is never cut.
    pub(super) fn whose_argument(&mut self, command: &str, argument: &str) {
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
                format!("{what} {id}: none of its examples is a shot, from the next question on")
            }
            None => format!("no {what} is known; {command} ID says whose pictures these are"),
        };
        self.tell(words);
    }

    pub(super) fn detach_argument(&mut self, argument: &str) {
        match (argument, argument.parse::<usize>()) {
            ("", _) => self.detach(self.pictures.selected()),
            ("all", _) => {
                self.attached.clear();
                self.pictures.fit(0);
                self.tell("no picture is attached now");
            }
            (_, Ok(number)) => self.detach(number.wrapping_sub(1)),
            _ => self.complain(Trouble::new(
                "/detach takes the number of a picture, or all",
            )),
        }
    }

    pub(super) fn detach(&mut self, at: usize) {
        if at >= self.attached.len() {
            return self.complain(
                Trouble::new("there is no such picture").hint("/status lists those attached"),
            );
        }
        let gone = self.attached.remove(at);
        self.pictures.fit(self.attached.len());
        self.tell(format!("{} was taken away", gone.picture.source.name));
    }
}

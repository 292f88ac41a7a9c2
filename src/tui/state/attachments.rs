//! Attaching and detaching images. Attaching never sends: only Enter asks.

use std::path::PathBuf;

use crate::tui::journal::Attached;
use rounds_assistant::MAX_IMAGES;
use rounds_support::sanitise;

use rounds_support::Failure;

use super::case::{NextQuestion, SubjectPart};
use super::command_table::Command;
use super::editor::MAX_CHARS;
use super::effect::Effect;
use super::focus::Focus;
use super::machine::State;
use super::overlay::{Overlay, Picker};
use super::paths;
use super::sample_cases::{self, SampleCase};

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
        self.composer.replace_suggestion();
        let command = self.composer.input.text().starts_with('/');
        let (images, question) = match command {
            false => paths::leading_images(text, self.home.as_deref()),
            true => (Vec::new(), text),
        };
        let typed = match images.is_empty() {
            true => text,
            false => question,
        };
        for path in images.into_iter().take(MAX_IMAGES) {
            self.attach_file(path);
        }
        if !typed.is_empty() {
            self.composer.input.insert(typed);
            self.complete();
            self.warn_if_full();
        }
    }

    /// Typed or pasted text is never cut off silently.
    pub(super) fn warn_if_full(&mut self) {
        if self.composer.input.is_full() {
            let error = Failure::usage(format!("a question has at most {MAX_CHARS} characters"));
            self.show_error(error.hint("the rest was cut off; check the end of your question"));
        }
    }

    pub(super) fn attach_argument(&mut self, argument: &str) {
        let (images, question) = paths::from_argument(argument, self.home.as_deref());
        if images.is_empty() {
            return self.pick_file();
        }
        let line = self.composer.sent_line().unwrap_or_default().to_string();
        self.attach_and_ask(images, question, &line);
    }

    /// Attaches what a typed `line` starts with, and asks the question after it when all images are there.
    pub(super) fn attach_and_ask(&mut self, images: Vec<PathBuf>, question: &str, line: &str) {
        if images.len() > MAX_IMAGES {
            return self.too_many_images();
        }
        self.case.question = (!question.is_empty()).then(|| NextQuestion {
            question: question.to_string(),
            line: line.to_string(),
            missing: images.len() + usize::from(self.case.is_opening()),
        });
        for path in images {
            self.attach_file(path);
        }
    }

    pub(super) fn too_many_images(&mut self) {
        self.show_error(
            Failure::usage(format!("at most {MAX_IMAGES} images can be attached"))
                .hint("/detach removes one"),
        );
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
        for path in std::mem::take(&mut self.case.pending_images) {
            self.emit(Effect::AttachFile(path));
        }
    }

    /// Opens the file picker in the folder it showed last.
    pub(super) fn pick_file(&mut self) {
        let folder = self.folder.clone();
        self.emit(Effect::ListFolder(folder.clone()));
        self.overlay = Some(Overlay::Picker(Picker::new(folder)));
    }

    pub(super) fn case_argument(&mut self, typed: &str) {
        if typed.is_empty() {
            self.overlay = Some(Overlay::Cases { selected: 0 });
            return;
        }
        match sample_cases::position(&self.cases, typed) {
            Some(number) => self.attach_sample_case(number),
            None => self.show_error(
                Failure::usage(format!("there is no sample case {typed}"))
                    .hint("/cases lists them"),
            ),
        }
    }

    /// Attaches a sample case in place of the attached images, and suggests a question. It is not sent.
    pub(super) fn attach_sample_case(&mut self, number: usize) {
        let Some(case) = self.cases.get(number).cloned() else {
            return;
        };
        self.overlay = None;
        if !self.linear {
            self.composer.suggest(&case.question);
        }
        self.emit(Effect::AttachCase(case.file.clone()));
        self.case.opening = Some(case);
    }

    pub(super) fn on_attached(&mut self, name: &str, result: Result<Vec<Attached>, Failure>) {
        let case = self.case.opening.take_if(|case| case.title == name);
        match result {
            Ok(all) => {
                let all = self.group(all);
                if all.len() > 1 {
                    self.attach_together(all);
                    return self.ask_if_complete();
                }
                for attached in all {
                    let known = attached.scan.is_some() || attached.image.source.name != name;
                    let shown = match known {
                        true => attached.image.source.name.clone(),
                        false => name.to_string(),
                    };
                    self.add_attached(&shown, attached, case.as_ref());
                }
            }
            Err(error) => {
                self.show_error(error);
                return self.give_back_images();
            }
        }
        self.ask_if_complete();
    }

    fn add_attached(&mut self, name: &str, attached: Attached, case: Option<&SampleCase>) {
        let replaced = match case {
            Some(_) => {
                // Another case has another history.
                self.case.leave_problem();
                std::mem::take(&mut self.case.images).len()
            }
            None => 0,
        };
        let sha256 = &attached.image.source.sha256;
        if let Some(at) = self.case.position(sha256) {
            self.image_pane.choose(at);
            return self.notify(format!("{name} is already attached"));
        }
        if self.case.images.len() >= MAX_IMAGES {
            return self.too_many_images();
        }
        let notes = self.push_image(attached);
        let place = match replaced {
            0 => String::new(),
            1 => " in place of the image before".into(),
            more => format!(" in place of {more} images"),
        };
        let question = case
            .filter(|_| self.linear)
            .map(|case| case.question.as_str());
        let question = question.map_or(String::new(), |q| format!("; for example: {q}"));
        self.notify(format!(
            "attached {name}{place}; it goes with your next question{question}{notes}"
        ));
    }

    /// Adds an image to those of the next question. What is uncertain about it, in brackets.
    pub(super) fn push_image(&mut self, attached: Attached) -> String {
        let notes = attached.scan.as_ref().map(|scan| scan.notes.join(" "));
        let notes = notes.filter(|notes| !notes.is_empty());
        self.case.images.push(attached);
        self.image_pane.choose(self.case.images.len() - 1);
        // The user wants to see the image just attached.
        self.selection.turn = None;
        self.show_pane(Focus::Images);
        notes.map_or(String::new(), |notes| format!(" ({notes})"))
    }

    /// An image could not be attached: what was to be asked about it is not asked, and the line is given back.
    fn give_back_images(&mut self) {
        match self.case.question.take() {
            Some(next) => self.give_back(&next.line),
            None => self.give_back_if(|command| matches!(command, None | Some(Command::Attach))),
        }
    }

    /// Asks the question that waits for its images, when the last of them is attached.
    pub(super) fn ask_if_complete(&mut self) {
        if let Some(next) = self.case.question_when_complete()
            && !self.ask(&next.question)
        {
            self.give_back(&next.question);
        }
    }

    /// Shows or sets the patient or study of the next question. Ids are compared in full, so they are never shortened.
    pub(super) fn subject_argument(&mut self, part: SubjectPart, argument: &str) {
        let what = part.name();
        let known = self.case.subject_part(part);
        match argument {
            "" => {}
            "off" => *known = None,
            id => *known = Some(sanitise::clean_line(id)),
        }
        let words = match known {
            Some(id) => {
                format!("{what} {id}: its examples are not used, from the next question on")
            }
            None => format!("no {what} is set; /{what} ID sets it"),
        };
        self.notify(words);
    }

    pub(super) fn detach_argument(&mut self, argument: &str) {
        match (argument, argument.parse::<usize>()) {
            ("", _) => self.detach(self.image_pane.selected()),
            ("all", _) => {
                self.case.images.clear();
                self.image_pane.fit(0);
                self.notify("no image is attached now");
            }
            (_, Ok(number)) => self.detach(number.wrapping_sub(1)),
            _ => self.show_error(Failure::usage(
                "/detach takes the number of an image, or all",
            )),
        }
    }

    pub(super) fn detach(&mut self, at: usize) {
        if at >= self.case.images.len() {
            return self.show_error(
                Failure::usage("there is no such image").hint("/status lists the attached images"),
            );
        }
        let gone = self.case.images.remove(at);
        self.image_pane.fit(self.case.images.len());
        self.notify(format!("{} was detached", gone.image.source.name));
    }
}

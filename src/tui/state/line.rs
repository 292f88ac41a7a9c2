//! Lines, as the line mode reads them: a command, a question, the path of a picture, or yes or no.

use crate::tui::ExitReason;
use rounds_assistant::MOST_IMAGES;

use super::asking::{Activity, Stage};
use super::editor::LONGEST;
use super::overlay::Overlay;
use super::trouble::Trouble;
use super::{State, TWICE, command, paths};

/// What a shell calls the interrupt.
const SIGINT: i32 = 2;

impl State {
    pub(super) fn on_line(&mut self, line: &str) {
        if let Some(Overlay::Confirm { id, .. }) = self.overlay.take() {
            if matches!(line.trim().to_lowercase().as_str(), "y" | "yes") {
                return self.delete_session(&id);
            }
            self.tell("nothing was deleted");
            if !command::is_command(line) {
                return;
            }
        }
        let length = line.chars().count();
        if length > LONGEST {
            return self.complain(Trouble::new(format!(
                "the line has {length} characters; at most {LONGEST} are taken"
            )));
        }
        if let Some(found) = paths::pasted(line, self.home.as_deref()) {
            for path in found.into_iter().take(MOST_IMAGES) {
                self.attach_file(path);
            }
            return;
        }
        self.input.set(line);
        self.completion = None;
        self.enter();
        // What was not taken is not to be edited here either.
        self.input.take();
        self.leave_editing();
    }

    /// Ctrl-C: stops an answer; at rest, or a second time, it leaves.
    pub(super) fn on_interrupt(&mut self) {
        let before = self.interrupted.replace(self.now);
        let again = before.is_some_and(|before| self.now.saturating_sub(before) < TWICE);
        let runs = !matches!(
            self.activity,
            Activity::Idle
                | Activity::Turn {
                    stage: Stage::Stopping,
                    ..
                }
        );
        if !again && (runs && self.stop() || self.give_up_work()) {
            self.tell("stopping; Ctrl-C again leaves");
        } else {
            self.leave(ExitReason::Signal(SIGINT));
        }
    }
}

//! Lines in line mode: a command, a question, the path of an image, or yes or no.

use crate::tui::ExitReason;

use rounds_support::Failure;

use super::activity::{Activity, Stage};
use super::command_table;
use super::editor::MAX_CHARS;
use super::machine::{DOUBLE_PRESS, State};
use super::overlay::{Confirmed, Overlay};

/// Signal number of an interrupt, for the exit code.
const SIGINT: i32 = 2;

impl State {
    pub(super) fn on_line(&mut self, line: &str) {
        if let Some(Overlay::Confirm { confirmed, .. }) = self.overlay.take() {
            if matches!(line.trim().to_lowercase().as_str(), "y" | "yes") {
                return self.do_confirmed(confirmed);
            }
            self.notify(match confirmed {
                Confirmed::DeleteSession { .. } => "nothing was deleted",
                Confirmed::ReplaceExport { .. } => "nothing was written",
            });
            if !command_table::is_command(line) {
                return;
            }
        }
        let length = line.chars().count();
        if length > MAX_CHARS {
            return self.show_error(Failure::usage(format!(
                "the line has {length} characters; the limit is {MAX_CHARS}"
            )));
        }
        self.composer.input.set(line);
        self.composer.completion = None;
        self.enter();
        // A rejected line cannot be edited in line mode.
        self.composer.input.take();
        self.cancel_editing();
    }

    /// Ctrl-C: stops an answer; when idle, or the second time, it quits.
    pub(super) fn on_interrupt(&mut self) {
        let before = self.interrupted.replace(self.now);
        let again = before.is_some_and(|before| self.now.saturating_sub(before) < DOUBLE_PRESS);
        let runs = !matches!(
            self.activity,
            Activity::Idle
                | Activity::Turn {
                    stage: Stage::Stopping,
                    ..
                }
        );
        if !again && (runs && self.stop() || self.cancel_work()) {
            self.notify("stopping; Ctrl-C again quits");
        } else {
            self.leave(ExitReason::Signal(SIGINT));
        }
    }
}

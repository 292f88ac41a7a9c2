//! Selecting a turn, and the branch of the conversation that is shown.

use rounds_support::Failure;

use super::conversation::TurnId;
use super::machine::State;
use super::overlay::Overlay;
use super::page::Page;

const NO_BRANCH: &str = "no other version of this question; editing or repeating it makes one";

impl State {
    /// The nearest turn at or above the selected one that has siblings.
    pub(super) fn branching(&self) -> Option<TurnId> {
        let turn = self.turn()?;
        let path = self.conversation.path();
        let mut above = path.iter().rev().skip_while(|id| **id != turn);
        above
            .find(|id| self.conversation.siblings(**id).len() > 1)
            .copied()
    }

    pub(super) fn switch_branch(&mut self, step: isize) {
        match self
            .branching()
            .and_then(|id| self.conversation.switch(id, step))
        {
            Some(_) => self.show_branch(),
            None => self.notify_no_branch(),
        }
    }

    fn show_branch(&mut self) {
        self.selection.clear();
    }

    fn notify_no_branch(&mut self) {
        self.notify(NO_BRANCH);
    }

    /// Lists the versions of a question, or switches to one.
    pub(super) fn branches_argument(&mut self, argument: &str) {
        let Some(branching) = self.branching() else {
            return match argument.is_empty() {
                true => self.notify_no_branch(),
                false => self.show_error(Failure::usage(NO_BRANCH)),
            };
        };
        if argument.is_empty() {
            return self.show_page(Page::Branches);
        }
        let siblings = self.conversation.siblings(branching);
        match parse_index(argument, siblings.len()).and_then(|at| siblings.get(at)) {
            Some(turn) => {
                self.conversation.show(*turn);
                self.show_branch();
                let count = siblings.len();
                self.notify(format!("showing branch {argument} of {count}"));
            }
            None => self.show_error(no_such_number("branch", argument, siblings.len())),
        }
    }

    /// Selects a turn above or below. Selecting the last turn clears the selection, so that the view follows the end
    /// again.
    pub(super) fn choose_turn(&mut self, step: isize) {
        let path = self.conversation.path();
        let Some(last) = path.len().checked_sub(1) else {
            return;
        };
        let at = self
            .turn()
            .and_then(|turn| path.iter().position(|id| *id == turn))
            .unwrap_or(last);
        self.select_turn(at.saturating_add_signed(step).min(last));
    }

    fn select_turn(&mut self, at: usize) {
        let path = self.conversation.path();
        self.selection.turn = path.get(at).copied().filter(|_| at + 1 < path.len());
        self.selection.shot = 0;
        self.image_pane.fit(self.images_in_view().len());
        self.selection.scroll = self
            .selection
            .turn
            .and_then(|turn| self.hits.first_line(turn));
    }

    /// Lists the turns of the visible branch, or selects one.
    pub(super) fn turns_argument(&mut self, argument: &str) {
        let count = self.conversation.path().len();
        if count == 0 && argument.is_empty() {
            return self.notify("nothing was asked yet");
        }
        if argument.is_empty() {
            return self.show_page(Page::Turns);
        }
        match parse_index(argument, count) {
            Some(at) => {
                self.select_turn(at);
                self.notify(format!(
                    "question {argument} is selected; the next question still follows the last one"
                ));
            }
            None => self.show_error(no_such_number("question", argument, count)),
        }
    }

    pub(super) fn show_page(&mut self, page: Page) {
        self.overlay = Some(Overlay::Page { page, scroll: 0 });
    }

    /// Stops the running answer, the opening of a model, or background work.
    pub(super) fn stop_running(&mut self) {
        if self.stop() || self.cancel_opening() || self.cancel_work() {
            return;
        }
        self.notify(match self.is_stopping_any() {
            true => "already stopping",
            false => "nothing is running",
        });
    }
}

/// Turns a typed number, counted from 1, into an index from 0.
pub(super) fn parse_index(argument: &str, count: usize) -> Option<usize> {
    let number = argument.parse::<usize>().ok()?;
    number.checked_sub(1).filter(|at| *at < count)
}

pub(super) fn no_such_number(what: &str, argument: &str, count: usize) -> Failure {
    Failure::usage(format!("there is no {what} `{argument}`"))
        .hint(format!("write a number from 1 to {count}"))
}

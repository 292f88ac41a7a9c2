//! The life of an answer: asking, streaming, stopping. One answer runs at a time, others wait in a queue.

use crate::tui::journal::{Attached, Outcome, TurnEnd};
use rounds_assistant::retrieval::Shot;
use rounds_assistant::{Answer, Settings};
use rounds_model::generate::StopReason;

use rounds_support::Failure;

use super::activity::{Activity, Stage};
use super::case::NextQuestion;
use super::conversation::{Finished, Reply, Turn, TurnId};
use super::effect::Effect;
use super::focus::Focus;
use super::machine::State;

/// Most answers that may wait.
const MAX_QUEUED: usize = 8;

impl State {
    /// Asks the question in the input. It stays there if it cannot be asked.
    pub(super) fn send(&mut self) {
        let question = self.composer.input.text().trim().to_string();
        if !question.is_empty() && self.ask(&question) {
            self.composer.clear();
        }
    }

    /// Whether an answer is in progress; says so, since the next question has to wait.
    pub(super) fn is_answering(&mut self) -> bool {
        if self.activity == Activity::Idle {
            return false;
        }
        let stop = match self.linear {
            true => "/stop",
            false => self.keymap.hint(crate::tui::keys::Action::Stop),
        };
        self.notify(format!("an answer is in progress; {stop} stops it"));
        true
    }

    /// Asks a question about the attached images; false, with a message, if it cannot be asked.
    pub(super) fn ask(&mut self, question: &str) -> bool {
        if self.is_answering() {
            return false;
        }
        let settings = self.settings.clone();
        if !self.can_ask(&settings) {
            return false;
        }
        if self.case.is_opening() {
            if self.case.question.is_some() {
                self.notify("another question waits for its image already");
                return false;
            }
            // Asked now, it would be a question without an image.
            self.case.question = Some(NextQuestion {
                question: question.to_string(),
                line: question.to_string(),
                missing: 1,
            });
            self.notify("the question is asked as soon as its image is read");
            return true;
        }
        self.composer.draft = None;
        let parent = match self.composer.editing.take() {
            Some(old) => self.conversation.get(old).and_then(|turn| turn.parent),
            None => self.conversation.leaf(),
        };
        self.notice = None;
        self.composer.history.add(question);
        let turn = Turn::new(
            parent,
            question.to_string(),
            self.case.images.clone(),
            self.case.subject.with_images(&self.case.images),
            settings,
        );
        let turn = self.conversation.add(turn);
        self.show_end();
        self.enqueue(turn);
        true
    }

    pub(super) fn show_end(&mut self) {
        self.selection.clear();
        // Where only one pane fits, the user is waiting for the answer.
        self.show_pane(Focus::Conversation);
    }

    /// Whether a question with `settings` can be asked now; shows an error otherwise, so that no turn stays unanswered.
    pub(super) fn can_ask(&mut self, settings: &Settings) -> bool {
        let error = if self.queue.len() >= MAX_QUEUED {
            Failure::usage("too many answers are waiting")
                .hint("wait for some of them or stop them, then ask again")
        } else if let Err(error) = settings.check() {
            Failure::of(&error)
        } else {
            return true;
        };
        self.show_error(error);
        false
    }

    pub(super) fn enqueue(&mut self, turn: TurnId) {
        self.set_setup(turn);
        self.store_turn(turn);
        self.queue.push_back(turn);
        self.start_next();
    }

    fn start_next(&mut self) {
        if self.activity != Activity::Idle {
            return;
        }
        let Some(turn) = self.queue.pop_front() else {
            return;
        };
        self.activity = Activity::Turn {
            turn,
            stage: Stage::Waiting,
        };
        self.start_turn_if_ready();
    }

    /// Asks the turn that waits for the model, if a model is open by now.
    pub(super) fn start_turn_if_ready(&mut self) {
        let Activity::Turn {
            turn,
            stage: Stage::Waiting,
        } = self.activity
        else {
            return;
        };
        if self.engine.is_opening() {
            return;
        }
        if !self.engine.is_ready() {
            let none =
                Failure::usage("no model is open").hint("/model shipped opens the shipped one");
            return self.on_failed(turn, self.engine.error.clone().unwrap_or(none));
        }
        self.set_setup(turn);
        let Some(asked) = self.conversation.get(turn) else {
            self.activity = Activity::Idle;
            return;
        };
        let effect = Effect::Ask {
            turn,
            question: asked.question.clone(),
            images: asked.images.clone(),
            subject: asked.subject.clone(),
            settings: asked.settings.clone(),
        };
        self.set_stage(turn, Stage::Retrieving);
        self.partial_at = self.now;
        self.emit(effect);
        if self.work.is_warming() {
            self.notify("the question waits until caching is done; stop twice to cancel both");
        }
    }

    /// The turns that are asked as soon as a model is open.
    pub(super) fn waiting_turns(&self) -> Vec<TurnId> {
        let first = match self.activity {
            Activity::Turn {
                turn,
                stage: Stage::Waiting,
            } => Some(turn),
            _ => None,
        };
        first
            .into_iter()
            .chain(self.queue.iter().copied())
            .collect()
    }

    fn set_setup(&mut self, turn: TurnId) {
        if let Some(record) = self.conversation.get_mut(turn) {
            record.setup = self.engine.setup();
            record.opening = Some(self.engine.opening_in_use());
        }
    }

    fn set_stage(&mut self, turn: TurnId, stage: Stage) {
        self.activity = Activity::Turn { turn, stage };
    }

    /// The stage of `turn`, if it is running and not being stopped.
    fn runs(&self, turn: TurnId) -> Option<Stage> {
        match self.activity {
            Activity::Turn {
                turn: running,
                stage,
            } if running == turn && stage != Stage::Stopping => Some(stage),
            _ => None,
        }
    }

    fn is_running(&self, turn: TurnId) -> bool {
        matches!(self.activity, Activity::Turn { turn: running, .. } if running == turn)
    }

    pub(super) fn is_stopping_any(&self) -> bool {
        let Activity::Turn { stage, .. } = self.activity else {
            return false;
        };
        stage == Stage::Stopping
    }

    fn is_stopping(&self, turn: TurnId) -> bool {
        self.activity
            == Activity::Turn {
                turn,
                stage: Stage::Stopping,
            }
    }

    pub(super) fn on_retrieved(
        &mut self,
        turn: TurnId,
        shots: Vec<Shot>,
        asked: usize,
        dropped: usize,
    ) {
        if self.runs(turn).is_some()
            && let Some(record) = self.conversation.get_mut(turn)
        {
            record.shots = shots;
            record.asked = asked;
            record.dropped = dropped;
            self.set_stage(turn, Stage::Prefilling);
        }
    }

    pub(super) fn on_prompt(&mut self, turn: TurnId, text: String) {
        if let Some(record) = self.conversation.get_mut(turn) {
            record.prompt = Some(text);
        }
    }

    pub(super) fn on_token(&mut self, turn: TurnId, text: &str) {
        if self.runs(turn).is_none() || text.is_empty() {
            return;
        }
        let now = self.now;
        if let Some(record) = self.conversation.get_mut(turn) {
            record.text.push_str(text);
            record.tokens += 1;
            record.first_token.get_or_insert(now);
            record.last_token = Some(now);
            self.set_stage(turn, Stage::Streaming);
        }
    }

    pub(super) fn on_answered(&mut self, turn: TurnId, answer: Answer) {
        // A turn ends only once.
        if !self.is_running(turn) {
            return;
        }
        // An answer that finished while it was being stopped stays as the user saw it.
        let stopped = self.is_stopping(turn) || answer.stop == StopReason::Cancelled;
        let Some(record) = self.conversation.get_mut(turn) else {
            return;
        };
        record.shots.clone_from(&answer.shots);
        record.reply = if stopped {
            Reply::Stopped
        } else {
            Reply::Answered(Box::new(Finished::from(&answer)))
        };
        let end = record.ended(match stopped {
            true => Outcome::Stopped {
                text: record.streamed(),
            },
            false => Outcome::Answered(Box::new(answer)),
        });
        self.finish(turn, end);
    }

    pub(super) fn on_failed(&mut self, turn: TurnId, error: Failure) {
        if !self.is_running(turn) {
            return;
        }
        let stopping = self.is_stopping(turn);
        let unread = self.runs(turn) == Some(Stage::Retrieving);
        let Some(record) = self.conversation.get_mut(turn) else {
            return;
        };
        if unread && record.label.is_none() {
            let question = record.question.clone();
            self.give_back_question(turn, &question);
        }
        let Some(record) = self.conversation.get_mut(turn) else {
            return;
        };
        let text = record.streamed();
        let end = if stopping {
            record.ended(Outcome::Stopped { text })
        } else {
            let message = error.message.clone();
            record.reply = Reply::Failed(error);
            record.ended(Outcome::Failed { text, message })
        };
        self.finish(turn, end);
    }

    /// The model never saw this question, because no shots could be chosen for it: it is given back, to be asked again in
    /// place of this one.
    fn give_back_question(&mut self, turn: TurnId, question: &str) {
        if self.composer.input.is_empty() && self.composer.editing.is_none() && !self.linear {
            self.composer.input.set(question);
            self.composer.editing = Some(turn);
        }
    }

    fn finish(&mut self, turn: TurnId, end: TurnEnd) {
        self.store_end(turn, end);
        self.activity = Activity::Idle;
        self.start_next();
    }

    /// Stops the running answer and keeps its partial text; true if something was stopped.
    pub(super) fn stop(&mut self) -> bool {
        let Activity::Turn { turn, stage } = self.activity else {
            return false;
        };
        // The queued ones were asked together with it.
        let queue = std::mem::take(&mut self.queue);
        let queued = !queue.is_empty();
        for waiting in queue {
            self.mark_stopped(waiting);
        }
        match stage {
            Stage::Stopping => return queued,
            Stage::Waiting => {
                self.mark_stopped(turn);
                self.activity = Activity::Idle;
            }
            _ => {
                if let Some(record) = self.conversation.get_mut(turn) {
                    record.reply = Reply::Stopped;
                }
                self.set_stage(turn, Stage::Stopping);
                self.emit(Effect::Cancel);
            }
        }
        true
    }

    fn mark_stopped(&mut self, turn: TurnId) {
        if let Some(record) = self.conversation.get_mut(turn) {
            record.reply = Reply::Stopped;
            let end = record.ended(Outcome::Stopped {
                text: record.streamed(),
            });
            self.store_end(turn, end);
        }
    }

    /// Before quitting: nobody will be there to hear from the model that it stopped.
    pub(super) fn stop_before_exit(&mut self) {
        self.stop();
        // A turn that waited for the model has already ended.
        if let Activity::Turn { turn, .. } = self.activity {
            self.activity = Activity::Idle;
            self.mark_stopped(turn);
        }
    }

    /// The images of the selected turn, or those of the next question.
    pub fn images_in_view(&self) -> &[Attached] {
        let chosen = self.selection.turn.and_then(|id| self.conversation.get(id));
        match chosen {
            Some(turn) => &turn.images,
            None => &self.case.images,
        }
    }
}

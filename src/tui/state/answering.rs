//! The life of an answer: asking, streaming, stopping. One answer runs at a time, others wait in a queue.

use crate::tui::journal::{Attached, TurnEnd};
use rounds_assistant::retrieval::Shot;
use rounds_assistant::{Answer, Settings};
use rounds_model::generate::StopReason;

use super::State;
use super::conversation::{Finished, Reply, Turn, TurnId};
use super::effect::Effect;
use super::user_error::UserError;

/// What the model is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activity {
    Idle,
    Turn { turn: TurnId, stage: Stage },
}

/// The stage of a running answer. A finished one is a [`Reply`] of its turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// For a model that is being opened.
    Waiting,
    Retrieving,
    Prefilling,
    Streaming,
    Stopping,
}

impl Stage {
    /// Its text on the screen.
    pub fn words(self) -> &'static str {
        match self {
            Self::Waiting => "waiting for the model",
            Self::Retrieving => "looking for similar examples",
            Self::Prefilling => "reading images and shots",
            Self::Streaming => "answering",
            Self::Stopping => "stopping",
        }
    }
}

/// Most answers that may wait.
const MAX_QUEUED: usize = 8;

impl State {
    /// Asks the question in the input.
    pub(super) fn send(&mut self) {
        let question = self.input.text().trim().to_string();
        if question.is_empty() {
            return;
        }
        if self.activity != Activity::Idle {
            let stop = match self.linear {
                true => "/stop",
                false => self.keymap.hint(crate::tui::keys::Action::Stop),
            };
            return self.notify(format!("an answer is in progress; {stop} stops it"));
        }
        let settings = self.settings.clone();
        if !self.can_ask(&settings) {
            return;
        }
        self.draft = None;
        let parent = match self.editing.take() {
            Some(old) => self.conversation.get(old).and_then(|turn| turn.parent),
            None => self.conversation.leaf(),
        };
        self.input.take();
        self.completion = None;
        self.notice = None;
        self.history.add(&question);
        let turn = Turn::new(
            parent,
            question,
            self.attached.clone(),
            self.subject.clone(),
            settings,
        );
        let turn = self.conversation.add(turn);
        self.show_end();
        self.enqueue(turn);
    }

    pub(super) fn show_end(&mut self) {
        self.chosen = None;
        self.scroll = None;
        self.shot = 0;
        // Where only one pane fits, the user is waiting for the answer.
        self.show_pane(super::Focus::Conversation);
    }

    /// Whether a question with `settings` can be asked now; shows an error otherwise, so that no turn stays unanswered.
    pub(super) fn can_ask(&mut self, settings: &Settings) -> bool {
        let error = if self.queue.len() >= MAX_QUEUED {
            UserError::new("too many answers are waiting")
                .hint("wait for some of them or stop them, then ask again")
        } else if let Err(error) = settings.check() {
            UserError::of(&error)
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
            let none = UserError::new("no model is open").hint("/model opens the built-in one");
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
        if self.is_warming() {
            self.notify("the question waits until caching is done; stop twice to cancel both");
        }
    }

    fn set_setup(&mut self, turn: TurnId) {
        if let Some(record) = self.conversation.get_mut(turn) {
            record.setup = self.engine.setup();
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
        let end = if stopped {
            TurnEnd::Stopped {
                text: record.streamed(),
                shots: answer.shots,
            }
        } else {
            TurnEnd::Answered(Box::new(answer))
        };
        self.finish(turn, end);
    }

    pub(super) fn on_failed(&mut self, turn: TurnId, error: UserError) {
        if !self.is_running(turn) {
            return;
        }
        let stopping = self.is_stopping(turn);
        let Some(record) = self.conversation.get_mut(turn) else {
            return;
        };
        let text = record.streamed();
        let end = if stopping {
            TurnEnd::Stopped {
                text,
                shots: record.shots.clone(),
            }
        } else {
            let message = error.message.clone();
            record.reply = Reply::Failed(error);
            TurnEnd::Failed { text, message }
        };
        self.finish(turn, end);
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
            let end = TurnEnd::Stopped {
                text: record.streamed(),
                shots: record.shots.clone(),
            };
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
        let chosen = self.chosen.and_then(|id| self.conversation.get(id));
        match chosen {
            Some(turn) => &turn.images,
            None => &self.attached,
        }
    }
}

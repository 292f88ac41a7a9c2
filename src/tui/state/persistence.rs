//! Saving questions and answers to the session store as they happen.
//!
//! If the store fails, the user is told once and the conversation goes on; nothing disappears from the screen. A turn
//! is never sent to the store before its parent.

use std::time::Duration;

use crate::tui::journal::{NewTurn, TurnEnd};

use rounds_support::Failure;

use super::activity::{Activity, Stage};
use super::conversation::TurnId;
use super::effect::Effect;
use super::machine::State;
use super::session::{MAX_TITLE_CHARS, Stored};

/// How often streamed text is stored.
const PARTIAL_INTERVAL: Duration = Duration::from_secs(1);

impl State {
    pub(super) fn store_turn(&mut self, turn: TurnId) {
        match &self.session.stored {
            Stored::Unsaved => {
                let question = self
                    .conversation
                    .get(turn)
                    .map_or("", |t| t.question.as_str());
                let title = rounds_support::sanitise::clean_line_max(question, MAX_TITLE_CHARS);
                let (model, index) = self.engine.names();
                self.session.title.clone_from(&title);
                self.session.stored = Stored::Creating;
                self.session.waiting.push(turn);
                self.emit(Effect::CreateSession {
                    title,
                    model,
                    index,
                });
            }
            Stored::Creating => self.session.waiting.push(turn),
            Stored::Saved(_) => {
                self.session.waiting.push(turn);
                self.store_pending_turns();
            }
            Stored::Failed => {}
        }
    }

    /// Whether anything is still to be sent to the store or confirmed by it.
    pub fn has_unstored(&self) -> bool {
        let session = &self.session;
        !session.waiting.is_empty() || !session.storing.is_empty() || !session.ends.is_empty()
    }

    /// Stores the waiting turns, each after its parent.
    fn store_pending_turns(&mut self) {
        let Some(session) = self.session.id().map(str::to_string) else {
            return;
        };
        for turn in std::mem::take(&mut self.session.waiting) {
            let follows = self.nearest_stored_ancestor(turn);
            match follows {
                Err(_) => self.session.waiting.push(turn),
                Ok(parent) => self.store_turn_in(session.clone(), turn, parent),
            }
        }
    }

    /// The nearest stored ancestor, skipping turns that could not be saved. `Err` is an ancestor that is still being
    /// stored.
    fn nearest_stored_ancestor(&self, turn: TurnId) -> Result<Option<String>, TurnId> {
        let session = &self.session;
        let mut above = self.conversation.get(turn).and_then(|record| record.parent);
        while let Some(id) = above {
            if session.storing.contains(&id) || session.waiting.contains(&id) {
                return Err(id);
            }
            let record = self.conversation.get(id);
            if let Some(stored) = record.and_then(|record| record.stored.clone()) {
                return Ok(Some(stored));
            }
            above = record.and_then(|record| record.parent);
        }
        Ok(None)
    }

    fn store_turn_in(&mut self, session: String, turn: TurnId, parent: Option<String>) {
        let Some(record) = self.conversation.get(turn) else {
            return;
        };
        let new = NewTurn {
            parent,
            question: record.question.clone(),
            images: record.images.clone(),
            subject: record.subject.clone(),
            settings: record.settings.clone(),
            setup: record.setup.clone(),
        };
        self.session.storing.push(turn);
        self.emit(Effect::StoreTurn {
            turn,
            session,
            new: Box::new(new),
        });
    }

    pub(super) fn on_session_created(&mut self, result: Result<String, Failure>) {
        if !matches!(self.session.stored, Stored::Creating) {
            return;
        }
        match result {
            Ok(id) => {
                self.session.stored = Stored::Saved(id);
                self.store_pending_turns();
            }
            Err(error) => {
                self.session.stored = Stored::Failed;
                self.session.waiting.clear();
                self.session.ends.clear();
                self.show_error(
                    Failure::usage(format!(
                        "this session is not being saved: {}",
                        error.message
                    ))
                    .hint(error.hint.unwrap_or_else(|| {
                        "you can go on, but the conversation is lost when you quit".into()
                    })),
                );
            }
        }
    }

    pub(super) fn on_turn_stored(&mut self, turn: TurnId, result: Result<String, Failure>) {
        self.session.storing.retain(|storing| *storing != turn);
        match result {
            Ok(id) => self.mark_stored(turn, id),
            Err(error) => {
                self.session.ends.retain(|(ended, _)| *ended != turn);
                self.session.rejected.push(turn);
                self.show_error(error);
            }
        }
        self.store_pending_turns();
    }

    fn mark_stored(&mut self, turn: TurnId, id: String) {
        if let Some(record) = self.conversation.get_mut(turn) {
            record.stored = Some(id);
        }
        for (ended, end) in std::mem::take(&mut self.session.ends) {
            if ended == turn {
                self.store_end(turn, end);
            } else {
                self.session.ends.push((ended, end));
            }
        }
    }

    pub(super) fn store_end(&mut self, turn: TurnId, end: TurnEnd) {
        let record = self.conversation.get(turn);
        let stored = record.and_then(|turn| Some((turn.stored.clone()?, turn.setup.clone())));
        match stored {
            Some((id, setup)) => self.emit(Effect::StoreEnd {
                id,
                end: Box::new(end),
                setup,
            }),
            None if matches!(self.session.stored, Stored::Failed) => {}
            None if self.session.rejected.contains(&turn) => {}
            None => self.session.ends.push((turn, end)),
        }
    }

    /// Stores the partial answer, about once a second.
    pub(super) fn store_partial(&mut self) {
        let Activity::Turn {
            turn,
            stage: Stage::Streaming,
        } = self.activity
        else {
            return;
        };
        if self.now.saturating_sub(self.partial_at) < PARTIAL_INTERVAL {
            return;
        }
        self.partial_at = self.now;
        let record = self.conversation.get(turn);
        if let Some((id, text)) = record.and_then(|t| Some((t.stored.clone()?, t.streamed()))) {
            self.emit(Effect::StorePartial { id, text });
        }
    }
}

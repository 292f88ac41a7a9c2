//! The session in the store: begun with the first question, written as it happens.
//!
//! A store that fails is told once and the conversation goes on: nothing that was asked is lost from the screen.

use std::time::Duration;

use crate::tui::house::About;
use crate::tui::journal::{NewTurn, SavedSession, SessionSummary, TurnEnd};

use super::conversation::{Conversation, TurnId};
use super::effect::Effect;
use super::overlay::Overlay;
use super::trouble::Trouble;
use super::{Activity, Stage, State};

/// How often streamed text is kept.
const PARTIAL: Duration = Duration::from_secs(1);
const LONGEST_TITLE: usize = 60;

/// The session as the store knows it.
#[derive(Clone, Debug, Default)]
pub struct Session {
    stored: Stored,
    title: String,
    /// Turns that wait for the session to be in the store.
    waiting: Vec<TurnId>,
    /// Ends that wait for their turn to be in the store.
    ends: Vec<(TurnId, TurnEnd)>,
    /// Turns that the store did not take.
    lost: Vec<TurnId>,
}

#[derive(Clone, Debug, Default)]
enum Stored {
    #[default]
    NotYet,
    Creating,
    There(String),
    /// The store failed: this session is kept nowhere.
    Nowhere,
}

impl Session {
    /// Its id, where it is in the store.
    pub fn id(&self) -> Option<&str> {
        match &self.stored {
            Stored::There(id) => Some(id),
            _ => None,
        }
    }

    pub fn title(&self) -> &str {
        &self.title
    }
}

impl State {
    pub(super) fn store_turn(&mut self, turn: TurnId) {
        match &self.session.stored {
            Stored::NotYet => {
                let question = self.talk.get(turn).map_or("", |t| t.question.as_str());
                let title = crate::support::sanitise::clean_line_max(question, LONGEST_TITLE);
                let about = self.engine.about().cloned().unwrap_or_else(About::default);
                self.session.title.clone_from(&title);
                self.session.stored = Stored::Creating;
                self.session.waiting.push(turn);
                self.act(Effect::CreateSession {
                    title,
                    model: about.model,
                    index: about.index,
                });
            }
            Stored::Creating => self.session.waiting.push(turn),
            Stored::There(id) => {
                let session = id.clone();
                self.store_in(session, turn);
            }
            Stored::Nowhere => {}
        }
    }

    /// Whether something still waits to be told to the store.
    pub fn has_unstored(&self) -> bool {
        !self.session.waiting.is_empty() || !self.session.ends.is_empty()
    }

    fn store_in(&mut self, session: String, turn: TurnId) {
        let Some(record) = self.talk.get(turn) else {
            return;
        };
        let parent = record
            .parent
            .and_then(|id| self.talk.get(id))
            .and_then(|t| t.stored.clone());
        let new = NewTurn {
            parent,
            question: record.question.clone(),
            images: record.images.clone(),
            settings: record.settings.clone(),
        };
        self.act(Effect::StoreTurn {
            turn,
            session,
            new: Box::new(new),
        });
    }

    pub(super) fn on_session_created(&mut self, result: Result<String, Trouble>) {
        if !matches!(self.session.stored, Stored::Creating) {
            return;
        }
        match result {
            Ok(id) => {
                self.session.stored = Stored::There(id.clone());
                for turn in std::mem::take(&mut self.session.waiting) {
                    self.store_in(id.clone(), turn);
                }
            }
            Err(trouble) => {
                self.session.stored = Stored::Nowhere;
                self.session.waiting.clear();
                self.session.ends.clear();
                self.complain(
                    Trouble::new(format!("this session is not kept: {}", trouble.message)).hint(
                        trouble.hint.unwrap_or_else(|| {
                            "the conversation goes on, and is lost at the end".into()
                        }),
                    ),
                );
            }
        }
    }

    pub(super) fn on_turn_stored(&mut self, turn: TurnId, result: Result<String, Trouble>) {
        let id = match result {
            Ok(id) => id,
            Err(trouble) => {
                self.session.ends.retain(|(ended, _)| *ended != turn);
                self.session.lost.push(turn);
                return self.complain(trouble);
            }
        };
        if let Some(record) = self.talk.get_mut(turn) {
            record.stored = Some(id.clone());
        }
        let ends = std::mem::take(&mut self.session.ends);
        for (ended, end) in ends {
            if ended == turn {
                self.act(Effect::StoreEnd {
                    id: id.clone(),
                    end: Box::new(end),
                });
            } else {
                self.session.ends.push((ended, end));
            }
        }
    }

    pub(super) fn store_end(&mut self, turn: TurnId, end: TurnEnd) {
        let stored = self.talk.get(turn).and_then(|t| t.stored.clone());
        match stored {
            Some(id) => self.act(Effect::StoreEnd {
                id,
                end: Box::new(end),
            }),
            None if matches!(self.session.stored, Stored::Nowhere) => {}
            None if self.session.lost.contains(&turn) => {}
            None => self.session.ends.push((turn, end)),
        }
    }

    /// Keeps what was streamed so far, about once a second.
    pub(super) fn keep_partial(&mut self) {
        let Activity::Turn {
            turn,
            stage: Stage::Streaming,
        } = self.activity
        else {
            return;
        };
        if self.now.saturating_sub(self.partial_at) < PARTIAL {
            return;
        }
        self.partial_at = self.now;
        let record = self.talk.get(turn);
        if let Some((id, text)) = record.and_then(|t| Some((t.stored.clone()?, t.streamed()))) {
            self.act(Effect::StorePartial { id, text });
        }
    }

    pub(super) fn new_session(&mut self) {
        if self.activity != Activity::Idle {
            return self.tell("an answer is under way; stop it first");
        }
        self.forget_conversation();
        self.attached.clear();
        self.pictures.fit(0);
        self.tell("a new session; the one before is in the list of sessions");
    }

    fn forget_conversation(&mut self) {
        self.talk = Conversation::default();
        self.session = Session::default();
        self.chosen = None;
        self.scroll = None;
        self.shot = 0;
        self.editing = None;
    }

    pub(super) fn on_sessions(
        &mut self,
        words: &str,
        result: Result<Vec<SessionSummary>, Trouble>,
    ) {
        if let Some(Overlay::Sessions(list)) = &mut self.overlay
            && list.words.text() == words
        {
            list.fill(result);
        }
    }

    pub(super) fn on_session_opened(&mut self, result: Result<Box<SavedSession>, Trouble>) {
        self.attach_waiting();
        let saved = match result {
            Ok(saved) => saved,
            Err(trouble) => return self.complain(trouble),
        };
        if self.activity != Activity::Idle {
            return self.tell("an answer is under way; stop it first");
        }
        self.forget_conversation();
        self.session.stored = Stored::There(saved.id.clone());
        self.session.title.clone_from(&saved.title);
        self.talk = Conversation::from_saved(*saved);
        let images = self
            .talk
            .leaf()
            .and_then(|id| self.talk.get(id))
            .map(|t| t.images.clone());
        self.attached = images.unwrap_or_default();
        self.pictures.fit(self.attached.len());
        if matches!(self.overlay, Some(Overlay::Sessions(_))) {
            self.overlay = None;
        }
        self.go(super::Focus::Input);
        self.tell(format!("opened: {}", self.session.title));
    }

    pub(super) fn rename_session(&mut self, title: &str) {
        let title = crate::support::sanitise::clean_line_max(title.trim(), LONGEST_TITLE);
        match (self.session.id().map(str::to_string), title.is_empty()) {
            (_, true) => self.complain(Trouble::new("/rename takes the new title")),
            (None, _) => self.tell("this session is not in the store yet: ask something first"),
            (Some(id), _) => {
                self.session.title.clone_from(&title);
                self.tell(format!("renamed to {title}"));
                self.act(Effect::RenameSession { id, title });
            }
        }
    }

    pub(super) fn confirm_delete(&mut self) {
        match self.session.id() {
            Some(id) => {
                self.overlay = Some(Overlay::Confirm {
                    question: format!(
                        "Delete this session ({})? It cannot be brought back.",
                        self.session.title
                    ),
                    id: id.to_string(),
                });
            }
            None => self.tell("this session is not in the store"),
        }
    }

    pub(super) fn delete_session(&mut self, id: &str) {
        if self.session.id() == Some(id) {
            // Turns are named by their place: an answer still to come must not meet another conversation.
            if self.activity != Activity::Idle {
                return self.tell("an answer is under way; stop it first");
            }
            self.forget_conversation();
        }
        self.act(Effect::DeleteSession(id.to_string()));
        self.tell("the session was deleted");
    }

    pub(super) fn on_exported(&mut self, result: Result<std::path::PathBuf, Trouble>) {
        match result {
            Ok(path) => {
                self.overlay = None;
                self.tell(format!("written to {}", path.display()));
            }
            Err(trouble) => match &mut self.overlay {
                // The error belongs into the dialog that asked.
                Some(Overlay::Export(dialog)) => dialog.trouble = Some(trouble),
                _ => self.complain(trouble),
            },
        }
    }
}

//! Sessions: starting, opening, renaming, deleting.
//!
//! Never leave a conversation before the store has confirmed all its turns.

use crate::tui::journal::{SavedSession, SessionSummary, Subject};

use rounds_support::Failure;

use super::activity::Activity;
use super::command_table::Command;
use super::conversation::Conversation;
use super::effect::Effect;
use super::focus::Focus;
use super::machine::State;
use super::overlay::{Confirmed, Overlay};
use super::session::{Session, clean_title};

impl State {
    /// Turn ids are indexes, so a late message of the store must not reach another conversation.
    fn can_change_conversation(&mut self) -> bool {
        if self.activity != Activity::Idle {
            self.notify("an answer is in progress; stop it first");
            return false;
        }
        if self.has_unstored() {
            self.notify("the last answer is still being saved; try again");
            return false;
        }
        true
    }

    pub(super) fn new_session(&mut self) {
        if !self.can_change_conversation() {
            return;
        }
        let cleared = self.reset_conversation();
        self.case.images.clear();
        self.image_pane.fit(0);
        let known = std::mem::take(&mut self.case.subject) != Subject::default();
        self.case.leave_problem();
        let rest = match known {
            true => "no patient or study is set (/patient, /study)",
            false => "the previous one is in the list of sessions",
        };
        self.notify(match cleared {
            Some(pins) => format!("a new session, without the {pins} of the previous one; {rest}"),
            None => format!("a new session; {rest}"),
        });
    }

    /// Returns which pins were cleared, in words.
    fn reset_conversation(&mut self) -> Option<String> {
        self.conversations += 1;
        self.conversation = Conversation::default();
        self.session = Session::default();
        self.selection.clear();
        self.composer.editing = None;
        self.composer.draft = None;
        self.pins.reset(&mut self.settings)
    }

    pub(super) fn on_sessions(
        &mut self,
        words: &str,
        result: Result<Vec<SessionSummary>, Failure>,
    ) {
        if let Some(Overlay::Sessions(list)) = &mut self.overlay
            && list.words.text() == words
        {
            list.fill(result);
        }
    }

    pub(super) fn on_session_opened(&mut self, result: Result<Box<SavedSession>, Failure>) {
        self.attach_pending();
        let saved = match result {
            Ok(saved) => saved,
            Err(error) => {
                self.case.pending_subject = Subject::default();
                self.show_error(error);
                return self.give_back_command(&[Command::Open]);
            }
        };
        if !self.can_change_conversation() {
            return;
        }
        self.reset_conversation();
        self.session = Session::saved(&saved.id, &saved.title);
        let lost: Vec<String> = saved.turns.iter().flat_map(|t| t.damaged.clone()).collect();
        self.conversation = Conversation::from_saved(*saved);
        let last = self
            .conversation
            .leaf()
            .and_then(|id| self.conversation.get(id));
        let asked = last.map(|t| (t.images.clone(), t.subject.clone()));
        let (images, subject) = asked.unwrap_or_default();
        self.case.reopen(images, subject);
        self.image_pane.fit(self.case.images.len());
        if matches!(self.overlay, Some(Overlay::Sessions(_))) {
            self.overlay = None;
        }
        self.go(Focus::Input);
        match lost.first() {
            None => self.notify(format!("opened: {}", self.session.title())),
            Some(first) => self.show_error(
                Failure::usage(match lost.len() {
                    1 => format!("1 image of this session is damaged and could not be loaded: {first}"),
                    count => format!(
                        "{count} images of this session are damaged and could not be loaded, the first is {first}"
                    ),
                })
                .hint("attach the missing images again before you ask about them"),
            ),
        }
    }

    pub(super) fn rename_session(&mut self, title: &str) {
        let title = clean_title(title);
        match (self.session.id().map(str::to_string), title.is_empty()) {
            (_, true) => self.show_error(Failure::usage("/rename needs a new title")),
            (None, _) => self.show_error(
                Failure::usage("this session is not saved yet").hint("ask something first"),
            ),
            (Some(id), _) => {
                self.notify(format!("renamed to {title}"));
                self.set_title(id, title);
            }
        }
    }

    /// Renames a stored session, and the open one with it.
    pub(super) fn set_title(&mut self, id: String, title: String) {
        if self.session.id() == Some(&id) {
            self.session.rename(&title);
        }
        self.emit(Effect::RenameSession { id, title });
    }

    pub(super) fn confirm_delete(&mut self) {
        match self.session.id() {
            Some(id) => {
                self.overlay = Some(Overlay::Confirm {
                    question: format!(
                        "Delete this session ({})? This cannot be undone.",
                        self.session.title()
                    ),
                    confirmed: Confirmed::DeleteSession {
                        id: id.to_string(),
                        list: None,
                    },
                });
            }
            None => self.show_error(Failure::usage("this session is not saved")),
        }
    }

    pub(super) fn delete_session(&mut self, id: &str) {
        if self.session.id() == Some(id) {
            if !self.can_change_conversation() {
                return;
            }
            self.reset_conversation();
        }
        self.emit(Effect::DeleteSession(id.to_string()));
        self.notify("the session was deleted");
    }
}

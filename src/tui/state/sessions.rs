//! Sessions: starting, opening, renaming, deleting.
//!
//! Never leave a conversation before the store has confirmed all its turns.

use crate::tui::journal::{SavedSession, SessionSummary, Subject};

use super::conversation::Conversation;
use super::effect::Effect;
use super::overlay::Overlay;
use super::persistence::Session;
use super::user_error::UserError;
use super::{Activity, State};

/// Maximum length of a title.
pub const MAX_TITLE_CHARS: usize = 60;

/// A title as it is stored.
pub(super) fn clean_title(title: &str) -> String {
    rounds_support::sanitise::clean_line_max(title.trim(), MAX_TITLE_CHARS)
}

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
        self.reset_conversation();
        self.attached.clear();
        self.image_pane.fit(0);
        let known = std::mem::take(&mut self.subject) != Subject::default();
        self.notify(match known {
            true => "a new session; no patient or study is set (/patient, /study)",
            false => "a new session; the previous one is in the list of sessions",
        });
    }

    fn reset_conversation(&mut self) {
        self.conversations += 1;
        self.conversation = Conversation::default();
        self.session = Session::default();
        self.chosen = None;
        self.scroll = None;
        self.shot = 0;
        self.editing = None;
        self.draft = None;
    }

    pub(super) fn on_sessions(
        &mut self,
        words: &str,
        result: Result<Vec<SessionSummary>, UserError>,
    ) {
        if let Some(Overlay::Sessions(list)) = &mut self.overlay
            && list.words.text() == words
        {
            list.fill(result);
        }
    }

    pub(super) fn on_session_opened(&mut self, result: Result<Box<SavedSession>, UserError>) {
        self.attach_pending();
        let given = std::mem::take(&mut self.pending_subject);
        let saved = match result {
            Ok(saved) => saved,
            Err(error) => return self.show_error(error),
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
        self.attached = images;
        self.subject = Subject {
            patient: given.patient.or(subject.patient),
            study: given.study.or(subject.study),
        };
        self.image_pane.fit(self.attached.len());
        if matches!(self.overlay, Some(Overlay::Sessions(_))) {
            self.overlay = None;
        }
        self.go(super::Focus::Input);
        match lost.first() {
            None => self.notify(format!("opened: {}", self.session.title())),
            Some(first) => self.show_error(
                UserError::new(match lost.len() {
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
            (_, true) => self.show_error(UserError::new("/rename needs a new title")),
            (None, _) => self.show_error(
                UserError::new("this session is not saved yet").hint("ask something first"),
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
                    id: id.to_string(),
                    list: None,
                });
            }
            None => self.show_error(UserError::new("this session is not saved")),
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

    pub(super) fn on_exported(&mut self, result: Result<std::path::PathBuf, UserError>) {
        match result {
            Ok(path) => {
                self.overlay = None;
                self.notify(format!("written to {}", path.display()));
            }
            Err(error) => match &mut self.overlay {
                // The error belongs in the dialog.
                Some(Overlay::Export(dialog)) => dialog.error = Some(error),
                _ => self.show_error(error),
            },
        }
    }
}

//! The session as the store knows it.

use crate::tui::journal::TurnEnd;

use super::conversation::TurnId;

/// Maximum length of a title.
pub const MAX_TITLE_CHARS: usize = 60;

/// A title as it is stored.
pub fn clean_title(title: &str) -> String {
    rounds_support::sanitise::clean_line_max(title.trim(), MAX_TITLE_CHARS)
}

/// The session as the store knows it.
#[derive(Clone, Debug, Default)]
pub struct Session {
    pub(super) stored: Stored,
    pub(super) title: String,
    /// Turns that wait until the session, or their parent turn, is stored.
    pub(super) waiting: Vec<TurnId>,
    /// Turns sent to the store and not confirmed yet.
    pub(super) storing: Vec<TurnId>,
    /// Ends that wait until their turn is stored.
    pub(super) ends: Vec<(TurnId, TurnEnd)>,
    /// Turns that the store failed to save.
    pub(super) rejected: Vec<TurnId>,
}

#[derive(Clone, Debug, Default)]
pub enum Stored {
    #[default]
    Unsaved,
    Creating,
    Saved(String),
    /// The store failed: this session is not saved.
    Failed,
}

impl Session {
    /// A stored session.
    pub fn saved(id: &str, title: &str) -> Self {
        Self {
            stored: Stored::Saved(id.to_string()),
            title: title.to_string(),
            ..Self::default()
        }
    }

    pub fn rename(&mut self, title: &str) {
        self.title = title.to_string();
    }

    /// Its id, if it is stored.
    pub fn id(&self) -> Option<&str> {
        match &self.stored {
            Stored::Saved(id) => Some(id),
            _ => None,
        }
    }

    pub fn title(&self) -> &str {
        &self.title
    }
}

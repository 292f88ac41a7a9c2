//! An error message for the user: what happened, and what to do about it.

use rounds_support::{Hint, sanitise};

/// A message and a hint, both sanitised.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserError {
    pub message: String,
    pub hint: Option<String>,
}

/// Maximum length of a message, in characters.
const MAX_CHARS: usize = 600;

impl UserError {
    pub fn new(message: impl AsRef<str>) -> Self {
        Self {
            message: sanitise::clean_line_max(message.as_ref(), MAX_CHARS),
            hint: None,
        }
    }

    /// Adds a hint: what to do next.
    pub fn hint(mut self, hint: impl AsRef<str>) -> Self {
        self.hint = Some(sanitise::clean_line_max(hint.as_ref(), MAX_CHARS));
        self
    }

    /// Converts any error of this program.
    pub fn of<E: std::fmt::Display + Hint>(error: &E) -> Self {
        let converted = Self::new(error.to_string());
        match error.hint() {
            Some(hint) => converted.hint(hint),
            None => converted,
        }
    }
}

impl From<crate::tui::journal::JournalError> for UserError {
    fn from(error: crate::tui::journal::JournalError) -> Self {
        let converted = Self::new(error.message);
        match error.hint {
            Some(hint) => converted.hint(hint),
            None => converted,
        }
    }
}

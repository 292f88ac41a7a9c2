//! What is selected in the conversation, and how far it is scrolled.

use super::conversation::TurnId;

/// The selected turn and shot.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// The selected turn; `None` is the last one.
    pub(super) turn: Option<TurnId>,
    /// First visible line of the conversation; `None` follows its end.
    pub scroll: Option<usize>,
    /// Index of the selected shot in the list.
    pub shot: usize,
}

impl Selection {
    /// Follows the end of the conversation again.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

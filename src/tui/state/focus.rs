//! Which part of the screen has the keys.

use crate::tui::keys::KeyContext;

/// Where typed keys go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Focus {
    #[default]
    Input,
    Conversation,
    Images,
    Shots,
}

impl Focus {
    pub const ALL: [Self; 4] = [Self::Input, Self::Conversation, Self::Images, Self::Shots];

    /// Its part of the keymap.
    pub fn key_context(self) -> KeyContext {
        match self {
            Self::Input => KeyContext::Input,
            Self::Conversation => KeyContext::Conversation,
            Self::Images => KeyContext::Images,
            Self::Shots => KeyContext::Shots,
        }
    }
}

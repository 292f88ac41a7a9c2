//! What the model is doing.

use super::conversation::TurnId;

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

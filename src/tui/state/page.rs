//! The kinds of text pages.

/// The content of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Page {
    /// The shots of the selected answer.
    Shots,
    /// What the shots of the selected answer did to it.
    Why,
    /// The questions of the visible branch.
    Turns,
    /// The versions of the selected question.
    Branches,
    /// The selected question, to be edited.
    Question,
    Status,
    /// The problems that ship.
    Problems,
    /// Vignette and laboratory values of the next question.
    Background,
    /// The reference answer of the problem.
    Reference,
}

impl Page {
    pub fn title(self) -> &'static str {
        match self {
            Self::Shots => "Shots of this answer",
            Self::Why => "Why this answer",
            Self::Turns => "Questions",
            Self::Branches => "Branches",
            Self::Question => "The question",
            Self::Status => "Status",
            Self::Problems => "Problems",
            Self::Background => "The case",
            Self::Reference => "Reference answer",
        }
    }
}

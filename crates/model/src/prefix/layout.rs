//! What a question's sequence consists of, as published: the regular layout and the four ablations.
//!
//! The pieces are split into tokens one by one and put together afterwards, so the question's first word has no blank before it. Never
//! split the whole text at once: other tokens would come out.

use serde::{Deserialize, Serialize};

/// What stands in front of the question.
pub const BEFORE_QUESTION: &str = "question: ";
/// What stands in front of the image.
pub const BEFORE_IMAGE: &str = " context:";
/// What stands in front of the answer.
pub const BEFORE_ANSWER: &str = "answer ";

/// Which parts a sequence has, and in which order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
#[serde(rename_all = "kebab-case")]
pub enum Layout {
    /// Question, image, answer.
    #[default]
    Regular,
    /// Question, learned tokens in the image's place, answer.
    ReplaceVisual,
    /// Question, answer.
    RemoveVisual,
    /// Image, answer.
    RemoveQuestion,
    /// Image, question, answer.
    Swap,
}

/// The pieces of a sequence as token ids.
#[derive(Clone, Copy, Debug)]
pub struct Pieces<'a> {
    /// `question: `.
    pub before_question: &'a [u32],
    /// The question.
    pub question: &'a [u32],
    /// ` context:`.
    pub before_image: &'a [u32],
    /// The token that stands for the image.
    pub image: u32,
    /// `answer `.
    pub before_answer: &'a [u32],
}

impl Layout {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Regular,
        Self::ReplaceVisual,
        Self::RemoveVisual,
        Self::RemoveQuestion,
        Self::Swap,
    ];

    /// Whether an image's features stand in the sequence.
    pub fn sees_image(self) -> bool {
        !matches!(self, Self::ReplaceVisual | Self::RemoveVisual)
    }

    /// Whether the sequence has a place for an image, even if something else stands there.
    pub fn has_image_place(self) -> bool {
        self != Self::RemoveVisual
    }

    /// Name of the prompt template that writes it.
    pub fn template(self) -> &'static str {
        match self {
            Self::Regular | Self::ReplaceVisual => "prefix",
            Self::RemoveVisual => "prefix-remove-visual",
            Self::RemoveQuestion => "prefix-remove-question",
            Self::Swap => "prefix-swap",
        }
    }

    /// The ids in front of the answer, with one image token.
    pub fn sequence(self, pieces: &Pieces) -> Vec<u32> {
        let question = [pieces.before_question, pieces.question].concat();
        let image = [pieces.before_image, &[pieces.image]].concat();
        let (first, second) = match self {
            Self::Regular | Self::ReplaceVisual => (question, image),
            Self::RemoveVisual => (question, Vec::new()),
            Self::RemoveQuestion => (image, Vec::new()),
            Self::Swap => (image, question),
        };
        [&first, &second, pieces.before_answer].concat()
    }
}

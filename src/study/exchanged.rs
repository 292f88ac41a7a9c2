//! What passes between the state and the workers: cards with their images, opinions, examples that look alike.

use std::sync::Arc;

use rounds_imaging::Image;
use rounds_study::card::{Card, Region};
use rounds_study::queue::Counts;
use rounds_study::schedule::Outlook;

use super::figures::Figures;

/// An image that is ready to be drawn.
#[derive(Clone, Debug)]
pub struct Picture {
    /// What it is cached by: two pictures with the same id show the same pixels.
    pub id: String,
    pub image: Arc<Image>,
}

/// A card to answer.
#[derive(Clone, Debug)]
pub struct Dealt {
    pub card: Card,
    /// The images in the order of the card; a message where one cannot be shown.
    pub pictures: Vec<Result<Picture, String>>,
    /// The first image with the region that is asked about painted over.
    pub covered: Option<Picture>,
    /// What each grade would do: again, hard, good, easy. Empty where nothing is rescheduled.
    pub outlooks: Vec<Outlook>,
}

/// What comes next.
#[derive(Clone, Debug)]
pub enum Next {
    Card(Box<Dealt>),
    /// The card stays on the screen.
    Stay,
    /// Nothing is to be done now.
    Nothing {
        /// When the next card is due; `None` if there is none.
        due: Option<i64>,
    },
}

/// The answer of the desk: what comes next, and how much there is to do.
#[derive(Clone, Debug)]
pub struct Deal {
    pub next: Next,
    pub counts: Counts,
    /// What was done, where that is not obvious.
    pub notice: Option<String>,
    /// A grade was taken back.
    pub ungraded: bool,
}

/// What the model said about a card. Always a guess.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Opinion {
    /// Nobody asks: there is no model.
    #[default]
    NotAsked,
    /// It is not asked about such a card, for this reason.
    NotFor(&'static str),
    /// It is being asked.
    Waiting,
    Said {
        answer: String,
        rationale: Option<String>,
        /// Whether it says that it is not sure.
        is_unsure: bool,
        /// How sure it is, and what its shots say.
        standing: Vec<String>,
    },
    /// It gave no answer, for this reason.
    Withheld(String),
    Failed(String),
}

/// What follows up on a wrong answer.
#[derive(Clone, Debug)]
pub enum FollowUp {
    /// Another question about the same image.
    Sibling { question: String, answer: String },
    /// The same question about a case that looks alike.
    Contrast(Box<Contrast>),
}

/// The question of a card, asked of a case that looks alike and has another answer.
#[derive(Clone, Debug)]
pub struct Contrast {
    pub case: LookAlike,
    /// What to choose from: the card's answer and that of the case.
    pub choices: [String; 2],
}

impl Contrast {
    /// Whether a choice is the answer of the case.
    pub fn is_right(&self, at: usize) -> bool {
        let choice = self.choices.get(at);
        choice.is_some_and(|choice| *choice == self.case.answer)
    }
}

/// A case that looks like the card's and has another answer.
#[derive(Clone, Debug)]
pub struct LookAlike {
    pub picture: Result<Picture, String>,
    pub question: String,
    pub answer: String,
    /// May be empty.
    pub rationale: String,
    /// Cosine of the two images' vectors.
    pub similarity: f32,
}

/// What the page of statistics shows.
pub type StatisticsPage = Figures;

impl Picture {
    /// The region of an image in its pixels: left, top, width and height, inside the image and at least one pixel large.
    pub fn pixels(&self, region: &Region) -> [u32; 4] {
        let side = |start: f32, length: f32, pixels: u32| {
            let pixels_f = f64::from(pixels);
            let start = (f64::from(start).clamp(0.0, 1.0) * pixels_f).round() as u32;
            let start = start.min(pixels.saturating_sub(1));
            let length = (f64::from(length).clamp(0.0, 1.0) * pixels_f).round() as u32;
            (start, length.clamp(1, pixels.saturating_sub(start).max(1)))
        };
        let (left, width) = side(region.x, region.width, self.image.width);
        let (top, height) = side(region.y, region.height, self.image.height);
        [left, top, width, height]
    }
}

//! A card on the screen: what was typed, chosen or marked, what is revealed, and how the answer looks.

use rounds_study::card::{Card, Kind};
use rounds_study::mark::{self, Mark, Spotted, TypedScore};
use rounds_study::schedule::Grade;

use crate::study::exchanged::{Dealt, FollowUp, LookAlike, Opinion, Picture};
use crate::study::words;
use crate::tui::state::Editor;
use crate::tui::terminal_image::{Appearance, Cross, MarkedBox, ViewTransform};
use rounds_support::Failure;

use super::drawing::Drawing;

/// What an answer looks like beside the reference.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// One of the given answers: certain.
    Chosen { right: bool },
    /// A mark on the image: certain, as far as the regions are.
    Spotted(Spotted),
    /// A typed answer: a guess.
    Typed(TypedScore),
}

impl Verdict {
    /// Whether it is taken for wrong.
    pub fn is_wrong(&self) -> bool {
        self.suggestion() == Grade::Again
    }

    /// The grade that it suggests.
    pub fn suggestion(&self) -> Grade {
        match self {
            Self::Chosen { right: true } => Grade::Good,
            Self::Chosen { right: false } => Grade::Again,
            Self::Spotted(spotted) => spotted.suggestion,
            Self::Typed(score) => score.suggestion,
        }
    }

    /// One line for the learner.
    pub fn in_words(&self) -> String {
        match self {
            Self::Chosen { right: true } => "right".into(),
            Self::Chosen { right: false } => "wrong".into(),
            Self::Spotted(spotted) => {
                let label = spotted.label.as_deref().unwrap_or("the region");
                match spotted.hit {
                    true => format!("right: inside of {label}"),
                    false => format!(
                        "not there: {:.0} % of the image's diagonal away from {label}",
                        f64::from(spotted.distance) * 100.0
                    ),
                }
            }
            Self::Typed(score) => format!("a guess: {}", guess(score)),
        }
    }
}

fn guess(score: &TypedScore) -> String {
    match &score.contradiction {
        _ if score.exact => "right".into(),
        Some(words) => match (words.typed.as_str(), words.reference.as_str()) {
            ("", missing) => format!("wrong, it does not say {missing}"),
            (typed, "") => format!("wrong, it says {typed} and the reference does not"),
            (typed, reference) => format!("wrong, {typed} is not {reference}"),
        },
        None if score.suggestion == Grade::Again => "not right, hardly a word is the same".into(),
        None => "partly right, compare the words".into(),
    }
}

/// A part of a staged case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    Vignette,
    Image,
    Laboratory,
}

/// The stages of a card in their order; none for other kinds.
fn stages(card: &Card) -> Vec<Stage> {
    if card.kind != Kind::Staged {
        return Vec::new();
    }
    let parts = [
        (Stage::Vignette, !card.vignette.is_empty()),
        (Stage::Image, !card.images.is_empty()),
        (Stage::Laboratory, !card.laboratory.is_empty()),
    ];
    let there = parts.into_iter().filter(|(_, there)| *there);
    there.map(|(stage, _)| stage).collect()
}

/// Where the step of an arrow key ends, in parts of the image's longer side.
const STEPS: u32 = 64;
/// How many steps Shift makes of one.
const LONG_STEP: u32 = 6;

/// Where a step of the cross-hair leads on an image of this width and height.
pub(super) fn stepped(
    cross: [u32; 2],
    size: [u32; 2],
    [right, down]: [i64; 2],
    far: bool,
) -> [u32; 2] {
    let step = (size[0].max(size[1]) / STEPS).max(1);
    let step = i64::from(if far { step * LONG_STEP } else { step });
    let moved = |at: u32, by: i64, side: u32| {
        let last = i64::from(side.saturating_sub(1));
        let to = (i64::from(at) + by * step).clamp(0, last);
        u32::try_from(to).unwrap_or(0)
    };
    [
        moved(cross[0], right, size[0]),
        moved(cross[1], down, size[1]),
    ]
}

/// A card on the screen.
#[derive(Debug)]
pub struct Turn {
    pub dealt: Dealt,
    /// When it was shown.
    pub since: i64,
    pub turned: bool,
    stages: Vec<Stage>,
    /// How many stages are shown.
    revealed: usize,
    pub field: Editor,
    /// Keys go into the field.
    pub typing: bool,
    /// The answer under the cursor, of those to choose from.
    pub highlighted: usize,
    pub chosen: Option<usize>,
    /// The cross-hair, in pixels of the first image.
    pub cross: Option<[u32; 2]>,
    /// The learner put it somewhere.
    marked: bool,
    pub verdict: Option<Verdict>,
    pub opinion: Opinion,
    /// How the model weighs the typed answer.
    pub weighed: Option<String>,
    /// How near the typed answer is to the reference.
    pub nearness: Option<String>,
    pub follow_up: Option<FollowUp>,
    /// It is being looked for.
    pub seeks_follow_up: bool,
    /// The answer of a question about the same image is shown.
    pub follow_up_open: bool,
    /// What was chosen of a contrast.
    pub follow_up_chosen: Option<usize>,
    pub look_alikes: Option<Result<Vec<LookAlike>, Failure>>,
    /// The image that the full screen shows, and how.
    pub image: usize,
    pub look: ViewTransform,
    /// A rectangle that is being drawn on that image.
    pub drawing: Option<Drawing>,
    pub scroll: usize,
}

impl Turn {
    pub fn new(dealt: Dealt, since: i64) -> Self {
        let typed = dealt.card.choices.is_empty() && dealt.card.kind != Kind::Spot;
        let mut turn = Self {
            stages: stages(&dealt.card),
            revealed: 1,
            turned: false,
            field: Editor::line(""),
            typing: typed,
            highlighted: 0,
            chosen: None,
            cross: None,
            marked: false,
            verdict: None,
            opinion: Opinion::default(),
            weighed: None,
            nearness: None,
            follow_up: None,
            seeks_follow_up: false,
            follow_up_open: false,
            follow_up_chosen: None,
            look_alikes: None,
            image: 0,
            look: ViewTransform::default(),
            drawing: None,
            scroll: 0,
            dealt,
            since,
        };
        if turn.card().kind == Kind::Spot {
            turn.cross = turn.middle();
        }
        turn
    }

    pub fn card(&self) -> &Card {
        &self.dealt.card
    }

    /// Whether the answer can be typed.
    pub fn takes_text(&self) -> bool {
        !self.turned && self.card().choices.is_empty() && self.card().kind != Kind::Spot
    }

    /// Whether the answer is one of several.
    pub fn takes_choice(&self) -> bool {
        !self.turned && !self.card().choices.is_empty()
    }

    /// Whether a key, by its name, is the letter of an answer to choose from.
    pub fn chooses(&self, key: &str) -> bool {
        let mut letters = key.chars();
        let place = letters.next().and_then(words::place_of);
        let is_one = letters.next().is_none();
        let choices = self.card().choices.len();
        self.takes_choice() && is_one && place.is_some_and(|place| place < choices)
    }

    /// Whether the answer is a place on the image.
    pub fn takes_mark(&self) -> bool {
        !self.turned && self.card().kind == Kind::Spot && self.cross.is_some()
    }

    /// Whether a stage is shown; stages that the card does not have are.
    pub fn shows(&self, stage: Stage) -> bool {
        let place = self.stages.iter().position(|known| *known == stage);
        self.turned || place.is_none_or(|place| place < self.revealed)
    }

    /// The stage that Enter shows next.
    pub fn next_stage(&self) -> Option<Stage> {
        match self.turned {
            true => None,
            false => self.stages.get(self.revealed).copied(),
        }
    }

    /// Shows the next stage; false if there is none.
    pub fn reveal(&mut self) -> bool {
        let more = self.next_stage().is_some();
        self.revealed += usize::from(more);
        more
    }

    /// Turns the card.
    pub fn turn(&mut self) {
        self.verdict = self.judge();
        self.turned = true;
        self.typing = false;
        self.scroll = 0;
    }

    /// Whether rules leave open what a typed answer is worth: it is not the reference, and nothing in it excludes that.
    pub fn is_open(&self) -> bool {
        match &self.verdict {
            Some(Verdict::Typed(score)) => !score.exact && score.contradiction.is_none(),
            _ => false,
        }
    }

    /// The grade that Enter gives once the card is turned: the one that is marked as suggested, or good without any.
    pub fn suggested(&self) -> Grade {
        let verdict = self.verdict.as_ref();
        verdict.map_or(Grade::Good, Verdict::suggestion)
    }

    /// What the learner typed, if anything.
    pub fn typed(&self) -> Option<String> {
        let text = self.field.text().trim();
        let chosen = self.chosen.and_then(|at| self.card().choices.get(at));
        let text = if text.is_empty() {
            chosen.map(String::as_str)?
        } else {
            text
        };
        Some(text.to_string())
    }

    fn judge(&self) -> Option<Verdict> {
        let card = self.card();
        if let Some(chosen) = self.chosen.and_then(|at| card.choices.get(at)) {
            let right = card.is_right(chosen);
            return Some(Verdict::Chosen { right });
        }
        if card.kind == Kind::Spot {
            let image = &self.first()?.image;
            let spotted = mark::spot(self.mark()?, &card.regions, image.width, image.height);
            return Some(Verdict::Spotted(spotted));
        }
        let typed = self.field.text().trim();
        (!typed.is_empty()).then(|| Verdict::Typed(mark::typed(typed, &card.answer)))
    }

    /// The cross-hair in fractions of the image; `None` until it was moved.
    fn mark(&self) -> Option<Mark> {
        let picture = self.first()?;
        let cross = self.cross.filter(|_| self.marked)?;
        let share = |at: u32, side: u32| (at as f32 + 0.5) / side.max(1) as f32;
        Some(Mark {
            x: share(cross[0], picture.image.width),
            y: share(cross[1], picture.image.height),
        })
    }

    fn first(&self) -> Option<&Picture> {
        self.dealt.pictures.first()?.as_ref().ok()
    }

    fn middle(&self) -> Option<[u32; 2]> {
        let image = &self.first()?.image;
        Some([image.width / 2, image.height / 2])
    }

    /// Moves the cross-hair by steps.
    pub fn move_cross(&mut self, right: i64, down: i64, long: bool) {
        let Some(size) = self.first().map(|p| [p.image.width, p.image.height]) else {
            return;
        };
        if let Some(cross) = &mut self.cross {
            self.marked = true;
            *cross = stepped(*cross, size, [right, down], long);
        }
    }

    /// Begins a rectangle on the image that the full screen shows; false if there is none.
    pub fn draw(&mut self) -> bool {
        let picture = self.dealt.pictures.get(self.image);
        let picture = picture.and_then(|picture| picture.as_ref().ok());
        let size = picture.map(|picture| [picture.image.width, picture.image.height]);
        self.drawing = size.map(Drawing::new);
        self.drawing.is_some()
    }

    /// Puts the cross-hair on a pixel.
    pub fn place_cross(&mut self, at: [u32; 2]) {
        self.cross = Some(at);
        self.marked = true;
    }

    /// Answers with a line of text: a letter or the text of one to choose, two numbers of per cent where a place is meant. An
    /// empty line answers nothing. Errors, in words, if it is none of these.
    pub fn answer_with(&mut self, text: &str) -> Result<(), &'static str> {
        let text = text.trim();
        if text.is_empty() {
            return Ok(());
        }
        if !self.card().choices.is_empty() {
            self.chosen = Some(self.choice_of(text).ok_or(
                "that is none of the answers: type its letter, or Enter to turn the card",
            )?);
        } else if self.card().kind == Kind::Spot {
            let place = percents(text).ok_or(
                "that is no place: type two numbers from 0 to 100, or Enter to turn the card",
            )?;
            let size = self.first().map(|p| [p.image.width, p.image.height]);
            if let Some(size) = size {
                let at = |share: f32, side: u32| {
                    let pixel = share / 100.0 * side as f32;
                    (pixel as u32).min(side.saturating_sub(1))
                };
                self.place_cross([at(place[0], size[0]), at(place[1], size[1])]);
            }
        } else {
            self.field.set(text);
        }
        Ok(())
    }

    /// The answer that a letter or its own text names.
    fn choice_of(&self, text: &str) -> Option<usize> {
        let choices = &self.card().choices;
        let mut letters = text.chars();
        let by_letter = letters.next().and_then(words::place_of);
        let by_letter = by_letter.filter(|at| letters.next().is_none() && *at < choices.len());
        let wanted = text.to_lowercase();
        by_letter.or_else(|| choices.iter().position(|of| of.to_lowercase() == wanted))
    }

    /// What is drawn of an image: before the card is turned, never what is asked for.
    pub fn picture(&self, at: usize) -> Option<Result<&Picture, &str>> {
        let covered = self.dealt.covered.as_ref().filter(|_| !self.turned);
        match (at, covered) {
            (0, Some(covered)) => Some(Ok(covered)),
            _ => {
                let picture = self.dealt.pictures.get(at)?;
                Some(picture.as_ref().map_err(String::as_str))
            }
        }
    }

    /// An image with its cross-hair and, once turned, the regions.
    pub fn appearance(&self, at: usize, look: ViewTransform) -> Option<Appearance> {
        let picture = self.picture(at)?.ok()?;
        if let Some(drawing) = &self.drawing {
            let place = drawing.rectangle();
            return Some(Appearance {
                transform: look,
                boxes: place.map(marked_box).into_iter().collect(),
                cross: Some(Cross {
                    at: drawing.cross,
                    from: None,
                }),
                ..Appearance::whole(&picture.id)
            });
        }
        let first = at == 0;
        let boxes = match first && self.turned {
            true => self.boxes(picture),
            false => Vec::new(),
        };
        let cross = self
            .cross
            .filter(|_| first && self.card().kind == Kind::Spot);
        Some(Appearance {
            transform: look,
            boxes,
            cross: cross.map(|at| Cross { at, from: None }),
            ..Appearance::whole(&picture.id)
        })
    }

    fn boxes(&self, picture: &Picture) -> Vec<MarkedBox> {
        let regions = self.card().regions.iter();
        let asked = match self.card().kind {
            Kind::Occlusion => 1,
            _ => usize::MAX,
        };
        let marked = regions.take(asked);
        marked
            .map(|region| marked_box(picture.pixels(region)))
            .collect()
    }
}

fn marked_box([left, top, width, height]: [u32; 4]) -> MarkedBox {
    MarkedBox {
        left,
        top,
        width,
        height,
        kind: 0,
    }
}

/// Two numbers from 0 to 100.
fn percents(text: &str) -> Option<[f32; 2]> {
    let mut numbers = text
        .split([' ', ',', '%'])
        .filter(|part| !part.is_empty())
        .map(|part| {
            part.parse::<f32>()
                .ok()
                .filter(|n| (0.0..=100.0).contains(n))
        });
    let place = [numbers.next()??, numbers.next()??];
    numbers.next().is_none().then_some(place)
}

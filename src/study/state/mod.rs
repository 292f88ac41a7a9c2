//! Study mode as a pure state machine: keys in, effects out. No I/O; the time comes with each event.

mod drawing;
mod keys;
mod turn;

use std::collections::VecDeque;

use ratatui::layout::Rect;

use crate::tui::ExitReason;
use crate::tui::keys::Press;
use crate::tui::terminal_image::Placed;
use rounds_study::card::{Card, Kind};
use rounds_study::queue::Counts;
use rounds_study::schedule::Grade;
use rounds_support::Failure;

use super::exchanged::{Deal, FollowUp, LookAlike, Next, Opinion, StatisticsPage};
pub use drawing::Drawing;
pub use turn::{Stage, Turn, Verdict};

/// Keys that are kept while the desk works.
const MAX_PENDING: usize = 64;
/// No answer takes longer; the learner was away.
pub const MAX_TOOK_MS: i64 = 10 * 60 * 1000;

/// Something that happened.
#[derive(Debug)]
pub enum Event {
    Key(Press),
    Paste(String),
    /// A click, in cells of the screen.
    Click {
        column: u16,
        row: u16,
    },
    /// The mouse moved with its button down, and the button went up.
    Drag {
        column: u16,
        row: u16,
    },
    Release,
    /// The desk is done with the last [`Work`].
    Dealt(Result<Deal, Failure>),
    Opinion {
        card: String,
        opinion: Opinion,
    },
    /// How the model weighs a typed answer beside the reference, in words.
    Weighed {
        card: String,
        words: String,
    },
    /// How near a typed answer is to the reference, in words.
    Nearness {
        card: String,
        words: String,
    },
    FollowUp {
        card: String,
        found: Option<FollowUp>,
    },
    LookAlikes {
        card: String,
        found: Result<Vec<LookAlike>, Failure>,
    },
    Statistics(Result<StatisticsPage, Failure>),
    /// The time that [`State::wakes_at`] named has come.
    Time,
    Terminate(ExitReason),
}

/// Work at the desk, one piece at a time; it is answered with [`Event::Dealt`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Work {
    /// Deal the next card.
    Deal,
    Grade {
        card: String,
        grade: Grade,
        took_ms: i64,
        typed: Option<String>,
    },
    Undo,
    Bury(String),
    Suspend(String),
    /// Makes cards of the learner's own from a place on an image of a card: left, top, width and height in its pixels.
    AddPlace {
        card: String,
        image: usize,
        label: String,
        place: [u32; 4],
    },
}

impl Work {
    /// The card that it changes.
    pub fn card(&self) -> Option<&str> {
        match self {
            Self::Grade { card, .. } | Self::Bury(card) | Self::Suspend(card) => Some(card),
            Self::Deal | Self::Undo | Self::AddPlace { .. } => None,
        }
    }
}

/// Work for the driver.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    Desk(Work),
    /// Ask the model about a card, in the background; what was asked before is dropped.
    AskModel(Box<Card>),
    /// Let the model weigh a typed answer beside the reference, after it was asked.
    Weigh {
        card: Box<Card>,
        typed: String,
    },
    /// Find out how near a typed answer is to the reference.
    FindNearness {
        card: Box<Card>,
        typed: String,
    },
    /// What the model and the index were asked about the card before is of no use any more.
    DropQuestions,
    FindFollowUp(Box<Card>),
    FindLookAlikes(Box<Card>),
    Statistics,
    Leave(ExitReason),
    Suspend,
    Redraw,
}

/// What covers the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overlay {
    Help,
    Image,
    Statistics,
    LookAlikes,
    /// The question about a case that looks alike.
    Contrast,
    Draw,
}

/// What the last frame showed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Shown {
    /// Where the first image is, to find the pixel under a click.
    pub image: Option<Placed>,
    /// Where the answers to choose from are.
    pub choices: Vec<Rect>,
    /// The largest first line of the text, and of the window that covers it.
    pub text_last: usize,
    pub window_last: usize,
}

/// A line above the keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    pub text: String,
    pub is_error: bool,
}

/// What the learner sees.
#[derive(Debug)]
pub enum Scene {
    /// Before the first card.
    Waiting,
    Card(Box<Turn>),
    /// Nothing is left to do now.
    Finished {
        /// When the next card is due.
        due: Option<i64>,
    },
}

/// The state.
#[derive(Debug)]
pub struct State {
    pub deck: String,
    /// Nothing is rescheduled.
    pub cram: bool,
    pub scene: Scene,
    pub counts: Counts,
    /// The grades since the start.
    grades: Vec<Grade>,
    pub overlay: Option<Overlay>,
    pub notice: Option<Notice>,
    pub statistics: Option<StatisticsPage>,
    pub window_scroll: usize,
    pub shown: Shown,
    /// The time of the last event.
    pub now: i64,
    /// The desk is working; keys wait until it is done.
    pub busy: bool,
    /// When the desk answered last.
    dealt_at: i64,
    last_grade: Option<Grade>,
    pending: VecDeque<Press>,
    leaving: bool,
    /// The model is asked about each card.
    pub asks_model: bool,
}

impl State {
    /// The state at the start, and its first work.
    pub fn new(deck: &str, cram: bool, asks_model: bool, now: i64) -> (Self, Vec<Effect>) {
        let state = Self {
            deck: deck.to_string(),
            cram,
            scene: Scene::Waiting,
            counts: Counts::default(),
            grades: Vec::new(),
            overlay: None,
            notice: None,
            statistics: None,
            window_scroll: 0,
            shown: Shown::default(),
            now,
            busy: true,
            dealt_at: now,
            last_grade: None,
            pending: VecDeque::new(),
            leaving: false,
            asks_model,
        };
        (state, vec![Effect::Desk(Work::Deal)])
    }

    /// Whether the desk is at work on something that must not be lost.
    pub fn is_saving(&self) -> bool {
        self.busy && !matches!(self.scene, Scene::Waiting)
    }

    /// Cards graded since the start.
    pub fn graded(&self) -> usize {
        self.grades.len()
    }

    /// How many of them were known.
    pub fn known(&self) -> usize {
        let known = self.grades.iter().filter(|grade| **grade != Grade::Again);
        known.count()
    }

    /// The card on the screen.
    pub fn turn(&self) -> Option<&Turn> {
        match &self.scene {
            Scene::Card(turn) => Some(turn),
            Scene::Waiting | Scene::Finished { .. } => None,
        }
    }

    fn turn_mut(&mut self) -> Option<&mut Turn> {
        match &mut self.scene {
            Scene::Card(turn) => Some(turn),
            Scene::Waiting | Scene::Finished { .. } => None,
        }
    }

    /// When [`Event::Time`] is wanted: a card that is being learnt comes back by itself.
    pub fn wakes_at(&self) -> Option<i64> {
        match self.scene {
            // One that is due already is not dealt for another reason, such as a limit.
            Scene::Finished { due } if !self.busy => due.filter(|due| *due > self.dealt_at),
            _ => None,
        }
    }

    /// Takes an event that happened at `now`, in milliseconds since 1970; returns what is to be done.
    pub fn handle(&mut self, now: i64, event: Event) -> Vec<Effect> {
        let due = self.wakes_at();
        self.now = now;
        match event {
            Event::Key(press) => self.key(press),
            Event::Paste(text) => self.paste(&text),
            Event::Click { column, row } => self.click(column, row),
            Event::Drag { column, row } => {
                self.drag(column, row);
                Vec::new()
            }
            Event::Release => {
                self.drawing_mouse(|drawing, _| drawing.release());
                Vec::new()
            }
            Event::Dealt(Ok(deal)) => self.dealt(deal),
            Event::Dealt(Err(failure)) => self.not_dealt(&failure),
            Event::Time => match due.is_some_and(|at| at <= now) {
                true => self.work(Work::Deal),
                false => Vec::new(),
            },
            Event::Terminate(reason) => vec![Effect::Leave(reason)],
            news => {
                self.hear(news);
                Vec::new()
            }
        }
    }

    /// News that need nothing to be done.
    fn hear(&mut self, news: Event) {
        match news {
            Event::Opinion { card, opinion } => {
                if let Some(turn) = self.turn_of(&card) {
                    turn.opinion = opinion;
                }
            }
            Event::Weighed { card, words } => {
                if let Some(turn) = self.turn_of(&card).filter(|turn| turn.turned) {
                    turn.weighed = Some(words);
                }
            }
            Event::Nearness { card, words } => {
                if let Some(turn) = self.turn_of(&card).filter(|turn| turn.turned) {
                    turn.nearness = Some(words);
                }
            }
            Event::FollowUp { card, found } => {
                // One that was looked for when the card was there before is not for this answer.
                if let Some(turn) = self.turn_of(&card).filter(|turn| turn.seeks_follow_up) {
                    turn.seeks_follow_up = false;
                    turn.follow_up = found;
                }
            }
            Event::LookAlikes { card, found } => {
                if let Some(turn) = self.turn_of(&card) {
                    turn.look_alikes = Some(found);
                }
            }
            Event::Statistics(Ok(page)) => self.statistics = Some(page),
            Event::Statistics(Err(failure)) => {
                // Another window may have been opened since.
                let other = |overlay: &Overlay| *overlay != Overlay::Statistics;
                self.overlay = self.overlay.filter(other);
                self.fail(&failure);
            }
            _ => {}
        }
    }

    /// The card on the screen, if it is still this one.
    fn turn_of(&mut self, card: &str) -> Option<&mut Turn> {
        self.turn_mut().filter(|turn| turn.card().id == card)
    }

    fn say(&mut self, text: impl Into<String>) {
        self.notice = Some(Notice {
            text: text.into(),
            is_error: false,
        });
    }

    fn fail(&mut self, failure: &Failure) {
        let text = match &failure.hint {
            Some(hint) => format!("{failure}; {hint}"),
            None => failure.to_string(),
        };
        self.notice = Some(Notice {
            text,
            is_error: true,
        });
    }

    fn work(&mut self, work: Work) -> Vec<Effect> {
        self.busy = true;
        vec![Effect::Desk(work)]
    }

    fn dealt(&mut self, deal: Deal) -> Vec<Effect> {
        self.busy = false;
        self.dealt_at = self.now;
        self.counts = deal.counts;
        self.grades.extend(self.last_grade.take());
        if deal.ungraded {
            self.grades.pop();
        }
        if let Some(notice) = deal.notice {
            self.say(notice);
        }
        let mut effects = Vec::new();
        match deal.next {
            Next::Stay => self.stop_drawing(),
            Next::Nothing { due } => self.scene = Scene::Finished { due },
            Next::Card(dealt) => {
                let mut turn = Turn::new(*dealt, self.now);
                if self.asks_model {
                    turn.opinion = opinion_at_first(&turn);
                }
                effects.push(match turn.opinion {
                    Opinion::Waiting => Effect::AskModel(Box::new(turn.card().clone())),
                    _ => Effect::DropQuestions,
                });
                self.scene = Scene::Card(Box::new(turn));
            }
        }
        effects.extend(self.go_on());
        effects
    }

    /// The work failed: the card stays as it is, so that the same key tries again.
    fn not_dealt(&mut self, failure: &Failure) -> Vec<Effect> {
        self.busy = false;
        self.last_grade = None;
        self.leaving = false;
        // They were meant for the next card.
        self.pending.clear();
        self.fail(failure);
        Vec::new()
    }

    /// Leaves if that was wished, or takes the keys that waited.
    fn go_on(&mut self) -> Vec<Effect> {
        let mut effects = Vec::new();
        while !self.busy
            && let Some(press) = self.pending.pop_front()
        {
            effects.extend(self.key(press));
        }
        if self.leaving && !self.busy {
            effects.push(Effect::Leave(ExitReason::Left));
        }
        effects
    }

    /// Leaves when everything is saved.
    fn leave(&mut self) -> Vec<Effect> {
        if !self.is_saving() || self.leaving {
            return vec![Effect::Leave(ExitReason::Left)];
        }
        self.leaving = true;
        Vec::new()
    }

    fn grade(&mut self, grade: Grade) -> Vec<Effect> {
        let now = self.now;
        let Some(turn) = self.turn() else {
            return Vec::new();
        };
        let work = Work::Grade {
            card: turn.card().id.clone(),
            grade,
            took_ms: now.saturating_sub(turn.since).clamp(0, MAX_TOOK_MS),
            typed: turn.typed(),
        };
        self.last_grade = Some(grade);
        self.work(work)
    }

    fn turn_card(&mut self) -> Vec<Effect> {
        let asks_model = self.asks_model;
        let Some(turn) = self.turn_mut() else {
            return Vec::new();
        };
        turn.turn();
        let card = turn.card();
        let mut effects = Vec::new();
        if let (Some(Verdict::Typed(score)), Some(typed)) = (&turn.verdict, turn.typed())
            && asks_model
            && !score.exact
        {
            let card = || Box::new(card.clone());
            // What is near in words may still exclude the reference: then only that is said.
            if turn.is_open() {
                let typed = typed.clone();
                effects.push(Effect::FindNearness {
                    card: card(),
                    typed,
                });
            }
            if opinion_at_first(turn) == Opinion::Waiting {
                let card = card();
                effects.push(Effect::Weigh { card, typed });
            }
        }
        let wrong = turn.verdict.as_ref().is_some_and(Verdict::is_wrong);
        if wrong && card.kind != Kind::Compare {
            effects.push(Effect::FindFollowUp(Box::new(card.clone())));
            turn.seeks_follow_up = true;
        }
        effects
    }
}

/// Whether the model is asked about a card, or why it is not: it answers in words, and sees images whole.
fn opinion_at_first(turn: &Turn) -> Opinion {
    let card = turn.card();
    match card.kind {
        _ if card.images.is_empty() => Opinion::NotFor("the card has no image"),
        _ if turn.dealt.pictures.iter().any(Result::is_err) => {
            Opinion::NotFor("an image cannot be shown")
        }
        Kind::Spot => Opinion::NotFor("it answers in words and cannot point at a place"),
        Kind::Occlusion => Opinion::NotFor("it has not learnt to tell what a cover hides"),
        Kind::Question | Kind::Choice | Kind::Compare | Kind::Staged => Opinion::Waiting,
    }
}

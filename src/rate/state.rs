//! The rating as a pure state machine: keys in, effects out. No I/O, no clock.

use std::collections::VecDeque;

use crossterm::event::{KeyCode, KeyModifiers};

use crate::tui::ExitReason;
use crate::tui::keys::{Press, image_key, window_key};
use crate::tui::terminal_image::ViewTransform;
use rounds_eval::rating::{Entry, Flag, MAX_SCORE, Rating, RatingSet, Ratings, letter};
use rounds_support::Failure;

/// Points that an arrow gives an answer without any.
const MIDDLE: u8 = 5;

/// Something that happened.
#[derive(Debug)]
pub enum Event {
    Key(Press),
    /// The last [`Effect::Save`] is done.
    Saved(Result<(), Failure>),
    Terminate(ExitReason),
}

/// Work for the driver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Append to the rater's file; one at a time.
    Save(Entry),
    Leave(ExitReason),
    Suspend,
    Redraw,
}

/// What covers the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overlay {
    Help,
    Image,
}

/// What the last frame showed, which scrolling goes by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    /// First line of the answers, the largest that it can be, and the lines on the screen.
    pub answers_first: usize,
    pub answers_last: usize,
    pub answers_height: usize,
    /// The largest first line of the question, and of the window that covers it.
    pub question_last: usize,
    pub window_last: usize,
}

/// How saving stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Saving {
    Saved,
    Busy,
    Failed(Failure),
}

/// A change that can be taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Change {
    item: usize,
    answer: usize,
    before: Rating,
}

/// The state.
pub struct State {
    pub set: RatingSet,
    pub rater: String,
    ratings: Vec<Vec<Rating>>,
    changes: Vec<Change>,
    /// The chosen item, answer and image, from 0.
    pub item: usize,
    pub answer: usize,
    pub image: usize,
    pub look: ViewTransform,
    pub overlay: Option<Overlay>,
    /// First line of the window.
    pub window_scroll: usize,
    /// First line of the question and of the answers on the screen. The answers follow the chosen one unless scrolled.
    pub question_scroll: usize,
    pub answers_scroll: Option<usize>,
    /// What was drawn last; set by the driver after each frame.
    pub shown: Shown,
    pub notice: Option<String>,
    pub saving: Saving,
    /// Not yet on disk, oldest first; the first is being written unless writing failed.
    unsaved: VecDeque<Entry>,
    /// The last entry, of which a 1 may be the first digit of a 10.
    last: Option<Entry>,
    /// The key before was a 1, so that a 0 makes it 10.
    one: bool,
    /// Leave when everything is saved; or, if that failed, at the next wish to leave.
    leaving: bool,
    giving_up: bool,
}

impl State {
    /// The state at the start: at the first answer that the rater has not rated.
    pub fn new(set: RatingSet, ratings: &Ratings) -> Self {
        let of_item =
            |item: &rounds_eval::rating::Item| vec![Rating::default(); item.answers.len()];
        let mut state = Self {
            ratings: set.items.iter().map(of_item).collect(),
            set,
            rater: ratings.rater.clone(),
            changes: Vec::new(),
            item: 0,
            answer: 0,
            image: 0,
            look: ViewTransform::default(),
            overlay: None,
            window_scroll: 0,
            question_scroll: 0,
            answers_scroll: None,
            shown: Shown::default(),
            notice: None,
            saving: Saving::Saved,
            unsaved: VecDeque::new(),
            last: None,
            one: false,
            leaving: false,
            giving_up: false,
        };
        for entry in &ratings.entries {
            state.apply(entry);
        }
        if !ratings.entries.is_empty() {
            state.notice = Some(match state.next_unrated(None) {
                Some(_) => "welcome back: this is the next answer without a rating".into(),
                None => "everything is rated; q leaves, and any rating can still be changed".into(),
            });
        }
        if let Some((item, answer)) = state.next_unrated(None) {
            state.go(item, answer);
        }
        state
    }

    /// The rating of an answer.
    pub fn rating(&self, item: usize, answer: usize) -> Rating {
        let rating = self.ratings.get(item).and_then(|item| item.get(answer));
        rating.copied().unwrap_or_default()
    }

    /// Number of answers with points.
    pub fn rated(&self) -> usize {
        let ratings = self.ratings.iter().flatten();
        ratings.filter(|rating| rating.score.is_some()).count()
    }

    /// The chosen item.
    pub fn chosen(&self) -> Option<&rounds_eval::rating::Item> {
        self.set.items.get(self.item)
    }

    /// Takes an event; returns what is to be done.
    pub fn handle(&mut self, event: Event) -> Vec<Effect> {
        match event {
            Event::Key(press) => self.key(press),
            Event::Saved(Ok(())) => {
                self.unsaved.pop_front();
                self.giving_up = false;
                self.save_next()
            }
            Event::Saved(Err(failure)) => {
                self.giving_up = std::mem::take(&mut self.leaving);
                self.notice = Some(match self.giving_up {
                    true => format!("not saved: {failure}; q leaves and loses it, w tries again"),
                    false => format!("not saved: {failure}; w tries again"),
                });
                self.saving = Saving::Failed(failure);
                Vec::new()
            }
            Event::Terminate(reason) => vec![Effect::Leave(reason)],
        }
    }

    fn key(&mut self, press: Press) -> Vec<Effect> {
        let after_one = std::mem::take(&mut self.one);
        self.notice = None;
        let control = press.modifiers.contains(KeyModifiers::CONTROL);
        if let KeyCode::Char(letter) = press.code
            && control
        {
            return match letter {
                'c' | 'd' => self.leave(),
                'z' => vec![Effect::Suspend],
                'l' => vec![Effect::Redraw],
                _ => Vec::new(),
            };
        }
        // A letter that rates must be meant as a letter.
        let chord = KeyModifiers::CONTROL | KeyModifiers::ALT;
        if press.modifiers.intersects(chord) {
            return Vec::new();
        }
        if self.overlay.is_some() {
            self.overlay_key(press.code);
            return Vec::new();
        }
        let Rating { score, flags } = self.rating(self.item, self.answer);
        let flag = |flag| Rating {
            score,
            flags: flags.toggled(flag),
        };
        let points = |score| Rating { score, flags };
        match press.code {
            KeyCode::Char('0') if after_one => return self.rate(points(Some(MAX_SCORE))),
            KeyCode::Char(digit @ '0'..='9') => {
                self.one = digit == '1';
                let digit = digit.to_digit(10).and_then(|d| u8::try_from(d).ok());
                return self.rate(points(digit));
            }
            KeyCode::Char('t') => return self.rate(points(Some(MAX_SCORE))),
            KeyCode::Right => {
                let more = score.map_or(MIDDLE, |score| (score + 1).min(MAX_SCORE));
                return self.rate(points(Some(more)));
            }
            KeyCode::Left => {
                let less = score.map_or(MIDDLE, |score| score.saturating_sub(1));
                return self.rate(points(Some(less)));
            }
            KeyCode::Backspace | KeyCode::Delete => return self.rate(points(None)),
            KeyCode::Char('h') => return self.rate(flag(Flag::Hallucination)),
            KeyCode::Char('u') => return self.rate(flag(Flag::Unsafe)),
            KeyCode::Char('s') => return self.rate(flag(Flag::Unsupported)),
            KeyCode::Char('z') => return self.undo(),
            KeyCode::Char('w') => return self.retry(),
            KeyCode::Char('q') => return self.leave(),
            code => self.move_key(code),
        }
        Vec::new()
    }

    fn move_key(&mut self, code: KeyCode) {
        let last = self.chosen().map_or(0, |item| item.answers.len());
        let last = last.saturating_sub(1);
        let items = self.set.items.len();
        let page = self.shown.answers_height.saturating_sub(1).max(1);
        let at = self.shown.answers_first;
        match code {
            KeyCode::Down => self.go(self.item, (self.answer + 1).min(last)),
            KeyCode::Up => self.go(self.item, self.answer.saturating_sub(1)),
            KeyCode::Tab if self.answer == last => self.go(self.item, 0),
            KeyCode::Tab => self.go(self.item, self.answer + 1),
            KeyCode::Char('n') if self.item + 1 < items => self.go(self.item + 1, 0),
            KeyCode::Char('n') => self.notice = Some("this is the last item".into()),
            KeyCode::Char('p') if self.item > 0 => self.go(self.item - 1, 0),
            KeyCode::Char('p') => self.notice = Some("this is the first item".into()),
            KeyCode::Enter => match self.next_unrated(Some((self.item, self.answer))) {
                Some((item, answer)) => self.go(item, answer),
                None => self.notice = Some("everything is rated; q leaves".into()),
            },
            KeyCode::PageDown => {
                self.answers_scroll = Some((at + page).min(self.shown.answers_last));
            }
            KeyCode::PageUp => self.answers_scroll = Some(at.saturating_sub(page)),
            KeyCode::Char(']') => {
                self.question_scroll = (self.question_scroll + 1).min(self.shown.question_last);
            }
            KeyCode::Char('[') => self.question_scroll = self.question_scroll.saturating_sub(1),
            KeyCode::Char('i') => self.overlay = Some(Overlay::Image),
            KeyCode::Char('m') => self.next_image(),
            KeyCode::Char('?') | KeyCode::F(1) => {
                self.window_scroll = 0;
                self.overlay = Some(Overlay::Help);
            }
            _ => {}
        }
    }

    fn overlay_key(&mut self, code: KeyCode) {
        let (scroll, last) = (self.window_scroll, self.shown.window_last);
        match self.overlay {
            Some(Overlay::Image) if code == KeyCode::Char('m') => self.next_image(),
            Some(Overlay::Image) if image_key(&mut self.look, code) => {}
            Some(Overlay::Help) => match window_key(scroll, last, code) {
                Some(scroll) => self.window_scroll = scroll,
                None => self.overlay = None,
            },
            Some(Overlay::Image) | None => self.overlay = None,
        }
    }

    fn next_image(&mut self) {
        let images = self.chosen().map_or(0, |item| item.images.len()).max(1);
        self.image = (self.image + 1) % images;
        self.look = ViewTransform::default();
    }

    /// Chooses an answer.
    fn go(&mut self, item: usize, answer: usize) {
        if item != self.item {
            self.image = 0;
            self.look = ViewTransform::default();
            self.question_scroll = 0;
        }
        self.item = item;
        self.answer = answer;
        self.answers_scroll = None;
    }

    /// The first answer without points after one, going round; from the start if after none.
    fn next_unrated(&self, after: Option<(usize, usize)>) -> Option<(usize, usize)> {
        let items = self.ratings.iter().enumerate();
        let all: Vec<(usize, usize)> = items
            .flat_map(|(item, answers)| (0..answers.len()).map(move |answer| (item, answer)))
            .collect();
        let start = after.and_then(|after| all.iter().position(|at| *at == after));
        let start = start.map_or(0, |at| at + 1);
        let turned = all.iter().cycle().skip(start).take(all.len());
        let unrated =
            |(item, answer): &&(usize, usize)| self.rating(*item, *answer).score.is_none();
        turned.copied().find(|at| unrated(&at))
    }

    /// Notes a change of the state; a saved one is replayed in the same way.
    fn apply(&mut self, entry: &Entry) {
        let ratings = self.ratings.get_mut(entry.item);
        let Some(rating) = ratings.and_then(|item| item.get_mut(entry.answer)) else {
            return;
        };
        let before = std::mem::replace(rating, entry.rating);
        let last = self.last.replace(*entry);
        if entry.undo {
            self.changes.pop();
        } else if !last.is_some_and(|last| completes(&last, entry)) {
            self.changes.push(Change {
                item: entry.item,
                answer: entry.answer,
                before,
            });
        }
    }

    /// Rates the chosen answer.
    fn rate(&mut self, rating: Rating) -> Vec<Effect> {
        if rating == self.rating(self.item, self.answer) {
            return Vec::new();
        }
        let entry = Entry {
            item: self.item,
            answer: self.answer,
            rating,
            undo: false,
        };
        self.apply(&entry);
        self.note(entry)
    }

    fn undo(&mut self) -> Vec<Effect> {
        let Some(&change) = self.changes.last() else {
            self.notice = Some("there is nothing to undo".into());
            return Vec::new();
        };
        let entry = Entry {
            item: change.item,
            answer: change.answer,
            rating: change.before,
            undo: true,
        };
        self.apply(&entry);
        self.go(change.item, change.answer);
        self.notice = Some(format!(
            "undone: answer {} of item {}",
            letter(change.answer),
            change.item + 1
        ));
        self.note(entry)
    }

    /// Saves an entry, after those that are waiting.
    fn note(&mut self, entry: Entry) -> Vec<Effect> {
        self.unsaved.push_back(entry);
        match self.saving {
            Saving::Busy => Vec::new(),
            Saving::Saved | Saving::Failed(_) => self.save_next(),
        }
    }

    fn save_next(&mut self) -> Vec<Effect> {
        match self.unsaved.front() {
            Some(entry) => {
                self.saving = Saving::Busy;
                vec![Effect::Save(*entry)]
            }
            None => {
                self.saving = Saving::Saved;
                let left = self.leaving.then_some(Effect::Leave(ExitReason::Left));
                left.into_iter().collect()
            }
        }
    }

    fn retry(&mut self) -> Vec<Effect> {
        match self.saving {
            Saving::Failed(_) => self.save_next(),
            Saving::Saved | Saving::Busy => Vec::new(),
        }
    }

    /// Leaves when everything is saved. What could not be saved is tried again first; after that it is lost.
    fn leave(&mut self) -> Vec<Effect> {
        match (&self.saving, self.leaving) {
            (Saving::Saved, _) | (Saving::Busy, true) => vec![Effect::Leave(ExitReason::Left)],
            (Saving::Busy, false) => {
                self.leaving = true;
                Vec::new()
            }
            (Saving::Failed(_), _) if self.giving_up => {
                vec![Effect::Leave(ExitReason::Left)]
            }
            (Saving::Failed(_), _) => {
                self.leaving = true;
                self.save_next()
            }
        }
    }

    /// Ratings that are not on disk.
    pub fn unsaved(&self) -> usize {
        self.unsaved.len()
    }
}

/// Whether a rating of 10 points goes on from the 1 before it; both digits are taken back together.
fn completes(before: &Entry, entry: &Entry) -> bool {
    let same = (before.item, before.answer) == (entry.item, entry.answer);
    let points = (before.rating.score, entry.rating.score) == (Some(1), Some(MAX_SCORE));
    same && points && !before.undo && before.rating.flags == entry.rating.flags
}

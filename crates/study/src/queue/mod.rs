//! Which card comes next.
//!
//! Built from the store and kept up to date by the grades; nothing of it is saved, so resuming is building it again: what was
//! done today is in the log. A card seen today holds back its siblings, the cards that share an image or a patient, until
//! the next day, because the first answer would give the second away.

mod entry;
mod plan;

use std::collections::HashMap;

use crate::card::{CardId, Kind};
use crate::error::StudyError;
use crate::schedule::{MINUTE_MS, Phase, Schedule, Scheduler};
use crate::store::{Review, ReviewKind, Standing, Store};
use entry::{Entry, cram_order, entry};
use plan::Plan;

/// When nothing else is left, a card in learning comes up to this much early.
const LEARN_AHEAD_MS: i64 = 20 * MINUTE_MS;

/// What is studied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// What is due, and new cards.
    Study,
    /// Every card once, due or not; nothing is rescheduled.
    Cram,
}

/// Which cards of a deck. Nothing chosen means all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Of one of these kinds.
    pub kinds: Vec<Kind>,
    /// With one of these values of every tag named.
    pub tags: Vec<(String, String)>,
}

/// What is left for today.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// New cards.
    pub new: usize,
    /// Cards in learning or relearning.
    pub learning: usize,
    /// Reviews.
    pub review: usize,
}

impl Counts {
    /// All together.
    pub fn total(&self) -> usize {
        self.new + self.learning + self.review
    }
}

/// The cards of a deck that are to be studied on one day.
pub struct Queue {
    mode: Mode,
    scheduler: Scheduler,
    started: i64,
    day_start: i64,
    day_end: i64,
    entries: Vec<Entry>,
    by_id: HashMap<CardId, usize>,
    /// How many cards with each sibling key were graded today.
    seen: Vec<u32>,
    new_today: u32,
    reviews_today: u32,
    /// `None` after a change.
    plan: Option<Plan>,
    /// The most reviews and new cards that were ever left, which sets how they mix.
    most: (usize, usize),
    /// Indexes into `entries`, in the order of cramming.
    cram: Vec<usize>,
}

impl Queue {
    /// The queue of a deck at `now`, for the settings and time zone of the scheduler.
    pub fn new(
        store: &Store,
        deck: &str,
        scheduler: &Scheduler,
        now: i64,
        mode: Mode,
        filter: &Filter,
    ) -> Result<Self, StudyError> {
        let days = scheduler.days();
        let day_start = days.start(days.of(now));
        let standings = store.standings(deck)?;
        let mut standings: HashMap<CardId, Standing> = standings
            .into_iter()
            .map(|standing| (standing.card.clone(), standing))
            .collect();
        let mut keys = HashMap::new();
        let entries: Vec<Entry> = store
            .cards(deck)?
            .into_iter()
            .map(|card| {
                let standing = standings.remove(&card.id);
                entry(card, standing, filter, &mut keys, now)
            })
            .collect();
        let by_id = entries.iter().enumerate();
        let by_id = by_id.map(|(index, entry)| (entry.id.clone(), index));
        let mut queue = Self {
            mode,
            scheduler: scheduler.clone(),
            started: now,
            day_start,
            day_end: days.end_of_today(now),
            by_id: by_id.collect(),
            cram: cram_order(&entries, now),
            entries,
            seen: vec![0; keys.len()],
            new_today: 0,
            reviews_today: 0,
            plan: None,
            most: (0, 0),
        };
        for review in store.log_since(deck, day_start)? {
            queue.count(&review, true);
        }
        Ok(queue)
    }

    /// What is studied.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Whether another day of study has begun, for which a new queue must be built.
    pub fn day_is_over(&self, now: i64) -> bool {
        now >= self.day_end
    }

    /// The next card: one in learning that is due, else reviews, those nearest to being forgotten first, with new cards mixed
    /// in, else one in learning up to 20 minutes early. The same until a grade changes something or one in learning falls due.
    pub fn next(&mut self, now: i64) -> Option<CardId> {
        let index = match self.mode {
            Mode::Cram => self.left_to_cram().next(),
            Mode::Study => self.next_to_study(now),
        };
        self.entries.get(index?).map(|entry| entry.id.clone())
    }

    fn next_to_study(&mut self, now: i64) -> Option<usize> {
        let learning = self.first_learning(now);
        if let Some((index, due)) = learning
            && due <= now
        {
            return Some(index);
        }
        let plan = self.planned(now);
        let (reviews, new) = (plan.reviews.len(), plan.new.len());
        let next = (plan.reviews.first().copied(), plan.new.first().copied());
        self.most = (self.most.0.max(reviews), self.most.1.max(new));
        match next {
            // Whichever has the larger part of it left.
            (Some(_), Some(index)) if new * self.most.0 > reviews * self.most.1 => Some(index),
            (Some(index), _) | (None, Some(index)) => Some(index),
            (None, None) => learning
                .filter(|(_, due)| *due <= now.saturating_add(LEARN_AHEAD_MS))
                .map(|(index, _)| index),
        }
    }

    /// What is left for today, with siblings and limits considered.
    pub fn counts(&mut self, now: i64) -> Counts {
        if self.mode == Mode::Cram {
            let mut counts = Counts::default();
            for index in self.left_to_cram() {
                let schedule = self.entries.get(index).map(|entry| entry.schedule);
                match schedule.map(|schedule| schedule.phase) {
                    Some(Phase::Review) => counts.review += 1,
                    Some(Phase::Learning(_) | Phase::Relearning(_)) => counts.learning += 1,
                    Some(Phase::New) | None => counts.new += 1,
                }
            }
            return counts;
        }
        let until = self.day_end.max(now.saturating_add(LEARN_AHEAD_MS));
        let learning = self.learning(now);
        let learning = learning.filter(|(_, entry)| entry.schedule.due < until);
        let learning = learning.count();
        let plan = self.planned(now);
        Counts {
            new: plan.new.len(),
            learning,
            review: plan.reviews.len(),
        }
    }

    /// When the next card in learning comes.
    pub fn waiting_until(&self) -> Option<i64> {
        let learning = self.learning(self.started);
        learning.map(|(_, entry)| entry.schedule.due).min()
    }

    /// Takes note of a grade that was recorded.
    pub fn graded(&mut self, review: &Review) {
        self.set(review, review.after, true);
    }

    /// Takes note of a grade that was taken back.
    pub fn undone(&mut self, review: &Review) {
        self.set(review, review.before, false);
    }

    /// Leaves out a card that was buried or suspended.
    pub fn put_aside(&mut self, card: &str) {
        self.set_aside(card, true);
    }

    /// Takes back [`Queue::put_aside`].
    pub fn put_back(&mut self, card: &str) {
        self.set_aside(card, false);
    }

    fn set_aside(&mut self, card: &str, aside: bool) {
        if let Some(entry) = self.by_id.get(card).and_then(|i| self.entries.get_mut(*i)) {
            entry.aside = aside;
        }
        self.plan = None;
    }

    /// Whether the filter lets a card through that was not suspended when the queue was built.
    pub fn wants(&self, card: &str) -> bool {
        let entry = self.by_id.get(card).and_then(|i| self.entries.get(*i));
        entry.is_some_and(|entry| entry.wanted)
    }

    fn set(&mut self, review: &Review, schedule: Schedule, graded: bool) {
        if let Some(entry) = self
            .by_id
            .get(&review.card)
            .and_then(|i| self.entries.get_mut(*i))
        {
            match review.kind {
                ReviewKind::Cram => entry.crammed = graded,
                _ => entry.schedule = schedule,
            }
        }
        if review.at >= self.day_start {
            self.count(review, graded);
        }
        self.plan = None;
    }

    /// Counts a grade of today, or counts it no longer.
    fn count(&mut self, review: &Review, graded: bool) {
        if review.kind == ReviewKind::Cram {
            return;
        }
        let step = |count: u32| match graded {
            true => count.saturating_add(1),
            false => count.saturating_sub(1),
        };
        match review.before.phase {
            Phase::New => self.new_today = step(self.new_today),
            Phase::Review => self.reviews_today = step(self.reviews_today),
            _ => {}
        }
        let entry = self.by_id.get(&review.card);
        let Some(entry) = entry.and_then(|i| self.entries.get_mut(*i)) else {
            return;
        };
        let before = entry.today;
        entry.today = step(before);
        if (before == 0) == (entry.today == 0) {
            return;
        }
        for key in &entry.keys {
            if let Some(seen) = self.seen.get_mut(*key) {
                *seen = step(*seen);
            }
        }
    }

    fn left_to_cram(&self) -> impl Iterator<Item = usize> {
        let is_left = |entry: &Entry| entry.wanted && !entry.aside && !entry.crammed;
        let all = self.cram.iter().copied();
        all.filter(move |index| self.entries.get(*index).is_some_and(is_left))
    }

    fn planned(&mut self, now: i64) -> &Plan {
        let plan = match self.plan.take() {
            Some(plan) => plan,
            None => self.make_plan(now),
        };
        self.plan.insert(plan)
    }
}

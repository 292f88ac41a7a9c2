//! Which card comes next.
//!
//! Built from the store and kept up to date by the grades; nothing of it is saved, so resuming is building it again: what was
//! done today is in the log. A card seen today holds back its siblings, the cards that share an image or a patient, until
//! the next day, because the first answer would give the second away.

use std::collections::{HashMap, HashSet};

use rounds_support::rng::Rng;

use crate::card::{Card, CardId, Kind};
use crate::error::StudyError;
use crate::schedule::{MINUTE_MS, Phase, Schedule, Scheduler};
use crate::store::{Review, ReviewKind, Standing, Store};

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

/// A card of the deck.
struct Entry {
    id: CardId,
    schedule: Schedule,
    /// Sibling keys by number.
    keys: Vec<usize>,
    /// Whether the filter lets it through and it is not suspended.
    wanted: bool,
    buried_until: Option<i64>,
    /// Put aside by hand since the queue was built.
    aside: bool,
    /// Grades today.
    today: u32,
    crammed: bool,
}

/// What is left, in order, besides cards in learning.
#[derive(Default)]
struct Plan {
    reviews: Vec<usize>,
    new: Vec<usize>,
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
        if let Some(entry) = self.by_id.get(card).and_then(|i| self.entries.get_mut(*i)) {
            entry.aside = true;
        }
        self.plan = None;
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

    /// The cards that may come, with their indexes.
    fn open(&self, now: i64) -> impl Iterator<Item = (usize, &Entry)> {
        let is_open = move |entry: &Entry| {
            let is_buried = entry.buried_until.is_some_and(|until| until > now);
            entry.wanted && !entry.aside && !is_buried
        };
        let all = self.entries.iter().enumerate();
        all.filter(move |(_, entry)| is_open(entry))
    }

    fn learning(&self, now: i64) -> impl Iterator<Item = (usize, &Entry)> {
        let open = self.open(now);
        open.filter(|(_, entry)| entry.schedule.is_learning())
    }

    /// The card in learning that is due first, and when.
    fn first_learning(&self, now: i64) -> Option<(usize, i64)> {
        let learning = self.learning(now);
        let due = learning.map(|(index, entry)| (index, entry.schedule.due));
        due.min_by_key(|(index, due)| (*due, *index))
    }

    fn planned(&mut self, now: i64) -> &Plan {
        let plan = match self.plan.take() {
            Some(plan) => plan,
            None => self.make_plan(now),
        };
        self.plan.insert(plan)
    }

    fn make_plan(&self, now: i64) -> Plan {
        let settings = self.scheduler.settings();
        let bury = settings.bury_siblings;
        let mut taken = HashSet::new();
        if bury {
            for (_, entry) in self.learning(now) {
                taken.extend(entry.keys.iter().copied());
            }
        }
        let is_held = |entry: &Entry| {
            let seen = |key: &usize| self.seen.get(*key).is_some_and(|seen| *seen > 0);
            bury && entry.today == 0 && entry.keys.iter().any(seen)
        };
        let mut due: Vec<(f32, i64, usize)> = Vec::new();
        let mut new = Vec::new();
        for (index, entry) in self.open(now) {
            let schedule = &entry.schedule;
            match schedule.phase {
                _ if is_held(entry) => {}
                Phase::Review if schedule.due < self.day_end => {
                    let known = self.scheduler.retrievability(schedule, self.started);
                    due.push((known.unwrap_or(0.0), schedule.due, index));
                }
                Phase::New => new.push(index),
                _ => {}
            }
        }
        due.sort_by(|a, b| a.0.total_cmp(&b.0).then((a.1, a.2).cmp(&(b.1, b.2))));
        let left = |limit: u32, done: u32| limit.saturating_sub(done) as usize;
        let mut due = due.into_iter().map(|(.., index)| index);
        let mut new = new.into_iter();
        let mut take = |indexes: &mut dyn Iterator<Item = usize>, limit: usize| {
            let apart = indexes.filter(|index| {
                let keys = self.entries.get(*index).map(|entry| entry.keys.as_slice());
                let keys = keys.unwrap_or_default();
                if bury && keys.iter().any(|key| taken.contains(key)) {
                    return false;
                }
                taken.extend(keys.iter().copied());
                true
            });
            apart.take(limit).collect::<Vec<_>>()
        };
        Plan {
            reviews: take(&mut due, left(settings.reviews_per_day, self.reviews_today)),
            new: take(&mut new, left(settings.new_per_day, self.new_today)),
        }
    }
}

fn entry(
    card: Card,
    standing: Option<Standing>,
    filter: &Filter,
    numbers: &mut HashMap<String, usize>,
    now: i64,
) -> Entry {
    let suspended = standing.as_ref().is_some_and(|standing| standing.suspended);
    let wanted = !suspended && card.matches(&filter.kinds, &filter.tags);
    let mut keys: Vec<usize> = Vec::new();
    for key in card.sibling_keys {
        let next = numbers.len();
        keys.push(*numbers.entry(key).or_insert(next));
    }
    keys.sort_unstable();
    keys.dedup();
    let schedule = standing.as_ref().and_then(|standing| standing.schedule);
    Entry {
        id: card.id,
        schedule: schedule.unwrap_or_else(|| Schedule::new(now)),
        keys,
        wanted,
        buried_until: standing.and_then(|standing| standing.buried_until),
        aside: false,
        today: 0,
        crammed: false,
    }
}

/// All cards in an order that is another each time.
fn cram_order(entries: &[Entry], now: i64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..entries.len()).collect();
    Rng::new(now.unsigned_abs()).shuffle(&mut order);
    order
}

//! What is left of a day, with siblings and limits considered.

use std::collections::HashSet;

use super::Queue;
use super::entry::Entry;
use crate::schedule::Phase;

/// What is left, in order, besides cards in learning.
#[derive(Default)]
pub(super) struct Plan {
    pub(super) reviews: Vec<usize>,
    pub(super) new: Vec<usize>,
}

impl Queue {
    /// The cards that may come, with their indexes.
    fn open(&self, now: i64) -> impl Iterator<Item = (usize, &Entry)> {
        let is_open = move |entry: &Entry| {
            let is_buried = entry.buried_until.is_some_and(|until| until > now);
            entry.wanted && !entry.aside && !is_buried
        };
        let all = self.entries.iter().enumerate();
        all.filter(move |(_, entry)| is_open(entry))
    }

    pub(super) fn learning(&self, now: i64) -> impl Iterator<Item = (usize, &Entry)> {
        let open = self.open(now);
        open.filter(|(_, entry)| entry.schedule.is_learning())
    }

    /// The card in learning that is due first, and when.
    pub(super) fn first_learning(&self, now: i64) -> Option<(usize, i64)> {
        let learning = self.learning(now);
        let due = learning.map(|(index, entry)| (index, entry.schedule.due));
        due.min_by_key(|(index, due)| (*due, *index))
    }

    /// What is left: each of two siblings only once, and no more than the limits leave.
    pub(super) fn make_plan(&self, now: i64) -> Plan {
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

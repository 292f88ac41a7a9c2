//! Selects the best rows.
//!
//! [`Shortlist`] keeps every row whose exact score could still be among the best, given estimates and their errors; [`best`]
//! sorts hits with final scores. Neither drops a row because of a tie.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use super::query::Estimate;
use super::search::Hit;

/// A score with a total order.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Score(pub f32);

impl Eq for Score {}

impl PartialOrd for Score {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Score {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

/// A row that may be among the best.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate {
    /// Upper bound of its score.
    pub upper_bound: f32,
    /// The row.
    pub row: usize,
}

/// The `count` largest scores seen, which give the score a new row must reach.
pub(super) struct Floor {
    count: usize,
    heap: BinaryHeap<Reverse<Score>>,
}

impl Floor {
    /// Keeps the `count` largest.
    pub(super) fn new(count: usize) -> Self {
        Self {
            count,
            heap: BinaryHeap::new(),
        }
    }

    /// The score needed to be among them; minus infinity until there are `count`.
    pub(super) fn value(&self) -> f32 {
        match self.heap.peek() {
            Some(Reverse(score)) if self.heap.len() >= self.count => score.0,
            _ => f32::NEG_INFINITY,
        }
    }

    /// Adds a score if it is large enough.
    pub(super) fn offer(&mut self, score: f32) {
        if self.heap.len() < self.count {
            self.heap.push(Reverse(Score(score)));
        } else if score > self.value() {
            self.heap.pop();
            self.heap.push(Reverse(Score(score)));
        }
    }
}

/// The rows that may be among the `count` best.
pub(super) struct Shortlist {
    floor: Floor,
    candidates: Vec<Candidate>,
    sweep_at: usize,
}

impl Shortlist {
    /// An empty shortlist.
    pub(super) fn new(count: usize) -> Self {
        Self {
            floor: Floor::new(count),
            candidates: Vec::new(),
            sweep_at: 4 * count + 1024,
        }
    }

    /// The score a row must reach.
    pub(super) fn floor(&self) -> f32 {
        self.floor.value()
    }

    /// Adds a row unless `count` others are certainly better.
    pub(super) fn offer(&mut self, row: usize, estimate: Estimate) {
        let upper_bound = (estimate.score + estimate.error) as f32;
        if upper_bound.is_nan() {
            return self.offer_unknown(row);
        }
        if upper_bound < self.floor.value() {
            return;
        }
        self.keep(Candidate { upper_bound, row });
        self.floor.offer((estimate.score - estimate.error) as f32);
    }

    /// Adds a row without an estimate.
    pub(super) fn offer_unknown(&mut self, row: usize) {
        self.keep(Candidate {
            upper_bound: f32::INFINITY,
            row,
        });
    }

    /// Adds the candidates of another shortlist.
    pub(super) fn merge(mut self, other: Self) -> Self {
        for Reverse(score) in other.floor.heap {
            self.floor.offer(score.0);
        }
        self.candidates.extend(other.candidates);
        self
    }

    /// The candidates, by descending upper bound.
    pub(super) fn finish(mut self) -> Vec<Candidate> {
        self.sweep();
        self.candidates.sort_unstable_by(|a, b| {
            b.upper_bound
                .total_cmp(&a.upper_bound)
                .then(a.row.cmp(&b.row))
        });
        self.candidates
    }

    fn keep(&mut self, candidate: Candidate) {
        self.candidates.push(candidate);
        if self.candidates.len() >= self.sweep_at {
            self.sweep();
            self.sweep_at = self.sweep_at.max(2 * self.candidates.len());
        }
    }

    /// Drops candidates below the floor.
    fn sweep(&mut self) {
        let floor = self.floor.value();
        self.candidates.retain(|c| c.upper_bound >= floor);
    }
}

/// The `count` best hits, best first; ties by row.
pub(super) fn best(mut hits: Vec<Hit>, count: usize) -> Vec<Hit> {
    hits.sort_unstable_by(|a, b| b.score.total_cmp(&a.score).then(a.row.cmp(&b.row)));
    hits.truncate(count);
    hits
}

//! Traverses a graph: greedily down the upper layers, best first in the lowest.
//!
//! Used for searching and building; it knows no vectors, only row numbers and scores. Rows that do not pass the filter are
//! still traversed. Nothing here depends on time or threads: equal calls give equal results.

use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::super::topk::Score;

/// A score and its row. Higher scores are greater; with equal scores, the smaller row number is.
pub(super) type Near = (Score, Reverse<u32>);

/// How many rows ahead are prefetched.
const PREFETCH_DISTANCE: usize = 3;

/// The neighbour lists of a layer.
pub(super) trait Links {
    /// The neighbours of a row; none if it is not in the layer.
    fn neighbours(&self, row: u32) -> impl Iterator<Item = u32>;
}

/// Scores rows by similarity to the target.
pub(super) trait Scores {
    /// The score of a row.
    fn score(&self, row: u32) -> f32;
    /// Announces that a row will be scored soon.
    fn fetch(&self, row: u32);

    /// A row with its score.
    fn near(&self, row: u32) -> Near {
        (Score(self.score(row)), Reverse(row))
    }
}

/// The set of visited rows, one bit each.
#[derive(Default)]
struct Seen {
    words: Vec<u64>,
    touched: Vec<usize>,
}

impl Seen {
    /// Marks a row; returns whether it was unmarked.
    fn mark(&mut self, row: u32) -> bool {
        let (at, bit) = ((row / 64) as usize, 1_u64 << (row % 64));
        if at >= self.words.len() {
            self.words.resize(at + 1, 0);
        }
        let word = &mut self.words[at];
        if *word == 0 {
            self.touched.push(at);
        }
        let is_new = *word & bit == 0;
        *word |= bit;
        is_new
    }

    fn clear(&mut self) {
        for at in self.touched.drain(..) {
            self.words[at] = 0;
        }
    }
}

thread_local! {
    /// Reused between searches, because allocating it would cost more than a short search.
    static SEEN: RefCell<Seen> = RefCell::default();
}

/// The row where greedy steps from `start` end.
pub(super) fn descend(links: &impl Links, scores: &impl Scores, start: Near) -> Near {
    let mut best = start;
    loop {
        let before = best;
        for row in links.neighbours(before.1.0) {
            best = best.max(scores.near(row));
        }
        if best == before {
            return best;
        }
    }
}

/// Up to `ef` of the nearest rows that `accepts` lets pass, nearest first.
pub(super) fn best_first(
    links: &impl Links,
    scores: &impl Scores,
    start: Near,
    ef: usize,
    accepts: impl Fn(u32) -> bool,
) -> Vec<Near> {
    let mut seen = SEEN.take();
    let mut open = BinaryHeap::from([start]);
    let mut kept: BinaryHeap<Reverse<Near>> = BinaryHeap::with_capacity(ef.saturating_add(1));
    let mut fresh = Vec::new();
    seen.mark(start.1.0);
    if accepts(start.1.0) {
        kept.push(Reverse(start));
    }
    // Whether the result is full and the row is worse than all in it.
    let is_full_and_worse = |kept: &BinaryHeap<Reverse<Near>>, near: Near| {
        kept.len() >= ef && kept.peek().is_some_and(|least| near < least.0)
    };
    while let Some(next) = open.pop() {
        if is_full_and_worse(&kept, next) {
            break;
        }
        fresh.clear();
        fresh.extend(links.neighbours(next.1.0).filter(|&row| seen.mark(row)));
        fresh
            .iter()
            .take(PREFETCH_DISTANCE)
            .for_each(|&row| scores.fetch(row));
        for (at, &row) in fresh.iter().enumerate() {
            if let Some(&ahead) = fresh.get(at + PREFETCH_DISTANCE) {
                scores.fetch(ahead);
            }
            let near = scores.near(row);
            if is_full_and_worse(&kept, near) {
                continue;
            }
            open.push(near);
            if accepts(row) {
                kept.push(Reverse(near));
                if kept.len() > ef {
                    kept.pop();
                }
            }
        }
    }
    seen.clear();
    SEEN.set(seen);
    kept.into_sorted_vec()
        .into_iter()
        .map(|Reverse(near)| near)
        .collect()
}

//! Walking a graph: down the upper layers to the nearest row, best first in the lowest.
//!
//! Used for searching and for building alike; knows nothing of vectors, only row numbers and a score for each. Rows that may
//! not be kept are walked through all the same. Nothing here looks at the clock or at threads: equal calls give equal answers.

use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::super::topk::Score;

/// A row and how near it is; the nearer one is greater, of equals the one with the smaller number.
pub type Near = (Score, Reverse<u32>);

/// Rows that are brought nearer before they are scored.
const PREFETCH_DISTANCE: usize = 3;

/// Who is whose neighbour.
pub trait Links {
    /// The neighbours of a row; none where it is not in the layer.
    fn neighbours(&self, row: u32) -> impl Iterator<Item = u32>;
}

/// How near rows are to what is looked for.
pub trait Scores {
    /// The score of a row.
    fn score(&self, row: u32) -> f32;
    /// Says that a row will be scored soon.
    fn fetch(&self, row: u32);

    /// A row with its score.
    fn near(&self, row: u32) -> Near {
        (Score(self.score(row)), Reverse(row))
    }
}

/// Rows seen, one bit each.
#[derive(Default)]
struct Seen {
    words: Vec<u64>,
    touched: Vec<usize>,
}

impl Seen {
    /// Marks a row; whether it was not marked before.
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
    /// Kept from walk to walk: making it anew would cost more than a short walk.
    static SEEN: RefCell<Seen> = RefCell::default();
}

/// The nearest row that greedy steps from `start` lead to.
pub fn descend(links: &impl Links, scores: &impl Scores, start: Near) -> Near {
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

/// At most `ef` of the rows nearest to what `scores` looks for that `may_keep` lets pass, nearest first.
pub fn best_first(
    links: &impl Links,
    scores: &impl Scores,
    start: Near,
    ef: usize,
    may_keep: impl Fn(u32) -> bool,
) -> Vec<Near> {
    let mut seen = SEEN.take();
    let mut open = BinaryHeap::from([start]);
    let mut kept: BinaryHeap<Reverse<Near>> = BinaryHeap::with_capacity(ef.saturating_add(1));
    let mut fresh = Vec::new();
    seen.mark(start.1.0);
    if may_keep(start.1.0) {
        kept.push(Reverse(start));
    }
    // Whether there is no room for one that is no nearer than all that are kept.
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
            if may_keep(row) {
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

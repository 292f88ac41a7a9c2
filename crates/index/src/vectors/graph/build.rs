//! Builds a graph: the insertion algorithm of Malkov and Yashunin (2016), with their neighbour selection heuristic both for a
//! new row and for one whose list is full.
//!
//! Rows are inserted in order, and a row's level is derived from its number, so the same rows give the same graph on every
//! machine. Only codes are used: the graph only has to lead to the right neighbourhood. Never derive levels from a floating
//! point logarithm or a library's random numbers: both differ between machines and versions.

use std::cmp::Reverse;

use super::super::codes::Codes;
use super::super::error::VectorError;
use super::super::simd::{Kernel, Side, prefetch};
use super::super::store::Vectors;
use super::super::topk::Score;
use super::layer_builder::{Edge, LayerBuilder};
use super::own::{Graph, covered, source};
use super::walk::{self, Near, Scores};
use rounds_support::Cancel;

/// Neighbours chosen for a new row, and the most a row has in an upper layer; in the lowest layer it is twice as many.
const NEIGHBOURS: usize = 16;
/// Candidates considered as neighbours of a new row.
const EF_CONSTRUCTION: usize = 200;
/// Highest level.
const MAX_LEVEL: u32 = 7;
/// Rows between two calls of `progress`.
const PROGRESS_STEP: usize = 256;

/// The level of a row; one row in 16^l has at least level `l`.
fn level(row: u32) -> usize {
    let mut z = u64::from(row)
        .wrapping_add(1)
        .wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    (((z ^ (z >> 31)).leading_zeros() / 4).min(MAX_LEVEL)) as usize
}

/// Computes similarities between rows from their codes.
struct Rows<'a> {
    codes: &'a Codes,
    scales: &'a [f32],
    kernel: Kernel,
}

impl Rows<'_> {
    fn scale(&self, row: u32) -> f32 {
        self.scales.get(row as usize).copied().unwrap_or(0.0)
    }

    fn similarity(&self, a: u32, b: u32) -> f32 {
        let dot = self.kernel.dot(
            self.codes.row_codes(a as usize),
            self.codes.row_codes(b as usize),
        );
        dot as f32 * (self.scale(a) * self.scale(b))
    }

    /// Chooses up to `max` of `candidates` (nearest first), each nearer to the row than to any already chosen, so that
    /// neighbours lie in different directions.
    fn choose(&self, candidates: &[Edge], max: usize) -> Vec<Edge> {
        let mut chosen: Vec<Edge> = Vec::with_capacity(max);
        for candidate in candidates {
            if chosen.len() >= max {
                break;
            }
            if chosen
                .iter()
                .all(|other| self.similarity(candidate.row, other.row) < candidate.score)
            {
                chosen.push(*candidate);
            }
        }
        chosen
    }
}

/// Scores rows by similarity to one row.
struct ToRow<'a> {
    rows: &'a Rows<'a>,
    side: Side,
    scale: f32,
}

impl Scores for ToRow<'_> {
    fn score(&self, row: u32) -> f32 {
        let codes = self.rows.codes.row_codes(row as usize);
        let dot = self.rows.kernel.dot_side(codes, &self.side);
        dot as f32 * (self.scale * self.rows.scale(row))
    }

    fn fetch(&self, row: u32) {
        prefetch(self.rows.codes.row_codes(row as usize));
    }
}

/// A graph under construction.
struct Builder<'a> {
    rows: Rows<'a>,
    /// Lowest layer first.
    layers: Vec<LayerBuilder>,
    entry: Option<u32>,
}

impl Builder<'_> {
    fn insert(&mut self, row: u32) {
        let level = level(row);
        let to_row = ToRow {
            rows: &self.rows,
            side: Side::new(self.rows.codes.row_codes(row as usize).to_vec()),
            scale: self.rows.scale(row),
        };
        let mut near = self.entry.map(|entry| to_row.near(entry));
        let mut links = Vec::new();
        for (at, layer) in self.layers.iter().enumerate().rev() {
            let Some(from) = near else { break };
            if at > level {
                near = Some(walk::descend(layer, &to_row, from));
                continue;
            }
            let found = walk::best_first(layer, &to_row, from, EF_CONSTRUCTION, |_| true);
            near = found.first().copied().or(near);
            links.push((at, self.rows.choose(&edges(&found), NEIGHBOURS)));
        }
        let is_highest = level + 1 > self.layers.len() || self.entry.is_none();
        while self.layers.len() <= level {
            self.layers.push(LayerBuilder::new(NEIGHBOURS, 0));
        }
        for layer in self.layers.iter_mut().take(level + 1).skip(1) {
            layer.add(row);
        }
        for (at, chosen) in links {
            self.link(at, row, &chosen);
        }
        if is_highest {
            self.entry = Some(row);
        }
    }

    /// Links a new row and its chosen neighbours in both directions.
    fn link(&mut self, at: usize, row: u32, chosen: &[Edge]) {
        let Some(layer) = self.layers.get_mut(at) else {
            return;
        };
        layer.set(row, chosen);
        for edge in chosen {
            let back = Edge {
                row,
                score: edge.score,
            };
            let mut list = layer.edges(edge.row).to_vec();
            list.push(back);
            if list.len() > layer.width {
                list.sort_unstable_by_key(|edge| Reverse((Score(edge.score), Reverse(edge.row))));
                list = self.rows.choose(&list, layer.width);
            }
            layer.set(edge.row, &list);
        }
    }
}

fn edges(found: &[Near]) -> Vec<Edge> {
    found
        .iter()
        .map(|&(score, Reverse(row))| Edge {
            row,
            score: score.0,
        })
        .collect()
}

impl Graph {
    /// Builds a graph over the rows of complete blocks. `progress` is called with rows done and the total.
    ///
    /// Errors if codes are missing or damaged, if no row has a vector, or if cancelled.
    pub fn build(
        vectors: &Vectors,
        progress: &mut dyn FnMut(usize, usize),
        cancel: &Cancel,
    ) -> Result<Self, VectorError> {
        let rows = covered(vectors);
        let source = source(vectors, rows)?;
        let codes = vectors
            .codes
            .as_ref()
            .map_err(|reason| VectorError::Graph {
                reason: reason.clone(),
            })?;
        let mut builder = Builder {
            rows: Rows {
                codes,
                scales: &source.scales,
                kernel: Kernel::best(),
            },
            layers: vec![LayerBuilder::new(2 * NEIGHBOURS, rows)],
            entry: None,
        };
        for row in 0..rows {
            if cancel.is_cancelled() {
                return Err(VectorError::Cancelled);
            }
            if row % PROGRESS_STEP == 0 {
                progress(row, rows);
            }
            // A scale of zero means no vector, or one whose codes are all zero.
            if builder.rows.scale(row as u32) > 0.0 {
                builder.insert(row as u32);
            }
        }
        progress(rows, rows);
        let entry = builder.entry.ok_or_else(|| VectorError::Graph {
            reason: "the index has no vectors".to_owned(),
        })?;
        let layers = builder
            .layers
            .into_iter()
            .map(LayerBuilder::finish)
            .collect();
        Ok(Self {
            rows,
            entry,
            layers,
            source,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_row_in_sixteen_reaches_each_further_level() {
        let count = |at_least| (0..1 << 16).filter(|&row| level(row) >= at_least).count();
        assert!((3700..4500).contains(&count(1)), "{}", count(1));
        assert!((200..320).contains(&count(2)), "{}", count(2));
        assert!(level(u32::MAX) <= MAX_LEVEL as usize);
    }
}

//! A layer of a graph under construction, with a fixed number of neighbour slots per row.
//!
//! Scores are stored with the neighbours, so that a full list can be pruned without recomputing them.

use super::own::Layer;
use super::walk::Links;

/// A neighbour and its similarity.
#[derive(Clone, Copy, Default)]
pub(super) struct Edge {
    /// The neighbour.
    pub row: u32,
    /// Its similarity.
    pub score: f32,
}

/// A layer with `width` neighbour slots per row.
pub(super) struct LayerBuilder {
    /// Ascending; empty in the lowest layer, which contains every row.
    rows: Vec<u32>,
    /// Most neighbours of a row.
    pub width: usize,
    counts: Vec<u8>,
    edges: Vec<Edge>,
}

impl LayerBuilder {
    /// A layer with `rows` rows, without neighbours.
    pub(super) fn new(width: usize, rows: usize) -> Self {
        Self {
            rows: Vec::new(),
            width,
            counts: vec![0; rows],
            edges: vec![Edge::default(); rows * width],
        }
    }

    /// Adds a row; not for the lowest layer.
    pub(super) fn add(&mut self, row: u32) {
        self.rows.push(row);
        self.counts.push(0);
        self.edges
            .resize(self.edges.len() + self.width, Edge::default());
    }

    fn position(&self, row: u32) -> Option<usize> {
        if self.rows.is_empty() {
            Some(row as usize)
        } else {
            self.rows.binary_search(&row).ok()
        }
    }

    /// The neighbours of a row.
    pub(super) fn edges(&self, row: u32) -> &[Edge] {
        self.position(row)
            .and_then(|at| {
                let start = at * self.width;
                let count = *self.counts.get(at)? as usize;
                self.edges.get(start..start + count)
            })
            .unwrap_or_default()
    }

    /// Sets the neighbours of a row, up to `width`.
    pub(super) fn set(&mut self, row: u32, edges: &[Edge]) {
        let Some(at) = self.position(row) else { return };
        let (start, count) = (at * self.width, edges.len().min(self.width));
        if let (Some(slots), Some(filled)) = (
            self.edges.get_mut(start..start + count),
            self.counts.get_mut(at),
        ) {
            slots.copy_from_slice(edges.get(..count).unwrap_or_default());
            *filled = count as u8;
        }
    }

    /// The finished layer.
    pub(super) fn finish(self) -> Layer {
        let mut layer = Layer::default();
        layer.starts.push(0);
        for (slots, &count) in self.edges.chunks(self.width).zip(&self.counts) {
            layer
                .edges
                .extend(slots.iter().take(count as usize).map(|edge| edge.row));
            layer.starts.push(layer.edges.len() as u32);
        }
        layer.rows = self.rows;
        layer
    }
}

impl Links for LayerBuilder {
    fn neighbours(&self, row: u32) -> impl Iterator<Item = u32> {
        self.edges(row).iter().map(|edge| edge.row)
    }
}

//! A layer of a graph in the making: places for neighbours, each with how near it is.
//!
//! Scores are kept so that a full list can be thinned out without computing them again. A list never grows past its places.

use super::Layer;
use super::walk::Links;

/// A neighbour and how near it is.
#[derive(Clone, Copy, Default)]
pub struct Edge {
    /// The neighbour.
    pub row: u32,
    /// How near it is.
    pub score: f32,
}

/// A layer that grows: `width` places for each of its rows.
pub struct LayerBuilder {
    /// Ascending; empty in the lowest layer, which has every row.
    rows: Vec<u32>,
    /// Most neighbours of a row.
    pub width: usize,
    counts: Vec<u8>,
    edges: Vec<Edge>,
}

impl LayerBuilder {
    /// A layer that has so many rows already, without neighbours.
    pub fn new(width: usize, rows: usize) -> Self {
        Self {
            rows: Vec::new(),
            width,
            counts: vec![0; rows],
            edges: vec![Edge::default(); rows * width],
        }
    }

    /// Makes room for a row, if it is not the lowest layer.
    pub fn add(&mut self, row: u32) {
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
    pub fn edges(&self, row: u32) -> &[Edge] {
        self.position(row)
            .and_then(|at| {
                let start = at * self.width;
                let count = *self.counts.get(at)? as usize;
                self.edges.get(start..start + count)
            })
            .unwrap_or_default()
    }

    /// Gives a row these neighbours, as many as there is room for.
    pub fn set(&mut self, row: u32, edges: &[Edge]) {
        let Some(at) = self.position(row) else { return };
        let (start, count) = (at * self.width, edges.len().min(self.width));
        if let (Some(places), Some(known)) = (
            self.edges.get_mut(start..start + count),
            self.counts.get_mut(at),
        ) {
            places.copy_from_slice(edges.get(..count).unwrap_or_default());
            *known = count as u8;
        }
    }

    /// The layer as it is searched.
    pub fn finish(self) -> Layer {
        let mut made = Layer::default();
        made.starts.push(0);
        for (places, &count) in self.edges.chunks(self.width).zip(&self.counts) {
            made.edges
                .extend(places.iter().take(count as usize).map(|edge| edge.row));
            made.starts.push(made.edges.len() as u32);
        }
        made.rows = self.rows;
        made
    }
}

impl Links for LayerBuilder {
    fn neighbours(&self, row: u32) -> impl Iterator<Item = u32> {
        self.edges(row).iter().map(|edge| edge.row)
    }
}

//! Nearest neighbours: exact search (the default, and the oracle) and an HNSW graph.
//!
//! `hnsw_rs` panics or lies on NaN and wrong lengths, so vectors are validated before they reach it, its own distances
//! are not used, and its dump files are never read: the graph is rebuilt from the vectors, serially, so that it repeats.

use hnsw_rs::prelude::{Distance, Hnsw};

use super::store::IndexError;

/// A neighbour: row and cosine similarity.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hit {
    pub row: usize,
    pub score: f32,
}

/// Finds the rows most similar to a vector.
pub trait NearestNeighbours: Send {
    /// At most `k` rows that pass `allowed`, best first; ties by row.
    ///
    /// Errors where the vector has another length or is not finite.
    fn search(
        &self,
        vector: &[f32],
        k: usize,
        allowed: &dyn Fn(usize) -> bool,
    ) -> Result<Vec<Hit>, IndexError>;
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

fn checked(vector: &[f32], dimension: usize) -> Result<(), IndexError> {
    if vector.len() != dimension {
        return Err(IndexError::Dimension {
            found: vector.len(),
            expected: dimension,
        });
    }
    if vector.iter().any(|v| !v.is_finite()) {
        return Err(IndexError::NotFinite);
    }
    Ok(())
}

fn sorted(mut hits: Vec<Hit>, k: usize) -> Vec<Hit> {
    hits.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.row.cmp(&b.row)));
    hits.truncate(k);
    hits
}

/// A scan over unit vectors.
pub struct Exact {
    dimension: usize,
    rows: Vec<f32>,
}

impl Exact {
    /// `rows` is row-major, `dimension` values a row.
    pub fn new(rows: Vec<f32>, dimension: usize) -> Self {
        Self { dimension, rows }
    }
}

impl NearestNeighbours for Exact {
    fn search(
        &self,
        vector: &[f32],
        k: usize,
        allowed: &dyn Fn(usize) -> bool,
    ) -> Result<Vec<Hit>, IndexError> {
        checked(vector, self.dimension)?;
        let hits = self
            .rows
            .chunks_exact(self.dimension.max(1))
            .enumerate()
            .filter(|(row, _)| allowed(*row))
            .map(|(row, v)| Hit {
                row,
                score: dot(v, vector),
            })
            .collect();
        Ok(sorted(hits, k))
    }
}

/// One minus the dot product of unit vectors, never negative, never an assertion.
#[derive(Clone, Copy, Default)]
struct Cosine;

impl Distance<f32> for Cosine {
    fn eval(&self, a: &[f32], b: &[f32]) -> f32 {
        (1.0 - dot(a, b)).max(0.0)
    }
}

/// An HNSW graph over unit vectors.
pub struct HnswGraph {
    graph: Hnsw<'static, f32, Cosine>,
    dimension: usize,
    count: usize,
}

impl HnswGraph {
    /// Inserts every row, in order, on one thread.
    pub fn build(rows: &[f32], dimension: usize) -> Result<Self, IndexError> {
        let count = rows.len() / dimension.max(1);
        let graph = Hnsw::new(16, count.max(1), 16, 200, Cosine);
        for (row, vector) in rows.chunks_exact(dimension.max(1)).enumerate() {
            checked(vector, dimension)?;
            graph.insert((vector, row));
        }
        Ok(Self {
            graph,
            dimension,
            count,
        })
    }
}

impl NearestNeighbours for HnswGraph {
    fn search(
        &self,
        vector: &[f32],
        k: usize,
        allowed: &dyn Fn(usize) -> bool,
    ) -> Result<Vec<Hit>, IndexError> {
        checked(vector, self.dimension)?;
        // Widened until enough rows pass the filter; in the end the graph is asked for everything.
        let mut wanted = (4 * k).max(32);
        loop {
            let found = self
                .graph
                .search(vector, wanted.min(self.count), wanted.max(64));
            let hits: Vec<Hit> = found
                .iter()
                .filter(|n| allowed(n.d_id))
                .map(|n| Hit {
                    row: n.d_id,
                    score: 1.0 - n.distance,
                })
                .collect();
            if hits.len() >= k || wanted >= self.count {
                return Ok(sorted(hits, k));
            }
            wanted *= 4;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::phantom::rng::Rng;

    fn unit_rows(count: usize, dimension: usize) -> Vec<f32> {
        let mut rng = Rng::new(7);
        (0..count)
            .flat_map(|_| {
                let v: Vec<f32> = (0..dimension).map(|_| rng.normal()).collect();
                let length = dot(&v, &v).sqrt();
                v.into_iter().map(move |x| x / length)
            })
            .collect()
    }

    #[test]
    fn the_graph_finds_what_exact_search_finds() {
        let rows = unit_rows(500, 16);
        let (exact, graph) = (
            Exact::new(rows.clone(), 16),
            HnswGraph::build(&rows, 16).unwrap(),
        );
        let even = |row: usize| row.is_multiple_of(2);
        let mut same = 0;
        for query in rows.chunks_exact(16).take(50) {
            let a = exact.search(query, 5, &even).unwrap();
            let b = graph.search(query, 5, &even).unwrap();
            same += a
                .iter()
                .filter(|h| b.iter().any(|g| g.row == h.row))
                .count();
        }
        assert!(same >= 245, "{same} of 250");
    }

    #[test]
    fn a_wrong_length_or_a_nan_is_refused() {
        let exact = Exact::new(unit_rows(3, 4), 4);
        assert!(exact.search(&[1.0; 3], 1, &|_| true).is_err());
        assert!(exact.search(&[f32::NAN; 4], 1, &|_| true).is_err());
    }
}

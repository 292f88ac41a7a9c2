//! Nearest neighbours: exact search (the default, and the oracle) and an HNSW graph.
//!
//! `hnsw_rs` panics or lies on NaN and wrong lengths, so vectors are validated before they reach it and its own distances
//! are not used. The graph is built serially, so that it repeats. Its dump files end the process when they are cut short
//! and load silently when bytes flip, so they are only a cache: read after their SHA-256 was checked against a note written
//! last, and thrown away on any doubt.

use hnsw_rs::api::AnnT;
use hnsw_rs::prelude::{Distance, Hnsw, HnswIo};
use serde::{Deserialize, Serialize};
use std::path::Path;

use super::store::IndexError;
use crate::support::files;

/// Which search answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Search {
    /// Exact below [`Search::GRAPH_FROM`] examples, the graph from there on.
    #[default]
    Auto,
    Exact,
    Hnsw,
}

impl Search {
    /// Rows from which a scan can be felt (about 30 ms at 128 values a row on one core).
    pub const GRAPH_FROM: usize = 200_000;

    /// The search used for an index of `count` examples.
    pub fn settled(self, count: usize) -> Self {
        match self {
            Self::Auto if count < Self::GRAPH_FROM => Self::Exact,
            Self::Auto => Self::Hnsw,
            chosen => chosen,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Exact => "exact",
            Self::Hnsw => "hnsw",
        }
    }
}

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

    /// Row-major.
    pub fn rows(&self) -> &[f32] {
        &self.rows
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

/// What a cached graph was made from, and its files' hashes. Written last.
#[derive(Serialize, Deserialize)]
struct Note {
    vectors_sha256: String,
    graph_sha256: String,
    data_sha256: String,
}

const BASENAME: &str = "rounds";

impl HnswGraph {
    /// The graph of `rows`, from the cache in `folder` if that is whole and of these very vectors, else built and kept there.
    /// A folder that cannot be written costs only the next start.
    pub fn cached(
        rows: &[f32],
        dimension: usize,
        vectors_sha256: &str,
        folder: &Path,
    ) -> Result<Self, IndexError> {
        if let Some(graph) = Self::from_cache(rows, dimension, vectors_sha256, folder) {
            return Ok(graph);
        }
        let graph = Self::build(rows, dimension)?;
        if let Err(error) = graph.keep(vectors_sha256, folder) {
            tracing::warn!("the search graph could not be kept: {error:#}");
        }
        Ok(graph)
    }

    fn from_cache(
        rows: &[f32],
        dimension: usize,
        vectors_sha256: &str,
        folder: &Path,
    ) -> Option<Self> {
        let note: Note =
            toml::from_str(&files::read_to_string(&folder.join("graph.toml")).ok()?).ok()?;
        let hash = |suffix: &str| {
            files::read(&folder.join(format!("{BASENAME}.hnsw.{suffix}")))
                .ok()
                .map(|bytes| files::sha256_hex(&bytes))
        };
        if note.vectors_sha256 != vectors_sha256
            || hash("graph")? != note.graph_sha256
            || hash("data")? != note.data_sha256
        {
            tracing::warn!("the kept search graph does not fit the index; it is built again");
            return None;
        }
        // The graph borrows from its reader, and both live as long as the program.
        let reader: &'static HnswIo = Box::leak(Box::new(HnswIo::new(folder, BASENAME)));
        let graph: Hnsw<'static, f32, Cosine> = reader.load_hnsw_with_dist(Cosine).ok()?;
        let count = rows.len() / dimension.max(1);
        (graph.get_nb_point() == count).then_some(Self {
            graph,
            dimension,
            count,
        })
    }

    fn keep(&self, vectors_sha256: &str, folder: &Path) -> anyhow::Result<()> {
        std::fs::create_dir_all(folder)?;
        let _ = std::fs::remove_file(folder.join("graph.toml"));
        for suffix in ["graph", "data"] {
            // The library picks another name where a file is in the way.
            let _ = std::fs::remove_file(folder.join(format!("{BASENAME}.hnsw.{suffix}")));
        }
        let name = self.graph.file_dump(folder, BASENAME)?;
        anyhow::ensure!(name == BASENAME, "the cache folder is in use");
        let hash = |suffix: &str| -> anyhow::Result<String> {
            Ok(files::sha256_hex(&files::read(
                &folder.join(format!("{BASENAME}.hnsw.{suffix}")),
            )?))
        };
        let note = Note {
            vectors_sha256: vectors_sha256.to_string(),
            graph_sha256: hash("graph")?,
            data_sha256: hash("data")?,
        };
        files::write_atomic(
            &folder.join("graph.toml"),
            toml::to_string(&note)?.as_bytes(),
        )?;
        Ok(())
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
    fn a_kept_graph_answers_alike_and_a_damaged_one_is_built_again() {
        let rows = unit_rows(300, 8);
        let folder = tempfile::tempdir().unwrap();
        let answers = |graph: &HnswGraph| -> Vec<Vec<Hit>> {
            rows.chunks_exact(8)
                .take(20)
                .map(|q| graph.search(q, 5, &|_| true).unwrap())
                .collect()
        };
        let open = |sha| HnswGraph::cached(&rows, 8, sha, folder.path()).unwrap();
        let built = answers(&open("a"));
        assert!(HnswGraph::from_cache(&rows, 8, "a", folder.path()).is_some());
        assert_eq!(built, answers(&open("a")));
        assert!(HnswGraph::from_cache(&rows, 8, "other vectors", folder.path()).is_none());
        let data = folder.path().join("rounds.hnsw.data");
        let mut bytes = std::fs::read(&data).unwrap();
        for cut in [bytes.len() / 2, 0] {
            bytes.truncate(cut);
            std::fs::write(&data, &bytes).unwrap();
            assert!(HnswGraph::from_cache(&rows, 8, "a", folder.path()).is_none());
        }
        assert_eq!(built, answers(&open("a")));
    }

    #[test]
    fn a_wrong_length_or_a_nan_is_refused() {
        let exact = Exact::new(unit_rows(3, 4), 4);
        assert!(exact.search(&[1.0; 3], 1, &|_| true).is_err());
        assert!(exact.search(&[f32::NAN; 4], 1, &|_| true).is_err());
    }
}

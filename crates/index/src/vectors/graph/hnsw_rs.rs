//! A graph of the package `hnsw_rs`, built in memory from the checked rows.
//!
//! What decides its use here: a truncated dump makes the package end the process, a changed byte in a dump loads without a
//! word, and a NaN among its distances makes it panic. So it never reads or writes a dump; every row comes from its checked
//! f16 record and a query is validated before it gets here; and the distance is our own, which has no assertion and is never
//! negative or NaN. Nothing is stored, so a changed index can only meet a graph of its own rows.
//!
//! Rows are inserted in order on one thread, and its levels come from a fixed seed, so the same program on the same machine
//! builds the same graph. Its levels are drawn with `rand`'s `StdRng` and a logarithm of the machine: another version of either
//! may build another graph, and with it another recall. The own graph is the one that never changes.

use std::panic::{AssertUnwindSafe, catch_unwind};

use hnsw_rs::anndists::dist::distances::Distance;
use hnsw_rs::filter::FilterT;
use hnsw_rs::hnsw::Hnsw;

use super::super::encode;
use super::super::error::VectorError;
use super::super::query::Query;
use super::super::records::Row;
use super::super::search::{Filter, GraphEngine};
use super::super::simd::Kernel;
use super::super::store::Vectors;
use super::candidates::Candidates;
use rounds_support::Cancel;

/// Neighbours of a row in an upper layer; twice as many in the lowest. As in the own graph.
const NEIGHBOURS: usize = 16;
/// Candidates considered as neighbours of a new row. As in the own graph.
const EF_CONSTRUCTION: usize = 200;
/// Layers, all that the package has.
const LAYERS: usize = 16;
/// Rows between two calls of `progress`.
const PROGRESS_STEP: usize = 256;
/// Values at the end of a point that hold the scale of its codes.
const SCALE: usize = size_of::<f32>();

/// The graph. A point is a row's codes and, in the last four values, their scale: a quarter of the memory of f32 values, and
/// the same numbers that the own graph compares.
pub(super) struct HnswRs {
    graph: Hnsw<'static, i8, CodeDistance>,
    rows: usize,
}

/// One minus the cosine of two points, as estimated from their codes.
struct CodeDistance {
    kernel: Kernel,
}

impl Distance<i8> for CodeDistance {
    fn eval(&self, a: &[i8], b: &[i8]) -> f32 {
        let ((a, a_scale), (b, b_scale)) = (parts(a), parts(b));
        let cosine = self.kernel.dot(a, b) as f32 * (a_scale * b_scale);
        // `max` gives 0 for a NaN as well.
        (1.0 - cosine).max(0.0)
    }
}

/// A point's codes and their scale.
fn parts(point: &[i8]) -> (&[i8], f32) {
    match point.split_last_chunk::<SCALE>() {
        Some((codes, scale)) => (codes, f32::from_le_bytes(scale.map(i8::cast_unsigned))),
        None => (&[], 0.0),
    }
}

/// Appends the scale to a point's codes.
fn push_scale(point: &mut Vec<i8>, scale: f32) {
    point.extend(scale.to_le_bytes().map(u8::cast_signed));
}

impl HnswRs {
    /// Builds a graph over all rows. `progress` is called with rows done and the total.
    pub(super) fn build(
        vectors: &Vectors,
        progress: &mut dyn FnMut(usize, usize),
        cancel: &Cancel,
    ) -> Result<Self, VectorError> {
        let (rows, dimension) = (vectors.rows(), vectors.dimension());
        let distance = CodeDistance {
            kernel: Kernel::best(),
        };
        let graph = Hnsw::new(NEIGHBOURS, rows, LAYERS, EF_CONSTRUCTION, distance);
        let mut row = Row::new(dimension);
        let mut point = Vec::with_capacity(dimension + SCALE);
        for number in 0..rows {
            if cancel.is_cancelled() {
                return Err(VectorError::Cancelled);
            }
            if number % PROGRESS_STEP == 0 {
                progress(number, rows);
            }
            if !vectors.records.read(number, &mut row)? {
                continue;
            }
            point.clear();
            point.resize(dimension, 0);
            let quantised = encode::quantise(&row.values, &mut point);
            push_scale(&mut point, quantised.scale);
            graph.insert((&point, number));
        }
        progress(rows, rows);
        match graph.get_nb_point() {
            0 => Err(VectorError::Graph {
                reason: "the index has no vectors".to_owned(),
            }),
            _ => Ok(Self { graph, rows }),
        }
    }

    fn search(&self, point: &[i8], ef: usize, filter: &Filter<'_>) -> Vec<usize> {
        let allows = |row: &usize| filter.allows(*row);
        let filter: Option<&dyn FilterT> = match filter {
            Filter::All => None,
            _ => Some(&allows),
        };
        let found = self.graph.search_filter(point, ef, ef, filter);
        found.into_iter().map(|near| near.d_id).collect()
    }
}

impl Candidates for HnswRs {
    fn rows(&self) -> usize {
        self.rows
    }

    fn engine(&self) -> GraphEngine {
        GraphEngine::HnswRs
    }

    fn candidates(
        &self,
        _: &Vectors,
        query: &Query,
        ef: usize,
        filter: &Filter<'_>,
    ) -> Option<Vec<usize>> {
        let (codes, scale) = query.codes();
        let mut point = codes.to_vec();
        push_scale(&mut point, scale);
        // With room for one row only, a filter could leave its list of results empty, which it does not expect.
        let work = AssertUnwindSafe(|| self.search(&point, ef.max(2), filter));
        catch_unwind(work).ok()
    }
}

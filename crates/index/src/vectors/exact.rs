//! Exact search: scans the codes, then computes the exact score of every row that could be among the best.
//!
//! The result equals that of a scan of all f16 rows to the last bit, whatever the threads and machine. Never drop a row by its
//! estimate alone, only if estimate plus error is below what enough other rows are certain to reach.

use rayon::prelude::*;

use super::codes::{self, Block};
use super::error::VectorError;
use super::layout::BLOCK;
use super::query::Query;
use super::records::Row;
use super::search::{Filter, Hit, NearestNeighbours, SearchResult};
use super::store::Vectors;
use super::topk::{self, Candidate, Floor, Shortlist};

/// Fewest rows a task scans, so that scheduling costs little in comparison.
const ROWS_PER_TASK: usize = 2048;
/// Candidates scored between two checks of the floor.
const BATCH: usize = 512;
/// Fewest candidates a task scores.
const SCORES_PER_TASK: usize = 256;

impl Vectors {
    /// Cosine of a query and one row; `None` for an example without a vector.
    pub fn score(&self, query: &[f32], row: usize) -> Result<Option<f32>, VectorError> {
        let query = Query::new(query, self.dimension())?;
        Ok(self.row(row)?.map(|values| query.score(&values)))
    }

    /// At most `k` rows that pass the filter, most similar first; ties by row. Exact: the same result as scoring every row.
    ///
    /// Errors if the query has another dimension, is zero or not finite, or if a row that must be read is damaged.
    pub fn search(
        &self,
        query: &[f32],
        k: usize,
        filter: &Filter<'_>,
    ) -> Result<Vec<Hit>, VectorError> {
        let query = Query::new(query, self.dimension())?;
        search(self, &query, k, filter, 0)
    }
}

impl NearestNeighbours for Vectors {
    fn search(
        &self,
        vector: &[f32],
        k: usize,
        filter: &Filter<'_>,
    ) -> Result<SearchResult, VectorError> {
        Self::search(self, vector, k, filter).map(SearchResult::exact)
    }
}

/// The `k` best rows from row `first` on that pass `filter`, best first; ties by row.
pub(super) fn search(
    vectors: &Vectors,
    query: &Query,
    k: usize,
    filter: &Filter<'_>,
    first: usize,
) -> Result<Vec<Hit>, VectorError> {
    let k = k.min(vectors.rows());
    if k == 0 {
        return Ok(Vec::new());
    }
    let shortlist = match filter {
        Filter::Rows(rows) => scan_rows(vectors, query, k, rows, first),
        Filter::All => scan_all(vectors, query, k, &|_| true, first),
        Filter::Fn(allowed) => scan_all(vectors, query, k, allowed, first),
    };
    score_candidates(vectors, query, k, shortlist.finish())
}

fn scan_all<F: Fn(usize) -> bool + Sync>(
    vectors: &Vectors,
    query: &Query,
    k: usize,
    allowed: &F,
    first: usize,
) -> Shortlist {
    let rows = vectors.rows();
    let scan = |mut list: Shortlist, number: usize| {
        let block = vectors.block(number);
        let block_rows = codes::block_row_range(number);
        for row in block_rows.start.max(first)..block_rows.end.min(rows) {
            if allowed(row) {
                offer(&mut list, query, block, row);
            }
        }
        list
    };
    let blocks = first / BLOCK..rows.div_ceil(BLOCK);
    if blocks.len() * BLOCK <= ROWS_PER_TASK {
        return blocks.fold(Shortlist::new(k), scan);
    }
    blocks
        .into_par_iter()
        .with_min_len(ROWS_PER_TASK / BLOCK)
        .fold(|| Shortlist::new(k), scan)
        .reduce(|| Shortlist::new(k), Shortlist::merge)
}

fn scan_rows(
    vectors: &Vectors,
    query: &Query,
    k: usize,
    rows: &[usize],
    first: usize,
) -> Shortlist {
    let inside =
        rows.partition_point(|&row| row < first)..rows.partition_point(|&row| row < vectors.rows());
    let rows = rows.get(inside).unwrap_or_default();
    let scan = |mut list: Shortlist, rows: &[usize]| {
        for &row in rows {
            offer(&mut list, query, vectors.block(row / BLOCK), row);
        }
        list
    };
    if rows.len() <= ROWS_PER_TASK {
        return scan(Shortlist::new(k), rows);
    }
    rows.par_chunks(ROWS_PER_TASK)
        .fold(|| Shortlist::new(k), scan)
        .reduce(|| Shortlist::new(k), Shortlist::merge)
}

/// Offers a row with its estimate, or without one if its codes cannot be used.
fn offer(list: &mut Shortlist, query: &Query, block: Option<Block<'_>>, row: usize) {
    match block.map(|block| block.row(row % BLOCK)) {
        Some(Some(codes)) => {
            let estimate = query.estimate(codes, list.floor());
            list.offer(row, estimate);
        }
        Some(None) => {}
        None => list.offer_unknown(row),
    }
}

/// Computes exact scores of candidates until none of the rest can be among the `k` best.
fn score_candidates(
    vectors: &Vectors,
    query: &Query,
    k: usize,
    mut candidates: Vec<Candidate>,
) -> Result<Vec<Hit>, VectorError> {
    candidates.dedup_by_key(|candidate| candidate.row);
    let mut floor = Floor::new(k);
    let mut hits = Vec::new();
    // The first few set a floor that rules out most of the others.
    let (start, rest) = candidates.split_at(candidates.len().min(2 * k + 16));
    for batch in std::iter::once(start).chain(rest.chunks(BATCH)) {
        let floor_score = floor.value();
        let open = batch.partition_point(|candidate| candidate.upper_bound >= floor_score);
        let found = exact_scores(vectors, query, batch.get(..open).unwrap_or_default())?;
        found.iter().for_each(|hit| floor.offer(hit.score));
        hits.extend(found);
        if open < batch.len() {
            break;
        }
    }
    Ok(topk::best(hits, k))
}

/// The exact score of each candidate that has a vector.
fn exact_scores(
    vectors: &Vectors,
    query: &Query,
    candidates: &[Candidate],
) -> Result<Vec<Hit>, VectorError> {
    let score = |row: &mut Row, candidate: &Candidate| {
        let present = vectors.records.read(candidate.row, row)?;
        Ok(present.then(|| Hit {
            row: candidate.row,
            score: query.score(&row.values),
        }))
    };
    let buffer = || Row::new(vectors.dimension());
    let found: Result<Vec<Option<Hit>>, VectorError> = if candidates.len() <= SCORES_PER_TASK {
        let mut row = buffer();
        candidates.iter().map(|c| score(&mut row, c)).collect()
    } else {
        candidates
            .par_iter()
            .with_min_len(SCORES_PER_TASK)
            .map_init(buffer, score)
            .collect()
    };
    Ok(found?.into_iter().flatten().collect())
}

/// Hits with exact scores for `rows` found by another search, best first.
pub(super) fn rescore(
    vectors: &Vectors,
    query: &Query,
    k: usize,
    rows: impl Iterator<Item = usize>,
) -> Result<Vec<Hit>, VectorError> {
    let candidates: Vec<Candidate> = rows
        .map(|row| Candidate {
            upper_bound: f32::INFINITY,
            row,
        })
        .collect();
    Ok(topk::best(exact_scores(vectors, query, &candidates)?, k))
}

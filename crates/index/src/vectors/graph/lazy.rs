//! A graph that is loaded or built in the background.
//!
//! Exact search answers meanwhile, so no search has to wait. A failure is reported as a state, never as an error of a search.
//! Dropping the graph stops its thread at the next check of the flag.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::super::error::VectorError;
use super::super::search::{Filter, GraphEngine, NearestNeighbours, SearchResult};
use super::super::store::Vectors;
use super::narrow::GraphSearch;
use super::own::{Graph, covered};
use rounds_support::Cancel;

/// A stored graph is rebuilt if more than one row in this many is not covered.
const MAX_SCANNED_SHARE: usize = 4;
/// Interval at which a waiting caller checks its cancel flag.
const POLL: Duration = Duration::from_millis(50);

/// State of a graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GraphState {
    /// Being loaded or built on another thread.
    Building {
        /// Rows inserted.
        done: usize,
        /// Rows in all.
        total: usize,
    },
    /// Ready to search.
    Ready {
        /// Rows it covers; later ones are scanned.
        rows: usize,
    },
    /// Loading and building failed; exact search stays in use.
    Failed {
        /// Why.
        reason: String,
    },
}

struct Shared {
    state: GraphState,
    graph: Option<Arc<GraphSearch>>,
}

struct Cell {
    shared: Mutex<Shared>,
    changed: Condvar,
}

impl Cell {
    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, state: GraphState) {
        self.lock().state = state;
        self.changed.notify_all();
    }

    /// Records a failure; an existing graph stays in use.
    fn fail(&self, reason: String) {
        let mut shared = self.lock();
        shared.state = match &shared.graph {
            Some(graph) => GraphState::Ready { rows: graph.rows() },
            None => GraphState::Failed { reason },
        };
        self.changed.notify_all();
    }

    /// Makes a graph available to searches without changing the state.
    fn set_graph(&self, graph: GraphSearch) {
        self.lock().graph = Some(Arc::new(graph));
    }
}

/// A graph over some vectors, available now or later.
pub struct LazyGraph {
    vectors: Arc<Vectors>,
    cell: Arc<Cell>,
    cancel: Cancel,
}

impl LazyGraph {
    /// Starts loading the own graph `name` from the folder `cache`, or building and storing it there; `None` stores nothing.
    pub fn start(vectors: Arc<Vectors>, name: &str, cache: Option<PathBuf>) -> Self {
        let name = name.to_owned();
        let total = covered(&vectors);
        Self::spawn(vectors, total, move |vectors, cell, cancel| {
            load_or_build(vectors, &name, cache, cell, cancel);
        })
    }

    /// Starts building a graph of `hnsw_rs`, in memory.
    pub fn start_hnsw_rs(vectors: Arc<Vectors>) -> Self {
        let total = vectors.rows();
        Self::spawn(vectors, total, build_hnsw_rs)
    }

    /// Starts the thread of a graph of an engine.
    pub fn start_engine(
        engine: GraphEngine,
        vectors: Arc<Vectors>,
        name: &str,
        cache: Option<PathBuf>,
    ) -> Self {
        match engine {
            GraphEngine::Own => Self::start(vectors, name, cache),
            GraphEngine::HnswRs => Self::start_hnsw_rs(vectors),
        }
    }

    fn spawn(
        vectors: Arc<Vectors>,
        total: usize,
        work: impl FnOnce(&Arc<Vectors>, &Cell, &Cancel) + Send + 'static,
    ) -> Self {
        let lazy = Self {
            cell: Arc::new(Cell {
                shared: Mutex::new(Shared {
                    state: GraphState::Building { done: 0, total },
                    graph: None,
                }),
                changed: Condvar::new(),
            }),
            cancel: Cancel::new(),
            vectors,
        };
        let (vectors, cell, cancel) = (
            Arc::clone(&lazy.vectors),
            Arc::clone(&lazy.cell),
            lazy.cancel.clone(),
        );
        let started = std::thread::Builder::new()
            .name("search graph".to_owned())
            .spawn(move || {
                let work = AssertUnwindSafe(|| work(&vectors, &cell, &cancel));
                if catch_unwind(work).is_err() {
                    cell.fail("building it panicked".to_owned());
                }
            });
        if let Err(error) = started {
            lazy.cell
                .fail(format!("its thread could not be started: {error}"));
        }
        lazy
    }

    /// The current state.
    pub fn state(&self) -> GraphState {
        self.cell.lock().state.clone()
    }

    /// Waits until it is ready or has failed.
    pub fn wait(&self) -> GraphState {
        let shared = self
            .cell
            .changed
            .wait_while(self.cell.lock(), |shared| {
                matches!(shared.state, GraphState::Building { .. })
            })
            .unwrap_or_else(PoisonError::into_inner);
        shared.state.clone()
    }

    /// Like [`LazyGraph::wait`]; returns `None` if `cancel` is raised first.
    pub fn wait_cancellable(&self, cancel: &Cancel) -> Option<GraphState> {
        let mut shared = self.cell.lock();
        while matches!(shared.state, GraphState::Building { .. }) {
            if cancel.is_cancelled() {
                return None;
            }
            let waited = self.cell.changed.wait_timeout(shared, POLL);
            (shared, _) = waited.unwrap_or_else(PoisonError::into_inner);
        }
        Some(shared.state.clone())
    }

    /// Whether searches can use a graph; a more complete one may still be under construction.
    pub fn has_graph(&self) -> bool {
        self.cell.lock().graph.is_some()
    }

    /// Stops loading or building; an existing graph stays in use.
    pub fn cancel(&self) {
        self.cancel.cancel();
    }
}

/// Searches with the graph if available, else exactly.
impl NearestNeighbours for LazyGraph {
    fn search(
        &self,
        vector: &[f32],
        k: usize,
        filter: &Filter<'_>,
    ) -> Result<SearchResult, VectorError> {
        let graph = self.cell.lock().graph.clone();
        match graph {
            Some(graph) => graph.search(vector, k, filter),
            None => NearestNeighbours::search(self.vectors.as_ref(), vector, k, filter),
        }
    }
}

impl Drop for LazyGraph {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

fn load_or_build(
    vectors: &Arc<Vectors>,
    name: &str,
    cache: Option<PathBuf>,
    cell: &Cell,
    cancel: &Cancel,
) {
    if let Some(kept) = cache
        .as_ref()
        .and_then(|folder| Graph::load(folder, name, vectors))
    {
        let (rows, left) = (kept.rows(), vectors.rows() - kept.rows());
        cell.set_graph(GraphSearch::own(kept, Arc::clone(vectors)));
        if left.saturating_mul(MAX_SCANNED_SHARE) <= vectors.rows() {
            return cell.set(GraphState::Ready { rows });
        }
    }
    let mut progress = |done, total| cell.set(GraphState::Building { done, total });
    match Graph::build(vectors, &mut progress, cancel) {
        Ok(graph) => {
            // If the folder is not writable, the graph is built again at the next start.
            let kept = cache.map(|folder| graph.save(&folder, name, vectors.dimension()));
            if let Some(Err(error)) = kept {
                tracing::warn!("the search graph could not be stored: {error}");
            }
            let rows = graph.rows();
            cell.set_graph(GraphSearch::own(graph, Arc::clone(vectors)));
            cell.set(GraphState::Ready { rows });
        }
        Err(error) => cell.fail(error.to_string()),
    }
}

fn build_hnsw_rs(vectors: &Arc<Vectors>, cell: &Cell, cancel: &Cancel) {
    let mut progress = |done, total| cell.set(GraphState::Building { done, total });
    match GraphSearch::hnsw_rs(Arc::clone(vectors), &mut progress, cancel) {
        Ok(graph) => {
            let rows = graph.rows();
            cell.set_graph(graph);
            cell.set(GraphState::Ready { rows });
        }
        Err(error) => cell.fail(error.to_string()),
    }
}

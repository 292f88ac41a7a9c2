//! A graph that comes when it is ready.
//!
//! It is read or made on a thread of its own while exact search answers, so nobody waits for it. A failure is a state that
//! can be asked for, never an error of a search. Dropping the lazy stops the thread at its next look at the flag.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::super::error::VectorError;
use super::super::store::Vectors;
use super::super::{Filter, SearchResult};
use super::{Graph, covered};
use rounds_support::Cancel;

/// A kept graph is made anew where it leaves more than one row in this many to be scanned.
const MAX_SCANNED_SHARE: usize = 4;
/// How often who waits looks at a cancel flag.
const POLL: Duration = Duration::from_millis(50);

/// How far the graph is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GraphState {
    /// Read or made on another thread.
    Building {
        /// Rows that are in it.
        done: usize,
        /// Rows that will be.
        total: usize,
    },
    /// It answers.
    Ready {
        /// Rows it covers; those after them are scanned.
        rows: usize,
    },
    /// It will not come; exact search goes on answering.
    Failed {
        /// Why.
        reason: String,
    },
}

struct Shared {
    state: GraphState,
    graph: Option<Arc<Graph>>,
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

    /// It will not come; one that is there stays.
    fn fail(&self, reason: String) {
        let mut shared = self.lock();
        shared.state = match &shared.graph {
            Some(graph) => GraphState::Ready { rows: graph.rows() },
            None => GraphState::Failed { reason },
        };
        self.changed.notify_all();
    }

    /// It answers from now on, whatever the state says of a better one.
    fn set_graph(&self, graph: Graph) {
        self.lock().graph = Some(Arc::new(graph));
    }
}

/// The graph over some vectors, now or later.
pub struct LazyGraph {
    vectors: Arc<Vectors>,
    cell: Arc<Cell>,
    cancel: Cancel,
}

impl LazyGraph {
    /// Begins to read the graph of the encoder `name` from the folder `cache`, or to make and keep it; `None` keeps nothing.
    pub fn start(vectors: Arc<Vectors>, name: &str, cache: Option<PathBuf>) -> Self {
        let total = covered(&vectors);
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
        let name = name.to_owned();
        let started = std::thread::Builder::new()
            .name("search graph".to_owned())
            .spawn(move || {
                let work =
                    AssertUnwindSafe(|| load_or_build(&vectors, &name, cache, &cell, &cancel));
                if catch_unwind(work).is_err() {
                    cell.fail("its making broke off".to_owned());
                }
            });
        if let Err(error) = started {
            lazy.cell.fail(format!("no thread for it: {error}"));
        }
        lazy
    }

    /// How far it is.
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

    /// The same, looking at a flag meanwhile; `None` where that was raised first.
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

    /// Whether searches go through a graph already; a better one may still be made.
    pub fn has_graph(&self) -> bool {
        self.cell.lock().graph.is_some()
    }

    /// Stops the making of it; a graph that is there goes on answering.
    pub fn cancel(&self) {
        self.cancel.cancel();
    }

    /// By the graph where it is there, else exact. See [`Graph::search_reporting`] and [`Vectors::search`].
    pub fn search(
        &self,
        query: &[f32],
        k: usize,
        filter: &Filter<'_>,
    ) -> Result<SearchResult, VectorError> {
        let graph = self.cell.lock().graph.clone();
        match graph {
            Some(graph) => graph.search_reporting(&self.vectors, query, k, filter),
            None => self
                .vectors
                .search(query, k, filter)
                .map(SearchResult::exact),
        }
    }
}

impl Drop for LazyGraph {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

fn load_or_build(
    vectors: &Vectors,
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
        cell.set_graph(kept);
        if left.saturating_mul(MAX_SCANNED_SHARE) <= vectors.rows() {
            return cell.set(GraphState::Ready { rows });
        }
    }
    let mut progress = |done, total| cell.set(GraphState::Building { done, total });
    match Graph::build(vectors, &mut progress, cancel) {
        Ok(graph) => {
            // A folder that cannot be written costs only the next start.
            let kept = cache.map(|folder| graph.save(&folder, name, vectors.dimension()));
            if let Some(Err(error)) = kept {
                tracing::warn!("the search graph could not be kept: {error}");
            }
            let rows = graph.rows();
            cell.set_graph(graph);
            cell.set(GraphState::Ready { rows });
        }
        Err(error) => cell.fail(error.to_string()),
    }
}

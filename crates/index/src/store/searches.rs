//! Searches of an index by vector and by text, each over files that are opened on first use.

use std::cell::OnceCell;
use std::sync::Arc;

use super::{Index, shipped};
use crate::error::IndexError;
use crate::fulltext;
use crate::manifest::Encoder;
use crate::vectors::{
    Filter, GraphEngine, Hit, LazyGraph, NearestNeighbours, Search, SearchResult, Vectors,
};
use rounds_support::Cancel;

/// The graphs of an encoder, each made on first use.
#[derive(Default)]
pub(super) struct Graphs {
    own: OnceCell<LazyGraph>,
    hnsw_rs: OnceCell<LazyGraph>,
}

impl Graphs {
    fn of(&self, engine: GraphEngine) -> &OnceCell<LazyGraph> {
        match engine {
            GraphEngine::Own => &self.own,
            GraphEngine::HnswRs => &self.hnsw_rs,
        }
    }
}

impl Index {
    /// Image vectors of an encoder, opened on first use.
    pub fn vectors(&self, encoder: &str) -> Result<&Arc<Vectors>, IndexError> {
        let file = |e: &Encoder| e.file(self.counts.generation);
        self.open_vectors(encoder, &self.vectors, &file)
    }

    /// Vectors of questions and answers, if the encoder has a text tower.
    pub fn text_vectors(&self, encoder: &str) -> Result<&Arc<Vectors>, IndexError> {
        if !self.encoder(encoder)?.text {
            return Err(IndexError::NoTextVectors);
        }
        let file = |e: &Encoder| e.text_file(self.counts.generation);
        self.open_vectors(encoder, &self.text_vectors, &file)
    }

    fn encoder_position(&self, sha256: &str) -> Result<usize, IndexError> {
        let encoder = self.encoder(sha256)?;
        let position = self.manifest.encoders.iter().position(|e| e == encoder);
        position.ok_or(IndexError::GenerationChanged)
    }

    fn open_vectors<'a>(
        &'a self,
        sha256: &str,
        cells: &'a [OnceCell<Arc<Vectors>>],
        file: &dyn Fn(&Encoder) -> String,
    ) -> Result<&'a Arc<Vectors>, IndexError> {
        let encoder = self.encoder(sha256)?;
        let cell = cells
            .get(self.encoder_position(sha256)?)
            .ok_or(IndexError::GenerationChanged)?;
        if let Some(vectors) = cell.get() {
            return Ok(vectors);
        }
        let (name, rows) = (file(encoder), self.counts.next);
        let vectors = match &self.folder {
            Some(folder) => Vectors::open(&folder.join("vectors"), &name, encoder.dimension, rows)?,
            None => Vectors::from_static(
                shipped(&format!("vectors/{name}.f16"))?,
                shipped(&format!("vectors/{name}.i8")).ok(),
                encoder.dimension,
                rows,
            )?,
        };
        Ok(cell.get_or_init(|| Arc::new(vectors)))
    }

    /// The `k` examples with the nearest image vectors that pass `filter`; best first, ties by number.
    pub fn nearest(
        &self,
        encoder: &str,
        vector: &[f32],
        k: usize,
        filter: &Filter,
        search: Search,
    ) -> Result<Vec<Hit>, IndexError> {
        Ok(self.search(encoder, vector, k, filter, search)?.hits)
    }

    /// Like [`Index::nearest`], with the search that was used: a graph only if it is requested, ready and worthwhile.
    pub fn search(
        &self,
        encoder: &str,
        vector: &[f32],
        k: usize,
        filter: &Filter,
        search: Search,
    ) -> Result<SearchResult, IndexError> {
        let by: &dyn NearestNeighbours = match self.engine(search) {
            Some(engine) => self.graph(encoder, engine)?,
            None => self.vectors(encoder)?.as_ref(),
        };
        Ok(by.search(vector, k, filter)?)
    }

    /// The search to use: a graph if it is requested and ready, else exact. A graph requested by name is waited for, so that
    /// the same question gets the same shots.
    ///
    /// Errors with [`IndexError::Cancelled`] if `cancel` is raised while waiting.
    pub fn resolve_search(
        &self,
        encoder: &str,
        search: Search,
        cancel: &Cancel,
    ) -> Result<Search, IndexError> {
        let Some(engine) = self.engine(search) else {
            return Ok(Search::Exact);
        };
        let graph = self.graph(encoder, engine)?;
        if search.is_graph() && graph.wait_cancellable(cancel).is_none() {
            return Err(IndexError::Cancelled);
        }
        Ok(match graph.has_graph() {
            true => engine.search(),
            false => Search::Exact,
        })
    }

    /// What builds the graph that a search uses; `None` if it uses none. All but `hnsw-rs` leave it to `index.toml`.
    fn engine(&self, search: Search) -> Option<GraphEngine> {
        match search.resolve(self.counts.next) {
            Search::Exact => None,
            Search::HnswRs => Some(GraphEngine::HnswRs),
            Search::Auto | Search::Hnsw => Some(self.manifest.graph),
        }
    }

    /// A graph of an encoder, loaded or built on its own thread; exact search answers until it is ready.
    fn graph(&self, encoder: &str, engine: GraphEngine) -> Result<&LazyGraph, IndexError> {
        let vectors = self.vectors(encoder)?;
        let name = self.encoder(encoder)?.file(self.counts.generation);
        let graphs = self.graphs.get(self.encoder_position(encoder)?);
        let graphs = graphs.ok_or(IndexError::GenerationChanged)?;
        let cache = || self.folder.as_ref().map(|f| f.join("graph"));
        Ok(graphs
            .of(engine)
            .get_or_init(|| LazyGraph::start_engine(engine, vectors.clone(), &name, cache())))
    }

    /// Full-text search (BM25); see `fulltext::search`.
    pub fn fulltext_search(
        &self,
        text: &str,
        k: usize,
        allowed: &dyn Fn(usize) -> bool,
    ) -> Result<Vec<Hit>, IndexError> {
        fulltext::search(&self.connection, text, k, allowed)
    }
}

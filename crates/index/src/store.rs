//! An index opened for reading, from a folder or from the binary.
//!
//! Opening is cheap at any size: it checks counters, headers and lengths, and the hash of a small sealed database. Everything
//! else is checked on use: a vector block when it is first searched, a record when it is reranked, an example or image
//! when it is read. Nothing here writes to an index, except for caches that can be rebuilt.

use rusqlite::Connection;
use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::database::{self, Counts, DATABASE};
use super::error::{IndexError, damaged};
use super::example::{Example, ExampleImage};
use super::fulltext;
use super::images::Images;
use super::manifest::{Encoder, MANIFEST, Manifest, check_seal, short};
use super::phashes::Phashes;
use super::vectors::{
    Filter, GraphEngine, Hit, LazyGraph, NearestNeighbours, Search, SearchResult, Vectors,
};
use rounds_support::{Cancel, files};

/// The graphs of an encoder, each made on first use.
#[derive(Default)]
struct Graphs {
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

/// An opened index.
pub struct Index {
    folder: Option<PathBuf>,
    manifest: Manifest,
    counts: Counts,
    live_rows: LiveRows,
    connection: Connection,
    vectors: Vec<OnceCell<Arc<Vectors>>>,
    text_vectors: Vec<OnceCell<Arc<Vectors>>>,
    /// One of each engine per encoder.
    graphs: Vec<Graphs>,
    phashes: OnceCell<Phashes>,
    images: Images,
}

impl Index {
    /// Opens an index; `None` is the built-in one.
    pub fn open(folder: Option<&Path>) -> Result<Self, IndexError> {
        let (manifest, connection) = match folder {
            Some(folder) => {
                let manifest = read_manifest(folder)?;
                check_seal(folder, false)?;
                let connection = database::open_for_reading(&folder.join(DATABASE))?;
                (manifest, connection)
            }
            None => (
                Manifest::parse(shipped(MANIFEST)?)?,
                database::open_bytes(shipped(DATABASE)?)?,
            ),
        };
        // Read both in one snapshot: a writer may be active.
        let (counts, removed) = {
            let snapshot = connection.unchecked_transaction()?;
            let counts = database::counts(&snapshot)?;
            let removed = database::numbers(&snapshot, "select number from removed", &[])?;
            (counts, removed)
        };
        // Every number takes up some bytes, so a larger counter is forged; looping up to it would never end.
        let bytes = database::length(&connection)?;
        if counts.examples + removed.len() != counts.next || counts.next as u64 > bytes {
            return Err(damaged(DATABASE, "its counters do not match its rows"));
        }
        let encoders = manifest.encoders.len();
        Ok(Self {
            images: Images::new(folder),
            folder: folder.map(Path::to_path_buf),
            vectors: vec![OnceCell::new(); encoders],
            text_vectors: vec![OnceCell::new(); encoders],
            graphs: (0..encoders).map(|_| Graphs::default()).collect(),
            phashes: OnceCell::new(),
            manifest,
            live_rows: LiveRows {
                next: counts.next,
                removed,
            },
            counts,
            connection,
        })
    }

    pub(super) fn connection(&self) -> &Connection {
        &self.connection
    }

    pub(super) fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Number of examples.
    pub fn len(&self) -> usize {
        self.counts.examples
    }

    /// Whether it has no examples.
    pub fn is_empty(&self) -> bool {
        self.counts.examples == 0
    }

    /// Rows of the vector files, including those of removed examples.
    pub fn rows(&self) -> usize {
        self.counts.next
    }

    /// Its folder; `None` for the built-in index.
    pub fn folder(&self) -> Option<&Path> {
        self.folder.as_deref()
    }

    /// Whether its last writer finished. The built-in index is always sealed.
    pub fn is_sealed(&self) -> Result<bool, IndexError> {
        let sealed = self.folder().map(|folder| check_seal(folder, false));
        sealed.unwrap_or(Ok(true))
    }

    /// The encoders it has vectors of; the first is searched by default.
    pub fn encoders(&self) -> &[Encoder] {
        &self.manifest.encoders
    }

    /// The encoder with this SHA-256.
    pub fn encoder(&self, sha256: &str) -> Result<&Encoder, IndexError> {
        let known = self.manifest.encoder(sha256);
        known.ok_or_else(|| self.manifest.unknown(&short(sha256)))
    }

    /// The encoder a user named, by name, bundle or hash prefix.
    pub fn encoder_named(&self, given: &str) -> Result<&Encoder, IndexError> {
        self.manifest.encoder_named(given)
    }

    /// A hash of the content: all examples with their numbers, and the encoders.
    pub fn sha256(&self) -> String {
        let mut text = format!("{:?} {}", self.counts.digest, self.counts.examples);
        for encoder in &self.manifest.encoders {
            text.push_str(&encoder.sha256);
        }
        files::sha256_hex(text.as_bytes())
    }

    /// The reader of its images, which can be sent to other threads.
    pub fn images(&self) -> &Images {
        &self.images
    }

    /// The bytes of an image file, checked against its hash.
    pub fn image(&self, image: &ExampleImage) -> Result<Cow<'static, [u8]>, IndexError> {
        self.images.bytes(image)
    }

    /// The example with this number.
    ///
    /// Errors if it was removed or is damaged, or if the index was compacted meanwhile.
    pub fn example(&self, number: usize) -> Result<Example, IndexError> {
        let unknown = || IndexError::Unknown(format!("number {number}"));
        self.find_example(number)?.ok_or_else(unknown)
    }

    /// The example with this number; `None` if it was removed, possibly by another process since the index was opened.
    ///
    /// Errors if it is damaged, or if the index was compacted meanwhile.
    pub fn find_example(&self, number: usize) -> Result<Option<Example>, IndexError> {
        let snapshot = self.connection.unchecked_transaction()?;
        if database::counts(&snapshot)?.generation != self.counts.generation {
            return Err(IndexError::GenerationChanged);
        }
        database::example(&snapshot, number)
    }

    /// Every image of its examples once, in the order of the examples.
    pub fn all_images(&self) -> Result<Vec<ExampleImage>, IndexError> {
        let (mut seen, mut out) = (HashSet::new(), Vec::new());
        self.each_example(&mut |example| {
            for image in example?.images {
                if seen.insert(image.sha256.clone()) {
                    out.push(image);
                }
            }
            Ok(())
        })?;
        Ok(out)
    }

    /// Whether an image still belongs to an example. Another process may have removed it or deleted the whole index.
    pub fn contains_image(&self, sha256: &str) -> Result<bool, IndexError> {
        let folder = self.folder.as_ref();
        if folder.is_some_and(|folder| !folder.join(MANIFEST).exists()) {
            return Ok(false);
        }
        let query = "select 1 from pictured where sha256 = ?1";
        Ok(self.connection.prepare_cached(query)?.exists([sha256])?)
    }

    /// The example with this id, or with an unambiguous prefix of it.
    pub fn by_id(&self, id: &str) -> Result<Example, IndexError> {
        let unknown = || IndexError::Unknown(rounds_support::sanitise::clean_line(id));
        let number = database::number_of(&self.connection, id)?.ok_or_else(unknown)?;
        self.example(number)
    }

    /// Numbers of the examples with this value, sorted.
    pub fn numbers_by(&self, what: LookupBy, value: &str) -> Result<Vec<usize>, IndexError> {
        let query = match what {
            LookupBy::Image => "select number from pictured where sha256 = ?1",
            LookupBy::ImageWithoutPatient => {
                "select number from pictured join examples using (number) where sha256 = ?1 and patient = ''"
            }
            LookupBy::Patient => "select number from examples where patient = ?1 and patient <> ''",
            LookupBy::Study => "select number from examples where study = ?1 and study <> ''",
            LookupBy::Source => "select number from examples where source = ?1",
            LookupBy::Licence => "select number from examples where licence = ?1",
        };
        database::numbers(&self.connection, query, &[value])
    }

    /// Like [`Index::numbers_by`], ignoring case.
    pub fn numbers_by_ignoring_case(
        &self,
        what: LookupBy,
        value: &str,
    ) -> Result<Vec<usize>, IndexError> {
        let column = match what {
            LookupBy::Image | LookupBy::ImageWithoutPatient => return self.numbers_by(what, value),
            LookupBy::Patient => "patient",
            LookupBy::Study => "study",
            LookupBy::Source => "source",
            LookupBy::Licence => "licence",
        };
        let query = format!("select number from examples where {column} = ?1 collate nocase");
        database::numbers(&self.connection, &query, &[value])
    }

    /// Whether any example has a tag of this name.
    pub fn has_tag(&self, name: &str) -> Result<bool, IndexError> {
        let query = "select 1 from tags where name = ?1";
        Ok(self.connection.prepare_cached(query)?.exists([name])?)
    }

    /// All tag names, sorted.
    pub fn tag_names(&self) -> Result<Vec<String>, IndexError> {
        let query = "select distinct name from tags order by name";
        let mut statement = self.connection.prepare(query)?;
        let names = statement.query_map([], |row| row.get::<_, String>(0))?;
        let clean = |text: String| rounds_support::sanitise::clean_line(&text);
        Ok(names
            .map(|name| name.map(clean))
            .collect::<Result<_, _>>()?)
    }

    /// Numbers of the examples with a tag of this name and value, sorted.
    pub fn numbers_by_tag(&self, name: &str, value: &str) -> Result<Vec<usize>, IndexError> {
        let query = "select number from tags where name = ?1 and value = ?2 collate nocase";
        database::numbers(&self.connection, query, &[name, value])
    }

    /// Names of tags with their values and how many examples have them, most first.
    pub fn tag_counts(&self) -> Result<Vec<(String, String, usize)>, IndexError> {
        let mut statement = self.connection.prepare(
            "select name, value, count(*) as n from tags group by name, value order by name, n desc, value",
        )?;
        let clean = |text: String| rounds_support::sanitise::clean_line(&text);
        let rows = statement.query_map([], |row| {
            Ok((
                clean(row.get(0)?),
                clean(row.get(1)?),
                row.get::<_, i64>(2)? as usize,
            ))
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Number of distinct images.
    pub fn image_count(&self) -> Result<usize, IndexError> {
        let query = "select count(distinct sha256) from pictured";
        let count: i64 = self.connection.query_row(query, [], |row| row.get(0))?;
        Ok(count as usize)
    }

    /// Number of examples of each source and of each licence.
    pub fn origins(&self) -> Result<(CountByName, CountByName), IndexError> {
        let of = |column: &str| -> Result<CountByName, IndexError> {
            let query = format!("select {column}, count(*) from examples group by {column}");
            let mut statement = self.connection.prepare(&query)?;
            let clean = |text: String| rounds_support::sanitise::clean_line(&text);
            let rows = statement.query_map([], |row| {
                Ok((clean(row.get(0)?), row.get::<_, i64>(1)? as usize))
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        };
        Ok((of("source")?, of("licence")?))
    }

    /// Perceptual hash of an image; `None` if the index does not have it.
    pub fn phash(&self, sha256: &str) -> Result<Option<u64>, IndexError> {
        use rusqlite::OptionalExtension;
        let bits = self
            .connection
            .prepare_cached("select look from images where sha256 = ?1")?
            .query_row([sha256], |row| row.get::<_, i64>(0))
            .optional()?;
        Ok(bits.map(|bits| bits as u64))
    }

    /// Images whose perceptual hash is within `max_bits` of one of `phashes`: SHA-256 and distance in bits. The first call
    /// reads all hashes.
    pub fn similar_images(
        &self,
        phashes: &[u64],
        max_bits: u32,
    ) -> Result<Vec<(String, u32)>, IndexError> {
        let known = match self.phashes.get() {
            Some(known) => known,
            None => {
                let read = Phashes::read(&self.connection)?;
                self.phashes.get_or_init(|| read)
            }
        };
        known.within(&self.connection, phashes, max_bits)
    }

    /// The numbers in use, without those of removed examples.
    pub fn live_rows(&self) -> &LiveRows {
        &self.live_rows
    }

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

    /// Calls `each` with every example, by ascending number.
    pub fn each_example(
        &self,
        each: &mut dyn FnMut(Result<Example, IndexError>) -> Result<(), IndexError>,
    ) -> Result<(), IndexError> {
        let snapshot = self.connection.unchecked_transaction()?;
        database::each_example(&snapshot, each)
    }
}

/// The example numbers in use, without those of removed examples.
#[derive(Clone, Debug)]
pub struct LiveRows {
    next: usize,
    /// Numbers of removed examples, sorted.
    removed: Vec<usize>,
}

impl LiveRows {
    /// Whether an example has this number.
    pub fn has(&self, number: usize) -> bool {
        number < self.next && self.removed.binary_search(&number).is_err()
    }

    /// Number of removed examples.
    pub fn removed(&self) -> usize {
        self.removed.len()
    }
}

/// Names and how often each occurs.
pub(crate) type CountByName = std::collections::BTreeMap<String, usize>;

/// What examples are looked up by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LookupBy {
    /// SHA-256 of an image.
    Image,
    /// SHA-256 of an image, in examples without a patient.
    ImageWithoutPatient,
    /// Patient id.
    Patient,
    /// Study id.
    Study,
    /// Source.
    Source,
    /// Licence.
    Licence,
}

/// Reads and checks `index.toml`.
pub(crate) fn read_manifest(folder: &Path) -> Result<Manifest, IndexError> {
    let path = folder.join(MANIFEST);
    if !path.exists() {
        return Err(IndexError::NotAnIndex(
            rounds_support::errors::display_path(folder),
        ));
    }
    Manifest::parse(&files::read_limited(&path, 1 << 20)?)
}

fn shipped(name: &str) -> Result<&'static [u8], IndexError> {
    rounds_support::shipped::file(&format!("index/{name}"))
        .ok_or_else(|| damaged(name, "it is not part of this build"))
}

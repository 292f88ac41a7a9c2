//! The file that caches a graph.
//!
//! `NAME.graph` is a header, the identity of its source, the layers, and the SHA-256 of everything before it. If it belongs to
//! another encoder or other rows, or any byte has changed, it is discarded and the graph rebuilt. Never allocate by a number
//! from the file: lists are sized by the bytes actually present.

use std::path::Path;

use sha2::{Digest, Sha256};

use super::super::error::VectorError;
use super::super::layout::{self, HEADER};
use super::super::store::Vectors;
use super::own::{Graph, Layer, Source, source};
use rounds_support::{FileError, files};

/// Largest file read, in bytes; more than a graph over the most rows possible needs.
const MAX_BYTES: u64 = 1 << 38;
/// Most layers a file may have.
const MAX_LAYERS: usize = 64;
const SUM: usize = 32;

impl Graph {
    /// Loads the graph stored for `name` in `folder`, if it is intact and matches the first rows of `vectors`.
    pub fn load(folder: &Path, name: &str, vectors: &Vectors) -> Option<Self> {
        layout::check_name(name).ok()?;
        let path = folder.join(file_name(name));
        let bytes = match read(&path) {
            Ok(bytes) => bytes,
            Err(VectorError::File(FileError::NotFound { .. })) => return None,
            Err(error) => {
                tracing::warn!("the stored search graph could not be read: {error}");
                return None;
            }
        };
        let graph = decode(&bytes, name, vectors.dimension())
            .filter(|stored| stored.rows <= vectors.rows())
            .and_then(|stored| {
                source(vectors, stored.rows)
                    .ok()
                    .and_then(|found| stored.attach(found))
            });
        if graph.is_none() {
            tracing::warn!("the stored search graph does not match the index; it will be rebuilt");
        }
        graph
    }

    /// Stores the graph for `name` in `folder`, which is created if missing.
    pub fn save(&self, folder: &Path, name: &str, dimension: usize) -> Result<(), VectorError> {
        layout::check_name(name)?;
        files::create_private_dir(folder)?;
        let bytes = encode(self, name, dimension);
        Ok(files::write_atomic(&folder.join(file_name(name)), &bytes)?)
    }
}

fn read(path: &Path) -> Result<Vec<u8>, VectorError> {
    // Refuse links and devices before reading.
    drop(super::super::bytes::open_regular_file(path, false)?);
    Ok(files::read_limited(path, MAX_BYTES)?)
}

fn file_name(name: &str) -> String {
    format!("{name}.graph")
}

fn encode(graph: &Graph, name: &str, dimension: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(graph.bytes() + 1024);
    bytes.extend_from_slice(&layout::header(layout::GRAPH_MAGIC, dimension));
    bytes.extend_from_slice(&Sha256::digest(name));
    bytes.extend_from_slice(&graph.source.digest);
    put(
        &mut bytes,
        &[graph.rows as u32, graph.entry, graph.layers.len() as u32],
    );
    for layer in &graph.layers {
        for list in [&layer.rows, &layer.starts, &layer.edges] {
            put(&mut bytes, &[list.len() as u32]);
            put(&mut bytes, list);
        }
    }
    let sum = Sha256::digest(&bytes);
    bytes.extend_from_slice(&sum);
    bytes
}

fn put(bytes: &mut Vec<u8>, numbers: &[u32]) {
    for number in numbers {
        bytes.extend_from_slice(&number.to_le_bytes());
    }
}

/// Reads from the front of a byte slice, within its bounds.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn number(&mut self) -> Option<u32> {
        layout::u32_at(self.take(4)?, 0)
    }

    fn list(&mut self) -> Option<Vec<u32>> {
        let count = self.number()? as usize;
        let bytes = self.take(count.checked_mul(4)?)?;
        Some(
            bytes
                .as_chunks::<4>()
                .0
                .iter()
                .map(|four| u32::from_le_bytes(*four))
                .collect(),
        )
    }
}

/// A stored graph before its source is checked.
struct StoredGraph {
    rows: usize,
    digest: [u8; 32],
    entry: u32,
    layers: Vec<Layer>,
}

impl StoredGraph {
    /// The graph, if it was built from this source.
    fn attach(self, source: Source) -> Option<Graph> {
        (self.digest == source.digest).then_some(Graph {
            rows: self.rows,
            entry: self.entry,
            layers: self.layers,
            source,
        })
    }
}

fn decode(bytes: &[u8], name: &str, dimension: usize) -> Option<StoredGraph> {
    let (content, sum) = bytes.split_at_checked(bytes.len().checked_sub(SUM)?)?;
    if Sha256::digest(content).as_slice() != sum {
        return None;
    }
    layout::check_header(content, layout::GRAPH_MAGIC, dimension, "graph").ok()?;
    let mut reader = Reader(content.get(HEADER..)?);
    if reader.take(SUM)? != Sha256::digest(name).as_slice() {
        return None;
    }
    let digest = reader.take(SUM)?.try_into().ok()?;
    let (rows, entry) = (reader.number()? as usize, reader.number()?);
    let count = reader.number()? as usize;
    if count == 0 || count > MAX_LAYERS || entry as usize >= rows {
        return None;
    }
    let layers = (0..count)
        .map(|level| layer(&mut reader, level, rows))
        .collect::<Option<Vec<_>>>()?;
    reader.0.is_empty().then_some(StoredGraph {
        rows,
        digest,
        entry,
        layers,
    })
}

/// Reads a layer and checks that its lists are consistent with each other and with the number of rows.
fn layer(reader: &mut Reader<'_>, level: usize, rows: usize) -> Option<Layer> {
    let layer = Layer {
        rows: reader.list()?,
        starts: reader.list()?,
        edges: reader.list()?,
    };
    let members = if level == 0 { rows } else { layer.rows.len() };
    let agrees = layer.rows.is_empty() == (level == 0)
        && layer.rows.is_sorted_by(|a, b| a < b)
        && layer.starts.len() == members.checked_add(1)?
        && layer.starts.is_sorted()
        && layer
            .starts
            .last()
            .is_some_and(|&end| end as usize == layer.edges.len())
        && layer
            .rows
            .iter()
            .chain(&layer.edges)
            .all(|&row| (row as usize) < rows);
    agrees.then_some(layer)
}

//! An index opened for reading, from a folder or from the binary.
//!
//! Opening is cheap at any size: it checks counters, headers and lengths, and the hash of a small sealed database. Everything
//! else is checked on use: a vector block when it is first searched, a record when it is reranked, an example or image
//! when it is read. Nothing here writes to an index, except for caches that can be rebuilt.

mod live_rows;
mod lookup;
mod searches;

use rusqlite::Connection;
use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::database::{self, Counts, DATABASE};
use super::error::{IndexError, damaged};
use super::example::{Example, ExampleImage};
use super::images::Images;
use super::manifest::{Encoder, MANIFEST, Manifest, check_seal, short};
use super::phashes::Phashes;
use super::vectors::Vectors;
use rounds_support::files;
use searches::Graphs;

pub use live_rows::LiveRows;
pub use lookup::LookupBy;

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
        if counts.examples.saturating_add(removed.len()) != counts.next
            || counts.next as u64 > bytes
        {
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
            live_rows: LiveRows::new(counts.next, removed),
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

    /// The example with this id, or with an unambiguous prefix of it.
    pub fn by_id(&self, id: &str) -> Result<Example, IndexError> {
        let unknown = || IndexError::Unknown(rounds_support::sanitise::clean_line(id));
        let number = database::number_of(&self.connection, id)?.ok_or_else(unknown)?;
        self.example(number)
    }

    /// The numbers in use, without those of removed examples.
    pub fn live_rows(&self) -> &LiveRows {
        &self.live_rows
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
    let path = format!("{}/{name}", rounds_support::shipped::INDEX);
    rounds_support::shipped::file(&path)
        .ok_or_else(|| damaged(name, "it is not part of this build"))
}

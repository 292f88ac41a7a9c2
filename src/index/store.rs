//! An index on disk or in the binary: opening (with every check), and writing a new one.

use half::f16;
use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::cell::OnceCell;
use std::path::{Path, PathBuf};

use super::Example;
use super::search::{Exact, HnswGraph, NearestNeighbours, Search};
use super::words::Words;
use crate::support::{FileError, Hint, files};

const FORMAT_VERSION: u32 = 1;

/// What can go wrong with an index.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error("{file} in the index is damaged: {reason}")]
    Damaged { file: String, reason: String },
    #[error("the index is of format version {found}, this program reads version {FORMAT_VERSION}")]
    Version { found: u32 },
    #[error("the index was made with encoder {index}, the model is {model}")]
    Encoder { index: String, model: String },
    #[error("a vector of {found} values, the index has {expected}")]
    Dimension { found: usize, expected: usize },
    #[error("a vector holds a value that is not a number")]
    NotFinite,
    #[error("the index database could not be used: {0}")]
    Database(#[from] rusqlite::Error),
}

impl Hint for IndexError {
    fn hint(&self) -> Option<String> {
        let text = match self {
            Self::File(error) => return error.hint(),
            Self::Damaged { .. } | Self::Version { .. } => {
                "make the index again, or leave --index out to use the one that ships"
            }
            Self::Encoder { .. } => {
                "use the model that the index was made with, or --strategy none"
            }
            _ => return None,
        };
        Some(text.to_string())
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Manifest {
    format_version: u32,
    /// SHA-256 of the encoder's weights.
    encoder: String,
    dimension: usize,
    examples: usize,
    database_sha256: String,
    vectors_sha256: String,
}

const DATABASE: &str = "examples.sqlite3";
const VECTORS: &str = "vectors/encoder.f16";

/// An opened index, in memory; pictures are read when asked for.
pub struct Index {
    folder: Option<PathBuf>,
    pub examples: Vec<Example>,
    pub dimension: usize,
    /// SHA-256 of the encoder's weights.
    pub encoder: String,
    /// SHA-256 of `index.toml`.
    pub sha256: String,
    vectors: Exact,
    vectors_sha256: String,
    graph: OnceCell<HnswGraph>,
    words: OnceCell<Words>,
}

fn damaged(file: &str, reason: impl ToString) -> IndexError {
    IndexError::Damaged {
        file: file.to_string(),
        reason: reason.to_string(),
    }
}

fn read(folder: Option<&Path>, name: &str) -> Result<Cow<'static, [u8]>, IndexError> {
    match folder {
        Some(folder) => Ok(Cow::Owned(files::read(&folder.join(name))?)),
        None => crate::shipped::file(&format!("index/{name}"))
            .map(Cow::Borrowed)
            .ok_or_else(|| damaged(name, "not part of this build")),
    }
}

impl Index {
    /// Opens and checks an index; `None` is the one that ships.
    pub fn open(folder: Option<&Path>) -> Result<Self, IndexError> {
        let text = read(folder, "index.toml")?;
        let utf8 = std::str::from_utf8(&text).map_err(|e| damaged("index.toml", e))?;
        let table: toml::Table =
            toml::from_str(utf8).map_err(|e| damaged("index.toml", e.message()))?;
        let version = table
            .get("format_version")
            .and_then(toml::Value::as_integer);
        if version != Some(i64::from(FORMAT_VERSION)) {
            return Err(IndexError::Version {
                found: version.unwrap_or(0) as u32,
            });
        }
        let manifest: Manifest =
            toml::from_str(utf8).map_err(|e| damaged("index.toml", e.message()))?;
        let database = read(folder, DATABASE)?;
        if files::sha256_hex(&database) != manifest.database_sha256 {
            return Err(damaged(
                DATABASE,
                "its SHA-256 is not the one in index.toml",
            ));
        }
        let raw = read(folder, VECTORS)?;
        if files::sha256_hex(&raw) != manifest.vectors_sha256 {
            return Err(damaged(VECTORS, "its SHA-256 is not the one in index.toml"));
        }
        let examples = examples(&database)?;
        if examples.len() != manifest.examples
            || raw.len() != 2 * manifest.examples * manifest.dimension
        {
            return Err(damaged(
                "index.toml",
                "its counts are not those of the files",
            ));
        }
        let vectors: Vec<f32> = raw
            .chunks_exact(2)
            .map(|b| f16::from_le_bytes([b[0], b[1]]).to_f32())
            .collect();
        if vectors.iter().any(|v| !v.is_finite()) {
            return Err(IndexError::NotFinite);
        }
        Ok(Self {
            folder: folder.map(Path::to_path_buf),
            examples,
            dimension: manifest.dimension,
            encoder: manifest.encoder,
            vectors: Exact::new(vectors, manifest.dimension),
            vectors_sha256: manifest.vectors_sha256,
            sha256: files::sha256_hex(&text),
            graph: OnceCell::new(),
            words: OnceCell::new(),
        })
    }

    /// Nearest neighbours by picture. A graph is made or read from the folder's cache when it is first asked for.
    pub fn neighbours(&self, search: Search) -> Result<&dyn NearestNeighbours, IndexError> {
        if search.settled(self.examples.len()) == Search::Exact {
            return Ok(&self.vectors);
        }
        if let Some(graph) = self.graph.get() {
            return Ok(graph);
        }
        let rows = self.vectors.rows();
        let graph = match &self.folder {
            Some(folder) => HnswGraph::cached(
                rows,
                self.dimension,
                &self.vectors_sha256,
                &folder.join("graph"),
            )?,
            None => HnswGraph::build(rows, self.dimension)?,
        };
        Ok(self.graph.get_or_init(|| graph))
    }

    /// Full-text search over questions, answers and tags, made when it is first asked for.
    pub fn words(&self) -> Result<&Words, IndexError> {
        if let Some(words) = self.words.get() {
            return Ok(words);
        }
        let words = Words::new(&self.examples)?;
        Ok(self.words.get_or_init(|| words))
    }

    /// The picture of an example, checked against its hash.
    pub fn image(&self, example: &Example) -> Result<Cow<'static, [u8]>, IndexError> {
        let name = format!("images/{}.jpg", example.image);
        let bytes = read(self.folder.as_deref(), &name)?;
        if files::sha256_hex(&bytes) != example.image {
            return Err(damaged(&name, "its SHA-256 is not its name"));
        }
        Ok(bytes)
    }
}

fn examples(database: &[u8]) -> Result<Vec<Example>, IndexError> {
    let mut connection = Connection::open_in_memory()?;
    connection.deserialize_read_exact("main", database, database.len(), true)?;
    let mut statement = connection.prepare(
        "select id, image, question, answer, rationale, tags, source, licence, patient, study \
         from examples order by row",
    )?;
    let clean = |row: &rusqlite::Row, i: usize| {
        row.get::<_, String>(i)
            .map(|text| crate::support::sanitise::clean_line(&text))
    };
    let rows = statement.query_map([], |row| {
        Ok(Example {
            id: clean(row, 0)?,
            image: clean(row, 1)?,
            question: clean(row, 2)?,
            answer: clean(row, 3)?,
            rationale: clean(row, 4)?,
            tags: clean(row, 5)?,
            source: clean(row, 6)?,
            licence: clean(row, 7)?,
            patient: clean(row, 8)?,
            study: clean(row, 9)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Writes a new index.
pub struct Writer {
    folder: PathBuf,
    encoder: String,
    examples: Vec<Example>,
    vectors: Vec<f32>,
}

impl Writer {
    pub fn new(folder: &Path, encoder: &str) -> Self {
        Self {
            folder: folder.to_path_buf(),
            encoder: encoder.to_string(),
            examples: Vec::new(),
            vectors: Vec::new(),
        }
    }

    /// Adds an example with its picture's file and unit vector.
    pub fn add(
        &mut self,
        mut example: Example,
        image: &[u8],
        vector: &[f32],
    ) -> Result<(), IndexError> {
        example.image = files::sha256_hex(image);
        std::fs::create_dir_all(self.folder.join("images"))
            .map_err(|e| FileError::from_io(&self.folder, "create", &e))?;
        files::write_atomic(
            &self.folder.join(format!("images/{}.jpg", example.image)),
            image,
        )?;
        self.vectors.extend_from_slice(vector);
        self.examples.push(example);
        Ok(())
    }

    /// Writes database, vectors and, last of all, `index.toml`.
    pub fn finish(self) -> Result<(), IndexError> {
        let mut connection = Connection::open_in_memory()?;
        connection.execute_batch(
            "create table examples (row integer primary key, id text unique not null, image text not null,
             question text not null, answer text not null, rationale text not null, tags text not null,
             source text not null, licence text not null, patient text not null, study text not null)",
        )?;
        for (row, e) in self.examples.iter().enumerate() {
            connection.execute(
                "insert into examples values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
                rusqlite::params![
                    row as i64,
                    e.id,
                    e.image,
                    e.question,
                    e.answer,
                    e.rationale,
                    e.tags,
                    e.source,
                    e.licence,
                    e.patient,
                    e.study
                ],
            )?;
        }
        let database = connection.serialize("main")?.to_vec();
        let vectors: Vec<u8> = self
            .vectors
            .iter()
            .flat_map(|v| f16::from_f32(*v).to_le_bytes())
            .collect();
        let manifest = Manifest {
            format_version: FORMAT_VERSION,
            encoder: self.encoder,
            dimension: self.vectors.len() / self.examples.len().max(1),
            examples: self.examples.len(),
            database_sha256: files::sha256_hex(&database),
            vectors_sha256: files::sha256_hex(&vectors),
        };
        std::fs::create_dir_all(self.folder.join("vectors"))
            .map_err(|e| FileError::from_io(&self.folder, "create", &e))?;
        files::write_atomic(&self.folder.join(DATABASE), &database)?;
        files::write_atomic(&self.folder.join(VECTORS), &vectors)?;
        let text = toml::to_string(&manifest).map_err(|e| damaged("index.toml", e))?;
        Ok(files::write_atomic(
            &self.folder.join("index.toml"),
            text.as_bytes(),
        )?)
    }
}

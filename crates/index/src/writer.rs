//! The only way to write an index.
//!
//! A commit writes images, then vectors, then the database transaction that makes both visible. A crash before the last
//! step leaves unreferenced images, and vector rows that the next writer truncates. Once [`Writer::commit`] returns,
//! everything is durable. Never write to an index in any other way.

use rusqlite::{Connection, OptionalExtension, params};
use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use super::database::{self, Counts, DATABASE};
use super::error::IndexError;
use super::example::{Example, ExampleImage};
use super::images::ImageWriter;
use super::lock::{lock, still_locked};
use super::manifest::{Encoder, MANIFEST, Manifest, Seal};
use super::owned_files::FolderContents;
use super::salts;
use super::store::read_manifest;
use super::vectors::{VectorWriter, Vectors};
use rounds_support::files;

/// An image to store.
#[derive(Clone, Debug)]
pub struct NewImage {
    /// Its name in the index.
    pub image: ExampleImage,
    /// The bytes of the file.
    pub bytes: Vec<u8>,
    /// `None` if the index already has the image.
    pub details: Option<ImageDetails>,
}

/// Properties of a decoded image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageDetails {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Perceptual hash.
    pub phash: u64,
}

/// Vectors of a new example for one encoder of the index.
#[derive(Clone, Debug, Default)]
pub struct NewVectors {
    /// `None` for an example without an image.
    pub image: Option<Vec<f32>>,
    /// `None` if the encoder has no text tower.
    pub text: Option<Vec<f32>>,
}

/// The result of adding an example.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Added {
    /// Added, with this number.
    New(usize),
    /// The index already has it, with this number.
    Duplicate(usize),
}

struct EncoderFiles {
    image: VectorWriter,
    text: Option<VectorWriter>,
}

/// Adds and removes examples; an index has at most one writer at a time.
pub struct Writer {
    pub(super) folder: PathBuf,
    pub(super) manifest: Manifest,
    pub(super) connection: Connection,
    pub(super) counts: Counts,
    files: Vec<EncoderFiles>,
    images: ImageWriter,
    /// Vectors of images that are not committed yet, by SHA-256.
    uncommitted: HashMap<String, Vec<NewVectors>>,
    open: bool,
    /// Held for the lifetime of the writer.
    lock: File,
}

/// Creates an empty index.
///
/// Errors if the folder already holds one, or anything else except the remains of an interrupted creation.
pub fn create(folder: &Path, encoders: Vec<Encoder>) -> Result<(), IndexError> {
    check_free(folder)?;
    files::create_private_dir(folder)?;
    let _lock = lock(folder)?;
    // Check again under the lock: another process may have created one meanwhile.
    check_free(folder)?;
    for name in [DATABASE, "examples.sqlite3-wal", "examples.sqlite3-shm"] {
        let _ = std::fs::remove_file(folder.join(name));
    }
    Seal::remove(folder)?;
    for name in ["images", "vectors"] {
        files::create_private_dir(&folder.join(name))?;
    }
    let counts = Counts::default();
    let connection = database::create(&folder.join(DATABASE))?;
    for encoder in &encoders {
        EncoderFiles::open(folder, encoder, &counts)?.flush()?;
    }
    checkpoint(&connection)?;
    drop(connection);
    Seal::put(folder)?;
    Manifest::new(encoders).write(folder)
}

/// Errors unless a new index can be created in `folder`.
fn check_free(folder: &Path) -> Result<(), IndexError> {
    let shown = || rounds_support::errors::display_path(folder);
    if folder.join(MANIFEST).exists() {
        return Err(IndexError::Exists(shown()));
    }
    let mut others = FolderContents::scan(folder).others;
    let database = folder.join(DATABASE);
    if database.exists() && !database::is_empty_database(&database).unwrap_or(false) {
        others.push(DATABASE.into());
    }
    match others.first() {
        None => Ok(()),
        Some(other) => Err(IndexError::NotEmpty {
            folder: shown(),
            by: rounds_support::errors::display_path(other),
        }),
    }
}

/// Moves the write-ahead log into the main database file; false if a reader prevents it.
fn checkpoint(connection: &Connection) -> Result<bool, IndexError> {
    let busy: i64 =
        connection.query_row("pragma wal_checkpoint(truncate)", [], |row| row.get(0))?;
    Ok(busy == 0)
}

impl EncoderFiles {
    fn open(folder: &Path, encoder: &Encoder, counts: &Counts) -> Result<Self, IndexError> {
        let folder = folder.join("vectors");
        let (dimension, rows) = (encoder.dimension, counts.next);
        let open = |name: &str| VectorWriter::open(&folder, name, dimension, rows);
        Ok(Self {
            image: open(&encoder.file(counts.generation))?,
            text: match encoder.text {
                true => Some(open(&encoder.text_file(counts.generation))?),
                false => None,
            },
        })
    }

    /// Errors if [`EncoderFiles::push`] would refuse the vectors.
    fn check(&self, vectors: &NewVectors) -> Result<(), IndexError> {
        self.image.check(vectors.image.as_deref())?;
        if let Some(text) = &self.text {
            text.check(vectors.text.as_deref())?;
        }
        Ok(())
    }

    fn push(&mut self, vectors: &NewVectors) -> Result<(), IndexError> {
        self.image.push(vectors.image.as_deref())?;
        if let Some(text) = &mut self.text {
            text.push(vectors.text.as_deref())?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), IndexError> {
        self.image.flush()?;
        if let Some(text) = &mut self.text {
            text.flush()?;
        }
        Ok(())
    }
}

impl Writer {
    /// Opens the index for writing and truncates what an earlier writer left uncommitted.
    pub fn open(folder: &Path) -> Result<Self, IndexError> {
        read_manifest(folder)?;
        let lock = lock(folder)?;
        // Read again: it may have changed while another writer held the lock.
        let manifest = read_manifest(folder)?;
        let connection = database::open_for_writing(&folder.join(DATABASE))?;
        let counts = database::counts(&connection)?;
        let files = manifest.encoders.iter();
        let files = files
            .map(|encoder| EncoderFiles::open(folder, encoder, &counts))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            folder: folder.to_path_buf(),
            images: ImageWriter::new(folder),
            manifest,
            connection,
            counts,
            files,
            uncommitted: HashMap::new(),
            open: false,
            lock,
        })
    }

    /// The encoders every example needs vectors of, in this order.
    pub fn encoders(&self) -> &[Encoder] {
        &self.manifest.encoders
    }

    /// Number of examples.
    pub fn len(&self) -> usize {
        self.counts.examples
    }

    /// Whether there are no examples.
    pub fn is_empty(&self) -> bool {
        self.counts.examples == 0
    }

    /// The number of an existing example with the same images, question and answer.
    pub fn find_duplicate(&self, example: &Example) -> Result<Option<usize>, IndexError> {
        let number = self
            .connection
            .prepare_cached("select number from examples where identity = ?1")?
            .query_row([example.identity()], |row| row.get::<_, i64>(0))
            .optional()?;
        Ok(number.map(|n| n as usize))
    }

    /// The salt of the codes of scans; a new one is made for the first of them.
    pub(super) fn salt(&mut self) -> Result<String, IndexError> {
        if let Some(salt) = salts::own(&self.connection)? {
            return Ok(salt);
        }
        self.begin()?;
        let salt = String::from_utf8_lossy(&rounds_scan::one_time_salt()).into_owned();
        salts::put_own(&self.connection, &salt)?;
        Ok(salt)
    }

    /// The vectors the index already has of an image, one per encoder.
    pub fn stored_vectors(
        &self,
        image: &ExampleImage,
    ) -> Result<Option<Vec<NewVectors>>, IndexError> {
        if let Some(vectors) = self.uncommitted.get(&image.sha256) {
            return Ok(Some(vectors.clone()));
        }
        let Some(number) = self.first_row_of(image, self.counts.next)? else {
            return Ok(None);
        };
        let mut out = Vec::new();
        for encoder in &self.manifest.encoders {
            let name = encoder.file(self.counts.generation);
            let folder = self.folder.join("vectors");
            let vectors = Vectors::open(&folder, &name, encoder.dimension, number + 1)?;
            out.push(NewVectors {
                image: vectors.row(number)?,
                text: None,
            });
        }
        Ok(out.iter().all(|v| v.image.is_some()).then_some(out))
    }

    /// The first row below `end` that holds the vectors of an image: that of an example whose first image it is.
    pub(super) fn first_row_of(
        &self,
        image: &ExampleImage,
        end: usize,
    ) -> Result<Option<usize>, IndexError> {
        let number = self
            .connection
            .prepare_cached(
                "select number from examples where number in (select number from pictured where sha256 = ?1)
                 and substr(images, 1, 64) = ?1 and number < ?2 order by number limit 1",
            )?
            .query_row(params![image.sha256, end as i64], |row| {
                row.get::<_, i64>(0)
            })
            .optional()?;
        Ok(number.map(|n| n as usize))
    }

    /// The first of an example's possible ids that is not in use.
    fn free_id(&self, example: &Example) -> Result<String, IndexError> {
        let mut query = self
            .connection
            .prepare_cached("select 1 from examples where id = ?1")?;
        for id in example.ids() {
            if !query.exists([&id])? {
                return Ok(id);
            }
        }
        Err(IndexError::Refused(
            "every id this example could get is already in use".into(),
        ))
    }

    /// Adds an example with its images (in the order of `example.images`) and vectors (in the order of the encoders).
    /// If it has no id, or its id is in use, the id becomes a prefix of its identity.
    ///
    /// Errors, and adds nothing, if the example is invalid or a vector has no direction.
    pub fn add(
        &mut self,
        mut example: Example,
        images: &[NewImage],
        vectors: &[NewVectors],
    ) -> Result<Added, IndexError> {
        example.images = images.iter().map(|p| p.image.clone()).collect();
        example = example.cleaned()?;
        if let Some(number) = self.find_duplicate(&example)? {
            return Ok(Added::Duplicate(number));
        }
        if vectors.len() != self.files.len() {
            return Err(IndexError::Refused(format!(
                "{} vector sets were given for {} encoders",
                vectors.len(),
                self.files.len()
            )));
        }
        for (files, vectors) in self.files.iter().zip(vectors) {
            files.check(vectors)?;
        }
        example.id = self.free_id(&example)?;
        self.begin()?;
        example.number = self.counts.next;
        for image in images {
            self.put(image)?;
        }
        let checksum = database::insert(&self.connection, &example)?;
        for (files, vectors) in self.files.iter_mut().zip(vectors) {
            files.push(vectors)?;
        }
        if let Some(first) = images.first() {
            self.uncommitted
                .insert(first.image.sha256.clone(), vectors.to_vec());
        }
        self.counts.next += 1;
        self.counts.plus(&checksum);
        Ok(Added::New(example.number))
    }

    /// Stores an image and its details.
    fn put(&mut self, new: &NewImage) -> Result<(), IndexError> {
        self.images.put(&new.image, &new.bytes)?;
        let Some(details) = new.details else {
            return Ok(());
        };
        self.connection
            .prepare_cached("insert or ignore into images values (?1, ?2, ?3, ?4, ?5, ?6)")?
            .execute(params![
                new.image.sha256,
                new.image.extension,
                new.bytes.len() as i64,
                details.width,
                details.height,
                details.phash as i64
            ])?;
        Ok(())
    }

    /// Removes an example. Its images and vectors remain until the index is compacted.
    pub fn remove(&mut self, id: &str) -> Result<Example, IndexError> {
        let unknown = || IndexError::Unknown(rounds_support::sanitise::clean_line(id));
        let number = database::number_of(&self.connection, id)?.ok_or_else(unknown)?;
        let example = database::example(&self.connection, number)?.ok_or_else(unknown)?;
        self.begin()?;
        database::delete(&self.connection, number)?;
        self.counts.minus(&example.checksum());
        Ok(example)
    }

    pub(super) fn begin(&mut self) -> Result<(), IndexError> {
        if !self.open {
            Seal::remove(&self.folder)?;
            database::begin_writing(&self.connection)?;
            self.connection.execute_batch("begin immediate")?;
            self.open = true;
        }
        Ok(())
    }

    /// Makes all changes durable. After an error, drop the writer: the index is as of the last commit.
    ///
    /// Errors with [`IndexError::Deleted`] if the index was deleted meanwhile, by whatever means.
    pub fn commit(&mut self) -> Result<(), IndexError> {
        if !self.folder.join(MANIFEST).exists() || !still_locked(&self.folder, &self.lock) {
            return Err(IndexError::Deleted(rounds_support::errors::display_path(
                &self.folder,
            )));
        }
        if !self.open {
            return Ok(());
        }
        self.images.sync()?;
        for files in &mut self.files {
            files.flush()?;
        }
        database::put_counts(&self.connection, &self.counts)?;
        self.connection.execute_batch("commit")?;
        self.open = false;
        self.uncommitted.clear();
        Ok(())
    }

    /// Commits and seals an index that will be read from memory, where SQLite cannot use a write-ahead log.
    pub fn finish_for_memory(mut self) -> Result<(), IndexError> {
        self.commit()?;
        checkpoint(&self.connection)?;
        self.connection
            .pragma_update(None, "journal_mode", "delete")?;
        self.connection.execute_batch("vacuum")?;
        Seal::put(&self.folder)
    }

    /// Commits and seals the index.
    pub fn finish(mut self) -> Result<(), IndexError> {
        self.commit()?;
        // If the log could not be moved, a hash of the main file would soon be wrong. An unsealed index is valid too.
        match checkpoint(&self.connection)? {
            true => Seal::put(&self.folder),
            false => Ok(()),
        }
    }
}

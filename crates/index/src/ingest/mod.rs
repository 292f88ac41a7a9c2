//! Turns the rows of a data set into examples of an index.
//!
//! Rows are processed in batches: read in order, decoded and embedded on all cores, added in order, and committed every few
//! hundred rows. Only one batch is in memory at a time, whatever the length of the data. Every row is counted exactly once:
//! added, duplicate, or rejected with a reason.

use rayon::prelude::*;
use serde::Serialize;
use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use super::dataset::{DatasetError, ImageSource, Item, Row};
use super::error::IndexError;
use super::example::{Example, ExampleImage, MAX_IMAGES};
use super::images::MAX_IMAGE_BYTES;
use super::vectors::VectorError;
use super::writer::{Added, ImageDetails, NewImage, NewVectors, Writer};
use rounds_imaging::Image;
use rounds_scan::identity;
use rounds_support::{Cancel, errors, files};

/// Computes vectors of images and texts with every encoder of an index, in order.
pub trait Embedder: Sync {
    /// Unit vectors of an image, one per encoder.
    fn image(&self, image: &Image) -> Result<Vec<Vec<f32>>, String>;
    /// Unit vectors of a text, one per encoder; `None` for encoders without a text tower.
    fn text(&self, text: &str) -> Result<Vec<Option<Vec<f32>>>, String>;
}

/// Limits of a batch, in rows and bytes of image files.
const BATCH_ROWS: usize = 128;
const BATCH_BYTES: usize = 48 << 20;
/// A commit is due after this many rows or this much time.
const COMMIT_ROWS: u64 = 512;
const COMMIT_EVERY: Duration = Duration::from_secs(2);

/// Counts of an import; `rows` is the sum of `added`, `duplicates` and `rejected`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Rows processed.
    pub rows: u64,
    /// Rows added as new examples.
    pub added: u64,
    /// Rows the index already had.
    pub duplicates: u64,
    /// Rows that could not be used.
    pub rejected: u64,
    /// Rows of another language or split than requested; not part of `rows`.
    #[serde(rename = "left_out")]
    pub filtered: u64,
}

/// Progress of an import.
pub enum Report<'a> {
    /// A row was rejected.
    Rejected {
        /// Where the row is in the input.
        origin: &'a str,
        /// Why it was rejected.
        reason: &'a str,
    },
    /// Counts so far, not all committed.
    Progress(&'a Summary),
    /// Everything counted here is committed.
    Committed(&'a Summary),
}

/// Why an import failed.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// The index cannot be written, or the import was cancelled.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// The data set cannot be read further.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
}

/// A row with its image files read.
struct Loaded {
    row: Row,
    images: Vec<(ExampleImage, Vec<u8>)>,
    /// Image names for messages.
    names: Vec<String>,
}

/// A row the index does not have yet, as an example.
struct NewRow {
    example: Example,
    loaded: Loaded,
}

/// Vectors and details of the images of a batch, by SHA-256.
#[derive(Default)]
struct KnownImages {
    /// Vectors the index already has.
    stored: HashMap<String, Vec<NewVectors>>,
    /// Results for images new to the index.
    new: HashMap<String, Encoded>,
}

/// Properties and vectors of a new image, or why it cannot be used.
type Encoded = Result<(ImageDetails, Vec<Vec<f32>>), String>;

/// Adds all rows. After an interrupt the committed rows stay, and calling it again continues from there.
///
/// Errors if the data set or the index cannot be used further; `summary` then tells what was done.
pub fn ingest(
    writer: &mut Writer,
    items: &mut dyn Iterator<Item = Result<Item, DatasetError>>,
    embedder: &dyn Embedder,
    cancel: &Cancel,
    summary: &mut Summary,
    report: &mut dyn FnMut(Report),
) -> Result<(), IngestError> {
    let (mut committed, mut committed_at) = (0, Instant::now());
    let mut failure = None;
    let mut more = true;
    while more && !cancel.is_cancelled() {
        let batch = match batch(items, summary, report, &mut more) {
            Ok(batch) => batch,
            Err((batch, error)) => {
                // Rows before the error are still used.
                (failure, more) = (Some(error), false);
                batch
            }
        };
        if !add(writer, batch, embedder, cancel, summary, report)? {
            break;
        }
        report(Report::Progress(summary));
        let due = summary.rows - committed >= COMMIT_ROWS || committed_at.elapsed() > COMMIT_EVERY;
        if due || !more {
            writer.commit()?;
            (committed, committed_at) = (summary.rows, Instant::now());
            report(Report::Committed(summary));
        }
    }
    writer.commit()?;
    report(Report::Committed(summary));
    match failure {
        Some(error) => Err(error.into()),
        None if cancel.is_cancelled() => Err(IndexError::Cancelled.into()),
        None => Ok(()),
    }
}

fn reject(summary: &mut Summary, report: &mut dyn FnMut(Report), origin: &str, reason: &str) {
    summary.rows += 1;
    summary.rejected += 1;
    let clean = rounds_support::sanitise::clean_line;
    report(Report::Rejected {
        origin: &clean(origin),
        reason: &clean(reason),
    });
}

/// Reads the next rows and their image files. `more` becomes false at the end of the data.
fn batch(
    items: &mut dyn Iterator<Item = Result<Item, DatasetError>>,
    summary: &mut Summary,
    report: &mut dyn FnMut(Report),
    more: &mut bool,
) -> Result<Vec<Loaded>, (Vec<Loaded>, DatasetError)> {
    let (mut batch, mut bytes) = (Vec::new(), 0);
    let mut scanned = 0;
    while batch.len() < BATCH_ROWS && bytes < BATCH_BYTES && scanned < 8 * BATCH_ROWS {
        scanned += 1;
        match items.next() {
            None => {
                *more = false;
                break;
            }
            Some(Err(error)) => return Err((batch, error)),
            Some(Ok(Item::Filtered { .. })) => summary.filtered += 1,
            Some(Ok(Item::Rejected { origin, reason })) => {
                reject(summary, report, &origin, &reason);
            }
            Some(Ok(Item::Row(mut row))) => match load(&mut row, MAX_IMAGE_BYTES) {
                Ok((images, names)) => {
                    bytes += images.iter().map(|(_, b)| b.len()).sum::<usize>();
                    batch.push(Loaded {
                        row: *row,
                        images,
                        names,
                    });
                }
                Err(reason) => reject(summary, report, &row.origin, &reason),
            },
        }
    }
    Ok(batch)
}

/// The images of a row with the bytes of their files, and their names for messages.
type Files = (Vec<(ExampleImage, Vec<u8>)>, Vec<String>);

/// Takes the images out of a row and reads their files, of at most `limit` bytes in total; returns the reason if that fails.
fn load(row: &mut Row, limit: u64) -> Result<Files, String> {
    let sources = std::mem::take(&mut row.images);
    if sources.len() > MAX_IMAGES {
        return Err(format!(
            "{} images; the limit is {MAX_IMAGES}",
            sources.len()
        ));
    }
    let names = sources.iter().map(ImageSource::name).collect();
    let (mut images, mut length) = (Vec::new(), 0);
    for source in sources {
        let bytes = match source {
            ImageSource::Bytes { bytes, .. } => bytes,
            ImageSource::File(path) => {
                files::read_limited(&path, MAX_IMAGE_BYTES).map_err(|e| e.to_string())?
            }
        };
        length += bytes.len() as u64;
        if length > limit {
            let limit = errors::bytes(limit);
            return Err(format!("its images are larger than {limit} in total"));
        }
        let format = rounds_imaging::format_of(&bytes);
        let image = ExampleImage {
            sha256: files::sha256_hex(&bytes),
            extension: format.map_or("bin", |f| f.extension()).into(),
        };
        images.push((image, bytes));
    }
    Ok((images, names))
}

fn example(row: &Row, images: &[(ExampleImage, Vec<u8>)]) -> Result<Example, IndexError> {
    Example {
        id: row.id.clone(),
        images: images.iter().map(|(image, _)| image.clone()).collect(),
        question: row.question.clone(),
        answer: row.answer.clone(),
        rationale: row.rationale.clone(),
        tags: row.tags.clone(),
        source: row.source.clone(),
        licence: row.licence.clone(),
        patient: row.patient.clone(),
        study: row.study.clone(),
        ..Example::default()
    }
    .cleaned()
}

/// Replaces the codes of scans by those of this index.
fn salt_codes(writer: &mut Writer, batch: &mut [Loaded]) -> Result<(), IndexError> {
    for row in batch.iter_mut().map(|loaded| &mut loaded.row) {
        let tags = row.tags.iter_mut().map(|(_, value)| value);
        for text in [&mut row.patient, &mut row.study].into_iter().chain(tags) {
            if identity::is_code(text) {
                *text = identity::stored(text, &writer.salt()?);
            }
        }
    }
    Ok(())
}

/// Adds the rows of a batch. Returns false if cancelled before all images were encoded; then none is added or counted.
fn add(
    writer: &mut Writer,
    batch: Vec<Loaded>,
    embedder: &dyn Embedder,
    cancel: &Cancel,
    summary: &mut Summary,
    report: &mut dyn FnMut(Report),
) -> Result<bool, IndexError> {
    let before = summary.clone();
    let mut batch = batch;
    salt_codes(writer, &mut batch)?;
    let new_rows = new_rows(writer, batch, summary, report)?;
    let known = encode_images(writer, &new_rows, embedder, cancel)?;
    if cancel.is_cancelled() {
        // The next run processes the whole batch again, including its duplicates and rejected rows.
        *summary = before;
        return Ok(false);
    }
    let texts: Vec<_> = new_rows
        .par_iter()
        .map(|w| embedder.text(&format!("{} {}", w.example.question, w.example.answer)))
        .collect();
    for (NewRow { example, loaded }, texts) in new_rows.into_iter().zip(texts) {
        let prepared = texts.and_then(|texts| prepare(loaded.images, texts, &known));
        let added = match prepared {
            Ok((images, vectors)) => row_rejection(writer.add(example, &images, &vectors))?,
            Err(reason) => Err(reason),
        };
        match added {
            Ok(added) => {
                summary.rows += 1;
                match added {
                    Added::New(_) => summary.added += 1,
                    Added::Duplicate(_) => summary.duplicates += 1,
                }
            }
            Err(reason) => reject(summary, report, &loaded.row.origin, &reason),
        }
    }
    Ok(true)
}

/// Separates errors that reject one row (inner) from those that end the import (outer).
fn row_rejection(added: Result<Added, IndexError>) -> Result<Result<Added, String>, IndexError> {
    match added {
        Err(IndexError::Vectors(error @ (VectorError::NotFinite | VectorError::Zero))) => {
            Ok(Err(format!("the encoder gave no usable vector: {error}")))
        }
        other => other.map(Ok),
    }
}

/// The rows the index does not have yet. Duplicates are skipped without decoding images, so a resumed import is fast.
fn new_rows(
    writer: &Writer,
    batch: Vec<Loaded>,
    summary: &mut Summary,
    report: &mut dyn FnMut(Report),
) -> Result<Vec<NewRow>, IndexError> {
    let mut new_rows = Vec::new();
    for loaded in batch {
        match example(&loaded.row, &loaded.images) {
            Err(error) => reject(summary, report, &loaded.row.origin, &error.to_string()),
            Ok(example) if writer.find_duplicate(&example)?.is_some() => {
                summary.rows += 1;
                summary.duplicates += 1;
            }
            Ok(example) => new_rows.push(NewRow { example, loaded }),
        }
    }
    Ok(new_rows)
}

/// Looks up or computes the vectors of the images, each once.
fn encode_images(
    writer: &Writer,
    new_rows: &[NewRow],
    embedder: &dyn Embedder,
    cancel: &Cancel,
) -> Result<KnownImages, IndexError> {
    let mut out = KnownImages::default();
    let (mut seen, mut missing) = (HashSet::new(), Vec::new());
    let images = new_rows.iter().flat_map(|w| {
        let names = w.loaded.names.iter();
        w.loaded.images.iter().zip(names)
    });
    for ((image, bytes), name) in images {
        if !seen.insert(image.sha256.clone()) {
            continue;
        }
        match writer.stored_vectors(image)? {
            Some(vectors) => {
                out.stored.insert(image.sha256.clone(), vectors);
            }
            None => missing.push((image.sha256.clone(), name, bytes)),
        }
    }
    out.new = missing
        .into_par_iter()
        .filter(|_| !cancel.is_cancelled())
        .map(|(sha256, name, bytes)| (sha256, decode_and_encode(name, bytes, embedder)))
        .collect();
    Ok(out)
}

/// Decodes an image and computes its perceptual hash and vectors.
fn decode_and_encode(name: &str, bytes: &[u8], embedder: &dyn Embedder) -> Encoded {
    let image = rounds_imaging::decode(bytes, name).map_err(|e| e.to_string())?;
    let details = ImageDetails {
        width: image.width,
        height: image.height,
        phash: rounds_imaging::phash(&image),
    };
    Ok((details, embedder.image(&image)?))
}

/// The images and vectors of a row; the image vector is that of the first image.
fn prepare(
    images: Vec<(ExampleImage, Vec<u8>)>,
    texts: Vec<Option<Vec<f32>>>,
    known: &KnownImages,
) -> Result<(Vec<NewImage>, Vec<NewVectors>), String> {
    let mut new = Vec::new();
    let mut vectors: Vec<NewVectors> = texts.iter().map(|_| NewVectors::default()).collect();
    for (position, (image, bytes)) in images.into_iter().enumerate() {
        let found: Option<Vec<Option<Vec<f32>>>>;
        let details = match known.new.get(&image.sha256) {
            Some(Err(reason)) => return Err(reason.clone()),
            Some(Ok((details, vectors))) => {
                found = Some(vectors.iter().cloned().map(Some).collect());
                Some(*details)
            }
            None => {
                let stored = known.stored.get(&image.sha256);
                found = stored.map(|all| all.iter().map(|v| v.image.clone()).collect());
                None
            }
        };
        if position == 0 {
            for (vector, found) in vectors.iter_mut().zip(found.into_iter().flatten()) {
                vector.image = found;
            }
        }
        new.push(NewImage {
            image,
            bytes,
            details,
        });
    }
    for (vector, text) in vectors.iter_mut().zip(texts) {
        vector.text = text;
    }
    Ok((new, vectors))
}

#[cfg(test)]
mod tests;

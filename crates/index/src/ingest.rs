//! From the rows of a data set to examples of an index.
//!
//! Rows are taken in pieces: read in order, decoded and embedded on all cores, added in order, committed every few hundred
//! rows. Only one piece is held, so memory does not depend on the length of the data. Every row is counted once: added,
//! duplicate, or rejected with its reason.

use rayon::prelude::*;
use serde::Serialize;
use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use super::dataset::{DatasetError, ImageSource, Item, Row};
use super::error::IndexError;
use super::example::{Example, ExampleImage, MOST_PICTURES};
use super::images::LONGEST_PICTURE;
use super::vectors::VectorError;
use super::writer::{Added, Details, NewPicture, NewVectors, Writer};
use rounds_imaging::{self as imaging, Picture};
use rounds_support::{Cancel, errors, files};

/// Makes vectors of pictures and texts, for every encoder of an index in order.
pub trait Embedder: Sync {
    /// Unit vectors of a picture, one an encoder.
    fn picture(&self, picture: &Picture) -> Result<Vec<Vec<f32>>, String>;
    /// Unit vectors of a text; `None` where the encoder has no text tower.
    fn text(&self, text: &str) -> Result<Vec<Option<Vec<f32>>>, String>;
}

/// Rows and bytes that are held at a time, and how often what is done is made safe.
const PIECE_ROWS: usize = 128;
const PIECE_BYTES: usize = 48 << 20;
const COMMIT_ROWS: u64 = 512;
const COMMIT_EVERY: Duration = Duration::from_secs(2);

/// What became of the rows: `rows` is the sum of the three others.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    pub rows: u64,
    pub added: u64,
    pub duplicates: u64,
    pub rejected: u64,
    /// Rows of another language or split than was asked for; not part of `rows`.
    pub left_out: u64,
}

/// What is said while it works.
pub enum Report<'a> {
    Rejected {
        origin: &'a str,
        reason: &'a str,
    },
    /// Rows looked at so far.
    Looked(&'a Summary),
    /// Everything counted here is safe.
    Committed(&'a Summary),
}

/// Why the rows ended early.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    #[error(transparent)]
    Index(#[from] IndexError),
    #[error(transparent)]
    Dataset(#[from] DatasetError),
}

/// A row with its pictures' files.
struct Loaded {
    row: Row,
    pictures: Vec<(ExampleImage, Vec<u8>)>,
    /// Of the pictures, for messages.
    names: Vec<String>,
}

/// A row that the index has not, as an example.
struct Wanted {
    example: Example,
    loaded: Loaded,
}

/// What is known of the pictures of some rows, by their hash.
#[derive(Default)]
struct Pictures {
    /// Vectors that the index has already.
    had: HashMap<String, Vec<NewVectors>>,
    seen: HashMap<String, Seen>,
}

/// What is known of a new picture.
type Seen = Result<(Details, Vec<Vec<f32>>), String>;

/// Adds all rows. On an interrupt what was committed stays, and the same call goes on from there.
///
/// Errors where the data or the index cannot be used further; `summary` then holds what was done.
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
        let piece = match piece(items, summary, report, &mut more) {
            Ok(piece) => piece,
            Err((piece, error)) => {
                // What came before the break is used all the same.
                (failure, more) = (Some(error), false);
                piece
            }
        };
        if !add(writer, piece, embedder, cancel, summary, report)? {
            break;
        }
        report(Report::Looked(summary));
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

/// The next rows, with their files read.
fn piece(
    items: &mut dyn Iterator<Item = Result<Item, DatasetError>>,
    summary: &mut Summary,
    report: &mut dyn FnMut(Report),
    more: &mut bool,
) -> Result<Vec<Loaded>, (Vec<Loaded>, DatasetError)> {
    let (mut piece, mut bytes) = (Vec::new(), 0);
    let mut looked = 0;
    while piece.len() < PIECE_ROWS && bytes < PIECE_BYTES && looked < 8 * PIECE_ROWS {
        looked += 1;
        match items.next() {
            None => {
                *more = false;
                break;
            }
            Some(Err(error)) => return Err((piece, error)),
            Some(Ok(Item::LeftOut { .. })) => summary.left_out += 1,
            Some(Ok(Item::Rejected { origin, reason })) => {
                reject(summary, report, &origin, &reason);
            }
            Some(Ok(Item::Row(mut row))) => match load(&mut row, LONGEST_PICTURE) {
                Ok((pictures, names)) => {
                    bytes += pictures.iter().map(|(_, b)| b.len()).sum::<usize>();
                    piece.push(Loaded {
                        row: *row,
                        pictures,
                        names,
                    });
                }
                Err(reason) => reject(summary, report, &row.origin, &reason),
            },
        }
    }
    Ok(piece)
}

/// A row's pictures with their files, and their names.
type Files = (Vec<(ExampleImage, Vec<u8>)>, Vec<String>);

/// Reads the files of a row, of at most `limit` bytes together, and takes its pictures out of it; the reason where that
/// cannot be.
fn load(row: &mut Row, limit: u64) -> Result<Files, String> {
    let sources = std::mem::take(&mut row.images);
    if sources.len() > MOST_PICTURES {
        return Err(format!(
            "{} pictures, at most {MOST_PICTURES} are taken",
            sources.len()
        ));
    }
    let names = sources.iter().map(ImageSource::name).collect();
    let (mut pictures, mut length) = (Vec::new(), 0);
    for source in sources {
        let bytes = match source {
            ImageSource::Bytes { bytes, .. } => bytes,
            ImageSource::File(path) => {
                files::read_limited(&path, LONGEST_PICTURE).map_err(|e| e.to_string())?
            }
        };
        length += bytes.len() as u64;
        if length > limit {
            let limit = errors::bytes(limit);
            return Err(format!("its pictures take more than {limit} together"));
        }
        let format = imaging::format_of(&bytes);
        let image = ExampleImage {
            sha256: files::sha256_hex(&bytes),
            extension: format.map_or("bin", |f| f.extension()).into(),
        };
        pictures.push((image, bytes));
    }
    Ok((pictures, names))
}

fn example(row: &Row, pictures: &[(ExampleImage, Vec<u8>)]) -> Result<Example, IndexError> {
    Example {
        id: row.id.clone(),
        images: pictures.iter().map(|(image, _)| image.clone()).collect(),
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

/// Adds the rows of a piece; false where a cancel came before their pictures were seen, and none was added or counted.
fn add(
    writer: &mut Writer,
    piece: Vec<Loaded>,
    embedder: &dyn Embedder,
    cancel: &Cancel,
    summary: &mut Summary,
    report: &mut dyn FnMut(Report),
) -> Result<bool, IndexError> {
    let before = summary.clone();
    let wanted = wanted(writer, piece, summary, report)?;
    let pictures = look(writer, &wanted, embedder, cancel)?;
    if cancel.is_cancelled() {
        // What was passed over as known, or refused, is looked at again by the next run.
        *summary = before;
        return Ok(false);
    }
    let texts: Vec<_> = wanted
        .par_iter()
        .map(|w| embedder.text(&format!("{} {}", w.example.question, w.example.answer)))
        .collect();
    for (Wanted { example, loaded }, texts) in wanted.into_iter().zip(texts) {
        let prepared = texts.and_then(|texts| prepare(loaded.pictures, texts, &pictures));
        let added = match prepared {
            Ok((pictures, vectors)) => refusal(writer.add(example, &pictures, &vectors))?,
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

/// Tells what is wrong with one row, the inner error, from what ends the work.
fn refusal(added: Result<Added, IndexError>) -> Result<Result<Added, String>, IndexError> {
    match added {
        Err(IndexError::Vectors(error @ (VectorError::NotFinite | VectorError::Zero))) => Ok(Err(
            format!("the encoder gave nothing to search by: {error}"),
        )),
        other => other.map(Ok),
    }
}

/// The rows that the index has not. An import that goes on passes over the others without decoding a picture.
fn wanted(
    writer: &Writer,
    piece: Vec<Loaded>,
    summary: &mut Summary,
    report: &mut dyn FnMut(Report),
) -> Result<Vec<Wanted>, IndexError> {
    let mut wanted = Vec::new();
    for loaded in piece {
        match example(&loaded.row, &loaded.pictures) {
            Err(error) => reject(summary, report, &loaded.row.origin, &error.to_string()),
            Ok(example) if writer.known(&example)?.is_some() => {
                summary.rows += 1;
                summary.duplicates += 1;
            }
            Ok(example) => wanted.push(Wanted { example, loaded }),
        }
    }
    Ok(wanted)
}

/// Finds or makes the vectors of the pictures, each once.
fn look(
    writer: &Writer,
    wanted: &[Wanted],
    embedder: &dyn Embedder,
    cancel: &Cancel,
) -> Result<Pictures, IndexError> {
    let mut out = Pictures::default();
    let (mut asked, mut unseen) = (HashSet::new(), Vec::new());
    let pictures = wanted.iter().flat_map(|w| {
        let names = w.loaded.names.iter();
        w.loaded.pictures.iter().zip(names)
    });
    for ((image, bytes), name) in pictures {
        if !asked.insert(image.sha256.clone()) {
            continue;
        }
        match writer.vectors_of(image)? {
            Some(vectors) => {
                out.had.insert(image.sha256.clone(), vectors);
            }
            None => unseen.push((image.sha256.clone(), name, bytes)),
        }
    }
    out.seen = unseen
        .into_par_iter()
        .filter(|_| !cancel.is_cancelled())
        .map(|(sha256, name, bytes)| (sha256, see(name, bytes, embedder)))
        .collect();
    Ok(out)
}

/// Decodes, hashes and embeds a picture.
fn see(name: &str, bytes: &[u8], embedder: &dyn Embedder) -> Seen {
    let picture = imaging::decode(bytes, name).map_err(|e| e.to_string())?;
    let details = Details {
        width: picture.width,
        height: picture.height,
        look: imaging::look(&picture),
    };
    Ok((details, embedder.picture(&picture)?))
}

/// Pictures and vectors of a row; the vector is that of the first picture.
fn prepare(
    pictures: Vec<(ExampleImage, Vec<u8>)>,
    texts: Vec<Option<Vec<f32>>>,
    known: &Pictures,
) -> Result<(Vec<NewPicture>, Vec<NewVectors>), String> {
    let mut new = Vec::new();
    let mut vectors: Vec<NewVectors> = texts.iter().map(|_| NewVectors::default()).collect();
    for (at, (image, bytes)) in pictures.into_iter().enumerate() {
        let found: Option<Vec<Option<Vec<f32>>>>;
        let details = match known.seen.get(&image.sha256) {
            Some(Err(reason)) => return Err(reason.clone()),
            Some(Ok((details, vectors))) => {
                found = Some(vectors.iter().cloned().map(Some).collect());
                Some(*details)
            }
            None => {
                let had = known.had.get(&image.sha256);
                found = had.map(|all| all.iter().map(|v| v.image.clone()).collect());
                None
            }
        };
        if at == 0 {
            for (vector, found) in vectors.iter_mut().zip(found.into_iter().flatten()) {
                vector.image = found;
            }
        }
        new.push(NewPicture {
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

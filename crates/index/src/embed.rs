//! Vectors of another encoder for an index that is there already, and taking an encoder's vectors away.
//!
//! The new files are filled first and named in `index.toml` last. How far they are is noted after every piece, so that the
//! work goes on where it stopped. An image is encoded once, however many examples it has.

use rayon::prelude::*;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use super::database;
use super::error::IndexError;
use super::example::{Example, ExampleImage};
use super::images::Images;
use super::ingest::Embedder;
use super::manifest::Encoder;
use super::store::read_manifest;
use super::vectors::{VectorWriter, Vectors};
use super::writer::{self, Writer};
use rounds_support::{Cancel, FileError, files};

const BATCH: usize = 64;

/// Adds the vectors of `encoder`, made by `embedder` (which has this one encoder).
///
/// Errors where the index has them already, where an image is damaged, or where it was cancelled.
pub fn embed(
    folder: &Path,
    encoder: Encoder,
    embedder: &dyn Embedder,
    cancel: &Cancel,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<(), IndexError> {
    let mut writer = Writer::open(folder)?;
    if writer.manifest.encoder(&encoder.sha256).is_some() {
        return Err(IndexError::Refused(format!(
            "the index has the vectors of {} already",
            encoder.name
        )));
    }
    let all = writer.counts.next;
    let mut partial = PartialVectors::open(&writer, &encoder)?;
    while partial.done < all {
        if cancel.is_cancelled() {
            return Err(IndexError::Cancelled);
        }
        let until = (partial.done + BATCH).min(all);
        let examples = (partial.done..until)
            .map(|number| database::example(&writer.connection, number))
            .collect::<Result<Vec<_>, _>>()?;
        let image_vectors = partial.first_image_vectors(&writer, &examples, embedder)?;
        partial.add(&examples, &image_vectors, &texts(&examples, embedder)?)?;
        progress(partial.done, all);
    }
    writer.manifest.encoders.push(encoder);
    writer.manifest.write(folder)?;
    let _ = std::fs::remove_file(partial.note);
    Ok(())
}

/// The files of an encoder that is not named yet.
struct PartialVectors {
    folder: PathBuf,
    name: String,
    dimension: usize,
    images: VectorWriter,
    texts: Option<VectorWriter>,
    /// Rows that are safe.
    done: usize,
    /// The file that says how many those are.
    note: PathBuf,
}

impl PartialVectors {
    /// Goes on where an earlier attempt stopped.
    fn open(writer: &Writer, encoder: &Encoder) -> Result<Self, IndexError> {
        let generation = writer.counts.generation;
        let name = encoder.file(generation);
        let note = writer
            .folder
            .join("vectors")
            .join(format!("{name}.progress"));
        let done = files::read_to_string(&note).ok();
        let done: usize = done.and_then(|text| text.trim().parse().ok()).unwrap_or(0);
        let done = done.min(writer.counts.next);
        // Shorter than noted: the machine went down; from the beginning then.
        Self::at(writer, encoder, note.clone(), done)
            .or_else(|_| Self::at(writer, encoder, note, 0))
    }

    /// Goes on behind the first `done` rows.
    fn at(
        writer: &Writer,
        encoder: &Encoder,
        note: PathBuf,
        done: usize,
    ) -> Result<Self, IndexError> {
        let (folder, generation) = (writer.folder.join("vectors"), writer.counts.generation);
        let open = |name: &str| VectorWriter::open(&folder, name, encoder.dimension, done);
        let name = encoder.file(generation);
        Ok(Self {
            images: open(&name)?,
            texts: match encoder.text {
                true => Some(open(&encoder.text_file(generation))?),
                false => None,
            },
            dimension: encoder.dimension,
            folder,
            name,
            done,
            note,
        })
    }

    /// Vectors of the first images of examples, by hash: those of rows that are done, and new ones.
    fn first_image_vectors(
        &self,
        writer: &Writer,
        examples: &[Option<Example>],
        embedder: &dyn Embedder,
    ) -> Result<HashMap<String, Vec<f32>>, IndexError> {
        let so_far = Vectors::open(&self.folder, &self.name, self.dimension, self.done)?;
        let (mut known, mut missing) = (HashMap::new(), Vec::new());
        let mut seen = HashSet::new();
        for image in examples.iter().flatten().filter_map(Example::image) {
            if !seen.insert(&image.sha256) {
                continue;
            }
            let row = match writer.first_row_of(image, self.done)? {
                Some(number) => so_far.row(number)?,
                None => None,
            };
            match row {
                Some(vector) => {
                    known.insert(image.sha256.clone(), vector);
                }
                None => missing.push(image),
            }
        }
        let images = Images::new(Some(&writer.folder));
        let made = missing
            .into_par_iter()
            .map(|image| Ok((image.sha256.clone(), encoded(&images, image, embedder)?)))
            .collect::<Result<Vec<_>, IndexError>>()?;
        known.extend(made);
        Ok(known)
    }

    /// Adds a row an example, and notes that they are safe.
    fn add(
        &mut self,
        examples: &[Option<Example>],
        image_vectors: &HashMap<String, Vec<f32>>,
        texts: &[Option<Vec<f32>>],
    ) -> Result<(), IndexError> {
        for (example, text) in examples.iter().zip(texts) {
            let image = example.as_ref().and_then(Example::image);
            let vector = image.and_then(|image| image_vectors.get(&image.sha256));
            self.images.push(vector.map(Vec::as_slice))?;
            if let Some(texts) = &mut self.texts {
                texts.push(text.as_deref())?;
            }
        }
        self.images.flush()?;
        if let Some(texts) = &mut self.texts {
            texts.flush()?;
        }
        self.done += examples.len();
        Ok(files::write_atomic(
            &self.note,
            self.done.to_string().as_bytes(),
        )?)
    }
}

fn encoded(
    images: &Images,
    image: &ExampleImage,
    embedder: &dyn Embedder,
) -> Result<Vec<f32>, IndexError> {
    let bytes = images.bytes(image)?;
    let decoded =
        rounds_imaging::decode(&bytes, "image").map_err(|e| IndexError::Refused(e.to_string()))?;
    let vectors = embedder.picture(&decoded).map_err(IndexError::Refused)?;
    let first = vectors.into_iter().next();
    first.ok_or_else(|| IndexError::Refused("the encoder made no vector".into()))
}

/// Vectors of the texts of examples, where the encoder has a text tower.
fn texts(
    examples: &[Option<Example>],
    embedder: &dyn Embedder,
) -> Result<Vec<Option<Vec<f32>>>, IndexError> {
    examples
        .par_iter()
        .map(|example| {
            let Some(example) = example else {
                return Ok(None);
            };
            let text = format!("{} {}", example.question, example.answer);
            let vectors = embedder.text(&text).map_err(IndexError::Refused)?;
            Ok(vectors.into_iter().next().flatten())
        })
        .collect()
}

/// Takes the vectors of the encoder away that the user calls `name`: by its name, its bundle, or the beginning of its hash.
///
/// Errors where there is no such encoder, or no other: an index without vectors could not be searched by images.
pub fn drop_vectors(folder: &Path, name: &str) -> Result<Encoder, IndexError> {
    read_manifest(folder)?;
    let _lock = writer::lock(folder)?;
    // Read again: it may have changed while another writer held the lock.
    let mut manifest = read_manifest(folder)?;
    let encoder = manifest.encoder_called(name).map_err(|error| match error {
        unknown @ IndexError::Encoder { .. } => IndexError::Refused(unknown.to_string()),
        other => other,
    })?;
    let encoder = encoder.clone();
    if manifest.encoders.len() == 1 {
        return Err(IndexError::Refused(format!(
            "{} is the only encoder of the index; add the vectors of another one first",
            encoder.name
        )));
    }
    manifest.encoders.retain(|other| *other != encoder);
    // The manifest first: files that it does not name are nothing.
    manifest.write(folder)?;
    for place in ["vectors", "graph"] {
        delete_files(&folder.join(place), &encoder)?;
    }
    Ok(encoder)
}

/// Deletes an encoder's files of every generation.
fn delete_files(folder: &Path, encoder: &Encoder) -> Result<(), IndexError> {
    let stem = encoder.file_stem();
    for path in files::below(folder) {
        let name = path.file_name().unwrap_or_default();
        if name.to_string_lossy().starts_with(&stem) {
            std::fs::remove_file(&path).map_err(|e| FileError::from_io(&path, "delete", &e))?;
        }
    }
    Ok(())
}

//! Adds the vectors of another encoder to an existing index, and removes an encoder's vectors.
//!
//! The new files are filled first and listed in `index.toml` last. Progress is saved after every batch, so that interrupted
//! work resumes where it stopped. An image is encoded once, however many examples use it.

use rayon::prelude::*;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use super::database;
use super::error::IndexError;
use super::example::{Example, ExampleImage};
use super::images::Images;
use super::ingest::Embedder;
use super::lock::lock;
use super::manifest::Encoder;
use super::store::read_manifest;
use super::vectors::{VectorWriter, Vectors};
use super::writer::Writer;
use rounds_support::{Cancel, FileError, files};

/// Examples embedded between two saves of the progress.
const BATCH: usize = 64;

/// Adds the vectors of `encoder`, computed by `embedder`, which has only this encoder. `progress` is called with examples done
/// and the total.
///
/// Errors if the index already has them, if an image is damaged, or if cancelled.
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
            "the index already has vectors from {}",
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
    let _ = std::fs::remove_file(partial.progress_file);
    Ok(())
}

/// The vector files of an encoder that is not in the manifest yet.
struct PartialVectors {
    folder: PathBuf,
    name: String,
    dimension: usize,
    images: VectorWriter,
    texts: Option<VectorWriter>,
    /// Rows on disk.
    done: usize,
    /// The file that stores `done`.
    progress_file: PathBuf,
}

impl PartialVectors {
    /// Continues where an earlier attempt stopped.
    fn open(writer: &Writer, encoder: &Encoder) -> Result<Self, IndexError> {
        let generation = writer.counts.generation;
        let name = encoder.file(generation);
        let progress_file = writer
            .folder
            .join("vectors")
            .join(format!("{name}.progress"));
        let done = files::read_to_string(&progress_file).ok();
        let done: usize = done.and_then(|text| text.trim().parse().ok()).unwrap_or(0);
        let done = done.min(writer.counts.next);
        // If the files are shorter than recorded, as after a system crash, start over.
        Self::at(writer, encoder, progress_file.clone(), done)
            .or_else(|_| Self::at(writer, encoder, progress_file, 0))
    }

    /// Continues after the first `done` rows.
    fn at(
        writer: &Writer,
        encoder: &Encoder,
        progress_file: PathBuf,
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
            progress_file,
        })
    }

    /// Vectors of the examples' first images by SHA-256, read from finished rows or computed.
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
        let computed = missing
            .into_par_iter()
            .map(|image| {
                Ok((
                    image.sha256.clone(),
                    encode_image(&images, image, embedder)?,
                ))
            })
            .collect::<Result<Vec<_>, IndexError>>()?;
        known.extend(computed);
        Ok(known)
    }

    /// Adds one row per example and saves the progress.
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
            &self.progress_file,
            self.done.to_string().as_bytes(),
        )?)
    }
}

fn encode_image(
    images: &Images,
    image: &ExampleImage,
    embedder: &dyn Embedder,
) -> Result<Vec<f32>, IndexError> {
    let bytes = images.bytes(image)?;
    let decoded =
        rounds_imaging::decode(&bytes, "image").map_err(|e| IndexError::Refused(e.to_string()))?;
    let vectors = embedder.image(&decoded).map_err(IndexError::Refused)?;
    let first = vectors.into_iter().next();
    first.ok_or_else(|| IndexError::Refused("the encoder returned no vector".into()))
}

/// Text vectors of examples; `None` if the encoder has no text tower.
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

/// Deletes the vectors of an encoder, given by name, bundle or hash prefix, and returns the encoder.
///
/// Errors if there is no such encoder, or no other: an index without vectors cannot be searched by image.
pub fn drop_vectors(folder: &Path, name: &str) -> Result<Encoder, IndexError> {
    read_manifest(folder)?;
    let _lock = lock(folder)?;
    // Read again: it may have changed while another writer held the lock.
    let mut manifest = read_manifest(folder)?;
    let encoder = manifest.encoder_named(name).map_err(|error| match error {
        unknown @ IndexError::Encoder { .. } => IndexError::Refused(unknown.to_string()),
        other => other,
    })?;
    let encoder = encoder.clone();
    if manifest.encoders.len() == 1 {
        return Err(IndexError::Refused(format!(
            "{} is the only encoder of the index; add vectors from another encoder first",
            encoder.name
        )));
    }
    manifest.encoders.retain(|other| *other != encoder);
    // The manifest goes first: files it does not list are ignored.
    manifest.write(folder)?;
    for name in ["vectors", "graph"] {
        delete_files(&folder.join(name), &encoder)?;
    }
    Ok(encoder)
}

/// Deletes all files of an encoder, of every generation.
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

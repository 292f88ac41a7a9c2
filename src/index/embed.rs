//! Vectors of another encoder for an index that is there already.
//!
//! The new files are filled first and named in `index.toml` last. How far they are is noted after every piece, so that the
//! work goes on where it stopped.

use rayon::prelude::*;
use std::path::Path;

use super::database;
use super::error::IndexError;
use super::images::Images;
use super::ingest::Embedder;
use super::manifest::Encoder;
use super::vectors::VectorWriter;
use super::writer::Writer;
use crate::support::{Cancel, files};

const PIECE: usize = 64;

/// Adds the vectors of `encoder`, made by `embedder` (which has this one encoder).
///
/// Errors where the index has them already, where a picture is damaged, or where it was cancelled.
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
    let generation = writer.counts.generation;
    let vectors = folder.join("vectors");
    let note = vectors.join(format!("{}.progress", encoder.file(generation)));
    let done = files::read_to_string(&note).ok();
    let done: usize = done.and_then(|text| text.trim().parse().ok()).unwrap_or(0);
    let open = |name: &str, done| VectorWriter::open(&vectors, name, encoder.dimension, done);
    let (name, texts_name) = (encoder.file(generation), encoder.text_file(generation));
    // Shorter than noted: the machine went down; from the beginning then.
    let mut done = done.min(writer.counts.next);
    let mut pictures = match open(&name, done) {
        Ok(file) => file,
        Err(_) => {
            done = 0;
            open(&name, 0)?
        }
    };
    let mut texts = match encoder.text {
        true => Some(open(&texts_name, done)?),
        false => None,
    };
    let images = Images::new(Some(folder));
    while done < writer.counts.next {
        if cancel.is_cancelled() {
            return Err(IndexError::Cancelled);
        }
        let until = (done + PIECE).min(writer.counts.next);
        let examples = (done..until)
            .map(|number| database::example(&writer.connection, number))
            .collect::<Result<Vec<_>, _>>()?;
        let made: Vec<Result<_, IndexError>> = examples
            .par_iter()
            .map(|example| {
                let Some(example) = example else {
                    return Ok((None, None));
                };
                let refused = IndexError::Refused;
                let picture = match example.image() {
                    None => None,
                    Some(image) => {
                        let bytes = images.bytes(image)?;
                        let picture = crate::imaging::decode(&bytes, "picture")
                            .map_err(|e| refused(e.to_string()))?;
                        let vectors = embedder.picture(&picture).map_err(refused)?;
                        vectors.into_iter().next()
                    }
                };
                let text = format!("{} {}", example.question, example.answer);
                let text = embedder.text(&text).map_err(IndexError::Refused)?;
                Ok((picture, text.into_iter().next().flatten()))
            })
            .collect();
        for made in made {
            let (picture, text) = made?;
            pictures.push(picture.as_deref())?;
            if let Some(texts) = &mut texts {
                texts.push(text.as_deref())?;
            }
        }
        pictures.flush()?;
        if let Some(texts) = &mut texts {
            texts.flush()?;
        }
        done = until;
        files::write_atomic(&note, done.to_string().as_bytes())?;
        progress(done, writer.counts.next);
    }
    pictures.flush()?;
    writer.manifest.encoders.push(encoder);
    writer.manifest.write(folder)?;
    let _ = std::fs::remove_file(note);
    Ok(())
}

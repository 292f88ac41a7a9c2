//! Reclaims the space of removed examples: the others are renumbered without gaps, in the same order.
//!
//! The new vector files are written first, under the name of the next generation; one transaction then renumbers the
//! examples and switches to that generation. A reader of the old one gets an error when it next reads an example.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::database::{self, Counts};
use super::error::IndexError;
use super::images::relative;
use super::latents::Latents;
use super::owned_files;
use super::vectors::{VectorWriter, Vectors};
use super::writer::Writer;
use rounds_support::{Cancel, FileError, files::below};

/// What was reclaimed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Freed {
    /// Numbers of removed examples that were freed.
    pub examples: usize,
    /// Image files deleted.
    #[serde(rename = "pictures")]
    pub images: usize,
    /// Bytes freed on disk.
    pub bytes: u64,
}

/// Compacts the index in `folder`. `progress` is called with examples done and the total.
pub fn compact(
    folder: &Path,
    cancel: &Cancel,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Freed, IndexError> {
    let mut writer = Writer::open(folder)?;
    let old = writer.counts;
    let before = length(folder);
    let numbers = database::numbers(&writer.connection, "select number from examples", &[])?;
    let mut counts = Counts {
        next: numbers.len(),
        generation: old.generation + 1,
        ..Counts::default()
    };
    copy_vectors(&writer, &numbers, &old, &counts, cancel)?;
    writer.begin()?;
    let connection = &writer.connection;
    connection.execute_batch(
        "delete from tags; delete from pictured; delete from removed; insert into words (words) values ('delete-all')",
    )?;
    for (number, was) in numbers.iter().enumerate() {
        if cancel.is_cancelled() {
            return Err(IndexError::Cancelled);
        }
        let unknown = || IndexError::Unknown(format!("number {was}"));
        let mut example = database::example(connection, *was)?.ok_or_else(unknown)?;
        connection
            .prepare_cached("delete from examples where number = ?1")?
            .execute([*was as i64])?;
        example.number = number;
        counts.plus(&database::insert(connection, &example)?);
        progress(number + 1, numbers.len());
    }
    connection
        .execute_batch("delete from images where sha256 not in (select sha256 from pictured)")?;
    writer.counts = counts;
    writer.commit()?;
    writer.connection.execute_batch("vacuum")?;
    let swept = sweep(folder, &writer)?;
    writer.finish()?;
    Ok(Freed {
        examples: old.next - counts.next,
        images: swept,
        bytes: before.saturating_sub(length(folder)),
    })
}

fn copy_vectors(
    writer: &Writer,
    numbers: &[usize],
    old: &Counts,
    new: &Counts,
    cancel: &Cancel,
) -> Result<(), IndexError> {
    let folder = writer.folder.join("vectors");
    for encoder in &writer.manifest.encoders {
        let mut names = vec![(encoder.file(old.generation), encoder.file(new.generation))];
        if encoder.text {
            names.push((
                encoder.text_file(old.generation),
                encoder.text_file(new.generation),
            ));
        }
        for (from, to) in names {
            let from = Vectors::open(&folder, &from, encoder.dimension, old.next)?;
            let mut to = VectorWriter::open(&folder, &to, encoder.dimension, 0)?;
            for number in numbers {
                if cancel.is_cancelled() {
                    return Err(IndexError::Cancelled);
                }
                to.push(from.row(*number)?.as_deref())?;
            }
            to.flush()?;
        }
    }
    Ok(())
}

/// Deletes unreferenced files: images and their latents, vectors of other generations, the graph. Returns how many images
/// were deleted.
fn sweep(folder: &Path, writer: &Writer) -> Result<usize, IndexError> {
    let (mut paths, mut hashes) = (HashSet::new(), HashSet::new());
    database::each_example(&writer.connection, &mut |example| {
        for image in example?.images {
            paths.insert(relative(&image));
            hashes.insert(image.sha256);
        }
        Ok(())
    })?;
    // Latents first, so that none outlive their image if this is interrupted.
    for latents in Latents::all(folder) {
        latents.retain(&|image| hashes.contains(image))?;
    }
    let mut deleted = 0;
    let is_owned = |path: &PathBuf| owned_files::is_file(path.strip_prefix(folder).unwrap_or(path));
    let images = all(&folder.join("images"));
    for path in images.iter().flat_map(|f| all(f)).filter(is_owned) {
        let name = path.strip_prefix(folder).unwrap_or(&path);
        if !paths.contains(&name.to_string_lossy().replace('\\', "/")) {
            delete(&path)?;
            deleted += 1;
        }
    }
    let generation = writer.counts.generation;
    let encoders = writer.manifest.encoders.iter();
    let names: Vec<String> = encoders
        .flat_map(|e| [e.file(generation), e.text_file(generation)])
        .collect();
    for path in all(&folder.join("vectors")).into_iter().filter(is_owned) {
        let stem = path.file_stem().map(|s| s.to_string_lossy().into_owned());
        if !names.iter().any(|name| stem.as_ref() == Some(name)) {
            delete(&path)?;
        }
    }
    for path in all(&folder.join("graph")).into_iter().filter(is_owned) {
        delete(&path)?;
    }
    Ok(deleted)
}

fn delete(path: &Path) -> Result<(), IndexError> {
    std::fs::remove_file(path).map_err(|e| FileError::from_io(path, "delete", &e).into())
}

/// The entries of a folder, collected before anything is deleted.
fn all(folder: &Path) -> Vec<PathBuf> {
    below(folder).collect()
}

/// Total size in bytes of all files below a folder.
pub fn length(folder: &Path) -> u64 {
    let sizes = below(folder).map(|path| match std::fs::symlink_metadata(&path) {
        Ok(m) if m.is_dir() => length(&path),
        Ok(m) if m.is_file() => m.len(),
        _ => 0,
    });
    sizes.sum()
}

//! The test whether an image is like the training images at all, by its texture.

use rayon::prelude::*;
use std::path::Path;

use super::RadiologyError;
use super::data::{RadiologyData, Split};
use rounds_imaging::{TEXTURE_LENGTH, load, texture_profile};
use rounds_model::bundle::{Manifest, TextureTest};
use rounds_support::{files, stderr_line};

/// Name of the file in a bundle.
const FILE: &str = "textures.bin";
/// Share of the tuning images that may be further from the training images than the limit.
const BEYOND: f32 = 0.01;

/// Writes the profiles of the training images to the bundle in `folder`; the limit is measured on the tuning images.
pub(super) fn write(
    data: &RadiologyData,
    threads: usize,
    folder: &Path,
) -> Result<TextureTest, RadiologyError> {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .map_err(|e| RadiologyError::Input(e.to_string()))?;
    let profiles = |split: Split| -> Result<Vec<[u8; TEXTURE_LENGTH]>, RadiologyError> {
        let images = data.images.par_iter().filter(|image| image.split == split);
        let read = |path: &Path| load(path).map(|image| texture_profile(&image));
        pool.install(|| {
            images
                .map(|image| read(&image.path))
                .collect::<Result<_, _>>()
        })
        .map_err(|e| RadiologyError::Input(e.to_string()))
    };
    let known = profiles(Split::Train)?.concat();
    let distances = |split: Split| -> Result<Vec<f32>, RadiologyError> {
        let profiles = profiles(split)?;
        let distance = |profile: &[u8; TEXTURE_LENGTH]| TextureTest::distance_of(profile, &known);
        let mut distances: Vec<f32> = pool.install(|| profiles.par_iter().map(distance).collect());
        distances.sort_by(|a, b| b.total_cmp(a));
        Ok(distances)
    };
    let tuning = distances(Split::Tune)?;
    let beyond = (tuning.len() as f32 * BEYOND) as usize;
    let distance = tuning.get(beyond).copied().unwrap_or(f32::MAX);
    let reported = distances(Split::Report)?;
    let refused = reported.iter().filter(|found| **found > distance).count();
    stderr_line(format_args!(
        "textures: the limit is {distance:.1}; beyond it are {beyond} of {} tuning images and {refused} of {} reporting images",
        tuning.len(),
        reported.len()
    ));
    files::write_atomic(&folder.join(FILE), &known)?;
    Ok(TextureTest {
        file: FILE.into(),
        distance,
    })
}

/// Lists the file of `test` in the manifest of the bundle in `folder`.
pub(super) fn list(
    manifest: &mut Manifest,
    test: &TextureTest,
    folder: &Path,
) -> Result<(), RadiologyError> {
    let bytes = files::read(&folder.join(&test.file))?;
    let name = test.file.clone();
    manifest.lengths.insert(name.clone(), bytes.len() as u64);
    manifest.files.insert(name, files::sha256_hex(&bytes));
    Ok(())
}

//! The test whether an image is like the training images at all, by its texture.

use rayon::prelude::*;
use std::path::Path;

use super::RadiologyError;
use super::data::{RadiologyData, Split};
use rounds_imaging::{Image, TEXTURE_LENGTH, coloured_share, load, texture_profile};
use rounds_model::bundle::{Manifest, TextureTest};
use rounds_support::{files, stderr_line};

/// Name of the file in a bundle.
const FILE: &str = "textures.bin";
/// Share of the tuning images that may be further from the training images than the limit.
const BEYOND: f32 = 0.02;

/// Writes the profiles of the training images to the bundle in `folder`. The limit is measured on the tuning images of which no
/// larger share than `colour` is coloured: the others are refused for that.
pub(super) fn write(
    data: &RadiologyData,
    colour: Option<f32>,
    threads: usize,
    folder: &Path,
) -> Result<TextureTest, RadiologyError> {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .map_err(|e| RadiologyError::Input(e.to_string()))?;
    let profiles = |split: Split| -> Result<Vec<Profile>, RadiologyError> {
        let images = data.images.par_iter().filter(|image| image.split == split);
        let read = images.map(|image| load(&image.path).map(|image| profile(&image, colour)));
        let profiles: Result<Vec<_>, _> = pool.install(|| read.collect());
        let profiles = profiles.map_err(|e| RadiologyError::Input(e.to_string()))?;
        Ok(profiles.into_iter().flatten().collect())
    };
    let known = profiles(Split::Train)?.concat();
    let distances = |split: Split| -> Result<Vec<f32>, RadiologyError> {
        let profiles = profiles(split)?;
        let distance = |profile: &Profile| TextureTest::distance_of(profile, &known);
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

type Profile = [u8; TEXTURE_LENGTH];

/// The profile of an image; `None` if it is coloured.
fn profile(image: &Image, colour: Option<f32>) -> Option<Profile> {
    let coloured = colour.is_some_and(|most| coloured_share(image) > most);
    (!coloured).then(|| texture_profile(image))
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

//! Maps as PNG files.

use std::path::{Path, PathBuf};

use crate::cli::image::refuse_to_overwrite;
use rounds_eval::probe::{Probe, overlay};
use rounds_imaging::Image;
use rounds_support::{Failure, files};

/// Where maps go.
pub(super) struct MapFiles {
    folder: Option<PathBuf>,
    force: bool,
}

impl MapFiles {
    /// Makes the folder, if there is to be one.
    pub(super) fn new(folder: Option<&Path>, force: bool) -> Result<Self, Failure> {
        if let Some(folder) = folder {
            files::create_private_dir(folder)?;
        }
        Ok(Self {
            folder: folder.map(Path::to_path_buf),
            force,
        })
    }

    fn path(&self, name: &str, image: usize) -> Option<PathBuf> {
        let folder = self.folder.as_ref()?;
        Some(folder.join(format!("{name}-image-{image}.png")))
    }

    /// Errors if a map of a case exists and may not be overwritten: before the case is computed. One name may mean several images, so
    /// [`Self::write`] looks again.
    pub(super) fn refuse_to_overwrite(&self, name: &str, images: usize) -> Result<(), Failure> {
        (1..=images).try_for_each(|image| {
            refuse_to_overwrite(self.path(name, image).as_deref(), self.force)
        })
    }

    /// Writes the maps of a case; their files, in the order of the maps.
    pub(super) fn write(
        &self,
        name: &str,
        images: &[Image],
        probe: &Probe,
    ) -> Result<Vec<PathBuf>, Failure> {
        self.refuse_to_overwrite(name, images.len())?;
        let maps = probe.attention.iter().flat_map(|all| &all.maps);
        let mut written = Vec::new();
        for map in maps {
            let image = map.image.checked_sub(1).and_then(|at| images.get(at));
            let (Some(image), Some(path)) = (image, self.path(name, map.image)) else {
                continue;
            };
            files::write_atomic(&path, &png(&overlay(image, map))?)?;
            written.push(path);
        }
        Ok(written)
    }
}

fn png(image: &Image) -> Result<Vec<u8>, Failure> {
    let mut png = std::io::Cursor::new(Vec::new());
    image::RgbImage::from_raw(image.width, image.height, image.rgb.clone())
        .ok_or_else(|| Failure::model("the map has the wrong size"))?
        .write_to(&mut png, image::ImageFormat::Png)
        .map_err(Failure::model)?;
    Ok(png.into_inner())
}

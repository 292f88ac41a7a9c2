//! One volume, or two that share their coordinates, and the images of them that a view asks for.
//!
//! A scene keeps what does not change from slice to slice, which is the window, so that scrolling costs one slice each. It
//! renders what a person sees and what a model gets: the same image.

mod montage;
mod part;
mod place;
mod under;
mod windows;
mod words;

use std::ops::Range;
use std::sync::Arc;

use crate::medical_image::{MedicalImage, Numbered, Role};
use crate::plane::Layout;
use crate::resample::check_same_space;
use crate::view::{OverlayStyle, View};
use crate::view_error::ViewError;
use crate::{Modality, Pixels, Volume};

pub use place::image_at;
pub use under::{Found, Probe};
pub use words::modality_in_words;

use windows::Windows;
use words::in_words;

/// What is looked at.
#[derive(Debug)]
pub struct Scene {
    base: Arc<Volume>,
    /// The volume without samples that `base` is one slice of.
    whole: Option<Box<Volume>>,
    windows: Windows,
    overlay: Option<Overlay>,
    time: Option<Numbered>,
}

#[derive(Debug)]
struct Overlay {
    volume: Arc<Volume>,
    windows: Windows,
    /// What is assumed about their coordinates.
    assumed: Option<String>,
}

impl Scene {
    /// One volume.
    ///
    /// Errors if its samples do not match its size.
    pub fn new(base: Arc<Volume>) -> Result<Self, ViewError> {
        check_size(&base)?;
        Ok(Self {
            windows: Windows::new(),
            base,
            whole: None,
            overlay: None,
            time: None,
        })
    }

    /// One slice of a volume that was not read as a whole; `whole` has its size, position and facts, and no samples. Views of
    /// other slices, planes and projections are errors.
    ///
    /// Errors as [`Scene::new`].
    pub fn of_slice(slice: Arc<Volume>, whole: Volume) -> Result<Self, ViewError> {
        Ok(Self {
            whole: Some(Box::new(whole)),
            ..Self::new(slice)?
        })
    }

    /// Lays a second volume over it.
    ///
    /// Errors if they do not share their coordinates, and for colours.
    pub fn with_overlay(mut self, volume: Arc<Volume>) -> Result<Self, ViewError> {
        check_size(&volume)?;
        if matches!(volume.pixels, Pixels::Rgb(_)) {
            return Err(ViewError::Colours("an overlay"));
        }
        self.overlay = Some(Overlay {
            assumed: check_same_space(self.whole.as_deref().unwrap_or(&self.base), &volume)?,
            windows: Windows::new(),
            volume,
        });
        Ok(self)
    }

    /// Says which time point or component the base is.
    pub fn at_time(mut self, time: Option<Numbered>) -> Self {
        self.time = time;
        self
    }

    /// The base, or the slice of it that was read.
    pub fn volume(&self) -> &Arc<Volume> {
        &self.base
    }

    /// How the base is laid out in a view's plane.
    pub fn layout(&self, view: &View) -> Result<Layout, ViewError> {
        Layout::of(self.whole.as_deref().unwrap_or(&self.base), view.plane)
    }

    /// The samples, their layout, and what the images of the stack are called there: those of the volume, or of the one slice
    /// that was read.
    fn held(
        &self,
        view: &View,
        layout: &Layout,
        images: Range<usize>,
    ) -> Result<(Layout, Range<usize>), ViewError> {
        if self.whole.is_none() {
            return Ok((layout.clone(), images));
        }
        let own = Layout::of(&self.base, view.plane)?;
        let here = own.position(0).zip(layout.position(images.start));
        let is_held = images.len() == 1 && here.is_none_or(|(a, b)| (a - b).abs() < 0.01);
        match is_held {
            true => Ok((own, 0..1)),
            false => Err(ViewError::Size(
                "only one slice of this scan was read".to_owned(),
            )),
        }
    }

    /// The image that a view asks for: with an overlay, the fusion.
    pub fn render(&self, view: &View) -> Result<MedicalImage, ViewError> {
        let role = match self.overlay {
            Some(_) => Role::Fusion,
            None => Role::Base,
        };
        self.render_as(view, role)
    }

    /// The image, and with an overlay first the base and the overlay alone: base, overlay, fusion.
    pub fn render_all(&self, view: &View) -> Result<Vec<MedicalImage>, ViewError> {
        let roles: &[Role] = match self.overlay {
            Some(_) => &[Role::Base, Role::Overlay, Role::Fusion],
            None => &[Role::Base],
        };
        roles
            .iter()
            .map(|role| self.render_as(view, *role))
            .collect()
    }

    /// The images of the stack that a view takes together, counted from 0.
    fn images(&self, view: &View, layout: &Layout) -> Result<Range<usize>, ViewError> {
        let image = image_at(layout, view.place)?;
        match (view.projection, view.slab_mm) {
            (None, _) => Ok(image..image + 1),
            (Some(_), Some(mm)) => layout.slab(image, mm),
            (Some(_), None) => Ok(0..layout.count()),
        }
    }

    fn render_as(&self, view: &View, role: Role) -> Result<MedicalImage, ViewError> {
        let layout = self.layout(view)?;
        let ground = self.ground(view, role)?;
        let (part, slice, what) = match view.montage {
            Some(count) => {
                let numbers = montage::spread(layout.count(), count);
                let mut parts = Vec::new();
                for number in &numbers {
                    parts.push(self.part(view, &layout, *number..number + 1, role)?);
                }
                let what = montage::in_words(&layout, &numbers);
                (montage::join(&parts)?, None, what)
            }
            None => {
                let images = self.images(view, &layout)?;
                let middle = middle(&images);
                let what = in_words(view, &layout, &images);
                let part = self.part(view, &layout, images, role)?;
                (part, Some(middle), what)
            }
        };
        let overlay = self.overlay_in_words(view, role, &part)?;
        let (width, height) = (side(part.width)?, side(part.height)?);
        let mut line = format!("{what}, {ground}");
        if let Some(time) = self.time {
            line = format!("time {} of {}, {line}", time.number, time.of);
        }
        if let Some(overlay) = &overlay {
            line = format!("{line}, with {overlay}");
        }
        if role == Role::Overlay {
            line = format!("overlay alone: {line}");
        }
        let facts = match (&self.overlay, role) {
            (Some(overlay), Role::Overlay) => &overlay.volume.facts,
            _ => &self.base.facts,
        };
        Ok(MedicalImage {
            width,
            height,
            how_made: line,
            role,
            plane: layout.plane.map(|plane| plane.name()),
            slice: slice.map(|image| Numbered {
                number: image + 1,
                of: layout.count(),
            }),
            position_mm: slice.and_then(|image| layout.position(image)),
            time: self.time,
            window: ground,
            pixel_mm: match part.spacing {
                [Some(across), Some(down)] => Some([across, down]),
                _ => None,
            },
            edges: layout.edges.filter(|_| slice.is_some()),
            affine: part.affine,
            overlay,
            notes: self.notes(&layout, role, &part),
            facts: facts.clone(),
            rgb: part.rgb,
        })
    }
}

/// Whether an overlay is drawn as outlines.
fn outlined(view: &View, overlay: &Volume) -> bool {
    match view.overlay_style {
        OverlayStyle::Auto => overlay.facts.modality == Modality::Labels,
        style => style == OverlayStyle::Outline,
    }
}

fn middle(images: &Range<usize>) -> usize {
    images.start + images.len().saturating_sub(1) / 2
}

fn side(length: usize) -> Result<u32, ViewError> {
    u32::try_from(length).map_err(|_| ViewError::Size("the image is too large".to_owned()))
}

fn check_size(volume: &Volume) -> Result<(), ViewError> {
    let voxels = volume
        .size
        .iter()
        .try_fold(1_usize, |n, side| n.checked_mul(*side));
    let (samples, channels) = match &volume.pixels {
        Pixels::Values(values) => (values.len(), 1),
        Pixels::Rgb(rgb) => (rgb.len(), 3),
    };
    match voxels.and_then(|n| n.checked_mul(channels)) {
        Some(expected) if expected > 0 && expected == samples => Ok(()),
        _ => Err(ViewError::Size(
            "the volume's samples do not match its size".to_owned(),
        )),
    }
}

#[cfg(test)]
mod tests;

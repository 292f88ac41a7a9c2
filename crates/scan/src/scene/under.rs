//! What lies under a pixel, and under a rectangle, of the image that a view asks for.

use super::{Scene, outlined};
use crate::geometry::{apply, from_columns, inverse};
use crate::medical_image::Role;
use crate::plane::Slice;
use crate::radiomics::{FirstOrder, Rectangle, Region, measure};
use crate::resample::{Grid, Interpolation, sample};
use crate::view::View;
use crate::view_error::ViewError;
use crate::window::Window;
use crate::{Modality, Pixels, Volume};

/// What lies under a pixel.
#[derive(Clone, Debug, PartialEq)]
pub struct Probe {
    /// The value before the window; `None` for colours and samples without a value.
    pub value: Option<f32>,
    /// Its unit.
    pub unit: Option<String>,
    /// Column, row and slice of the file's grid, counted from 0.
    pub voxel: [usize; 3],
    /// Millimetres in the patient: to the left, to the back, to the head.
    pub position_mm: Option<[f64; 3]>,
    /// The value of the overlay there.
    pub overlay: Option<f32>,
    /// The unit of the overlay.
    pub overlay_unit: Option<String>,
}

/// Where a place of the patient is in a plane.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Found {
    /// The slice, counted from 1.
    pub number: usize,
    /// The pixel and line, from the centre of the first.
    pub pixel: [f64; 2],
}

impl Scene {
    /// What lies under a pixel of the image that a view asks for, counted from 0. `None` outside, in a montage and in a
    /// projection of several slices.
    pub fn probe(&self, view: &View, pixel: [u32; 2]) -> Result<Option<Probe>, ViewError> {
        let layout = self.layout(view)?;
        let images = self.images(view, &layout)?;
        if view.montage.is_some() || images.len() != 1 {
            return Ok(None);
        }
        let slice = Slice::frame(&layout, images.start);
        let (width, height) = slice.square_size();
        let [x, y] = pixel.map(|at| at as usize);
        if x >= width || y >= height {
            return Ok(None);
        }
        let at = |pixel: usize, from: usize, to: usize| (pixel * 2 + 1) * to / (from * 2);
        let (held, image) = self.held(view, &layout, images)?;
        let voxel = held.voxel([
            at(x, width, layout.size[0]),
            at(y, height, layout.size[1]),
            image.start,
        ]);
        let place = self
            .base
            .affine
            .filter(|_| layout.plane.is_some())
            .map(|affine| apply(&affine, voxel.map(|at| at as f64)));
        Ok(Some(Probe {
            value: value_at(&self.base, voxel),
            unit: self.base.facts.unit.clone(),
            voxel,
            position_mm: place,
            overlay: self.overlay_at(place),
            overlay_unit: self
                .overlay
                .as_ref()
                .and_then(|overlay| overlay.volume.facts.unit.clone()),
        }))
    }

    /// The values that are black and white in a view, before any factor: of an overlay alone those at the ends of its colours,
    /// otherwise those of the base. `None` for colours and maps of labels.
    pub fn window_range(&self, view: &View, role: Role) -> Option<[f64; 2]> {
        let is_map = self.base.facts.modality == Modality::Labels && view.window == Window::Auto;
        let applied = match (&self.overlay, role) {
            (Some(overlay), Role::Overlay) if outlined(view, &overlay.volume) => return None,
            (Some(overlay), Role::Overlay) => {
                overlay.windows.get(view.overlay_window, &overlay.volume)
            }
            _ if is_map || matches!(self.base.pixels, Pixels::Rgb(_)) => return None,
            _ => self.windows.get(view.window, &self.base),
        };
        let applied = applied.ok()?;
        let (low, high) = applied.tone.ends();
        let range = [low / applied.tone.factor, high / applied.tone.factor];
        let is_range = range.iter().all(|end| end.is_finite()) && range[0] < range[1];
        is_range.then_some(range)
    }

    /// How much of the base the overlay covers in a view, from 0 to 1; of outlines, how much their inside is tinted. `None`
    /// without an overlay.
    pub fn opacity(&self, view: &View) -> Option<f64> {
        let overlay = self.overlay.as_ref()?;
        Some(match outlined(view, &overlay.volume) {
            true => view.outline_opacity(),
            false => view.colour_opacity(),
        })
    }

    /// Where a place in the patient (millimetres) is in the plane of a view: the slice, counted from 1, and the pixel. So a
    /// cross-hair follows from plane to plane, and two scans side by side stay together. `None` outside of the scan, and
    /// without a position in the patient.
    pub fn find(&self, view: &View, place: [f64; 3]) -> Result<Option<Found>, ViewError> {
        let layout = self.layout(view)?;
        let Some(back) = layout.affine.and_then(|affine| inverse(&affine)) else {
            return Ok(None);
        };
        let at = apply(&back, place);
        let inside = |axis: usize| at[axis] >= -0.5 && at[axis] <= layout.size[axis] as f64 - 0.5;
        if !(inside(0) && inside(1) && inside(2)) {
            return Ok(None);
        }
        let image = (at[2].round().max(0.0) as usize).min(layout.count().saturating_sub(1));
        let (width, height) = Slice::frame(&layout, image).square_size();
        let scaled = |at: f64, from: usize, to: usize| (at + 0.5) * to as f64 / from as f64 - 0.5;
        Ok(Some(Found {
            number: image + 1,
            pixel: [
                scaled(at[0], layout.size[0], width),
                scaled(at[1], layout.size[1], height),
            ],
        }))
    }

    /// Measures the voxels under a rectangle of the image that a view asks for. `bin_width` as for [`crate::radiomics::measure`].
    ///
    /// Errors in a montage and in a projection of several slices, and as `measure`.
    pub fn measure(
        &self,
        view: &View,
        rectangle: Rectangle,
        bin_width: Option<f64>,
    ) -> Result<FirstOrder, ViewError> {
        let layout = self.layout(view)?;
        let images = self.images(view, &layout)?;
        if view.montage.is_some() || images.len() != 1 {
            return Err(ViewError::Contradiction(
                "a rectangle is measured on one slice, not on a montage or a projection".to_owned(),
            ));
        }
        let (held, images) = self.held(view, &layout, images)?;
        let region = Region::shown(&held, images.start, rectangle)?;
        measure(&self.base, &region, bin_width)
    }

    fn overlay_at(&self, place: Option<[f64; 3]>) -> Option<f32> {
        let overlay = &self.overlay.as_ref()?.volume;
        let grid = Grid {
            size: [1, 1, 1],
            affine: from_columns([1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0], place?),
        };
        let how = Interpolation::for_volume(overlay);
        let value = sample(overlay, &grid, how).ok()?;
        value.first().copied().filter(|value| !value.is_nan())
    }
}

fn value_at(volume: &Volume, [x, y, z]: [usize; 3]) -> Option<f32> {
    let Pixels::Values(values) = &volume.pixels else {
        return None;
    };
    let index = x + volume.size[0] * (y + volume.size[1] * z);
    values.get(index).copied().filter(|value| !value.is_nan())
}

//! A volume on the grid of another, by the positions that both files state.
//!
//! Values are interpolated between the eight voxels around a place; labels are those of the nearest voxel, because a label
//! between two labels means nothing. Places outside have no value. Nothing is registered: scans that do not share their
//! coordinates are refused, never guessed at.

use crate::geometry::{Affine, apply, column, compose, inverse};
use crate::view_error::ViewError;
use crate::{Modality, Pixels, Volume};

/// The most voxels that a resampled volume may have.
pub const MAX_VOXELS: usize = 1 << 28;

/// Where samples are wanted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Grid {
    /// Columns, rows and slices.
    pub size: [usize; 3],
    /// From their indices to millimetres in the patient.
    pub affine: Affine,
}

impl Grid {
    /// The grid of a volume.
    ///
    /// Errors if the file states no position.
    pub fn of(volume: &Volume) -> Result<Self, ViewError> {
        Ok(Self {
            size: volume.size,
            affine: volume.affine.ok_or_else(no_position)?,
        })
    }
}

/// How values between voxels are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interpolation {
    /// Between the eight voxels around.
    Trilinear,
    /// The nearest voxel.
    Nearest,
}

impl Interpolation {
    /// What suits a volume.
    pub fn for_volume(volume: &Volume) -> Self {
        match volume.facts.modality {
            Modality::Labels => Self::Nearest,
            _ => Self::Trilinear,
        }
    }
}

fn no_position() -> ViewError {
    ViewError::DifferentSpaces("one of the files states no position in the patient".to_owned())
}

/// Checks that two volumes share their coordinates. Returns what remains uncertain, as a sentence.
///
/// Errors if the frames of reference are known and differ, if a position is missing, or if the scans do not overlap.
pub fn check_same_space(base: &Volume, other: &Volume) -> Result<Option<String>, ViewError> {
    let (first, second) = (&base.facts, &other.facts);
    let frames = (&first.frame_of_reference, &second.frame_of_reference);
    if let (Some(a), Some(b)) = frames
        && a != b
    {
        return Err(ViewError::DifferentSpaces(
            "their frames of reference differ, so that equal positions are not equal places".into(),
        ));
    }
    if let (Some(a), Some(b)) = (&first.patient, &second.patient)
        && a != b
        && !matches!(frames, (Some(_), Some(_)))
    {
        return Err(ViewError::DifferentSpaces(
            "they are of different patients".to_owned(),
        ));
    }
    let grid = Grid::of(base)?;
    if !overlap(&grid, &Grid::of(other)?)? {
        return Err(ViewError::DifferentSpaces(
            "they show different parts of the patient and do not overlap".to_owned(),
        ));
    }
    let known = matches!(frames, (Some(_), Some(_)));
    Ok((!known).then(|| {
        "a file states no frame of reference: that the scans share their coordinates is assumed"
            .to_owned()
    }))
}

/// Whether the boxes around two grids, along the axes of the first, have something in common.
fn overlap(base: &Grid, other: &Grid) -> Result<bool, ViewError> {
    let back = compose(&usable_inverse(base)?, &other.affine);
    usable_inverse(other)?;
    let mut low = [f64::INFINITY; 3];
    let mut high = [f64::NEG_INFINITY; 3];
    for corner in 0..8_usize {
        let at = |axis: usize| match corner >> axis & 1 {
            0 => -0.5,
            _ => other.size[axis] as f64 - 0.5,
        };
        let place = apply(&back, [at(0), at(1), at(2)]);
        for axis in 0..3 {
            low[axis] = low[axis].min(place[axis]);
            high[axis] = high[axis].max(place[axis]);
        }
    }
    Ok((0..3).all(|axis| low[axis] < base.size[axis] as f64 - 0.5 && high[axis] > -0.5))
}

fn usable_inverse(grid: &Grid) -> Result<Affine, ViewError> {
    inverse(&grid.affine).ok_or_else(|| {
        ViewError::DifferentSpaces("one of the files states an impossible position".to_owned())
    })
}

/// The samples of `volume` at the places of `grid`.
///
/// Errors for colours, without a position, or if the grid is too large. Whether the coordinates are shared is the question of
/// [`check_same_space`].
pub fn resample(volume: &Volume, grid: &Grid, how: Interpolation) -> Result<Volume, ViewError> {
    let values = sample(volume, grid, how)?;
    let spacing = [0, 1, 2].map(|axis| {
        let step = column(&grid.affine, axis);
        Some(crate::geometry::length(step)).filter(|mm| *mm > 0.0)
    });
    Ok(Volume {
        size: grid.size,
        pixels: Pixels::Values(values),
        affine: Some(grid.affine),
        spacing,
        facts: volume.facts.clone(),
    })
}

/// As [`resample`], the values only.
pub(crate) fn sample(
    volume: &Volume,
    grid: &Grid,
    how: Interpolation,
) -> Result<Vec<f32>, ViewError> {
    let Pixels::Values(values) = &volume.pixels else {
        return Err(ViewError::Colours("a combination with another scan"));
    };
    let voxels = grid
        .size
        .iter()
        .try_fold(1_usize, |n, side| n.checked_mul(*side));
    let voxels = voxels.filter(|n| *n <= MAX_VOXELS).ok_or_else(|| {
        let [x, y, z] = grid.size;
        ViewError::Size(format!("a grid of {x} x {y} x {z} voxels is too large"))
    })?;
    let own = Grid::of(volume)?;
    let map = compose(&usable_inverse(&own)?, &grid.affine);
    let source = Source {
        values,
        size: volume.size,
    };
    let mut out = Vec::with_capacity(voxels);
    let step = column(&map, 0);
    for z in 0..grid.size[2] {
        for y in 0..grid.size[1] {
            let start = apply(&map, [0.0, y as f64, z as f64]);
            for x in 0..grid.size[0] {
                let x = x as f64;
                let place = [
                    start[0] + step[0] * x,
                    start[1] + step[1] * x,
                    start[2] + step[2] * x,
                ];
                out.push(match how {
                    Interpolation::Nearest => source.nearest(place),
                    Interpolation::Trilinear => source.trilinear(place),
                });
            }
        }
    }
    Ok(out)
}

/// A volume that can be asked between its voxels. A voxel reaches half a step to each side of its centre.
struct Source<'a> {
    values: &'a [f32],
    size: [usize; 3],
}

impl Source<'_> {
    fn at(&self, [x, y, z]: [usize; 3]) -> f32 {
        let index = x + self.size[0] * (y + self.size[1] * z);
        self.values.get(index).copied().unwrap_or(f32::NAN)
    }

    fn inside(&self, place: [f64; 3]) -> bool {
        // A little more than half a voxel: positions in files are rounded.
        const REACH: f64 = 0.5 + 1e-4;
        let within = |axis: usize| {
            place[axis] >= -REACH && place[axis] <= self.size[axis] as f64 - 1.0 + REACH
        };
        within(0) && within(1) && within(2)
    }

    fn nearest(&self, place: [f64; 3]) -> f32 {
        if !self.inside(place) {
            return f32::NAN;
        }
        let on = |axis: usize| {
            let last = self.size[axis] as f64 - 1.0;
            place[axis].round().clamp(0.0, last) as usize
        };
        self.at([on(0), on(1), on(2)])
    }

    fn trilinear(&self, place: [f64; 3]) -> f32 {
        if !self.inside(place) {
            return f32::NAN;
        }
        let mut low = [0; 3];
        let mut share = [0.0_f64; 3];
        for axis in 0..3 {
            let last = self.size[axis].saturating_sub(1);
            let on = place[axis].clamp(0.0, last as f64);
            low[axis] = (on as usize).min(last);
            share[axis] = on - low[axis] as f64;
        }
        match self.between(low, share) {
            Some(value) if !value.is_nan() => value,
            _ => self.between_some(low, share),
        }
    }

    /// Where all eight voxels are there; NaN if one of them has no value.
    fn between(&self, low: [usize; 3], share: [f64; 3]) -> Option<f32> {
        let inner = |axis: usize| low[axis] + 1 < self.size[axis];
        if !(inner(0) && inner(1) && inner(2)) {
            return None;
        }
        let (line, plane) = (self.size[0], self.size[0] * self.size[1]);
        let start = low[0] + line * low[1] + plane * low[2];
        let along = |start: usize| {
            let [a, b] = *self.values.get(start..)?.first_chunk::<2>()?;
            let (a, b) = (f64::from(a), f64::from(b));
            Some(a + (b - a) * share[0])
        };
        let (top, bottom) = (along(start)?, along(start + line)?);
        let front = top + (bottom - top) * share[1];
        let (top, bottom) = (along(start + plane)?, along(start + plane + line)?);
        let back = top + (bottom - top) * share[1];
        Some((front + (back - front) * share[2]) as f32)
    }

    /// At the border, and where some voxels have no value: from those that have one.
    fn between_some(&self, low: [usize; 3], share: [f64; 3]) -> f32 {
        let (mut sum, mut weights) = (0.0, 0.0);
        for corner in 0..8_usize {
            let mut weight = 1.0;
            let mut at = low;
            for axis in 0..3 {
                if corner >> axis & 1 == 1 {
                    weight *= share[axis];
                    at[axis] = (at[axis] + 1).min(self.size[axis] - 1);
                } else {
                    weight *= 1.0 - share[axis];
                }
            }
            if weight > 0.0 {
                let value = self.at(at);
                if !value.is_nan() {
                    sum += weight * f64::from(value);
                    weights += weight;
                }
            }
        }
        // Where most of what surrounds a place has no value, it has none either.
        if weights < 0.5 {
            return f32::NAN;
        }
        (sum / weights) as f32
    }
}

#[cfg(test)]
mod tests;

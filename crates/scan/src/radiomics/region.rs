//! What is measured: a rectangle of a shown slice, a box of voxels, or a label of a label map.

use std::sync::Arc;

use crate::outline::label_of;
use crate::plane::{Layout, Slice};
use crate::resample::{Grid, Interpolation, check_same_space, sample};
use crate::view_error::ViewError;
use crate::{Pixels, Volume};

/// A rectangle on an image: left, top, width and height in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rectangle {
    /// Left edge, counted from 0.
    pub x: u32,
    /// Upper edge, counted from 0.
    pub y: u32,
    /// Width, at least 1.
    pub width: u32,
    /// Height, at least 1.
    pub height: u32,
}

/// A part of a volume.
#[derive(Clone, Debug)]
pub enum Region {
    /// A box of voxels of the file's grid.
    Voxels {
        /// The first column, row and slice, counted from 0.
        from: [usize; 3],
        /// Those after the last.
        to: [usize; 3],
    },
    /// The voxels that have a label in another volume, which may have another grid.
    Label {
        /// The label map.
        labels: Arc<Volume>,
        /// The label.
        value: u32,
    },
}

impl Rectangle {
    /// Reads `X,Y,WIDTH,HEIGHT`.
    pub fn parse(text: &str) -> Option<Self> {
        let numbers: Vec<u32> = text
            .split(',')
            .map(|n| n.trim().parse().ok())
            .collect::<Option<_>>()?;
        match numbers.as_slice() {
            [x, y, width, height] if *width > 0 && *height > 0 => Some(Self {
                x: *x,
                y: *y,
                width: *width,
                height: *height,
            }),
            _ => None,
        }
    }

    /// The edges after the last pixel; a sum beyond the range saturates.
    pub(crate) fn ends(&self) -> (u32, u32) {
        (
            self.x.saturating_add(self.width),
            self.y.saturating_add(self.height),
        )
    }
}

impl Region {
    /// The voxels under a rectangle of image `image` (counted from 0) as it is shown, that is with square pixels: those whose
    /// centres lie inside it.
    ///
    /// Errors if there are none.
    pub fn shown(layout: &Layout, image: usize, rectangle: Rectangle) -> Result<Self, ViewError> {
        let (width, height) = Slice::frame(layout, image).square_size();
        let (right, bottom) = rectangle.ends();
        let across = inside(rectangle.x, right, width, layout.size[0]);
        let down = inside(rectangle.y, bottom, height, layout.size[1]);
        let (Some((left, right)), Some((top, bottom))) = (across, down) else {
            return Err(ViewError::EmptyRegion(format!(
                "the image has {width} x {height} pixels"
            )));
        };
        let first = layout.voxel([left, top, image]);
        let last = layout.voxel([right, bottom, image]);
        let axis = |n: usize| (first[n].min(last[n]), first[n].max(last[n]) + 1);
        let ends = [axis(0), axis(1), axis(2)];
        Ok(Self::Voxels {
            from: ends.map(|(from, _)| from),
            to: ends.map(|(_, to)| to),
        })
    }

    /// For a message.
    pub(crate) fn in_words(&self) -> String {
        match self {
            Self::Voxels { from, to } => {
                let side = |axis: usize| to[axis].saturating_sub(from[axis]);
                format!("a box of {} x {} x {} voxels", side(0), side(1), side(2))
            }
            Self::Label { value, .. } => format!("label {value}"),
        }
    }
}

/// The first and the last of `old` voxels whose centres lie in the pixels `from..to` of `new`.
fn inside(from: u32, to: u32, new: usize, old: usize) -> Option<(usize, usize)> {
    let scale = new as f64 / old as f64;
    let within = |voxel: &usize| {
        let centre = (*voxel as f64 + 0.5) * scale;
        f64::from(from) <= centre && centre < f64::from(to)
    };
    let first = (0..old).find(within)?;
    let last = (0..old).rev().find(within)?;
    Some((first, last))
}

/// The values of a region, with `NaN` for those that are missing.
///
/// Errors for colours, and for a label map on other coordinates.
pub fn values_in(volume: &Volume, region: &Region) -> Result<Vec<f32>, ViewError> {
    let Pixels::Values(values) = &volume.pixels else {
        return Err(ViewError::Colours("a measurement"));
    };
    match region {
        Region::Voxels { from, to } => Ok(in_box(values, volume.size, *from, *to)),
        Region::Label { labels, value } => {
            let mask = mask(volume, labels)?;
            let chosen = values.iter().zip(mask).filter(|(_, label)| label == value);
            Ok(chosen.map(|(value, _)| *value).collect())
        }
    }
}

fn in_box(values: &[f32], size: [usize; 3], from: [usize; 3], to: [usize; 3]) -> Vec<f32> {
    let to = [0, 1, 2].map(|axis| to[axis].min(size[axis]));
    let mut found = Vec::new();
    for z in from[2]..to[2] {
        for y in from[1]..to[1] {
            let row = size[0] * (y + size[1] * z);
            let part = values.get(row + from[0].min(to[0])..row + to[0]);
            found.extend_from_slice(part.unwrap_or_default());
        }
    }
    found
}

/// The label of each voxel of `volume`.
fn mask(volume: &Volume, labels: &Volume) -> Result<Vec<u32>, ViewError> {
    let Pixels::Values(own) = &labels.pixels else {
        return Err(ViewError::Colours("a label map"));
    };
    // Two files on the same grid need no position, as label maps drawn on one image have none.
    let same_grid = volume.size == labels.size && same_map(volume, labels);
    if same_grid {
        return Ok(own.iter().map(|value| label_of(*value)).collect());
    }
    check_same_space(volume, labels)?;
    let resampled = sample(labels, &Grid::of(volume)?, Interpolation::Nearest)?;
    Ok(resampled.into_iter().map(label_of).collect())
}

fn same_map(volume: &Volume, labels: &Volume) -> bool {
    match (volume.affine, labels.affine) {
        (Some(a), Some(b)) => {
            let pairs = a.iter().flatten().zip(b.iter().flatten());
            pairs.into_iter().all(|(a, b)| (a - b).abs() < 1e-3)
        }
        (None, _) | (_, None) => true,
    }
}

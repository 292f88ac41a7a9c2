//! Planes of a volume as radiologists look at them: the patient's right on the left of the image, the head or the front up.
//!
//! An oblique volume is shown along its own axes, each named after the patient axis it lies nearest to; nothing is rotated,
//! so what is shown are the samples of the file. Which axis is which is decided for all three together, so that each plane
//! exists once. A volume without a position in the patient has only its own frames, which are never turned.

mod slice;

use std::ops::Range;

use crate::Volume;
use crate::geometry::{Affine, apply, column, compose, dot, length};
use crate::view_error::ViewError;

pub use slice::{MAX_SIDE, Slice};

/// A plane through the patient.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Plane {
    /// Across the body, seen from the feet.
    Axial,
    /// Parallel to the face, seen from the front.
    Coronal,
    /// Parallel to the profile, seen from the patient's left: the front on the left of the image.
    Sagittal,
}

impl Plane {
    /// All planes.
    pub const ALL: [Self; 3] = [Self::Axial, Self::Coronal, Self::Sagittal];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Axial => "axial",
            Self::Coronal => "coronal",
            Self::Sagittal => "sagittal",
        }
    }

    /// Reads a plane's name.
    pub fn parse(text: &str) -> Result<Self, ViewError> {
        let lower = text.trim().to_lowercase();
        let named = Self::ALL.into_iter().find(|plane| plane.name() == lower);
        named
            .or(match lower.as_str() {
                "transverse" | "transaxial" => Some(Self::Axial),
                _ => None,
            })
            .ok_or_else(|| ViewError::BadValue {
                key: "plane",
                value: rounds_support::sanitise::clean_line_max(text, 40),
                expected: "axial, coronal or sagittal".to_owned(),
            })
    }

    /// The patient's axes that go to the right, down and from slice to slice, and whether against the axis.
    fn display(self) -> [(usize, bool); 3] {
        match self {
            // To the left of the patient, to the back; slices from the feet to the head.
            Self::Axial => [(0, false), (1, false), (2, false)],
            // To the left of the patient, to the feet; slices from the front to the back.
            Self::Coronal => [(0, false), (2, true), (1, false)],
            // To the back, to the feet; slices from the right to the left.
            Self::Sagittal => [(1, false), (2, true), (0, false)],
        }
    }
}

/// Letters at the edges of an image: right, left, anterior, posterior, head, feet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Edges {
    /// At the left edge of the image.
    pub left: char,
    /// At the right edge.
    pub right: char,
    /// At the upper edge.
    pub top: char,
    /// At the lower edge.
    pub bottom: char,
}

/// The letters at the low and the high end of the patient's axes.
const LETTERS: [(char, char); 3] = [('R', 'L'), ('A', 'P'), ('F', 'H')];

/// An axis of the volume as it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Axis {
    /// 0 for columns, 1 for rows, 2 for slices.
    pub voxel: usize,
    /// Shown from its end to its beginning.
    pub reversed: bool,
}

/// How a volume is laid out as a stack of images.
#[derive(Clone, Debug, PartialEq)]
pub struct Layout {
    /// The plane; `None` for frames as stored.
    pub plane: Option<Plane>,
    /// From left to right.
    pub across: Axis,
    /// From top to bottom.
    pub down: Axis,
    /// From one image to the next.
    pub through: Axis,
    /// Pixels from left to right, from top to bottom, and images.
    pub size: [usize; 3],
    /// Millimetres between these, where known.
    pub spacing: [Option<f64>; 3],
    /// Width and height of a pixel, to scale with each other only; equal where nothing is known.
    pub shape: [f64; 2],
    /// From (pixel, line, image), counted from 0, to millimetres in the patient.
    pub affine: Option<Affine>,
    /// The letters at the edges.
    pub edges: Option<Edges>,
    /// The largest angle between an axis of the volume and the patient axis it stands for, in degrees.
    pub obliqueness: f64,
}

impl Layout {
    /// The layout of `plane`, or of the volume's own slices if none is given.
    ///
    /// Errors for a plane of a volume without position, and of a volume with only one slice that lies in another plane.
    pub fn of(volume: &Volume, plane: Option<Plane>) -> Result<Self, ViewError> {
        let Some(affine) = volume.affine.filter(|affine| usable(affine, volume.size)) else {
            return match plane {
                Some(plane) => Err(ViewError::NoOrientation {
                    plane: plane.name(),
                }),
                None => Ok(Self::stored(volume)),
            };
        };
        let axes = nearest_axes(&affine);
        let own = own_plane(&axes);
        let plane = plane.unwrap_or(own);
        if plane != own && volume.size[2] == 1 {
            return Err(ViewError::OutOfRange {
                what: "plane",
                asked: plane.name().to_owned(),
                available: format!("there is one slice, which is {}", own.name()),
            });
        }
        let shown = plane.display().map(|(patient, against)| {
            let voxel = axes.iter().position(|axis| axis.patient == patient);
            let voxel = voxel.unwrap_or(patient);
            let reversed = axes[voxel].negative != against;
            Axis { voxel, reversed }
        });
        let mut layout = Self::with(volume, Some(plane), shown);
        let reorder = reorder(&layout);
        layout.affine = Some(compose(&affine, &reorder));
        for (spacing, axis) in layout.spacing.iter_mut().zip(shown) {
            let step = length(column(&affine, axis.voxel));
            *spacing = Some(step).filter(|mm| *mm > 0.0).or(*spacing);
        }
        layout.shape = shape(layout.spacing, None);
        layout.obliqueness = axes.iter().map(|axis| axis.angle).fold(0.0, f64::max);
        layout.edges = Some(edges(plane));
        Ok(layout)
    }

    fn stored(volume: &Volume) -> Self {
        let straight = [0, 1, 2].map(|voxel| Axis {
            voxel,
            reversed: false,
        });
        Self::with(volume, None, straight)
    }

    fn with(volume: &Volume, plane: Option<Plane>, [across, down, through]: [Axis; 3]) -> Self {
        let spacing = [across, down, through].map(|axis| {
            let known = volume.spacing[axis.voxel];
            known.filter(|mm| mm.is_finite() && *mm > 0.0)
        });
        Self {
            plane,
            across,
            down,
            through,
            size: [across, down, through].map(|axis| volume.size[axis.voxel]),
            spacing,
            shape: shape(spacing, volume.facts.pixel_aspect),
            affine: None,
            edges: None,
            obliqueness: 0.0,
        }
    }

    /// The number of images.
    pub fn count(&self) -> usize {
        self.size[2]
    }

    /// What one of the images is called.
    pub fn noun(&self) -> &'static str {
        if self.plane.is_some() {
            "slice"
        } else {
            "frame"
        }
    }

    /// The coordinate of an image's centre along the patient axis that its plane crosses, in millimetres: z for axial, y for
    /// coronal, x for sagittal. `None` without a position in the patient.
    pub fn position(&self, image: usize) -> Option<f64> {
        let (plane, affine) = (self.plane?, self.affine?);
        let middle = |count: usize| (count as f64 - 1.0) / 2.0;
        let centre = [middle(self.size[0]), middle(self.size[1]), image as f64];
        Some(apply(&affine, centre)[plane.display()[2].0])
    }

    /// The letter of the axis of [`Layout::position`].
    pub fn position_axis(&self) -> Option<char> {
        let axis = self.plane?.display()[2].0;
        ['x', 'y', 'z'].get(axis).copied()
    }

    /// The voxel under a pixel of an image, all counted from 0.
    pub fn voxel(&self, pixel: [usize; 3]) -> [usize; 3] {
        let mut voxel = [0; 3];
        let axes = [self.across, self.down, self.through];
        for ((axis, at), count) in axes.into_iter().zip(pixel).zip(self.size) {
            let last = count.saturating_sub(1);
            voxel[axis.voxel] = if axis.reversed {
                last.saturating_sub(at)
            } else {
                at.min(last)
            };
        }
        voxel
    }

    /// The images within half of `slab_mm` around `image`.
    ///
    /// Errors if the spacing is unknown.
    pub fn slab(&self, image: usize, slab_mm: f64) -> Result<Range<usize>, ViewError> {
        let spacing = self.spacing[2].ok_or(ViewError::NoSpacing("a slab"))?;
        // A slab as thick as one slice is that slice.
        let reach = ((slab_mm / 2.0) / spacing + 1e-6).floor();
        let reach = reach.clamp(0.0, self.count() as f64) as usize;
        Ok(image.saturating_sub(reach)..(image + reach + 1).min(self.count()))
    }
}

/// Width and height of a pixel: from the spacing, else from what the file states as the height over the width.
fn shape(spacing: [Option<f64>; 3], aspect: Option<f64>) -> [f64; 2] {
    match (spacing, aspect) {
        ([Some(across), Some(down), _], _) => [across, down],
        (_, Some(aspect)) if aspect.is_finite() && (0.01..=100.0).contains(&aspect) => {
            [1.0, aspect]
        }
        _ => [1.0, 1.0],
    }
}

/// Whether a map can be trusted: finite, and no axis that matters of length 0.
fn usable(affine: &Affine, size: [usize; 3]) -> bool {
    let finite = affine.iter().flatten().all(|x| x.is_finite());
    finite && (0..3).all(|axis| size[axis] == 1 || length(column(affine, axis)) > 0.0)
}

/// The patient axis that an axis of a volume stands for.
#[derive(Clone, Copy, Debug)]
struct Nearest {
    patient: usize,
    /// Against the patient axis.
    negative: bool,
    /// Between the two, in degrees.
    angle: f64,
}

/// The assignment of the volume's axes to the patient's with the largest sum of cosines.
fn nearest_axes(affine: &Affine) -> [Nearest; 3] {
    const ORDERS: [[usize; 3]; 6] = [
        [0, 1, 2],
        [0, 2, 1],
        [1, 0, 2],
        [1, 2, 0],
        [2, 0, 1],
        [2, 1, 0],
    ];
    let cosine = |voxel: usize, patient: usize| {
        let step = column(affine, voxel);
        let mut axis = [0.0; 3];
        axis[patient] = 1.0;
        dot(step, axis) / length(step).max(f64::MIN_POSITIVE)
    };
    let fit = |order: &[usize; 3]| {
        let cosines = order.iter().enumerate().map(|(v, p)| cosine(v, *p).abs());
        cosines.sum::<f64>()
    };
    // Of equal ones, the first wins, so that a volume turned by 45 degrees keeps its own order.
    let mut best = ORDERS[0];
    for order in ORDERS {
        if fit(&order) > fit(&best) + 1e-9 {
            best = order;
        }
    }
    [0, 1, 2].map(|voxel| {
        let patient = best[voxel];
        let cosine = cosine(voxel, patient);
        Nearest {
            patient,
            negative: cosine < 0.0,
            // An axis of length 0, which only a single slice may have, has no direction.
            angle: match length(column(affine, voxel)) > 0.0 {
                true => cosine.abs().min(1.0).acos().to_degrees(),
                false => 0.0,
            },
        }
    })
}

/// The plane of the volume's own slices.
fn own_plane(axes: &[Nearest; 3]) -> Plane {
    match axes[2].patient {
        0 => Plane::Sagittal,
        1 => Plane::Coronal,
        _ => Plane::Axial,
    }
}

fn edges(plane: Plane) -> Edges {
    let [(across, against_across), (down, against_down), _] = plane.display();
    let ends = |axis: usize, against: bool| {
        let (low, high) = LETTERS[axis];
        if against { (high, low) } else { (low, high) }
    };
    let (left, right) = ends(across, against_across);
    let (top, bottom) = ends(down, against_down);
    Edges {
        left,
        right,
        top,
        bottom,
    }
}

/// From (pixel, line, image) to (column, row, slice).
fn reorder(layout: &Layout) -> Affine {
    let mut map = [[0.0; 4]; 4];
    map[3][3] = 1.0;
    let axes = [layout.across, layout.down, layout.through];
    for (shown, axis) in axes.into_iter().enumerate() {
        let last = layout.size[shown] as f64 - 1.0;
        map[axis.voxel][shown] = if axis.reversed { -1.0 } else { 1.0 };
        map[axis.voxel][3] = if axis.reversed { last } else { 0.0 };
    }
    map
}

#[cfg(test)]
mod tests;

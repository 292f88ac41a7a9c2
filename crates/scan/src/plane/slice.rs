//! One image of a volume, in its own samples, and the same image with square pixels.

use super::Layout;
use crate::geometry::Affine;
use crate::view_error::ViewError;
use crate::{Pixels, Volume};

/// The longest side of an image with square pixels.
pub const MAX_SIDE: usize = 4096;

/// Spacings that differ by less than this share count as equal: files round them.
const SAME_SPACING: f64 = 1e-3;

/// An image of values or colours, not yet brought to grey.
#[derive(Clone, Debug, PartialEq)]
pub struct Slice {
    /// Pixels from left to right.
    pub width: usize,
    /// Pixels from top to bottom.
    pub height: usize,
    /// Its samples, line by line.
    pub pixels: Pixels,
    /// Millimetres between pixels across and down, where known.
    pub spacing: [Option<f64>; 2],
    /// Width and height of a pixel, to scale with each other only.
    pub shape: [f64; 2],
    /// From (pixel, line, 0) to millimetres in the patient; the third column is the step to the next slice.
    pub affine: Option<Affine>,
}

impl Slice {
    /// Cuts image number `image`, counted from 0, out of a volume.
    pub fn cut(volume: &Volume, layout: &Layout, image: usize) -> Result<Self, ViewError> {
        let [width, height, count] = layout.size;
        if image >= count {
            return Err(ViewError::OutOfRange {
                what: layout.noun(),
                asked: (image + 1).to_string(),
                available: format!("there are {count}"),
            });
        }
        let steps = steps(volume.size);
        let walk = Walk {
            start: index(layout.voxel([0, 0, image]), steps),
            across: signed(steps[layout.across.voxel], layout.across.reversed),
            down: signed(steps[layout.down.voxel], layout.down.reversed),
            width,
            height,
        };
        let pixels = match &volume.pixels {
            Pixels::Values(values) => Pixels::Values(walk.collect::<f32, 1>(values)?),
            Pixels::Rgb(rgb) => Pixels::Rgb(walk.collect::<u8, 3>(rgb)?),
        };
        Ok(Self {
            pixels,
            ..Self::frame(layout, image)
        })
    }

    /// The outline of an image, without its samples.
    pub(crate) fn frame(layout: &Layout, image: usize) -> Self {
        let affine = layout.affine.map(|mut affine| {
            for row in affine.iter_mut().take(3) {
                row[3] += row[2] * image as f64;
            }
            affine
        });
        Self {
            width: layout.size[0],
            height: layout.size[1],
            pixels: Pixels::Values(Vec::new()),
            spacing: [layout.spacing[0], layout.spacing[1]],
            shape: layout.shape,
            affine,
        }
    }

    /// The size that the image has with square pixels of the finer of its two spacings; its own size where they are equal.
    pub fn square_size(&self) -> (usize, usize) {
        let [across, down] = self.shape;
        let finer = across.min(down);
        if (across - down).abs() <= finer * SAME_SPACING {
            return (self.width, self.height);
        }
        let (wide, high) = (self.width as f64 * across, self.height as f64 * down);
        let pitch = finer.max(wide.max(high) / MAX_SIDE as f64);
        let side = |mm: f64| ((mm / pitch).round() as usize).clamp(1, MAX_SIDE);
        (side(wide), side(high))
    }

    /// The same image with square pixels, by linear interpolation, or by nearest neighbour where values are `labels`.
    pub fn square(self, labels: bool) -> Self {
        let (width, height) = self.square_size();
        if (width, height) == (self.width, self.height) {
            return self;
        }
        let across = Taps::of(self.width, width, labels);
        let down = Taps::of(self.height, height, labels);
        let pixels = match &self.pixels {
            Pixels::Values(values) => {
                Pixels::Values(stretch::<1>(values, self.width, &across, &down))
            }
            Pixels::Rgb(rgb) => {
                let values: Vec<f32> = rgb.iter().map(|byte| f32::from(*byte)).collect();
                let stretched = stretch::<3>(&values, self.width, &across, &down);
                Pixels::Rgb(stretched.into_iter().map(|v| v.round() as u8).collect())
            }
        };
        let (wide, high) = (
            self.width as f64 / width as f64,
            self.height as f64 / height as f64,
        );
        let spacing = [
            self.spacing[0].map(|mm| mm * wide),
            self.spacing[1].map(|mm| mm * high),
        ];
        let affine = self.affine.map(|affine| rescaled(&affine, wide, high));
        Self {
            width,
            height,
            pixels,
            spacing,
            shape: [self.shape[0] * wide, self.shape[1] * high],
            affine,
        }
    }
}

/// The map of an image whose pixels are this many old pixels wide and high, over the same area.
fn rescaled(affine: &Affine, wide: f64, high: f64) -> Affine {
    let mut scaled = *affine;
    for row in scaled.iter_mut().take(3) {
        row[3] += row[0] * (wide - 1.0) / 2.0 + row[1] * (high - 1.0) / 2.0;
        row[0] *= wide;
        row[1] *= high;
    }
    scaled
}

fn steps(size: [usize; 3]) -> [usize; 3] {
    [1, size[0], size[0] * size[1]]
}

fn index(voxel: [usize; 3], steps: [usize; 3]) -> usize {
    voxel.iter().zip(steps).map(|(at, step)| at * step).sum()
}

fn signed(step: usize, reversed: bool) -> isize {
    let step = isize::try_from(step).unwrap_or(isize::MAX);
    if reversed { -step } else { step }
}

/// A way over the voxels of one image.
struct Walk {
    start: usize,
    across: isize,
    down: isize,
    width: usize,
    height: usize,
}

impl Walk {
    fn collect<T: Copy, const CHANNELS: usize>(&self, from: &[T]) -> Result<Vec<T>, ViewError> {
        let missing = || ViewError::Size("the volume has fewer samples than its size says".into());
        let (voxels, rest) = from.as_chunks::<CHANNELS>();
        debug_assert!(rest.is_empty());
        let mut out = Vec::with_capacity(self.width * self.height * CHANNELS);
        for y in 0..self.height {
            let mut at = self.start.wrapping_add_signed(self.down * y as isize);
            for _ in 0..self.width {
                out.extend_from_slice(voxels.get(at).ok_or_else(missing)?);
                at = at.wrapping_add_signed(self.across);
            }
        }
        Ok(out)
    }
}

/// For each new pixel of a line, the two old ones it lies between and the weight of the second.
struct Taps(Vec<(usize, usize, f32)>);

impl Taps {
    fn of(old: usize, new: usize, nearest: bool) -> Self {
        let last = old.saturating_sub(1);
        let scale = old as f64 / new as f64;
        let tap = |i: usize| {
            let at = ((i as f64 + 0.5) * scale - 0.5).clamp(0.0, last as f64);
            if nearest {
                let at = ((i as f64 + 0.5) * scale).floor().min(last as f64) as usize;
                return (at, at, 0.0);
            }
            let below = at.floor() as usize;
            (below, (below + 1).min(last), (at - below as f64) as f32)
        };
        Self((0..new).map(tap).collect())
    }
}

fn stretch<const CHANNELS: usize>(
    values: &[f32],
    width: usize,
    across: &Taps,
    down: &Taps,
) -> Vec<f32> {
    let value = |x: usize, y: usize, channel: usize| {
        let at = (y * width + x) * CHANNELS + channel;
        values.get(at).copied().unwrap_or(f32::NAN)
    };
    let mut out = Vec::with_capacity(across.0.len() * down.0.len() * CHANNELS);
    for (top, bottom, lower) in &down.0 {
        for (left, right, later) in &across.0 {
            for channel in 0..CHANNELS {
                let upper = mix(
                    value(*left, *top, channel),
                    value(*right, *top, channel),
                    *later,
                );
                let below = mix(
                    value(*left, *bottom, channel),
                    value(*right, *bottom, channel),
                    *later,
                );
                out.push(mix(upper, below, *lower));
            }
        }
    }
    out
}

/// Between two values; where one is missing, the other if it is the nearer.
fn mix(first: f32, second: f32, share: f32) -> f32 {
    match (first.is_nan(), second.is_nan()) {
        (false, false) => first + (second - first) * share,
        (true, false) if share > 0.5 => second,
        (false, true) if share <= 0.5 => first,
        _ => f32::NAN,
    }
}

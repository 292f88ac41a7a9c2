//! Tells whether two images show the same, however one of them was turned, mirrored, inverted, framed, cropped or resized.
//!
//! Perceptual hashes find copies among many images, but not crops, whose frequencies are others. A sketch is compared with one
//! image at a time: the directions and strengths of the edges of one are laid over those of the other in every turn, size and
//! place, and correlated. Strong edges are damped, or else the outline of a head would count for more than what is in it.

use std::ops::RangeInclusive;

use super::edges::Edges;
use super::resize::{Window, resize_bicubic_window};
use super::{Image, border};

/// Longest side of what is kept of an image.
const KEPT_SIDE: usize = 64;

/// How finely places are tried.
#[derive(Clone, Copy)]
struct Scale {
    /// Longest side of the whole.
    side: usize,
    /// Distance of the pixels whose difference is an edge; more than 1 is as if between pixels.
    step: usize,
    /// How far around a coarser place, in pixels.
    around: usize,
}

/// The scale at which every place is tried.
const COARSE: Scale = Scale {
    side: 24,
    step: 1,
    around: usize::MAX,
};
/// The scale at which the best places are tried again, and how many.
const FINE: Scale = Scale {
    side: 48,
    step: 1,
    around: 3,
};
const REFINED: usize = 4;
/// The scale at which the best of these is tried once more, at half pixels.
const FINEST: Scale = Scale {
    side: 96,
    step: 2,
    around: 2,
};
/// The smallest part of the width that a crop has.
const MIN_CROP: f32 = 0.5;
/// Fewer pixels a side than this show nothing.
const MIN_SIDE: usize = 6;
/// From this correlation on, two images show the same. Of 40 images of VQA-RAD and SLAKE, JPEG copies that were turned, inverted,
/// framed or cropped by 10 % a side reach at least 0.9, and all but one or two of those cropped by 20 % reach this. Different
/// images stay below 0.8, but for neighbouring slices of one scan (up to 0.97) and one in a hundred pairs of phantoms, whose
/// outlines are drawn alike.
const SAME: f32 = 0.85;

/// A small grey copy of an image, without its flat border.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sketch {
    width: usize,
    height: usize,
    grey: Vec<u8>,
}

impl Sketch {
    /// Draws an image.
    pub fn of(image: &Image) -> Self {
        let (width, height) = (image.width as usize, image.height as usize);
        match border::inside(&image.rgb, width, height) {
            Some(inside) => Self::drawn(&inside.rgb, inside.width, inside.height),
            None => Self::drawn(&image.rgb, width, height),
        }
    }

    fn drawn(rgb: &[u8], width: usize, height: usize) -> Self {
        let (new_width, new_height) = fit(width, height, KEPT_SIDE);
        let small = resized::<3>(rgb, (width, height), (new_width, new_height));
        let bright = |p: &[u8]| {
            (299 * u32::from(p[0]) + 587 * u32::from(p[1]) + 114 * u32::from(p[2]) + 500) / 1000
        };
        Self {
            width: new_width,
            height: new_height,
            grey: small.chunks_exact(3).map(|p| bright(p) as u8).collect(),
        }
    }

    /// Whether one of the two shows the other or a part of it.
    pub fn shows_same(&self, other: &Self) -> bool {
        self.similarity(other) >= SAME
    }

    /// The best correlation of the edges of one with those of the other, 0 to 1.
    pub fn similarity(&self, other: &Self) -> f32 {
        let overlays = [(self, other), (other, self)].map(|(whole, part)| Overlay { whole, part });
        let mut places: Vec<(Place, &Overlay)> = Vec::new();
        for overlay in &overlays {
            places.extend(overlay.best_places().map(|place| (place, overlay)));
        }
        places.sort_by(|(a, _), (b, _)| b.correlation.total_cmp(&a.correlation));
        let refined = places.iter().take(REFINED).filter_map(|(place, overlay)| {
            let place = overlay.refined(place, COARSE, FINE)?;
            Some((place, overlay))
        });
        let best = refined.max_by(|(a, _), (b, _)| a.correlation.total_cmp(&b.correlation));
        best.and_then(|(place, overlay)| overlay.refined(&place, FINE, FINEST))
            .map_or(0.0, |place| place.correlation)
    }

    /// The same at another size.
    fn at(&self, width: usize, height: usize) -> Self {
        Self {
            width,
            height,
            grey: resized::<1>(&self.grey, (self.width, self.height), (width, height)),
        }
    }

    fn edges(&self, step: usize) -> Edges {
        Edges::of(&self.grey, (self.width, self.height), step)
    }

    /// Columns become rows.
    fn swapped(&self) -> Self {
        let columns = (0..self.width).flat_map(|x| {
            let column = self.grey.get(x..).unwrap_or_default();
            column.iter().step_by(self.width)
        });
        Self {
            width: self.height,
            height: self.width,
            grey: columns.copied().collect(),
        }
    }

    /// Mirrored across, down, both or not at all.
    fn mirrored(&self, mirror: Mirror) -> Self {
        let rows = (0..self.height).flat_map(|y| {
            let y = if mirror.down { self.height - 1 - y } else { y };
            (0..self.width).map(move |x| {
                let x = if mirror.across { self.width - 1 - x } else { x };
                y * self.width + x
            })
        });
        Self {
            grey: rows.filter_map(|at| self.grey.get(at).copied()).collect(),
            ..*self
        }
    }
}

/// Which sides are exchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Mirror {
    across: bool,
    down: bool,
}

const MIRRORS: [Mirror; 4] = [
    Mirror::new(false, false),
    Mirror::new(true, false),
    Mirror::new(false, true),
    Mirror::new(true, true),
];

impl Mirror {
    const fn new(across: bool, down: bool) -> Self {
        Self { across, down }
    }
}

/// Where a part lies on the whole, in pixels of the size that was tried.
#[derive(Clone, Copy)]
struct Place {
    correlation: f32,
    swapped: bool,
    mirror: Mirror,
    x: usize,
    y: usize,
    width: usize,
}

/// A sketch to be laid over another.
struct Overlay<'a> {
    whole: &'a Sketch,
    part: &'a Sketch,
}

impl Overlay<'_> {
    /// The best of all places for each turn, coarsely.
    fn best_places(&self) -> impl Iterator<Item = Place> {
        let (width, _) = scaled(self.whole.width, self.whole.height, COARSE.side);
        let least = (MIN_CROP * width as f32) as usize;
        let everywhere = |_| 0..=usize::MAX;
        [false, true].into_iter().flat_map(move |swapped| {
            let widths = least..=width;
            self.best(COARSE, swapped, &MIRRORS, widths, everywhere)
        })
    }

    /// The best place around one at a coarser scale.
    fn refined(&self, coarse: &Place, from: Scale, to: Scale) -> Option<Place> {
        let around = |at: usize| {
            let at = at * to.side / from.side;
            at.saturating_sub(to.around)..=at + to.around
        };
        let corner = [coarse.x, coarse.y];
        let range = |axis: usize| around(corner[axis]);
        let (swapped, widths) = (coarse.swapped, around(coarse.width));
        self.best(to, swapped, &[coarse.mirror], widths, range)
            .pop()
    }

    /// The best place for each of `mirrors`, if there is any. The part has one of `widths`, and the place is in the ranges of
    /// axis 0 (across) and 1 (down).
    fn best(
        &self,
        scale: Scale,
        swapped: bool,
        mirrors: &[Mirror],
        widths: RangeInclusive<usize>,
        range: impl Fn(usize) -> RangeInclusive<usize>,
    ) -> Vec<Place> {
        let (width, height) = scaled(self.whole.width, self.whole.height, scale.side);
        if width < MIN_SIDE || height < MIN_SIDE {
            return Vec::new();
        }
        let whole = self.whole.at(width, height).edges(scale.step);
        let part = match swapped {
            true => &self.part.swapped(),
            false => self.part,
        };
        let mut best: Vec<Option<Place>> = vec![None; mirrors.len()];
        for part_width in widths {
            let part_height = round(part_width * part.height, part.width);
            // Rounding may make it one row too high.
            let part_height = part_height - usize::from(part_height == height + 1);
            let fits = (MIN_SIDE..=width).contains(&part_width)
                && (MIN_SIDE..=height).contains(&part_height);
            if !fits {
                continue;
            }
            let small = part.at(part_width, part_height);
            let clipped = |axis: usize, spare: usize| {
                let range = range(axis);
                *range.start()..=(*range.end()).min(spare)
            };
            for (best, mirror) in best.iter_mut().zip(mirrors) {
                let edges = small.mirrored(*mirror).edges(scale.step);
                for y in clipped(1, height - part_height) {
                    for x in clipped(0, width - part_width) {
                        let correlation = whole.correlation(&edges, x, y);
                        if best.is_none_or(|best| correlation > best.correlation) {
                            *best = Some(Place {
                                correlation,
                                swapped,
                                mirror: *mirror,
                                x,
                                y,
                                width: part_width,
                            });
                        }
                    }
                }
            }
        }
        best.into_iter().flatten().collect()
    }
}

/// The size of the same shape whose longest side is `side`.
fn scaled(width: usize, height: usize, side: usize) -> (usize, usize) {
    let long = width.max(height).max(1);
    (
        round(width * side, long).max(1),
        round(height * side, long).max(1),
    )
}

/// The same, but never larger than it is.
fn fit(width: usize, height: usize, side: usize) -> (usize, usize) {
    let long = width.max(height).max(1);
    match long <= side {
        true => (width, height),
        false => scaled(width, height, side),
    }
}

fn round(number: usize, by: usize) -> usize {
    (number + by / 2) / by.max(1)
}

fn resized<const CHANNELS: usize>(
    samples: &[u8],
    (width, height): (usize, usize),
    (new_width, new_height): (usize, usize),
) -> Vec<u8> {
    let whole = Window {
        x: 0,
        y: 0,
        width: new_width,
        height: new_height,
    };
    resize_bicubic_window::<CHANNELS>(samples, width, height, new_width, new_height, whole)
}

#[cfg(test)]
#[path = "sketch_tests.rs"]
mod tests;

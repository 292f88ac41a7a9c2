//! Grey of more than 8 bits: scaled for viewing, or clipped as the reference pipelines clip it.
//!
//! Pillow clips such samples at 255, which turns most radiographs white and flattens dark ones. People and chat models get
//! scaled samples instead. Clipping has to be requested explicitly, to check this program against a reference.

use super::resize::{Weights, Window};

/// How grey samples that do not fit 8 bits are converted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HighBitDepth {
    /// 16 bits are scaled to 8, and floats outside 0 to 1 are stretched to their range, so that detail stays visible.
    #[default]
    Scaled,
    /// Clipped to 0 to 255 after the resize, as Pillow does, to match a reference implementation.
    AsReference,
}

/// Grey samples at the file's own precision, row-major.
#[derive(Clone, Debug, PartialEq)]
pub enum HighBitGrey {
    /// 16-bit samples: Pillow's mode I.
    U16(Vec<u16>),
    /// 32-bit floats: Pillow's mode F.
    F32(Vec<f32>),
}

impl HighBitGrey {
    fn len(&self) -> usize {
        match self {
            Self::U16(samples) => samples.len(),
            Self::F32(samples) => samples.len(),
        }
    }

    fn at(&self, index: usize) -> f64 {
        match self {
            Self::U16(samples) => f64::from(samples[index]),
            Self::F32(samples) => f64::from(samples[index]),
        }
    }

    /// Rounds a weighted sum as Pillow stores it after each pass of a resize.
    fn stored(&self, sum: f64) -> f64 {
        match self {
            // Halves round away from zero.
            Self::U16(_) => sum.round(),
            Self::F32(_) => f64::from(sum as f32),
        }
    }

    /// Every sample clipped to 8 bits, as RGB.
    pub(super) fn clipped_rgb(&self) -> Vec<u8> {
        (0..self.len())
            .flat_map(|at| [clip(self.at(at)); 3])
            .collect()
    }
}

/// The part `window` of `grey` resized as Pillow resizes its modes I and F, then clipped to 8 bits: one byte per pixel. Empty
/// under the same conditions as [`super::resize::resize_bicubic_window`].
pub(super) fn resize_grey_window(
    grey: &HighBitGrey,
    (w, h): (usize, usize),
    (new_w, new_h): (usize, usize),
    window: Window,
) -> Vec<u8> {
    if !window.fits((w, h), (new_w, new_h), grey.len()) {
        return Vec::new();
    }
    let Window { x, width, .. } = window;
    let vertical = Weights::vertical(h, new_h, window, unrounded);
    let rows = window.rows(vertical.as_ref());
    let first_row = rows.start;
    let across: Vec<f64> = match Weights::horizontal(w, new_w, window, unrounded) {
        None => rows
            .flat_map(|row| (x..x + width).map(move |column| grey.at(row * w + column)))
            .collect(),
        Some(weights) => rows
            .flat_map(|row| {
                weights.iter().map(move |(start, kernel)| {
                    let samples = (row * w + start..).map(|at| grey.at(at));
                    grey.stored(weighted(samples, kernel))
                })
            })
            .collect(),
    };
    let Some(weights) = vertical else {
        return across.into_iter().map(clip).collect();
    };
    let mut out = Vec::with_capacity(width * window.height);
    for (start, kernel) in weights.iter() {
        let from = (start - first_row) * width;
        for column in 0..width {
            let samples = across[from + column..].iter().step_by(width).copied();
            out.push(clip(grey.stored(weighted(samples, kernel))));
        }
    }
    out
}

fn weighted(samples: impl Iterator<Item = f64>, kernel: &[f64]) -> f64 {
    // Zip from the kernel: there may be no sample past its end.
    kernel
        .iter()
        .zip(samples)
        .fold(0.0, |sum, (weight, sample)| sum + sample * weight)
}

/// Converts to 8 bits as Pillow converts its modes I and F: clamped, fractions dropped.
fn clip(sample: f64) -> u8 {
    sample.clamp(0.0, 255.0) as u8
}

fn unrounded(weight: f64) -> f64 {
    weight
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Window = Window {
        x: 0,
        y: 0,
        width: 3,
        height: 2,
    };

    #[test]
    fn samples_are_clipped_only_after_the_resize() {
        let grey = HighBitGrey::U16(vec![
            0, 65_535, 0, 65_535, 0, 65_535, 100, 100, 100, 100, 100, 100,
        ]);
        assert_eq!(grey.clipped_rgb()[..6], [0, 0, 0, 255, 255, 255]);
        let small = resize_grey_window(&grey, (6, 2), (3, 2), WINDOW);
        assert_eq!(small, [255, 255, 255, 100, 100, 100]);
    }

    #[test]
    fn floats_lose_their_fraction_and_mismatched_sizes_give_an_empty_result() {
        let grey = HighBitGrey::F32(vec![-3.0, 0.9, 254.9, 300.0, f32::NAN, 7.0]);
        let same = resize_grey_window(&grey, (3, 2), (3, 2), WINDOW);
        assert_eq!(same, [0, 0, 254, 255, 0, 7]);
        assert!(resize_grey_window(&grey, (3, 3), (3, 2), WINDOW).is_empty());
        assert!(resize_grey_window(&grey, (3, 2), (2, 2), WINDOW).is_empty());
    }
}

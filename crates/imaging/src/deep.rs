//! Grey of more than 8 bits: as people need it, and as the reference pipelines have it.
//!
//! Pillow cuts such samples off at 255, which turns most films white and every dark one flat. What a person or a chat's model sees is
//! scaled instead. Who checks this program against a reference asks for the reference's pixels by name, and gets no others.

use super::resize::{Weights, Window};

/// What becomes of grey samples that 8 bits do not hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Deep {
    /// 16 bits are scaled to 8, floats beyond 0 to 1 are stretched to their range: what is worth seeing.
    #[default]
    Scaled,
    /// Cut off at 0 and 255 after the resize, as Pillow does it: what a reference implementation computed with.
    AsReference,
}

/// Grey samples as the file has them, row-major.
#[derive(Clone, Debug, PartialEq)]
pub enum DeepGrey {
    /// Pillow's mode I.
    Sixteen(Vec<u16>),
    /// Pillow's mode F.
    Float(Vec<f32>),
}

impl DeepGrey {
    fn len(&self) -> usize {
        match self {
            Self::Sixteen(samples) => samples.len(),
            Self::Float(samples) => samples.len(),
        }
    }

    fn at(&self, index: usize) -> f64 {
        match self {
            Self::Sixteen(samples) => f64::from(samples[index]),
            Self::Float(samples) => f64::from(samples[index]),
        }
    }

    /// A sum as Pillow stores it between and after the passes of a resize.
    fn stored(&self, sum: f64) -> f64 {
        match self {
            // Halves go away from zero.
            Self::Sixteen(_) => sum.round(),
            Self::Float(_) => f64::from(sum as f32),
        }
    }

    /// Every sample cut off to 8 bits, as RGB.
    pub(super) fn clipped_rgb(&self) -> Vec<u8> {
        (0..self.len())
            .flat_map(|at| [clipped(self.at(at)); 3])
            .collect()
    }
}

/// The part `window` of `grey` resized as Pillow resizes its modes I and F, then clipped to 8 bits: one byte a pixel. Empty where
/// [`resize_bicubic_window`] would be.
pub(super) fn resize_deep_window(
    grey: &DeepGrey,
    (w, h): (usize, usize),
    (new_w, new_h): (usize, usize),
    window: Window,
) -> Vec<u8> {
    if !window.fits((w, h), (new_w, new_h), grey.len()) {
        return Vec::new();
    }
    let Window { x, width, .. } = window;
    let vertical = Weights::down(h, new_h, window, exact);
    let rows = window.rows(vertical.as_ref());
    let first_row = rows.start;
    let across: Vec<f64> = match Weights::across(w, new_w, window, exact) {
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
        return across.into_iter().map(clipped).collect();
    };
    let mut out = Vec::with_capacity(width * window.height);
    for (start, kernel) in weights.iter() {
        let from = (start - first_row) * width;
        for column in 0..width {
            let samples = across[from + column..].iter().step_by(width).copied();
            out.push(clipped(grey.stored(weighted(samples, kernel))));
        }
    }
    out
}

fn weighted(samples: impl Iterator<Item = f64>, kernel: &[f64]) -> f64 {
    // The kernel goes first: there may be no sample behind its end.
    kernel
        .iter()
        .zip(samples)
        .fold(0.0, |sum, (weight, sample)| sum + sample * weight)
}

/// As Pillow converts its modes I and F to grey: cut off at both ends, fractions dropped.
pub(super) fn clipped(sample: f64) -> u8 {
    sample.clamp(0.0, 255.0) as u8
}

fn exact(weight: f64) -> f64 {
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
    fn samples_are_cut_off_only_after_the_resize() {
        let grey = DeepGrey::Sixteen(vec![
            0, 65_535, 0, 65_535, 0, 65_535, 100, 100, 100, 100, 100, 100,
        ]);
        assert_eq!(grey.clipped_rgb()[..6], [0, 0, 0, 255, 255, 255]);
        let small = resize_deep_window(&grey, (6, 2), (3, 2), WINDOW);
        assert_eq!(small, [255, 255, 255, 100, 100, 100]);
    }

    #[test]
    fn floats_lose_their_fraction_and_nonsense_gives_nothing() {
        let grey = DeepGrey::Float(vec![-3.0, 0.9, 254.9, 300.0, f32::NAN, 7.0]);
        let same = resize_deep_window(&grey, (3, 2), (3, 2), WINDOW);
        assert_eq!(same, [0, 0, 254, 255, 0, 7]);
        assert!(resize_deep_window(&grey, (3, 3), (3, 2), WINDOW).is_empty());
        assert!(resize_deep_window(&grey, (3, 2), (2, 2), WINDOW).is_empty());
    }
}

//! Pillow's antialiased bicubic resize, byte for byte.
//!
//! The models were trained on images resized by Pillow, so any other filter, however good, would be wrong. The rules are
//! those of Pillow's `Resample.c` (a = -0.5, two passes with 8-bit values between them, fixed-point weights of 22 bits);
//! golden bytes come from `tests/reference/pillow_resize.py`. The horizontal pass always comes first, as in Pillow when the
//! models were trained; Pillow 13 reverses the order for some sizes. Never reorder the arithmetic here.

/// Fractional bits of a weight: 32 bits, less 8 for the sample and 2 for the overshoot.
const PRECISION_BITS: u32 = 32 - 8 - 2;

/// A rectangle of the resized image, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    /// Left edge.
    pub x: usize,
    /// Upper edge.
    pub y: usize,
    /// Width.
    pub width: usize,
    /// Height.
    pub height: usize,
}

impl Window {
    /// Whether it lies inside the new size and `pixels` suffice for the old size.
    pub(super) fn fits(
        self,
        (w, h): (usize, usize),
        (new_w, new_h): (usize, usize),
        pixels: usize,
    ) -> bool {
        let inside = |from: usize, length: usize, whole: usize| {
            length > 0 && from.checked_add(length).is_some_and(|end| end <= whole)
        };
        let enough = w.checked_mul(h).is_some_and(|n| n > 0 && n <= pixels);
        enough && inside(self.x, self.width, new_w) && inside(self.y, self.height, new_h)
    }

    /// The source rows that contribute to it.
    pub(super) fn rows<T: Copy + Default>(
        self,
        vertical: Option<&Weights<T>>,
    ) -> std::ops::Range<usize> {
        match vertical {
            Some(weights) => weights.first()..weights.last(),
            None => self.y..self.y + self.height,
        }
    }
}

/// Resizes `rgb` (8-bit RGB, row-major, `w * h * 3` bytes) to `new_w * new_h * 3` bytes, as `Image.resize(…, BICUBIC)`.
/// The result is empty if a size is zero or the buffer is too short.
pub fn resize_bicubic(rgb: &[u8], w: usize, h: usize, new_w: usize, new_h: usize) -> Vec<u8> {
    let whole = Window {
        x: 0,
        y: 0,
        width: new_w,
        height: new_h,
    };
    resize_bicubic_window::<3>(rgb, w, h, new_w, new_h, whole)
}

/// The part `window` of the result of [`resize_bicubic`], at the cost of that part only: a strip of 1 by 16,384 pixels can be
/// cropped to a square without holding its full enlargement. `window` must lie inside the new size. A pixel has `CHANNELS`
/// bytes.
pub(crate) fn resize_bicubic_window<const CHANNELS: usize>(
    samples: &[u8],
    w: usize,
    h: usize,
    new_w: usize,
    new_h: usize,
    window: Window,
) -> Vec<u8> {
    if !window.fits((w, h), (new_w, new_h), samples.len() / CHANNELS) {
        return Vec::new();
    }
    let Window { x, width, .. } = window;
    let vertical = Weights::vertical(h, new_h, window, fixed);
    let rows = window.rows(vertical.as_ref());
    let first_row = rows.start;
    let across = match Weights::horizontal(w, new_w, window, fixed) {
        None => rows
            .flat_map(|row| &samples[(row * w + x) * CHANNELS..(row * w + x + width) * CHANNELS])
            .copied()
            .collect(),
        Some(weights) => {
            let mut out = Vec::with_capacity(rows.len() * width * CHANNELS);
            for row in rows {
                let row = &samples[row * w * CHANNELS..(row + 1) * w * CHANNELS];
                horizontal_row::<CHANNELS>(row, &weights, &mut out);
            }
            out
        }
    };
    match vertical {
        Some(weights) => vertical_pass(&across, width * CHANNELS, first_row, &weights),
        None => across,
    }
}

fn horizontal_row<const CHANNELS: usize>(row: &[u8], weights: &Weights<i32>, out: &mut Vec<u8>) {
    for (start, kernel) in weights.iter() {
        let mut sums = [1_i32 << (PRECISION_BITS - 1); CHANNELS];
        for (pixel, &weight) in row[start * CHANNELS..].chunks_exact(CHANNELS).zip(kernel) {
            for (sum, &sample) in sums.iter_mut().zip(pixel) {
                *sum += i32::from(sample) * weight;
            }
        }
        out.extend(sums.map(clip));
    }
}

fn vertical_pass(
    across: &[u8],
    stride: usize,
    first_row: usize,
    weights: &Weights<i32>,
) -> Vec<u8> {
    let mut out = Vec::with_capacity(weights.bounds.len() * stride);
    let mut sums = vec![0_i32; stride];
    for (start, kernel) in weights.iter() {
        sums.fill(1 << (PRECISION_BITS - 1));
        for (row, &weight) in across[(start - first_row) * stride..]
            .chunks_exact(stride)
            .zip(kernel)
        {
            for (sum, &sample) in sums.iter_mut().zip(row) {
                *sum += i32::from(sample) * weight;
            }
        }
        out.extend(sums.iter().map(|&sum| clip(sum)));
    }
    out
}

fn clip(sum: i32) -> u8 {
    (sum >> PRECISION_BITS).clamp(0, 255) as u8
}

/// Converts a weight to fixed point.
fn fixed(weight: f64) -> i32 {
    let scaled = weight * f64::from(1 << PRECISION_BITS);
    (if weight < 0.0 {
        scaled - 0.5
    } else {
        scaled + 0.5
    }) as i32
}

/// For each output position, the first input position and the weights from there on.
pub(super) struct Weights<T> {
    /// First input position and number of weights.
    bounds: Vec<(usize, usize)>,
    /// `stride` weights for each output position, padded with zeros.
    kernels: Vec<T>,
    stride: usize,
}

impl<T: Copy + Default> Weights<T> {
    /// For the horizontal pass; `None` if the width does not change, because Pillow then skips the pass.
    pub(super) fn horizontal(
        w: usize,
        new_w: usize,
        window: Window,
        convert: fn(f64) -> T,
    ) -> Option<Self> {
        (new_w != w).then(|| Self::new(w, new_w, window.x, window.width, convert))
    }

    /// For the vertical pass; `None` if the height does not change.
    pub(super) fn vertical(
        h: usize,
        new_h: usize,
        window: Window,
        convert: fn(f64) -> T,
    ) -> Option<Self> {
        (new_h != h).then(|| Self::new(h, new_h, window.y, window.height, convert))
    }

    /// The weights of output positions `from .. from + count` of a pass from `input` to `output` samples.
    fn new(input: usize, output: usize, from: usize, count: usize, convert: fn(f64) -> T) -> Self {
        let scale = input as f64 / output as f64;
        let filter_scale = scale.max(1.0);
        let support = 2.0 * filter_scale;
        let stride = support.ceil() as usize * 2 + 1;
        let step = 1.0 / filter_scale;
        let mut bounds = Vec::with_capacity(count);
        let mut kernels = vec![T::default(); count * stride];
        let mut kernel = Vec::with_capacity(stride);
        for (position, slot) in (from..from + count).zip(kernels.chunks_exact_mut(stride)) {
            let centre = (position as f64 + 0.5) * scale;
            let start = ((centre - support + 0.5) as i64).max(0);
            let end = ((centre + support + 0.5) as i64).min(input as i64);
            kernel.clear();
            kernel.extend(
                (0..end - start).map(|x| bicubic(((x + start) as f64 - centre + 0.5) * step)),
            );
            let total: f64 = kernel.iter().fold(0.0, |sum, weight| sum + weight);
            for (slot, &weight) in slot.iter_mut().zip(&kernel) {
                *slot = convert(if total == 0.0 { weight } else { weight / total });
            }
            bounds.push((start as usize, kernel.len()));
        }
        Self {
            bounds,
            kernels,
            stride,
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, &[T])> {
        let kernels = self.kernels.chunks_exact(self.stride);
        self.bounds
            .iter()
            .zip(kernels)
            .map(|(&(start, length), kernel)| (start, &kernel[..length]))
    }

    /// First input position that any weight touches.
    fn first(&self) -> usize {
        self.bounds.first().map_or(0, |bound| bound.0)
    }

    /// One past the last input position that any weight touches.
    fn last(&self) -> usize {
        self.bounds.last().map_or(0, |bound| bound.0 + bound.1)
    }
}

/// Keys' cubic with a = -0.5.
fn bicubic(x: f64) -> f64 {
    const A: f64 = -0.5;
    let x = x.abs();
    if x < 1.0 {
        ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0
    } else if x < 2.0 {
        (((x - 5.0) * x + 8.0) * x - 4.0) * A
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The input formula of `tests/reference/pillow_resize.py`.
    fn sample(x: usize, y: usize, channel: usize) -> u8 {
        let value = (x * 31 + y * 17 + channel * 101 + x * y * 7) % 256;
        if (x / 3 + y / 2 + channel).is_multiple_of(5) {
            255
        } else {
            value as u8
        }
    }

    fn input(w: usize, h: usize) -> Vec<u8> {
        let mut rgb = Vec::new();
        for y in 0..h {
            for x in 0..w {
                rgb.extend((0..3).map(|channel| sample(x, y, channel)));
            }
        }
        rgb
    }

    #[test]
    fn every_golden_size_equals_pillow_byte_for_byte() {
        let golden = include_str!("../../../tests/golden/resize.txt");
        let mut count = 0;
        for line in golden.lines() {
            let fields: Vec<&str> = line.split(' ').collect();
            let [w, h, new_w, new_h] = [0, 1, 2, 3].map(|i| fields[i].parse::<usize>().unwrap());
            let hex: String = resize_bicubic(&input(w, h), w, h, new_w, new_h)
                .iter()
                .map(|b| format!("{b:02x}"))
                .collect();
            assert!(hex == fields[4], "{w}x{h} -> {new_w}x{new_h}");
            count += 1;
        }
        assert_eq!(count, 11);
    }

    #[test]
    fn a_window_equals_the_same_part_of_the_full_result() {
        let rgb = input(37, 23);
        for (new_w, new_h) in [(16, 16), (60, 41), (37, 12), (20, 23)] {
            let whole = resize_bicubic(&rgb, 37, 23, new_w, new_h);
            let window = Window {
                x: 3,
                y: 2,
                width: 9,
                height: 8,
            };
            let part = resize_bicubic_window::<3>(&rgb, 37, 23, new_w, new_h, window);
            let expected: Vec<u8> = (2..10)
                .flat_map(|y| whole[(y * new_w + 3) * 3..(y * new_w + 12) * 3].to_vec())
                .collect();
            assert_eq!(part, expected);
        }
    }

    #[test]
    fn a_uniform_image_stays_uniform_and_invalid_sizes_give_an_empty_result() {
        assert!(
            resize_bicubic(&[77; 30 * 20 * 3], 30, 20, 7, 50)
                .iter()
                .all(|&sample| sample == 77)
        );
        assert!(resize_bicubic(&[], 0, 0, 4, 4).is_empty());
        assert!(resize_bicubic(&[1, 2, 3], 2, 2, 4, 4).is_empty());
        assert!(resize_bicubic(&[1, 2, 3], 1, 1, 0, 4).is_empty());
    }
}

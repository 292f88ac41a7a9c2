//! The inverse wavelet transforms (T.800 annex F): 5/3 with integers, 9/7 with floats.

use super::Area;

/// A kind of sample, and how samples are put together from their lower and higher half.
pub(super) trait Lift: Copy + Default {
    /// Undoes the transform in one direction; `odd` says that the first sample belongs to the higher half.
    fn undo(samples: &mut impl Transformed<Self>, odd: bool);
}

/// Samples in one direction: a line, or all columns of an image at once.
pub(super) trait Transformed<T> {
    /// Samples from one end to the other.
    fn length(&self) -> usize;

    /// Changes every second sample, from `start` on, by its neighbours; those beyond the ends are mirrored. There must be two.
    fn step(&mut self, start: usize, change: impl Fn(T, T, T) -> T);

    /// Changes all samples.
    fn each(&mut self, change: impl Fn(T) -> T);
}

struct Line<'a, T>(&'a mut [T]);

impl<T: Copy> Transformed<T> for Line<'_, T> {
    fn length(&self) -> usize {
        self.0.len()
    }

    fn step(&mut self, start: usize, change: impl Fn(T, T, T) -> T) {
        let line = &mut *self.0;
        let last = line.len().saturating_sub(1);
        let mut index = start;
        // Only at the ends is a neighbour missing: there the other one stands for it.
        if start == 0
            && let [value, after, ..] = &mut *line
        {
            *value = change(*value, *after, *after);
            index = 2;
        }
        while 0 < index && index < last {
            if let Some([before, value, after]) = line.get_mut(index - 1..index + 2) {
                *value = change(*value, *before, *after);
            }
            index += 2;
        }
        if 0 < index
            && index == last
            && let Some([before, value]) = line.get_mut(last - 1..)
        {
            *value = change(*value, *before, *before);
        }
    }

    fn each(&mut self, change: impl Fn(T) -> T) {
        self.0.iter_mut().for_each(|value| *value = change(*value));
    }
}

/// The columns of an image, row by row: the samples of one column lie far apart, those of a row together.
struct Columns<'a, T> {
    image: &'a mut [T],
    width: usize,
    height: usize,
}

impl<T: Copy> Transformed<T> for Columns<'_, T> {
    fn length(&self) -> usize {
        self.height
    }

    fn step(&mut self, start: usize, change: impl Fn(T, T, T) -> T) {
        for y in (start..self.height).step_by(2) {
            let (above, rest) = self.image.split_at_mut(y * self.width);
            let (row, below) = rest.split_at_mut(self.width);
            let above = above.rchunks_exact(self.width.max(1)).next();
            let below = below.get(..self.width);
            // As in a line, the other neighbour stands for a missing one.
            let (Some(before), Some(after)) = (above.or(below), below.or(above)) else {
                return;
            };
            for ((value, before), after) in row.iter_mut().zip(before).zip(after) {
                *value = change(*value, *before, *after);
            }
        }
    }

    fn each(&mut self, change: impl Fn(T) -> T) {
        self.image
            .iter_mut()
            .for_each(|value| *value = change(*value));
    }
}

impl Lift for i32 {
    fn undo(samples: &mut impl Transformed<Self>, odd: bool) {
        if samples.length() == 1 {
            if odd {
                samples.each(|value| value >> 1);
            }
            return;
        }
        let low = usize::from(odd);
        samples.step(low, |value, before, after| {
            value.wrapping_sub(before.wrapping_add(after).wrapping_add(2) >> 2)
        });
        samples.step(1 - low, |value, before, after| {
            value.wrapping_add(before.wrapping_add(after) >> 1)
        });
    }
}

impl Lift for f32 {
    fn undo(samples: &mut impl Transformed<Self>, odd: bool) {
        const ALPHA: f32 = -1.586_134_3;
        const BETA: f32 = -0.052_980_12;
        const GAMMA: f32 = 0.882_911_1;
        const DELTA: f32 = 0.443_506_85;
        const K: f32 = 1.230_174_1;
        if samples.length() == 1 {
            if odd {
                samples.each(|value| value * 0.5);
            }
            return;
        }
        let low = usize::from(odd);
        samples.step(low, |value, _, _| value * K);
        samples.step(1 - low, |value, _, _| value / K);
        samples.step(low, |value, before, after| value - DELTA * (before + after));
        samples.step(1 - low, |value, before, after| {
            value - GAMMA * (before + after)
        });
        samples.step(low, |value, before, after| value - BETA * (before + after));
        samples.step(1 - low, |value, before, after| {
            value - ALPHA * (before + after)
        });
    }
}

/// One level: the four bands in the order low-low, high-low, low-high, high-high become the resolution of `area`.
pub(super) fn combine<T: Lift>(bands: [&[T]; 4], area: Area) -> Vec<T> {
    let (width, height) = (area.width(), area.height());
    let (odd_x, odd_y) = (area.x0 & 1 == 1, area.y0 & 1 == 1);
    let mut image = vec![T::default(); width * height];
    // How many even columns there are: the width of the low bands.
    let low_width = (area.x1.div_ceil(2) - area.x0.div_ceil(2)) as usize;
    let high_width = width - low_width;
    for (y, row) in image.chunks_exact_mut(width.max(1)).enumerate() {
        let is_high_row = (y + usize::from(odd_y)) % 2 == 1;
        let band_row = y / 2;
        let (low, high) = if is_high_row {
            (bands[2], bands[3])
        } else {
            (bands[0], bands[1])
        };
        let low = low
            .get(band_row * low_width..(band_row + 1) * low_width)
            .unwrap_or_default();
        let high = high
            .get(band_row * high_width..(band_row + 1) * high_width)
            .unwrap_or_default();
        row.iter_mut()
            .skip(usize::from(odd_x))
            .step_by(2)
            .zip(low)
            .for_each(|(place, value)| *place = *value);
        row.iter_mut()
            .skip(usize::from(!odd_x))
            .step_by(2)
            .zip(high)
            .for_each(|(place, value)| *place = *value);
        T::undo(&mut Line(row), odd_x);
    }
    let mut columns = Columns {
        image: &mut image,
        width,
        height,
    };
    T::undo(&mut columns, odd_y);
    image
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The forward 5/3 transform of a line, by its definition.
    fn forward(line: &[i32], odd: bool) -> Vec<i32> {
        let mut line = line.to_vec();
        if line.len() == 1 {
            return line
                .iter()
                .map(|value| if odd { value * 2 } else { *value })
                .collect();
        }
        let low = usize::from(odd);
        let mut samples = Line(&mut line);
        samples.step(1 - low, |value, before, after| {
            value - ((before + after) >> 1)
        });
        samples.step(low, |value, before, after| {
            value + ((before + after + 2) >> 2)
        });
        line
    }

    #[test]
    fn a_line_of_any_length_and_start_comes_back() {
        for length in 1..12 {
            for odd in [false, true] {
                let line: Vec<i32> = (0..length).map(|i| (i * 37 % 23) * 100 - 900).collect();
                let mut back = forward(&line, odd);
                i32::undo(&mut Line(&mut back), odd);
                assert_eq!(back, line, "{length} {odd}");
            }
        }
    }

    #[test]
    fn a_constant_stays_constant_in_floats() {
        let mut line: Vec<f32> = (0..9).map(|i| if i % 2 == 0 { 8.0 } else { 0.0 }).collect();
        f32::undo(&mut Line(&mut line), false);
        assert!(
            line.iter().all(|value| (value - 8.0).abs() < 1e-4),
            "{line:?}"
        );
    }

    /// Every column by itself, as a line.
    fn by_column<T: Lift>(image: &[T], width: usize, odd: bool) -> Vec<T> {
        let mut image = image.to_vec();
        for x in 0..width {
            let mut line: Vec<T> = image.iter().skip(x).step_by(width).copied().collect();
            T::undo(&mut Line(&mut line), odd);
            let places = image.iter_mut().skip(x).step_by(width);
            places.zip(line).for_each(|(place, value)| *place = value);
        }
        image
    }

    #[test]
    fn all_columns_at_once_are_the_same_as_one_after_the_other_to_the_bit() {
        for (width, height) in [(1, 1), (3, 1), (1, 2), (5, 2), (4, 3), (7, 8), (6, 9)] {
            for odd in [false, true] {
                let values = (0..width * height).map(|i| (i * 37 % 101) as i32 * 13 - 600);
                let whole: Vec<i32> = values.collect();
                let mut image = whole.clone();
                let mut columns = Columns {
                    image: &mut image,
                    width,
                    height,
                };
                i32::undo(&mut columns, odd);
                assert_eq!(image, by_column(&whole, width, odd), "{width} {height}");
                let floats: Vec<f32> = whole.iter().map(|v| *v as f32 * 0.37).collect();
                let mut image = floats.clone();
                let mut columns = Columns {
                    image: &mut image,
                    width,
                    height,
                };
                f32::undo(&mut columns, odd);
                let bits = |all: &[f32]| all.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
                let lines = by_column(&floats, width, odd);
                assert_eq!(bits(&image), bits(&lines), "{width} {height}");
            }
        }
    }
}

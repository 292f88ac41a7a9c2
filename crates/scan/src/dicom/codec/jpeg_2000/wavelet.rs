//! The inverse wavelet transforms (T.800 annex F): 5/3 with integers, 9/7 with floats.

use super::Area;

/// A kind of sample, and how a line of it is put together from its lower and higher half.
pub(super) trait Lift: Copy + Default {
    /// Undoes the transform of a line; `odd` says that its first sample belongs to the higher half.
    fn undo(line: &mut [Self], odd: bool);
}

/// The index mirrored at both ends of a line.
fn mirror(index: isize, length: usize) -> usize {
    let last = length as isize - 1;
    let index = index.abs();
    (if index > last {
        2 * last - index
    } else {
        index
    })
    .clamp(0, last) as usize
}

/// Changes every second sample, from `start` on, by its neighbours.
fn step<T: Copy>(line: &mut [T], start: usize, change: impl Fn(T, T, T) -> T) {
    let length = line.len();
    for index in (start..length).step_by(2) {
        let before = line[mirror(index as isize - 1, length)];
        let after = line[mirror(index as isize + 1, length)];
        line[index] = change(line[index], before, after);
    }
}

impl Lift for i32 {
    fn undo(line: &mut [Self], odd: bool) {
        if let [single] = line {
            if odd {
                *single >>= 1;
            }
            return;
        }
        let low = usize::from(odd);
        step(line, low, |value, before, after| {
            value.wrapping_sub(before.wrapping_add(after).wrapping_add(2) >> 2)
        });
        step(line, 1 - low, |value, before, after| {
            value.wrapping_add(before.wrapping_add(after) >> 1)
        });
    }
}

impl Lift for f32 {
    fn undo(line: &mut [Self], odd: bool) {
        const ALPHA: f32 = -1.586_134_3;
        const BETA: f32 = -0.052_980_12;
        const GAMMA: f32 = 0.882_911_1;
        const DELTA: f32 = 0.443_506_85;
        const K: f32 = 1.230_174_1;
        if let [single] = line {
            if odd {
                *single *= 0.5;
            }
            return;
        }
        let low = usize::from(odd);
        step(line, low, |value, _, _| value * K);
        step(line, 1 - low, |value, _, _| value / K);
        step(line, low, |value, before, after| {
            value - DELTA * (before + after)
        });
        step(line, 1 - low, |value, before, after| {
            value - GAMMA * (before + after)
        });
        step(line, low, |value, before, after| {
            value - BETA * (before + after)
        });
        step(line, 1 - low, |value, before, after| {
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
        T::undo(row, odd_x);
    }
    columns(&mut image, width, height, odd_y);
    image
}

/// Columns are undone several at a time, as their samples lie far apart.
fn columns<T: Lift>(image: &mut [T], width: usize, height: usize, odd: bool) {
    let mut line = vec![T::default(); height];
    for x in 0..width {
        for (place, value) in line.iter_mut().zip(image.iter().skip(x).step_by(width)) {
            *place = *value;
        }
        T::undo(&mut line, odd);
        for (place, value) in image.iter_mut().skip(x).step_by(width).zip(&line) {
            *place = *value;
        }
    }
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
        step(&mut line, 1 - low, |value, before, after| {
            value - ((before + after) >> 1)
        });
        step(&mut line, low, |value, before, after| {
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
                i32::undo(&mut back, odd);
                assert_eq!(back, line, "{length} {odd}");
            }
        }
    }

    #[test]
    fn a_constant_stays_constant_in_floats() {
        let mut line: Vec<f32> = (0..9).map(|i| if i % 2 == 0 { 8.0 } else { 0.0 }).collect();
        f32::undo(&mut line, false);
        assert!(
            line.iter().all(|value| (value - 8.0).abs() < 1e-4),
            "{line:?}"
        );
    }
}

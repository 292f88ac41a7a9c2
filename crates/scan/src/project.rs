//! Several neighbouring slices as one image: the largest, the smallest or the average value along each line of sight.
//!
//! A maximum shows vessels with contrast, bone and uptake; a minimum shows air ways; an average is a thick slice with less noise.

use std::ops::Range;

use crate::plane::{Layout, Slice};
use crate::view_error::ViewError;
use crate::{Pixels, Volume};

/// What is kept of the values behind each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Projection {
    /// The largest.
    Maximum,
    /// The smallest.
    Minimum,
    /// The mean.
    Average,
}

impl Projection {
    /// Its name in a selector.
    pub fn key(self) -> &'static str {
        match self {
            Self::Maximum => "mip",
            Self::Minimum => "minip",
            Self::Average => "average",
        }
    }

    /// Its name for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Maximum => "maximum intensity projection",
            Self::Minimum => "minimum intensity projection",
            Self::Average => "average",
        }
    }

    /// Reads `mip` or `max`, `minip` or `min`, `average` or `mean`.
    pub fn parse(text: &str) -> Result<Self, ViewError> {
        match text.trim().to_lowercase().as_str() {
            "mip" | "max" | "maximum" => Ok(Self::Maximum),
            "minip" | "min" | "minimum" => Ok(Self::Minimum),
            "average" | "mean" | "avg" => Ok(Self::Average),
            _ => Err(ViewError::BadValue {
                key: "project",
                value: rounds_support::sanitise::clean_line_max(text, 40),
                expected: "mip (maximum), minip (minimum) or average".to_owned(),
            }),
        }
    }
}

/// Adds up slices of equal size, one after the other, so that only one is in memory.
#[derive(Debug)]
pub(crate) struct Stack {
    how: Projection,
    values: Vec<f32>,
    /// How many values each pixel of an average has.
    counts: Vec<u32>,
}

impl Stack {
    pub(crate) fn new(how: Projection, length: usize) -> Self {
        let counts = if how == Projection::Average {
            length
        } else {
            0
        };
        Self {
            how,
            values: vec![f32::NAN; length],
            counts: vec![0; counts],
        }
    }

    /// A sample without a value changes nothing.
    pub(crate) fn add(&mut self, slice: &[f32]) {
        match self.how {
            // `max` and `min` of a number and NaN are the number.
            Projection::Maximum => self.fold(slice, f32::max),
            Projection::Minimum => self.fold(slice, f32::min),
            Projection::Average => {
                let sums = self.values.iter_mut().zip(&mut self.counts);
                for ((sum, count), value) in sums.zip(slice) {
                    if !value.is_nan() {
                        *sum = if *count == 0 { *value } else { *sum + value };
                        *count += 1;
                    }
                }
            }
        }
    }

    fn fold(&mut self, slice: &[f32], keep: fn(f32, f32) -> f32) {
        for (kept, value) in self.values.iter_mut().zip(slice) {
            *kept = keep(*kept, *value);
        }
    }

    pub(crate) fn finish(mut self) -> Vec<f32> {
        for (sum, count) in self.values.iter_mut().zip(self.counts) {
            *sum /= count as f32;
        }
        self.values
    }
}

/// Projects the images `range` of a volume, counted from 0.
///
/// Errors for colours, whose largest value has no meaning.
pub fn project(
    volume: &Volume,
    layout: &Layout,
    range: Range<usize>,
    how: Projection,
) -> Result<Slice, ViewError> {
    let middle = range.start + range.len().saturating_sub(1) / 2;
    let mut projected = Slice::cut(volume, layout, middle)?;
    let mut stack = Stack::new(how, projected.width * projected.height);
    for image in range {
        match Slice::cut(volume, layout, image)?.pixels {
            Pixels::Values(values) => stack.add(&values),
            Pixels::Rgb(_) => return Err(ViewError::Colours("a projection")),
        }
    }
    projected.pixels = Pixels::Values(stack.finish());
    Ok(projected)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Facts;

    fn volume(slices: &[[f32; 2]]) -> Volume {
        Volume {
            size: [2, 1, slices.len()],
            pixels: Pixels::Values(slices.concat()),
            affine: None,
            spacing: [None; 3],
            facts: Facts::default(),
        }
    }

    fn projected(how: Projection, range: Range<usize>) -> Vec<f32> {
        let volume = volume(&[[1.0, f32::NAN], [5.0, f32::NAN], [3.0, 4.0], [100.0, 100.0]]);
        let layout = Layout::of(&volume, None).unwrap();
        match project(&volume, &layout, range, how).unwrap().pixels {
            Pixels::Values(values) => values,
            Pixels::Rgb(_) => panic!("values"),
        }
    }

    #[test]
    fn each_projection_keeps_what_it_says_and_skips_missing_values() {
        assert_eq!(projected(Projection::Maximum, 0..3), [5.0, 4.0]);
        assert_eq!(projected(Projection::Minimum, 0..3), [1.0, 4.0]);
        assert_eq!(projected(Projection::Average, 0..3), [3.0, 4.0]);
        assert!(projected(Projection::Average, 0..2)[1].is_nan());
        assert!(projected(Projection::Maximum, 0..1)[1].is_nan());
    }

    #[test]
    fn names_are_read() {
        for how in [
            Projection::Maximum,
            Projection::Minimum,
            Projection::Average,
        ] {
            assert_eq!(Projection::parse(how.key()).unwrap(), how);
        }
        assert!(Projection::parse("sum").is_err());
    }
}

//! From a value to 8-bit grey: the functions of DICOM PS3.3 C.11.2.1, exactly.

use std::sync::Arc;

use crate::{VoiFunction, VoiLut};

/// How values become brightness.
#[derive(Clone, Debug, PartialEq)]
pub enum Curve {
    /// One of DICOM's functions with its centre and width.
    Voi {
        /// Centre (level).
        centre: f64,
        /// Width.
        width: f64,
        /// The function.
        function: VoiFunction,
    },
    /// From black at `low` to white at `high`.
    Range {
        /// The largest black value.
        low: f64,
        /// The smallest white value.
        high: f64,
    },
    /// A table of the file.
    Table(Arc<VoiLut>),
}

/// From values to 8-bit grey.
#[derive(Clone, Debug, PartialEq)]
pub struct Tone {
    /// The curve.
    pub curve: Curve,
    /// What values are multiplied with first, such as the factor to SUV; 1 changes nothing.
    pub factor: f64,
    /// Bright and dark swapped, after the curve.
    pub inverted: bool,
    /// What a sample without a value becomes.
    pub missing: u8,
}

impl Tone {
    /// The brightness of a value: 0 is black.
    pub fn grey(&self, value: f32) -> u8 {
        if value.is_nan() {
            return self.missing;
        }
        let share = self.curve.share(f64::from(value) * self.factor);
        let grey = rounded(share * 255.0);
        if self.inverted { 255 - grey } else { grey }
    }

    /// Where the curve begins and ends, as (low, high), in values after the factor. A sigmoid has no ends: its centre and
    /// width, as if it were straight.
    pub fn ends(&self) -> (f64, f64) {
        match &self.curve {
            Curve::Range { low, high } => (*low, *high),
            Curve::Voi { centre, width, .. } => (centre - width / 2.0, centre + width / 2.0),
            Curve::Table(table) => (table.first, table.first + table.entries.len() as f64 - 1.0),
        }
    }
}

/// What `round` gives for a number from 0 to 255. Most processors' instruction for that may not be assumed, and the function in
/// its place is slow.
fn rounded(number: f64) -> u8 {
    let whole = number as u8;
    whole.saturating_add(u8::from(number - f64::from(whole) >= 0.5))
}

impl Curve {
    /// The brightness of a value, from 0 (black) to 1 (white).
    pub fn share(&self, value: f64) -> f64 {
        match *self {
            Self::Table(ref table) => look_up(value, table),
            Self::Range { low, high } => between(value, low, high),
            Self::Voi {
                centre,
                width,
                function,
            } => match function {
                VoiFunction::Linear => linear(value, centre, width),
                VoiFunction::LinearExact => linear_exact(value, centre, width),
                VoiFunction::Sigmoid => sigmoid(value, centre, width),
            },
        }
    }
}

fn between(value: f64, low: f64, high: f64) -> f64 {
    if value <= low {
        0.0
    } else if value >= high {
        1.0
    } else {
        (value - low) / (high - low)
    }
}

/// C.11.2.1.2.1. A width of 1 is a threshold; a smaller one is not allowed there and counts as 1.
fn linear(value: f64, centre: f64, width: f64) -> f64 {
    let span = width.max(1.0) - 1.0;
    let middle = centre - 0.5;
    if value <= middle - span / 2.0 {
        0.0
    } else if value > middle + span / 2.0 {
        1.0
    } else {
        (value - middle) / span + 0.5
    }
}

/// C.11.2.1.3.2. A width of 0 is not allowed there and counts as a threshold.
fn linear_exact(value: f64, centre: f64, width: f64) -> f64 {
    let half = width.max(0.0) / 2.0;
    if value <= centre - half {
        0.0
    } else if value > centre + half {
        1.0
    } else {
        (value - centre) / (half * 2.0) + 0.5
    }
}

/// C.11.2.1.1.
fn look_up(value: f64, table: &VoiLut) -> f64 {
    let last = table.entries.len().saturating_sub(1);
    let entry = (value - table.first).round().clamp(0.0, last as f64) as usize;
    let bright = table.entries.get(entry).copied().unwrap_or_default();
    (f64::from(bright) / f64::from(table.white.max(1))).min(1.0)
}

/// C.11.2.1.3.1.
fn sigmoid(value: f64, centre: f64, width: f64) -> f64 {
    let width = width.max(f64::MIN_POSITIVE);
    1.0 / (1.0 + (-4.0 * (value - centre) / width).exp())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn tone(centre: f64, width: f64, function: VoiFunction) -> Tone {
        Tone {
            curve: Curve::Voi {
                centre,
                width,
                function,
            },
            factor: 1.0,
            inverted: false,
            missing: 0,
        }
    }

    #[test]
    fn the_examples_of_the_standard_are_met() {
        // PS3.3 C.11.2.1.2.1: centre 2048 and width 4096 take 0..=4095 to the whole range, and centre 0, width 100 and width 1.
        let whole = tone(2048.0, 4096.0, VoiFunction::Linear);
        assert_eq!((whole.grey(0.0), whole.grey(4095.0)), (0, 255));
        assert_eq!(whole.grey(2047.0), 127);
        let hundred = tone(0.0, 100.0, VoiFunction::Linear);
        assert_eq!((hundred.grey(-50.0), hundred.grey(49.0)), (0, 255));
        assert!(hundred.grey(-49.0) > 0 && hundred.grey(48.0) < 255);
        let threshold = tone(0.0, 1.0, VoiFunction::Linear);
        assert_eq!((threshold.grey(-1.0), threshold.grey(0.0)), (0, 255));
        let exact = tone(2048.0, 4096.0, VoiFunction::LinearExact);
        assert_eq!((exact.grey(0.0), exact.grey(4096.0)), (0, 255));
        assert_eq!(exact.grey(2048.0), 128);
        let curve = tone(100.0, 40.0, VoiFunction::Sigmoid);
        assert_eq!(curve.grey(100.0), 128);
        assert_eq!(
            curve.grey(110.0),
            (255.0_f64 / (1.0 + (-1.0_f64).exp())).round() as u8
        );
    }

    #[test]
    fn a_sample_without_a_value_and_an_inverted_tone() {
        let mut tone = tone(40.0, 400.0, VoiFunction::Linear);
        assert_eq!(tone.grey(f32::NAN), 0);
        tone.inverted = true;
        assert_eq!((tone.grey(-1000.0), tone.grey(1000.0)), (255, 0));
        tone.missing = 255;
        assert_eq!(tone.grey(f32::NAN), 255);
    }

    #[test]
    fn shares_are_rounded_as_the_standard_library_does() {
        let mut shares: Vec<f64> = (0..=510).map(|half| f64::from(half) / 510.0).collect();
        shares.extend((0..=100_000).map(|n| f64::from(n) / 100_000.0));
        shares.extend([-1e-17, f64::NAN, 1.0 + f64::EPSILON]);
        for share in shares {
            for share in [share.next_down(), share, share.next_up()] {
                let number = share * 255.0;
                assert_eq!(rounded(number), number.round() as u8, "{share}");
            }
        }
        assert_eq!(rounded(0.499_999_999_999_999_94), 0);
    }

    #[test]
    fn a_table_holds_its_ends() {
        let table = VoiLut {
            first: -10.0,
            white: 255,
            entries: vec![0, 100, 255, 30],
        };
        let tone = Tone {
            curve: Curve::Table(Arc::new(table)),
            ..tone(0.0, 1.0, VoiFunction::Linear)
        };
        let grey = [-100.0, -10.0, -9.0, -8.0, 500.0].map(|value| tone.grey(value));
        assert_eq!(grey, [0, 0, 100, 255, 30]);
    }

    proptest! {
        #[test]
        fn brighter_values_are_never_darker(
            centre in -2000.0..2000.0_f64, width in 0.0..5000.0_f64,
            a in -4000.0..4000.0_f32, b in -4000.0..4000.0_f32, which in 0..3_usize,
        ) {
            let function = [VoiFunction::Linear, VoiFunction::LinearExact, VoiFunction::Sigmoid][which];
            let tone = tone(centre, width, function);
            let (low, high) = if a < b { (a, b) } else { (b, a) };
            prop_assert!(tone.grey(low) <= tone.grey(high));
            let inverted = Tone { inverted: true, ..tone.clone() };
            prop_assert_eq!(inverted.grey(a), 255 - tone.grey(a));
        }

        #[test]
        fn a_linear_window_is_black_below_white_above_and_grey_in_its_centre(
            centre in -2000.0..2000.0_f64, width in 2.0..5000.0_f64,
        ) {
            for function in [VoiFunction::Linear, VoiFunction::LinearExact] {
                let tone = tone(centre, width, function);
                prop_assert_eq!(tone.grey((centre - width / 2.0 - 1.0) as f32), 0);
                prop_assert_eq!(tone.grey((centre + width / 2.0 + 1.0) as f32), 255);
                let middle = tone.curve.share(centre - if function == VoiFunction::Linear { 0.5 } else { 0.0 });
                prop_assert!((middle - 0.5).abs() < 1e-9);
            }
        }
    }
}

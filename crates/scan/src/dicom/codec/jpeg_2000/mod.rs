//! JPEG 2000 (ITU T.800), part 1, as DICOM has it: components of one size and depth, with or without loss.
//!
//! Why an own decoder: of those in Rust, one has 8 bits of output, one is a machine translation of C that hostile bytes can lead
//! astray, and one knows neither signed samples nor the middle of an interval, so that its values differ from all others' by
//! more than a grey level. High-throughput blocks (part 15) are not read.

mod blocks;
mod markers;
mod mq;
mod packets;
mod tag_tree;
mod tile;
mod wavelet;

use self::markers::{Head, Samples};
use super::{Colours, Decoded, check};
use crate::dicom::layout::Layout;
use crate::error::Fault;
use crate::time_limit;

const FORMAT: &str = "JPEG 2000";
/// SOC and SIZ markers.
const START: [u8; 4] = [0xFF, 0x4F, 0xFF, 0x51];

/// Why a stream cannot be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refusal {
    Damaged,
    Unsupported(&'static str),
}

type Outcome<T> = Result<T, Refusal>;

/// What was read must be there.
fn there<T>(value: Option<T>) -> Outcome<T> {
    value.ok_or(Refusal::Damaged)
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Damaged => Self::broken(FORMAT, "its stream cannot be decoded"),
            Refusal::Unsupported(what) => Self::unsupported(FORMAT, what),
        }
    }
}

/// Decodes a frame.
pub(super) fn decode(bytes: &[u8], layout: &Layout) -> Result<Decoded, Fault> {
    // It may be wrapped in the boxes of a JP2 file, though it must not be.
    let start = bytes.windows(START.len()).position(|four| four == START);
    let stream = start
        .and_then(|start| bytes.get(start..))
        .unwrap_or_default();
    let (head, rest) = Head::parse(stream)?;
    check(FORMAT, layout, head.width(), head.height(), head.components)?;
    let mut image = vec![0_i32; layout.pixels() * layout.samples];
    let parts = markers::tiles(stream, rest, &head)?;
    if parts.iter().all(Option::is_none) {
        return Err(Refusal::Damaged.into());
    }
    for (index, part) in parts.into_iter().enumerate() {
        let Some(part) = part else { continue };
        if time_limit::is_over() {
            break;
        }
        let area = head.tile(index);
        let planes = tile::decode(&part.data, &part.samples, area)?;
        store(planes, &part.samples, area, &head, &mut image);
    }
    Ok(Decoded {
        values: image,
        bits: Some(head.bits),
        colours: Colours::AsStated,
        rows: layout.rows,
    })
}

/// A rectangle; the ends are outside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Area {
    x0: u32,
    y0: u32,
    x1: u32,
    y1: u32,
}

impl Area {
    fn width(&self) -> usize {
        self.x1.saturating_sub(self.x0) as usize
    }

    fn height(&self) -> usize {
        self.y1.saturating_sub(self.y0) as usize
    }

    fn is_empty(&self) -> bool {
        self.width() == 0 || self.height() == 0
    }
}

/// The samples of one component of a tile.
enum Plane {
    Integers(Vec<i32>),
    Floats(Vec<f32>),
}

/// Undoes the transform of colours, brings the samples into their range, and puts them into the image.
fn store(mut planes: Vec<Plane>, samples: &Samples, area: Area, head: &Head, image: &mut [i32]) {
    if samples.colour_transform
        && let [first, second, third, ..] = planes.as_mut_slice()
    {
        colours(first, second, third);
    }
    let half = 1_i64 << (head.bits - 1);
    let (shift, low, high) = if head.signed {
        (0, -half, half - 1)
    } else {
        (half, 0, 2 * half - 1)
    };
    let (left, top) = (
        (area.x0 - head.area.x0) as usize,
        (area.y0 - head.area.y0) as usize,
    );
    let range = Range { shift, low, high };
    for (component, plane) in planes.iter().enumerate() {
        let start = |row: usize| ((top + row) * head.width() + left) * head.components + component;
        let (width, step) = (area.width().max(1), head.components.max(1));
        match plane {
            Plane::Integers(values) => {
                for (row, values) in values.chunks_exact(width).enumerate() {
                    let places = image.get_mut(start(row)..).unwrap_or_default();
                    for (place, value) in places.iter_mut().step_by(step).zip(values) {
                        *place = range.fit(i64::from(*value));
                    }
                }
            }
            Plane::Floats(values) => {
                for (row, values) in values.chunks_exact(width).enumerate() {
                    let places = image.get_mut(start(row)..).unwrap_or_default();
                    for (place, value) in places.iter_mut().step_by(step).zip(values) {
                        *place = range.fit(rounded(*value));
                    }
                }
            }
        }
    }
}

/// Where samples lie.
struct Range {
    /// From around 0 to around the middle of the range.
    shift: i64,
    low: i64,
    high: i64,
}

impl Range {
    fn fit(&self, value: i64) -> i32 {
        value.saturating_add(self.shift).clamp(self.low, self.high) as i32
    }
}

/// The nearest integer, of two the even one. Most processors' instruction for it may not be assumed, and the function in its place
/// is slow; below 2^22 it is what adding 1.5 * 2^23 does, as floats there have no fraction.
fn rounded(value: f32) -> i64 {
    const SHIFT: f32 = 12_582_912.0;
    if value.abs() < 4_194_304.0 {
        ((value + SHIFT) - SHIFT) as i64
    } else {
        value.round_ties_even() as i64
    }
}

/// T.800 annex G.
fn colours(first: &mut Plane, second: &mut Plane, third: &mut Plane) {
    match (first, second, third) {
        (Plane::Integers(first), Plane::Integers(second), Plane::Integers(third)) => {
            for ((y, u), v) in first.iter_mut().zip(second).zip(third) {
                let green = y.wrapping_sub(u.wrapping_add(*v) >> 2);
                (*y, *u, *v) = (v.wrapping_add(green), green, u.wrapping_add(green));
            }
        }
        (Plane::Floats(first), Plane::Floats(second), Plane::Floats(third)) => {
            for ((y, u), v) in first.iter_mut().zip(second).zip(third) {
                let (luma, blue, red) = (*y, *u, *v);
                (*y, *u, *v) = (
                    luma + 1.402 * red,
                    luma - 0.344_13 * blue - 0.714_14 * red,
                    luma + 1.772 * blue,
                );
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::rounded;

    #[test]
    fn floats_are_rounded_as_the_standard_library_does() {
        let mut values = vec![
            0.0_f32,
            0.5,
            1.5,
            2.5,
            0.499_999_97,
            1_000.5,
            2_097_151.5,
            4_194_303.5,
            4_194_304.0,
            8_388_609.0,
            1e20,
            f32::INFINITY,
            f32::NAN,
        ];
        values.extend((0..20_000).map(|n| n as f32 * 0.25));
        values.extend((0..20_000).map(|n| n as f32 * 97.37));
        for value in values {
            for value in [value, -value] {
                assert_eq!(rounded(value), value.round_ties_even() as i64, "{value}");
            }
        }
    }
}

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
    let width = head.width();
    for (component, plane) in planes.iter().enumerate() {
        let mut put = |index: usize, value: i64| {
            let (x, y) = (left + index % area.width(), top + index / area.width());
            if let Some(place) = image.get_mut((y * width + x) * head.components + component) {
                *place = (value + shift).clamp(low, high) as i32;
            }
        };
        match plane {
            Plane::Integers(values) => values
                .iter()
                .enumerate()
                .for_each(|(i, value)| put(i, i64::from(*value))),
            Plane::Floats(values) => values
                .iter()
                .enumerate()
                .for_each(|(i, value)| put(i, value.round_ties_even() as i64)),
        }
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

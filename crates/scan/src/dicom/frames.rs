//! Where the bytes of each frame are, and the samples in them.

use std::borrow::Cow;
use std::ops::Range;

use super::codec::{Colours, Decoded};
use super::layout::{Layout, Photometric};
use super::syntax::{Codec, Encoding, Syntax};
use super::walk::{PixelElement, fragments};
use crate::error::Fault;

/// The frames of an object, found in its bytes.
pub(crate) enum Frames {
    /// One after the other, from an offset to an end.
    Native(Range<usize>),
    /// Every frame in fragments of its own.
    Encapsulated(Vec<Vec<Range<usize>>>),
    /// Native, but in fragments, which were joined.
    Joined(Vec<u8>),
}

impl Frames {
    /// Finds the frames in `body`. `offsets` is the extended table of offsets, if there is one.
    pub(crate) fn find(
        body: &[u8],
        pixels: &PixelElement,
        syntax: &Syntax,
        little: bool,
        frames: usize,
        offsets: &[u64],
    ) -> Self {
        let Some(length) = pixels.length else {
            let (mut all, _) = fragments(body, pixels.at, little);
            let table = if all.is_empty() { 0..0 } else { all.remove(0) };
            if syntax.codec == Codec::Native {
                let joined = all
                    .into_iter()
                    .filter_map(|range| body.get(range))
                    .collect::<Vec<_>>()
                    .concat();
                return Self::Joined(joined);
            }
            return Self::Encapsulated(by_frame(body, all, table, frames, offsets, syntax.codec));
        };
        let end = pixels.at.saturating_add(length).min(body.len());
        if syntax.codec == Codec::Native {
            return Self::Native(pixels.at.min(end)..end);
        }
        // Compressed without fragments: against the rules, but seen.
        Self::Encapsulated(vec![vec![pixels.at.min(end)..end]])
    }

    /// The compressed bytes of a frame; `None` if there are none.
    pub(crate) fn compressed<'a>(&self, body: &'a [u8], frame: usize) -> Option<Cow<'a, [u8]>> {
        let Self::Encapsulated(frames) = self else {
            return None;
        };
        match frames.get(frame)?.as_slice() {
            [] => None,
            [one] => Some(Cow::Borrowed(body.get(one.clone())?)),
            many => {
                let parts: Option<Vec<&[u8]>> =
                    many.iter().map(|range| body.get(range.clone())).collect();
                Some(Cow::Owned(parts?.concat()))
            }
        }
    }

    /// The bytes in which native frames lie.
    pub(crate) fn native<'a>(&'a self, body: &'a [u8]) -> &'a [u8] {
        match self {
            Self::Native(range) => body.get(range.clone()).unwrap_or_default(),
            Self::Joined(bytes) => bytes,
            Self::Encapsulated(_) => &[],
        }
    }
}

/// Assigns fragments to frames: one each, or by the tables of offsets, or by how a stream starts.
fn by_frame(
    body: &[u8],
    all: Vec<Range<usize>>,
    table: Range<usize>,
    frames: usize,
    offsets: &[u64],
    codec: Codec,
) -> Vec<Vec<Range<usize>>> {
    if frames == 1 {
        return vec![all];
    }
    if all.len() == frames {
        return all.into_iter().map(|range| vec![range]).collect();
    }
    let basic: Vec<u64> = body
        .get(table)
        .unwrap_or_default()
        .as_chunks()
        .0
        .iter()
        .map(|four| u64::from(u32::from_le_bytes(*four)))
        .collect();
    let starts = if offsets.len() == frames {
        offsets
    } else {
        &basic
    };
    // Offsets count from the header of the first fragment.
    let base = all.first().map_or(0, |first| first.start.saturating_sub(8)) as u64;
    let begins = |range: &Range<usize>| {
        if starts.len() == frames {
            return starts.contains(&((range.start.saturating_sub(8) as u64).saturating_sub(base)));
        }
        let bytes = body.get(range.clone()).unwrap_or_default();
        match codec {
            Codec::Jpeg | Codec::JpegLs => bytes.starts_with(&[0xFF, 0xD8]),
            Codec::Jpeg2000 => bytes.starts_with(&[0xFF, 0x4F, 0xFF, 0x51]),
            _ => true,
        }
    };
    let mut found: Vec<Vec<Range<usize>>> = Vec::new();
    for range in all {
        match found.last_mut() {
            Some(last) if !begins(&range) => last.push(range),
            _ => found.push(vec![range]),
        }
    }
    found
}

/// The samples of a native frame as integers. Rows that are missing are left 0, and not counted in `rows`.
pub(crate) fn native_integers(
    bytes: &[u8],
    frame: usize,
    layout: &Layout,
    encoding: Encoding,
    words: bool,
) -> Result<Decoded, Fault> {
    let pixels = layout.pixels();
    let frame_bits = usize::try_from(layout.frame_bits()).unwrap_or(usize::MAX);
    let start = frame_bits.saturating_mul(frame);
    let done = |values: Vec<i32>, available: usize| {
        let per_row = frame_bits / layout.rows;
        let rows = (available / per_row.max(1)).min(layout.rows);
        // In planes, a missing end is missing in the last colour of every row.
        let rows = if layout.planar && rows < layout.rows {
            0
        } else {
            rows
        };
        Decoded {
            values,
            bits: None,
            colours: Colours::AsStated,
            rows,
        }
    };
    let available = (bytes.len() * 8).saturating_sub(start).min(frame_bits);
    if layout.allocated == 1 {
        let swapped = words && !encoding.little;
        let bit = |index: usize| {
            let at = (start + index) / 8;
            let byte = bytes
                .get(if swapped { at ^ 1 } else { at })
                .copied()
                .unwrap_or_default();
            i32::from(byte >> ((start + index) % 8) & 1)
        };
        return Ok(done(
            (0..pixels * layout.samples).map(bit).collect(),
            available,
        ));
    }
    let from = (start / 8).min(bytes.len());
    let part = bytes
        .get(from..(from + frame_bits / 8).min(bytes.len()))
        .unwrap_or_default();
    let stored = integers(
        part,
        layout.allocated,
        encoding.little,
        words,
        start / 8,
        bytes,
    );
    let mut values = match layout.photometric {
        Photometric::YbrFull { shared: (2, 1) } | Photometric::YbrPartial { shared: (2, 1) } => {
            shared_chroma(&stored)
        }
        Photometric::YbrPartial { shared: (2, 2) } => {
            return Err(Fault::unsupported("DICOM", "uncompressed YBR_PARTIAL_420"));
        }
        _ if layout.planar => planes(&stored, pixels, layout.samples),
        _ => stored,
    };
    values.resize(pixels * layout.samples, 0);
    Ok(done(values, available))
}

fn integers(
    part: &[u8],
    allocated: u32,
    little: bool,
    words: bool,
    from: usize,
    all: &[u8],
) -> Vec<i32> {
    match allocated {
        // Bytes in big-endian words come in pairs the other way round.
        8 if words && !little => {
            let byte = |index| i32::from(all.get((from + index) ^ 1).copied().unwrap_or_default());
            (0..part.len()).map(byte).collect()
        }
        8 => part.iter().map(|&byte| i32::from(byte)).collect(),
        16 => {
            let value = |two: &[u8; 2]| {
                if little {
                    u16::from_le_bytes(*two)
                } else {
                    u16::from_be_bytes(*two)
                }
            };
            part.as_chunks()
                .0
                .iter()
                .map(|two| i32::from(value(two)))
                .collect()
        }
        _ => {
            let value = |four: &[u8; 4]| {
                if little {
                    i32::from_le_bytes(*four)
                } else {
                    i32::from_be_bytes(*four)
                }
            };
            part.as_chunks().0.iter().map(value).collect()
        }
    }
}

/// Two lumas, then the chroma of both.
fn shared_chroma(stored: &[i32]) -> Vec<i32> {
    stored
        .as_chunks()
        .0
        .iter()
        .flat_map(|&[first, second, blue, red]| [first, blue, red, second, blue, red])
        .collect()
}

fn planes(stored: &[i32], pixels: usize, samples: usize) -> Vec<i32> {
    let value = |pixel: usize, sample: usize| {
        stored
            .get(sample * pixels + pixel)
            .copied()
            .unwrap_or_default()
    };
    (0..pixels)
        .flat_map(|pixel| (0..samples).map(move |sample| value(pixel, sample)))
        .collect()
}

/// The samples of a native frame as floats of `size` bytes; missing ones are NaN. Also returns how many rows were there.
pub(crate) fn native_floats<const SIZE: usize>(
    bytes: &[u8],
    frame: usize,
    layout: &Layout,
    convert: impl Fn([u8; SIZE]) -> f64,
) -> (Vec<f64>, usize) {
    let count = layout.pixels() * layout.samples;
    let from = count
        .saturating_mul(SIZE)
        .saturating_mul(frame)
        .min(bytes.len());
    let part = bytes.get(from..).unwrap_or_default().as_chunks().0;
    let mut values: Vec<f64> = part.iter().take(count).map(|&one| convert(one)).collect();
    let rows = values.len() / (layout.columns * layout.samples);
    values.resize(count, f64::NAN);
    (values, rows)
}

//! Kinds of TIFF that the common decoder converts on its own or does not read: printing colours, palettes, grey floats.
//!
//! The decoder below knows no palettes. It is shown a copy of the file that calls itself grey, and the colours are put in afterwards.
//! Never read past what the decoder gave: headers may promise more.

use std::io::Cursor;

use tiff::decoder::{BufferLayoutPreference, Decoder, DecodingResult, Limits};
use tiff::tags::Tag;
use tiff::{ColorType, TiffError};

use super::decode::{MAX_DECODER_BYTES, Refusal, check_size};
use super::pixels::{Samples, Values};

/// The samples of such a TIFF; `None` for every other one, and where the header cannot be read.
pub(super) fn unconverted(content: &[u8]) -> Result<Option<Samples>, Refusal> {
    if let Some(at) = palette_mark(content) {
        // 1: black is zero.
        let mut grey = content.to_vec();
        grey[at..at + 2].copy_from_slice(&match is_little(content) {
            true => 1u16.to_le_bytes(),
            false => 1u16.to_be_bytes(),
        });
        return indexed(open(&grey)?).map(Some);
    }
    let Ok(mut decoder) = open(content) else {
        return Ok(None);
    };
    match decoder.colortype() {
        Ok(ColorType::CMYK(8 | 16)) => inks(decoder).map(Some),
        Ok(ColorType::Gray(32)) => floats(decoder).map(Some),
        _ => Ok(None),
    }
}

type Content<'a> = Decoder<Cursor<&'a [u8]>>;

fn open(content: &[u8]) -> Result<Content<'_>, Refusal> {
    let mut limits = Limits::default();
    limits.decoding_buffer_size = MAX_DECODER_BYTES as usize;
    let decoder = Decoder::new(Cursor::new(content)).map_err(refusal)?;
    Ok(decoder.with_limits(limits))
}

/// Where the first picture's colours are named, if it says they come from a palette.
fn palette_mark(content: &[u8]) -> Option<usize> {
    let at = tag(content, PHOTOMETRIC)?.at;
    (short(content, at)? == PALETTE).then_some(at)
}

/// Whether the first picture is black and white, one bit a pixel.
pub(super) fn is_bilevel(content: &[u8]) -> bool {
    // Left out, a tag has the value 1.
    let is_one = |number| match tag(content, number) {
        Some(tag) => tag.count == 1 && short(content, tag.at) == Some(1),
        None => true,
    };
    is_one(BITS) && is_one(SAMPLES)
}

/// Meaning of a sample that is no colour: nothing, opacity that is multiplied into the colours, or (2) opacity alone.
pub(super) const NOTHING: u16 = 0;
pub(super) const ASSOCIATED: u16 = 1;

/// What the first sample of the first picture that is no colour means; `None` where that is not said.
pub(super) fn extra_sample(content: &[u8]) -> Option<u16> {
    let tag = tag(content, EXTRA_SAMPLES)?;
    // More of them lie elsewhere.
    (tag.count <= 2).then(|| short(content, tag.at))?
}

const BITS: u16 = 258;
const PHOTOMETRIC: u16 = 262;
const SAMPLES: u16 = 277;
const EXTRA_SAMPLES: u16 = 338;
/// Value of `PHOTOMETRIC`.
const PALETTE: u16 = 3;

/// A tag of the first picture: how many values it has, and where the first lies if they are short and at most two.
struct Place {
    count: u32,
    at: usize,
}

fn tag(content: &[u8], wanted: u16) -> Option<Place> {
    let directory = usize::try_from(long(content, 4)?).ok()?;
    let entries = (0..usize::from(short(content, directory)?)).map(|i| directory + 2 + 12 * i);
    let entry = entries
        .take_while(|&at| at + 12 <= content.len())
        .find(|&at| short(content, at) == Some(wanted))?;
    Some(Place {
        count: long(content, entry + 4)?,
        at: entry + 8,
    })
}

fn is_little(content: &[u8]) -> bool {
    content.starts_with(b"II")
}

fn short(content: &[u8], at: usize) -> Option<u16> {
    let bytes = content.get(at..at.checked_add(2)?)?.try_into().ok()?;
    Some(match is_little(content) {
        true => u16::from_le_bytes(bytes),
        false => u16::from_be_bytes(bytes),
    })
}

fn long(content: &[u8], at: usize) -> Option<u32> {
    let bytes = content.get(at..at.checked_add(4)?)?.try_into().ok()?;
    Some(match is_little(content) {
        true => u32::from_le_bytes(bytes),
        false => u32::from_be_bytes(bytes),
    })
}

/// Reads all planes of the first picture.
fn read(
    decoder: &mut Content<'_>,
) -> Result<(u32, u32, DecodingResult, BufferLayoutPreference), Refusal> {
    let (width, height) = decoder.dimensions().map_err(refusal)?;
    check_size(width, height)?;
    let mut result = DecodingResult::U8(Vec::new());
    let layout = decoder.read_image_to_buffer(&mut result).map_err(refusal)?;
    match result.as_buffer(0).as_bytes().len() < layout.complete_len {
        true => Err(Refusal::Memory),
        false => Ok((width, height, result, layout)),
    }
}

fn indexed(mut decoder: Content<'_>) -> Result<Samples, Refusal> {
    let depth = match decoder.colortype().map_err(refusal)? {
        ColorType::Gray(depth @ (1 | 2 | 4 | 8)) => depth,
        _ => return Err(Refusal::Unsupported("a palette of another depth".into())),
    };
    let map = decoder.get_tag_u16_vec(Tag::ColorMap).map_err(refusal)?;
    let (width, height, result, layout) = read(&mut decoder)?;
    let (DecodingResult::U8(packed), Some(row_bytes)) = (result, layout.row_stride) else {
        return Err(Refusal::Unsupported("a palette of another depth".into()));
    };
    Ok(Samples::Own {
        width,
        height,
        values: Values::Indices {
            packed,
            row_bytes: row_bytes.get(),
            depth,
            map,
        },
    })
}

fn inks(mut decoder: Content<'_>) -> Result<Samples, Refusal> {
    let (width, height, result, layout) = read(&mut decoder)?;
    let bytes = match result {
        DecodingResult::U8(bytes) => bytes,
        // Pillow keeps the high byte.
        DecodingResult::U16(words) => words.into_iter().map(|word| (word >> 8) as u8).collect(),
        _ => return Err(Refusal::Unsupported("inks of another depth".into())),
    };
    Ok(Samples::Own {
        width,
        height,
        values: match layout.planes {
            1 => Values::Inks(bytes),
            _ => Values::InkPlanes(bytes),
        },
    })
}

fn floats(mut decoder: Content<'_>) -> Result<Samples, Refusal> {
    let (width, height, result, _) = read(&mut decoder)?;
    match result {
        DecodingResult::F32(samples) => Ok(Samples::Own {
            width,
            height,
            values: Values::Floats(samples),
        }),
        _ => Err(Refusal::Unsupported("grey of 32-bit integers".into())),
    }
}

fn refusal(error: TiffError) -> Refusal {
    match error {
        TiffError::LimitsExceeded => Refusal::Memory,
        TiffError::UnsupportedError(_) => Refusal::Unsupported(error.to_string()),
        TiffError::IoError(cause) if cause.kind() == std::io::ErrorKind::UnexpectedEof => {
            Refusal::Truncated
        }
        _ => Refusal::Broken(error.to_string()),
    }
}

//! TIFFs that the `image` crate converts itself or cannot read: CMYK, palettes and greyscale floats.
//!
//! The `tiff` crate does not support palettes. It gets a copy of the file marked as greyscale, and the colours are looked up
//! afterwards. Never read past the data the decoder returned: headers may promise more.

use std::io::Cursor;

use tiff::decoder::{BufferLayoutPreference, Decoder, DecodingResult, Limits};
use tiff::tags::Tag;
use tiff::{ColorType, TiffError};

use super::limits::MAX_DECODER_BYTES;
use super::pixels::{Samples, Values};
use super::refusal::{Refusal, check_size};

/// The samples of such a TIFF; `None` for any other, or if the header cannot be read.
pub(super) fn special_samples(content: &[u8]) -> Result<Option<Samples>, Refusal> {
    if let Some(at) = palette_tag_offset(content) {
        // Photometric interpretation 1: black is zero.
        let mut grey = content.to_vec();
        grey[at..at + 2].copy_from_slice(&match is_little_endian(content) {
            true => 1u16.to_le_bytes(),
            false => 1u16.to_be_bytes(),
        });
        return indexed(open_decoder(&grey)?).map(Some);
    }
    let Ok(mut decoder) = open_decoder(content) else {
        return Ok(None);
    };
    match decoder.colortype() {
        Ok(ColorType::CMYK(8 | 16)) => cmyk(decoder).map(Some),
        Ok(ColorType::Gray(32)) => floats(decoder).map(Some),
        _ => Ok(None),
    }
}

type Content<'a> = Decoder<Cursor<&'a [u8]>>;

fn open_decoder(content: &[u8]) -> Result<Content<'_>, Refusal> {
    let mut limits = Limits::default();
    limits.decoding_buffer_size = MAX_DECODER_BYTES as usize;
    let decoder = Decoder::new(Cursor::new(content)).map_err(refusal)?;
    Ok(decoder.with_limits(limits))
}

/// Offset of the first image's photometric value, if that says palette.
fn palette_tag_offset(content: &[u8]) -> Option<usize> {
    let at = tag(content, PHOTOMETRIC)?.at;
    (short(content, at)? == PALETTE).then_some(at)
}

/// Whether the first image is bilevel: one bit per pixel.
pub(super) fn is_bilevel(content: &[u8]) -> bool {
    // A missing tag means the value 1.
    let is_one = |number| match tag(content, number) {
        Some(tag) => tag.count == 1 && short(content, tag.at) == Some(1),
        None => true,
    };
    is_one(BITS_PER_SAMPLE) && is_one(SAMPLES_PER_PIXEL)
}

/// Values of `EXTRA_SAMPLES`: no meaning, alpha already multiplied into the colours, and (2) plain alpha.
pub(super) const UNSPECIFIED: u16 = 0;
pub(super) const ASSOCIATED: u16 = 1;

/// The meaning of the first non-colour sample of the first image, if stated.
pub(super) fn extra_sample(content: &[u8]) -> Option<u16> {
    let tag = tag(content, EXTRA_SAMPLES)?;
    // Longer lists are stored elsewhere.
    (tag.count <= 2).then(|| short(content, tag.at))?
}

/// The EXIF orientation of the first image, if stated.
pub(super) fn orientation(content: &[u8]) -> Option<u16> {
    short(content, tag(content, ORIENTATION)?.at)
}

const BITS_PER_SAMPLE: u16 = 258;
const PHOTOMETRIC: u16 = 262;
const ORIENTATION: u16 = 274;
const SAMPLES_PER_PIXEL: u16 = 277;
const EXTRA_SAMPLES: u16 = 338;
/// Value of `PHOTOMETRIC`.
const PALETTE: u16 = 3;

/// A tag of the first image: its number of values, and the offset of the first if they are at most two shorts.
struct TagEntry {
    count: u32,
    at: usize,
}

fn tag(content: &[u8], wanted: u16) -> Option<TagEntry> {
    let directory = usize::try_from(long(content, 4)?).ok()?;
    let entries = (0..usize::from(short(content, directory)?)).map(|i| directory + 2 + 12 * i);
    let entry = entries
        .take_while(|&at| at + 12 <= content.len())
        .find(|&at| short(content, at) == Some(wanted))?;
    Some(TagEntry {
        count: long(content, entry + 4)?,
        at: entry + 8,
    })
}

fn is_little_endian(content: &[u8]) -> bool {
    content.starts_with(b"II")
}

fn short(content: &[u8], at: usize) -> Option<u16> {
    let bytes = content.get(at..at.checked_add(2)?)?.try_into().ok()?;
    Some(match is_little_endian(content) {
        true => u16::from_le_bytes(bytes),
        false => u16::from_be_bytes(bytes),
    })
}

fn long(content: &[u8], at: usize) -> Option<u32> {
    let bytes = content.get(at..at.checked_add(4)?)?.try_into().ok()?;
    Some(match is_little_endian(content) {
        true => u32::from_le_bytes(bytes),
        false => u32::from_be_bytes(bytes),
    })
}

/// Reads all planes of the first image.
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
        _ => {
            return Err(Refusal::Unsupported(
                "palette of an unsupported depth".into(),
            ));
        }
    };
    let map = decoder.get_tag_u16_vec(Tag::ColorMap).map_err(refusal)?;
    let (width, height, result, layout) = read(&mut decoder)?;
    let (DecodingResult::U8(packed), Some(row_bytes)) = (result, layout.row_stride) else {
        return Err(Refusal::Unsupported(
            "palette of an unsupported depth".into(),
        ));
    };
    Ok(Samples::Special {
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

fn cmyk(mut decoder: Content<'_>) -> Result<Samples, Refusal> {
    let (width, height, result, layout) = read(&mut decoder)?;
    let bytes = match result {
        DecodingResult::U8(bytes) => bytes,
        // Pillow keeps only the high byte.
        DecodingResult::U16(words) => words.into_iter().map(|word| (word >> 8) as u8).collect(),
        _ => return Err(Refusal::Unsupported("CMYK of an unsupported depth".into())),
    };
    Ok(Samples::Special {
        width,
        height,
        values: match layout.planes {
            1 => Values::Cmyk(bytes),
            _ => Values::CmykPlanes(bytes),
        },
    })
}

fn floats(mut decoder: Content<'_>) -> Result<Samples, Refusal> {
    let (width, height, result, _) = read(&mut decoder)?;
    match result {
        DecodingResult::F32(samples) => Ok(Samples::Special {
            width,
            height,
            values: Values::Grey32(samples),
        }),
        _ => Err(Refusal::Unsupported("greyscale of 32-bit integers".into())),
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

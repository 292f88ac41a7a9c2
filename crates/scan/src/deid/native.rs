//! Stores samples so that rectangles can be painted over them: those of a compressed image natively, colours of a palette and
//! colours that neighbours share as red, green and blue.
//!
//! Nothing is compressed again: that could bring back edges of what was blacked out, and would lose more of an image that was
//! compressed with loss already. What the file says of that loss stays. A palette need not have a black, and an entry that looks
//! unused could be the one that a later frame needs; so its colours are written out, 8 bits each, as every viewer shows them.

use super::elements::{Content, Copy, Encoding, Kept, Object};
use super::rules::Tag;
use crate::dicom::{Image, Raw, parse};
use crate::error::Fault;
use crate::limits::MAX_FILE_BYTES;
use crate::time_limit;
use crate::view_error::ViewError;

const EXPLICIT_LITTLE: &str = "1.2.840.10008.1.2.1";
const PIXELS: Tag = (0x7FE0, 0x0010);
const MEANING: Tag = (0x0028, 0x0004);
/// What belongs to stored values that are there no longer: their extremes, their padding, and the palette.
const OF_VALUES: [u16; 18] = [
    0x0106, 0x0107, 0x0108, 0x0109, 0x0120, 0x0121, 0x1101, 0x1102, 0x1103, 0x1104, 0x1199, 0x1201,
    0x1202, 0x1203, 0x1204, 0x1221, 0x1222, 0x1223,
];

/// What was done to an image.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Stored {
    pub(super) is_uncompressed: bool,
    pub(super) has_other_colours: bool,
}

/// Stores the image of `copy`, the copy of the file `bytes`, so that it can be painted over, if it cannot yet.
pub(super) fn store(
    copy: &mut Copy,
    object: &mut Object,
    bytes: &[u8],
) -> Result<Stored, ViewError> {
    let is_compressed = copy
        .pixels()
        .is_some_and(|pixels| matches!(pixels.value, Content::Fragments(_)));
    let meaning = copy.text(MEANING).unwrap_or_default();
    let is_indirect = matches!(
        meaning.as_str(),
        "PALETTE COLOR" | "YBR_FULL_422" | "YBR_PARTIAL_422"
    );
    if !is_compressed && !is_indirect {
        return Ok(Stored::default());
    }
    let what = if is_compressed {
        "is compressed, and could not be uncompressed"
    } else {
        "has colours that could not be written out"
    };
    let refused = |fault: Fault| {
        ViewError::NotCleaned(format!("its image {what} to black something out ({fault})"))
    };
    let samples = time_limit::of_file(|| decode(bytes)).map_err(refused)?;
    if is_compressed {
        object.syntax = EXPLICIT_LITTLE.to_owned();
        object.encoding = Encoding::EXPLICIT;
        copy.encoding = Encoding::EXPLICIT;
    }
    let has_other_colours = samples.colours.is_some_and(|colours| colours != meaning);
    put(copy, samples);
    Ok(Stored {
        is_uncompressed: is_compressed,
        has_other_colours,
    })
}

fn put(copy: &mut Copy, samples: Samples) {
    let encoding = copy.encoding;
    let allocated: u16 = if samples.bits > 8 { 16 } else { 8 };
    let mut short = |element: u16, value: u16| {
        let value = Content::Bytes(encoding.short(value).to_vec());
        let kind = *b"US";
        copy.elements
            .insert((0x0028, element), Kept { kind, value });
    };
    short(0x0100, allocated);
    short(0x0101, samples.bits);
    short(0x0102, samples.bits.saturating_sub(1));
    if let Some(colours) = samples.colours {
        short(0x0002, 3);
        short(0x0006, 0);
        short(0x0103, 0);
        let mut value = colours.as_bytes().to_vec();
        if value.len() % 2 == 1 {
            value.push(b' ');
        }
        let value = Content::Bytes(value);
        let kind = *b"CS";
        copy.elements.insert(MEANING, Kept { kind, value });
        for element in OF_VALUES {
            copy.elements.remove(&(0x0028, element));
        }
    }
    // Tables of where compressed frames lie.
    for element in [0x0001, 0x0002] {
        copy.elements.remove(&(0x7FE0, element));
    }
    // Bytes have no order, whatever that of the file is.
    let kind = if allocated == 16 { *b"OW" } else { *b"OB" };
    let value = Content::Bytes(samples.bytes);
    copy.elements.insert(PIXELS, Kept { kind, value });
}

/// The samples of all frames.
#[derive(Default)]
struct Samples {
    /// 8 bits each, or 16 in little endian.
    bytes: Vec<u8>,
    /// How many each has.
    bits: u16,
    /// What they mean, in DICOM's word; `None` for grey values.
    colours: Option<&'static str>,
}

fn decode(bytes: &[u8]) -> Result<Samples, Fault> {
    let decoded = rounds_imaging::catch_panic(|| {
        let image = Image::of(parse(bytes)?, &[])?;
        let body = image.body(bytes.to_vec())?;
        let frames = image.frames(&body);
        let mut samples = Samples::default();
        for frame in 0..image.layout.frames {
            time_limit::check()?;
            let (bits, colours) = add(image.raw(&body, &frames, frame)?, &mut samples.bytes)?;
            if frame > 0 && (bits, colours) != (samples.bits, samples.colours) {
                return Err(Fault::broken("DICOM", "its frames have different depths"));
            }
            (samples.bits, samples.colours) = (bits, colours);
            if samples.bytes.len() as u64 > MAX_FILE_BYTES {
                return Err(Fault::TooLong {
                    what: "the uncompressed image",
                    limit: MAX_FILE_BYTES,
                });
            }
        }
        if samples.bytes.len() % 2 == 1 {
            samples.bytes.push(0);
        }
        Ok(samples)
    });
    decoded.unwrap_or(Err(Fault::Panicked))
}

/// Adds a frame; how many bits its samples have, and what colours they are.
fn add(raw: Raw, bytes: &mut Vec<u8>) -> Result<(u16, Option<&'static str>), Fault> {
    let (bits, colours) = match raw {
        Raw::Rgb(rgb) => {
            bytes.extend(rgb);
            (8, Some("RGB"))
        }
        Raw::Deep {
            values,
            bits,
            is_ybr,
        } => {
            bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
            (bits, Some(if is_ybr { "YBR_FULL" } else { "RGB" }))
        }
        Raw::Single { bits: 17.., .. } => {
            return Err(Fault::unsupported("DICOM", "samples of more than 16 bits"));
        }
        Raw::Single { values, bits } => {
            match bits {
                0..=8 => bytes.extend(values.iter().map(|value| *value as u8)),
                _ => bytes.extend(
                    values
                        .iter()
                        .flat_map(|value| (*value as u16).to_le_bytes()),
                ),
            }
            (bits, None)
        }
    };
    Ok((u16::try_from(bits).unwrap_or(16), colours))
}

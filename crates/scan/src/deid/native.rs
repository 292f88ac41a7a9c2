//! Stores the samples of a compressed image natively, so that rectangles can be painted over them.
//!
//! Nothing is compressed again: that could bring back edges of what was blacked out, and would lose more of an image that was
//! compressed with loss already. What the file says of that loss stays.

use super::elements::{Content, Copy, Encoding, Kept, Object};
use super::rules::Tag;
use crate::dicom::{Image, Raw, parse};
use crate::error::Fault;
use crate::limits::MAX_FILE_BYTES;
use crate::time_limit;
use crate::view_error::ViewError;

const EXPLICIT_LITTLE: &str = "1.2.840.10008.1.2.1";
const PIXELS: Tag = (0x7FE0, 0x0010);

/// Decodes the image of `copy`, the copy of the file `bytes`, and changes its transfer syntax.
pub(super) fn store(copy: &mut Copy, object: &mut Object, bytes: &[u8]) -> Result<(), ViewError> {
    let refused = |fault: Fault| {
        ViewError::NotCleaned(format!(
            "its image is compressed, and could not be uncompressed to black something out ({fault})"
        ))
    };
    let (samples, bits, is_colour) = time_limit::of_file(|| decode(bytes)).map_err(refused)?;
    object.syntax = EXPLICIT_LITTLE.to_owned();
    object.encoding = Encoding::EXPLICIT;
    copy.encoding = Encoding::EXPLICIT;
    let allocated: u16 = if bits > 8 { 16 } else { 8 };
    let mut short = |element: u16, value: u16| {
        let value = Content::Bytes(value.to_le_bytes().to_vec());
        let kind = *b"US";
        copy.elements
            .insert((0x0028, element), Kept { kind, value });
    };
    short(0x0100, allocated);
    short(0x0101, bits);
    short(0x0102, bits.saturating_sub(1));
    if is_colour {
        short(0x0002, 3);
        short(0x0006, 0);
        short(0x0103, 0);
        let value = Content::Bytes(b"RGB ".to_vec());
        let kind = *b"CS";
        copy.elements.insert((0x0028, 0x0004), Kept { kind, value });
    }
    // Tables of where compressed frames lie.
    for element in [0x0001, 0x0002] {
        copy.elements.remove(&(0x7FE0, element));
    }
    let kind = if allocated == 16 { *b"OW" } else { *b"OB" };
    let value = Content::Bytes(samples);
    copy.elements.insert(PIXELS, Kept { kind, value });
    Ok(())
}

/// The samples of all frames in little endian, how many bits each has, and whether they are colours.
fn decode(bytes: &[u8]) -> Result<(Vec<u8>, u16, bool), Fault> {
    let decoded = rounds_imaging::catch_panic(|| {
        let image = Image::of(parse(bytes)?, &[])?;
        let body = image.body(bytes.to_vec())?;
        let frames = image.frames(&body);
        let mut samples = Vec::new();
        let (mut most, mut is_colour) = (0, false);
        for frame in 0..image.layout.frames {
            time_limit::check()?;
            match image.raw(&body, &frames, frame)? {
                Raw::Rgb(rgb) => {
                    samples.extend(rgb);
                    (most, is_colour) = (8, true);
                }
                Raw::Single { bits: 17.., .. } => {
                    return Err(Fault::unsupported("DICOM", "samples of more than 16 bits"));
                }
                Raw::Single { values, bits } => {
                    if most != 0 && bits != most {
                        return Err(Fault::broken("DICOM", "its frames have different depths"));
                    }
                    most = bits;
                    match bits {
                        0..=8 => samples.extend(values.iter().map(|value| *value as u8)),
                        _ => samples.extend(
                            values
                                .iter()
                                .flat_map(|value| (*value as u16).to_le_bytes()),
                        ),
                    }
                }
            }
            if samples.len() as u64 > MAX_FILE_BYTES {
                return Err(Fault::TooLong {
                    what: "the uncompressed image",
                    limit: MAX_FILE_BYTES,
                });
            }
        }
        if samples.len() % 2 == 1 {
            samples.push(0);
        }
        Ok((samples, u16::try_from(most).unwrap_or(16), is_colour))
    });
    decoded.unwrap_or(Err(Fault::Panicked))
}

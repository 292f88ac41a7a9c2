//! What the `image` crate hides about a JPEG: whether it is complete, and the four channels of a CMYK file, which it would
//! convert to RGB before they could be resized.
//!
//! Like Pillow, this takes every four-channel file to hold inverted CMYK, as Adobe's programs write it, whether or not the
//! file says so.

use zune_jpeg::JpegDecoder;
use zune_jpeg::errors::DecodeErrors;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::limits::MAX_SIDE;
use super::pixels::{Samples, Values};
use super::refusal::{Refusal, check_size};

/// Whether the file reaches its end marker. A decoder silently fills missing data with grey, so an incomplete file must be
/// refused, as Pillow refuses it.
pub(super) fn is_complete(content: &[u8]) -> bool {
    let mut at = 2;
    while let Some(&byte) = content.get(at) {
        let marker = content.get(at + 1).copied();
        match (byte, marker) {
            (0xFF, Some(0xD9)) => return true,
            // Fill bytes, a stuffed byte, a restart, or a marker without a segment.
            (0xFF, Some(0xFF)) => at += 1,
            (0xFF, Some(0x00 | 0x01 | 0xD0..=0xD8)) => at += 2,
            (0xFF, Some(_)) => {
                let length = content.get(at + 2..at + 4).map(|two| [two[0], two[1]]);
                match length.map(u16::from_be_bytes) {
                    Some(length) if length >= 2 => at += 2 + usize::from(length),
                    _ => return false,
                }
            }
            _ => at += 1,
        }
    }
    false
}

/// The samples of a four-channel JPEG; `None` for any other, or if the header cannot be read.
pub(super) fn cmyk_samples(content: &[u8]) -> Result<Option<Samples>, Refusal> {
    let options = DecoderOptions::default()
        .set_strict_mode(false)
        .set_max_width(MAX_SIDE as usize)
        .set_max_height(MAX_SIDE as usize);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(content), options);
    if decoder.decode_headers().is_err() {
        return Ok(None);
    }
    let space = match decoder.input_colorspace() {
        Some(space @ (ColorSpace::CMYK | ColorSpace::YCCK)) => space,
        _ => return Ok(None),
    };
    let Some((width, height)) = decoder.dimensions() else {
        return Ok(None);
    };
    let (width, height) = (width as u32, height as u32);
    check_size(width, height)?;
    decoder.set_options(options.jpeg_set_out_colorspace(space));
    let stored = decoder.decode().map_err(refusal)?;
    Ok(Some(Samples::Special {
        width,
        height,
        values: match space {
            ColorSpace::YCCK => Values::InvertedYcck(stored),
            _ => Values::InvertedCmyk(stored),
        },
    }))
}

fn refusal(error: DecodeErrors) -> Refusal {
    match error {
        DecodeErrors::Unsupported(_) => Refusal::Unsupported(error.to_string()),
        DecodeErrors::ExhaustedData => Refusal::Truncated,
        _ => Refusal::Broken(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_truncated_file_is_incomplete_and_an_end_marker_inside_a_segment_does_not_count() {
        let mut file = vec![0xFF, 0xD8];
        // A comment that contains an end marker.
        file.extend([0xFF, 0xFE, 0, 6, 0xFF, 0xD9, 1, 2]);
        file.extend([0xFF, 0xDA, 0, 2, 7, 7, 0xFF, 0x00, 9, 0xFF, 0xD0, 3, 0xFF]);
        assert!(!is_complete(&file));
        file.extend([0xFF, 0xD9, 0, 0]);
        assert!(is_complete(&file));
        for end in 0..file.len() - 3 {
            assert!(!is_complete(&file[..end]), "{end}");
        }
    }
}

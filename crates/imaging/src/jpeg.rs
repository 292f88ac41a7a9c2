//! What the common decoder does not tell of a JPEG: whether it is whole, and the four channels of printing colours, which it
//! would turn into RGB before anyone could resize them.
//!
//! As Pillow does, every such file is taken to hold inverted inks, as Adobe's programs write them, whether or not it says so.

use zune_jpeg::JpegDecoder;
use zune_jpeg::errors::DecodeErrors;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::decode::{MAX_SIDE, Refusal, check_size};
use super::pixels::{Samples, Values};

/// Whether the file goes on to its end marker. A decoder fills what is missing with grey and says nothing, which is no picture
/// to ask about; Pillow refuses such a file too.
pub(super) fn is_whole(content: &[u8]) -> bool {
    let mut at = 2;
    while let Some(&byte) = content.get(at) {
        let marker = content.get(at + 1).copied();
        match (byte, marker) {
            (0xFF, Some(0xD9)) => return true,
            // Filling, a stuffed byte, a restart, or a marker without content.
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

/// The samples of a JPEG of four channels; `None` for every other one, and where the header cannot be read.
pub(super) fn four_channels(content: &[u8]) -> Result<Option<Samples>, Refusal> {
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
    Ok(Some(Samples::Own {
        width,
        height,
        values: match space {
            ColorSpace::YCCK => Values::StoredYcck(stored),
            _ => Values::StoredInks(stored),
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
    fn a_cut_file_is_not_whole_and_an_end_inside_a_segment_is_none() {
        let mut file = vec![0xFF, 0xD8];
        // A comment that holds an end marker.
        file.extend([0xFF, 0xFE, 0, 6, 0xFF, 0xD9, 1, 2]);
        file.extend([0xFF, 0xDA, 0, 2, 7, 7, 0xFF, 0x00, 9, 0xFF, 0xD0, 3, 0xFF]);
        assert!(!is_whole(&file));
        file.extend([0xFF, 0xD9, 0, 0]);
        assert!(is_whole(&file));
        for end in 0..file.len() - 3 {
            assert!(!is_whole(&file[..end]), "{end}");
        }
    }
}

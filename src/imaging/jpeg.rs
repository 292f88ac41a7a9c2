//! JPEGs of four channels: printing colours, which the common decoder would turn into RGB before anyone could resize them.
//!
//! As Pillow does, every such file is taken to hold inverted inks, as Adobe's programs write them, whether or not it says so.

use zune_jpeg::JpegDecoder;
use zune_jpeg::errors::DecodeErrors;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::decode::{MAX_SIDE, Refusal, check_size};
use super::pixels::{Samples, Values};

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

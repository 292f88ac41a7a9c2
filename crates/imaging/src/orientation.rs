//! Turns images upright as their EXIF orientation says, with everything that is known of each pixel.
//!
//! Cameras and phones store the sensor's rows and note how the device was held. Anything unreadable counts as upright: an
//! image must never be refused for its metadata.

use std::io::Cursor;
use std::mem;

use image::metadata::Orientation;
use image::{ImageBuffer, ImageDecoder, ImageReader, Luma, Pixel, Rgb, Rgba, imageops};

use super::{Format, HighBitGrey, Image, guard, tiff};

/// Some programs write this in front of EXIF data outside JPEG too.
const EXIF_PREFIX: &[u8] = b"Exif\0\0";
/// Length of a PNG's signature, and of a chunk's length, type and checksum.
const PNG_SIGNATURE: usize = 8;
const PNG_CHUNK: usize = 12;

/// How a file's pixels must be turned to stand upright.
pub(super) fn of(content: &[u8], format: Format) -> Orientation {
    let found = match format {
        Format::Bmp | Format::Gif => None,
        Format::Jpeg | Format::WebP => exif(content, format),
        // The decoder has not seen chunks behind the pixels.
        Format::Png => exif(content, format).or_else(|| of_chunk(png_exif(content)?)),
        // The decoder refuses palettes.
        Format::Tiff => tiff_tag(content).or_else(|| {
            let value = u8::try_from(tiff::orientation(content)?).ok()?;
            Orientation::from_exif(value)
        }),
    };
    found.unwrap_or(Orientation::NoTransforms)
}

fn exif(content: &[u8], format: Format) -> Option<Orientation> {
    let chunk = guard::catch_panic(|| {
        let reader = ImageReader::with_format(Cursor::new(content), format.of_decoder());
        reader.into_decoder().ok()?.exif_metadata().ok()?
    })?;
    of_chunk(&chunk?)
}

fn tiff_tag(content: &[u8]) -> Option<Orientation> {
    guard::catch_panic(|| {
        let reader = ImageReader::with_format(Cursor::new(content), Format::Tiff.of_decoder());
        reader.into_decoder().ok()?.orientation().ok()
    })?
}

fn of_chunk(chunk: &[u8]) -> Option<Orientation> {
    Orientation::from_exif_chunk(chunk.strip_prefix(EXIF_PREFIX).unwrap_or(chunk))
}

/// The EXIF chunk of a PNG, wherever it is.
fn png_exif(content: &[u8]) -> Option<&[u8]> {
    let mut rest = content.get(PNG_SIGNATURE..)?;
    loop {
        let (head, after) = rest.split_at_checked(PNG_CHUNK - 4)?;
        let (length, kind) = head.split_at_checked(4)?;
        let length = u32::from_be_bytes(length.try_into().ok()?) as usize;
        if kind == b"eXIf" {
            return after.get(..length);
        }
        rest = after.get(length.checked_add(4)?..)?;
    }
}

/// Turns an image.
pub(super) fn apply(orientation: Orientation, image: &mut Image) {
    if orientation == Orientation::NoTransforms {
        return;
    }
    let size = (image.width, image.height);
    let extras = &mut image.extras;
    turn::<Rgb<u8>>(&mut image.rgb, size, orientation);
    if let Some(alpha) = &mut extras.alpha {
        turn::<Luma<u8>>(alpha, size, orientation);
    }
    if let Some(cmyk) = &mut extras.cmyk {
        turn::<Rgba<u8>>(cmyk, size, orientation);
    }
    match &mut extras.high_bit_grey {
        Some(HighBitGrey::U16(samples)) => turn::<Luma<u16>>(samples, size, orientation),
        Some(HighBitGrey::F32(samples)) => turn::<Luma<f32>>(samples, size, orientation),
        None => {}
    }
    if is_quarter_turn(orientation) {
        mem::swap(&mut image.width, &mut image.height);
    }
}

fn is_quarter_turn(orientation: Orientation) -> bool {
    use Orientation as O;
    match orientation {
        O::NoTransforms | O::Rotate180 | O::FlipHorizontal | O::FlipVertical => false,
        O::Rotate90 | O::Rotate270 | O::Rotate90FlipH | O::Rotate270FlipH => true,
    }
}

/// Turns the samples of an image of this size; `P` has as many channels as a pixel has samples.
fn turn<P: Pixel + 'static>(
    samples: &mut Vec<P::Subpixel>,
    (width, height): (u32, u32),
    orientation: Orientation,
) {
    use Orientation as O;
    let Some(buffer) = ImageBuffer::<P, _>::from_raw(width, height, mem::take(samples)) else {
        return;
    };
    let turned = match orientation {
        O::NoTransforms => buffer,
        O::Rotate90 => imageops::rotate90(&buffer),
        O::Rotate180 => imageops::rotate180(&buffer),
        O::Rotate270 => imageops::rotate270(&buffer),
        O::FlipHorizontal => imageops::flip_horizontal(&buffer),
        O::FlipVertical => imageops::flip_vertical(&buffer),
        O::Rotate90FlipH => imageops::flip_horizontal(&imageops::rotate90(&buffer)),
        O::Rotate270FlipH => imageops::flip_horizontal(&imageops::rotate270(&buffer)),
    };
    *samples = turned.into_raw();
}

#[cfg(test)]
#[path = "orientation_tests.rs"]
mod tests;

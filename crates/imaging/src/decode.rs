//! Decodes a file's bytes into a [`Image`].
//!
//! Limits are checked first: file length, then the size claimed by the header, then memory. Only then are pixels decoded,
//! guarded against panics. Colour profiles are ignored, as in the reference pipelines. JPEG pixels may differ by a few levels
//! from those of another decoder: the standard does not fix the rounding.
//!
//! There are two ways to read a file. [`decode`] shows it as a person should see it: upright, and at the brightness that its
//! samples allow. [`decode_as_reference`] leaves both alone, as the reference pipelines do.

use std::io::Cursor;
use std::path::Path;

use image::{DynamicImage, ExtendedColorType, ImageDecoder, ImageReader, Limits};

use super::limits::{MAX_DECODER_BYTES, MAX_FILE_BYTES};
use super::pixels::{Pixels, Samples, Values};
use super::refusal::{MAX_MESSAGE_CHARS, Refusal, check_size};
use super::sample_range::SampleRange;
use super::{
    Format, Image, ImagingError, Mode, PixelExtras, SourceInfo, guard, jpeg, orientation,
    pixel_layout, sniff, tiff,
};
use rounds_support::{files, sanitise};

/// Reads and decodes the image at `path` for people and chats. Fails unless it is a supported image within the limits.
pub fn load(path: &Path) -> Result<Image, ImagingError> {
    let (content, name) = file(path)?;
    decode(&content, &name)
}

/// Reads and decodes the image at `path` as the reference pipelines do.
pub fn load_as_reference(path: &Path) -> Result<Image, ImagingError> {
    let (content, name) = file(path)?;
    decode_as_reference(&content, &name)
}

/// The bytes and the unsanitised name of a file.
fn file(path: &Path) -> Result<(Vec<u8>, String), ImagingError> {
    let name = path
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    Ok((files::read_regular_file(path, MAX_FILE_BYTES)?, name))
}

/// Decodes the image in `content` for people and chats: turned upright as its EXIF orientation says, and samples of more than 8
/// bits scaled from the range they use. `name` is only used in messages and may be unsanitised.
pub fn decode(content: &[u8], name: &str) -> Result<Image, ImagingError> {
    let mut image = read(content, name, SampleRange::InUse)?;
    orientation::apply(orientation::of(content, image.source.format), &mut image);
    Ok(image)
}

/// Decodes the image in `content` as the reference pipelines do: as stored, whatever its EXIF orientation, and samples of more
/// than 8 bits scaled from their full range.
pub fn decode_as_reference(content: &[u8], name: &str) -> Result<Image, ImagingError> {
    read(content, name, SampleRange::Full)
}

fn read(content: &[u8], name: &str, range: SampleRange) -> Result<Image, ImagingError> {
    let name = sanitise::clean_line_max(name, MAX_MESSAGE_CHARS);
    if content.is_empty() {
        return Err(ImagingError::Empty { name });
    }
    let length = content.len() as u64;
    if length > MAX_FILE_BYTES {
        return Err(ImagingError::FileTooLarge {
            name,
            length,
            limit: MAX_FILE_BYTES,
        });
    }
    let Some(format) = sniff::format(content) else {
        return Err(ImagingError::Unknown {
            name,
            looks_like: sniff::looks_like(content),
        });
    };
    let (samples, original_mode) = match guard::catch_panic(|| decode_samples(content, format)) {
        Some(Ok(decoded)) => decoded,
        Some(Err(refusal)) => return Err(refusal.explain(name, format)),
        None => return Err(Refusal::Broken("the decoder failed".to_owned()).explain(name, format)),
    };
    let mut pixels = Pixels::of(samples, range);
    let (width, height, length_of_rgb) = (pixels.width, pixels.height, pixels.rgb.len() as u64);
    if length_of_rgb == 0 || length_of_rgb != u64::from(width) * u64::from(height) * 3 {
        return Err(Refusal::Broken("it has no pixels".to_owned()).explain(name, format));
    }
    let layout = pixel_layout::reconcile(content, format, &mut pixels);
    let source = SourceInfo {
        name,
        format,
        bytes: length,
        sha256: files::sha256_hex(content),
        original_mode,
    };
    Ok(Image {
        width,
        height,
        rgb: pixels.rgb,
        extras: PixelExtras {
            indexed: layout.indexed,
            alpha: pixels.alpha.filter(|_| !layout.opaque),
            alpha_is_channel: layout.alpha_is_channel,
            cmyk: pixels.cmyk,
            high_bit_grey: pixels.high_bit_grey,
            bits_in_use: pixels.bits_in_use,
        },
        source,
    })
}

fn decode_samples(content: &[u8], format: Format) -> Result<(Samples, Mode), Refusal> {
    let decoded = decode_any(content, format)?;
    match format == Format::Jpeg && !jpeg::is_complete(content) {
        true => Err(Refusal::Truncated),
        false => Ok(decoded),
    }
}

fn decode_any(content: &[u8], format: Format) -> Result<(Samples, Mode), Refusal> {
    let special = match format {
        Format::Jpeg => jpeg::cmyk_samples(content)?,
        Format::Tiff => tiff::special_samples(content)?,
        _ => None,
    };
    if let Some(special) = special {
        let mode = match &special {
            Samples::Special {
                values: Values::Grey32(_),
                ..
            } => Mode::Float,
            Samples::Special {
                values: Values::Indices { .. },
                ..
            } => Mode::Rgb,
            _ => Mode::Cmyk,
        };
        return Ok((special, mode));
    }
    let mut limits = Limits::default();
    limits.max_alloc = Some(MAX_DECODER_BYTES);
    let mut reader = ImageReader::with_format(Cursor::new(content), format.of_decoder());
    reader.limits(limits);
    let decoder = reader.into_decoder()?;
    let (width, height) = decoder.dimensions();
    check_size(width, height)?;
    if decoder.total_bytes() > MAX_DECODER_BYTES {
        return Err(Refusal::Memory);
    }
    let original_mode = mode(decoder.original_color_type());
    let decoded = DynamicImage::from_decoder(decoder)?;
    Ok((Samples::Decoded(decoded), original_mode))
}

fn mode(colour: ExtendedColorType) -> Mode {
    use ExtendedColorType as Type;
    match colour {
        Type::L1 | Type::L2 | Type::L4 | Type::L8 => Mode::Grey,
        Type::La1 | Type::La2 | Type::La4 | Type::La8 => Mode::GreyAlpha,
        Type::Rgb1 | Type::Rgb2 | Type::Rgb4 | Type::Rgb8 | Type::Bgr8 => Mode::Rgb,
        Type::Rgba1 | Type::Rgba2 | Type::Rgba4 | Type::Rgba8 | Type::Bgra8 => Mode::Rgba,
        Type::L16 => Mode::Grey16,
        Type::La16 => Mode::GreyAlpha16,
        Type::Rgb16 => Mode::Rgb16,
        Type::Rgba16 => Mode::Rgba16,
        Type::Rgb32F | Type::Rgba32F => Mode::Float,
        Type::Cmyk8 | Type::Cmyk16 => Mode::Cmyk,
        _ => Mode::Other,
    }
}

#[cfg(test)]
#[path = "decode_tests.rs"]
mod tests;

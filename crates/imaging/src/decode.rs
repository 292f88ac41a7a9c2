//! Decodes a file's bytes into a [`Image`].
//!
//! Limits are checked first: file length, then the size claimed by the header, then memory. Only then are pixels decoded,
//! guarded against panics. EXIF orientation and colour profiles are ignored, as in the reference pipelines. JPEG pixels may
//! differ by a few levels from those of another decoder: the standard does not fix the rounding.

use std::error::Error;
use std::io::{self, Cursor};
use std::path::Path;

use image::{
    DynamicImage, ExtendedColorType, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits,
};

use super::pixels::{Pixels, Samples, Values};
use super::{
    Format, Image, ImagingError, Mode, PixelExtras, SourceInfo, guard, jpeg, pixel_layout, sniff,
    tiff,
};
use rounds_support::{files, sanitise};

/// Maximum file length in bytes.
pub const MAX_FILE_BYTES: u64 = 64 << 20;
/// Maximum width and height in pixels.
pub const MAX_SIDE: u32 = 16_384;
/// Maximum number of pixels.
pub const MAX_PIXELS: u64 = 64_000_000;
/// Maximum memory for a decoder, in bytes.
pub(super) const MAX_DECODER_BYTES: u64 = 512 << 20;
/// Maximum length of a name or reason in a message, in characters.
const MAX_MESSAGE_CHARS: usize = 200;

/// Reads and decodes the image at `path`. Fails unless it is a supported image within the limits.
pub fn load(path: &Path) -> Result<Image, ImagingError> {
    let name = path
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    let content = files::read_regular_file(path, MAX_FILE_BYTES)?;
    decode(&content, &name)
}

/// Decodes the image in `content`; `name` is only used in messages and may be unsanitised.
pub fn decode(content: &[u8], name: &str) -> Result<Image, ImagingError> {
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
    let mut pixels = Pixels::of(samples);
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
        },
        source,
    })
}

/// Why a file was refused, without its name.
pub(super) enum Refusal {
    Size(u32, u32),
    Memory,
    Truncated,
    Unsupported(String),
    Broken(String),
}

impl Refusal {
    fn explain(self, name: String, format: Format) -> ImagingError {
        let clean = |reason: &str| sanitise::clean_line_max(reason, MAX_MESSAGE_CHARS);
        let format = format.name();
        match self {
            Self::Size(width, height) => ImagingError::TooLarge {
                name,
                width,
                height,
            },
            Self::Memory => ImagingError::TooMuchMemory { name },
            Self::Truncated => ImagingError::Truncated { name },
            Self::Unsupported(reason) => ImagingError::Unsupported {
                name,
                format,
                reason: clean(&reason),
            },
            Self::Broken(reason) => ImagingError::Broken {
                name,
                format,
                reason: clean(&reason),
            },
        }
    }
}

impl From<ImageError> for Refusal {
    fn from(error: ImageError) -> Self {
        match &error {
            // The size was checked before, so only memory can be the limit.
            ImageError::Limits(_) => Self::Memory,
            ImageError::Unsupported(_) => Self::Unsupported(error.to_string()),
            _ if is_truncated(&error) => Self::Truncated,
            _ => Self::Broken(error.to_string()),
        }
    }
}

/// Whether a decoder reached the end of the file too early. Some report that only in the message.
fn is_truncated(error: &ImageError) -> bool {
    if matches!(error, ImageError::IoError(cause) if cause.kind() == io::ErrorKind::UnexpectedEof) {
        return true;
    }
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(current) = cause {
        let is_end = current
            .downcast_ref::<io::Error>()
            .is_some_and(|e| e.kind() == io::ErrorKind::UnexpectedEof);
        let message = current.to_string().to_ascii_lowercase();
        if is_end
            || ["unexpected end", "unexpected eof", "end of file"]
                .iter()
                .any(|sign| message.contains(sign))
        {
            return true;
        }
        cause = current.source();
    }
    false
}

/// Fails if an image exceeds the size limits.
pub(super) fn check_size(width: u32, height: u32) -> Result<(), Refusal> {
    let pixels = u64::from(width) * u64::from(height);
    match width > MAX_SIDE || height > MAX_SIDE || pixels > MAX_PIXELS {
        true => Err(Refusal::Size(width, height)),
        false => Ok(()),
    }
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
    let mut reader = ImageReader::with_format(Cursor::new(content), image_format(format));
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

fn image_format(format: Format) -> ImageFormat {
    match format {
        Format::Png => ImageFormat::Png,
        Format::Jpeg => ImageFormat::Jpeg,
        Format::WebP => ImageFormat::WebP,
        Format::Tiff => ImageFormat::Tiff,
        Format::Bmp => ImageFormat::Bmp,
        Format::Gif => ImageFormat::Gif,
    }
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

//! Images: from the bytes of a file to 8-bit RGB, and on to a model's input square or a thumbnail.
//!
//! A file is untrusted: its format is detected from its content, its size is checked before anything is decoded, and a
//! panic in a decoder becomes an error. Never open an image without these checks, and never alter pixels to
//! improve an image: the model must see what the reference pipeline would show it. There are two exceptions, neither of which
//! [`decode_as_reference`] makes: images are turned upright, and samples of more than 8 bits are scaled to be visible (see also
//! [`HighBitDepth`]).

#![warn(missing_docs, unreachable_pub)]

mod bitmap;
mod border;
mod brightness;
mod colour_depth;
mod coloured;
mod decode;
mod descriptor;
mod edges;
mod error;
mod gif;
mod guard;
mod high_bit_grey;
mod jpeg;
pub mod limits;
mod orientation;
mod phash;
mod pixel_layout;
mod pixels;
mod refusal;
mod resize;
mod sample_range;
mod sketch;
mod sniff;
mod texture;
mod thumbnail;
mod tiff;
mod transform;

use image::ImageFormat;

pub use brightness::Brightness;
pub use colour_depth::ColourDepth;
pub use coloured::coloured_share;
pub use decode::{decode, decode_as_reference, load, load_as_reference};
pub use descriptor::{DESCRIPTOR_LENGTH, descriptor};
pub use error::ImagingError;
pub use guard::catch_panic;
pub use high_bit_grey::{HighBitDepth, HighBitGrey};
pub use phash::{PhashVariants, hamming, phash, phash_variants};
pub use resize::resize_bicubic;
pub use sketch::Sketch;
pub use sniff::format as format_of;
pub use texture::{TEXTURE_LENGTH, texture_distance, texture_profile};
pub use thumbnail::thumbnail_jpeg;
pub use transform::{clip_transform, squash_opaque_transform, squash_transform};

/// A decoded image.
#[derive(Clone, Debug, PartialEq)]
pub struct Image {
    /// Width in pixels, at least 1.
    pub width: u32,
    /// Height in pixels, at least 1.
    pub height: u32,
    /// 8-bit RGB, row-major, `width * height * 3` bytes.
    pub rgb: Vec<u8>,
    /// What else the file holds that affects how the reference pipelines resize it.
    pub extras: PixelExtras,
    /// The file it was read from.
    pub source: SourceInfo,
}

/// Pixel data other than 8-bit RGB. Pillow resizes before it converts to RGB, so this changes the pixels a model sees. A
/// plain RGB image has none.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PixelExtras {
    /// The image has a palette or is bilevel: Pillow resizes it by nearest neighbour and never blends.
    pub indexed: bool,
    /// Opacity of every pixel, `width * height` bytes.
    pub alpha: Option<Vec<u8>>,
    /// True if opacity is a separate channel, which weights the colours in a resize; false if single colours are marked as
    /// transparent, which only matters against a background.
    pub alpha_is_channel: bool,
    /// Cyan, magenta, yellow and black of every pixel, `width * height * 4` bytes; 255 is full ink.
    pub cmyk: Option<Vec<u8>>,
    /// Grey samples of more than 8 bits.
    pub high_bit_grey: Option<HighBitGrey>,
    /// How many bits the samples use, if fewer than the 16 that the file has for each: the pixels were made brighter to match.
    pub bits_in_use: Option<u8>,
}

/// What is known about the file an image came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceInfo {
    /// File name without its folder, sanitised, on one line.
    pub name: String,
    /// Format, detected from the content.
    pub format: Format,
    /// Length of the file in bytes.
    pub bytes: u64,
    /// SHA-256 of the file: 64 lower-case hexadecimal digits.
    pub sha256: String,
    /// The pixel format before conversion to RGB.
    pub original_mode: Mode,
}

/// A uniform grey square, for runs without an image.
pub fn blank(side: u32) -> Image {
    Image {
        width: side,
        height: side,
        rgb: vec![128; side as usize * side as usize * 3],
        extras: PixelExtras::default(),
        source: SourceInfo {
            name: "blank".to_owned(),
            format: Format::Png,
            bytes: 0,
            sha256: "blank".to_owned(),
            original_mode: Mode::Rgb,
        },
    }
}

impl SourceInfo {
    /// Of an image that was made in memory.
    pub fn unknown() -> Self {
        Self {
            name: "test".to_owned(),
            format: Format::Png,
            bytes: 0,
            sha256: String::new(),
            original_mode: Mode::Rgb,
        }
    }
}

/// A file format that can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Portable Network Graphics.
    Png,
    /// JPEG (baseline or progressive).
    Jpeg,
    /// WebP; of an animation, the first frame.
    WebP,
    /// TIFF; of several pages, the first.
    Tiff,
    /// Windows bitmap.
    Bmp,
    /// GIF; of an animation, the first frame.
    Gif,
}

impl Format {
    /// The usual file name extension, without the dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Jpeg => "jpg",
            Self::WebP => "webp",
            Self::Tiff => "tiff",
            Self::Bmp => "bmp",
            Self::Gif => "gif",
        }
    }

    /// The name that the `image` crate has for it.
    pub(crate) fn of_decoder(self) -> ImageFormat {
        match self {
            Self::Png => ImageFormat::Png,
            Self::Jpeg => ImageFormat::Jpeg,
            Self::WebP => ImageFormat::WebP,
            Self::Tiff => ImageFormat::Tiff,
            Self::Bmp => ImageFormat::Bmp,
            Self::Gif => ImageFormat::Gif,
        }
    }

    /// The display name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Png => "PNG",
            Self::Jpeg => "JPEG",
            Self::WebP => "WebP",
            Self::Tiff => "TIFF",
            Self::Bmp => "BMP",
            Self::Gif => "GIF",
        }
    }
}

/// A file's pixel format before conversion to 8-bit RGB. A palette image counts as the colours in its palette.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Grey of at most 8 bits.
    Grey,
    /// Grey of at most 8 bits with alpha.
    GreyAlpha,
    /// Colour of at most 8 bits per channel.
    Rgb,
    /// Colour of at most 8 bits per channel with alpha.
    Rgba,
    /// 16-bit grey.
    Grey16,
    /// 16-bit grey with alpha.
    GreyAlpha16,
    /// 16-bit colour.
    Rgb16,
    /// 16-bit colour with alpha.
    Rgba16,
    /// Floating point.
    Float,
    /// Cyan, magenta, yellow and black, as used in print.
    Cmyk,
    /// Any other format that the decoder can convert.
    Other,
}

impl Mode {
    /// Maximum bits per channel; `None` if unknown.
    pub fn bits(self) -> Option<u8> {
        match self {
            Self::Grey | Self::GreyAlpha | Self::Rgb | Self::Rgba | Self::Cmyk => Some(8),
            Self::Grey16 | Self::GreyAlpha16 | Self::Rgb16 | Self::Rgba16 => Some(16),
            Self::Float => Some(32),
            Self::Other => None,
        }
    }

    /// A short name for reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Grey => "grey",
            Self::GreyAlpha => "grey+alpha",
            Self::Rgb => "rgb",
            Self::Rgba => "rgba",
            Self::Grey16 => "grey16",
            Self::GreyAlpha16 => "grey16+alpha",
            Self::Rgb16 => "rgb16",
            Self::Rgba16 => "rgba16",
            Self::Float => "float",
            Self::Cmyk => "cmyk",
            Self::Other => "other",
        }
    }
}

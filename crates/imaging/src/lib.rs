//! Pictures: from the bytes of a file to 8-bit RGB, and on to a model's square, a thumbnail or a terminal.
//!
//! A file is untrusted: its format is guessed from its content, its size is checked before anything is decoded, and a
//! decoder that panics becomes an error. Nothing here may open a picture past these checks, or change its pixels for
//! looks: what the model sees must be what the reference pipeline would see. Grey of more than 8 bits is the one exception ([`Deep`]).

mod bitmap;
mod brightness;
pub mod decode;
mod deep;
mod descriptor;
mod error;
mod gif;
mod guard;
pub mod halfblock;
mod jpeg;
mod kinds;
mod look;
mod pixels;
pub mod resize;
mod sniff;
mod thumbnail;
mod tiff;
mod transform;

pub use brightness::Brightness;
pub use decode::{decode, load};
pub use deep::{Deep, DeepGrey};
pub use descriptor::{DESCRIPTOR_LENGTH, descriptor};
pub use error::ImagingError;
pub(crate) use guard::without_panic;
pub use halfblock::{ColourDepth, half_blocks};
pub use look::{look, looks, looks_apart};
pub use resize::resize_bicubic;
pub use sniff::format as format_of;
pub use thumbnail::thumbnail_jpeg;
pub use transform::{clip_transform, squash_transform};

/// A decoded picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    /// Width in pixels, at least 1.
    pub width: u32,
    /// Height in pixels, at least 1.
    pub height: u32,
    /// 8-bit RGB, row-major, `width * height * 3` bytes.
    pub rgb: Vec<u8>,
    /// What the file had beside colours; decides how the reference pipelines resize it.
    pub beside: Beside,
    /// Where it came from.
    pub source: SourceInfo,
}

/// What a file has beside colours. Pillow resizes before it converts to RGB, so these change a model's pixels. A plain RGB picture
/// has none of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Beside {
    /// A palette or single bits: Pillow takes the nearest pixel and never blends.
    pub indexed: bool,
    /// Opacity of every pixel, `width * height` bytes.
    pub alpha: Option<Vec<u8>>,
    /// True where opacity is a channel of its own, and so weighs the colours when they are blended; false where single colours
    /// are marked as see-through, which only matters on a background.
    pub alpha_is_channel: bool,
    /// Cyan, magenta, yellow and black of every pixel, `width * height * 4` bytes; 255 is all of an ink.
    pub inks: Option<Vec<u8>>,
    /// Grey samples of more than 8 bits.
    pub deep: Option<DeepGrey>,
}

/// What is known of the file a picture came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceInfo {
    /// File name without its folder, cleaned, on one line.
    pub name: String,
    /// Format, from the content.
    pub format: Format,
    /// Length of the file in bytes.
    pub bytes: u64,
    /// SHA-256 of the file: 64 lower-case hexadecimal digits.
    pub sha256: String,
    /// What its pixels were before they became RGB.
    pub original_mode: Mode,
}

/// A grey square: shows nothing.
pub fn blank(side: u32) -> Picture {
    Picture {
        width: side,
        height: side,
        rgb: vec![128; side as usize * side as usize * 3],
        beside: Beside::default(),
        source: SourceInfo {
            name: "blank".to_owned(),
            format: Format::Png,
            bytes: 0,
            sha256: "blank".to_owned(),
            original_mode: Mode::Rgb,
        },
    }
}

#[cfg(test)]
impl SourceInfo {
    /// Stands in where a test does not care.
    pub(crate) fn unknown() -> Self {
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
    /// The usual end of a file name.
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

    /// The name people know it by.
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

/// What a file's pixels were before they became 8-bit RGB. A palette counts as the colours it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Grey of at most 8 bits.
    Grey,
    /// Grey of at most 8 bits with alpha.
    GreyAlpha,
    /// Colour of at most 8 bits a channel.
    Rgb,
    /// Colour of at most 8 bits a channel with alpha.
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
    /// Printing colours.
    Cmyk,
    /// Something else that the decoder could turn into one of these.
    Other,
}

impl Mode {
    /// Bits a channel, at most; `None` where that is not known.
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

//! Converts decoded pixels to 8-bit RGB like PIL's `convert("RGB")`, and keeps what that conversion loses.
//!
//! Alpha is dropped, never blended: blending would invent a background that the reference pipeline does not have. 16-bit
//! colour keeps its high byte, as in PIL's unpackers. One departure: PIL clips 16-bit grey at 255, which turns a radiograph
//! white, so it is scaled by 1/257 here. Floats map 0 to 1 to black to white; if any lie outside, their range is stretched
//! to fit. The original samples are kept for [`super::HighBitDepth::AsReference`].

use image::DynamicImage;

use super::HighBitGrey;
use super::sample_range::{ALL_BITS, SampleRange};

/// The output of a decoder.
pub(super) enum Samples {
    /// From the `image` crate.
    Decoded(DynamicImage),
    /// From a decoder of our own, for files that the `image` crate converts or does not read.
    Special {
        width: u32,
        height: u32,
        values: Values,
    },
}

/// Samples that the `image` crate does not expose.
pub(super) enum Values {
    /// Cyan, magenta, yellow and black of every pixel; 255 is full ink.
    Cmyk(Vec<u8>),
    /// The same, one plane per ink.
    CmykPlanes(Vec<u8>),
    /// Inverted (0 is full ink), as JPEGs store it.
    InvertedCmyk(Vec<u8>),
    /// Luma, two chroma differences and black of inverted CMYK.
    InvertedYcck(Vec<u8>),
    /// Palette indices of `depth` bits, in rows of whole bytes; `map` holds all reds, then greens, then blues.
    Indices {
        packed: Vec<u8>,
        row_bytes: usize,
        depth: u8,
        map: Vec<u16>,
    },
    /// Greyscale floats.
    Grey32(Vec<f32>),
}

/// An image in 8-bit RGB, and the data lost in the conversion.
#[derive(Default)]
pub(super) struct Pixels {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) rgb: Vec<u8>,
    pub(super) alpha: Option<Vec<u8>>,
    pub(super) cmyk: Option<Vec<u8>>,
    pub(super) high_bit_grey: Option<HighBitGrey>,
    pub(super) indexed: bool,
    /// See [`super::PixelExtras::bits_in_use`].
    pub(super) bits_in_use: Option<u8>,
}

impl Pixels {
    /// Converts; `rgb` is too short if samples are missing.
    pub(super) fn of(samples: Samples, range: SampleRange) -> Self {
        match samples {
            Samples::Decoded(decoded) => Self {
                width: decoded.width(),
                height: decoded.height(),
                alpha: alpha(&decoded),
                ..Self::from_decoded(decoded, range)
            },
            Samples::Special {
                width,
                height,
                values,
            } => Self {
                width,
                height,
                ..Self::from_special(values, width as usize)
            },
        }
    }

    fn from_decoded(decoded: DynamicImage, range: SampleRange) -> Self {
        let bits = sixteen_bit_colours(&decoded).map_or(ALL_BITS, |samples| range.bits(samples));
        let bits_in_use = Some(bits).filter(|bits| *bits < ALL_BITS);
        match decoded {
            DynamicImage::ImageLuma16(buffer) => Self {
                rgb: grey(buffer.as_raw(), 1, |sample| scaled(sample, bits)),
                high_bit_grey: Some(HighBitGrey::U16(buffer.into_raw())),
                bits_in_use,
                ..Self::default()
            },
            other => Self {
                rgb: to_rgb(other, bits),
                bits_in_use,
                ..Self::default()
            },
        }
    }

    fn from_special(values: Values, width: usize) -> Self {
        let cmyk = match values {
            Values::Grey32(samples) => {
                return Self {
                    rgb: floats(&samples, 1),
                    high_bit_grey: Some(HighBitGrey::F32(samples)),
                    ..Self::default()
                };
            }
            Values::Indices {
                packed,
                row_bytes,
                depth,
                map,
            } => {
                return Self {
                    rgb: expand_palette(&packed, row_bytes, depth, &map, width),
                    indexed: true,
                    ..Self::default()
                };
            }
            Values::Cmyk(cmyk) => cmyk,
            Values::CmykPlanes(planes) => interleaved(&planes),
            Values::InvertedCmyk(stored) => stored.into_iter().map(|ink| 255 - ink).collect(),
            Values::InvertedYcck(stored) => stored
                .as_chunks()
                .0
                .iter()
                .flat_map(|&pixel| ycck_to_cmyk(pixel))
                .collect(),
        };
        Self {
            rgb: cmyk_to_rgb(&cmyk),
            cmyk: Some(cmyk),
            ..Self::default()
        }
    }
}

fn interleaved(planes: &[u8]) -> Vec<u8> {
    let length = planes.len() / 4;
    (0..length)
        .flat_map(|at| [0, 1, 2, 3].map(|ink| planes[ink * length + at]))
        .collect()
}

/// Looks up palette indices; empty if the map is too short.
fn expand_palette(
    packed: &[u8],
    row_bytes: usize,
    depth: u8,
    map: &[u16],
    width: usize,
) -> Vec<u8> {
    let colours = 1_usize << depth;
    let (Some(map), true) = (map.get(..3 * colours), row_bytes > 0) else {
        return Vec::new();
    };
    let in_byte = 8 / usize::from(depth);
    let mut rgb = Vec::with_capacity(packed.len() / row_bytes * width * 3);
    for row in packed.chunks_exact(row_bytes) {
        for column in 0..width.min(row_bytes * in_byte) {
            let shift = (in_byte - 1 - column % in_byte) * usize::from(depth);
            let index = usize::from(row[column / in_byte] >> shift) & (colours - 1);
            rgb.extend([0, 1, 2].map(|channel| high_byte(map[channel * colours + index])));
        }
    }
    rgb
}

/// Converts a stored YCCK pixel to CMYK as libjpeg does. Its red, green and blue are inverted cyan, magenta and yellow, which
/// Pillow inverts again.
fn ycck_to_cmyk([y, cb, cr, k]: [u8; 4]) -> [u8; 4] {
    let fixed = |factor: f64| (factor * 65_536.0 + 0.5) as i32;
    let (y, cb, cr) = (i32::from(y), i32::from(cb) - 128, i32::from(cr) - 128);
    let half = 1 << 15;
    let red = y + ((fixed(1.402) * cr + half) >> 16);
    let green = y + ((half - fixed(0.344_14) * cb - fixed(0.714_14) * cr) >> 16);
    let blue = y + ((fixed(1.772) * cb + half) >> 16);
    let [red, green, blue] = [red, green, blue].map(|colour| colour.clamp(0, 255) as u8);
    [red, green, blue, 255 - k]
}

/// Converts CMYK, four bytes per pixel, to 8-bit RGB as Pillow does.
pub(super) fn cmyk_to_rgb(cmyk: &[u8]) -> Vec<u8> {
    cmyk.as_chunks()
        .0
        .iter()
        .flat_map(|&[cyan, magenta, yellow, black]| {
            let paper = 255 - black;
            [cyan, magenta, yellow].map(|ink| paper - mul_div_255(ink, paper))
        })
        .collect()
}

/// `sample * share / 255`, rounded as Pillow's `MULDIV255`.
pub(super) fn mul_div_255(sample: u8, share: u8) -> u8 {
    let product = u32::from(sample) * u32::from(share) + 128;
    (((product >> 8) + product) >> 8) as u8
}

/// Undoes [`mul_div_255`] for a nonzero `share`, as Pillow does.
pub(super) fn unmultiply(sample: u8, share: u8) -> u8 {
    (255 * u32::from(sample) / u32::from(share).max(1)).min(255) as u8
}

/// The samples of 16 bits, without opacity; `None` if the image has others.
fn sixteen_bit_colours(decoded: &DynamicImage) -> Option<Box<dyn Iterator<Item = u16> + '_>> {
    let (samples, channels, colours) = match decoded {
        DynamicImage::ImageLuma16(buffer) => (buffer.as_raw(), 1, 1),
        DynamicImage::ImageLumaA16(buffer) => (buffer.as_raw(), 2, 1),
        DynamicImage::ImageRgb16(buffer) => (buffer.as_raw(), 3, 3),
        DynamicImage::ImageRgba16(buffer) => (buffer.as_raw(), 4, 3),
        _ => return None,
    };
    let pixels = samples.chunks_exact(channels);
    Some(Box::new(
        pixels.flat_map(move |pixel| pixel.iter().copied().take(colours)),
    ))
}

/// The 8-bit RGB samples of `decoded`, row-major; `bits` of samples of 16 bits count.
fn to_rgb(decoded: DynamicImage, bits: u8) -> Vec<u8> {
    // `bits` is at least 8.
    let high_byte = |sample: u16| (sample >> (bits - 8)) as u8;
    match decoded {
        DynamicImage::ImageLuma8(buffer) => grey(buffer.as_raw(), 1, |sample| sample),
        DynamicImage::ImageLumaA8(buffer) => grey(buffer.as_raw(), 2, |sample| sample),
        // Pillow opens 16-bit grey with alpha as 8-bit and keeps the high byte.
        DynamicImage::ImageLumaA16(buffer) => grey(buffer.as_raw(), 2, high_byte),
        DynamicImage::ImageRgb8(buffer) => buffer.into_raw(),
        DynamicImage::ImageRgba8(buffer) => colour(buffer.as_raw(), 4, |sample| sample),
        DynamicImage::ImageRgb16(buffer) => colour(buffer.as_raw(), 3, high_byte),
        DynamicImage::ImageRgba16(buffer) => colour(buffer.as_raw(), 4, high_byte),
        DynamicImage::ImageRgb32F(buffer) => floats(buffer.as_raw(), 3),
        DynamicImage::ImageRgba32F(buffer) => floats(buffer.as_raw(), 4),
        other => other.to_rgb8().into_raw(),
    }
}

/// Opacity of every pixel, if there is any.
fn alpha(decoded: &DynamicImage) -> Option<Vec<u8>> {
    fn last<T: Copy>(samples: &[T], channels: usize, convert: impl Fn(T) -> u8) -> Vec<u8> {
        let pixels = samples.chunks_exact(channels);
        pixels.map(|pixel| convert(pixel[channels - 1])).collect()
    }
    match decoded {
        DynamicImage::ImageLumaA8(buffer) => Some(last(buffer.as_raw(), 2, |sample| sample)),
        DynamicImage::ImageRgba8(buffer) => Some(last(buffer.as_raw(), 4, |sample| sample)),
        DynamicImage::ImageLumaA16(buffer) => Some(last(buffer.as_raw(), 2, high_byte)),
        DynamicImage::ImageRgba16(buffer) => Some(last(buffer.as_raw(), 4, high_byte)),
        _ => None,
    }
}

fn grey<T: Copy>(samples: &[T], channels: usize, convert: impl Fn(T) -> u8) -> Vec<u8> {
    samples
        .iter()
        .step_by(channels)
        .flat_map(|&sample| [convert(sample); 3])
        .collect()
}

fn colour<T: Copy>(samples: &[T], channels: usize, convert: impl Fn(T) -> u8) -> Vec<u8> {
    samples
        .chunks_exact(channels)
        .flat_map(|pixel| [convert(pixel[0]), convert(pixel[1]), convert(pixel[2])])
        .collect()
}

fn floats(samples: &[f32], channels: usize) -> Vec<u8> {
    let colours = samples
        .chunks_exact(channels)
        .flat_map(|pixel| pixel.iter().take(3))
        .filter(|sample| sample.is_finite());
    let (low, high) = colours.fold((0.0_f32, 1.0_f32), |(low, high), &sample| {
        (low.min(sample), high.max(sample))
    });
    // Halved first, so that the difference cannot overflow.
    let span = high / 2.0 - low / 2.0;
    let stretched = |sample: f32| {
        let share = if sample.is_nan() {
            0.0
        } else {
            (sample / 2.0 - low / 2.0) / span
        };
        (share.clamp(0.0, 1.0) * 255.0).round() as u8
    };
    match channels {
        1 => grey(samples, 1, stretched),
        _ => colour(samples, channels, stretched),
    }
}

/// A sample of `bits` bits as 8 bits, rounded.
fn scaled(sample: u16, bits: u8) -> u8 {
    let max = (1_u32 << bits) - 1;
    ((u32::from(sample) * 255 + max / 2) / max) as u8
}

fn high_byte(sample: u16) -> u8 {
    (sample >> 8) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grey_is_replicated_and_alpha_is_dropped_without_blending() {
        assert_eq!(
            grey(&[7_u8, 0, 9, 255], 2, |sample| sample),
            [7, 7, 7, 9, 9, 9]
        );
        assert_eq!(colour(&[1_u8, 2, 3, 0], 4, |sample| sample), [1, 2, 3]);
    }

    #[test]
    fn cmyk_converts_to_rgb_from_every_layout() {
        let cmyk = [0, 0, 0, 0, 255, 0, 0, 0, 9, 9, 9, 255, 100, 200, 50, 60];
        let rgb = [255, 255, 255, 0, 255, 255, 0, 0, 0, 119, 42, 157];
        assert_eq!(cmyk_to_rgb(&cmyk), rgb);
        let planes = [0, 255, 9, 100, 0, 0, 9, 200, 0, 0, 9, 50, 0, 0, 255, 60];
        assert_eq!(interleaved(&planes), cmyk);
        assert_eq!(ycck_to_cmyk([77, 128, 128, 5]), [77, 77, 77, 250]);
        assert_eq!(ycck_to_cmyk([255, 0, 255, 0]), [255, 208, 28, 255]);
    }

    #[test]
    fn palette_indices_are_unpacked_row_by_row() {
        let map: Vec<u16> = (0..48).map(|i| i * 0x0501).collect();
        let rgb = expand_palette(&[0x1F, 0x20, 0x00, 0xF0], 2, 4, &map, 3);
        let colour = |i: u16| [i, 16 + i, 32 + i].map(|at| ((at * 0x0501) >> 8) as u8);
        let expected: Vec<u8> = [1, 15, 2, 0, 0, 15].into_iter().flat_map(colour).collect();
        assert_eq!(rgb, expected);
        assert!(expand_palette(&[0x1F], 1, 4, &map[1..], 2).is_empty());
    }

    #[test]
    fn sixteen_bit_grey_is_scaled_and_colour_keeps_its_high_byte() {
        assert_eq!(
            [0, 128, 129, 257, 65_535].map(|sample| scaled(sample, 16)),
            [0, 0, 1, 1, 255]
        );
        assert_eq!([0, 0x1234, 0xFFFF].map(high_byte), [0, 0x12, 255]);
    }

    #[test]
    fn floats_outside_zero_to_one_are_stretched_and_nan_is_black() {
        assert_eq!(floats(&[0.0, 0.5, 1.0], 3), [0, 128, 255]);
        assert_eq!(floats(&[-100.0, 0.0, 100.0], 3), [0, 128, 255]);
        assert_eq!(floats(&[0.5, 1.0], 1), [128, 128, 128, 255, 255, 255]);
        assert_eq!(
            floats(&[f32::NAN, f32::INFINITY, f32::NEG_INFINITY], 3),
            [0, 255, 0]
        );
        assert_eq!(floats(&[f32::MIN, f32::MAX, 0.0], 3), [0, 255, 128]);
    }
}

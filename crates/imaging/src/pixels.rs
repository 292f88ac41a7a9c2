//! Any decoded pixels to 8-bit RGB, as PIL's `convert("RGB")` does it, and what is kept beside them.
//!
//! Alpha is dropped, never blended: blending would invent a background the reference pipeline does not have. 16-bit
//! colour keeps its high byte, as PIL's unpackers do. One departure: PIL clips 16-bit grey at 255, which turns a film
//! white, so here it is scaled by 1/257 instead. Floats count 0 to 1 as black to white; when any lie outside, their
//! range is stretched to fit. The samples themselves are kept for who asks for [`super::Deep::AsReference`].

use image::DynamicImage;

use super::DeepGrey;

/// What a decoder gave.
pub(super) enum Samples {
    /// What the common decoder made of the file.
    Plain(DynamicImage),
    /// What was read past it.
    Own {
        width: u32,
        height: u32,
        values: Values,
    },
}

/// Samples of a kind that the common decoder does not hand out.
pub(super) enum Values {
    /// Cyan, magenta, yellow and black of every pixel; 255 is all of an ink.
    Inks(Vec<u8>),
    /// A plane of each ink.
    InkPlanes(Vec<u8>),
    /// Inks the other way round, 0 is all of one: how JPEGs store them.
    StoredInks(Vec<u8>),
    /// Brightness, two differences, and black of stored inks.
    StoredYcck(Vec<u8>),
    /// Numbers of colours, `depth` bits each, rows of whole bytes; a map of all reds, then greens, then blues.
    Indices {
        packed: Vec<u8>,
        row_bytes: usize,
        depth: u8,
        map: Vec<u16>,
    },
    /// Grey.
    Floats(Vec<f32>),
}

/// A picture in 8-bit RGB, and what was lost on the way to it.
#[derive(Default)]
pub(super) struct Pixels {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) rgb: Vec<u8>,
    pub(super) alpha: Option<Vec<u8>>,
    pub(super) inks: Option<Vec<u8>>,
    pub(super) deep: Option<DeepGrey>,
    pub(super) indexed: bool,
}

impl Pixels {
    /// Converts; `rgb` is too short where samples are missing.
    pub(super) fn of(samples: Samples) -> Self {
        match samples {
            Samples::Plain(decoded) => Self {
                width: decoded.width(),
                height: decoded.height(),
                alpha: alpha(&decoded),
                ..Self::plain(decoded)
            },
            Samples::Own {
                width,
                height,
                values,
            } => Self {
                width,
                height,
                ..Self::own(values, width as usize)
            },
        }
    }

    fn plain(decoded: DynamicImage) -> Self {
        match decoded {
            DynamicImage::ImageLuma16(buffer) => Self {
                rgb: grey(buffer.as_raw(), 1, scaled),
                deep: Some(DeepGrey::Sixteen(buffer.into_raw())),
                ..Self::default()
            },
            other => Self {
                rgb: to_rgb(other),
                ..Self::default()
            },
        }
    }

    fn own(values: Values, width: usize) -> Self {
        let inks = match values {
            Values::Floats(samples) => {
                return Self {
                    rgb: floats(&samples, 1),
                    deep: Some(DeepGrey::Float(samples)),
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
                    rgb: looked_up(&packed, row_bytes, depth, &map, width),
                    indexed: true,
                    ..Self::default()
                };
            }
            Values::Inks(inks) => inks,
            Values::InkPlanes(planes) => interleaved(&planes),
            Values::StoredInks(stored) => stored.into_iter().map(|ink| 255 - ink).collect(),
            Values::StoredYcck(stored) => stored
                .as_chunks()
                .0
                .iter()
                .flat_map(|&pixel| ycck_to_inks(pixel))
                .collect(),
        };
        Self {
            rgb: inks_to_rgb(&inks),
            inks: Some(inks),
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

/// Colours by their numbers; without any where the map is too short.
fn looked_up(packed: &[u8], row_bytes: usize, depth: u8, map: &[u16], width: usize) -> Vec<u8> {
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

/// Inks of a pixel as JPEGs store brightness and differences: the conversion of libjpeg, whose red, green and blue are the inverted
/// inks that Pillow inverts again.
fn ycck_to_inks([y, cb, cr, k]: [u8; 4]) -> [u8; 4] {
    let fixed = |factor: f64| (factor * 65_536.0 + 0.5) as i32;
    let (y, cb, cr) = (i32::from(y), i32::from(cb) - 128, i32::from(cr) - 128);
    let half = 1 << 15;
    let red = y + ((fixed(1.402) * cr + half) >> 16);
    let green = y + ((half - fixed(0.344_14) * cb - fixed(0.714_14) * cr) >> 16);
    let blue = y + ((fixed(1.772) * cb + half) >> 16);
    let [red, green, blue] = [red, green, blue].map(|colour| colour.clamp(0, 255) as u8);
    [red, green, blue, 255 - k]
}

/// 8-bit RGB of inks, four bytes a pixel, as Pillow converts its mode CMYK.
pub(super) fn inks_to_rgb(inks: &[u8]) -> Vec<u8> {
    inks.as_chunks()
        .0
        .iter()
        .flat_map(|&[cyan, magenta, yellow, black]| {
            let paper = 255 - black;
            [cyan, magenta, yellow].map(|ink| paper - multiplied(ink, paper))
        })
        .collect()
}

/// `sample * share / 255`, rounded as Pillow's `MULDIV255`.
pub(super) fn multiplied(sample: u8, share: u8) -> u8 {
    let product = u32::from(sample) * u32::from(share) + 128;
    (((product >> 8) + product) >> 8) as u8
}

/// The sample of which `share` (not 0) was taken by [`multiplied`], as Pillow gives it back.
pub(super) fn divided(sample: u8, share: u8) -> u8 {
    (255 * u32::from(sample) / u32::from(share).max(1)).min(255) as u8
}

/// The 8-bit RGB samples of `decoded`, row-major.
fn to_rgb(decoded: DynamicImage) -> Vec<u8> {
    match decoded {
        DynamicImage::ImageLuma8(buffer) => grey(buffer.as_raw(), 1, |sample| sample),
        DynamicImage::ImageLumaA8(buffer) => grey(buffer.as_raw(), 2, |sample| sample),
        // Pillow opens 16-bit grey with alpha as 8-bit: the high byte.
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

/// Opacity of every pixel, where the decoder gave any.
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
    // Half of each, so that their difference cannot overflow.
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

fn scaled(sample: u16) -> u8 {
    ((u32::from(sample) + 128) / 257) as u8
}

fn high_byte(sample: u16) -> u8 {
    (sample >> 8) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grey_is_replicated_and_alpha_dropped_without_blending() {
        assert_eq!(
            grey(&[7_u8, 0, 9, 255], 2, |sample| sample),
            [7, 7, 7, 9, 9, 9]
        );
        assert_eq!(colour(&[1_u8, 2, 3, 0], 4, |sample| sample), [1, 2, 3]);
    }

    #[test]
    fn inks_darken_the_paper_and_black_takes_all() {
        let inks = [0, 0, 0, 0, 255, 0, 0, 0, 9, 9, 9, 255, 100, 200, 50, 60];
        let rgb = [255, 255, 255, 0, 255, 255, 0, 0, 0, 119, 42, 157];
        assert_eq!(inks_to_rgb(&inks), rgb);
        let planes = [0, 255, 9, 100, 0, 0, 9, 200, 0, 0, 9, 50, 0, 0, 255, 60];
        assert_eq!(interleaved(&planes), inks);
        assert_eq!(ycck_to_inks([77, 128, 128, 5]), [77, 77, 77, 250]);
        assert_eq!(ycck_to_inks([255, 0, 255, 0]), [255, 208, 28, 255]);
    }

    #[test]
    fn numbers_of_colours_are_unpacked_row_by_row() {
        let map: Vec<u16> = (0..48).map(|i| i * 0x0501).collect();
        let rgb = looked_up(&[0x1F, 0x20, 0x00, 0xF0], 2, 4, &map, 3);
        let colour = |i: u16| [i, 16 + i, 32 + i].map(|at| ((at * 0x0501) >> 8) as u8);
        let expected: Vec<u8> = [1, 15, 2, 0, 0, 15].into_iter().flat_map(colour).collect();
        assert_eq!(rgb, expected);
        assert!(looked_up(&[0x1F], 1, 4, &map[1..], 2).is_empty());
    }

    #[test]
    fn sixteen_bit_grey_is_scaled_and_colour_keeps_its_high_byte() {
        assert_eq!([0, 128, 129, 257, 65_535].map(scaled), [0, 0, 1, 1, 255]);
        assert_eq!([0, 0x1234, 0xFFFF].map(high_byte), [0, 0x12, 255]);
    }

    #[test]
    fn floats_outside_zero_to_one_are_stretched_and_not_a_number_is_black() {
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

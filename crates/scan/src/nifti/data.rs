//! Samples of all types as values or colours.

use super::header::Header;
use crate::error::Fault;
use crate::sample::{Sample, by_type};
use crate::volume::Pixels;

/// The type of a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    Number(Sample),
    Complex64,
    Complex128,
    Rgb,
    Rgba,
}

impl Type {
    /// By nifti1.h.
    pub(super) fn of_code(code: i64) -> Result<Self, Fault> {
        Ok(match code {
            2 => Self::Number(Sample::U8),
            4 => Self::Number(Sample::I16),
            8 => Self::Number(Sample::I32),
            16 => Self::Number(Sample::F32),
            32 => Self::Complex64,
            64 => Self::Number(Sample::F64),
            128 => Self::Rgb,
            256 => Self::Number(Sample::I8),
            512 => Self::Number(Sample::U16),
            768 => Self::Number(Sample::U32),
            1024 => Self::Number(Sample::I64),
            1280 => Self::Number(Sample::U64),
            1792 => Self::Complex128,
            2304 => Self::Rgba,
            1 => return Err(Fault::unsupported("NIfTI", "samples of one bit")),
            1536 | 2048 => return Err(Fault::unsupported("NIfTI", "floats of 128 bits")),
            _ => {
                return Err(Fault::broken(
                    "NIfTI",
                    "the type of its samples is not known",
                ));
            }
        })
    }

    pub(crate) fn bytes(self) -> u64 {
        match self {
            Self::Number(sample) => sample.bytes(),
            Self::Rgb => 3,
            Self::Rgba => 4,
            Self::Complex64 => 8,
            Self::Complex128 => 16,
        }
    }

    pub(crate) fn is_colour(self) -> bool {
        matches!(self, Self::Rgb | Self::Rgba)
    }

    pub(super) fn has_alpha(self) -> bool {
        self == Self::Rgba
    }

    pub(super) fn is_complex(self) -> bool {
        matches!(self, Self::Complex64 | Self::Complex128)
    }
}

/// The samples of `slices` slices in `bytes`; those that are missing at its end are NaN, or black.
pub(crate) fn pixels(header: &Header, bytes: &[u8], slices: usize) -> Pixels {
    let count = header.size[0] * header.size[1] * slices;
    let little = header.little;
    if header.sample.is_colour() {
        let each = if header.sample.has_alpha() { 4 } else { 3 };
        let mut rgb: Vec<u8> = Vec::with_capacity(count * 3);
        for pixel in bytes.chunks_exact(each).take(count) {
            rgb.extend_from_slice(pixel.get(..3).unwrap_or_default());
        }
        rgb.resize(count * 3, 0);
        return Pixels::Rgb(rgb);
    }
    macro_rules! read {
        ($type:ty) => {
            values(header, bytes, count, |part: &[u8; size_of::<$type>()]| {
                (if little {
                    <$type>::from_le_bytes(*part)
                } else {
                    <$type>::from_be_bytes(*part)
                }) as f64
            })
        };
    }
    macro_rules! magnitude {
        ($type:ty, $bytes:literal, $half:literal) => {
            values(header, bytes, count, |part: &[u8; $bytes]| {
                let half = |at: usize| {
                    let part: [u8; $half] = std::array::from_fn(|i| part[at + i]);
                    (if little {
                        <$type>::from_le_bytes(part)
                    } else {
                        <$type>::from_be_bytes(part)
                    }) as f64
                };
                half(0).hypot(half($half))
            })
        };
    }
    Pixels::Values(match header.sample {
        Type::Number(sample) => by_type!(sample, read),
        Type::Complex64 => magnitude!(f32, 8, 4),
        Type::Complex128 => magnitude!(f64, 16, 8),
        Type::Rgb | Type::Rgba => Vec::new(),
    })
}

fn values<const N: usize>(
    header: &Header,
    bytes: &[u8],
    count: usize,
    read: impl Fn(&[u8; N]) -> f64,
) -> Vec<f32> {
    let (slope, intercept) = (header.slope, header.intercept);
    let value = |part: &[u8; N]| {
        let value = (read(part) * slope + intercept) as f32;
        // An infinite value has no place in a window.
        if value.is_finite() { value } else { f32::NAN }
    };
    let mut values: Vec<f32> = Vec::with_capacity(count);
    values.extend(bytes.as_chunks().0.iter().take(count).map(value));
    values.resize(count, f32::NAN);
    values
}

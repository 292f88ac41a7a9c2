//! Samples of all types as values or colours.

use super::FORMAT;
use super::axes::Layout;
use super::header::Header;
use crate::error::Fault;
use crate::sample::{Sample, by_type};
use crate::time_limit;
use crate::volume::Pixels;

impl Sample {
    /// By one of its spellings.
    pub(super) fn of_name(name: &str) -> Result<Self, Fault> {
        Ok(match name.to_ascii_lowercase().as_str() {
            "uchar" | "unsigned char" | "uint8" | "uint8_t" => Self::U8,
            "signed char" | "int8" | "int8_t" => Self::I8,
            "ushort" | "unsigned short" | "unsigned short int" | "uint16" | "uint16_t" => Self::U16,
            "short" | "short int" | "signed short" | "signed short int" | "int16" | "int16_t" => {
                Self::I16
            }
            "uint" | "unsigned int" | "uint32" | "uint32_t" => Self::U32,
            "int" | "signed int" | "int32" | "int32_t" => Self::I32,
            "ulonglong"
            | "unsigned long long"
            | "unsigned long long int"
            | "uint64"
            | "uint64_t" => Self::U64,
            "longlong"
            | "long long"
            | "long long int"
            | "signed long long"
            | "signed long long int"
            | "int64"
            | "int64_t" => Self::I64,
            "float" => Self::F32,
            "double" => Self::F64,
            "block" => return Err(Fault::unsupported(FORMAT, "blocks of bytes as samples")),
            _ => {
                return Err(Fault::broken(
                    FORMAT,
                    "the type of its samples is not known",
                ));
            }
        })
    }
}

/// `slices` slices in `bytes`, which begin with their first sample. What is missing is NaN, or black.
pub(crate) fn pixels_of_bytes(
    header: &Header,
    bytes: &[u8],
    slices: usize,
) -> Result<Pixels, Fault> {
    let (layout, little) = (&header.layout, header.little);
    if layout.colours.is_some() {
        // The header has made sure that they have 8 bits.
        return colours(layout, slices, |at| bytes.get(at).copied());
    }
    macro_rules! read {
        ($type:ty) => {{
            let samples = bytes.as_chunks::<{ size_of::<$type>() }>().0;
            values(layout, slices, |at| {
                let sample = samples.get(at)?;
                Some(
                    (if little {
                        <$type>::from_le_bytes(*sample)
                    } else {
                        <$type>::from_be_bytes(*sample)
                    }) as f32,
                )
            })
        }};
    }
    by_type!(header.sample, read)
}

/// The same of samples that were written as text.
pub(crate) fn pixels_of_numbers(
    header: &Header,
    numbers: &[f32],
    slices: usize,
) -> Result<Pixels, Fault> {
    let layout = &header.layout;
    if layout.colours.is_some() {
        // From a float to a byte, what is out of range becomes its end.
        return colours(layout, slices, |at| {
            numbers.get(at).map(|value| *value as u8)
        });
    }
    values(layout, slices, |at| numbers.get(at).copied())
}

fn values(
    layout: &Layout,
    slices: usize,
    sample: impl Fn(usize) -> Option<f32>,
) -> Result<Pixels, Fault> {
    let ([columns, rows, _], [across, down, through]) = (layout.size, layout.steps);
    let mut values = Vec::with_capacity(columns * rows * slices);
    for slice in 0..slices {
        time_limit::check()?;
        for row in 0..rows {
            let first = slice * through + row * down;
            values.extend((0..columns).map(|column| {
                let value = sample(first + column * across).unwrap_or(f32::NAN);
                // An infinite value has no place in a window.
                if value.is_finite() { value } else { f32::NAN }
            }));
        }
    }
    Ok(Pixels::Values(values))
}

fn colours(
    layout: &Layout,
    slices: usize,
    sample: impl Fn(usize) -> Option<u8>,
) -> Result<Pixels, Fault> {
    let ([columns, rows, _], [across, down, through]) = (layout.size, layout.steps);
    let apart = layout.colours.map_or(0, |colours| colours.step);
    let mut rgb = Vec::with_capacity(columns * rows * slices * 3);
    for slice in 0..slices {
        time_limit::check()?;
        for row in 0..rows {
            let first = slice * through + row * down;
            for column in 0..columns {
                let at = first + column * across;
                rgb.extend(
                    [at, at + apart, at + 2 * apart].map(|at| sample(at).unwrap_or_default()),
                );
            }
        }
    }
    Ok(Pixels::Rgb(rgb))
}

/// Numbers that are written as text, from number `first` on, at most `count`.
pub(crate) fn numbers(text: &[u8], first: usize, count: usize) -> Result<Vec<f32>, Fault> {
    let is_between = |byte: &u8| byte.is_ascii_whitespace() || *byte == b',';
    let words = text.split(is_between).filter(|word| !word.is_empty());
    let mut numbers = Vec::new();
    for (index, word) in words.skip(first).take(count).enumerate() {
        // Cheap enough for every line of an image, not for every number.
        if index % 4096 == 0 {
            time_limit::check()?;
        }
        let number = std::str::from_utf8(word)
            .ok()
            .and_then(|word| word.parse::<f32>().ok());
        numbers.push(number.ok_or_else(|| Fault::broken(FORMAT, "its samples are not numbers"))?);
    }
    Ok(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_from_any_place_on() {
        let text = b"1 -2.5\n3e2,\t4\r\n nan ";
        assert_eq!(numbers(text, 1, 3).unwrap(), [-2.5, 300.0, 4.0]);
        assert!(numbers(text, 4, 9).unwrap()[0].is_nan());
        assert_eq!(numbers(text, 5, 9).unwrap(), [0.0; 0]);
        assert!(numbers(b"1 two", 0, 2).is_err());
    }

    #[test]
    fn every_spelling_of_a_type_is_known_and_no_other_word() {
        assert_eq!(Sample::of_name("unsigned short int").unwrap(), Sample::U16);
        assert_eq!(Sample::of_name("UINT8_T").unwrap().bytes(), 1);
        assert!(Sample::of_name("char").is_err());
        assert!(Sample::of_name("block").is_err());
    }
}

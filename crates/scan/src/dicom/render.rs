//! From stored samples to values or colours.

use super::codec::{Colours, Decoded};
use super::layout::{Layout, Photometric};
use super::lut::{Lut, Palette};

/// From stored values to what they mean.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Transform {
    Linear { slope: f64, intercept: f64 },
    Table(Lut),
}

impl Transform {
    pub(crate) fn apply(&self, stored: f64) -> f64 {
        match self {
            Self::Linear { slope, intercept } => stored * slope + intercept,
            Self::Table(lut) => f64::from(lut.get(stored as i64)),
        }
    }
}

/// The integers of a frame with their signs.
pub(crate) fn stored<'a>(
    decoded: &'a Decoded,
    layout: &Layout,
) -> impl Iterator<Item = i64> + use<'a> {
    let (bits, shift) = match decoded.bits {
        Some(bits) => (bits, 0),
        None => (layout.stored, layout.shift),
    };
    let signed = layout.signed;
    let mask = if bits >= 32 {
        u32::MAX
    } else {
        (1 << bits) - 1
    };
    let rest = 32 - bits.min(32);
    decoded.values.iter().map(move |&value| {
        let value = (value as u32) >> shift & mask;
        if signed {
            i64::from(((value << rest) as i32) >> rest)
        } else {
            i64::from(value)
        }
    })
}

/// Values of a grey frame. Padding and missing rows are NaN.
pub(crate) fn grey(
    decoded: &Decoded,
    layout: &Layout,
    transform: &Transform,
    padding: Option<(i64, i64)>,
) -> Vec<f32> {
    let present = decoded.rows * layout.columns;
    let is_padding = |value: i64| padding.is_some_and(|(low, high)| (low..=high).contains(&value));
    let value = |(index, value): (usize, i64)| {
        if index >= present || is_padding(value) {
            f32::NAN
        } else {
            transform.apply(value as f64) as f32
        }
    };
    stored(decoded, layout).enumerate().map(value).collect()
}

/// Colours of a frame. Missing rows are black.
pub(crate) fn colours(decoded: &Decoded, layout: &Layout, palette: Option<&Palette>) -> Vec<u8> {
    if let Some(palette) = palette {
        return stored(decoded, layout)
            .flat_map(|value| palette.get(value))
            .collect();
    }
    let bits = decoded.bits.unwrap_or(layout.stored);
    let byte = |value: i64| -> u8 {
        let value = if bits > 8 { value >> (bits - 8) } else { value };
        value.clamp(0, 255) as u8
    };
    let mut bytes: Vec<u8> = stored(decoded, layout).map(byte).collect();
    let (is_luma_and_chroma, is_partial) = match (decoded.colours, layout.photometric) {
        (_, Photometric::YbrPartial { .. }) => (true, true),
        (Colours::Ybr, _) | (_, Photometric::YbrFull { .. }) => (true, false),
        _ => (false, false),
    };
    if is_luma_and_chroma {
        let convert = if is_partial { from_partial } else { from_full };
        bytes
            .as_chunks_mut()
            .0
            .iter_mut()
            .for_each(|pixel| *pixel = convert(*pixel));
    }
    let present = decoded.rows * layout.columns * layout.samples;
    if let Some(missing) = bytes.get_mut(present..) {
        missing.fill(0);
    }
    bytes
}

fn byte(value: f32) -> u8 {
    value.round().clamp(0.0, 255.0) as u8
}

/// PS3.3 C.7.6.3.1.2, YBR_FULL.
fn from_full([luma, blue, red]: [u8; 3]) -> [u8; 3] {
    let (luma, blue, red) = (
        f32::from(luma),
        f32::from(blue) - 128.0,
        f32::from(red) - 128.0,
    );
    [
        byte(luma + 1.402 * red),
        byte(luma - 0.344_136 * blue - 0.714_136 * red),
        byte(luma + 1.772 * blue),
    ]
}

/// PS3.3 C.7.6.3.1.2, YBR_PARTIAL: black is 16, white 235, chroma from 16 to 240.
fn from_partial([luma, blue, red]: [u8; 3]) -> [u8; 3] {
    let luma = (f32::from(luma) - 16.0) * 255.0 / 219.0;
    let (blue, red) = (
        (f32::from(blue) - 128.0) * 255.0 / 224.0,
        (f32::from(red) - 128.0) * 255.0 / 224.0,
    );
    [
        byte(luma + 1.402 * red),
        byte(luma - 0.344_136 * blue - 0.714_136 * red),
        byte(luma + 1.772 * blue),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grey_chroma_is_grey_and_the_range_of_video_is_spread() {
        assert_eq!(from_full([77, 128, 128]), [77, 77, 77]);
        assert_eq!(from_full([76, 85, 255]), [254, 0, 0]);
        assert_eq!(from_partial([16, 128, 128]), [0, 0, 0]);
        assert_eq!(from_partial([235, 128, 128]), [255, 255, 255]);
    }
}

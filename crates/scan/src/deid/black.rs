//! Paints rectangles over the samples of an image, in every frame.

use super::elements::{Content, Copy, Object};
use crate::radiomics::Rectangle;
use crate::view_error::ViewError;

/// Paints `rectangles` over the samples of `copy`.
///
/// Errors for compressed samples and for rare layouts, where it would not be certain what is painted.
pub(super) fn paint(
    copy: &mut Copy,
    object: &Object,
    rectangles: &[Rectangle],
) -> Result<(), ViewError> {
    if rectangles.is_empty() {
        return Ok(());
    }
    let refused =
        |why: &str| ViewError::NotCleaned(format!("no rectangle can be blacked out in it: {why}"));
    let image = Layout::of(copy).ok_or_else(|| refused("it does not state its layout"))?;
    let little = object.encoding.little;
    // No colour is half of the range of chroma.
    let half = 1 << image.high.min(15);
    let (white_is_low, colours) = match (image.meaning.as_str(), image.samples) {
        ("MONOCHROME1", 1) => (true, None),
        ("MONOCHROME2", 1) => (false, None),
        ("RGB", 3) => (false, Some([0, 0, 0])),
        ("YBR_FULL", 3) => (false, Some([0, half, half])),
        _ => {
            return Err(refused(
                "its colours are stored in a way that is not supported",
            ));
        }
    };
    let Some(Content::Bytes(bytes)) = copy.pixels().map(|pixels| &mut pixels.value) else {
        return Err(refused(
            "its image is compressed; uncompress it first, or write a PNG",
        ));
    };
    let size = image.bits / 8;
    if !matches!(image.bits, 8 | 16) || bytes.len() < image.length() {
        return Err(refused(
            "its samples are stored in a way that is not supported",
        ));
    }
    let read = |at: usize| -> i32 {
        let byte = |offset: usize| bytes.get(at + offset).copied().unwrap_or_default();
        match (size, image.signed) {
            (1, false) => i32::from(byte(0)),
            (1, true) => i32::from(byte(0) as i8),
            (_, signed) => {
                let two = [byte(0), byte(1)];
                let value = if little {
                    u16::from_le_bytes(two)
                } else {
                    u16::from_be_bytes(two)
                };
                if signed {
                    i32::from(value as i16)
                } else {
                    i32::from(value)
                }
            }
        }
    };
    // Black is the darkest value there is in the image: others could be outside what the file says of its values.
    let all = (0..image.length()).step_by(size).map(read);
    let dark = if white_is_low { all.max() } else { all.min() }.unwrap_or_default();
    for offset in image.places(rectangles) {
        let value = colours.map_or(dark, |colours| colours[offset.1]);
        let start = offset.0 * size;
        let two = if little {
            (value as u16).to_le_bytes()
        } else {
            (value as u16).to_be_bytes()
        };
        let one = [value as u8];
        let paint: &[u8] = if size == 1 { &one } else { &two };
        if let Some(place) = bytes.get_mut(start..start + size) {
            place.copy_from_slice(paint);
        }
    }
    Ok(())
}

struct Layout {
    meaning: String,
    samples: usize,
    columns: usize,
    rows: usize,
    frames: usize,
    bits: usize,
    /// The highest bit of a sample.
    high: usize,
    signed: bool,
    planar: bool,
}

impl Layout {
    fn of(copy: &Copy) -> Option<Self> {
        let frames = copy
            .text((0x0028, 0x0008))
            .and_then(|text| text.parse().ok());
        let bits = copy.number((0x0028, 0x0100))?;
        let high = copy.number((0x0028, 0x0102));
        Some(Self {
            meaning: copy.text((0x0028, 0x0004))?,
            samples: copy.number((0x0028, 0x0002)).unwrap_or(1),
            rows: copy.number((0x0028, 0x0010))?,
            columns: copy.number((0x0028, 0x0011))?,
            frames: frames.unwrap_or(1),
            bits,
            high: high.unwrap_or(bits.saturating_sub(1)),
            signed: copy.number((0x0028, 0x0103)) == Some(1),
            planar: copy.number((0x0028, 0x0006)) == Some(1),
        })
    }

    /// Bytes of all frames.
    fn length(&self) -> usize {
        let samples = self.columns * self.rows * self.samples;
        samples
            .saturating_mul(self.frames)
            .saturating_mul(self.bits / 8)
    }

    /// The samples under the rectangles: number and channel.
    fn places(&self, rectangles: &[Rectangle]) -> Vec<(usize, usize)> {
        let pixels = self.columns * self.rows;
        let mut places = Vec::new();
        for rectangle in rectangles {
            let (right, bottom) = rectangle.ends();
            for frame in 0..self.frames {
                for y in rectangle.y as usize..(bottom as usize).min(self.rows) {
                    for x in rectangle.x as usize..(right as usize).min(self.columns) {
                        let pixel = y * self.columns + x;
                        for channel in 0..self.samples {
                            let within = match self.planar {
                                true => channel * pixels + pixel,
                                false => pixel * self.samples + channel,
                            };
                            places.push((frame * pixels * self.samples + within, channel));
                        }
                    }
                }
            }
        }
        places
    }
}

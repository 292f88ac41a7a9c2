//! Colour information in the header of a Windows or OS/2 bitmap.

/// Length of the OS/2 1 header, whose fields are shorter.
const OS2_HEADER: usize = 12;
/// Length of the shortest header with an alpha mask.
const MASKED_HEADER: usize = 56;
/// Value of the compression field for pixels split by bit masks.
const BITFIELDS: usize = 3;
/// Masks of red, green, blue and alpha for which Pillow reads an alpha channel.
const ALPHA_MASKS: [[usize; 4]; 4] = [
    [0xFF00_0000, 0x00FF_0000, 0x0000_FF00, 0x0000_00FF],
    [0x0000_00FF, 0x0000_FF00, 0x00FF_0000, 0xFF00_0000],
    [0x00FF_0000, 0x0000_FF00, 0x0000_00FF, 0xFF00_0000],
    [0, 0, 0, 0],
];

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Header {
    /// One bit per pixel, or a palette that is not a grey ramp.
    pub(super) is_indexed: bool,
    /// Pixels have an alpha channel.
    pub(super) has_alpha: bool,
    /// Bits of red, green and blue in a 16-bit pixel.
    pub(super) channel_bits: Option<[u32; 3]>,
}

impl Header {
    /// Reads the header; anything unreadable gets its default.
    pub(super) fn of(content: &[u8]) -> Self {
        read(content).unwrap_or_default()
    }
}

fn read(content: &[u8]) -> Option<Header> {
    let long = |at: usize| number(content, at, 4);
    let length = long(14)?;
    let depth = match length {
        OS2_HEADER => number(content, 24, 2)?,
        _ => number(content, 28, 2)?,
    };
    let has_bitfields = length != OS2_HEADER && long(30)? == BITFIELDS;
    Some(match depth {
        1..=8 => Header {
            is_indexed: is_indexed(content, length, depth)?,
            ..Header::default()
        },
        16 => Header {
            channel_bits: Some(match has_bitfields && long(58) == Some(0x07E0) {
                true => [5, 6, 5],
                false => [5; 3],
            }),
            ..Header::default()
        },
        _ => {
            let mut masks = [0; 4];
            for (at, mask) in masks.iter_mut().enumerate() {
                *mask = long(54 + 4 * at).unwrap_or(1);
            }
            Header {
                has_alpha: has_bitfields && length >= MASKED_HEADER && ALPHA_MASKS.contains(&masks),
                ..Header::default()
            }
        }
    })
}

fn is_indexed(content: &[u8], length: usize, depth: usize) -> Option<bool> {
    let (declared, entry_bytes) = match length {
        OS2_HEADER => (0, 3),
        _ => (number(content, 46, 4)?, 4),
    };
    let colours = match declared {
        declared @ 1..=256 => declared,
        _ => 1 << depth,
    };
    let from = 14_usize.checked_add(length)?;
    let palette = content.get(from..from.checked_add(entry_bytes * colours)?)?;
    let is_grey = palette
        .chunks_exact(entry_bytes)
        .enumerate()
        .all(|(i, colour)| colour.iter().take(3).all(|&value| usize::from(value) == i));
    Some(depth == 1 || !is_grey)
}

/// A little-endian number of at most four bytes.
fn number(content: &[u8], at: usize, length: usize) -> Option<usize> {
    let bytes = content.get(at..at.checked_add(length)?)?.iter().rev();
    Some(bytes.fold(0, |number, &byte| (number << 8) | usize::from(byte)))
}

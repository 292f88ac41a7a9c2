//! What the header of a Windows or OS/2 bitmap says of its colours.

/// Length of the header of OS/2 1, whose numbers are shorter, and of the shortest one that has a mask for opacity.
const OS2: usize = 12;
const WITH_MASKS: usize = 56;
/// Colours are cut out of each pixel by masks.
const BY_MASKS: usize = 3;
/// Masks of red, green, blue and opacity that Pillow knows as having opacity.
const WITH_ALPHA: [[usize; 4]; 4] = [
    [0xFF00_0000, 0x00FF_0000, 0x0000_FF00, 0x0000_00FF],
    [0x0000_00FF, 0x0000_FF00, 0x00FF_0000, 0xFF00_0000],
    [0x00FF_0000, 0x0000_FF00, 0x0000_00FF, 0xFF00_0000],
    [0, 0, 0, 0],
];

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Header {
    /// One bit, or a palette that is not a grey ramp.
    pub(super) is_indexed: bool,
    /// Pixels have opacity.
    pub(super) has_alpha: bool,
    /// Bits of red, green and blue in a pixel of 16.
    pub(super) channel_bits: Option<[u32; 3]>,
}

impl Header {
    /// As far as it can be read.
    pub(super) fn of(content: &[u8]) -> Self {
        read(content).unwrap_or_default()
    }
}

fn read(content: &[u8]) -> Option<Header> {
    let long = |at: usize| number(content, at, 4);
    let length = long(14)?;
    let depth = match length {
        OS2 => number(content, 24, 2)?,
        _ => number(content, 28, 2)?,
    };
    let by_masks = length != OS2 && long(30)? == BY_MASKS;
    Some(match depth {
        1..=8 => Header {
            is_indexed: is_indexed(content, length, depth)?,
            ..Header::default()
        },
        16 => Header {
            channel_bits: Some(match by_masks && long(58) == Some(0x07E0) {
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
                has_alpha: by_masks && length >= WITH_MASKS && WITH_ALPHA.contains(&masks),
                ..Header::default()
            }
        }
    })
}

fn is_indexed(content: &[u8], length: usize, depth: usize) -> Option<bool> {
    let (told, each) = match length {
        OS2 => (0, 3),
        _ => (number(content, 46, 4)?, 4),
    };
    let colours = match told {
        told @ 1..=256 => told,
        _ => 1 << depth,
    };
    let from = 14_usize.checked_add(length)?;
    let palette = content.get(from..from.checked_add(each * colours)?)?;
    let is_grey = palette
        .chunks_exact(each)
        .enumerate()
        .all(|(i, colour)| colour.iter().take(3).all(|&value| usize::from(value) == i));
    Some(depth == 1 || !is_grey)
}

/// A little-endian number of at most four bytes.
fn number(content: &[u8], at: usize, length: usize) -> Option<usize> {
    let bytes = content.get(at..at.checked_add(length)?)?.iter().rev();
    Some(bytes.fold(0, |number, &byte| (number << 8) | usize::from(byte)))
}

//! DICOM's run-length encoding (PS3.5 annex G): for every byte of every sample a segment of PackBits, the high byte first.

use super::{Colours, Decoded};
use crate::dicom::layout::Layout;
use crate::error::Fault;

const FORMAT: &str = "RLE";
const HEADER: usize = 64;

/// Decodes a frame. A segment that ends early leaves zeros.
pub(super) fn decode(bytes: &[u8], layout: &Layout) -> Result<Decoded, Fault> {
    let word = |index: usize| -> Option<usize> {
        let four = bytes.get(index * 4..)?.first_chunk()?;
        usize::try_from(u32::from_le_bytes(*four)).ok()
    };
    let damaged = || Fault::broken(FORMAT, "its table of segments does not fit the image");
    let bytes_each = (layout.allocated as usize).div_ceil(8);
    let expected = layout.samples * bytes_each;
    if bytes.len() < HEADER || word(0) != Some(expected) || expected > 15 {
        return Err(damaged());
    }
    let pixels = layout.pixels();
    let mut values = vec![0_i32; pixels * layout.samples];
    for segment in 0..expected {
        let start = word(segment + 1).ok_or_else(damaged)?;
        let next = if segment + 1 < expected {
            word(segment + 2)
        } else {
            None
        };
        let end = next.unwrap_or(bytes.len()).min(bytes.len());
        let packed = bytes.get(start..end).ok_or_else(damaged)?;
        let sample = segment / bytes_each;
        let shift = 8 * (bytes_each - 1 - segment % bytes_each);
        let places = values.iter_mut().skip(sample).step_by(layout.samples);
        for (place, byte) in places.zip(Unpack::new(packed)) {
            *place |= i32::from(byte) << shift;
        }
    }
    Ok(Decoded {
        values,
        bits: None,
        colours: Colours::AsStated,
        rows: layout.rows,
    })
}

/// The bytes that a PackBits stream stands for.
struct Unpack<'a> {
    rest: &'a [u8],
    literal: usize,
    repeat: usize,
    value: u8,
}

impl<'a> Unpack<'a> {
    fn new(rest: &'a [u8]) -> Self {
        Self {
            rest,
            literal: 0,
            repeat: 0,
            value: 0,
        }
    }

    fn byte(&mut self) -> Option<u8> {
        let (&first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(first)
    }
}

impl Iterator for Unpack<'_> {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        loop {
            if self.repeat > 0 {
                self.repeat -= 1;
                return Some(self.value);
            }
            if self.literal > 0 {
                self.literal -= 1;
                return self.byte();
            }
            match self.byte()? {
                128 => {}
                count @ 0..128 => self.literal = usize::from(count) + 1,
                count => {
                    self.repeat = 257 - usize::from(count);
                    self.value = self.byte()?;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_repeats_and_no_operation_are_unpacked() {
        let packed = [2, 1, 2, 3, 128, 254, 9, 0, 4];
        assert_eq!(
            Unpack::new(&packed).collect::<Vec<_>>(),
            [1, 2, 3, 9, 9, 9, 4]
        );
        assert_eq!(Unpack::new(&[5, 1]).collect::<Vec<_>>(), [1]);
    }
}

//! Blanks the comments and application segments inside compressed images: JPEG and JPEG 2000 streams can hold text.
//!
//! Their lengths stay, so that tables of offsets stay true.

use super::elements::{Content, Copy};

/// Overwrites with zeros what is no part of the image.
pub(super) fn blank(copy: &mut Copy) {
    let Some(Content::Fragments(fragments)) = copy.pixels().map(|pixels| &mut pixels.value) else {
        return;
    };
    for fragment in fragments.iter_mut().skip(1) {
        match fragment.first_chunk::<4>() {
            Some([0xFF, 0xD8, ..]) => segments(fragment, 2, is_jpeg_text, 0xDA),
            Some([0xFF, 0x4F, 0xFF, 0x51]) => segments(fragment, 2, |marker| marker == 0x64, 0x90),
            _ => {}
        }
    }
}

/// Comments, and the segments of applications except those that say what the colours mean.
fn is_jpeg_text(marker: u8) -> bool {
    matches!(marker, 0xFE | 0xE1..=0xE7 | 0xE9..=0xED | 0xEF)
}

/// Walks through marker segments from `at` to the marker `last` and blanks those that `is_text` names.
fn segments(stream: &mut [u8], mut at: usize, is_text: fn(u8) -> bool, last: u8) {
    while let Some([0xFF, marker, high, low]) = stream
        .get(at..)
        .and_then(|rest| rest.first_chunk::<4>())
        .copied()
    {
        if marker == last {
            return;
        }
        let length = usize::from(u16::from_be_bytes([high, low])).max(2);
        let end = (at + 2 + length).min(stream.len());
        if is_text(marker) {
            // JPEG 2000 says in the first two bytes what kind of text follows.
            let begin = if marker == 0x64 { at + 6 } else { at + 4 };
            stream
                .get_mut(begin.min(end)..end)
                .unwrap_or_default()
                .fill(0);
        }
        at = end;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_are_blanked_and_lengths_stay() {
        let mut jpeg = vec![
            0xFF, 0xD8, 0xFF, 0xFE, 0, 6, b'J', b'O', b'H', b'N', 0xFF, 0xDB, 0, 3, 9, 0xFF, 0xDA,
            0, 2, 1,
        ];
        let before = jpeg.clone();
        segments(&mut jpeg, 2, is_jpeg_text, 0xDA);
        assert_eq!(jpeg.len(), before.len());
        assert_eq!(&jpeg[6..10], [0; 4]);
        assert_eq!(jpeg[10..], before[10..]);
        for length in 0..before.len() {
            segments(&mut before[..length].to_vec(), 2, is_jpeg_text, 0xDA);
        }
    }
}

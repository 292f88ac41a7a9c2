//! What a file's own header says of its pixels: the common decoder turns palettes, opacity and unfilled places into plain
//! channels, and in a few kinds of file does so otherwise than Pillow.
//!
//! A header may be anything: never read past the content, and leave pixels as they are where it cannot be understood.

use super::pixels::{Pixels, divided};
use super::{Format, bitmap, gif, tiff};

/// What decides how the pixels are resized.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Kind {
    /// Colours are numbers, or black and white: they are never blended.
    pub(super) indexed: bool,
    /// There is opacity, and not only a colour that counts as see-through.
    pub(super) alpha_is_channel: bool,
    /// Opacity means nothing.
    pub(super) opaque: bool,
}

/// The kind of a picture, whose `pixels` become those of Pillow.
pub(super) fn settle(content: &[u8], format: Format, pixels: &mut Pixels) -> Kind {
    match format {
        Format::Png => png(content),
        Format::Gif => drawn(content, pixels),
        Format::Bmp => mapped(content, pixels),
        Format::Tiff => tagged(content, pixels),
        Format::Jpeg | Format::WebP => Kind {
            alpha_is_channel: true,
            ..Kind::default()
        },
    }
}

/// Depth and colour type of the first chunk: 0 grey, 2 colour, 3 palette, 4 and 6 with alpha.
fn png(content: &[u8]) -> Kind {
    let at = |i: usize, otherwise| content.get(i).copied().unwrap_or(otherwise);
    let (depth, kind) = (at(24, 8), at(25, 2));
    Kind {
        indexed: kind == 3 || (kind == 0 && depth == 1),
        alpha_is_channel: matches!(kind, 4 | 6),
        // A colour marked as see-through in a colour picture is not looked at by Pillow.
        opaque: kind == 2,
    }
}

/// Pillow fills the screen with the see-through colour, or else the first, before it draws the first frame.
fn drawn(content: &[u8], pixels: &mut Pixels) -> Kind {
    let Some(first) = gif::first_frame(content) else {
        return Kind {
            indexed: true,
            ..Kind::default()
        };
    };
    let opacity = match first.clear {
        true => 0,
        false => 255,
    };
    let width = pixels.width.max(1) as usize;
    let places = pixels.rgb.as_chunks_mut().0.iter_mut().enumerate();
    for (place, colour) in places.filter(|(place, _)| !first.covers(place % width, place / width)) {
        *colour = first.ground;
        if let Some(alpha) = pixels.alpha.as_mut().and_then(|alpha| alpha.get_mut(place)) {
            *alpha = opacity;
        }
    }
    Kind {
        indexed: !first.is_grey,
        ..Kind::default()
    }
}

fn mapped(content: &[u8], pixels: &mut Pixels) -> Kind {
    let header = bitmap::Header::of(content);
    if let Some(bits) = header.channel_bits {
        // Pillow cuts off where the decoder rounds.
        let cut = |value: u8, bits: u32| {
            let most = (1 << bits) - 1;
            let stored = (u32::from(value) * most + 127) / 255;
            (stored * 255 / most) as u8
        };
        for colour in pixels.rgb.as_chunks_mut::<3>().0 {
            for (value, bits) in colour.iter_mut().zip(bits) {
                *value = cut(*value, bits);
            }
        }
    }
    Kind {
        indexed: header.is_indexed,
        alpha_is_channel: true,
        opaque: !header.has_alpha,
    }
}

fn tagged(content: &[u8], pixels: &mut Pixels) -> Kind {
    let (mut opaque, extra) = (false, tiff::extra_sample(content));
    match (extra, &mut pixels.alpha) {
        (Some(tiff::NOTHING), _) => opaque = true,
        (Some(tiff::ASSOCIATED), Some(alpha)) => {
            let colours = pixels.rgb.as_chunks_mut::<3>().0.iter_mut();
            for (colour, &mut alpha) in colours.zip(alpha) {
                *colour = colour.map(|value| unmultiplied(value, alpha));
            }
        }
        _ => {}
    }
    Kind {
        indexed: pixels.indexed || tiff::is_bilevel(content),
        alpha_is_channel: true,
        opaque,
    }
}

/// A colour whose opacity was multiplied into it, as Pillow takes it out again: nothing of what cannot be seen.
fn unmultiplied(value: u8, alpha: u8) -> u8 {
    match alpha {
        0 => 0,
        alpha => divided(value, alpha),
    }
}

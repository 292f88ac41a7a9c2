//! What a file's header says about its pixels. The `image` crate turns palettes, opacity and areas without data into plain
//! channels, and for some formats does so differently from Pillow.
//!
//! Headers are untrusted: never read past the content, and leave the pixels alone if a header makes no sense.

use super::pixels::{Pixels, unmultiply};
use super::{Format, bitmap, gif, tiff};

/// Decides how the pixels are resized.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct PixelLayout {
    /// Pixels are palette indices or black and white, and are never blended.
    pub(super) indexed: bool,
    /// Opacity is a channel, not merely one colour marked as transparent.
    pub(super) alpha_is_channel: bool,
    /// Any alpha values are to be ignored.
    pub(super) opaque: bool,
}

/// Reads the layout, and changes `pixels` where Pillow would decode them differently.
pub(super) fn reconcile(content: &[u8], format: Format, pixels: &mut Pixels) -> PixelLayout {
    match format {
        Format::Png => png_layout(content),
        Format::Gif => gif_layout(content, pixels),
        Format::Bmp => bmp_layout(content, pixels),
        Format::Tiff => tiff_layout(content, pixels),
        Format::Jpeg | Format::WebP => PixelLayout {
            alpha_is_channel: true,
            ..PixelLayout::default()
        },
    }
}

/// Depth and colour type of the first chunk: 0 grey, 2 colour, 3 palette, 4 and 6 with alpha.
fn png_layout(content: &[u8]) -> PixelLayout {
    let at = |i: usize, otherwise| content.get(i).copied().unwrap_or(otherwise);
    let (depth, kind) = (at(24, 8), at(25, 2));
    PixelLayout {
        indexed: kind == 3 || (kind == 0 && depth == 1),
        alpha_is_channel: matches!(kind, 4 | 6),
        // Pillow ignores a transparent colour in a true-colour PNG.
        opaque: kind == 2,
    }
}

/// Before it draws the first frame, Pillow fills the screen with the transparent colour, or else with the first colour.
fn gif_layout(content: &[u8], pixels: &mut Pixels) -> PixelLayout {
    let Some(first) = gif::first_frame(content) else {
        return PixelLayout {
            indexed: true,
            ..PixelLayout::default()
        };
    };
    let opacity = match first.background_is_transparent {
        true => 0,
        false => 255,
    };
    let width = pixels.width.max(1) as usize;
    let all = pixels.rgb.as_chunks_mut().0.iter_mut().enumerate();
    for (at, colour) in all.filter(|(at, _)| !first.covers(at % width, at / width)) {
        *colour = first.background;
        if let Some(alpha) = pixels.alpha.as_mut().and_then(|alpha| alpha.get_mut(at)) {
            *alpha = opacity;
        }
    }
    PixelLayout {
        indexed: !first.is_grey,
        ..PixelLayout::default()
    }
}

fn bmp_layout(content: &[u8], pixels: &mut Pixels) -> PixelLayout {
    let header = bitmap::Header::of(content);
    if let Some(bits) = header.channel_bits {
        // Pillow truncates where the decoder rounds.
        let truncated = |value: u8, bits: u32| {
            let max = (1 << bits) - 1;
            let stored = (u32::from(value) * max + 127) / 255;
            (stored * 255 / max) as u8
        };
        for colour in pixels.rgb.as_chunks_mut::<3>().0 {
            for (value, bits) in colour.iter_mut().zip(bits) {
                *value = truncated(*value, bits);
            }
        }
    }
    PixelLayout {
        indexed: header.is_indexed,
        alpha_is_channel: true,
        opaque: !header.has_alpha,
    }
}

fn tiff_layout(content: &[u8], pixels: &mut Pixels) -> PixelLayout {
    let (mut opaque, extra) = (false, tiff::extra_sample(content));
    match (extra, &mut pixels.alpha) {
        (Some(tiff::UNSPECIFIED), _) => opaque = true,
        (Some(tiff::ASSOCIATED), Some(alpha)) => {
            let colours = pixels.rgb.as_chunks_mut::<3>().0.iter_mut();
            for (colour, &mut alpha) in colours.zip(alpha) {
                *colour = colour.map(|value| unmultiply_associated(value, alpha));
            }
        }
        _ => {}
    }
    PixelLayout {
        indexed: pixels.indexed || tiff::is_bilevel(content),
        alpha_is_channel: true,
        opaque,
    }
}

/// Undoes a multiplication by alpha as Pillow does: black where nothing is visible.
fn unmultiply_associated(value: u8, alpha: u8) -> u8 {
    match alpha {
        0 => 0,
        alpha => unmultiply(value, alpha),
    }
}

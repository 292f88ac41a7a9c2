//! One scan in colour over another in grey.
//!
//! A colour covers the grey by the chosen opacity, less where the value is low: what takes nothing up must not hide the
//! anatomy. So opacity rises from 0 at the low end of the overlay's window to its full value at a quarter of it.

use crate::colour::ColourMap;
use crate::outline::blend;
use crate::window::Tone;

/// From this share of the overlay's window upwards, the overlay has its full opacity.
pub const FULL_OPACITY_FROM: f64 = 0.25;
/// The opacity where none is chosen.
pub const DEFAULT_OPACITY: f64 = 0.5;

/// Lays `values` over an RGB image of the same size. A value without a value, or at the low end of the window, leaves the
/// image as it is. Does nothing if the sizes do not match.
pub fn lay_over(rgb: &mut [u8], values: &[f32], tone: &Tone, map: ColourMap, opacity: f64) {
    if rgb.len() != values.len() * 3 {
        return;
    }
    let (pixels, _) = rgb.as_chunks_mut::<3>();
    for (pixel, value) in pixels.iter_mut().zip(values) {
        if value.is_nan() {
            continue;
        }
        let share = tone.curve.share(f64::from(*value) * tone.factor);
        let cover = opacity.clamp(0.0, 1.0) * (share / FULL_OPACITY_FROM).min(1.0);
        let colour = map.colour(share);
        for (channel, paint) in pixel.iter_mut().zip(colour) {
            *channel = blend(*channel, paint, cover);
        }
    }
}

/// Values in colour on their own.
pub fn in_colour(values: &[f32], tone: &Tone, map: ColourMap) -> Vec<u8> {
    let colour = |value: &f32| match value.is_nan() {
        true => [0; 3],
        false => map.colour(tone.curve.share(f64::from(*value) * tone.factor)),
    };
    values.iter().flat_map(colour).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::window::Curve;

    fn tone() -> Tone {
        Tone {
            curve: Curve::Range {
                low: 0.0,
                high: 10.0,
            },
            factor: 1.0,
            inverted: true,
            missing: 255,
        }
    }

    #[test]
    fn nothing_shows_through_at_full_opacity_and_everything_at_none() {
        let values = [0.0, f32::NAN, 10.0, 5.0];
        let mut rgb = vec![80; 12];
        lay_over(&mut rgb, &values, &tone(), ColourMap::Hot, 1.0);
        assert_eq!(rgb[..6], [80; 6], "no uptake and no value leave the grey");
        assert_eq!(rgb[6..9], [255, 255, 255]);
        assert_eq!(rgb[9..], ColourMap::Hot.colour(0.5));
        let mut rgb = vec![80; 12];
        lay_over(&mut rgb, &values, &tone(), ColourMap::Hot, 0.0);
        assert_eq!(rgb, [80; 12]);
    }

    #[test]
    fn half_opacity_is_half_of_both() {
        let mut rgb = vec![100; 3];
        lay_over(&mut rgb, &[10.0], &tone(), ColourMap::Hot, 0.5);
        assert_eq!(rgb, [178; 3]);
        let mut rgb = vec![100; 3];
        lay_over(&mut rgb, &[10.0, 1.0], &tone(), ColourMap::Hot, 0.5);
        assert_eq!(rgb, [100; 3], "sizes that do not match change nothing");
    }

    #[test]
    fn colour_alone_does_not_depend_on_inverted_grey() {
        assert_eq!(
            in_colour(&[10.0, f32::NAN], &tone(), ColourMap::Hot),
            [255, 255, 255, 0, 0, 0]
        );
    }
}

//! A map drawn over its image.

use super::Map;
use rounds_imaging::{Image, PixelExtras};

/// Colours from the least to the most: they rise in brightness, so that the order also shows without colours.
const RAMP: [[f32; 3]; 4] = [
    [40.0, 10.0, 90.0],
    [180.0, 40.0, 110.0],
    [250.0, 140.0, 40.0],
    [250.0, 240.0, 120.0],
];
/// The most that the map covers of the image.
const COVER: f32 = 0.65;

/// The image with the map over it, largest value brightest. Outside of the map the image is darkened.
pub fn overlay(image: &Image, map: &Map) -> Image {
    let (width, height) = (image.width as usize, image.height as usize);
    let most = map.values.iter().copied().fold(f32::MIN_POSITIVE, f32::max);
    let short = width.min(height) as f32;
    let (left, top, across, down) = match map.middle_only {
        true => (
            (width as f32 - short) / 2.0,
            (height as f32 - short) / 2.0,
            short,
            short,
        ),
        false => (0.0, 0.0, width as f32, height as f32),
    };
    let mut rgb = image.rgb.clone();
    for (at, pixel) in rgb.chunks_exact_mut(3).enumerate() {
        let x = ((at % width.max(1)) as f32 + 0.5 - left) / across.max(1.0);
        let y = ((at / width.max(1)) as f32 + 0.5 - top) / down.max(1.0);
        if !(0.0..1.0).contains(&x) || !(0.0..1.0).contains(&y) {
            pixel.iter_mut().for_each(|value| *value /= 2);
            continue;
        }
        let share = (between(map, x, y) / most).clamp(0.0, 1.0);
        let colour = colour(share);
        let cover = COVER * share.sqrt();
        for (value, colour) in pixel.iter_mut().zip(colour) {
            *value = (f32::from(*value) * (1.0 - cover) + colour * cover).round() as u8;
        }
    }
    Image {
        width: image.width,
        height: image.height,
        rgb,
        extras: PixelExtras::default(),
        source: image.source.clone(),
    }
}

fn colour(share: f32) -> [f32; 3] {
    let place = share * (RAMP.len() - 1) as f32;
    let low = (place as usize).min(RAMP.len() - 2);
    let part = place - low as f32;
    let (a, b) = (RAMP[low], RAMP[low + 1]);
    [0, 1, 2].map(|c| a[c] + (b[c] - a[c]) * part)
}

/// The map's value at a place of the square, both from 0 to 1, between the centres of its fields.
fn between(map: &Map, x: f32, y: f32) -> f32 {
    let side = map.side;
    let last = side.saturating_sub(1);
    let split = |v: f32| {
        let v = (v * side as f32 - 0.5).clamp(0.0, last as f32);
        (v as usize, v.fract())
    };
    let ((column, right), (row, below)) = (split(x), split(y));
    let at = |row: usize, column: usize| {
        let place = row.min(last) * side + column.min(last);
        map.values.get(place).copied().unwrap_or_default()
    };
    let upper = at(row, column) * (1.0 - right) + at(row, column + 1) * right;
    let lower = at(row + 1, column) * (1.0 - right) + at(row + 1, column + 1) * right;
    upper * (1.0 - below) + lower * below
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(middle_only: bool) -> Map {
        Map {
            image: 1,
            mass: 1.0,
            side: 2,
            middle_only,
            values: vec![1.0, 0.0, 0.0, 0.0],
        }
    }

    #[test]
    fn the_place_with_the_most_attention_is_covered_and_the_others_stay() {
        let image = rounds_imaging::blank(64);
        let shown = overlay(&image, &map(false));
        let pixel = |x: usize, y: usize| &shown.rgb[3 * (y * 64 + x)..][..3];
        assert_eq!((shown.width, shown.height), (64, 64));
        assert!(pixel(8, 8)[0] > 180 && pixel(8, 8)[2] < 128);
        assert_eq!(pixel(60, 60), [128, 128, 128]);
    }

    #[test]
    fn what_the_tower_cut_off_is_darkened() {
        let mut image = rounds_imaging::blank(64);
        (image.width, image.height) = (128, 32);
        let shown = overlay(&image, &map(true));
        let pixel = |x: usize, y: usize| shown.rgb[3 * (y * 128 + x)];
        assert_eq!((pixel(0, 5), pixel(127, 5)), (64, 64));
        assert_eq!(pixel(78, 30), 128, "inside, without attention");
        assert!(pixel(52, 4) > 128);
    }
}

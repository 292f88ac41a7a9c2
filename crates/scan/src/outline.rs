//! Label maps drawn over an image: each label's border in its own colour, so that what is inside stays visible.

use std::collections::BTreeSet;

use crate::colour::label_colour;

/// The label of a sample: the nearest whole number, 0 for none and for negative ones.
pub fn label_of(value: f32) -> u32 {
    // A float beyond the range saturates, and NaN becomes 0.
    value.round() as u32
}

/// The labels in `values` that are not 0.
pub fn labels_in(values: &[f32]) -> BTreeSet<u32> {
    let labels = values.iter().map(|value| label_of(*value));
    labels.filter(|label| *label != 0).collect()
}

/// Draws the borders of labels over an RGB image of the same size: a pixel of a label that touches another label or none,
/// also at the image's edge. `fill`, 0 to 1, tints what is inside. Does nothing if the sizes do not match.
pub fn draw(rgb: &mut [u8], width: usize, labels: &[f32], fill: f64) {
    if width == 0 || rgb.len() != labels.len() * 3 {
        return;
    }
    let height = labels.len() / width;
    let at = |x: usize, y: usize| {
        labels
            .get(y * width + x)
            .map_or(0, |value| label_of(*value))
    };
    for y in 0..height {
        for x in 0..width {
            let label = at(x, y);
            let Some(colour) = label_colour(label) else {
                continue;
            };
            let inside = x > 0
                && y > 0
                && x + 1 < width
                && y + 1 < height
                && at(x - 1, y) == label
                && at(x + 1, y) == label
                && at(x, y - 1) == label
                && at(x, y + 1) == label;
            let share = if inside { fill.clamp(0.0, 1.0) } else { 1.0 };
            let start = (y * width + x) * 3;
            let pixel = rgb.get_mut(start..start + 3).unwrap_or_default();
            for (channel, paint) in pixel.iter_mut().zip(colour) {
                *channel = blend(*channel, paint, share);
            }
        }
    }
}

/// From one level to another by a share.
pub(crate) fn blend(under: u8, over: u8, share: f64) -> u8 {
    let (under, over) = (f64::from(under), f64::from(over));
    (under + (over - under) * share).round() as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_border_is_painted_and_the_inside_is_tinted_on_request() {
        let mut labels = vec![0.0; 49];
        for y in 1..6 {
            for x in 1..6 {
                labels[y * 7 + x] = if x < 4 { 1.0 } else { 2.0 };
            }
        }
        let mut rgb = vec![100; 49 * 3];
        draw(&mut rgb, 7, &labels, 0.0);
        let pixel = |x: usize, y: usize| &rgb[(y * 7 + x) * 3..][..3];
        assert_eq!(pixel(0, 0), [100, 100, 100], "the background stays");
        assert_eq!(pixel(2, 3), [100, 100, 100], "the inside stays");
        assert_eq!(pixel(1, 3), label_colour(1).unwrap(), "an outer border");
        assert_eq!(
            pixel(3, 3),
            label_colour(1).unwrap(),
            "a border between labels"
        );
        assert_eq!(pixel(4, 3), label_colour(2).unwrap());
        let mut tinted = vec![100; 49 * 3];
        draw(&mut tinted, 7, &labels, 0.5);
        assert_ne!(&tinted[(3 * 7 + 2) * 3..][..3], [100, 100, 100]);
    }

    #[test]
    fn odd_values_are_no_labels() {
        assert_eq!(
            [f32::NAN, -3.0, 0.4, 0.6, 2.0].map(label_of),
            [0, 0, 0, 1, 2]
        );
        assert_eq!(
            labels_in(&[0.0, 2.0, 1.0, 2.0])
                .into_iter()
                .collect::<Vec<_>>(),
            [1, 2]
        );
        let mut rgb = vec![0; 3];
        draw(&mut rgb, 2, &[1.0, 1.0], 1.0);
        assert_eq!(rgb, [0; 3]);
    }
}

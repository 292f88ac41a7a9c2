//! Slices of one volume side by side.

use rounds_imaging::resize_bicubic;

use super::part::Part;
use crate::plane::Layout;
use crate::view_error::ViewError;

/// The longest side of a montage, in pixels.
const MAX_SIDE: usize = 2048;

/// `wanted` numbers of images, evenly spread over `count` and away from the ends, where scans show little.
pub(super) fn spread(count: usize, wanted: usize) -> Vec<usize> {
    let wanted = wanted.clamp(1, count.max(1));
    (0..wanted)
        .map(|i| (2 * i + 1) * count / (2 * wanted))
        .collect()
}

pub(super) fn in_words(layout: &Layout, numbers: &[usize]) -> String {
    let ends = numbers.first().zip(numbers.last());
    let (first, last) = ends.map_or((1, 1), |(first, last)| (first + 1, last + 1));
    let plane = layout
        .plane
        .map(|plane| format!("{} ", plane.name()))
        .unwrap_or_default();
    let noun = layout.noun();
    format!(
        "montage of {} {plane}{noun}s, {first} to {last} of {}, row by row",
        numbers.len(),
        layout.count()
    )
}

/// Joins images of equal size, row by row, as near to a square as they come.
pub(super) fn join(parts: &[Part]) -> Result<Part, ViewError> {
    let Some(first) = parts.first() else {
        return Err(ViewError::Size("a montage needs a slice".to_owned()));
    };
    let (wide, high) = (first.width as f64, first.height as f64);
    let columns = (parts.len() as f64 * high / wide).sqrt().round();
    let columns = (columns as usize).clamp(1, parts.len());
    let rows = parts.len().div_ceil(columns);
    let whole = (columns as f64 * wide).max(rows as f64 * high);
    let scale = (MAX_SIDE as f64 / whole).min(1.0);
    let side = |length: usize| ((length as f64 * scale) as usize).max(1);
    let (width, height) = (side(first.width), side(first.height));
    let (total_width, total_height) = (columns * width, rows * height);
    let mut rgb = vec![0; total_width * total_height * 3];
    for (number, part) in parts.iter().enumerate() {
        let tile = match (part.width, part.height) == (width, height) {
            true => part.rgb.clone(),
            false => resize_bicubic(&part.rgb, part.width, part.height, width, height),
        };
        let (left, top) = (number % columns * width, number / columns * height);
        for (y, line) in tile.chunks_exact(width * 3).enumerate() {
            let start = ((top + y) * total_width + left) * 3;
            if let Some(place) = rgb.get_mut(start..start + line.len()) {
                place.copy_from_slice(line);
            }
        }
    }
    Ok(Part {
        width: total_width,
        height: total_height,
        rgb,
        spacing: [None, None],
        affine: None,
        stretched: first.stretched.clone(),
        labels: parts
            .iter()
            .flat_map(|part| part.labels.iter().copied())
            .collect(),
        overlay_is_absent: parts.iter().all(|part| part.overlay_is_absent),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_are_spread_evenly_and_never_twice() {
        assert_eq!(spread(60, 3), [10, 30, 50]);
        assert_eq!(spread(5, 12), [0, 1, 2, 3, 4]);
        assert_eq!(spread(1, 1), [0]);
        for (count, wanted) in [(7, 3), (100, 99), (13, 12)] {
            let mut numbers = spread(count, wanted);
            assert!(numbers.is_sorted() && numbers.iter().all(|n| *n < count));
            numbers.dedup();
            assert_eq!(numbers.len(), wanted);
        }
    }

    fn part(width: usize, height: usize, level: u8) -> Part {
        Part {
            width,
            height,
            rgb: vec![level; width * height * 3],
            spacing: [None, None],
            affine: None,
            stretched: None,
            labels: [u32::from(level)].into(),
            overlay_is_absent: false,
        }
    }

    #[test]
    fn tiles_stand_in_rows() {
        let joined = join(&[part(4, 4, 1), part(4, 4, 2), part(4, 4, 3)]).unwrap();
        assert_eq!((joined.width, joined.height), (8, 8));
        let at = |x: usize, y: usize| joined.rgb[(y * 8 + x) * 3];
        assert_eq!([at(0, 0), at(7, 0), at(0, 7), at(7, 7)], [1, 2, 3, 0]);
        assert_eq!(joined.labels.len(), 3);
    }

    #[test]
    fn a_large_montage_is_shrunk() {
        let parts: Vec<_> = (0..9).map(|n| part(1000, 1000, n)).collect();
        let joined = join(&parts).unwrap();
        assert!(joined.width <= MAX_SIDE && joined.height <= MAX_SIDE);
        assert!(joined.width > 2000);
    }
}

//! Cuts off a flat border, such as a screenshot or a slide has around an image.

/// Rows and columns at the edge belong to the border if their darkest and brightest values differ by at most this.
const MAX_BORDER_RANGE: u8 = 10;
/// Inside a border there must be at least this part of the height and of the width: a quarter.
const INSIDE_SHARE: usize = 4;

/// What is inside a border: 8-bit RGB, row-major.
pub(super) struct Inside {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) rgb: Vec<u8>,
}

/// The part of an image inside its flat border; `None` if it has none, or too little is inside.
pub(super) fn inside(rgb: &[u8], width: usize, height: usize) -> Option<Inside> {
    let (left, top, right, bottom) = corners(rgb, width, height)?;
    let rows = (top..bottom).filter_map(|y| {
        let row = rgb.get(y * width * 3..(y + 1) * width * 3)?;
        row.get(left * 3..right * 3)
    });
    Some(Inside {
        width: right - left,
        height: bottom - top,
        rgb: rows.flatten().copied().collect(),
    })
}

/// Left, top, right and bottom (the last two exclusive) of the part inside the border.
fn corners(rgb: &[u8], width: usize, height: usize) -> Option<(usize, usize, usize, usize)> {
    let green = |x: usize, y: usize| rgb.get((y * width + x) * 3 + 1).copied().unwrap_or(0);
    let flat = |values: &mut dyn Iterator<Item = u8>| {
        let (low, high) = values.fold((u8::MAX, 0), |(low, high), v| (low.min(v), high.max(v)));
        high.saturating_sub(low) <= MAX_BORDER_RANGE
    };
    let row = |y: &usize| flat(&mut (0..width).map(|x| green(x, *y)));
    let column = |x: &usize| flat(&mut (0..height).map(|y| green(*x, y)));
    let top = (0..height).take_while(row).count();
    let bottom = height - (top..height).rev().take_while(row).count();
    let left = (0..width).take_while(column).count();
    let right = width - (left..width).rev().take_while(column).count();
    let border = top > 0 || left > 0 || bottom < height || right < width;
    let enough = |inside: usize, whole: usize| INSIDE_SHARE * inside >= whole;
    let fits = enough(bottom - top, height) && enough(right - left, width);
    (border && fits).then_some((left, top, right, bottom))
}

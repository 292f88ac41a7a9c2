//! Outlines of the regions that a data set marks in its images. Each kind of region has a number and a colour, so that a
//! legend can name it even without colours.

use ratatui::style::Color;

use super::palette::colour;
use super::view_transform::VisiblePart;
use rounds_imaging::ColourDepth;

/// A marked region, in pixels of the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MarkedBox {
    pub left: u32,
    pub top: u32,
    pub width: u32,
    pub height: u32,
    /// Which kind of region it is, from 0: regions of one name have one number.
    pub kind: usize,
}

/// Whether all regions lie inside an image of this size. If not, they were marked in a larger copy of it, and drawing any
/// of them here would point to the wrong place.
pub fn all_inside(boxes: &[MarkedBox], width: u32, height: u32) -> bool {
    let inside = |start: u32, length: u32, end: u32| {
        u64::from(start) + u64::from(length) <= u64::from(end) + 1
    };
    boxes.iter().all(|marked| {
        inside(marked.left, marked.width, width) && inside(marked.top, marked.height, height)
    })
}

/// Colours that stand out from grey tissue, as RGB and among the 16 colours.
const COLOURS: [([u8; 3], Color); 6] = [
    ([255, 220, 40], Color::LightYellow),
    ([60, 220, 255], Color::LightCyan),
    ([255, 120, 255], Color::LightMagenta),
    ([120, 255, 120], Color::LightGreen),
    ([255, 110, 110], Color::LightRed),
    ([130, 160, 255], Color::LightBlue),
];

fn pair(kind: usize) -> ([u8; 3], Color) {
    COLOURS
        .get(kind % COLOURS.len())
        .copied()
        .unwrap_or(([255; 3], Color::White))
}

/// The colour of a kind of region as RGB.
pub fn outline_rgb(kind: usize) -> [u8; 3] {
    pair(kind).0
}

/// The colour of a kind of region in the terminal.
pub fn outline_colour(kind: usize, depth: ColourDepth) -> Color {
    match depth {
        ColourDepth::Ansi16 => pair(kind).1,
        _ => colour(pair(kind).0, depth),
    }
}

/// The character that stands for a kind of region: its number from 1, or an asterisk from the tenth on.
pub fn outline_letter(kind: usize) -> char {
    u32::try_from(kind + 1)
        .ok()
        .and_then(|number| char::from_digit(number, 10))
        .unwrap_or('*')
}

/// A marked region on the screen, in pixels of the rendered image; parts of it may lie outside.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outline {
    left: i64,
    top: i64,
    right: i64,
    bottom: i64,
    pub kind: usize,
}

impl Outline {
    /// Where a region lies when `part` of the image is drawn with `width` by `height` pixels.
    pub fn new(marked: &MarkedBox, part: VisiblePart, width: u32, height: u32) -> Self {
        let place = |at: u64, start: u32, visible: u32, pixels: u32| {
            let scale = f64::from(pixels) / f64::from(visible.max(1));
            ((at as f64 - f64::from(start)) * scale).floor() as i64
        };
        let x = |at| place(at, part.left, part.across, width);
        let y = |at| place(at, part.top, part.down, height);
        let (left, top) = (u64::from(marked.left), u64::from(marked.top));
        Self {
            left: x(left),
            top: y(top),
            right: x(left + u64::from(marked.width)),
            bottom: y(top + u64::from(marked.height)),
            kind: marked.kind,
        }
    }

    /// The pixels of its lines, `thick` wide, that lie inside `width` by `height`.
    pub fn points(&self, width: u32, height: u32, thick: u32) -> Vec<(u32, u32)> {
        let (x_end, y_end) = (i64::from(width), i64::from(height));
        let thick = i64::from(thick.max(1));
        let mut points = Vec::new();
        let mut add = |x: i64, y: i64| {
            if (0..x_end).contains(&x)
                && (0..y_end).contains(&y)
                && let (Ok(x), Ok(y)) = (u32::try_from(x), u32::try_from(y))
            {
                points.push((x, y));
            }
        };
        for inward in 0..thick {
            for x in self.left.max(0)..=self.right.min(x_end) {
                add(x, self.top + inward);
                add(x, self.bottom - inward);
            }
            for y in self.top.max(0)..=self.bottom.min(y_end) {
                add(self.left + inward, y);
                add(self.right - inward, y);
            }
        }
        points
    }

    /// Its upper left corner, if that lies inside `width` by `height`.
    pub fn corner(&self, width: u32, height: u32) -> Option<(u32, u32)> {
        let (x, y) = (
            u32::try_from(self.left).ok()?,
            u32::try_from(self.top).ok()?,
        );
        (x < width && y < height).then_some((x, y))
    }
}

/// The digits 1 to 9 and an asterisk, three by five pixels, a row of three bits at a time from the top.
const DIGITS: [u16; 10] = [
    0b010_110_010_010_111,
    0b111_001_111_100_111,
    0b111_001_111_001_111,
    0b101_101_111_001_001,
    0b111_100_111_001_111,
    0b111_100_111_101_111,
    0b111_001_001_010_010,
    0b111_101_111_101_111,
    0b111_101_111_001_111,
    0b000_101_010_101_000,
];

/// The pixels of the number of a kind of region, from (0, 0), magnified by `scale`.
pub fn number_points(kind: usize, scale: u32) -> Vec<(u32, u32)> {
    let bits = DIGITS.get(kind.min(9)).copied().unwrap_or_default();
    let set = (0..15_u32).filter(|at| bits >> (14 - at) & 1 == 1);
    set.flat_map(|at| {
        let (left, top) = (at % 3 * scale, at / 3 * scale);
        (0..scale * scale).map(move |n| (left + n % scale.max(1), top + n / scale.max(1)))
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::terminal_image::ViewTransform;

    const MARKED: MarkedBox = MarkedBox {
        left: 20,
        top: 10,
        width: 40,
        height: 20,
        kind: 0,
    };

    fn outline(transform: ViewTransform, width: u32, height: u32) -> Outline {
        let part = transform.visible_part(100, 50, width, height);
        Outline::new(&MARKED, part, width, height)
    }

    #[test]
    fn a_box_is_drawn_where_it_is_in_the_image() {
        let points = outline(ViewTransform::default(), 200, 100).points(200, 100, 1);
        assert!(points.contains(&(40, 20)) && points.contains(&(120, 60)));
        assert!(points.contains(&(80, 20)) && points.contains(&(40, 40)));
        assert!(!points.contains(&(80, 40)), "it is not filled");
    }

    #[test]
    fn a_box_moves_and_grows_with_the_zoom() {
        let mut transform = ViewTransform::default();
        (0..4).for_each(|_| transform.zoom(1));
        let before = outline(ViewTransform::default(), 200, 100);
        let after = outline(transform, 200, 100);
        assert!(after.right - after.left > 2 * (before.right - before.left));
    }

    #[test]
    fn points_stay_inside_the_screen_whatever_the_box_is() {
        for marked in [
            MARKED,
            MarkedBox {
                left: u32::MAX,
                width: u32::MAX,
                ..MARKED
            },
            MarkedBox {
                left: 0,
                top: 0,
                width: u32::MAX,
                height: u32::MAX,
                kind: 99,
            },
            MarkedBox {
                width: 0,
                height: 0,
                ..MARKED
            },
        ] {
            let part = ViewTransform::default().visible_part(100, 50, 30, 15);
            let points = Outline::new(&marked, part, 30, 15).points(30, 15, 3);
            assert!(points.iter().all(|(x, y)| *x < 30 && *y < 15), "{marked:?}");
        }
    }

    #[test]
    fn regions_of_a_larger_copy_do_not_fit() {
        assert!(all_inside(&[], 1, 1));
        assert!(all_inside(&[MARKED], 60, 30));
        let far = MarkedBox {
            left: u32::MAX,
            ..MARKED
        };
        assert!(!all_inside(&[MARKED, far], 60, 30));
        assert!(!all_inside(&[MARKED], 50, 30));
    }

    #[test]
    fn kinds_are_numbered_from_one() {
        assert_eq!([0, 8, 9, 40].map(outline_letter), ['1', '9', '*', '*']);
        assert_eq!(number_points(0, 1).len(), 8);
        assert_eq!(number_points(0, 2).len(), 32);
        assert!(number_points(500, 0).is_empty());
    }
}

//! A picture out of characters, for terminals that cannot show images.
//!
//! A cell shows two pixels, one above the other, by a half block in two colours; without colours it shows one character
//! of a ramp. The only escape sequences made here are colour changes, and every line ends with a reset.

use super::Picture;

/// How many colours a terminal shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColourDepth {
    /// None: characters only.
    None,
    /// The 16 colours of old terminals.
    Ansi16,
    /// The palette of 256.
    Ansi256,
    /// 24 bits.
    True,
}

/// From dark to bright.
const RAMP: [char; 10] = [' ', '.', ':', '-', '=', '+', '*', '#', '%', '@'];

/// The usual values of the 16 colours (xterm's).
const SIXTEEN: [[u8; 3]; 16] = [
    [0, 0, 0],
    [205, 0, 0],
    [0, 205, 0],
    [205, 205, 0],
    [0, 0, 238],
    [205, 0, 205],
    [0, 205, 205],
    [229, 229, 229],
    [127, 127, 127],
    [255, 0, 0],
    [0, 255, 0],
    [255, 255, 0],
    [92, 92, 255],
    [255, 0, 255],
    [0, 255, 255],
    [255, 255, 255],
];

/// Draws `picture` as large as fits in `columns` by `rows` cells, keeping its shape (a cell is one pixel wide and two
/// high). One string a line, without newlines. Empty if there is no room.
pub fn half_blocks(picture: &Picture, columns: u16, rows: u16, colour: ColourDepth) -> Vec<String> {
    let enough =
        picture.rgb.len() as u64 >= u64::from(picture.width) * u64::from(picture.height) * 3;
    if columns == 0 || rows == 0 || picture.width == 0 || picture.height == 0 || !enough {
        return Vec::new();
    }
    let (width, height) = fit(
        picture.width,
        picture.height,
        usize::from(columns),
        usize::from(rows) * 2,
    );
    let pixels = shrink(picture, width, height);
    let row = |y: usize| pixels.get(y * width..(y + 1) * width);
    (0..height)
        .step_by(2)
        .filter_map(|y| Some((row(y)?, row(y + 1))))
        .map(|(upper, lower)| match colour {
            ColourDepth::None => ramp_line(upper, lower),
            _ => colour_line(upper, lower, colour),
        })
        .collect()
}

/// The largest size of the same shape inside `columns` by `lines`, at least 1 by 1.
fn fit(width: u32, height: u32, columns: usize, lines: usize) -> (usize, usize) {
    let scale = (columns as f64 / f64::from(width)).min(lines as f64 / f64::from(height));
    let side =
        |length: u32, most: usize| ((f64::from(length) * scale).round() as usize).clamp(1, most);
    (side(width, columns), side(height, lines))
}

/// The average colour of each part of the picture, row-major.
fn shrink(picture: &Picture, width: usize, height: usize) -> Vec<[u8; 3]> {
    let (w, h) = (picture.width as usize, picture.height as usize);
    let part = |i: usize, length: usize, parts: usize| {
        let start = i * length / parts;
        start..((i + 1) * length).div_ceil(parts).max(start + 1)
    };
    let mut pixels = Vec::with_capacity(width * height);
    for y in 0..height {
        for x in 0..width {
            let (across, down) = (part(x, w, width), part(y, h, height));
            let count = (across.len() * down.len()) as u64;
            let mut sums = [count / 2; 3];
            for line in down {
                let samples =
                    &picture.rgb[(line * w + across.start) * 3..(line * w + across.end) * 3];
                for pixel in samples.chunks_exact(3) {
                    sums.iter_mut()
                        .zip(pixel)
                        .for_each(|(sum, &sample)| *sum += u64::from(sample));
                }
            }
            pixels.push(sums.map(|sum| (sum / count) as u8));
        }
    }
    pixels
}

fn ramp_line(upper: &[[u8; 3]], lower: Option<&[[u8; 3]]>) -> String {
    let lower = lower.unwrap_or(upper);
    upper
        .iter()
        .zip(lower)
        .map(|(&above, &below)| {
            RAMP[(luma(above) + luma(below)) as usize * RAMP.len() / (2 * 255 + 1)]
        })
        .collect()
}

/// Brightness of 0 to 255, by the weights of ITU-R BT.601.
fn luma([red, green, blue]: [u8; 3]) -> u32 {
    (u32::from(red) * 299 + u32::from(green) * 587 + u32::from(blue) * 114) / 1000
}

fn colour_line(upper: &[[u8; 3]], lower: Option<&[[u8; 3]]>, depth: ColourDepth) -> String {
    let mut line = String::new();
    let mut last = None;
    for (x, &above) in upper.iter().enumerate() {
        let below = lower.and_then(|row| row.get(x)).copied();
        if last != Some((above, below)) {
            let background = below.map_or("49".to_owned(), |pixel| code(pixel, depth, true));
            line.push_str(&format!("\x1B[{};{background}m", code(above, depth, false)));
            last = Some((above, below));
        }
        line.push('▀');
    }
    line.push_str("\x1B[0m");
    line
}

/// The SGR parameters that choose the nearest colour to `pixel`.
fn code(pixel: [u8; 3], depth: ColourDepth, background: bool) -> String {
    let [red, green, blue] = pixel;
    let plane = if background { 48 } else { 38 };
    match depth {
        ColourDepth::None => if background { "49" } else { "39" }.to_owned(),
        ColourDepth::True => format!("{plane};2;{red};{green};{blue}"),
        ColourDepth::Ansi256 => format!("{plane};5;{}", palette_of_256(pixel)),
        ColourDepth::Ansi16 => {
            let nearest = (0..16)
                .min_by_key(|&i| distance(SIXTEEN[i], pixel))
                .unwrap_or(0);
            let first = if nearest < 8 { 30 } else { 90 - 8 };
            (first + nearest + if background { 10 } else { 0 }).to_string()
        }
    }
}

/// The nearest of the 6x6x6 cube and the 24 greys.
fn palette_of_256(pixel: [u8; 3]) -> usize {
    const LEVELS: [u8; 6] = [0, 95, 135, 175, 215, 255];
    let steps = pixel.map(|sample| {
        (0..6)
            .min_by_key(|&i| LEVELS[i].abs_diff(sample))
            .unwrap_or(0)
    });
    let mean = pixel
        .iter()
        .map(|&sample| usize::from(sample))
        .sum::<usize>()
        / 3;
    let grey = (mean.saturating_sub(3) / 10).min(23);
    let cube_distance = distance(steps.map(|step| LEVELS[step]), pixel);
    let grey_distance = distance([(8 + 10 * grey) as u8; 3], pixel);
    if grey_distance < cube_distance {
        232 + grey
    } else {
        16 + 36 * steps[0] + 6 * steps[1] + steps[2]
    }
}

fn distance(a: [u8; 3], b: [u8; 3]) -> u32 {
    a.iter()
        .zip(b)
        .map(|(&x, y)| u32::from(x.abs_diff(y)).pow(2))
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SourceInfo;

    fn picture(width: u32, height: u32, rgb: Vec<u8>) -> Picture {
        Picture {
            beside: super::super::Beside::default(),
            width,
            height,
            rgb,
            source: SourceInfo::unknown(),
        }
    }

    #[test]
    fn a_cell_shows_the_upper_pixel_in_front_of_the_lower() {
        let lines = half_blocks(
            &picture(1, 2, vec![255, 0, 0, 0, 0, 255]),
            1,
            1,
            ColourDepth::True,
        );
        assert_eq!(lines, ["\x1B[38;2;255;0;0;48;2;0;0;255m▀\x1B[0m"]);
        let lines = half_blocks(
            &picture(1, 2, vec![255, 0, 0, 0, 0, 255]),
            1,
            1,
            ColourDepth::Ansi256,
        );
        assert_eq!(lines, ["\x1B[38;5;196;48;5;21m▀\x1B[0m"]);
        let lines = half_blocks(
            &picture(1, 2, vec![255, 0, 0, 0, 0, 0]),
            1,
            1,
            ColourDepth::Ansi16,
        );
        assert_eq!(lines, ["\x1B[91;40m▀\x1B[0m"]);
    }

    #[test]
    fn without_colours_brightness_becomes_characters_and_no_escape_is_made() {
        let rgb: Vec<u8> = (0..10).flat_map(|i| [(i * 28) as u8; 3]).collect();
        let lines = half_blocks(&picture(10, 1, rgb), 10, 1, ColourDepth::None);
        assert_eq!(lines, [" .:-=+*#%@".to_owned()]);
    }

    #[test]
    fn the_shape_is_kept_whichever_side_is_short_of_room() {
        let wide = picture(200, 100, vec![0; 200 * 100 * 3]);
        let lines = half_blocks(&wide, 40, 40, ColourDepth::None);
        assert_eq!((lines.len(), lines[0].chars().count()), (10, 40));
        let lines = half_blocks(&wide, 100, 5, ColourDepth::None);
        assert_eq!((lines.len(), lines[0].chars().count()), (5, 20));
        let strip = picture(500, 1, vec![0; 1500]);
        assert_eq!(half_blocks(&strip, 20, 20, ColourDepth::True).len(), 1);
        assert!(half_blocks(&wide, 0, 5, ColourDepth::True).is_empty());
    }

    #[test]
    fn a_part_is_averaged() {
        let rgb = [0, 100, 0, 100, 100, 200, 100, 200]
            .iter()
            .flat_map(|&grey| [grey; 3])
            .collect();
        let lines = half_blocks(&picture(2, 4, rgb), 1, 1, ColourDepth::True);
        assert_eq!(lines, ["\x1B[38;2;50;50;50;48;2;150;150;150m▀\x1B[0m"]);
    }
}

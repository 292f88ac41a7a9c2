//! The nearest colours that a terminal has. With 16 colours the error of every pixel is passed on to its neighbours, or a
//! film would be a few flat greys.

use image::RgbImage;
use ratatui::style::Color;

use rounds_imaging::ColourDepth;

/// Channel levels of the colour cube in the 256-colour palette.
const CUBE: [u8; 6] = [0, 95, 135, 175, 215, 255];
/// The 16 colours as most terminals show them, greys first.
const SIXTEEN: [([u8; 3], Color); 16] = [
    ([0, 0, 0], Color::Black),
    ([110, 110, 110], Color::DarkGray),
    ([190, 190, 190], Color::Gray),
    ([255, 255, 255], Color::White),
    ([200, 40, 40], Color::Red),
    ([40, 180, 40], Color::Green),
    ([200, 180, 40], Color::Yellow),
    ([50, 70, 210], Color::Blue),
    ([190, 50, 190], Color::Magenta),
    ([40, 180, 190], Color::Cyan),
    ([255, 110, 110], Color::LightRed),
    ([110, 255, 110], Color::LightGreen),
    ([255, 255, 110], Color::LightYellow),
    ([120, 140, 255], Color::LightBlue),
    ([255, 120, 255], Color::LightMagenta),
    ([110, 255, 255], Color::LightCyan),
];
/// The greys among them.
const GREYS: usize = 4;
/// Pixels with less colour than this are drawn in greys: compression tints grey films.
const MAX_GREY_CHROMA: u8 = 60;

/// The brightness of a pixel.
pub fn grey([red, green, blue]: [u8; 3]) -> u32 {
    (299 * u32::from(red) + 587 * u32::from(green) + 114 * u32::from(blue)) / 1000
}

/// The colours of all pixels, row by row.
pub fn colours(pixels: &RgbImage, depth: ColourDepth) -> Vec<Color> {
    match depth {
        ColourDepth::Ansi16 => dithered(pixels),
        _ => pixels.pixels().map(|p| colour(p.0, depth)).collect(),
    }
}

/// The nearest colour of one pixel.
pub fn colour(pixel: [u8; 3], depth: ColourDepth) -> Color {
    let [red, green, blue] = pixel;
    match depth {
        ColourDepth::None => Color::Reset,
        ColourDepth::True => Color::Rgb(red, green, blue),
        ColourDepth::Ansi256 => Color::Indexed(palette256(pixel)),
        ColourDepth::Ansi16 => nearest16(pixel, pixel.map(f32::from)).1,
    }
}

/// Difference between the largest and smallest channel: small for greys.
fn chroma(pixel: [u8; 3]) -> u8 {
    let max = pixel.iter().max().copied().unwrap_or(0);
    max - pixel.iter().min().copied().unwrap_or(0)
}

fn palette256(pixel: [u8; 3]) -> u8 {
    if chroma(pixel) < 12 {
        // 24 greys from 8 to 238.
        let bright = grey(pixel);
        return match bright {
            0..4 => 16,
            247.. => 231,
            _ => 232 + ((bright.saturating_sub(3)) / 10).min(23) as u8,
        };
    }
    let step = |value: u8| {
        let nearest = CUBE
            .iter()
            .enumerate()
            .min_by_key(|(_, level)| level.abs_diff(value));
        nearest.map_or(0, |(at, _)| at as u8)
    };
    let [red, green, blue] = pixel.map(step);
    16 + 36 * red + 6 * green + blue
}

/// Floyd and Steinberg's error diffusion to the 16 colours (An Adaptive Algorithm for Spatial Greyscale, 1976).
fn dithered(pixels: &RgbImage) -> Vec<Color> {
    let width = pixels.width() as usize;
    let mut colours = Vec::with_capacity(width * pixels.height() as usize);
    // One more on each side, for the errors that fall off the edges.
    let blank = vec![[0.0_f32; 3]; width + 2];
    let mut below = blank.clone();
    for row in pixels.rows() {
        let mut here = std::mem::replace(&mut below, blank.clone());
        for (x, pixel) in row.enumerate() {
            let carried = here.get(x + 1).copied().unwrap_or_default();
            let wanted = add(pixel.0.map(f32::from), carried, 1.0).map(|v| v.clamp(0.0, 255.0));
            let (error, colour) = nearest16(pixel.0, wanted);
            pass_on(&mut here, x + 2, error, 7.0);
            pass_on(&mut below, x, error, 3.0);
            pass_on(&mut below, x + 1, error, 5.0);
            pass_on(&mut below, x + 2, error, 1.0);
            colours.push(colour);
        }
    }
    colours
}

/// Adds sixteenths of an error to what a pixel was left.
fn pass_on(line: &mut [[f32; 3]], at: usize, error: [f32; 3], sixteenths: f32) {
    if let Some(sum) = line.get_mut(at) {
        *sum = add(*sum, error, sixteenths / 16.0);
    }
}

fn add(to: [f32; 3], what: [f32; 3], times: f32) -> [f32; 3] {
    let [red, green, blue] = to;
    let [more_red, more_green, more_blue] = what;
    [
        red + more_red * times,
        green + more_green * times,
        blue + more_blue * times,
    ]
}

/// The nearest of the 16 colours, and how far `wanted` is from it. A grey pixel stays grey, whatever its neighbours left.
fn nearest16(pixel: [u8; 3], wanted: [f32; 3]) -> ([f32; 3], Color) {
    let is_grey = chroma(pixel) < MAX_GREY_CHROMA;
    let wanted = match (is_grey, wanted) {
        (true, [red, green, blue]) => [0.299 * red + 0.587 * green + 0.114 * blue; 3],
        (false, wanted) => wanted,
    };
    let choice = if is_grey { GREYS } else { SIXTEEN.len() };
    let error = |level: [u8; 3]| add(wanted, level.map(f32::from), -1.0);
    let distance = |level: [u8; 3]| error(level).iter().map(|e| e * e).sum::<f32>();
    SIXTEEN
        .iter()
        .take(choice)
        .min_by(|(one, _), (two, _)| distance(*one).total_cmp(&distance(*two)))
        .map_or(([0.0; 3], Color::Reset), |(level, colour)| {
            (error(*level), *colour)
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Rgb;

    fn level(colour: Color) -> f32 {
        let known = SIXTEEN.iter().find(|(_, known)| *known == colour).unwrap();
        grey(known.0) as f32
    }

    #[test]
    fn sixteen_colours_keep_the_brightness_of_every_grey() {
        for bright in (0..=255).step_by(15) {
            let flat = RgbImage::from_pixel(32, 32, Rgb([bright; 3]));
            let colours = colours(&flat, ColourDepth::Ansi16);
            let mean = colours.iter().map(|c| level(*c)).sum::<f32>() / colours.len() as f32;
            assert!((mean - f32::from(bright)).abs() < 6.0, "{bright}: {mean}");
        }
    }

    #[test]
    fn a_soft_gradient_is_not_drawn_as_flat_bands() {
        let gradient = RgbImage::from_fn(64, 8, |x, _| Rgb([110 + x as u8; 3]));
        let colours = colours(&gradient, ColourDepth::Ansi16);
        let middle = &colours[20..44];
        assert!(middle.contains(&Color::DarkGray) && middle.contains(&Color::Gray));
    }

    #[test]
    fn a_tinted_film_stays_grey_and_a_stain_stays_coloured() {
        let film = RgbImage::from_fn(16, 16, |x, y| Rgb([120 + (x * y) as u8 % 40, 120, 130]));
        let greys: Vec<Color> = SIXTEEN.iter().take(GREYS).map(|(_, c)| *c).collect();
        assert!(
            colours(&film, ColourDepth::Ansi16)
                .iter()
                .all(|c| greys.contains(c))
        );
        let stain = RgbImage::from_pixel(16, 16, Rgb([230, 120, 190]));
        assert!(
            colours(&stain, ColourDepth::Ansi16)
                .iter()
                .any(|c| !greys.contains(c))
        );
    }
}

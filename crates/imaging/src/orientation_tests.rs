//! Files of every format that can state an orientation, made here, in all eight of them.

use std::io::Cursor;

use ::tiff::encoder::colortype::{self, ColorType};
use ::tiff::encoder::{TiffEncoder, TiffValue};
use ::tiff::tags::Tag;
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::codecs::webp::WebPEncoder;
use image::{DynamicImage, ImageEncoder, ImageFormat};

use super::*;
use crate::{decode, decode_as_reference};

const WIDTH: u32 = 48;
const HEIGHT: u32 = 32;
/// Side of the plain squares of the image, which JPEG keeps.
const BLOCK: u32 = 16;

/// A level for each square, all different.
fn level(x: u32, y: u32) -> u8 {
    (20 + 35 * (x / BLOCK + WIDTH / BLOCK * (y / BLOCK))) as u8
}

/// One value for each pixel as stored, row by row.
fn stored<T>(value: impl Fn(u8) -> T) -> Vec<T> {
    let pixels = (0..HEIGHT).flat_map(|y| (0..WIDTH).map(move |x| (x, y)));
    pixels.map(|(x, y)| value(level(x, y))).collect()
}

/// Where a stored pixel is seen in an upright image, by the definition of the tag: for each value, the side at which the first
/// row and the first column are seen.
fn seen_at(exif: u8, (x, y): (u32, u32)) -> (u32, u32) {
    let (from_right, from_bottom) = (WIDTH - 1 - x, HEIGHT - 1 - y);
    match exif {
        2 => (from_right, y),
        3 => (from_right, from_bottom),
        4 => (x, from_bottom),
        5 => (y, x),
        6 => (from_bottom, x),
        7 => (from_bottom, from_right),
        8 => (y, from_right),
        _ => (x, y),
    }
}

/// The same pixels in an upright image, and its size.
fn upright<T: Clone>(exif: u8, stored: &[T]) -> (u32, u32, Vec<T>) {
    let (width, height) = match exif {
        5..=8 => (HEIGHT, WIDTH),
        _ => (WIDTH, HEIGHT),
    };
    let mut pixels = stored.to_vec();
    for (at, value) in (0..).zip(stored) {
        let (x, y) = seen_at(exif, (at % WIDTH, at / WIDTH));
        pixels[(y * width + x) as usize] = value.clone();
    }
    (width, height, pixels)
}

/// EXIF data that states an orientation, in either byte order.
fn exif_chunk(exif: u8, little_endian: bool) -> Vec<u8> {
    let short = |value: u16| match little_endian {
        true => value.to_le_bytes(),
        false => value.to_be_bytes(),
    };
    let long = |value: u32| match little_endian {
        true => value.to_le_bytes(),
        false => value.to_be_bytes(),
    };
    let mut chunk = if little_endian { *b"II" } else { *b"MM" }.to_vec();
    chunk.extend(short(42));
    chunk.extend(long(8));
    chunk.extend(short(1));
    chunk.extend([short(0x112), short(3)].concat());
    chunk.extend(long(1));
    chunk.extend([short(u16::from(exif)), short(0)].concat());
    chunk.extend(long(0));
    chunk
}

fn with_exif(mut encoder: impl ImageEncoder, chunk: Vec<u8>, image: &DynamicImage) {
    encoder.set_exif_metadata(chunk).unwrap();
    let (width, height) = (image.width(), image.height());
    let colour = image.color().into();
    encoder
        .write_image(image.as_bytes(), width, height, colour)
        .unwrap();
}

fn png(chunk: Vec<u8>, image: &DynamicImage) -> Vec<u8> {
    let mut content = Vec::new();
    with_exif(PngEncoder::new(&mut content), chunk, image);
    content
}

fn webp(chunk: Vec<u8>, image: &DynamicImage) -> Vec<u8> {
    let mut content = Vec::new();
    with_exif(WebPEncoder::new_lossless(&mut content), chunk, image);
    content
}

fn jpeg(chunk: Vec<u8>, image: &DynamicImage) -> Vec<u8> {
    let mut content = Vec::new();
    let encoder = JpegEncoder::new_with_quality(&mut content, 100);
    with_exif(encoder, chunk, image);
    content
}

fn tagged<C: ColorType>(exif: u8, samples: &[C::Inner], colours: Option<&[u16]>) -> Vec<u8>
where
    [C::Inner]: TiffValue,
{
    let mut content = Cursor::new(Vec::new());
    let mut encoder = TiffEncoder::new(&mut content).unwrap();
    let mut image = encoder.new_image::<C>(WIDTH, HEIGHT).unwrap();
    let tags = image.encoder();
    tags.write_tag(Tag::Orientation, u16::from(exif)).unwrap();
    if let Some(colours) = colours {
        tags.write_tag(Tag::ColorMap, colours).unwrap();
    }
    image.write_data(samples).unwrap();
    content.into_inner()
}

fn rgb(level: u8) -> [u8; 3] {
    [level, level / 2, 255 - level]
}

fn coloured() -> DynamicImage {
    let buffer = ImageBuffer::from_raw(WIDTH, HEIGHT, stored(rgb).concat());
    DynamicImage::ImageRgb8(buffer.unwrap())
}

#[track_caller]
fn assert_upright(content: &[u8], exif: u8, tolerance: u8) {
    let (width, height, pixels) = upright(exif, &stored(rgb));
    let image = decode(content, "a").unwrap();
    assert_eq!((image.width, image.height), (width, height), "{exif}");
    let apart = image.rgb.iter().zip(pixels.as_flattened());
    let apart = apart.map(|(found, wanted)| found.abs_diff(*wanted)).max();
    assert!(apart.unwrap() <= tolerance, "{exif}: {apart:?} apart");
}

#[test]
fn an_image_of_any_orientation_is_shown_upright_whatever_its_format() {
    for exif in 1..=8 {
        for little_endian in [true, false] {
            let chunk = || exif_chunk(exif, little_endian);
            assert_upright(&png(chunk(), &coloured()), exif, 0);
            assert_upright(&webp(chunk(), &coloured()), exif, 0);
            assert_upright(&jpeg(chunk(), &coloured()), exif, 4);
        }
        let samples = stored(rgb).concat();
        assert_upright(&tagged::<colortype::RGB8>(exif, &samples, None), exif, 0);
    }
}

#[test]
fn a_reference_pipeline_sees_the_image_as_it_is_stored() {
    let chunk = exif_chunk(6, true);
    let image = decode_as_reference(&png(chunk, &coloured()), "a").unwrap();
    assert_eq!((image.width, image.height), (WIDTH, HEIGHT));
    assert_eq!(image.rgb, stored(rgb).concat());
}

#[test]
fn everything_known_of_a_pixel_is_turned_with_it() {
    let two = |level: u8| [level, 255 - level];
    let inks = |level: u8| [level, 0, 9, 255 - level];
    let deep = |level: u8| u16::from(level) * 257;
    let real = |level: u8| f32::from(level) / 255.0;
    for exif in 2..=8 {
        let chunk = || exif_chunk(exif, true);
        let buffer = ImageBuffer::from_raw(WIDTH, HEIGHT, stored(two).concat());
        let clear = DynamicImage::ImageLumaA8(buffer.unwrap());
        let image = decode(&png(chunk(), &clear), "a").unwrap();
        let (.., alpha) = upright(exif, &stored(|level| 255 - level));
        assert_eq!(image.extras.alpha, Some(alpha), "{exif}");

        let buffer = ImageBuffer::from_raw(WIDTH, HEIGHT, stored(deep));
        let grey = DynamicImage::ImageLuma16(buffer.unwrap());
        let image = decode(&png(chunk(), &grey), "a").unwrap();
        let (.., samples) = upright(exif, &stored(deep));
        let wanted = Some(HighBitGrey::U16(samples));
        assert_eq!(image.extras.high_bit_grey, wanted, "{exif}");

        let floats = tagged::<colortype::Gray32Float>(exif, &stored(real), None);
        let image = decode(&floats, "a").unwrap();
        let (.., samples) = upright(exif, &stored(real));
        let wanted = Some(HighBitGrey::F32(samples));
        assert_eq!(image.extras.high_bit_grey, wanted, "{exif}");

        let printed = tagged::<colortype::CMYK8>(exif, &stored(inks).concat(), None);
        let image = decode(&printed, "a").unwrap();
        let (width, height, samples) = upright(exif, &stored(inks));
        assert_eq!(image.extras.cmyk, Some(samples.concat()), "{exif}");
        assert_eq!((image.width, image.height), (width, height));
        assert_eq!(image.rgb, crate::pixels::cmyk_to_rgb(&samples.concat()));
    }
}

#[test]
fn a_palette_tiff_is_shown_upright() {
    let colours: Vec<u16> = (0..3)
        .flat_map(|channel| (0..=255).map(move |index| u16::from(rgb(index)[channel]) << 8))
        .collect();
    for exif in 1..=8 {
        let mut content = tagged::<colortype::Gray8>(exif, &stored(|level| level), Some(&colours));
        let directory = u32::from_le_bytes(content[4..8].try_into().unwrap()) as usize;
        let entries = usize::from(content[directory]);
        let photometric = (0..entries)
            .map(|entry| directory + 2 + 12 * entry)
            .find(|at| content[*at..*at + 2] == 262_u16.to_le_bytes());
        content[photometric.unwrap() + 8] = 3;
        assert_upright(&content, exif, 0);
    }
}

#[test]
fn exif_data_behind_the_pixels_or_with_a_prefix_is_found() {
    let mut content = png(exif_chunk(6, false), &coloured());
    let at = content.windows(4).position(|w| w == b"eXIf").unwrap() - 4;
    let length = content[at + 3] as usize + PNG_CHUNK;
    let chunk: Vec<u8> = content.drain(at..at + length).collect();
    let end = content.len() - PNG_CHUNK;
    content.splice(end..end, chunk);
    assert_upright(&content, 6, 0);
    let prefixed = [EXIF_PREFIX, &exif_chunk(8, true)].concat();
    assert_upright(&webp(prefixed, &coloured()), 8, 0);
}

#[test]
fn an_unreadable_orientation_leaves_the_image_as_it_is() {
    for chunk in [exif_chunk(0, true), exif_chunk(9, true), b"II*\0".to_vec()] {
        assert_upright(&png(chunk.clone(), &coloured()), 1, 0);
        assert_upright(&webp(chunk.clone(), &coloured()), 1, 0);
        assert_upright(&jpeg(chunk, &coloured()), 1, 4);
    }
    let mut content = Cursor::new(Vec::new());
    coloured().write_to(&mut content, ImageFormat::Bmp).unwrap();
    assert_upright(content.get_ref(), 1, 0);
}

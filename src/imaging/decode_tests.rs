//! Tests of decoding: each format, each refusal, and the collected crash files of other decoders.
//! Never loosen a limit here to make a file pass.

use super::*;
use image::{GrayImage, ImageBuffer, Luma, RgbImage, RgbaImage};

fn encoded(image: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
    let mut content = Cursor::new(Vec::new());
    let image: DynamicImage = image.into();
    image.write_to(&mut content, format).unwrap();
    content.into_inner()
}

fn gradient() -> RgbImage {
    RgbImage::from_fn(9, 7, |x, y| {
        image::Rgb([(x * 25) as u8, (y * 30) as u8, 128])
    })
}

#[test]
fn lossless_formats_give_back_every_pixel_whatever_the_name_says() {
    for (container, format) in [
        (ImageFormat::Png, Format::Png),
        (ImageFormat::WebP, Format::WebP),
        (ImageFormat::Tiff, Format::Tiff),
        (ImageFormat::Bmp, Format::Bmp),
    ] {
        let content = encoded(gradient(), container);
        let picture = decode(&content, "liar.txt").unwrap();
        assert_eq!((picture.width, picture.height), (9, 7), "{format:?}");
        assert_eq!(picture.rgb, gradient().into_raw(), "{format:?}");
        assert_eq!(picture.source.format, format);
        assert_eq!(picture.source.bytes, content.len() as u64);
        assert_eq!(picture.source.sha256, files::sha256_hex(&content));
    }
}

#[test]
fn jpeg_and_gif_are_read_as_what_they_are() {
    assert_eq!(
        decode(&encoded(gradient(), ImageFormat::Jpeg), "a")
            .unwrap()
            .source
            .format,
        Format::Jpeg
    );
    let rgba = RgbaImage::from_pixel(4, 4, image::Rgba([255, 0, 0, 255]));
    let picture = decode(&encoded(rgba, ImageFormat::Gif), "a").unwrap();
    assert_eq!(
        (picture.source.format, picture.rgb.len()),
        (Format::Gif, 48)
    );
}

#[test]
fn grey_alpha_and_sixteen_bits_become_rgb() {
    let grey = decode(
        &encoded(GrayImage::from_pixel(2, 1, Luma([9])), ImageFormat::Png),
        "a",
    )
    .unwrap();
    assert_eq!(
        (grey.rgb, grey.source.original_mode),
        (vec![9; 6], Mode::Grey)
    );
    let clear = RgbaImage::from_pixel(1, 1, image::Rgba([1, 2, 3, 0]));
    let clear = decode(&encoded(clear, ImageFormat::Png), "a").unwrap();
    assert_eq!(
        (clear.rgb, clear.source.original_mode),
        (vec![1, 2, 3], Mode::Rgba)
    );
    let deep: ImageBuffer<Luma<u16>, Vec<u16>> = ImageBuffer::from_pixel(1, 1, Luma([25_700]));
    let deep = decode(&encoded(deep, ImageFormat::Png), "a").unwrap();
    assert_eq!(
        (deep.rgb, deep.source.original_mode),
        (vec![100; 3], Mode::Grey16)
    );
}

#[test]
fn an_empty_file_and_a_file_of_another_kind_are_named() {
    assert_eq!(
        decode(b"", "e.png"),
        Err(ImagingError::Empty {
            name: "e.png".to_owned()
        })
    );
    let error = decode(b"%PDF-1.7", "a\x1B[31m.png").unwrap_err();
    assert_eq!(
        error.to_string(),
        "not a picture that can be read: a\u{FFFD}.png (it looks like PDF)"
    );
}

#[test]
fn a_cut_file_is_an_error() {
    for container in [ImageFormat::Png, ImageFormat::Tiff, ImageFormat::WebP] {
        let content = encoded(gradient(), container);
        assert!(
            decode(&content[..content.len() / 2], "cut").is_err(),
            "{container:?}"
        );
    }
}

#[test]
fn a_header_that_claims_too_much_is_refused_before_decoding() {
    let mut content = encoded(gradient(), ImageFormat::Bmp);
    content[18..22].copy_from_slice(&20_000_i32.to_le_bytes());
    content[22..26].copy_from_slice(&20_000_i32.to_le_bytes());
    let error = decode(&content, "bomb.bmp").unwrap_err();
    assert_eq!(
        error,
        ImagingError::TooLarge {
            name: "bomb.bmp".to_owned(),
            width: 20_000,
            height: 20_000
        }
    );
}

#[test]
fn no_malformed_file_panics_or_gives_a_picture_of_the_wrong_length() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/malformed-images");
    let mut folders = vec![folder];
    let mut count = 0;
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(folder)
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path())
        {
            if path.is_dir() {
                folders.push(path);
            } else if let Ok(picture) = load(&path) {
                assert_eq!(
                    picture.rgb.len(),
                    (picture.width * picture.height * 3) as usize,
                    "{}",
                    path.display()
                );
                count += 1;
            } else {
                count += 1;
            }
        }
    }
    println!("{count} files tried");
}

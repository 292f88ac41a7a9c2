//! Tests of decoding: each format, each refusal, and a collection of files that crashed other decoders.
//! Never loosen a limit here to make a file pass.

use super::*;
use image::{GrayImage, ImageBuffer, ImageFormat, Luma, RgbImage, RgbaImage};

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
fn lossless_formats_keep_every_pixel_whatever_the_file_name() {
    for (container, format) in [
        (ImageFormat::Png, Format::Png),
        (ImageFormat::WebP, Format::WebP),
        (ImageFormat::Tiff, Format::Tiff),
        (ImageFormat::Bmp, Format::Bmp),
    ] {
        let content = encoded(gradient(), container);
        let image = decode(&content, "liar.txt").unwrap();
        assert_eq!((image.width, image.height), (9, 7), "{format:?}");
        assert_eq!(image.rgb, gradient().into_raw(), "{format:?}");
        assert_eq!(image.source.format, format);
        assert_eq!(image.source.bytes, content.len() as u64);
        assert_eq!(image.source.sha256, files::sha256_hex(&content));
    }
}

#[test]
fn jpeg_and_gif_are_detected_from_their_content() {
    assert_eq!(
        decode(&encoded(gradient(), ImageFormat::Jpeg), "a")
            .unwrap()
            .source
            .format,
        Format::Jpeg
    );
    let rgba = RgbaImage::from_pixel(4, 4, image::Rgba([255, 0, 0, 255]));
    let image = decode(&encoded(rgba, ImageFormat::Gif), "a").unwrap();
    assert_eq!((image.source.format, image.rgb.len()), (Format::Gif, 48));
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
    let grey16: ImageBuffer<Luma<u16>, Vec<u16>> = ImageBuffer::from_pixel(1, 1, Luma([25_700]));
    let grey16 = decode(&encoded(grey16, ImageFormat::Png), "a").unwrap();
    assert_eq!(
        (grey16.rgb, grey16.source.original_mode),
        (vec![100; 3], Mode::Grey16)
    );
}

#[test]
fn an_empty_file_and_an_unsupported_one_are_reported_as_such() {
    assert_eq!(
        decode(b"", "e.png"),
        Err(ImagingError::Empty {
            name: "e.png".to_owned()
        })
    );
    let error = decode(b"%PDF-1.7", "a\x1B[31m.png").unwrap_err();
    assert_eq!(
        error.to_string(),
        "not a supported image: a\u{FFFD}.png (it looks like PDF)"
    );
}

#[test]
fn a_truncated_file_is_an_error() {
    for container in [ImageFormat::Png, ImageFormat::Tiff, ImageFormat::WebP] {
        let content = encoded(gradient(), container);
        assert!(
            decode(&content[..content.len() / 2], "cut").is_err(),
            "{container:?}"
        );
    }
}

#[test]
fn a_header_that_claims_a_huge_size_is_refused_before_decoding() {
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

/// All files in a folder and its subfolders; none if the folder is missing.
fn files_in(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.path() {
            path if path.is_dir() => files.extend(files_in(&path)),
            path => files.push(path),
        }
    }
    files
}

/// If decoding succeeded, the result must have three bytes per pixel.
#[track_caller]
fn assert_complete(read: Result<Image, ImagingError>, what: &str) {
    if let Ok(image) = read {
        let pixels = image.width as usize * image.height as usize;
        assert_eq!(image.rgb.len(), 3 * pixels, "{what}");
    }
}

#[test]
fn no_malformed_file_panics_or_decodes_to_the_wrong_length() {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    let malformed = files_in(&root.join("../shared/data/malformed-images"));
    println!("{} malformed files found", malformed.len());
    for path in malformed {
        assert_complete(load(&path), &path.display().to_string());
    }
    let golden = files_in(&root.join("tests/golden/pixels"));
    let is_image = |path: &&std::path::PathBuf| {
        let ending = path.extension().and_then(|ending| ending.to_str());
        !matches!(ending, Some("json" | "safetensors"))
    };
    let mut tried = 0;
    for path in golden.iter().filter(is_image) {
        let mut content = std::fs::read(path).unwrap();
        let name = path.display().to_string();
        // Every byte of the header, and a sample of the rest.
        let offsets = (0..content.len()).filter(|at| *at < 100 || at % 61 == 0);
        for at in offsets {
            let byte = content[at];
            for damaged in [byte ^ 0x01, byte ^ 0x80, 0xff] {
                content[at] = damaged;
                assert_complete(decode(&content, &name), &format!("{name}: byte {at}"));
            }
            content[at] = byte;
        }
        tried += 1;
    }
    assert!(tried > 40, "only {tried} images");
}

/// CMYK, palettes and greyscale floats: formats with decoders of our own.
const RARE: [(&str, Mode); 7] = [
    ("cmyk.jpg", Mode::Cmyk),
    ("ycck.jpg", Mode::Cmyk),
    ("cmyk.tiff", Mode::Cmyk),
    ("cmyk_planes.tiff", Mode::Cmyk),
    ("cmyk16.tiff", Mode::Cmyk),
    ("palette.tiff", Mode::Rgb),
    ("float.tiff", Mode::Float),
];

fn golden(name: &str) -> Vec<u8> {
    let folder =
        Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join("tests/golden/pixels");
    std::fs::read(folder.join(name)).unwrap()
}

#[test]
fn rare_formats_decode_and_truncated_ones_are_complete_or_refused() {
    for (name, mode) in RARE {
        let content = golden(name);
        let image = decode(&content, name).unwrap();
        let pixels = (image.width * image.height) as usize;
        assert_eq!(image.source.original_mode, mode, "{name}");
        let cmyk = image.extras.cmyk.map(|cmyk| cmyk.len());
        assert_eq!(cmyk, (mode == Mode::Cmyk).then_some(4 * pixels), "{name}");
        assert_eq!(
            image.extras.high_bit_grey.is_some(),
            mode == Mode::Float,
            "{name}"
        );
        assert_eq!(image.extras.indexed, mode == Mode::Rgb, "{name}");
        for length in (0..content.len()).step_by(7) {
            assert_complete(decode(&content[..length], name), name);
        }
    }
}

#[test]
fn truncated_files_with_headers_of_their_own_are_complete_or_refused() {
    let folder =
        Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join("tests/golden/pixels");
    let mut tried = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let end = path.extension().unwrap_or_default().to_string_lossy();
        if !["gif", "bmp", "tiff"].contains(&&*end) {
            continue;
        }
        let content = std::fs::read(&path).unwrap();
        for length in (0..content.len()).step_by(11) {
            if let Ok(cut) = decode(&content[..length], "cut") {
                assert_eq!(cut.rgb.len(), 3 * (cut.width * cut.height) as usize);
            }
        }
        tried += 1;
    }
    assert!(tried > 20, "{tried}");
}

#[test]
fn grey_palettes_are_blended_and_bilevel_images_are_not() {
    for (name, indexed) in [
        ("ramp.gif", false),
        ("local_colours.gif", true),
        ("bilevel.tiff", true),
        ("os2_ramp.bmp", false),
        ("os2.bmp", true),
    ] {
        let image = decode(&golden(name), name).unwrap();
        assert_eq!(image.extras.indexed, indexed, "{name}");
    }
}

/// The same file with a different size in its header.
fn with_sides(mut content: Vec<u8>, side: u32) -> Vec<u8> {
    if content.starts_with(b"\xFF\xD8") {
        let frame = content.windows(2).position(|w| w == [0xFF, 0xC0]).unwrap();
        let side = (side as u16).to_be_bytes();
        content[frame + 5..frame + 9].copy_from_slice(&[side, side].concat());
        return content;
    }
    let directory = u32::from_le_bytes(content[4..8].try_into().unwrap()) as usize;
    for entry in 0..usize::from(content[directory]) {
        let at = directory + 2 + 12 * entry;
        if matches!(content[at..at + 2], [0, 1] | [1, 1]) {
            content[at + 2..at + 4].copy_from_slice(&[4, 0]);
            content[at + 8..at + 12].copy_from_slice(&side.to_le_bytes());
        }
    }
    content
}

#[test]
fn rare_formats_that_claim_a_huge_size_are_refused_before_decoding() {
    for (name, _) in RARE {
        for side in [20_000, 16_384] {
            let error = decode(&with_sides(golden(name), side), name).unwrap_err();
            let too_large = ImagingError::TooLarge {
                name: name.to_owned(),
                width: side,
                height: side,
            };
            // The decoder may first find that a TIFF's strips do not match its size.
            let uneven = matches!(error, ImagingError::Broken { .. }) && name.ends_with(".tiff");
            assert!(error == too_large || uneven, "{name}: {error}");
        }
        // Within the limits, but with almost no data. JPEGs are filled up with grey.
        let claimed = decode(&with_sides(golden(name), 4000), name);
        assert!(claimed.is_err() || name.ends_with(".jpg"), "{name}");
    }
}

#[test]
fn a_plain_rgb_image_has_no_extra_pixel_data() {
    for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::Tiff] {
        let image = decode(&encoded(gradient(), format), "a").unwrap();
        assert_eq!(
            (image.extras.cmyk, image.extras.high_bit_grey),
            (None, None)
        );
        assert_eq!(image.extras.alpha, None);
    }
}

#[test]
fn twelve_bits_in_a_sixteen_bit_file_are_shown_at_their_own_brightness() {
    let grey = |samples: &[u16]| {
        let width = samples.len() as u32;
        let made = ImageBuffer::<Luma<u16>, _>::from_raw(width, 1, samples.to_vec());
        encoded(made.unwrap(), ImageFormat::Png)
    };
    let shown = |samples: &[u16]| {
        let image = decode(&grey(samples), "a").unwrap();
        let levels: Vec<u8> = image.rgb.iter().step_by(3).copied().collect();
        (levels, image.extras.bits_in_use)
    };
    assert_eq!(shown(&[0, 2048, 4095]), (vec![0, 128, 255], Some(12)));
    // A power of two is white, not the brightest sample.
    assert_eq!(shown(&[0, 2048, 3000]), (vec![0, 128, 187], Some(12)));
    // Fewer than 8 bits are an image that is dark.
    assert_eq!(shown(&[0, 3, 7]), (vec![0, 3, 7], Some(8)));
    // Half the range is dark, not a scanner's.
    assert_eq!(shown(&[0, 257, 32_767]), (vec![0, 1, 127], None));
    assert_eq!(shown(&[0, 32_768, 65_535]), (vec![0, 128, 255], None));
    let reference = decode_as_reference(&grey(&[0, 2048, 4095]), "a").unwrap();
    assert_eq!(reference.rgb, [0, 0, 0, 8, 8, 8, 16, 16, 16]);
    assert_eq!(reference.extras.bits_in_use, None);
}

#[test]
fn colours_of_twelve_bits_are_brightened_alike_and_opacity_is_not() {
    let colour = ImageBuffer::<image::Rgba<u16>, _>::from_raw(1, 1, vec![4095, 256, 0, 65_535]);
    let content = encoded(colour.unwrap(), ImageFormat::Png);
    let image = decode(&content, "a").unwrap();
    assert_eq!(
        (image.rgb, image.extras.bits_in_use),
        (vec![255, 16, 0], Some(12))
    );
    assert_eq!(image.extras.alpha, Some(vec![255]));
    let reference = decode_as_reference(&content, "a").unwrap();
    assert_eq!(reference.rgb, [15, 1, 0]);
    let grey = ImageBuffer::<image::LumaA<u16>, _>::from_raw(1, 1, vec![1023, 65_535]);
    let image = decode(&encoded(grey.unwrap(), ImageFormat::Png), "a").unwrap();
    assert_eq!(
        (image.rgb, image.extras.bits_in_use),
        (vec![255; 3], Some(10))
    );
}

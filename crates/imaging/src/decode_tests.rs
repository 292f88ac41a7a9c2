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

/// The files in a folder and below it; none where there is no folder.
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

/// Whatever was read has three bytes a pixel.
#[track_caller]
fn is_whole(read: Result<Picture, ImagingError>, what: &str) {
    if let Ok(picture) = read {
        let pixels = picture.width as usize * picture.height as usize;
        assert_eq!(picture.rgb.len(), 3 * pixels, "{what}");
    }
}

#[test]
fn no_malformed_file_panics_or_gives_a_picture_of_the_wrong_length() {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    let malformed = files_in(&root.join("../shared/data/malformed-images"));
    println!("{} malformed files are here", malformed.len());
    for path in malformed {
        is_whole(load(&path), &path.display().to_string());
    }
    let golden = files_in(&root.join("tests/golden/pixels"));
    let is_picture = |path: &&std::path::PathBuf| {
        let ending = path.extension().and_then(|ending| ending.to_str());
        !matches!(ending, Some("json" | "safetensors"))
    };
    let mut tried = 0;
    for path in golden.iter().filter(is_picture) {
        let mut content = std::fs::read(path).unwrap();
        let name = path.display().to_string();
        // All of a header, and of the rest a byte here and there.
        let places = (0..content.len()).filter(|at| *at < 100 || at % 61 == 0);
        for at in places {
            let byte = content[at];
            for damaged in [byte ^ 0x01, byte ^ 0x80, 0xff] {
                content[at] = damaged;
                is_whole(decode(&content, &name), &format!("{name}: byte {at}"));
            }
            content[at] = byte;
        }
        tried += 1;
    }
    assert!(tried > 40, "only {tried} pictures");
}

/// Inks, palettes and grey floats: what is read past the common decoder.
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
fn rare_kinds_are_read_and_cut_short_they_are_whole_or_refused() {
    for (name, mode) in RARE {
        let content = golden(name);
        let picture = decode(&content, name).unwrap();
        let pixels = (picture.width * picture.height) as usize;
        assert_eq!(picture.source.original_mode, mode, "{name}");
        let inks = picture.beside.inks.map(|inks| inks.len());
        assert_eq!(inks, (mode == Mode::Cmyk).then_some(4 * pixels), "{name}");
        assert_eq!(picture.beside.deep.is_some(), mode == Mode::Float, "{name}");
        assert_eq!(picture.beside.indexed, mode == Mode::Rgb, "{name}");
        for length in (0..content.len()).step_by(7) {
            is_whole(decode(&content[..length], name), name);
        }
    }
}

#[test]
fn files_known_by_their_headers_are_read_and_cut_short_they_are_whole_or_refused() {
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
fn grey_palettes_are_blended_and_single_bits_are_not() {
    for (name, indexed) in [
        ("ramp.gif", false),
        ("local_colours.gif", true),
        ("bilevel.tiff", true),
        ("os2_ramp.bmp", false),
        ("os2.bmp", true),
    ] {
        let picture = decode(&golden(name), name).unwrap();
        assert_eq!(picture.beside.indexed, indexed, "{name}");
    }
}

/// The same file with other sides in its header.
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
fn rare_kinds_that_claim_too_much_are_refused_before_decoding() {
    for (name, _) in RARE {
        for side in [20_000, 16_384] {
            let error = decode(&with_sides(golden(name), side), name).unwrap_err();
            let too_large = ImagingError::TooLarge {
                name: name.to_owned(),
                width: side,
                height: side,
            };
            // A TIFF's strips must fit its sides, which is looked at before them.
            let uneven = matches!(error, ImagingError::Broken { .. }) && name.ends_with(".tiff");
            assert!(error == too_large || uneven, "{name}: {error}");
        }
        // Within the limits, but with next to no samples behind it. JPEGs fill up with grey, as they always did.
        let claimed = decode(&with_sides(golden(name), 4000), name);
        assert!(claimed.is_err() || name.ends_with(".jpg"), "{name}");
    }
}

#[test]
fn a_plain_picture_keeps_nothing_beside_its_colours() {
    for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::Tiff] {
        let picture = decode(&encoded(gradient(), format), "a").unwrap();
        assert_eq!((picture.beside.inks, picture.beside.deep), (None, None));
        assert_eq!(picture.beside.alpha, None);
    }
}

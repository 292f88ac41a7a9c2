//! Rectangles that are blacked out in images of every kind, and nothing else of them.

use std::path::Path;

use super::tests::{cleaner, contains, put, read};
use crate::Pixels;
use crate::radiomics::Rectangle;

const CORNER: Rectangle = Rectangle {
    x: 0,
    y: 0,
    width: 3,
    height: 2,
};

#[test]
fn a_compressed_image_is_blacked_out_uncompressed_and_is_the_same_elsewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/dicom/test_files");
    let mut done = 0;
    for name in [
        "MR_small_RLE.dcm",
        "MR_small_jp2klossless.dcm",
        "MR_small_jpeg_ls_lossless.dcm",
        "JPEG-lossy.dcm",
        "JPEGLSNearLossless_08.dcm",
        "J2K_pixelrep_mismatch.dcm",
        "693_J2KI.dcm",
        "SC_rgb_jpeg_dcmtk.dcm",
        "SC_rgb_rle_2frame.dcm",
        "SC_rgb_jls_lossy_sample.dcm",
        "SC_rgb_rle_16bit.dcm",
        "SC_rgb_rle_16bit_2frame.dcm",
    ] {
        let Ok(file) = std::fs::read(root.join(name)) else {
            println!("skipped: {name} is not in ../shared/data");
            continue;
        };
        let clean = cleaner(&[CORNER]).dicom(&file).unwrap();
        assert!(clean.is_uncompressed, "{name}");
        assert!(contains(&clean.bytes, "1.2.840.10008.1.2.1\0"), "{name}");
        assert_black_and_the_same_elsewhere(name, &file, &clean.bytes);
        done += 1;
    }
    assert!(done == 0 || done == 12, "{done}");
}

/// The upper left 3 x 2 pixels are black in every frame of the copy, and all others are as they were.
fn assert_black_and_the_same_elsewhere(name: &str, file: &[u8], clean: &[u8]) {
    assert!(contains(clean, "Clean Pixel Data Option"));
    let (before, after) = (read(file), read(clean));
    assert_eq!(before.size, after.size, "{name}");
    let [columns, rows, slices] = before.size;
    let is_black = |index: usize| index % columns < 3 && index / columns % rows < 2;
    match (&before.pixels, &after.pixels) {
        (Pixels::Values(before), Pixels::Values(after)) => {
            let dark = before.iter().copied().fold(f32::INFINITY, f32::min);
            for (index, (old, new)) in before.iter().zip(after).enumerate() {
                match is_black(index) {
                    true => assert_eq!(*new, dark, "{name} {index}"),
                    false => assert_eq!(old.to_bits(), new.to_bits(), "{name} {index}"),
                }
            }
        }
        (Pixels::Rgb(before), Pixels::Rgb(after)) => {
            assert_eq!(after.len(), columns * rows * slices * 3);
            for (index, (old, new)) in before.chunks(3).zip(after.chunks(3)).enumerate() {
                match is_black(index) {
                    true => assert_eq!(new, [0, 0, 0], "{name} {index}"),
                    false => assert_eq!(old, new, "{name} {index}"),
                }
            }
        }
        _ => panic!("{name}: the copy is of another kind"),
    }
}

/// An image of 4 x 3 pixels with these elements of group 0x28 besides those of its size.
fn colours(samples: u8, meaning: &str, bits: u8, more: &[(u16, &[u8; 2], Vec<u8>)]) -> Vec<u8> {
    let mut file = vec![0; 128];
    file.extend(b"DICM");
    put(&mut file, (2, 0x10), b"UI", b"1.2.840.10008.1.2.1\0");
    put(&mut file, (8, 0x16), b"UI", b"1.2.840.10008.5.1.4.1.1.7\0");
    put(&mut file, (8, 0x18), b"UI", b"1.2.3.4.5");
    put(&mut file, (8, 0x60), b"CS", b"OT");
    put(&mut file, (0x20, 0x0D), b"UI", b"1.2.3.4.7");
    put(&mut file, (0x20, 0x0E), b"UI", b"1.2.3.4.8");
    put(&mut file, (0x28, 0x02), b"US", &[samples, 0]);
    put(&mut file, (0x28, 0x04), b"CS", meaning.as_bytes());
    if samples == 3 {
        put(&mut file, (0x28, 0x06), b"US", &[0, 0]);
    }
    put(&mut file, (0x28, 0x10), b"US", &[3, 0]);
    put(&mut file, (0x28, 0x11), b"US", &[4, 0]);
    put(&mut file, (0x28, 0x100), b"US", &[bits, 0]);
    put(&mut file, (0x28, 0x101), b"US", &[bits, 0]);
    put(&mut file, (0x28, 0x102), b"US", &[bits - 1, 0]);
    put(&mut file, (0x28, 0x103), b"US", &[0, 0]);
    for (element, kind, value) in more {
        put(&mut file, (0x28, *element), kind, value);
    }
    file
}

/// An image in colours of a palette of 12 entries, none of which is black; the first pixel has the first colour, and so on.
fn palette() -> Vec<u8> {
    let words = |words: &[u16]| -> Vec<u8> {
        let bytes = words.iter().flat_map(|word| word.to_le_bytes());
        bytes.collect()
    };
    let table = |from: u16| -> Vec<u8> {
        let entries: Vec<u16> = (0..12).map(|n| 0x1000 + from + n * 0x0700).collect();
        words(&entries)
    };
    let descriptor: Vec<u8> = words(&[12, 0, 16]);
    let mut file = colours(
        1,
        "PALETTE COLOR",
        8,
        &[
            (0x0106, b"US", vec![0, 0]),
            (0x1101, b"US", descriptor.clone()),
            (0x1102, b"US", descriptor.clone()),
            (0x1103, b"US", descriptor),
            (0x1201, b"OW", table(0)),
            (0x1202, b"OW", table(0x2000)),
            (0x1203, b"OW", table(0x4000)),
        ],
    );
    let samples: Vec<u8> = (0..12).collect();
    put(&mut file, (0x7FE0, 0x10), b"OB", &samples);
    file
}

#[test]
fn colours_of_a_palette_are_written_out_to_black_something_out_in_them() {
    let file = palette();
    let clean = cleaner(&[CORNER]).dicom(&file).unwrap();
    assert!(clean.has_other_colours && !clean.is_uncompressed);
    assert_black_and_the_same_elsewhere("palette", &file, &clean.bytes);
    assert!(!contains(&clean.bytes, "PALETTE COLOR"));
    // Neither the palette is left nor the smallest stored value.
    for element in [0x0106_u16, 0x1101, 0x1201] {
        let [low, high] = element.to_le_bytes();
        let header = [0x28, 0, low, high];
        assert!(
            !clean.bytes.windows(4).any(|four| four == header),
            "{element:#x}"
        );
    }
    // Without a rectangle the file stays as it is.
    let clean = cleaner(&[]).dicom(&file).unwrap();
    assert!(!clean.has_other_colours && contains(&clean.bytes, "PALETTE COLOR"));
    assert_eq!(read(&file).pixels, read(&clean.bytes).pixels);
}

#[test]
fn a_palette_without_a_table_is_refused_where_something_is_to_be_blacked_out() {
    let mut file = colours(1, "PALETTE COLOR", 8, &[]);
    put(&mut file, (0x7FE0, 0x10), b"OB", &[0; 12]);
    let error = cleaner(&[CORNER]).dicom(&file).unwrap_err().to_string();
    assert!(error.contains("palette is missing"), "{error}");
}

#[test]
fn chroma_that_pixels_share_is_written_out() {
    let mut file = colours(3, "YBR_FULL_422", 8, &[]);
    let samples: Vec<u8> = (0..24).map(|n| n * 9 + 40).collect();
    put(&mut file, (0x7FE0, 0x10), b"OB", &samples);
    let clean = cleaner(&[CORNER]).dicom(&file).unwrap();
    assert!(clean.has_other_colours);
    assert_black_and_the_same_elsewhere("YBR_FULL_422", &file, &clean.bytes);
}

#[test]
fn black_of_luma_and_chroma_depends_on_their_depth() {
    for bits in [8_u8, 16] {
        let mut file = colours(3, "YBR_FULL", bits, &[]);
        let bytes = 36 * usize::from(bits / 8);
        let samples: Vec<u8> = (0..bytes).map(|n| (n * 7 % 256) as u8).collect();
        put(&mut file, (0x7FE0, 0x10), b"OW", &samples);
        let clean = cleaner(&[CORNER]).dicom(&file).unwrap();
        assert!(!clean.has_other_colours, "{bits}");
        assert_black_and_the_same_elsewhere("YBR_FULL", &file, &clean.bytes);
    }
}

#[test]
fn palettes_and_shared_chroma_of_real_files_are_blacked_out() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/dicom/test_files");
    for name in ["examples_palette.dcm", "SC_ybr_full_422_uncompressed.dcm"] {
        let Ok(file) = std::fs::read(root.join(name)) else {
            println!("skipped: {name} is not in ../shared/data");
            continue;
        };
        let clean = cleaner(&[CORNER]).dicom(&file).unwrap();
        assert!(clean.has_other_colours, "{name}");
        assert_black_and_the_same_elsewhere(name, &file, &clean.bytes);
    }
}

#[test]
fn a_compressed_image_that_is_cut_off_is_refused_where_something_is_to_be_blacked_out() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/data/dicom/test_files/MR_small_RLE.dcm");
    let Ok(mut file) = std::fs::read(path) else {
        println!("skipped: MR_small_RLE.dcm is not in ../shared/data");
        return;
    };
    // The first segment of the frame begins beyond its end.
    let start = file
        .windows(4)
        .rposition(|four| four == [0xFE, 0xFF, 0x00, 0xE0])
        .unwrap();
    file[start + 12..start + 16].fill(0xFF);
    let error = cleaner(&[CORNER]).dicom(&file).unwrap_err();
    assert!(
        error.to_string().contains("could not be uncompressed"),
        "{error}"
    );
}

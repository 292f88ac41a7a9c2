//! Kinds of DICOM images that the shared data lacks, made in memory.

use rounds_scan::{Modality, Pixels, ScanError, Volume};
use rounds_support::{Cancel, Hint};

use crate::make::{Encoding, Writer, grey, introduction};
use crate::read;

const PIXELS: (u16, u16) = (0x7FE0, 0x0010);

fn volume(bytes: Vec<u8>) -> Volume {
    read(bytes, "a.dcm")
        .and_then(|opened| opened.volume(&Cancel::new()))
        .unwrap()
}

fn error(bytes: Vec<u8>) -> ScanError {
    read(bytes, "a.dcm")
        .and_then(|opened| opened.volume(&Cancel::new()))
        .unwrap_err()
}

fn values(volume: &Volume) -> &[f32] {
    match &volume.pixels {
        Pixels::Values(values) => values,
        Pixels::Rgb(_) => panic!("colours"),
    }
}

fn rgb(volume: &Volume) -> &[u8] {
    match &volume.pixels {
        Pixels::Rgb(bytes) => bytes,
        Pixels::Values(_) => panic!("values"),
    }
}

#[test]
fn all_encodings_give_the_same_values_also_without_introduction() {
    let samples = [1, 2, 3, 40_000];
    for encoding in [Encoding::Implicit, Encoding::Explicit, Encoding::Big] {
        let image = grey(encoding, 2, 2).words(PIXELS, &samples);
        for bytes in [image.clone().file(), image.body()] {
            assert_eq!(values(&volume(bytes)), [1.0, 2.0, 3.0, 40_000.0]);
        }
    }
}

#[test]
fn a_file_may_lie_about_its_encoding() {
    let image = grey(Encoding::Explicit, 2, 1).words(PIXELS, &[5, 6]);
    assert_eq!(
        values(&volume(image.file_as("1.2.840.10008.1.2"))),
        [5.0, 6.0]
    );
    let image = grey(Encoding::Implicit, 2, 1).words(PIXELS, &[5, 6]);
    assert_eq!(
        values(&volume(image.file_as("1.2.840.10008.1.2.1"))),
        [5.0, 6.0]
    );
}

#[test]
fn odd_depths_are_shifted_masked_and_signed() {
    // Twelve bits above two unused ones, and rubbish above them.
    let image = grey(Encoding::Explicit, 2, 1)
        .us((0x0028, 0x0101), &[12])
        .us((0x0028, 0x0102), &[13])
        .us((0x0028, 0x0103), &[1])
        .words(PIXELS, &[0b1111_1111_1111_1111, 0b1100_0000_0001_0111]);
    assert_eq!(values(&volume(image.file())), [-1.0, 5.0]);
}

#[test]
fn floats_are_read_and_what_is_not_finite_has_no_value() {
    let floats: Vec<u8> = [1.5_f32, f32::NAN, f32::INFINITY, -2.0]
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect();
    let image = grey(Encoding::Explicit, 4, 1)
        .us((0x0028, 0x0100), &[32])
        .raw((0x7FE0, 0x0008), b"OF", &floats);
    let read = volume(image.file());
    assert_eq!(values(&read)[0], 1.5);
    assert!(values(&read)[1].is_nan() && values(&read)[2].is_nan());
    let doubles: Vec<u8> = [0.25_f64, 1e3]
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect();
    let image = grey(Encoding::Explicit, 2, 1)
        .us((0x0028, 0x0100), &[64])
        .raw((0x7FE0, 0x0009), b"OD", &doubles);
    assert_eq!(values(&volume(image.file())), [0.25, 1000.0]);
}

#[test]
fn padding_has_no_value_and_the_slope_is_applied() {
    let image = grey(Encoding::Explicit, 4, 1)
        .us((0x0028, 0x0120), &[10])
        .us((0x0028, 0x0121), &[12])
        .text((0x0028, 0x1052), b"DS", "-1000")
        .text((0x0028, 0x1053), b"DS", "2")
        .words(PIXELS, &[9, 10, 12, 13]);
    let read = volume(image.file());
    let read = values(&read);
    assert_eq!((read[0], read[3]), (-982.0, -974.0));
    assert!(read[1].is_nan() && read[2].is_nan());
}

#[test]
fn a_modality_lut_replaces_the_slope_and_a_voi_lut_is_handed_on() {
    let table = |first: u16| {
        Writer::new(Encoding::Explicit)
            .us((0x0028, 0x3002), &[3, first, 16])
            .words((0x0028, 0x3006), &[100, 200, 300])
    };
    let image = grey(Encoding::Explicit, 4, 1)
        .items((0x0028, 0x3000), vec![table(5)])
        .items((0x0028, 0x3010), vec![table(100)])
        .words(PIXELS, &[0, 5, 6, 99]);
    let read = volume(image.file());
    assert_eq!(values(&read), [100.0, 100.0, 200.0, 300.0]);
    let voi = read.facts.voi_lut.unwrap();
    assert_eq!(
        (voi.first, voi.white, voi.entries),
        (100.0, 65_535, vec![100, 200, 300])
    );
}

#[test]
fn tables_that_promise_more_than_they_hold_do_no_harm() {
    let table = Writer::new(Encoding::Explicit)
        .us((0x0028, 0x3002), &[0, 0, 0])
        .words((0x0028, 0x3006), &[]);
    let image = grey(Encoding::Explicit, 2, 1)
        .items((0x0028, 0x3000), vec![table.clone()])
        .items((0x0028, 0x3010), vec![table])
        .words(PIXELS, &[7, 8]);
    let read = volume(image.file());
    assert_eq!(values(&read), [7.0, 8.0]);
    assert_eq!(read.facts.voi_lut, None);
}

#[test]
fn a_palette_also_in_segments_becomes_colours() {
    let palette = |image: Writer, base: u16| {
        image
            .us((0x0028, 0x1100 + base), &[4, 10, 16])
            // One discrete entry, then a line of three.
            .words((0x0028, 0x1220 + base), &[0, 1, 0, 1, 3, 0xFF00])
    };
    let mut image = grey(Encoding::Explicit, 4, 1).text((0x0028, 0x0004), b"CS", "PALETTE COLOR");
    for base in 1..=3 {
        image = palette(image, base);
    }
    let read = volume(image.words(PIXELS, &[0, 11, 12, 200]).file());
    assert_eq!(
        rgb(&read),
        [
            0, 0, 0, 0x55, 0x55, 0x55, 0xAA, 0xAA, 0xAA, 0xFF, 0xFF, 0xFF
        ]
    );
    let image = grey(Encoding::Explicit, 1, 1)
        .text((0x0028, 0x0004), b"CS", "PALETTE COLOR")
        .words(PIXELS, &[0]);
    assert!(error(image.file()).to_string().contains("palette"));
}

fn colour(photometric: &str, planar: u16, bytes: &[u8], columns: u16) -> Vec<u8> {
    grey(Encoding::Explicit, columns, 1)
        .us((0x0028, 0x0002), &[3])
        .text((0x0028, 0x0004), b"CS", photometric)
        .us((0x0028, 0x0006), &[planar])
        .us((0x0028, 0x0100), &[8])
        .us((0x0028, 0x0101), &[8])
        .us((0x0028, 0x0102), &[7])
        .raw(PIXELS, b"OB", bytes)
        .file()
}

#[test]
fn colours_come_by_pixel_by_plane_and_as_luma_and_chroma() {
    assert_eq!(
        rgb(&volume(colour("RGB", 0, &[1, 2, 3, 4, 5, 6], 2))),
        [1, 2, 3, 4, 5, 6]
    );
    assert_eq!(
        rgb(&volume(colour("RGB", 1, &[1, 4, 2, 5, 3, 6], 2))),
        [1, 2, 3, 4, 5, 6]
    );
    assert_eq!(
        rgb(&volume(colour(
            "YBR_FULL",
            0,
            &[76, 85, 255, 9, 128, 128],
            2
        ))),
        [254, 0, 0, 9, 9, 9]
    );
    assert_eq!(
        rgb(&volume(colour("YBR_FULL_422", 0, &[10, 20, 128, 128], 2))),
        [10, 10, 10, 20, 20, 20]
    );
    assert_eq!(
        rgb(&volume(colour(
            "YBR_PARTIAL_422",
            0,
            &[16, 235, 128, 128],
            2
        ))),
        [0, 0, 0, 255, 255, 255]
    );
}

fn groups(z: f64, slope: &str, extra: Option<(u16, u16)>) -> Writer {
    let position =
        Writer::new(Encoding::Explicit).text((0x0020, 0x0032), b"DS", &format!("0\\0\\{z}"));
    let values = Writer::new(Encoding::Explicit)
        .text((0x0028, 0x1052), b"DS", "1")
        .text((0x0028, 0x1053), b"DS", slope);
    let item = Writer::new(Encoding::Explicit)
        .items((0x0020, 0x9113), vec![position])
        .items((0x0028, 0x9145), vec![values]);
    match extra {
        None => item,
        Some((segment, _)) => {
            let number = Writer::new(Encoding::Explicit).us((0x0062, 0x000B), &[segment]);
            item.items((0x0062, 0x000A), vec![number])
        }
    }
}

fn shared() -> Writer {
    let orientation =
        Writer::new(Encoding::Explicit).text((0x0020, 0x0037), b"DS", "1\\0\\0\\0\\1\\0");
    let measures = Writer::new(Encoding::Explicit).text((0x0028, 0x0030), b"DS", "2\\1");
    Writer::new(Encoding::Explicit)
        .items((0x0020, 0x9116), vec![orientation])
        .items((0x0028, 0x9110), vec![measures])
}

#[test]
fn frames_of_an_enhanced_object_are_sorted_and_scaled_each() {
    let image = grey(Encoding::Explicit, 1, 1)
        .text((0x0028, 0x0008), b"IS", "3")
        .items((0x5200, 0x9229), vec![shared()])
        .items(
            (0x5200, 0x9230),
            vec![
                groups(6.0, "1", None),
                groups(0.0, "10", None),
                groups(3.0, "100", None),
            ],
        )
        .words(PIXELS, &[1, 2, 3]);
    let read = volume(image.file());
    assert_eq!(values(&read), [21.0, 301.0, 2.0]);
    assert_eq!(read.spacing, [Some(1.0), Some(2.0), Some(3.0)]);
    let affine = read.affine.unwrap();
    assert_eq!(
        [affine[0][0], affine[1][1], affine[2][2], affine[2][3]],
        [1.0, 2.0, 3.0, 0.0]
    );
}

#[test]
fn segments_become_labels_in_one_stack() {
    // Two segments in two slices each, of 1 x 8 bits.
    let image = grey(Encoding::Explicit, 8, 1)
        .text((0x0008, 0x0060), b"CS", "SEG")
        .text((0x0062, 0x0001), b"CS", "BINARY")
        .us((0x0028, 0x0100), &[1])
        .us((0x0028, 0x0101), &[1])
        .us((0x0028, 0x0102), &[0])
        .text((0x0028, 0x0008), b"IS", "4")
        .items((0x5200, 0x9229), vec![shared()])
        .items(
            (0x5200, 0x9230),
            [(0.0, 1), (2.0, 1), (0.0, 2), (2.0, 2)]
                .map(|(z, n)| groups(z, "1", Some((n, 0))))
                .to_vec(),
        )
        .raw(
            PIXELS,
            b"OB",
            &[0b0000_0011, 0b0000_0001, 0b0000_1000, 0b1000_0000],
        );
    let read = volume(image.file());
    assert_eq!(read.facts.modality, Modality::Labels);
    assert_eq!(read.size, [8, 1, 2]);
    assert_eq!(values(&read)[..8], [1.0, 1.0, 0.0, 2.0, 0.0, 0.0, 0.0, 0.0]);
    assert_eq!(values(&read)[8..], [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 2.0]);
}

#[test]
fn a_cut_file_is_shown_as_far_as_it_goes_and_says_so() {
    let whole = grey(Encoding::Explicit, 2, 4)
        .words(PIXELS, &[1, 2, 3, 4, 5, 6, 7, 8])
        .file();
    let read = volume(whole[..whole.len() - 7].to_vec());
    assert_eq!(values(&read)[..4], [1.0, 2.0, 3.0, 4.0]);
    assert!(values(&read)[4..].iter().all(|value| value.is_nan()));
    assert_eq!(
        read.facts.notes,
        ["The file is incomplete: the last 2 of 4 rows are missing."]
    );
    let error = error(whole[..whole.len() - 16].to_vec());
    assert!(error.to_string().contains("ends before"), "{error}");
}

#[test]
fn a_deflated_file_is_inflated_and_a_bomb_is_refused() {
    let image = grey(Encoding::Explicit, 2, 1).words(PIXELS, &[5, 6]).body();
    let deflate = |bytes: &[u8]| {
        let mut encoder =
            flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
        std::io::Write::write_all(&mut encoder, bytes).unwrap();
        [
            introduction("1.2.840.10008.1.2.1.99"),
            encoder.finish().unwrap(),
        ]
        .concat()
    };
    assert_eq!(values(&volume(deflate(&image))), [5.0, 6.0]);
    let mut bomb = Writer::new(Encoding::Explicit)
        .raw((0x0009, 0x1001), b"OB", &vec![0; 120 << 20])
        .body();
    bomb.extend(image);
    let error = error(deflate(&bomb));
    assert!(error.to_string().contains("grows to more than"), "{error}");
}

#[test]
fn sizes_are_refused_before_anything_is_allocated() {
    let image = grey(Encoding::Explicit, 65_535, 65_535)
        .text((0x0028, 0x0008), b"IS", "2000000000")
        .words(PIXELS, &[0]);
    assert!(error(image.file()).to_string().contains("too large"));
    let image = grey(Encoding::Explicit, 60_000, 60_000).words(PIXELS, &[0]);
    assert!(error(image.file()).to_string().contains("too large"));
}

#[test]
fn an_object_without_an_image_says_what_it_is_and_what_to_do() {
    for (class, modality, expected) in [
        ("1.2.840.10008.5.1.4.1.1.88.33", "SR", "a structured report"),
        (
            "1.2.840.10008.5.1.4.1.1.481.5",
            "RTPLAN",
            "a radiotherapy plan",
        ),
        ("", "RTSTRUCT", "a set of contours"),
        ("1.2.840.10008.5.1.4.1.1.9.1.1", "ECG", "a waveform"),
        ("1.2.840.10008.1.3.10", "", "a directory of other files"),
        (
            "1.2.840.10008.5.1.4.1.1.104.1",
            "DOC",
            "an embedded document",
        ),
    ] {
        let object = Writer::new(Encoding::Explicit)
            .text((8, 0x16), b"UI", class)
            .text((8, 0x60), b"CS", modality);
        let error = error(object.file());
        assert!(error.to_string().contains(expected), "{error}");
        assert!(error.hint().is_some());
    }
}

#[test]
fn a_transfer_syntax_that_is_not_read_is_named_with_what_to_do_instead() {
    let stream: &[u8] = &[0xFF, 0x4F, 0xFF, 0x51];
    for (number, expected, tool) in [
        (".4.201", "HTJ2K lossless", "gdcmconv --raw"),
        (".4.202", "HTJ2K lossless, by resolution", "gdcmconv --raw"),
        (".4.203", "HTJ2K", "gdcmconv --raw"),
        (".4.110", "JPEG XL lossless", "dicom-transcode --expl-vr-le"),
        (
            ".4.111",
            "JPEG XL made from JPEG",
            "dicom-transcode --expl-vr-le",
        ),
        (".4.112", "JPEG XL", "dicom-transcode --expl-vr-le"),
        (".4.100", "MPEG-2 video", "ffmpeg"),
        (".4.102", "MPEG-4 video", "ffmpeg"),
        (".4.107", "HEVC video", "ffmpeg"),
        (
            ".99.77777",
            "with an unknown UID",
            "explicit VR little endian",
        ),
    ] {
        let file = grey(Encoding::Explicit, 2, 2)
            .fragments(&[], &[stream])
            .file_as(&format!("1.2.840.10008.1.2{number}"));
        // Already when it is opened, so that no list offers what cannot be shown.
        let error = read(file, "a.dcm").unwrap_err();
        let text = error.to_string();
        assert_eq!(
            text,
            format!("the transfer syntax {expected} cannot be read: a.dcm")
        );
        let hint = error.hint().unwrap();
        assert!(hint.contains(tool) && !hint.contains("77777"), "{hint}");
    }
}

#[test]
fn fragments_are_joined_by_the_table_of_offsets_or_by_how_streams_start() {
    let Some(data) = crate::shared_data() else {
        return;
    };
    let bytes = std::fs::read(data.join("dicom/test_files/MR_small_jpeg_ls_lossless.dcm")).unwrap();
    let start = bytes
        .windows(4)
        .position(|four| four == [0xFF, 0xD8, 0xFF, 0xF7])
        .unwrap();
    let end = bytes
        .windows(2)
        .rposition(|two| two == [0xFF, 0xD9])
        .unwrap()
        + 2;
    let stream = bytes[start..end].to_vec();
    let (first, second) = stream.split_at(1000);
    let one = volume(bytes);
    let image = |table: &[u8]| {
        grey(Encoding::Explicit, 64, 64)
            .us((0x0028, 0x0103), &[1])
            .text((0x0028, 0x0008), b"IS", "2")
            .fragments(table, &[first, second, first, second])
            .file_as("1.2.840.10008.1.2.4.80")
    };
    let step = (16 + first.len() + second.len()) as u32;
    let table: Vec<u8> = [0, step]
        .iter()
        .flat_map(|offset| offset.to_le_bytes())
        .collect();
    for table in [&table[..], &[]] {
        let two = volume(image(table));
        assert_eq!(two.size, [64, 64, 2]);
        assert_eq!(values(&two)[..4096], *values(&one));
        assert_eq!(values(&two)[4096..], *values(&one));
    }
}

#[test]
fn a_pixel_aspect_without_a_spacing_is_kept_and_a_cine_has_its_time() {
    let image = grey(Encoding::Explicit, 1, 1)
        .text((0x0028, 0x0034), b"IS", "6\\5")
        .text((0x0018, 0x1063), b"DS", "40")
        .text((0x0028, 0x0008), b"IS", "2")
        .words(PIXELS, &[1, 2]);
    let read = volume(image.file());
    assert_eq!(read.facts.pixel_aspect, Some(1.2));
    assert_eq!(read.facts.frame_time_ms, Some(40.0));
    assert_eq!((read.size, read.affine), ([1, 1, 2], None));
}

#[test]
fn a_frame_of_a_large_object_is_read_by_itself_also_where_the_file_is_cut() {
    let samples: Vec<u16> = (0..24).collect();
    let image = grey(Encoding::Explicit, 4, 2)
        .text((0x0028, 0x0008), b"IS", "3")
        .words(PIXELS, &samples);
    let whole = image.file();
    let opened = read(whole.clone(), "a.dcm").unwrap();
    let second = opened.only().unwrap().slice(1).unwrap();
    assert_eq!(
        values(&second),
        [8.0, 9.0, 10.0, 11.0, 12.0, 13.0, 14.0, 15.0]
    );
    let cut = volume(whole[..whole.len() - 20].to_vec());
    assert_eq!(values(&cut)[11], 11.0);
    assert!(values(&cut)[12..].iter().all(|value| value.is_nan()));
    assert_eq!(cut.facts.notes.len(), 2, "{:?}", cut.facts.notes);
}

//! NRRD: files that pynrrd wrote, with its values, and all encodings, orders of axes and kinds of damage, made in memory.

use rounds_scan::{Modality, Opened, Pixels, Place, ScanError, View, Volume, open, scene_of};
use rounds_support::files::sha256_hex;
use rounds_support::{Cancel, Hint};
use serde_json::Value;

use crate::{golden_folder, options, read};

/// A header with these fields, and what follows it.
fn file(fields: &str, samples: &[u8]) -> Vec<u8> {
    [&b"NRRD0005\n"[..], fields.as_bytes(), b"\n\n", samples].concat()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut encoder, bytes).unwrap();
    encoder.finish().unwrap()
}

fn whole(opened: Result<Opened, ScanError>) -> Result<Volume, ScanError> {
    opened.and_then(|opened| opened.volume(&Cancel::new()))
}

fn volume(fields: &str, samples: &[u8]) -> Volume {
    whole(read(file(fields, samples), "a.nrrd")).unwrap()
}

fn error(fields: &str, samples: &[u8]) -> String {
    let error = whole(read(file(fields, samples), "a.nrrd")).unwrap_err();
    assert!(error.hint().is_some(), "{error}");
    error.to_string()
}

fn values(volume: &Volume) -> &[f32] {
    match &volume.pixels {
        Pixels::Values(values) => values,
        Pixels::Rgb(_) => panic!("colours"),
    }
}

fn bytes_of(volume: &Volume) -> Vec<u8> {
    match &volume.pixels {
        Pixels::Values(values) => values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect(),
        Pixels::Rgb(bytes) => bytes.clone(),
    }
}

fn is_close(affine: [[f64; 4]; 4], expected: &Value) -> bool {
    let rows = expected.as_array().unwrap().iter();
    let wanted = rows.flat_map(|row| row.as_array().unwrap());
    let mut pairs = affine.iter().flatten().zip(wanted);
    pairs.all(|(value, wanted)| (value - wanted.as_f64().unwrap()).abs() < 1e-6)
}

#[test]
fn files_of_pynrrd_have_its_values_and_lie_where_other_programs_put_them() {
    let folder = golden_folder().join("nrrd");
    let text = std::fs::read_to_string(folder.join("expected.json")).unwrap();
    let expected: serde_json::Map<String, Value> = serde_json::from_str(&text).unwrap();
    assert_eq!(expected.len(), 8);
    for (name, expected) in &expected {
        let opened = open(&folder.join(name), &options()).unwrap();
        let series = opened.only().unwrap();
        assert_eq!(
            Value::from(series.size.to_vec()),
            expected["size"],
            "{name}"
        );
        let affine = series.affine.unwrap();
        assert!(is_close(affine, &expected["affine"]), "{name}: {affine:?}");
        let components = expected["components"].as_array().unwrap();
        assert_eq!(series.components, components.len(), "{name}");
        for (number, component) in components.iter().enumerate() {
            let read = series.component(number, &Cancel::new()).unwrap();
            let is_colour = matches!(read.pixels, Pixels::Rgb(_));
            assert_eq!(Value::from(is_colour), expected["colour"], "{name}");
            let hash = sha256_hex(&bytes_of(&read));
            assert_eq!(Value::from(hash), component["sha256"], "{name} {number}");
            let last = series.size[2] - 1;
            let slice = bytes_of(&series.slice_of(number, last).unwrap());
            assert!(bytes_of(&read).ends_with(&slice), "{name} {number}");
        }
    }
}

#[test]
fn all_types_are_read_in_both_byte_orders() {
    macro_rules! check {
        ($type:ty, $name:literal, $value:expr, $expected:expr) => {
            let value: $type = $value;
            for (endian, bytes) in [
                ("little", value.to_le_bytes()),
                ("big", value.to_be_bytes()),
            ] {
                let fields = format!(
                    "type: {}\ndimension: 3\nsizes: 1 1 1\nencoding: raw\nendian: {endian}",
                    $name
                );
                assert_eq!(values(&volume(&fields, &bytes)), [$expected], "{}", $name);
            }
        };
    }
    check!(u8, "uchar", 200, 200.0);
    check!(i8, "signed char", -100, -100.0);
    check!(i16, "short", -30_000, -30_000.0);
    check!(u16, "unsigned short", 60_000, 60_000.0);
    check!(i32, "int32", -70_000, -70_000.0);
    check!(u32, "uint", 4_000_000_000, 4_000_000_000.0);
    check!(i64, "long long", -5_000_000_000, -5_000_000_000.0);
    check!(u64, "uint64_t", 1 << 63, 9_223_372_036_854_775_808.0);
    check!(f32, "float", 1.5, 1.5);
    check!(f64, "double", -2.25, -2.25);
}

#[test]
fn raw_gzip_and_text_say_the_same_also_after_lines_and_bytes_to_skip() {
    let fields = "type: uchar\ndimension: 3\nsizes: 2 2 1\nspacings: 0.5 2 nan";
    let samples = [7_u8, 8, 9, 10];
    let raw = |more: &str, before: &[u8]| {
        let fields = format!("{fields}\nencoding: raw{more}");
        volume(&fields, &[before, &samples].concat())
    };
    let packed =
        |more: &str, samples: &[u8]| volume(&format!("{fields}\nencoding: gzip{more}"), samples);
    for found in [
        raw("", b""),
        raw("\nline skip: 2\nbyte skip: 3", b"one\n\nxyz"),
        raw("\nbyte skip: -1", b"what came before"),
        packed("", &gzip(&samples)),
        packed(
            "\nline skip: 1",
            &[&b"a line\n"[..], &gzip(&samples)].concat(),
        ),
        packed("\nbyte skip: 2", &gzip(&[0, 0, 7, 8, 9, 10])),
        volume(&format!("{fields}\nencoding: ascii"), b"7 8\n9,10\n"),
        whole(read(
            gzip(&file(&format!("{fields}\nencoding: raw"), &samples)),
            "a.nrrd.gz",
        ))
        .unwrap(),
    ] {
        assert_eq!(values(&found), [7.0, 8.0, 9.0, 10.0], "{:?}", found.facts);
        assert_eq!(found.spacing, [Some(0.5), Some(2.0), None]);
        assert_eq!(found.affine, None);
    }
    // Samples are not taken for gzip because they begin like it.
    let like_gzip = volume(&format!("{fields}\nencoding: raw"), &[0x1F, 0x8B, 8, 0]);
    assert_eq!(values(&like_gzip), [31.0, 139.0, 8.0, 0.0]);
}

#[test]
fn values_of_a_voxel_that_lie_together_or_apart_are_the_same_components() {
    let head = "type: uchar\ndimension: 4\nencoding: raw\n";
    // Voxel v has the values 10 v and 10 v + 1.
    let together = format!("{head}sizes: 2 2 1 2\nkinds: list space space space");
    let apart = format!(
        "{head}sizes: 2 1 2 2\nkinds: space space space time\nspacings: 1 1 1 0.25\nunits: \"mm\" \"mm\" \"mm\" \"s\""
    );
    let between = format!("{head}sizes: 2 1 2 2\nkinds: space space vector space");
    for (fields, samples) in [
        (together, [0, 1, 10, 11, 20, 21, 30, 31]),
        (apart.clone(), [0, 10, 20, 30, 1, 11, 21, 31]),
        (between, [0, 10, 1, 11, 20, 30, 21, 31]),
    ] {
        let opened = read(file(&fields, &samples), "a.nrrd").unwrap();
        let series = opened.only().unwrap();
        assert_eq!((series.size, series.components), ([2, 1, 2], 2), "{fields}");
        for component in 0..2 {
            let read = series.component(component, &Cancel::new()).unwrap();
            let expected = [0.0, 10.0, 20.0, 30.0].map(|value| value + component as f32);
            assert_eq!(values(&read), expected, "{fields}");
            let slice = series.slice_of(component, 1).unwrap();
            assert_eq!(values(&slice), &expected[2..], "{fields}");
        }
        let is_time = fields == apart;
        let says_so = |note: &String| note.contains("from time=1 to time=2");
        assert_eq!(series.facts.notes.iter().any(says_so), !is_time);
        assert_eq!(series.facts.frame_time_ms, is_time.then_some(250.0));
    }
}

#[test]
fn colours_are_read_with_their_axis_anywhere_and_without_their_opacity() {
    let head = "type: uchar\ndimension: 3\n";
    for (fields, samples) in [
        (
            "encoding: raw\nsizes: 3 2 1\nkinds: RGB-color space space",
            &b"\x01\x02\x03\x04\x05\x06"[..],
        ),
        (
            "encoding: raw\nsizes: 2 1 3\nkinds: space space 3-color",
            b"\x01\x04\x02\x05\x03\x06",
        ),
        (
            "encoding: raw\nsizes: 4 2 1\nkinds: RGBA-color space space",
            b"\x01\x02\x03\xFF\x04\x05\x06\xFF",
        ),
        (
            "encoding: text\nsizes: 3 2 1\nkinds: RGB-color space space",
            b"1 2 3 4 5 6",
        ),
    ] {
        let found = volume(&format!("{head}{fields}"), samples);
        assert_eq!(found.size, [2, 1, 1], "{fields}");
        assert_eq!(
            found.pixels,
            Pixels::Rgb(vec![1, 2, 3, 4, 5, 6]),
            "{fields}"
        );
    }
    let deep = "type: short\ndimension: 3\nencoding: raw\nendian: big\nsizes: 3 2 1\nkinds: RGB-color space space";
    assert!(error(deep, &[0; 12]).contains("other than 8 bits"));
}

#[test]
fn not_a_number_and_infinity_have_no_value_and_a_cut_file_is_padded() {
    let fields = "type: float\ndimension: 2\nsizes: 2 2\nendian: little\nencoding: ";
    let text = volume(&format!("{fields}text"), b"1.5 nan inf");
    assert_eq!(values(&text)[0], 1.5);
    assert!(values(&text)[1..].iter().all(|value| value.is_nan()));
    let samples: Vec<u8> = [1.5_f32, f32::NEG_INFINITY, 2.5]
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect();
    let packed = gzip(&samples);
    for cut in [
        volume(&format!("{fields}raw"), &samples[..10]),
        volume(&format!("{fields}gzip"), &packed),
    ] {
        assert_eq!(values(&cut)[0], 1.5);
        assert!(values(&cut)[1].is_nan() && values(&cut)[3].is_nan());
        let notes = &cut.facts.notes;
        assert!(
            notes.iter().any(|note| note.contains("incomplete")),
            "{notes:?}"
        );
    }
    assert!(error(&format!("{fields}raw"), b"").contains("ends before"));
    assert!(error(&format!("{fields}raw\nbyte skip: 99"), &samples).contains("ends before"));
}

#[test]
fn a_frame_without_a_whole_sample_is_missing_and_not_shown() {
    let fields = "type: short\ndimension: 3\nsizes: 4 4 4\nencoding: raw\nendian: little";
    let opened = read(file(fields, &[5, 0, 6]), "a.nrrd").unwrap();
    let series = opened.only().unwrap();
    let whole = series.volume(&Cancel::new()).unwrap();
    assert_eq!(values(&whole)[0], 5.0);
    assert!(values(&whole)[1..].iter().all(|value| value.is_nan()));
    let expected = "The file is incomplete: the last 3 of 4 slices or frames are missing.";
    assert!(whole.facts.notes.iter().any(|note| note == expected));
    assert!(series.slice(0).is_ok());
    let error = series.slice(2).unwrap_err().to_string();
    assert!(error.contains("ends before"), "{error}");
    // Without a position, all of it is read for one frame.
    let scene = |number| {
        let view = View {
            place: Place::Number(number),
            ..View::default()
        };
        scene_of(series, 0, Some(&view), &Cancel::new())
    };
    assert!(scene(1).is_ok());
    let error = scene(3).unwrap_err().to_string();
    assert!(error.contains("ends before"), "{error}");
    let half = read(file(fields, &[5]), "a.nrrd").unwrap();
    assert!(half.only().unwrap().slice(0).is_err());
    // Where the values of a voxel lie together, the third sample is the first value of the second slice.
    let together =
        "type: uchar\ndimension: 4\nsizes: 2 1 1 3\nkinds: vector space space space\nencoding: raw";
    let opened = read(file(together, &[1, 2, 3]), "a.nrrd").unwrap();
    let series = opened.only().unwrap();
    let found = |component, slice| series.slice_of(component, slice).is_ok();
    let found = [found(0, 0), found(1, 0), found(0, 1), found(1, 1)];
    assert_eq!(found, [true, true, true, false]);
}

#[test]
fn impossible_and_hostile_headers_are_refused() {
    let plain = "type: uchar\ndimension: 3\n";
    for (fields, expected) in [
        ("sizes: 60000 60000 60000\nencoding: raw", "too large"),
        (
            "sizes: 2 2 18446744073709551615\nencoding: raw",
            "too large",
        ),
        (
            "sizes: 2 2 18446744073709551616\nencoding: raw",
            "dimensions",
        ),
        ("sizes: 2 2\nencoding: raw", "dimensions"),
        ("sizes: 2 2 1\nsizes: 2 2 1\nencoding: raw", "two times"),
        ("sizes: 2 2 1\nencoding: bzip2", "bzip2"),
        ("sizes: 2 2 1\nencoding: gzip", "not gzip"),
        ("sizes: 2 2 1\nencoding: ascii", "not numbers"),
        (
            "sizes: 2 2 1\nencoding: raw\nbyte skip: 18446744073709551615",
            "offset",
        ),
        (
            "sizes: 2 2 1\nencoding: raw\nline skip: 18446744073709551615",
            "too few lines",
        ),
        ("sizes: 9 9 9\nencoding: raw\nbyte skip: -1", "shorter"),
        (
            "sizes: 2 2 1\nencoding: raw\nspace: LPS\nspace directions: (1,0) (0,1) none",
            "directions",
        ),
        ("sizes: 2 2 1\nencoding: raw\ndata file: b.raw", "missing"),
    ] {
        let text = error(&format!("{plain}{fields}"), b"\x80\x81\x82\x83");
        assert!(text.contains(expected), "{fields}: {text}");
    }
    let endless = [b"NRRD0004\ncontent: ".to_vec(), vec![b'x'; 2 << 20]].concat();
    let error = read(endless, "a.nrrd").unwrap_err().to_string();
    assert!(error.contains("header is longer than"), "{error}");
    let cut = read(
        b"NRRD0004\ntype: uchar\ndimension: 1\nsizes: 4\nencoding: raw\n".to_vec(),
        "a.nrrd",
    );
    let error = cut.unwrap_err().to_string();
    assert!(error.contains("ends inside its header"), "{error}");
}

#[test]
fn a_gzip_bomb_is_not_followed() {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    let mut zeros = std::io::Read::take(std::io::repeat(0), 300_000_000);
    std::io::copy(&mut zeros, &mut encoder).unwrap();
    let fields = "type: uchar\ndimension: 3\nsizes: 1000 1000 300\nencoding: gzip";
    let error = error(fields, &encoder.finish().unwrap());
    assert!(error.contains("grows to more than"), "{error}");
}

/// A folder with a header and its samples, in a folder with a file that is not to be read.
fn detached(data_file: &str) -> (tempfile::TempDir, Result<Volume, ScanError>) {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("scan");
    std::fs::create_dir(&inner).unwrap();
    std::fs::write(folder.path().join("secret.raw"), [1, 2, 3, 4]).unwrap();
    std::fs::write(inner.join("JANE-DOE.raw"), [7, 8, 9, 10]).unwrap();
    let header = format!(
        "NRRD0004\ntype: uchar\ndimension: 2\nsizes: 2 2\nencoding: raw\ndata file: {data_file}\n"
    );
    std::fs::write(inner.join("a.nhdr"), header).unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink("../secret.raw", inner.join("link.raw")).unwrap();
    let read = whole(open(&inner.join("a.nhdr"), &options()));
    (folder, read)
}

#[test]
fn samples_beside_the_header_are_read_and_no_other_file() {
    for name in ["JANE-DOE.raw", "./JANE-DOE.raw"] {
        let (_folder, read) = detached(name);
        assert_eq!(values(&read.unwrap()), [7.0, 8.0, 9.0, 10.0], "{name}");
    }
    let outside = [
        "../secret.raw",
        "/etc/passwd",
        "..\\secret.raw",
        "C:secret.raw",
        "..",
        "sub/x.raw",
    ];
    let links: &[&str] = if cfg!(unix) { &["link.raw"] } else { &[] };
    for name in outside.iter().chain(links) {
        let error = detached(name).1.unwrap_err().to_string();
        assert!(error.contains("would not lie beside it"), "{name}: {error}");
    }
    let error = detached("JANE-ROE.raw").1.unwrap_err().to_string();
    assert!(
        error.contains("is missing") && !error.contains("JANE"),
        "{error}"
    );
}

#[test]
fn samples_beside_the_header_that_can_no_longer_be_read_are_not_named() {
    let (folder, _) = detached("JANE-DOE.raw");
    let inner = folder.path().join("scan");
    let opened = open(&inner.join("a.nhdr"), &options()).unwrap();
    std::fs::remove_file(inner.join("JANE-DOE.raw")).unwrap();
    let error = opened.volume(&Cancel::new()).unwrap_err();
    let text = format!("{error} {error:?} {:?}", error.hint());
    assert!(!text.contains("JANE"), "{text}");
}

#[test]
fn what_keys_and_comments_say_never_comes_out() {
    let fields = "type: uchar\ndimension: 2\nsizes: 2 2\nencoding: raw\n# ZQX Jane\ncontent: ZQX Jane\n\
        PatientName:=ZQX Jane\nlabels: \"ZQX\" \"Jane\"\nsample units: ZQX";
    let opened = read(file(fields, &[1, 2, 3, 4]), "a.nrrd").unwrap();
    let facts = &opened.only().unwrap().facts;
    let text = format!(
        "{opened:?} {:?} {}",
        facts,
        serde_json::to_string(facts).unwrap()
    );
    assert!(!text.contains("ZQX") && !text.contains("Jane"), "{text}");
    for more in [
        "type: ZQX",
        "space: ZQX",
        "endian: ZQX\ntype: short",
        "encoding: ZQX",
    ] {
        let fields = format!("dimension: 2\nsizes: 2 2\n{more}");
        assert!(!error(&fields, &[1, 2, 3, 4]).contains("ZQX"), "{more}");
    }
}

#[test]
fn a_segmentation_is_a_map_of_labels() {
    let fields = "type: uchar\ndimension: 2\nsizes: 2 2\nencoding: raw\nSegment0_LabelValue:=1";
    let found = volume(fields, &[0, 1, 1, 0]);
    assert_eq!(found.facts.modality, Modality::Labels);
}

#[test]
fn a_folder_with_a_header_and_its_samples_is_one_series() {
    let (folder, _) = detached("JANE-DOE.raw");
    let inner = folder.path().join("scan");
    let opened = open(&inner, &options()).unwrap();
    assert_eq!(opened.series.len(), 1);
    assert_eq!(opened.unreadable, 0);
}

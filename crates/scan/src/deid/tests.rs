//! What identifies a patient must be gone from every place a file has, and the image must stay what it was.

use super::*;
use crate::{Options, Pixels, Volume, open_bytes};

const PLANTED: &str = "ZZPLANTEDZZ";

pub(super) fn put(bytes: &mut Vec<u8>, (group, element): (u16, u16), kind: &[u8; 2], value: &[u8]) {
    bytes.extend(group.to_le_bytes());
    bytes.extend(element.to_le_bytes());
    bytes.extend(kind);
    let mut value = value.to_vec();
    if value.len() % 2 == 1 {
        value.push(b' ');
    }
    if [b"OB", b"OW", b"UN", b"SQ", b"UT"].contains(&kind) {
        bytes.extend([0, 0]);
        bytes.extend(u32::try_from(value.len()).unwrap().to_le_bytes());
    } else {
        bytes.extend(u16::try_from(value.len()).unwrap().to_le_bytes());
    }
    bytes.extend(value);
}

fn item(content: &[u8]) -> Vec<u8> {
    let mut item = vec![0xFE, 0xFF, 0x00, 0xE0];
    item.extend(u32::try_from(content.len()).unwrap().to_le_bytes());
    item.extend(content);
    item
}

/// A CT of 4 x 3 pixels with the planted text in every kind of place.
fn planted() -> Vec<u8> {
    let text = PLANTED.as_bytes();
    let mut file = PLANTED.repeat(12).into_bytes();
    file.resize(128, b'X');
    file.extend(b"DICM");
    put(&mut file, (2, 0x02), b"UI", b"1.2.840.10008.5.1.4.1.1.2\0");
    put(&mut file, (2, 0x10), b"UI", b"1.2.840.10008.1.2.1\0");
    put(&mut file, (2, 0x16), b"AE", text);
    put(
        &mut file,
        (8, 0x08),
        b"CS",
        format!("ORIGINAL\\{PLANTED}\\AXIAL").as_bytes(),
    );
    put(&mut file, (8, 0x16), b"UI", b"1.2.840.10008.5.1.4.1.1.2\0");
    put(&mut file, (8, 0x18), b"UI", b"1.2.3.4.5");
    put(&mut file, (8, 0x20), b"DA", b"19700101");
    put(&mut file, (8, 0x60), b"CS", b"CT");
    put(&mut file, (8, 0x80), b"LO", text);
    put(&mut file, (8, 0x103E), b"LO", text);
    let mut inner = Vec::new();
    put(&mut inner, (8, 0x1155), b"UI", b"1.2.3.4.6");
    put(&mut inner, (8, 0x104), b"LO", text);
    put(&mut file, (8, 0x1140), b"SQ", &item(&inner));
    put(&mut file, (9, 0x10), b"LO", text);
    put(&mut file, (9, 0x1001), b"UN", text);
    for (element, kind) in [
        (0x10, b"PN"),
        (0x20, b"LO"),
        (0x30, b"DA"),
        (0x40, b"CS"),
        (0x1000, b"LO"),
        (0x4000, b"LT"),
    ] {
        put(&mut file, (0x10, element), kind, text);
    }
    put(&mut file, (0x18, 0x15), b"CS", text);
    put(&mut file, (0x18, 0x50), b"DS", text);
    put(&mut file, (0x18, 0x5100), b"CS", b"HFS");
    put(&mut file, (0x20, 0x0D), b"UI", b"1.2.3.4.7");
    put(&mut file, (0x20, 0x0E), b"UI", b"1.2.3.4.8");
    put(&mut file, (0x20, 0x32), b"DS", b"-10\\-20\\30.5");
    put(&mut file, (0x20, 0x37), b"DS", b"1\\0\\0\\0\\1\\0");
    put(&mut file, (0x20, 0x52), b"UI", b"1.2.3.4.8");
    put(&mut file, (0x28, 0x02), b"US", &[1, 0]);
    put(&mut file, (0x28, 0x04), b"CS", b"MONOCHROME2");
    put(&mut file, (0x28, 0x10), b"US", &[3, 0]);
    put(&mut file, (0x28, 0x11), b"US", &[4, 0]);
    put(&mut file, (0x28, 0x30), b"DS", b"0.5\\0.5");
    put(&mut file, (0x28, 0x100), b"US", &[16, 0]);
    put(&mut file, (0x28, 0x101), b"US", &[16, 0]);
    put(&mut file, (0x28, 0x102), b"US", &[15, 0]);
    put(&mut file, (0x28, 0x103), b"US", &[1, 0]);
    put(&mut file, (0x28, 0x1050), b"DS", b"40");
    put(&mut file, (0x28, 0x1051), b"DS", b"400");
    put(&mut file, (0x28, 0x1052), b"DS", b"-1000");
    put(&mut file, (0x28, 0x1053), b"DS", b"1");
    put(&mut file, (0x28, 0x1055), b"LO", text);
    put(&mut file, (0x28, 0x4000), b"LT", text);
    put(&mut file, (0x40, 0x244), b"DA", b"19700101");
    put(&mut file, (0x6000, 0x3000), b"OW", text);
    let samples: Vec<u8> = (0..12_i16)
        .flat_map(|n| (n * 100 - 500).to_le_bytes())
        .collect();
    put(&mut file, (0x7FE0, 0x10), b"OW", &samples);
    put(&mut file, (0xFFFC, 0xFFFC), b"OB", text);
    file
}

pub(super) fn read(bytes: &[u8]) -> Volume {
    let opened = open_bytes(bytes.to_vec(), "x.dcm", &Options::default()).unwrap();
    opened.series[0]
        .volume(&rounds_support::Cancel::new())
        .unwrap()
}

pub(super) fn contains(bytes: &[u8], text: &str) -> bool {
    bytes
        .windows(text.len())
        .any(|window| window == text.as_bytes())
}

pub(super) fn cleaner(black: &[Rectangle]) -> Cleaner {
    Cleaner::new(b"secret".to_vec(), black.to_vec())
}

#[test]
fn nothing_planted_survives_and_the_image_does() {
    let file = planted();
    assert!(contains(&file, PLANTED));
    let clean = cleaner(&[]).dicom(&file).unwrap();
    for gone in [PLANTED, "19700101", "1.2.3.4."] {
        assert!(!contains(&clean.bytes, gone), "{gone}");
    }
    assert!(clean.removed >= 15, "{}", clean.removed);
    let (before, after) = (read(&file), read(&clean.bytes));
    assert_eq!(before.pixels, after.pixels);
    assert_eq!(
        (before.size, before.affine, before.spacing),
        (after.size, after.affine, after.spacing)
    );
    assert_eq!(
        (before.facts.modality, &before.facts.windows.len()),
        (after.facts.modality, &after.facts.windows.len())
    );
    assert!(contains(&clean.bytes, "113100"));
}

#[test]
fn equal_uids_stay_equal_and_another_salt_gives_others() {
    let cleaner = cleaner(&[]);
    assert_eq!(cleaner.uid("1.2.3"), cleaner.uid("1.2.3"));
    assert_ne!(cleaner.uid("1.2.3"), cleaner.uid("1.2.4"));
    assert_ne!(
        cleaner.uid("1.2.3"),
        Cleaner::new(b"other".to_vec(), Vec::new()).uid("1.2.3")
    );
    let uid = cleaner.uid("1.2.3");
    assert!(uid.starts_with("2.25.") && uid.len() <= 64, "{uid}");
}

#[test]
fn rectangles_are_painted_in_the_darkest_value() {
    let rectangle = Rectangle::parse("1,1,2,5").unwrap();
    let clean = cleaner(&[rectangle]).dicom(&planted()).unwrap();
    let (Pixels::Values(before), Pixels::Values(after)) =
        (read(&planted()).pixels, read(&clean.bytes).pixels)
    else {
        panic!("values");
    };
    for (place, (before, after)) in before.iter().zip(&after).enumerate() {
        let (x, y) = (place % 4, place / 4);
        let inside = (1..3).contains(&x) && y >= 1;
        assert_eq!(*after, if inside { -1500.0 } else { *before }, "{x} {y}");
    }
    assert!(contains(&clean.bytes, "113101"));
}

#[test]
fn damage_is_refused_at_every_length() {
    let file = planted();
    let samples = file.len() - 12 - 12 - PLANTED.len() - 1;
    for length in 0..samples {
        assert!(cleaner(&[]).dicom(&file[..length]).is_err(), "{length}");
    }
}

#[test]
fn other_files_are_not_called_damaged() {
    for other in [&b""[..], b"\x89PNG\r\n", &[0; 400]] {
        let error = cleaner(&[]).dicom(other).unwrap_err().to_string();
        assert!(error.contains("not a DICOM file"), "{error}");
    }
}

#[test]
fn a_changed_byte_anywhere_is_survived() {
    let file = planted();
    let mut copies = 0;
    for place in 128..file.len() {
        for value in [0, 1, 0xFF, file[place] ^ 0x20] {
            let mut changed = file.clone();
            changed[place] = value;
            copies += usize::from(cleaner(&[]).dicom(&changed).is_ok());
        }
    }
    assert!(copies > 1000, "{copies}");
}

#[test]
fn what_may_be_burned_in_is_said() {
    let mut facts = Facts {
        modality: Modality::Ultrasound,
        ..Facts::default()
    };
    assert!(warnings(&facts)[0].contains("ultrasound"));
    facts.burned_in = Some(true);
    assert!(warnings(&facts)[0].contains("--black"));
    facts.modality = Modality::Ct;
    facts.burned_in = Some(false);
    assert!(warnings(&facts).is_empty());
    facts.body_part = Some("head".into());
    assert!(warnings(&facts)[0].contains("face"));
}

fn dicom_files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/dicom");
    let files = files_in(&folder).into_iter();
    files
        .filter(|path| std::fs::read(path).is_ok_and(|bytes| bytes.get(128..132) == Some(b"DICM")))
        .collect()
}

#[test]
fn clean_copies_of_real_files_show_the_same_image_and_name_nobody() {
    let files = dicom_files();
    if files.is_empty() {
        println!("skipped: no DICOM files in ../shared/data");
        return;
    }
    let (mut cleaned, mut wrong) = (0, Vec::new());
    for path in files {
        let file = std::fs::read(&path).unwrap();
        let Ok(clean) = cleaner(&[]).dicom(&file) else {
            continue;
        };
        let options = Options::default();
        let volume = |bytes: &[u8]| {
            let opened = open_bytes(bytes.to_vec(), "x.dcm", &options).ok()?;
            opened
                .series
                .first()?
                .volume(&rounds_support::Cancel::new())
                .ok()
        };
        let Some(before) = volume(&file) else {
            continue;
        };
        let name = path.display();
        let Some(after) = volume(&clean.bytes) else {
            wrong.push(format!("{name}: the copy cannot be read"));
            continue;
        };
        // Compared by their bits, as what has no value is no number.
        let bits = |pixels: &Pixels| match pixels {
            Pixels::Values(values) => values.iter().map(|value| value.to_bits()).collect(),
            Pixels::Rgb(rgb) => rgb.iter().map(|byte| u32::from(*byte)).collect::<Vec<_>>(),
        };
        if bits(&before.pixels) != bits(&after.pixels) {
            wrong.push(format!("{name}: other pixels"));
        }
        if (before.size, before.affine) != (after.size, after.affine) {
            wrong.push(format!("{name}: another place"));
        }
        let left = identifying(&file)
            .into_iter()
            .filter(|value| contains(&clean.bytes, value));
        wrong.extend(left.map(|value| format!("{name}: {value}")));
        cleaned += 1;
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(cleaned > 40, "{cleaned}");
}

/// The names, identifiers, dates, free texts and UIDs in the plain elements of an explicit little-endian file.
fn identifying(file: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    let kinds: [&[u8; 2]; 9] = [
        b"PN", b"LO", b"SH", b"DA", b"ST", b"LT", b"UI", b"TM", b"AE",
    ];
    for at in 132..file.len().min(8000).saturating_sub(8) {
        let kind: [u8; 2] = [file[at + 4], file[at + 5]];
        let group = u16::from_le_bytes([file[at], file[at + 1]]);
        if !kinds.contains(&&kind) || ![8, 0x10, 0x20, 0x40].contains(&group) {
            continue;
        }
        let length = usize::from(u16::from_le_bytes([file[at + 6], file[at + 7]]));
        let Some(value) = file.get(at + 8..at + 8 + length) else {
            continue;
        };
        let text = String::from_utf8_lossy(value);
        let text = text
            .trim_matches(|c: char| c == '\0' || c == ' ')
            .to_owned();
        // Short ones occur by chance, and the UIDs of the standard stay.
        if text.len() >= 7 && !text.starts_with("1.2.840.10008.") && text.is_ascii() {
            found.push(text);
        }
    }
    found
}

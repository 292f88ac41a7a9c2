//! What identifies a patient never leaves the reader: a mark is planted in every element that holds text, and looked for in everything
//! that comes out.

use rounds_support::{Cancel, Hint};

use crate::make::{Encoding, Writer};
use crate::read;

const MARK: &str = "ZQX";

/// The elements of the standard: group and element in hexadecimal digits, and the value representation.
const ELEMENTS: &str = include_str!("elements.txt");

/// Text of every kind of value that holds any, with the mark in it.
fn planted(kind: &str) -> Option<String> {
    Some(match kind {
        "PN" => format!("{MARK}^Jane"),
        "UI" => "1.2.77777.3".to_owned(),
        "DA" => "19770707".to_owned(),
        "DT" => "19770707070707".to_owned(),
        "TM" => "070707".to_owned(),
        "AS" => "077Y".to_owned(),
        "CS" | "AE" | "LO" | "SH" | "LT" | "ST" | "UT" | "UC" | "UR" => {
            format!("{MARK} SECRET")
        }
        "DS" | "IS" => "77777".to_owned(),
        _ => return None,
    })
}

const TRACES: [&str; 5] = [MARK, "Jane", "77777", "19770707", "0707"];

/// An object with a mark in every element of the standard that holds text, but for those of other images' samples.
fn object(with_image: bool) -> Vec<u8> {
    let groups = [
        0x0008, 0x0010, 0x0012, 0x0014, 0x0018, 0x0020, 0x0022, 0x0028, 0x0032, 0x0038, 0x0040,
        0x0054, 0x0062, 0x0088, 0x0400, 0x2010, 0x3004, 0x3006, 0x300A, 0x4008,
    ];
    let mut object = Writer::new(Encoding::Explicit);
    let mut count = 0;
    for line in ELEMENTS.lines() {
        let (number, kind) = line.split_once(' ').unwrap();
        let number = u32::from_str_radix(number, 16).unwrap();
        let tag = ((number >> 16) as u16, number as u16);
        // Windows and the time between frames are numbers that are kept.
        let kept = [(0x0028, 0x1050), (0x0028, 0x1051), (0x0018, 0x1063)];
        if !groups.contains(&tag.0) || kept.contains(&tag) {
            continue;
        }
        if let Some(text) = planted(kind) {
            object = object.add(tag, kind.as_bytes().try_into().unwrap(), text.as_bytes());
            count += 1;
        }
    }
    assert!(count > 1500, "{count}");
    for element in [0x0010, 0x1001] {
        object = object.add(
            (0x0009, element),
            b"LO",
            format!("{MARK} PRIVATE").as_bytes(),
        );
    }
    if with_image {
        let image = [
            (0x0002, 1_u16),
            (0x0010, 2),
            (0x0011, 2),
            (0x0100, 16),
            (0x0101, 16),
            (0x0102, 15),
            (0x0103, 0),
        ];
        for (element, value) in image {
            object = object.us((0x0028, element), &[value]);
        }
        // Otherwise it would have 77777 frames.
        object = object
            .text((0x0028, 0x0008), b"IS", "1")
            .words((0x7FE0, 0x0010), &[1, 2, 3, 4]);
    }
    object.file()
}

fn assert_clean(text: &str) {
    for trace in TRACES {
        assert!(!text.contains(trace), "{trace} in {text}");
    }
}

#[test]
fn nothing_that_was_planted_in_an_image_comes_out() {
    let opened = read(object(true), "a.dcm").unwrap();
    let volume = opened.volume(&Cancel::new()).unwrap();
    assert_clean(&format!(
        "{:?} {:?} {:?}",
        opened, opened.notes, volume.facts
    ));
    assert_clean(&serde_json::to_string(&volume.facts).unwrap());
    assert!(volume.facts.patient.is_some() && volume.facts.series.is_some());
    assert_eq!(volume.facts.body_part, None);
}

#[test]
fn nothing_that_was_planted_comes_out_of_an_error() {
    let whole = object(true);
    let mut errors = vec![read(object(false), "a.dcm").unwrap_err()];
    for length in [whole.len() - 12, whole.len() / 2, whole.len() / 4, 2000] {
        errors.push(
            read(whole[..length].to_vec(), "a.dcm")
                .and_then(|opened| opened.volume(&Cancel::new()))
                .unwrap_err(),
        );
    }
    for error in errors {
        assert_clean(&format!("{error} {error:?} {:?}", error.hint()));
    }
}

#[test]
fn hashes_depend_on_the_salt_and_tell_patients_apart() {
    use rounds_scan::{Options, open_bytes};
    let hash = |salt: &[u8], bytes: Vec<u8>| {
        let options = Options {
            salt: salt.to_vec(),
            ..Options::default()
        };
        open_bytes(bytes, "a.dcm", &options).unwrap().series[0]
            .facts
            .patient
            .clone()
            .unwrap()
    };
    let slice = |patient| {
        crate::make::slice("1.2", 0.0, 1, 1)
            .text((0x0010, 0x0020), b"LO", patient)
            .file()
    };
    assert_eq!(hash(b"a", slice("P1")), hash(b"a", slice("P1")));
    assert_ne!(hash(b"a", slice("P1")), hash(b"b", slice("P1")));
    assert_ne!(hash(b"a", slice("P1")), hash(b"a", slice("P2")));
}

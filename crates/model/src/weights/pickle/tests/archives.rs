//! Malformed archives, and one larger than 4 GiB.

use super::super::TorchFile;
use super::builder::{archive, dict, end, entry, header, pickle, tensor, torch_file, zip64_end};

fn sound() -> Vec<u8> {
    pickle(&dict(&[("w", tensor("0", 2, 0, 2))]))
}

fn refusal(bytes: Vec<u8>) -> String {
    let outcome = TorchFile::from_bytes("x.pt", bytes);
    outcome
        .err()
        .map_or_else(String::new, |error| error.to_string())
}

#[track_caller]
fn refused(bytes: Vec<u8>, words: &str) {
    let error = refusal(bytes);
    assert!(error.contains(words), "{error:?} without {words:?}");
}

#[test]
fn a_hand_built_archive_is_read() {
    let storage = [1.0_f32.to_le_bytes(), 2.0_f32.to_le_bytes()].concat();
    let file = TorchFile::from_bytes("x.pt", torch_file(&sound(), &storage)).unwrap();
    assert_eq!(file.read(0).unwrap(), storage);
}

#[test]
fn records_with_equal_names_are_refused() {
    let pickle = sound();
    let twice = archive(&[
        ("x/data.pkl", &pickle),
        ("x/data/0", &[0; 8]),
        ("x/data/0", &[1; 8]),
    ]);
    refused(twice, "same name");
}

#[test]
fn two_pickles_are_refused() {
    let pickle = sound();
    let two = archive(&[
        ("x/data.pkl", &pickle),
        ("y/data.pkl", &pickle),
        ("x/data/0", &[0; 8]),
    ]);
    refused(two, "without a single data.pkl");
}

#[test]
fn a_name_with_parent_folders_is_just_a_name() {
    let pickle = pickle(&dict(&[("w", tensor("../../etc/passwd", 2, 0, 2))]));
    let climbing = [
        ("x/data.pkl", &pickle[..]),
        ("x/data/../../etc/passwd", &[7; 8]),
        ("/", b""),
        ("..", b""),
    ];
    let file = TorchFile::from_bytes("x.pt", archive(&climbing)).unwrap();
    assert_eq!(file.read(0).unwrap(), [7; 8]);
    refused(torch_file(&pickle, &[0; 8]), "is not in the archive");
}

/// An archive of 100 zeros and a directory of `entries` for `records` records.
fn with_directory(entries: &[u8], records: u16) -> Vec<u8> {
    [&[0; 100], entries, &end(100, entries.len() as u32, records)].concat()
}

fn behind_zip_header(bytes: &[u8]) -> Vec<u8> {
    [&header("a", 0, 0), bytes].concat()
}

#[test]
fn records_that_overlap_are_refused() {
    let entries = [entry("a", 40, 0, 0), entry("b", 10, 60, 0)].concat();
    let mut bytes = with_directory(&entries, 2);
    bytes[..4].copy_from_slice(b"PK\x03\x04");
    refused(bytes.clone(), "overlap");
    let entries = [entry("a", 10, 0, 0), entry("b", 60, 60, 0)].concat();
    let mut bytes = with_directory(&entries, 2);
    bytes[..4].copy_from_slice(b"PK\x03\x04");
    refused(bytes, "overlap");
}

#[test]
fn absurd_counts_and_offsets_are_refused_before_memory_is_allocated() {
    let one = entry("a", 1, 0, 0);
    refused(behind_zip_header(&end(0, 46, 60_000)), "outside the file");
    refused(
        behind_zip_header(&end(u32::MAX - 1, 46, 1)),
        "outside the file",
    );
    let wide = |start: u64, length: u64, records: u64| {
        let head = [header("a", 0, 0), one.clone()].concat();
        let at = head.len() as u64;
        let narrow = end(u32::MAX, u32::MAX, u16::MAX);
        [head, zip64_end(start, length, records, at), narrow].concat()
    };
    refused(wide(31, 47, u64::MAX), "records");
    refused(wide(31, u64::MAX, 1), "a directory of");
    refused(wide(u64::MAX, 47, 1), "outside the file");
    refused(wide(31, 47, 2), "outside the file");
    refused(wide(30, 47, 1), "broken entry");
}

#[test]
fn two_directories_that_disagree_are_refused() {
    let head = [header("a", 0, 0), entry("a", 0, 0, 0)].concat();
    let at = head.len() as u64;
    let bytes = [head, zip64_end(31, 47, 1, at), end(30, 47, 1)].concat();
    refused(bytes, "differ");
}

#[test]
fn a_record_whose_header_differs_from_the_directory_is_refused() {
    let sound = torch_file(&sound(), &[0; 8]);
    let at = sound.windows(8).position(|w| w == b"x/data/0").unwrap();
    for (offset, byte, words) in [
        (at, b'y', "a different name"),
        (at - 30, b'Q', "header of a plain record"),
        // Compressed, encrypted, and with an extra field that shifts the content.
        (at - 22, 8, "header of a plain record"),
        (at - 24, 1, "header of a plain record"),
        (at - 2, 1, "overlaps what follows"),
    ] {
        let mut bytes = sound.clone();
        bytes[offset] = byte;
        refused(bytes, words);
    }
}

#[cfg(unix)]
#[test]
fn an_archive_beyond_four_gibibytes_is_read() {
    use std::io::{Seek, SeekFrom, Write};

    // The file is sparse: it takes a few blocks on disk.
    const FLOATS: u64 = 5 << 28;
    let pickle = pickle(&dict(&[
        ("far", tensor("0", FLOATS as i64, FLOATS as i64 - 2, 2)),
        ("behind", tensor("1", 1, 0, 1)),
    ]));
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let mut directory = Vec::new();
    let mut at = 0;
    for (name, length, tail) in [
        ("x/data.pkl", pickle.len() as u64, &pickle[..]),
        ("x/data/0", 4 * FLOATS, &[1, 2, 3, 4, 5, 6, 7, 8]),
        ("x/data/1", 4, b"last"),
    ] {
        directory.extend(entry(name, length, at, 0));
        let header = header(name, length, 0);
        file.seek(SeekFrom::Start(at)).unwrap();
        file.write_all(&header).unwrap();
        at += header.len() as u64 + length;
        file.seek(SeekFrom::Start(at - tail.len() as u64)).unwrap();
        file.write_all(tail).unwrap();
    }
    file.write_all(&directory).unwrap();
    let length = directory.len() as u64;
    file.write_all(&zip64_end(at, length, 3, at + length))
        .unwrap();
    file.write_all(&end(u32::MAX, length as u32, 3)).unwrap();

    let opened = TorchFile::open(file.path()).unwrap();
    assert_eq!(opened.read(0).unwrap(), [1, 2, 3, 4, 5, 6, 7, 8]);
    assert_eq!(opened.read(1).unwrap(), b"last");
}

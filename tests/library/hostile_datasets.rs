//! Runs what the fuzz targets of data sets do over small files, whole and damaged.

use crate::targets::dataset;
use std::fs;
use std::path::PathBuf;

/// What a fuzz target does with its input.
type Target = fn(&[u8]);

/// Every beginning of a file, and every byte of it changed in three ways.
fn damage(whole: &[u8], target: Target) {
    target(whole);
    for length in 0..whole.len() {
        target(&whole[..length]);
    }
    let mut damaged = whole.to_vec();
    for at in 0..whole.len() {
        for byte in [whole[at] ^ 0x01, whole[at] ^ 0x80, 0xff] {
            damaged[at] = byte;
            target(&damaged);
        }
        damaged[at] = whole[at];
    }
}

#[test]
fn files_of_data_sets_whole_and_damaged_are_read_without_a_panic() {
    let targets: [(&str, Target); 7] = [
        ("json", dataset::json),
        ("lines", dataset::lines),
        ("table", dataset::table),
        ("text", dataset::text),
        ("document", dataset::document),
        ("pickle", dataset::pickle),
        ("parquet", dataset::parquet),
    ];
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/datasets");
    let mut files = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let kind = name.split('-').next().unwrap();
        let target = targets.iter().find(|(name, _)| *name == kind);
        damage(&fs::read(&path).unwrap(), target.unwrap().1);
        files += 1;
    }
    assert!(files >= targets.len(), "{files} files");
}

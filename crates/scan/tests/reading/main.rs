//! Reading of scans as a user of the crate sees it: real files against other programs' values, made-up files for what those lack,
//! damage, and privacy.

mod damage;
mod golden;
mod make;
mod nifti;
mod nrrd;
mod objects;
mod privacy;
mod series;

use std::path::{Path, PathBuf};

use rounds_scan::{Opened, Options, ScanError, open_bytes};

/// The real files, if they are there; else a line is printed.
pub(crate) fn shared_data() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    if folder.join("dicom").is_dir() {
        return Some(folder);
    }
    println!("skipped: the scans are not in ../shared/data");
    None
}

pub(crate) fn golden_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/scans")
}

pub(crate) fn options() -> Options {
    Options {
        salt: b"salt".to_vec(),
        ..Options::default()
    }
}

pub(crate) fn read(bytes: Vec<u8>, name: &str) -> Result<Opened, ScanError> {
    open_bytes(bytes, name, &options())
}

/// All files below a folder, in a stable order.
pub(crate) fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            match entry.path() {
                path if path.is_dir() => folders.push(path),
                path => files.push(path),
            }
        }
    }
    files.sort();
    files
}

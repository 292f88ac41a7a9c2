//! What each fuzz target does with its input. `tests/fuzz_corpus.rs` runs the same functions without a fuzzer.

pub mod dataset;

use std::time::Duration;

use rounds_model::weights::gguf::GgufFile;
use rounds_model::weights::pickle::TorchFile;
use rounds_scan::Fault;
use rounds_support::Cancel;

/// Maximum number of tensors read from one file; more would exercise the same code.
const MAX_TENSORS: usize = 8;
/// Series that are read of one archive.
const MAX_SERIES: usize = 3;
/// Most samples of a scan that is read.
const MAX_SCAN_SAMPLES: usize = 16 << 20;
/// The time that one input may take.
const MAX_SCAN_TIME: Duration = Duration::from_secs(20);

/// Opens `data` as a PyTorch file and reads from it. A bare pickle is put into an archive first, because mutated archives
/// are rarely valid.
pub fn pickle(data: &[u8]) {
    let bytes = if data.starts_with(b"\x80\x02") {
        archive(&[("x/data.pkl", data), ("x/data/0", &[0; 64])])
    } else {
        data.to_vec()
    };
    let Ok(file) = TorchFile::from_bytes("fuzz.pt", bytes) else {
        return;
    };
    for (index, info) in file.tensors().iter().enumerate().take(MAX_TENSORS) {
        let elements: usize = info.shape.iter().product();
        let read = file
            .read(index)
            .expect("an opened file in memory can be read");
        assert_eq!(read.len(), elements * info.dtype.size(), "{}", info.name);
    }
}

/// Checks `data` as a safetensors file.
pub fn safetensors(data: &[u8]) {
    let _ = rounds_model::weights::safetensors::check(data);
}

/// Reads `data` as a GGUF file: as the weights of a bundle, and as a file from llama.cpp.
pub fn gguf(data: &[u8]) {
    let _ = rounds_model::load::check_gguf(data);
    let Ok(file) = GgufFile::from_bytes("fuzz.gguf", data.to_vec()) else {
        return;
    };
    for index in 0..file.tensors().len().min(MAX_TENSORS) {
        let _ = file.read(index);
    }
}

/// Opens `data` as a scan, and reads and shows what is in it. A panic of a decoder, which becomes an error elsewhere, is one here.
pub fn scan(data: &[u8]) {
    // Analyze is only known by its name.
    for name in ["fuzz.dcm", "fuzz.hdr"] {
        rounds_scan::time_limit::within(MAX_SCAN_TIME, || read_scan(data, name));
    }
}

fn read_scan(data: &[u8], name: &str) {
    let opened = rounds_scan::open_bytes(data.to_vec(), name, &rounds_scan::Options::default());
    let opened = match opened {
        Ok(opened) => opened,
        Err(error) => return check_error(&error),
    };
    for series in opened.series.iter().take(MAX_SERIES) {
        let samples = series
            .size
            .iter()
            .try_fold(1_usize, |all, side| all.checked_mul(*side));
        // Larger ones take longer, and no other way.
        if samples.is_none_or(|samples| samples > MAX_SCAN_SAMPLES) {
            continue;
        }
        let view = rounds_scan::View::default();
        match rounds_scan::scene_of(series, 0, None, &Cancel::new()) {
            Ok(scene) => {
                let _ = scene.render(&view);
            }
            Err(rounds_scan::ViewError::Scan(error)) => check_error(&error),
            Err(_) => {}
        }
        if let Err(error) = series.slice(series.size[2] / 2) {
            check_error(&error);
        }
    }
}

fn check_error(error: &rounds_scan::ScanError) {
    use rounds_scan::ScanError;
    if let ScanError::In { fault, .. } = error {
        assert_ne!(*fault, Fault::Panicked, "a decoder panicked");
        assert!(
            !matches!(fault, Fault::TooSlow { .. }),
            "a decoder took too long"
        );
    }
}

/// Reads `data` as a bundle manifest.
pub fn manifest(data: &[u8]) {
    let _ = rounds_model::bundle::Bundle::parse_manifest(data);
}

/// A ZIP archive of these records, uncompressed.
fn archive(records: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut bytes, mut directory) = (Vec::<u8>::new(), Vec::<u8>::new());
    for (name, content) in records {
        let header = (bytes.len() as u32).to_le_bytes();
        let length = (content.len() as u32).to_le_bytes();
        let lengths = [[0; 4], length, length].concat();
        let name_length = (name.len() as u16).to_le_bytes();
        bytes.extend(b"PK\x03\x04\0\0\0\0\0\0\0\0\0\0");
        for part in [
            &lengths,
            &name_length[..],
            &[0; 2],
            name.as_bytes(),
            content,
        ] {
            bytes.extend(part);
        }
        directory.extend(b"PK\x01\x02\0\0\0\0\0\0\0\0\0\0\0\0");
        for part in [
            &lengths,
            &name_length[..],
            &[0; 12],
            &header,
            name.as_bytes(),
        ] {
            directory.extend(part);
        }
    }
    let records = (records.len() as u16).to_le_bytes();
    let start = (bytes.len() as u32).to_le_bytes();
    let length = (directory.len() as u32).to_le_bytes();
    bytes.extend(directory);
    bytes.extend(b"PK\x05\x06\0\0\0\0");
    for part in [&records[..], &records, &length, &start, &[0; 2]] {
        bytes.extend(part);
    }
    bytes
}

//! Intact and damaged files of PyTorch, made by `tests/reference/pickles.py` with their expected content.

mod archives;
mod builder;
mod legacy;
mod pickles;

use std::fs;
use std::path::PathBuf;

use half::{bf16, f16};
use serde_json::Value as Json;

use super::{TensorInfo, TorchFile};
use crate::weights::{Dtype, WeightError};

fn golden(name: &str) -> PathBuf {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/golden/pickles");
    PathBuf::from(folder).join(name)
}

fn expected() -> serde_json::Map<String, Json> {
    let text = fs::read(golden("expected.json")).unwrap();
    serde_json::from_slice(&text).unwrap()
}

/// The elements of a tensor as numbers.
fn values(dtype: Dtype, bytes: &[u8]) -> Vec<f64> {
    let number = |element: &[u8]| match dtype {
        Dtype::F16 => f16::from_le_bytes(element.try_into().unwrap()).to_f64(),
        Dtype::BF16 => bf16::from_le_bytes(element.try_into().unwrap()).to_f64(),
        Dtype::F32 => f64::from(f32::from_le_bytes(element.try_into().unwrap())),
        Dtype::F64 => f64::from_le_bytes(element.try_into().unwrap()),
        Dtype::U8 | Dtype::Bool => f64::from(element[0]),
        Dtype::I8 => f64::from(i8::from_le_bytes(element.try_into().unwrap())),
        Dtype::I16 => f64::from(i16::from_le_bytes(element.try_into().unwrap())),
        Dtype::I32 => f64::from(i32::from_le_bytes(element.try_into().unwrap())),
        Dtype::I64 => i64::from_le_bytes(element.try_into().unwrap()) as f64,
    };
    bytes.chunks_exact(dtype.size()).map(number).collect()
}

fn described(info: &TensorInfo, bytes: &[u8]) -> Json {
    serde_json::json!({
        "dtype": info.dtype.name(),
        "shape": info.shape,
        "values": values(info.dtype, bytes),
    })
}

fn check(name: &str, file: Result<TorchFile, WeightError>, expected: &Json) {
    if let Some(tensors) = expected.get("tensors") {
        let file = file.unwrap_or_else(|error| panic!("{name}: {error}"));
        let mut found = serde_json::Map::new();
        for (index, info) in file.tensors().iter().enumerate() {
            let bytes = file.read(index).unwrap();
            found.insert(info.name.clone(), described(info, &bytes));
        }
        assert_eq!(&Json::Object(found), tensors, "{name}");
        return;
    }
    let error = file.err().unwrap_or_else(|| panic!("{name} was read"));
    let kind = match &error {
        WeightError::Io { .. } => "io",
        WeightError::Format { .. } => "format",
        WeightError::Hostile { .. } => "hostile",
        WeightError::TooLarge { .. } => "too large",
    };
    assert_eq!(kind, expected["error"], "{name}: {error}");
    let words = expected["words"].as_str().unwrap();
    let message = error.to_string();
    assert!(message.contains(words), "{name}: {message}");
    assert!(message.contains(&format!("{name}.pt")), "{message}");
}

#[test]
fn every_golden_file_gives_the_expected_tensors_or_error() {
    let expected = expected();
    for (name, outcome) in &expected {
        let path = golden(&format!("{name}.pt"));
        check(name, TorchFile::open(&path), outcome);
        let bytes = fs::read(&path).unwrap();
        let file_name = format!("{name}.pt");
        check(name, TorchFile::from_bytes(&file_name, bytes), outcome);
    }
    let files = fs::read_dir(golden("")).unwrap();
    let names = files.map(|file| file.unwrap().path());
    let files = names.filter(|name| name.extension().is_some_and(|end| end == "pt"));
    assert_eq!(
        files.count(),
        expected.len(),
        "a file without an expected result"
    );
}

#[test]
fn no_code_in_a_file_is_run() {
    assert!(TorchFile::open(&golden("hostile.pt")).is_err());
    for folder in [std::env::current_dir().unwrap(), golden("")] {
        assert!(!folder.join("pickle-has-run").exists());
    }
}

#[test]
fn tensors_come_in_the_order_of_the_file() {
    let file = TorchFile::open(&golden("shared.pt")).unwrap();
    let names: Vec<&str> = file
        .tensors()
        .iter()
        .map(|info| info.name.as_str())
        .collect();
    assert_eq!(names, ["whole", "tail", "again"]);
}

#[test]
fn a_missing_tensor_is_an_error() {
    let file = TorchFile::open(&golden("bare.pt")).unwrap();
    let error = file.read(1).unwrap_err().to_string();
    assert!(error.contains("no tensor number 1"), "{error}");
}

#[test]
fn missing_files_folders_and_other_formats_are_distinguished() {
    let missing = TorchFile::open(&golden("missing.pt")).err().unwrap();
    assert!(matches!(missing, WeightError::Io { .. }), "{missing}");
    let folder = TorchFile::open(&golden("")).err().unwrap();
    assert!(
        folder.to_string().contains("not a regular file"),
        "{folder}"
    );
    for (content, words) in [
        (&b""[..], "empty"),
        (
            b"version https://git-lfs.github.com/spec/v1\noid",
            "Git LFS pointer",
        ),
        (b"<!DOCTYPE html>", "web page"),
        (b"GGUF\x03\0\0\0", "GGUF"),
        (b"PK\x03\x04", "no directory"),
        (b"something else", "neither a zip archive"),
        (b"\x80\x02}.", "save the model's state_dict()"),
    ] {
        let error = TorchFile::from_bytes("model.bin", content.to_vec())
            .err()
            .unwrap();
        assert!(error.to_string().contains(words), "{error}");
    }
}

/// Opens `bytes` and reads every tensor. Only a panic or an endless loop would be a failure.
fn exercise(bytes: Vec<u8>) {
    if let Ok(file) = TorchFile::from_bytes("damaged.pt", bytes) {
        for index in 0..file.tensors().len() {
            let _ = file.read(index);
        }
    }
}

#[test]
fn truncated_and_damaged_files_never_panic() {
    for name in [
        "plain.pt",
        "strided.pt",
        "nested.pt",
        "protocol_4.pt",
        "legacy.pt",
    ] {
        let whole = fs::read(golden(name)).unwrap();
        for length in 0..whole.len() {
            exercise(whole[..length].to_vec());
        }
        for at in 0..whole.len() {
            for change in [0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0xff] {
                let mut damaged = whole.clone();
                damaged[at] ^= change;
                exercise(damaged);
            }
        }
    }
}

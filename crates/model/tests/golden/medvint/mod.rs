//! MedVInT against PyTorch (tests/golden/medvint, made by tests/reference/medvint.py).

mod texts;
mod variants;

use candle_core::{Device, Tensor};
use rounds_model::EncodedImage;
use rounds_model::bundle::Bundle;
use rounds_model::import::{MedvintRequest, MedvintVariant, WeightFormat};
use serde_json::Value;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::word_tokenizer::write as tokenizer;

fn golden(name: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
        .join("tests/golden/medvint")
        .join(name)
}

fn json(file: &Path) -> Value {
    let text = std::fs::read_to_string(file).expect("a file");
    serde_json::from_str(&text).expect("JSON")
}

fn list(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

fn ids(value: &Value) -> Vec<u32> {
    let id = |v: &Value| v.as_u64().expect("an id") as u32;
    list(value).iter().map(id).collect()
}

fn difference(a: &Tensor, b: &Tensor) -> f32 {
    assert_eq!(a.dims(), b.dims());
    let floats = |t: &Tensor| -> Vec<f32> {
        let flat = t.flatten_all().and_then(|t| t.to_vec1());
        flat.expect("floats")
    };
    let pairs = floats(a).into_iter().zip(floats(b));
    pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

/// A variant's checkpoint, imported, and what PyTorch computes with it.
struct Golden {
    bundle: Bundle,
    expected: HashMap<String, Tensor>,
    cases: Value,
    _folder: tempfile::TempDir,
}

fn request(variant: MedvintVariant, name: &str, folder: &Path) -> MedvintRequest {
    let special = [("<unk>", 0), ("<s>", 1), ("</s>", 2)];
    tokenizer(folder, 96, &special);
    let files = golden(name);
    MedvintRequest {
        variant,
        checkpoint: files.join("checkpoint.bin"),
        language: Some(files),
        tokenizer: Some(folder.to_path_buf()),
        out: folder.join("bundle"),
        name: name.into(),
        image_size: Some(64),
        vision_heads: Some(4),
        query_heads: None,
        lora_alpha: None,
        weight_format: WeightFormat::F32,
        begin: None,
        template: None,
    }
}

fn imported(variant: MedvintVariant, name: &str) -> Golden {
    let folder = tempfile::tempdir().expect("a folder");
    let request = request(variant, name, folder.path());
    let cancel = rounds_support::Cancel::new();
    rounds_model::import::import_medvint(&request, &cancel, &mut |_, _| {}).expect("imported");
    let expected = golden(name).join("expected.safetensors");
    Golden {
        bundle: Bundle::open(Some(&request.out)).expect("a bundle"),
        expected: candle_core::safetensors::load(expected, &Device::Cpu).expect("tensors"),
        cases: json(&golden(name).join("cases.json")),
        _folder: folder,
    }
}

/// The image tokens' images in order: the golden prompts show the two images one after the other.
fn images(
    golden: &Golden,
    encode: impl Fn(&Tensor) -> EncodedImage,
    count: usize,
) -> Vec<Arc<EncodedImage>> {
    let one = |i| golden.expected["pixels"].narrow(0, i, 1).expect("an image");
    (0..count).map(|i| Arc::new(encode(&one(i)))).collect()
}

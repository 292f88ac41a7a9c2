//! Imports and runs published image-text encoders, and compares them with the reference implementations (tests/golden/encoders, made
//! by tests/reference/encoders.py).

mod damage;
mod imports;
mod refusals;
mod vectors;

use candle_core::{DType, Device, Tensor};
use rounds_imaging::{Image, load_as_reference};
use rounds_model::encoder::{
    DualEncoder, EncoderBundle, EncoderOptions, Family, Overrides, Summary, import,
};
use rounds_model::import::{ImportError, WeightFormat};
use rounds_support::Cancel;
use serde_json::Value;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// Every checkpoint, its family, and its number of unneeded tensors.
const CHECKPOINTS: [(&str, Family, usize); 5] = [
    ("clip/hf", Family::Clip, 2),
    ("clip/open_clip", Family::Clip, 1),
    ("laion/open_clip", Family::Clip, 1),
    ("siglip/hf", Family::Siglip, 2),
    ("biomedclip/open_clip", Family::Biomedclip, 2),
];

fn golden(name: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
        .join("tests/golden")
        .join(name)
}

fn cases() -> Value {
    let text = std::fs::read_to_string(golden("encoders/cases.json")).expect("cases.json");
    serde_json::from_str(&text).expect("JSON")
}

fn expected() -> HashMap<String, Tensor> {
    candle_core::safetensors::load(golden("encoders/expected.safetensors"), &Device::Cpu)
        .expect("expected.safetensors")
}

fn texts() -> Vec<String> {
    let texts = &cases()["texts"];
    let list = texts.as_array().expect("a list").iter();
    list.map(|t| t.as_str().expect("a text").to_string())
        .collect()
}

fn images() -> Vec<Image> {
    let cases = cases();
    let names = cases["pictures"].as_array().expect("a list").iter();
    names
        .map(|n| {
            load_as_reference(&golden("pixels").join(n.as_str().expect("a name")))
                .expect("an image")
        })
        .collect()
}

fn options(weight_format: WeightFormat) -> EncoderOptions {
    EncoderOptions {
        weight_format,
        name: "tiny".into(),
        licence: Some("CC0".into()),
        tokenizer: None,
        overrides: Overrides::default(),
    }
}

/// The BERT and the timm tower of the golden BiomedCLIP have four heads of 8; published ones have heads of 64.
fn options_for(name: &str, weight_format: WeightFormat) -> EncoderOptions {
    let mut options = options(weight_format);
    if name.starts_with("biomedclip") {
        options.overrides.vision_heads = Some(4);
        options.overrides.text_heads = Some(4);
    }
    options
}

fn run(checkpoint: &Path, out: &Path, options: &EncoderOptions) -> Result<Summary, ImportError> {
    import(checkpoint, out, options, &Cancel::new(), &mut |_, _| {})
}

fn imported(name: &str, weight_format: WeightFormat) -> (tempfile::TempDir, Summary) {
    let folder = tempfile::tempdir().expect("a folder");
    let checkpoint = golden("encoders").join(name);
    let summary = run(
        &checkpoint,
        folder.path(),
        &options_for(name, weight_format),
    )
    .expect(name);
    (folder, summary)
}

fn encoder(folder: &Path) -> DualEncoder {
    let bundle = EncoderBundle::open(folder).expect("a bundle");
    DualEncoder::load(&bundle, &Device::Cpu).expect("an encoder")
}

fn floats(tensor: &Tensor) -> Vec<f32> {
    tensor
        .flatten_all()
        .and_then(|t| t.to_dtype(DType::F32))
        .and_then(|t| t.to_vec1())
        .expect("floats")
}

fn apart(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter()
        .zip(b)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f32::max)
}

/// A copy of a checkpoint's folder that a test may change.
fn copied(name: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for entry in std::fs::read_dir(golden("encoders").join(name)).expect("a folder") {
        let path = entry.expect("an entry").path();
        let to = folder.path().join(path.file_name().expect("a name"));
        std::fs::copy(&path, to).expect("copied");
    }
    folder
}

fn change_json(path: &Path, change: impl FnOnce(&mut Value)) {
    let text = std::fs::read_to_string(path).expect("a file");
    let mut json = serde_json::from_str(&text).expect("JSON");
    change(&mut json);
    std::fs::write(path, json.to_string()).expect("written");
}

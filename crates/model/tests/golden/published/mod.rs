//! Imports and runs published layouts, and compares them with the reference implementations (tests/golden, made by the scripts in
//! tests/reference).

mod agreement;
mod imports;
mod penalties;
mod precision;

use candle_core::{Device, Tensor};
use rounds_model::bundle::Bundle;
use rounds_model::flamingo::MediaMask;
use rounds_model::import::{Request, WeightFormat, import};
use rounds_model::learner::FlamingoLearner;
use rounds_model::{EncodedImage, FewShotLearner};
use rounds_support::Cancel;
use serde_json::Value;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::word_tokenizer::write as tokenizer;

fn golden(name: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
        .join("tests/golden")
        .join(name)
}

fn cases(folder: &Path) -> Value {
    let text = std::fs::read_to_string(folder.join("cases.json")).expect("cases.json");
    serde_json::from_str(&text).expect("JSON")
}

fn expected(folder: &Path) -> HashMap<String, Tensor> {
    candle_core::safetensors::load(folder.join("expected.safetensors"), &Device::Cpu)
        .expect("expected.safetensors")
}

fn ids(value: &Value) -> Vec<u32> {
    value
        .as_array()
        .expect("a list")
        .iter()
        .map(|v| v.as_u64().expect("an id") as u32)
        .collect()
}

fn of_tensor(tensor: &Tensor) -> Vec<u32> {
    let values: Vec<i64> = tensor
        .to_dtype(candle_core::DType::I64)
        .and_then(|t| t.flatten_all())
        .and_then(|t| t.to_vec1())
        .expect("ids");
    values.into_iter().map(|v| v as u32).collect()
}

fn floats(tensor: &Tensor) -> Vec<f32> {
    tensor
        .flatten_all()
        .and_then(|t| t.to_dtype(candle_core::DType::F32))
        .and_then(|t| t.to_vec1())
        .expect("floats")
}

fn difference(a: &Tensor, b: &Tensor) -> f32 {
    assert_eq!(a.dims(), b.dims());
    floats(a)
        .iter()
        .zip(&floats(b))
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f32::max)
}

struct Imported {
    learner: FlamingoLearner,
    _folder: tempfile::TempDir,
}

fn request(family: &str, folder: &Path, mask: MediaMask, weight_format: WeightFormat) -> Request {
    let golden = golden(&format!("flamingo/{family}"));
    let info = cases(&golden);
    let text = |v: &Value| v.as_str().expect("a name").to_string();
    tokenizer(folder, 128, &[]);
    Request {
        idefics: false,
        checkpoint: golden.join(text(&info["files"]["checkpoints"][0])),
        language: Some(golden.join(text(&info["files"]["language"]))),
        vision: Some(golden.join(text(&info["files"]["vision"]))),
        tokenizer: Some(folder.to_path_buf()),
        out: folder.join("bundle"),
        name: family.into(),
        media_mask: mask,
        cross_attn_every_n: Some(2),
        vision_heads: Some(4),
        weight_format,
        begin: None,
        template: None,
    }
}

/// A learner that computes in bf16 for bf16 weights, as on a GPU, else in the default dtype. (The golden weights are exact in bf16, so
/// only computing in it makes a difference.)
fn learner(bundle: &Bundle, weight_format: WeightFormat) -> FlamingoLearner {
    match weight_format {
        WeightFormat::Bf16 => {
            FlamingoLearner::load_as(bundle, &Device::Cpu, candle_core::DType::BF16)
        }
        _ => FlamingoLearner::load(bundle, &Device::Cpu),
    }
    .expect("a learner")
}

fn flamingo(family: &str, mask: MediaMask, weight_format: WeightFormat) -> Imported {
    let folder = tempfile::tempdir().expect("a folder");
    let request = request(family, folder.path(), mask, weight_format);
    import(&request, &Cancel::new(), &mut |_, _| {}).expect("imported");
    let bundle = Bundle::open(Some(&request.out)).expect("a bundle");
    Imported {
        learner: learner(&bundle, weight_format),
        _folder: folder,
    }
}

fn encoded(learner: &FlamingoLearner, pixels: &Tensor, count: usize) -> Vec<Arc<EncodedImage>> {
    (0..count)
        .map(|i| {
            let one = pixels
                .narrow(0, i, 1)
                .and_then(|t| t.to_dtype(learner.dtype()))
                .expect("an image");
            Arc::new(learner.encode_pixels(&one).expect("encoded"))
        })
        .collect()
}

/// Compares the tower's patch tokens and the latents; returns the pooled vectors, which not every reference has.
fn images_agree(learner: &FlamingoLearner, expected: &HashMap<String, Tensor>) -> Tensor {
    let model = learner.model();
    let output = model.tower.forward(&expected["pixels"]).expect("vision");
    assert!(difference(&output.tokens, &expected["vision.tokens"]) < 1e-4);
    let latents = model.resampler.forward(&output.tokens).expect("latents");
    assert!(difference(&latents, &expected["latents"]) < 1e-4);
    output.pooled
}

fn idefics(weight_format: WeightFormat) -> Imported {
    let folder = tempfile::tempdir().expect("a folder");
    let special = [
        ("<s>", 1),
        ("</s>", 2),
        ("<fake_token_around_image>", 128),
        ("<image>", 129),
    ];
    tokenizer(folder.path(), 130, &special);
    let request = Request {
        idefics: true,
        checkpoint: golden("idefics"),
        language: None,
        vision: None,
        tokenizer: Some(folder.path().to_path_buf()),
        out: folder.path().join("bundle"),
        name: "idefics".into(),
        media_mask: MediaMask::Previous,
        cross_attn_every_n: None,
        vision_heads: None,
        weight_format,
        begin: None,
        template: None,
    };
    import(&request, &Cancel::new(), &mut |_, _| {}).expect("imported");
    let bundle = Bundle::open(Some(&request.out)).expect("a bundle");
    Imported {
        learner: learner(&bundle, weight_format),
        _folder: folder,
    }
}

//! Published layouts, imported and run, against what the reference implementations gave (tests/golden, made by the scripts in
//! tests/reference).

use candle_core::{Device, Tensor};
use rounds::model::bundle::Bundle;
use rounds::model::flamingo::{FlamingoLearner, MediaMask};
use rounds::model::generate::beam::{Beams, beam_search};
use rounds::model::generate::penalty::Penalties;
use rounds::model::generate::score::rank;
use rounds::model::import::{Hold, Request, import};
use rounds::model::{EncodedImage, FewShotLearner};
use rounds::support::Cancel;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
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

/// A tokenizer with a word for every id, and `special` on the last ones.
fn tokenizer(folder: &Path, words: usize, special: &[(&str, usize)]) {
    let name = |id: usize| {
        special
            .iter()
            .find(|(_, at)| *at == id)
            .map_or_else(|| format!("t{id}"), |(name, _)| (*name).to_string())
    };
    let vocabulary: serde_json::Map<String, Value> =
        (0..words).map(|id| (name(id), id.into())).collect();
    let added: Vec<Value> = special
        .iter()
        .filter(|(_, id)| *id < words)
        .map(|(name, id)| {
            json!({"id": id, "content": name, "single_word": false, "lstrip": false, "rstrip": false,
                   "normalized": false, "special": true})
        })
        .collect();
    let json = json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": added, "normalizer": null,
        "pre_tokenizer": {"type": "Whitespace"}, "post_processor": null, "decoder": null,
        "model": {"type": "WordLevel", "vocab": vocabulary, "unk_token": "t0"}
    });
    std::fs::write(folder.join("tokenizer.json"), json.to_string()).expect("written");
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

fn cosine(a: &Tensor, b: &Tensor) -> f64 {
    let (a, b) = (floats(a), floats(b));
    let dot = |x: &[f32], y: &[f32]| -> f64 {
        x.iter()
            .zip(y)
            .map(|(x, y)| f64::from(*x) * f64::from(*y))
            .sum()
    };
    dot(&a, &b) / (dot(&a, &a).sqrt() * dot(&b, &b).sqrt())
}

struct Imported {
    learner: FlamingoLearner,
    _folder: tempfile::TempDir,
}

fn request(family: &str, folder: &Path, mask: MediaMask, hold: Hold) -> Request {
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
        hold,
        begin: None,
        template: None,
    }
}

fn flamingo(family: &str, mask: MediaMask, hold: Hold) -> Imported {
    let folder = tempfile::tempdir().expect("a folder");
    let request = request(family, folder.path(), mask, hold);
    import(&request, &Cancel::new(), &mut |_, _| {}).expect("imported");
    let bundle = Bundle::open(Some(&request.out)).expect("a bundle");
    Imported {
        learner: FlamingoLearner::load(&bundle, &Device::Cpu).expect("a learner"),
        _folder: folder,
    }
}

fn encoded(learner: &FlamingoLearner, pixels: &Tensor, count: usize) -> Vec<Arc<EncodedImage>> {
    (0..count)
        .map(|i| {
            let one = pixels.narrow(0, i, 1).expect("an image");
            Arc::new(learner.encode_pixels(&one).expect("encoded"))
        })
        .collect()
}

fn argmax(logits: &[f32]) -> u32 {
    let best =
        logits.iter().enumerate().fold(
            (0, f32::NEG_INFINITY),
            |b, (i, &v)| if v > b.1 { (i, v) } else { b },
        );
    best.0 as u32
}

/// Vision, latents, logits, greedy ids, beams and ranking of every case of a family and mask.
fn agrees(family: &str, mask: MediaMask, name_of_mask: &str) {
    let folder = golden(&format!("flamingo/{family}"));
    let (info, expected) = (cases(&folder), expected(&folder));
    let mut imported = flamingo(family, mask, Hold::F32);
    let learner = &mut imported.learner;
    let pixels = &expected["pixels"];
    let output = learner.model().tower.forward(pixels).expect("vision");
    assert!(difference(&output.tokens, &expected["vision.tokens"]) < 1e-4);
    assert!(difference(&output.pooled, &expected["vision.pooled"]) < 1e-4);
    let latents = learner
        .model()
        .resampler
        .forward(&output.tokens)
        .expect("latents");
    assert!(difference(&latents, &expected["latents"]) < 1e-4);
    let cancel = Cancel::new();
    let columns = info["logit_columns"].as_u64().expect("columns") as usize;
    let mut compared = 0;
    for case in info["cases"].as_array().expect("cases") {
        if case["media_mask"] != name_of_mask {
            continue;
        }
        let name = case["name"].as_str().expect("a name");
        let prompt = ids(&case["input_ids"]);
        let images = encoded(
            learner,
            pixels,
            case["images"].as_u64().expect("images") as usize,
        );
        let padding = case["left_padding"].as_u64().expect("padding") as usize;
        let logits = learner
            .logits(&prompt, &images, padding, &cancel)
            .expect("logits");
        let wanted = &expected[&format!("{name}.logits")];
        let rows = wanted.dim(0).expect("rows");
        let got = logits
            .narrow(0, prompt.len() - rows, rows)
            .and_then(|t| t.narrow(1, 0, columns))
            .and_then(|t| {
                t.narrow(
                    0,
                    padding.saturating_sub(prompt.len() - rows),
                    rows - padding.saturating_sub(prompt.len() - rows),
                )
            })
            .expect("rows");
        let from = padding.saturating_sub(prompt.len() - rows);
        let wanted = wanted.narrow(0, from, rows - from).expect("rows");
        let apart = difference(&got, &wanted);
        assert!(apart < 1e-4, "{family} {name}: logits differ by {apart}");
        let mut row = learner
            .prefill_padded(&prompt, &images, padding, &cancel)
            .expect("prefill");
        let greedy: Vec<u32> = (0..32)
            .map(|_| {
                let best = argmax(&row[..columns]);
                row = learner.step(best, &cancel).expect("a step");
                best
            })
            .collect();
        let wanted = of_tensor(&expected[&format!("{name}.greedy")]);
        assert_eq!(greedy, wanted, "{family} {name}: greedy");
        for (i, beam) in case["beams"].as_array().expect("beams").iter().enumerate() {
            let row = learner
                .prefill_padded(&prompt, &images, padding, &cancel)
                .expect("prefill");
            let beams = Beams {
                count: 3,
                length_penalty: beam["length_penalty"].as_f64().expect("a penalty"),
                counted_prompt: prompt.len(),
            };
            let ends = [beam["eos_token_id"].as_u64().expect("an id") as u32];
            let none = Penalties::default();
            let found =
                beam_search(learner, row, &prompt, beams, &none, &ends, 8, &cancel).expect("beams");
            let wanted = of_tensor(&expected[&format!("{name}.beams.{i}")]);
            assert_eq!(found[0].ids, wanted, "{family} {name}: beams {i}");
            let score = beam["score"].as_f64().expect("a score");
            let relative = (found[0].score - score).abs() / score.abs().max(1e-3);
            assert!(relative < 1e-3, "{name}: {} {score}", found[0].score);
        }
        if let Some(given) = case["ranking"]["continuations"].as_array() {
            let row = learner
                .prefill_padded(&prompt, &images, padding, &cancel)
                .expect("prefill");
            let texts: Vec<Vec<u32>> = given.iter().map(|g| ids(&g["ids"])).collect();
            let ranked = rank(learner, &row, &texts, &cancel).expect("ranked");
            for (found, given) in ranked.iter().zip(given) {
                let sum = given["sum"].as_f64().expect("a sum");
                assert!(
                    (found.sum - sum).abs() < 1e-3,
                    "{name}: {} {sum}",
                    found.sum
                );
            }
        }
        compared += 1;
    }
    assert!(compared >= 5, "{family}: {compared} cases");
}

#[test]
fn openflamingo_1_on_llama_agrees_with_both_masks() {
    agrees("of1-llama", MediaMask::Next, "next");
    agrees("of1-llama", MediaMask::Previous, "previous");
}

#[test]
fn openflamingo_2_on_mpt_1b_agrees() {
    agrees("of2-mpt1b", MediaMask::Previous, "previous");
}

#[test]
fn openflamingo_2_on_mpt_7b_agrees() {
    agrees("of2-mpt7b", MediaMask::Previous, "previous");
}

#[test]
fn openflamingo_2_on_gpt_neox_agrees() {
    agrees("of2-neox", MediaMask::Previous, "previous");
}

//! Imports and runs published layouts, and compares them with the reference implementations (tests/golden, made by the scripts in
//! tests/reference).

use candle_core::{Device, Tensor};
use rounds_model::bundle::Bundle;
use rounds_model::flamingo::MediaMask;
use rounds_model::generate::argmax;
use rounds_model::generate::beam::{Beams, Length, beam_search};
use rounds_model::generate::penalty::Penalties;
use rounds_model::generate::score::rank;
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

/// Compares vision, latents, logits, greedy ids, beams and ranking in every case of a family and mask.
fn check_cases(family: &str, mask: MediaMask, name_of_mask: &str) {
    let folder = golden(&format!("flamingo/{family}"));
    let (info, expected) = (cases(&folder), expected(&folder));
    let mut imported = flamingo(family, mask, WeightFormat::F32);
    let learner = &mut imported.learner;
    let pixels = &expected["pixels"];
    let pooled = images_agree(learner, &expected);
    assert!(difference(&pooled, &expected["vision.pooled"]) < 1e-4);
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
                length: Length::Whole,
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
    check_cases("of1-llama", MediaMask::Next, "next");
    check_cases("of1-llama", MediaMask::Previous, "previous");
}

#[test]
fn openflamingo_2_on_mpt_1b_agrees() {
    check_cases("of2-mpt1b", MediaMask::Previous, "previous");
}

#[test]
fn openflamingo_2_on_mpt_7b_agrees() {
    check_cases("of2-mpt7b", MediaMask::Previous, "previous");
}

#[test]
fn openflamingo_2_on_gpt_neox_agrees() {
    check_cases("of2-neox", MediaMask::Previous, "previous");
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

#[test]
fn idefics_agrees() {
    let folder = golden("idefics");
    let (info, expected) = (cases(&folder), expected(&folder));
    let mut imported = idefics(WeightFormat::F32);
    let learner = &mut imported.learner;
    let pixels = &expected["pixels"];
    images_agree(learner, &expected);
    let cancel = Cancel::new();
    let mut compared = 0;
    for (name, case) in info["cases"].as_object().expect("cases") {
        let prompt = ids(&case["input_ids"]);
        let padding = case["left_padding"].as_u64().expect("padding") as usize;
        // In the reference a prompt without images has one empty image, which no token attends to.
        let places = prompt.iter().filter(|&&id| id == 129).count();
        let images = encoded(learner, pixels, places);
        let times: Vec<i64> = learner
            .times(&prompt)
            .iter()
            .map(|&t| i64::from(t) - 1)
            .collect();
        let wanted: Vec<i64> = case["image_index"]
            .as_array()
            .expect("a list")
            .iter()
            .filter_map(Value::as_i64)
            .collect();
        assert_eq!(
            times[padding..],
            wanted[padding..],
            "{name}: which image each token sees"
        );
        let logits = learner
            .logits(&prompt, &images, padding, &cancel)
            .expect("logits");
        let wanted = &expected[&format!("{name}.logits")];
        let real = prompt.len() - padding;
        let skip = wanted.dim(0).expect("rows") - real;
        let apart = difference(
            &logits.narrow(0, padding, real).expect("rows"),
            &wanted.narrow(0, skip, real).expect("rows"),
        );
        assert!(apart < 1e-4, "{name}: logits differ by {apart}");
        // The end token is suppressed, as in the reference.
        let mut row = learner
            .prefill_padded(&prompt, &images, padding, &cancel)
            .expect("prefill");
        let mut greedy = Vec::new();
        for _ in 0..32 {
            row[2] = f32::NEG_INFINITY;
            let best = argmax(&row);
            greedy.push(best);
            row = learner.step(best, &cancel).expect("a step");
        }
        assert_eq!(greedy, ids(&case["greedy"]), "{name}: greedy");
        let row = learner
            .prefill_padded(&prompt, &images, padding, &cancel)
            .expect("prefill");
        let beams = Beams {
            count: 3,
            length_penalty: 1.0,
            length: Length::New,
        };
        let penalties = Penalties {
            forbidden: vec![2],
            ..Penalties::default()
        };
        let found =
            beam_search(learner, row, &prompt, beams, &penalties, &[2], 8, &cancel).expect("beams");
        for (found, wanted) in found.iter().zip(case["beams"].as_array().expect("beams")) {
            assert_eq!(found.ids, ids(wanted), "{name}: beams");
        }
        compared += 1;
    }
    assert_eq!(compared, 8);
}

/// Cosine similarity of the logits in another precision with those of the reference.
fn logit_cosine(mut imported: Imported, folder: &Path, name: &str, columns: usize) -> f64 {
    let (info, expected) = (cases(folder), expected(folder));
    let learner = &mut imported.learner;
    let case = match &info["cases"] {
        Value::Object(cases) => cases[name].clone(),
        cases => cases
            .as_array()
            .and_then(|c| c.iter().find(|c| c["name"] == name))
            .expect("the case")
            .clone(),
    };
    let prompt = ids(&case["input_ids"]);
    let count = case["images"].as_u64().expect("images") as usize;
    let images = encoded(learner, &expected["pixels"], count);
    let logits = learner
        .logits(&prompt, &images, 0, &Cancel::new())
        .expect("logits");
    let logits = logits.narrow(1, 0, columns).expect("columns");
    cosine(&logits, &expected[&format!("{name}.logits")])
}

#[test]
fn half_precision_and_eight_bits_stay_near_the_reference() {
    for (family, columns) in [
        ("of1-llama", 128),
        ("of2-mpt1b", 131),
        ("of2-mpt7b", 131),
        ("of2-neox", 131),
    ] {
        let name = if family == "of1-llama" {
            "text_first_previous"
        } else {
            "text_first"
        };
        let folder = golden(&format!("flamingo/{family}"));
        for (weight_format, least) in [
            (WeightFormat::Bf16, 0.999),
            (WeightFormat::F16, 0.9999),
            (WeightFormat::Q8_0, 0.995),
        ] {
            let found = logit_cosine(
                flamingo(family, MediaMask::Previous, weight_format),
                &folder,
                name,
                columns,
            );
            println!("{family} {}: cosine {found:.6}", weight_format.name());
            assert!(found > least, "{family} {}: {found}", weight_format.name());
        }
    }
    for (weight_format, least) in [(WeightFormat::Bf16, 0.999), (WeightFormat::Q8_0, 0.995)] {
        let found = logit_cosine(idefics(weight_format), &golden("idefics"), "three", 130);
        println!("idefics {}: cosine {found:.6}", weight_format.name());
        assert!(found > least, "idefics {}: {found}", weight_format.name());
    }
}

#[test]
fn a_wrapped_training_checkpoint_gives_the_same_bundle_as_the_flat_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let flat = request(
        "of2-mpt7b",
        folder.path(),
        MediaMask::Previous,
        WeightFormat::F32,
    );
    let mut wrapped = request(
        "of2-mpt7b",
        folder.path(),
        MediaMask::Previous,
        WeightFormat::F32,
    );
    wrapped.checkpoint = golden("flamingo/of2-mpt7b/checkpoint-wrapped.pt");
    wrapped.out = folder.path().join("wrapped");
    for request in [&flat, &wrapped] {
        import(request, &Cancel::new(), &mut |_, _| {}).expect("imported");
    }
    let sum =
        |out: &Path| Bundle::manifest(out).expect("a manifest").files["model.safetensors"].clone();
    assert_eq!(sum(&flat.out), sum(&wrapped.out));
}

#[test]
fn the_wrong_base_model_is_refused_with_a_list() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut wrong = request(
        "of2-neox",
        folder.path(),
        MediaMask::Previous,
        WeightFormat::F32,
    );
    wrong.language = Some(golden("flamingo/of2-mpt7b/language"));
    let error = import(&wrong, &Cancel::new(), &mut |_, _| {})
        .expect_err("refused")
        .to_string();
    assert!(error.contains("missing:"), "{error}");
    assert!(
        !wrong.out.join("model.toml").exists(),
        "nothing is left that looks like a bundle"
    );
}

/// The error of an import with this field changed in the language model's `config.json`; `None` if it succeeds.
fn with_config(family: &str, field: &str, value: Value) -> Option<String> {
    let folder = tempfile::tempdir().expect("a folder");
    let mut changed = request(
        family,
        folder.path(),
        MediaMask::Previous,
        WeightFormat::F32,
    );
    let from = changed.language.clone().expect("a language model");
    let language = folder.path().join("language");
    std::fs::create_dir(&language).expect("a folder");
    for entry in std::fs::read_dir(from).expect("the language model") {
        let path = entry.expect("an entry").path();
        std::fs::copy(&path, language.join(path.file_name().expect("a name"))).expect("copied");
    }
    let path = language.join("config.json");
    let text = std::fs::read_to_string(&path).expect("a config");
    let mut config: Value = serde_json::from_str(&text).expect("JSON");
    config[field] = value;
    std::fs::write(&path, config.to_string()).expect("written");
    changed.language = Some(language);
    let done = import(&changed, &Cancel::new(), &mut |_, _| {});
    done.err().map(|error| error.to_string())
}

#[test]
fn unsupported_positions_and_activations_are_refused() {
    let linear = serde_json::json!({"type": "linear", "factor": 2.0});
    let plain = serde_json::json!({"rope_type": "default"});
    for (family, field, value, word) in [
        ("of1-llama", "rope_scaling", linear.clone(), "rope_scaling"),
        (
            "of1-llama",
            "rope_parameters",
            linear.clone(),
            "rope_scaling",
        ),
        ("of2-neox", "rope_scaling", linear, "rope_scaling"),
        (
            "of1-llama",
            "hidden_act",
            "gelu".into(),
            "hidden_act gelu is",
        ),
        (
            "of2-neox",
            "hidden_act",
            "gelu_fast".into(),
            "hidden_act gelu_fast is",
        ),
    ] {
        let refused = with_config(family, field, value).expect("refused");
        assert!(refused.contains(word), "{refused}");
    }
    assert_eq!(with_config("of1-llama", "rope_scaling", plain), None);
    assert_eq!(with_config("of2-neox", "hidden_act", "gelu".into()), None);
}

#[test]
fn weights_that_are_not_finite_are_refused_by_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let language = folder.path().join("language");
    std::fs::create_dir(&language).expect("a folder");
    let from = golden("flamingo/of2-mpt7b/language");
    std::fs::copy(from.join("config.json"), language.join("config.json")).expect("copied");
    let mut tensors = candle_core::safetensors::load(from.join("model.safetensors"), &Device::Cpu)
        .expect("weights");
    let name = "transformer.blocks.2.attn.out_proj.weight";
    let mut values = floats(&tensors[name]);
    values[7] = f32::NAN;
    let shape = tensors[name].shape().clone();
    let poisoned = Tensor::from_vec(values, shape, &Device::Cpu).expect("a tensor");
    tensors.insert(name.into(), poisoned);
    candle_core::safetensors::save(&tensors, language.join("model.safetensors")).expect("saved");
    let mut request = request(
        "of2-mpt7b",
        folder.path(),
        MediaMask::Previous,
        WeightFormat::F32,
    );
    request.language = Some(language);
    let error = import(&request, &Cancel::new(), &mut |_, _| {})
        .expect_err("refused")
        .to_string();
    assert!(
        error.contains(name) && error.contains("element 7 is NaN"),
        "{error}"
    );
    assert!(!request.out.join("model.toml").exists());
}

#[test]
fn a_stopped_import_leaves_no_bundle_and_no_parts() {
    let folder = tempfile::tempdir().expect("a folder");
    let request = request(
        "of2-mpt7b",
        folder.path(),
        MediaMask::Previous,
        WeightFormat::F32,
    );
    let cancel = Cancel::new();
    let stop = cancel.clone();
    let error = import(&request, &cancel, &mut |done, _| {
        if done == 10 {
            stop.cancel();
        }
    })
    .expect_err("stopped");
    assert_eq!(error.to_string(), "stopped");
    let left = std::fs::read_dir(&request.out).expect("the folder").count();
    assert_eq!(left, 0, "files are left behind");
}

#[test]
fn verify_finds_every_flipped_byte() {
    let folder = tempfile::tempdir().expect("a folder");
    let request = request(
        "of2-mpt7b",
        folder.path(),
        MediaMask::Previous,
        WeightFormat::Q8_0,
    );
    import(&request, &Cancel::new(), &mut |_, _| {}).expect("imported");
    assert_eq!(Bundle::verify(&request.out).expect("verified"), [""; 0]);
    let path = request.out.join("model.gguf");
    let good = std::fs::read(&path).expect("weights");
    for at in (0..good.len()).step_by(good.len() / 40) {
        let mut bad = good.clone();
        bad[at] ^= 1;
        std::fs::write(&path, &bad).expect("written");
        assert_eq!(
            Bundle::verify(&request.out).expect("verified").len(),
            1,
            "byte {at}"
        );
        assert!(Bundle::open(Some(&request.out)).is_err(), "byte {at}");
    }
}

#[test]
fn processors_agree_with_transformers() {
    let text = std::fs::read_to_string(golden("generation.json")).expect("generation.json");
    let info: Value = serde_json::from_str(&text).expect("JSON");
    let tensors = candle_core::safetensors::load(golden("generation.safetensors"), &Device::Cpu)
        .expect("generation.safetensors");
    let rows: Vec<Vec<f32>> = tensors["logits"].to_vec2().expect("rows");
    let histories: Vec<Vec<u32>> = info["histories"]
        .as_array()
        .expect("histories")
        .iter()
        .map(ids)
        .collect();
    let mut compared = 0;
    for (name, step) in info["steps"].as_object().expect("steps") {
        let kind = step["kind"].as_str().expect("a kind");
        let value = step["value"].as_f64().expect("a value");
        let penalties = match kind {
            "repetition_penalty" => Penalties {
                repetition: value as f32,
                ..Penalties::default()
            },
            "no_repeat_ngram" => Penalties {
                no_repeat_ngram: value as usize,
                ..Penalties::default()
            },
            _ => continue,
        };
        let wanted: Vec<Vec<f32>> = tensors[name.as_str()].to_vec2().expect("rows");
        for ((row, history), wanted) in rows.iter().zip(&histories).zip(&wanted) {
            let mut row = row.clone();
            penalties.apply(history, &mut row);
            for (found, wanted) in row.iter().zip(wanted) {
                let same = found == wanted || (found - wanted).abs() < 1e-6;
                assert!(same, "{name}: {found} {wanted}");
            }
        }
        compared += 1;
    }
    assert!(compared >= 4, "{compared} processors");
}

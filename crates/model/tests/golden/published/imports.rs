//! What an import accepts and refuses, what it leaves when it is stopped, and damage to what it wrote.

use candle_core::{Device, Tensor};
use rounds_model::bundle::Bundle;
use rounds_model::flamingo::MediaMask;
use rounds_model::import::{WeightFormat, import};
use rounds_support::Cancel;
use serde_json::Value;
use std::path::Path;

use super::{floats, golden, request};

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

//! Checkpoints that are refused, with the reason.

use candle_core::{DType, Device, Tensor};
use rounds_model::encoder::{Activation, EncoderOptions, Overrides, TextEncoder};
use rounds_model::import::WeightFormat;
use serde_json::Value;
use std::collections::HashMap;
use std::path::Path;

use super::{change_json, copied, encoder, golden, imported, options, options_for, run};

/// The error of importing a changed checkpoint, which must leave nothing behind.
fn refusal(name: &str, change: impl FnOnce(&Path, &mut EncoderOptions)) -> String {
    let folder = copied(name);
    let mut options = options_for(name, WeightFormat::F32);
    change(folder.path(), &mut options);
    let out = tempfile::tempdir().expect("a folder");
    let error = run(folder.path(), out.path(), &options).expect_err("refused");
    let left = std::fs::read_dir(out.path()).expect("the folder").count();
    assert_eq!(left, 0, "files are left behind: {error}");
    error.to_string()
}

fn change_tensors(folder: &Path, change: impl FnOnce(&mut HashMap<String, Tensor>)) {
    let path = folder.join("model.safetensors");
    let mut tensors = candle_core::safetensors::load(&path, &Device::Cpu).expect("weights");
    change(&mut tensors);
    candle_core::safetensors::save(&tensors, &path).expect("saved");
}

#[test]
fn missing_unknown_and_wrongly_shaped_tensors_are_listed_by_name() {
    let error = refusal("siglip/hf", |folder, _| {
        change_tensors(folder, |tensors| {
            tensors.remove("vision_model.head.layernorm.bias");
            let wrong = Tensor::zeros((3, 32), DType::F32, &Device::Cpu).expect("a tensor");
            tensors.insert("text_model.head.weight".into(), wrong.clone());
            tensors.insert("vision_model.extra.weight".into(), wrong);
        });
    });
    for part in [
        "missing: vision_model.head.layernorm.bias",
        "wrong shape: text_model.head.weight: [[3, 32]], but [32, 32] was expected",
        "unknown: vision_model.extra.weight",
    ] {
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn settings_that_would_silently_change_vectors_are_refused() {
    let config = |change: fn(&mut Value)| {
        move |folder: &Path, _: &mut EncoderOptions| {
            let found = ["open_clip_config.json", "config.json"].map(|n| folder.join(n));
            let path = found.iter().find(|p| p.exists()).expect("a config");
            change_json(path, change);
        }
    };
    for (name, change, word) in [
        (
            "laion/open_clip",
            config(|c| c["model_cfg"]["vision_cfg"]["pool_type"] = "avg".into()),
            "pool_type is avg",
        ),
        (
            "laion/open_clip",
            config(|c| c["model_cfg"]["text_cfg"]["no_causal_mask"] = true.into()),
            "no_causal_mask is not supported",
        ),
        (
            "laion/open_clip",
            config(|c| c["preprocess_cfg"]["resize_mode"] = "squash".into()),
            "resize_mode is squash",
        ),
        (
            "laion/open_clip",
            config(|c| c["preprocess_cfg"]["mean"] = "grey".into()),
            "mean is not three numbers",
        ),
        (
            "biomedclip/open_clip",
            config(|c| c["model_cfg"]["text_cfg"]["hf_pooler_type"] = "mean_pooler".into()),
            "hf_pooler_type is mean_pooler",
        ),
        (
            "biomedclip/open_clip",
            config(|c| c["model_cfg"]["vision_cfg"]["timm_model_name"] = "convnext_tiny".into()),
            "convnext_tiny is not supported",
        ),
        (
            "siglip/hf",
            config(|c| c["vision_config"]["hidden_act"] = "relu".into()),
            "activation relu is not supported",
        ),
        (
            "siglip/hf",
            config(|c| c["vision_config"]["num_attention_heads"] = 5.into()),
            "not a multiple of its 5 heads",
        ),
        (
            "clip/hf",
            config(|c| c["vision_config"]["layer_norm_eps"] = 0.5.into()),
            "epsilon",
        ),
    ] {
        let error = refusal(name, change);
        assert!(error.contains(word), "{name}: {error}");
    }
}

#[test]
fn an_open_clip_file_without_configuration_needs_the_activation() {
    let strip = |folder: &Path| {
        std::fs::remove_file(folder.join("open_clip_config.json")).expect("removed");
    };
    let error = refusal("clip/open_clip", |folder, _| strip(folder));
    assert!(error.contains("activation"), "{error}");
    let folder = copied("clip/open_clip");
    strip(folder.path());
    let mut options = options(WeightFormat::F32);
    options.overrides = Overrides {
        vision_heads: Some(4),
        text_heads: Some(2),
        activation: Some(Activation::QuickGelu),
    };
    let out = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("open_clip_model.safetensors");
    run(&file, out.path(), &options).expect("imported");
    let (with_config, _) = imported("clip/open_clip", WeightFormat::F32);
    let vector = |folder: &Path| encoder(folder).encode_text("a lung").expect("a vector");
    assert_eq!(vector(out.path()), vector(with_config.path()));
}

#[test]
fn a_missing_or_foreign_tokenizer_is_refused() {
    let error = refusal("clip/hf", |folder, _| {
        std::fs::remove_file(folder.join("vocab.json")).expect("removed");
        std::fs::remove_file(folder.join("merges.txt")).expect("removed");
    });
    assert!(error.contains("--tokenizer"), "{error}");
    let error = refusal("biomedclip/open_clip", |folder, _| {
        let more: String = (0..500).map(|i| format!("word{i}\n")).collect();
        let path = folder.join("vocab.txt");
        let text = std::fs::read_to_string(&path).expect("a file") + &more;
        std::fs::write(path, text).expect("written");
    });
    assert!(error.contains("this is not its tokenizer"), "{error}");
    let error = refusal("siglip/hf", |folder, _| {
        let path = folder.join("spiece.model");
        let bytes = std::fs::read(&path).expect("a file");
        std::fs::write(&path, &bytes[..bytes.len() / 2]).expect("written");
    });
    assert!(error.contains("spiece.model"), "{error}");
}

#[test]
fn a_language_model_is_not_imported_as_an_encoder() {
    let out = tempfile::tempdir().expect("a folder");
    let checkpoint = golden("flamingo/of2-mpt7b/language");
    let error = run(&checkpoint, out.path(), &options(WeightFormat::F32)).expect_err("refused");
    assert!(
        error
            .to_string()
            .contains("not a CLIP, SigLIP or BiomedCLIP"),
        "{error}"
    );
}

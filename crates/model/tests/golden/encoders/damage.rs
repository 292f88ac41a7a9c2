//! Damaged and hostile bundles.

use candle_core::Device;
use rounds_model::encoder::{DualEncoder, EncoderBundle, TextEncoder};
use rounds_model::import::WeightFormat;
use std::path::Path;

use super::{change_json, encoder, imported};

/// The error of opening and loading a changed bundle.
fn complaint(folder: &Path) -> String {
    let opened = EncoderBundle::open(folder);
    let loaded = opened.and_then(|bundle| DualEncoder::load(&bundle, &Device::Cpu));
    match loaded {
        Ok(_) => "fine".into(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn every_flipped_byte_of_a_bundle_is_found() {
    let (folder, _) = imported("biomedclip/open_clip", WeightFormat::F16);
    for name in ["model.safetensors", "tokenizer.json"] {
        let path = folder.path().join(name);
        let good = std::fs::read(&path).expect("a file");
        for at in (0..good.len()).step_by(good.len() / 25) {
            let mut bad = good.clone();
            bad[at] ^= 1;
            std::fs::write(&path, &bad).expect("written");
            let problems = EncoderBundle::verify(folder.path()).expect("verified");
            assert_eq!(problems.len(), 1, "{name} at {at}");
            assert!(complaint(folder.path()).contains(name), "{name} at {at}");
        }
        std::fs::write(&path, &good[..good.len() - 1]).expect("written");
        assert!(complaint(folder.path()).contains(name));
        std::fs::write(&path, &good).expect("written");
    }
    assert_eq!(complaint(folder.path()), "fine");
    std::fs::remove_file(folder.path().join("tokenizer.json")).expect("removed");
    assert!(complaint(folder.path()).contains("tokenizer.json"));
}

#[cfg(unix)]
#[test]
fn a_pipe_in_place_of_a_file_is_refused_without_blocking() {
    for name in ["tokenizer.json", "model.safetensors"] {
        let (folder, _) = imported("siglip/hf", WeightFormat::F32);
        let path = folder.path().join(name);
        std::fs::remove_file(&path).expect("removed");
        let made = std::process::Command::new("mkfifo").arg(&path).status();
        assert!(made.expect("mkfifo").success());
        assert!(complaint(folder.path()).contains(name));
        let problems = EncoderBundle::verify(folder.path()).expect("verified");
        assert_eq!(problems.len(), 1, "{problems:?}");
    }
}

#[test]
fn a_hostile_manifest_gives_a_clear_error() {
    let (folder, _) = imported("siglip/hf", WeightFormat::F32);
    let path = folder.path().join(EncoderBundle::MANIFEST);
    let good = std::fs::read_to_string(&path).expect("a manifest");
    for (from, to, word) in [
        ("format_version = 1", "format_version = 9", "version 9"),
        ("family = \"siglip\"", "family = \"evil\"", "evil"),
        ("family = \"siglip\"", "family = \"clip\"", "epsilon"),
        (
            "weights = [\"model.safetensors\"]",
            "weights = [\"../../etc/passwd\"]",
            "outside the folder",
        ),
        (
            "weights = [\"model.safetensors\"]",
            "weights = []",
            "no weights",
        ),
        ("context = 16", "context = 1000000000", "positions"),
        ("context = 16", "context = 0", "positions"),
        ("layers = 2", "layers = 900000000000", "layers"),
        ("heads = 4", "heads = 0", "heads"),
        ("patch_size = 7", "patch_size = 0", "patch_size"),
        ("patch_size = 7", "patch_size = 8", "model.safetensors"),
        ("image_size = 30", "image_size = 4000000000", "image_size"),
        ("vocab_size = ", "vocab_size = 9", "model.safetensors"),
        ("mlp_width = 48", "mlp_width = 49", "model.safetensors"),
        ("norm_eps = 0.000001", "norm_eps = nan", "eps"),
        ("std = [0.5", "std = [0.0", "std"),
        ("name = ", "name = [", "encoder.toml"),
        (
            "\"model.safetensors\" = \"",
            "\"other.safetensors\" = \"",
            "no SHA-256 of model.safetensors",
        ),
    ] {
        let bad = good.replacen(from, to, 1);
        assert_ne!(bad, good, "{from} is not in the manifest:\n{good}");
        std::fs::write(&path, bad).expect("written");
        let complaint = complaint(folder.path());
        assert!(complaint.contains(word), "{from} -> {to}: {complaint}");
    }
}

#[test]
fn a_tokenizer_with_ids_outside_the_vocabulary_is_an_error() {
    let (folder, _) = imported("clip/hf", WeightFormat::F32);
    let manifest = EncoderBundle::manifest(folder.path()).expect("a manifest");
    let json = folder.path().join("tokenizer.json");
    change_json(&json, |json| {
        let token = "\u{120}not</w>";
        json["model"]["vocab"][token] = 9_000_000.into();
        json["model"]["vocab"]["a"] = 9_000_001.into();
        json["model"]["vocab"]["a</w>"] = 9_000_002.into();
    });
    let bytes = std::fs::read(&json).expect("a file");
    let path = folder.path().join(EncoderBundle::MANIFEST);
    let text = std::fs::read_to_string(&path).expect("a manifest");
    let text = text
        .replace(
            &manifest.files["tokenizer.json"],
            &rounds_support::files::sha256_hex(&bytes),
        )
        .replace(
            &format!(
                "\"tokenizer.json\" = {}",
                manifest.lengths["tokenizer.json"]
            ),
            &format!("\"tokenizer.json\" = {}", bytes.len()),
        );
    std::fs::write(&path, text).expect("written");
    let error = encoder(folder.path())
        .encode_text("a")
        .expect_err("refused")
        .to_string();
    assert!(error.contains("outside the vocabulary"), "{error}");
}

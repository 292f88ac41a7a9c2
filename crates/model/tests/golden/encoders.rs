//! Imports and runs published image-text encoders, and compares them with the reference implementations (tests/golden/encoders, made
//! by tests/reference/encoders.py).

use candle_core::{DType, Device, Tensor};
use rounds_imaging::{Image, load_as_reference};
use rounds_model::encoder::{
    Activation, DualEncoder, EncoderBundle, EncoderOptions, Family, ImageEncoder, Overrides,
    Summary, TextEncoder, import,
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

#[test]
fn image_vectors_match_the_references() {
    let (expected, images) = (expected(), images());
    let images: Vec<&Image> = images.iter().collect();
    for (name, _, _) in CHECKPOINTS {
        let (folder, _) = imported(name, WeightFormat::F32);
        let encoder = encoder(folder.path());
        let pixels = encoder.pixels(&images).expect("pixels");
        let off = apart(
            &floats(&pixels),
            &floats(&expected[&format!("{name}.pixels")]),
        );
        let rows = encoder.project_pixels(&pixels).expect("vectors");
        let raw = apart(&floats(&rows), &floats(&expected[&format!("{name}.image")]));
        let unit = encoder.encode_images(&images).expect("vectors").concat();
        let unit = apart(&unit, &floats(&expected[&format!("{name}.image_unit")]));
        println!("{name}: pixels {off:.1e}, image vectors {raw:.1e}, of unit length {unit:.1e}");
        assert!(off < 1e-5 && raw < 1e-5 && unit < 1e-5, "{name}");
    }
}

#[test]
fn text_vectors_match_the_references() {
    let (expected, texts) = (expected(), texts());
    for (name, _, _) in CHECKPOINTS {
        let (folder, _) = imported(name, WeightFormat::F32);
        let encoder = encoder(folder.path());
        let (mut raw, mut unit) = (Vec::new(), Vec::new());
        for text in &texts {
            let ids = encoder.tokens(text).expect("tokens");
            raw.extend(floats(&encoder.project_tokens(&ids).expect("a vector")));
            unit.extend(encoder.encode_text(text).expect("a vector"));
        }
        let raw = apart(&raw, &floats(&expected[&format!("{name}.text")]));
        let unit = apart(&unit, &floats(&expected[&format!("{name}.text_unit")]));
        println!("{name}: text vectors {raw:.1e}, of unit length {unit:.1e}");
        assert!(raw < 1e-5 && unit < 1e-5, "{name}");
    }
}

#[test]
fn awkward_texts_get_the_tokens_of_the_references() {
    let (cases, texts) = (cases(), texts());
    let mut problems = Vec::new();
    for (name, _, _) in CHECKPOINTS {
        let (folder, _) = imported(name, WeightFormat::F32);
        let encoder = encoder(folder.path());
        let wanted = cases["tokens"][name].as_array().expect("a list");
        assert_eq!(wanted.len(), texts.len());
        for (text, wanted) in texts.iter().zip(wanted) {
            let found = serde_json::json!(encoder.tokens(text).expect("tokens"));
            if found != *wanted {
                problems.push(format!("{name}: {text:?}:\n  {found}\n  {wanted}"));
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn the_batch_size_does_not_change_an_image_vector() {
    let images = images();
    // More than one batch, in another order.
    let many: Vec<&Image> = images.iter().cycle().skip(1).take(11).collect();
    for (name, _, _) in CHECKPOINTS {
        let (folder, _) = imported(name, WeightFormat::F32);
        let encoder = encoder(folder.path());
        let together = encoder.encode_images(&many).expect("vectors");
        assert_eq!(together.len(), many.len());
        for (image, vector) in many.iter().zip(&together) {
            let alone = encoder.encode_images(&[image]).expect("a vector");
            assert!(apart(&alone[0], vector) < 1e-6, "{name}");
            let length: f32 = vector.iter().map(|v| v * v).sum();
            assert!((length - 1.0).abs() < 1e-5, "{name}: {length}");
        }
        assert!(encoder.encode_images(&[]).expect("nothing").is_empty());
    }
}

#[test]
fn an_import_uses_every_tensor_and_reports_it() {
    for (name, family, ignored) in CHECKPOINTS {
        let (folder, summary) = imported(name, WeightFormat::F32);
        assert_eq!(
            (summary.family, summary.ignored),
            (family, ignored),
            "{name}"
        );
        let manifest = EncoderBundle::manifest(folder.path()).expect("a manifest");
        assert_eq!(manifest.family, family);
        assert_eq!(
            (manifest.name.as_str(), manifest.licence.as_str()),
            ("tiny", "CC0")
        );
        let encoder = encoder(folder.path());
        assert_eq!(encoder.id(), manifest.id());
        assert_eq!(
            encoder.dimension(),
            encoder.encode_text("x").expect("a vector").len()
        );
        assert_eq!(
            EncoderBundle::verify(folder.path()).expect("verified"),
            [""; 0]
        );
    }
}

#[test]
fn both_layouts_of_one_clip_give_one_bundle_of_weights() {
    let sum = |name| {
        let (folder, _) = imported(name, WeightFormat::F32);
        let manifest = EncoderBundle::manifest(folder.path()).expect("a manifest");
        manifest.files["model.safetensors"].clone()
    };
    assert_eq!(sum("clip/hf"), sum("clip/open_clip"));
}

#[test]
fn a_published_tokenizer_json_splits_like_the_one_that_is_built() {
    for (name, made_of) in [
        ("clip/hf", "vocab.json"),
        ("siglip/hf", "spiece.model"),
        ("biomedclip/open_clip", "vocab.txt"),
    ] {
        let (first, _) = imported(name, WeightFormat::F32);
        let folder = copied(name);
        std::fs::remove_file(folder.path().join(made_of)).expect("removed");
        let json = first.path().join("tokenizer.json");
        std::fs::copy(json, folder.path().join("tokenizer.json")).expect("copied");
        let out = tempfile::tempdir().expect("a folder");
        run(
            folder.path(),
            out.path(),
            &options_for(name, WeightFormat::F32),
        )
        .expect(name);
        let (one, two) = (encoder(first.path()), encoder(out.path()));
        for text in texts() {
            let tokens = |e: &DualEncoder| e.tokens(&text).expect("tokens");
            assert_eq!(tokens(&one), tokens(&two), "{name}: {text:?}");
        }
    }
}

#[test]
fn half_precision_and_eight_bits_stay_near_the_reference() {
    let (expected, images) = (expected(), images());
    let images: Vec<&Image> = images.iter().collect();
    for (name, _, _) in CHECKPOINTS {
        let wanted: Vec<Vec<f32>> = expected[&format!("{name}.image_unit")]
            .to_vec2()
            .expect("rows");
        for (weight_format, least) in [
            (WeightFormat::F16, 0.99999),
            (WeightFormat::Bf16, 0.9995),
            (WeightFormat::Q8_0, 0.999),
        ] {
            let (folder, _) = imported(name, weight_format);
            let found = encoder(folder.path())
                .encode_images(&images)
                .expect("vectors");
            for (found, wanted) in found.iter().zip(&wanted) {
                let cosine: f32 = found.iter().zip(wanted).map(|(a, b)| a * b).sum();
                assert!(cosine > least, "{name} {}: {cosine}", weight_format.name());
            }
        }
    }
    let refused = run(
        &golden("encoders/clip/hf"),
        Path::new("nowhere"),
        &options(WeightFormat::Q4K),
    );
    assert!(refused.expect_err("refused").to_string().contains("q8_0"));
}

#[test]
fn the_encoder_id_covers_everything_that_changes_vectors() {
    let id = |change: fn(&mut EncoderOptions)| {
        let folder = tempfile::tempdir().expect("a folder");
        let mut options = options(WeightFormat::F32);
        change(&mut options);
        run(&golden("encoders/clip/hf"), folder.path(), &options).expect("imported");
        EncoderBundle::manifest(folder.path()).expect("a manifest")
    };
    let (one, same) = (id(|_| {}), id(|o| o.name = "another".into()));
    let other = id(|o| o.overrides.activation = Some(Activation::Gelu));
    assert_eq!(one.files, other.files);
    assert_eq!(one.id(), same.id());
    assert_ne!(one.id(), other.id());
    let mut changed = one.clone();
    changed.pixels.mean[0] += 0.01;
    assert_ne!(one.id(), changed.id());
    changed = one.clone();
    changed
        .files
        .insert("tokenizer.json".into(), "0".repeat(64));
    assert_ne!(one.id(), changed.id());
}

#[test]
fn an_old_bundle_keeps_its_encoder_id() {
    let (folder, _) = imported("clip/hf", WeightFormat::F32);
    let path = folder.path().join(EncoderBundle::MANIFEST);
    let text = std::fs::read_to_string(&path).expect("a manifest");
    let line = "vectors_known_by = \"settings\"\n";
    assert!(text.contains(line), "{text}");
    std::fs::write(&path, text.replace(line, "")).expect("written");
    let manifest = EncoderBundle::manifest(folder.path()).expect("a manifest");
    assert_eq!(manifest.id(), manifest.files["model.safetensors"]);
}

#[test]
fn an_import_that_fails_at_the_end_keeps_the_old_bundle() {
    let (folder, _) = imported("clip/hf", WeightFormat::F32);
    let read = |name: &str| std::fs::read(folder.path().join(name)).expect(name);
    let names = ["model.safetensors", EncoderBundle::MANIFEST];
    let before = names.map(read);
    let (there, aside) = (
        folder.path().join("tokenizer.json"),
        folder.path().join("aside.json"),
    );
    std::fs::rename(&there, &aside).expect("moved");
    std::fs::create_dir(&there).expect("a folder in its place");
    let other = golden("encoders/siglip/hf");
    run(&other, folder.path(), &options(WeightFormat::F32))
        .expect_err("there is no room for a file");
    assert!(names.map(read) == before);
    std::fs::remove_dir(&there).expect("removed");
    std::fs::rename(&aside, &there).expect("moved back");
    EncoderBundle::open(folder.path()).expect("it is whole");
    // Then the other one replaces it and leaves no temporary files.
    run(&other, folder.path(), &options(WeightFormat::F32)).expect("imported");
    assert!(read("model.safetensors") != before[0]);
    assert_eq!(std::fs::read_dir(folder.path()).expect("it").count(), 3);
}

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

fn change_json(path: &Path, change: impl FnOnce(&mut Value)) {
    let text = std::fs::read_to_string(path).expect("a file");
    let mut json = serde_json::from_str(&text).expect("JSON");
    change(&mut json);
    std::fs::write(path, json.to_string()).expect("written");
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

#[test]
fn a_stopped_import_leaves_no_bundle_and_no_parts() {
    let out = tempfile::tempdir().expect("a folder");
    let cancel = Cancel::new();
    let stop = cancel.clone();
    let checkpoint = golden("encoders/siglip/hf");
    let error = import(
        &checkpoint,
        out.path(),
        &options(WeightFormat::F32),
        &cancel,
        &mut |done, _| {
            if done == 10 {
                stop.cancel();
            }
        },
    )
    .expect_err("stopped");
    assert_eq!(error.to_string(), "stopped");
    assert_eq!(
        std::fs::read_dir(out.path()).expect("the folder").count(),
        0
    );
}

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

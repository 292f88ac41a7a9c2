//! Compares language models from GGUF files with the publishers' files of the same models (tests/golden/gguf, written by llama.cpp's
//! own package: tests/reference/gguf_files.py).

use candle_core::{Device, Tensor};
use rounds_model::bundle::{Bundle, Manifest};
use rounds_model::flamingo::MediaMask;
use rounds_model::import::{ImportError, Request, WeightFormat, import};
use rounds_model::learner::FlamingoLearner;
use rounds_model::weights::gguf::GgufFile;
use rounds_support::{Cancel, Hint};
use serde_json::Value;
use std::path::{Path, PathBuf};

use crate::word_tokenizer::write as tokenizer;

fn golden(name: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
        .join("tests/golden")
        .join(name)
}

fn request(
    family: &str,
    language: PathBuf,
    folder: &Path,
    out: &str,
    weight_format: WeightFormat,
) -> Request {
    let from = golden(&format!("flamingo/{family}"));
    let text = std::fs::read_to_string(from.join("cases.json")).expect("cases.json");
    let info: Value = serde_json::from_str(&text).expect("JSON");
    let file = |v: &Value| from.join(v.as_str().expect("a name"));
    let tokens = folder.join("words");
    std::fs::create_dir_all(&tokens).expect("a folder");
    tokenizer(&tokens, 128, &[]);
    let tokens = tokens.join("tokenizer.json");
    Request {
        idefics: false,
        checkpoint: file(&info["files"]["checkpoints"][0]),
        language: Some(language),
        vision: Some(file(&info["files"]["vision"])),
        tokenizer: Some(tokens),
        out: folder.join(out),
        name: family.into(),
        media_mask: MediaMask::Previous,
        cross_attn_every_n: Some(2),
        vision_heads: Some(4),
        weight_format,
        begin: None,
        template: None,
    }
}

fn imported(request: &Request) -> Manifest {
    import(request, &Cancel::new(), &mut |_, _| {}).expect("imported");
    Bundle::manifest(&request.out).expect("a manifest")
}

fn refused(request: &Request) -> ImportError {
    import(request, &Cancel::new(), &mut |_, _| {}).expect_err("refused")
}

/// Logits of a prompt without images.
fn logits(bundle: &Path) -> Vec<f32> {
    let bundle = Bundle::open(Some(bundle)).expect("a bundle");
    let mut learner = FlamingoLearner::load(&bundle, &Device::Cpu).expect("a learner");
    let ids: Vec<u32> = (0..24).map(|i| (i * 37 + 5) % 120).collect();
    let logits = learner.logits(&ids, &[], 0, &Cancel::new());
    values(&logits.expect("logits"))
}

fn values(tensor: &Tensor) -> Vec<f32> {
    let flat = tensor.flatten_all().expect("values");
    flat.to_vec1().expect("f32")
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    assert_eq!(a.len(), b.len());
    let dot = |x: &[f32], y: &[f32]| -> f64 {
        let products = x.iter().zip(y).map(|(x, y)| f64::from(*x) * f64::from(*y));
        products.sum()
    };
    dot(a, b) / (dot(a, a).sqrt() * dot(b, b).sqrt())
}

#[test]
fn a_gguf_file_gives_the_same_bundle_as_the_publishers_files() {
    for family in ["of1-llama", "of2-neox", "of2-mpt7b"] {
        let folder = tempfile::tempdir().expect("a folder");
        let published = golden(&format!("flamingo/{family}/language"));
        let published = request(
            family,
            published,
            folder.path(),
            "published",
            WeightFormat::F32,
        );
        let gguf = golden(&format!("gguf/{family}.gguf"));
        let gguf = request(family, gguf, folder.path(), "gguf", WeightFormat::F32);
        let (a, b) = (imported(&published), imported(&gguf));
        assert_eq!(a.config, b.config, "{family}");
        assert_eq!(a.template, b.template, "{family}");
        assert_eq!(a.files, b.files, "{family}: bytes of weights and tokenizer");
        assert_eq!(logits(&published.out), logits(&gguf.out), "{family}");
    }
}

#[test]
fn quantised_layers_are_copied() {
    let family = "of1-llama";
    let folder = tempfile::tempdir().expect("a folder");
    let full = golden(&format!("flamingo/{family}/language"));
    let full = request(family, full, folder.path(), "full", WeightFormat::F32);
    imported(&full);
    let file = golden("gguf/of1-llama-q8_0.gguf");
    let packed = request(
        family,
        file.clone(),
        folder.path(),
        "packed",
        WeightFormat::Q8_0,
    );
    assert_eq!(imported(&packed).dtype, "q8_0");
    let near = cosine(&logits(&full.out), &logits(&packed.out));
    println!("q8_0: cosine {near:.6}");
    assert!(near > 0.995, "{near}");
    // Blocks as llama.cpp's package wrote them, with rows sorted back into halves.
    let (theirs, ours) = (
        GgufFile::open(&file).expect("a file"),
        GgufFile::open(&packed.out.join("model.gguf")).expect("a file"),
    );
    let blocks = |file: &GgufFile, name: &str| {
        let at = file.tensors().iter().position(|t| t.name == name);
        file.bytes(at.expect(name)).expect("bytes")
    };
    let row = 34;
    for (their, our, heads) in [
        ("attn_q", "self_attn.q_proj", 4),
        ("ffn_gate", "mlp.gate_proj", 0),
    ] {
        let their = blocks(&theirs, &format!("blk.2.{their}.weight"));
        let our = blocks(&ours, &format!("lang_encoder.model.layers.2.{our}.weight"));
        let rows = their.len() / row;
        for at in 0..rows {
            let from = match heads {
                0 => at,
                _ => {
                    let head = rows / heads;
                    at / head * head + at % head % (head / 2) * 2 + at % head / (head / 2)
                }
            };
            assert_eq!(
                our[at * row..][..row],
                their[from * row..][..row],
                "row {at}"
            );
        }
    }
    // Dequantised for a bundle of full weights.
    let file = request(family, file, folder.path(), "unpacked", WeightFormat::F32);
    imported(&file);
    let near = cosine(&logits(&full.out), &logits(&file.out));
    assert!(near > 0.995, "{near}");
}

#[test]
fn every_type_is_dequantised_like_in_llama_cpp() {
    let file = GgufFile::open(&golden("gguf/types.gguf")).expect("a file");
    let wanted = candle_core::safetensors::load(golden("gguf/types.safetensors"), &Device::Cpu)
        .expect("tensors");
    assert_eq!(file.tensors().len(), 14);
    for (index, info) in file.tensors().iter().enumerate() {
        let (found, wanted) = (file.read(index).expect("read"), &wanted[&info.name]);
        assert_eq!(found.dims(), wanted.dims(), "{}", info.name);
        let (found, wanted) = (values(&found), values(wanted));
        let most = wanted.iter().fold(0.0f32, |m, v| m.max(v.abs()));
        let apart = found.iter().zip(&wanted).map(|(a, b)| (a - b).abs());
        let apart = apart.fold(0.0, f32::max);
        assert!(apart <= 1e-6 * most.max(1.0), "{}: {apart}", info.name);
    }
}

#[test]
fn missing_unknown_and_foreign_tensors_are_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let neox = golden("gguf/of2-neox.gguf");
    let wrong = request(
        "of2-mpt7b",
        neox.clone(),
        folder.path(),
        "wrong",
        WeightFormat::F32,
    );
    let error = refused(&wrong).to_string();
    assert!(error.contains("missing:"), "{error}");
    assert!(!wrong.out.join("model.toml").exists());
    let types = request(
        "of2-mpt7b",
        golden("gguf/types.gguf"),
        folder.path(),
        "types",
        WeightFormat::F32,
    );
    let error = refused(&types).to_string();
    assert!(error.contains("llama.embedding_length"), "{error}");
    // One byte of a name changed: one tensor is missing, another is unknown.
    let mut bytes = std::fs::read(&neox).expect("read");
    let name = b"blk.3.ffn_up.weight";
    let at = bytes
        .windows(name.len())
        .position(|w| w == name)
        .expect("the name");
    bytes[at + name.len() - 1] = b'x';
    let path = folder.path().join("renamed.gguf");
    std::fs::write(&path, bytes).expect("written");
    let renamed = request(
        "of2-neox",
        path,
        folder.path(),
        "renamed",
        WeightFormat::F32,
    );
    let error = refused(&renamed).to_string();
    assert!(error.contains("missing: blk.3.ffn_up.weight"), "{error}");
    assert!(error.contains("unknown: blk.3.ffn_up.weighx"), "{error}");
}

/// A copy of the file with another four-byte value of `key`.
fn with_value(file: &Path, key: &str, value: [u8; 4], to: &Path) {
    let mut bytes = std::fs::read(file).expect("read");
    let at = bytes.windows(key.len()).position(|w| w == key.as_bytes());
    let at = at.expect(key) + key.len() + 4;
    bytes[at..at + 4].copy_from_slice(&value);
    std::fs::write(to, bytes).expect("written");
}

#[test]
fn unsupported_metadata_is_refused_by_its_key() {
    let folder = tempfile::tempdir().expect("a folder");
    let whole = |n: u32| n.to_le_bytes();
    for (family, key, value) in [
        ("of1-llama", "llama.attention.head_count_kv", whole(3)),
        ("of1-llama", "llama.attention.head_count", whole(3)),
        ("of1-llama", "llama.block_count", whole(5)),
        ("of1-llama", "llama.block_count", whole(u32::MAX)),
        ("of1-llama", "llama.context_length", whole(1 << 30)),
        ("of1-llama", "llama.rope.freq_base", f32::NAN.to_le_bytes()),
        ("of2-neox", "gptneox.rope.dimension_count", whole(9)),
        ("of2-neox", "gptneox.embedding_length", whole(64)),
        ("of2-mpt7b", "mpt.attention.max_alibi_bias", whole(0)),
    ] {
        let path = folder.path().join("changed.gguf");
        with_value(&golden(&format!("gguf/{family}.gguf")), key, value, &path);
        let changed = request(family, path, folder.path(), "changed", WeightFormat::F32);
        let error = refused(&changed);
        println!("{key}: {error}");
        assert!(
            matches!(error, ImportError::Config { .. }),
            "{key}: {error}"
        );
        assert!(!changed.out.join("model.toml").exists());
    }
}

#[test]
fn a_tokenizer_must_be_given_where_none_is_next_to_the_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = golden("gguf/of2-neox.gguf");
    let mut request = request(
        "of2-neox",
        file.clone(),
        folder.path(),
        "out",
        WeightFormat::F32,
    );
    request.tokenizer = None;
    let error = refused(&request);
    assert!(error.to_string().contains("--tokenizer"), "{error}");
    assert!(error.hint().is_none());
    request.tokenizer = Some(folder.path().join("nowhere"));
    let error = refused(&request).to_string();
    assert!(
        error.contains("nowhere: it has no tokenizer.json"),
        "{error}"
    );
    request.tokenizer = None;
    let beside = folder.path().join("language.gguf");
    std::fs::copy(file, &beside).expect("copied");
    tokenizer(folder.path(), 128, &[]);
    request.language = Some(beside);
    imported(&request);
}

#[test]
fn values_that_are_not_finite_are_refused_even_in_copied_blocks() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = golden("gguf/of1-llama-q8_0.gguf");
    let file = GgufFile::open(&path).expect("a file");
    let name = "blk.1.attn_v.weight";
    let at = file
        .tensors()
        .iter()
        .position(|t| t.name == name)
        .expect("it");
    let blocks = file.bytes(at).expect("bytes");
    let mut bytes = std::fs::read(&path).expect("read");
    let at = bytes
        .windows(blocks.len())
        .position(|w| w == blocks)
        .expect("the blocks");
    // The scale of the first block: infinity.
    bytes[at..at + 2].copy_from_slice(&0x7C00_u16.to_le_bytes());
    let path = folder.path().join("infinite.gguf");
    std::fs::write(&path, bytes).expect("written");
    for weight_format in [WeightFormat::Q8_0, WeightFormat::F32] {
        let request = request(
            "of1-llama",
            path.clone(),
            folder.path(),
            "out",
            weight_format,
        );
        let error = refused(&request).to_string();
        assert!(error.contains(name), "{error}");
    }
}

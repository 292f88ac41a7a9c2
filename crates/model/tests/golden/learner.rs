//! The parts of a learner with a pretrained decoder: grouped key-value heads, GGUF files with a tokenizer, EfficientNet-Lite and the match
//! bias, against PyTorch (tests/reference/learner_parts.py and smollm2.py).

use candle_core::{DType, Device, Tensor};
use rounds_model::bundle::{
    Bundle, FORMAT_VERSION, Fit, Manifest, Pixels, SpecialTokens, VectorIdentity,
};
use rounds_model::flamingo::{
    Flamingo, FlamingoConfig, GatedStyle, MatchBiasConfig, MediaMask, ResamplerConfig,
};
use rounds_model::generate::argmax;
use rounds_model::import::{
    PretrainedDecoder, PretrainedTower, WeightFormat, size_of_weights, write_weights,
};
use rounds_model::language::{Decoder, DecoderConfig};
use rounds_model::learner::FlamingoLearner;
use rounds_model::vision::{ClipConfig, EfficientNetConfig, VisionActivation, VisionConfig};
use rounds_model::{EncodedImage, FewShotLearner};
use rounds_support::{Cancel, files};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokenizers::Tokenizer;

use crate::word_tokenizer;

fn root() -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).to_path_buf()
}

pub(crate) fn golden(name: &str) -> PathBuf {
    root().join("tests/golden/learner").join(name)
}

pub(crate) fn tensors(name: &str) -> HashMap<String, Tensor> {
    candle_core::safetensors::load(golden(name), &Device::Cpu).expect("golden tensors")
}

pub(crate) fn ids(tensor: &Tensor) -> Vec<u32> {
    let whole: Vec<i64> = tensor.to_vec1().expect("integers");
    whole.into_iter().map(|id| id as u32).collect()
}

pub(crate) fn difference(a: &Tensor, b: &Tensor) -> f32 {
    assert_eq!(a.dims(), b.dims());
    let difference = (a - b).and_then(|d| d.abs()?.flatten_all()?.max(0)?.to_scalar());
    difference.expect("a number")
}

/// [`difference`] in parts of the largest expected value.
fn relative_difference(found: &Tensor, expected: &Tensor) -> f32 {
    let zeros = expected.zeros_like().expect("zeros");
    difference(found, expected) / difference(expected, &zeros)
}

/// A published file: where `variable` says, else in target/published. `None`, with a printed line, where it is not there.
fn published(variable: &str, name: &str) -> Option<PathBuf> {
    let path = match std::env::var_os(variable) {
        Some(path) => PathBuf::from(path),
        None => root().join("target/published").join(name),
    };
    if path.is_file() {
        return Some(path);
    }
    println!("skipped: there is no {}; set {variable}", path.display());
    None
}

fn logits(decoder: &Decoder, ids: &[u32]) -> Tensor {
    let ids = Tensor::new(ids, &Device::Cpu).expect("ids");
    let ids = ids.unsqueeze(0).expect("a batch");
    let hidden = decoder.forward(&ids, None, |_, x| Ok(x)).expect("hidden");
    let logits = decoder.logits(&hidden).expect("logits");
    logits.squeeze(0).expect("one sequence")
}

/// Greedy tokens after `prompt`, through the cache.
fn greedy(decoder: &Decoder, prompt: &[u32], count: usize, end: Option<u32>) -> Vec<u32> {
    let mut cache = decoder.new_cache();
    let mut next = prompt.to_vec();
    let mut out = Vec::new();
    while out.len() < count {
        let ids = Tensor::new(next.as_slice(), &Device::Cpu).expect("ids");
        let ids = ids.unsqueeze(0).expect("a batch");
        let hidden = decoder
            .forward(&ids, Some(&mut cache), |_, x| Ok(x))
            .expect("hidden");
        let last = hidden.narrow(1, next.len() - 1, 1).expect("the last token");
        let row = decoder
            .logits(&last)
            .and_then(|l| l.flatten_all()?.to_vec1());
        let token = argmax(&row.expect("logits"));
        out.push(token);
        if Some(token) == end {
            break;
        }
        next = vec![token];
    }
    out
}

#[test]
fn grouped_key_value_heads_and_a_tied_head_give_transformers_logits() {
    let expected = tensors("gqa.safetensors");
    let prompt = ids(&expected["ids"]);
    let file = PretrainedDecoder::open(&golden("gqa.gguf")).expect("a GGUF file");
    assert_eq!(file.config.kv_heads, Some(2));
    assert!(file.config.tied_head);
    assert_eq!(file.config.rope_theta, Some(100_000.0));
    assert_eq!(file.config.norm_eps, 1e-5);
    let decoder = file.load().expect("a decoder");
    let found = logits(&decoder, &prompt);
    let error = difference(&found, &expected["logits"]);
    assert!(error < 1e-4, "logits differ by {error}");
    let written = greedy(&decoder, &prompt[..12], 20, None);
    assert_eq!(written, ids(&expected["greedy"]));
}

#[test]
fn a_folder_of_transformers_and_a_gguf_file_give_the_same_decoder() {
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["config.json", "model.safetensors"] {
        std::fs::copy(golden("gqa").join(name), folder.path().join(name)).expect("copied");
    }
    word_tokenizer::write(folder.path(), 96, &[]);
    let folder = PretrainedDecoder::open(folder.path()).expect("a folder");
    let file = PretrainedDecoder::open(&golden("gqa.gguf")).expect("a GGUF file");
    assert_eq!(folder.config, file.config);
    assert_eq!(folder.tensors(), file.tensors());
    for spec in file.tensors() {
        let (a, b) = (folder.tensor(spec), file.tensor(spec));
        let error = difference(&a.expect("a tensor"), &b.expect("a tensor"));
        assert_eq!(error, 0.0, "{}", spec.name);
    }
}

#[test]
fn the_tokenizer_inside_a_gguf_file_is_read() {
    let file = PretrainedDecoder::open(&golden("gqa.gguf")).expect("a GGUF file");
    let tokenizer = Tokenizer::from_bytes(&file.tokenizer).expect("a tokenizer");
    let encoding = tokenizer.encode("ab ab1<|end|>", false).expect("tokens");
    assert_eq!(encoding.get_tokens(), ["ab", "Ġab", "1", "<|end|>"]);
    assert_eq!(tokenizer.get_vocab_size(true), 96);
}

#[test]
fn smollm2_from_its_published_file_writes_what_llama_cpp_writes() {
    let name = "SmolLM2-135M-Instruct.Q4_1.gguf";
    let Some(path) = published("ROUNDS_SMOLLM2_GGUF", name) else {
        return;
    };
    let text = std::fs::read_to_string(root().join("tests/golden/smollm2/expected.json"));
    let expected: Value = serde_json::from_str(&text.expect("a file")).expect("JSON");
    let list = |value: &Value| -> Vec<u32> {
        serde_json::from_value(value.clone()).expect("a list of ids")
    };
    let file = PretrainedDecoder::open(&path).expect("a GGUF file");
    let tokenizer = Tokenizer::from_bytes(&file.tokenizer).expect("a tokenizer");
    let encoded = |text: &Value| {
        let text = text.as_str().expect("a text");
        let encoding = tokenizer.encode(text, false).expect("tokens");
        encoding.get_ids().to_vec()
    };
    for case in expected["texts"].as_array().expect("texts") {
        assert_eq!(
            encoded(&case["text"]),
            list(&case["ids"]),
            "{}",
            case["text"]
        );
    }
    let decoder = file.load().expect("a decoder");
    let cases = expected["cases"].as_array().expect("cases");
    assert!(cases.len() >= 10);
    for case in cases {
        let prompt = encoded(&case["prompt"]);
        assert_eq!(prompt, list(&case["ids"]), "{}", case["prompt"]);
        let wanted = list(&case["greedy"]);
        let written = greedy(&decoder, &prompt, wanted.len(), Some(2));
        assert_eq!(written, wanted, "{}", case["prompt"]);
    }
    let all = logits(&decoder, &list(&cases[0]["ids"]));
    let last = all
        .get(all.dim(0).expect("rows") - 1)
        .expect("the last row");
    let values: Vec<f32> = last.to_vec1().expect("logits");
    let wanted: Vec<f32> =
        serde_json::from_value(expected["logits"]["values"].clone()).expect("values");
    for (id, wanted) in list(&expected["logits"]["ids"]).iter().zip(wanted) {
        let found = values[*id as usize];
        assert!((found - wanted).abs() < 1e-3, "{id}: {found} {wanted}");
    }
}

#[test]
fn an_efficientnet_gives_pytorchs_maps_with_its_norms_folded_in() {
    let expected = tensors("efficientnet.safetensors");
    let tower = PretrainedTower::open(&golden("efficientnet.pth"), 96).expect("a tower");
    let widths: Vec<usize> = tower.config.stages.iter().map(|s| s.channels).collect();
    assert_eq!(widths, [10, 12, 16, 24, 33, 40, 48]);
    let tower = tower.load().expect("a tower");
    let maps = tower.maps(&expected["pixels"]).expect("maps");
    for (name, map) in [("head", &maps.head), ("stride_16", &maps.stride_16)] {
        // Folded in f32, PyTorch's own model differs by 1.2e-4 here, and both by 8e-5 from f64: the maps' values go up to 20.
        let error = relative_difference(map, &expected[name]);
        assert!(
            error < 1e-4,
            "{name} differs by {error} of its largest value"
        );
    }
    let output = tower.forward(&expected["pixels"]).expect("features");
    assert_eq!(output.tokens.dims(), [2, 9, 64]);
    assert!(relative_difference(&output.pooled, &expected["pooled"]) < 1e-4);
}

#[test]
fn lite0_as_published_gives_pytorchs_features() {
    let name = "efficientnet-lite0-57934424.pth";
    let Some(path) = published("ROUNDS_EFFICIENTNET_LITE0", name) else {
        return;
    };
    let tower = PretrainedTower::open(&path, 224).expect("a tower");
    assert_eq!(tower.config, EfficientNetConfig::lite0());
    let tower = tower.load().expect("a tower");
    let colour = |at: usize| {
        let (c, y, x) = (at / (224 * 224), at / 224 % 224, at % 224);
        ((c * 7 + y * 3 + x * 5) % 17) as f32 / 8.0 - 1.0
    };
    let pixels: Vec<f32> = (0..3 * 224 * 224).map(colour).collect();
    let pixels = Tensor::from_vec(pixels, (1, 3, 224, 224), &Device::Cpu).expect("pixels");
    let maps = tower.maps(&pixels).expect("maps");
    assert_eq!(maps.head.dims(), [1, 7, 7, 1280]);
    assert_eq!(maps.stride_16.dims(), [1, 14, 14, 112]);
    let output = tower.forward(&pixels).expect("features");
    let error = difference(&output.pooled, &tensors("lite0.safetensors")["pooled"]);
    assert!(error < 1e-4, "features differ by {error}");
}

/// Sizes of a learner with the golden decoder and a match bias, whose tower is never run.
pub(crate) fn match_config(language: DecoderConfig, info: &Value) -> FlamingoConfig {
    let count = |name: &str| info[name].as_u64().expect("a number") as usize;
    FlamingoConfig {
        cross_attn_every_n_layers: 1,
        cross_attn_first_layer: language.layers,
        cross_attn_heads: 2,
        cross_attn_head_dim: 8,
        gated: GatedStyle::OpenFlamingo,
        media_mask: MediaMask::Previous,
        vision: VisionConfig::Clip(ClipConfig {
            image_size: 16,
            patch_size: 8,
            width: 16,
            layers: 1,
            heads: 2,
            mlp_width: 16,
            embed_dim: 20,
            activation: VisionActivation::Gelu,
            keep_class_token: false,
        }),
        resampler: ResamplerConfig {
            depth: 1,
            heads: 2,
            head_dim: 8,
            num_latents: 2,
            ff_mult: 1,
            idefics: false,
            width: Some(12),
            positions: Some(4),
        },
        match_bias: Some(MatchBiasConfig {
            dimension: count("dimension"),
            scale: info["scale"].as_f64().expect("a number") as f32,
            first_layer: count("first_layer"),
        }),
        language,
    }
}

/// A bundle with the golden decoder and match bias.
fn match_bundle(folder: &Path, golden_tensors: &HashMap<String, Tensor>, info: &Value) {
    let decoder = PretrainedDecoder::open(&golden("gqa.gguf")).expect("a GGUF file");
    let config = match_config(decoder.config, info);
    bundle_of(folder, config, golden_tensors, info);
}

/// A bundle with the golden decoder, and what it has besides from `golden_tensors`, or else the same small number everywhere.
pub(crate) fn bundle_of(
    folder: &Path,
    config: FlamingoConfig,
    golden_tensors: &HashMap<String, Tensor>,
    info: &Value,
) {
    let decoder = PretrainedDecoder::open(&golden("gqa.gguf")).expect("a GGUF file");
    config.check().expect("possible sizes");
    let specs = Flamingo::tensors(&config).expect("tensors");
    assert!(size_of_weights(WeightFormat::F32, &specs) > 0);
    let written = write_weights(
        folder,
        WeightFormat::F32,
        &specs,
        &mut |spec| match golden_tensors.get(&spec.name) {
            Some(tensor) => Ok(tensor.clone()),
            None if spec.name.starts_with("lang_encoder.") => decoder.tensor(spec),
            None => Ok(Tensor::full(0.1f32, spec.shape.as_slice(), &Device::Cpu)?),
        },
    );
    let written = written.expect("written");
    let image = info["image"].as_u64().expect("an id") as usize;
    word_tokenizer::write(folder, 96, &[("<image>", image), ("<|endofchunk|>", 95)]);
    let tokenizer = std::fs::read_to_string(folder.join("tokenizer.json")).expect("a file");
    let manifest = Manifest {
        format_version: FORMAT_VERSION,
        family: "flamingo".into(),
        name: "match".into(),
        licence: "none".into(),
        intended_use: "tests".into(),
        knows: "nothing".into(),
        template: "open-flamingo".into(),
        familiar_similarity: -1.0,
        reliability: None,
        dtype: "f32".into(),
        weights: vec!["model.safetensors".into()],
        vectors_known_by: VectorIdentity::Settings,
        tokens: SpecialTokens {
            begin: String::new(),
            image: "<image>".into(),
            end_of_chunk: "<|endofchunk|>".into(),
            stop: Vec::new(),
            media_reset: None,
            untrained: Vec::new(),
            around_image: None,
        },
        pixels: Pixels::clip(Fit::Crop),
        config: config.into(),
        files: BTreeMap::from([
            ("model.safetensors".to_string(), written.sha256.clone()),
            (
                "tokenizer.json".to_string(),
                files::sha256_hex(tokenizer.as_bytes()),
            ),
        ]),
        lengths: BTreeMap::from([
            ("model.safetensors".to_string(), written.length),
            ("tokenizer.json".to_string(), tokenizer.len() as u64),
        ]),
    };
    let text = toml::to_string(&manifest).expect("TOML");
    let done = written.commit(folder, &tokenizer, ("model.toml", &text));
    done.expect("a bundle");
}

/// The learner of [`match_bundle`].
fn match_learner(expected: &HashMap<String, Tensor>) -> FlamingoLearner {
    let text = std::fs::read_to_string(golden("match.json")).expect("a file");
    let info: Value = serde_json::from_str(&text).expect("JSON");
    let folder = tempfile::tempdir().expect("a folder");
    match_bundle(folder.path(), expected, &info);
    let bundle = Bundle::open(Some(folder.path())).expect("a bundle");
    FlamingoLearner::load(&bundle, &Device::Cpu).expect("a learner")
}

#[test]
fn the_match_bias_gives_pytorchs_logits_at_once_and_token_by_token() {
    let expected = tensors("match.safetensors");
    let mut learner = match_learner(&expected);
    let vectors: Vec<Vec<f32>> = expected["vectors"].to_vec2().expect("vectors");
    let images: Vec<Arc<EncodedImage>> = vectors
        .into_iter()
        .map(|vector| {
            let latents = Tensor::zeros((1, 2, 12), DType::F32, &Device::Cpu).expect("latents");
            Arc::new(EncodedImage { vector, latents })
        })
        .collect();
    let prompt = ids(&expected["ids"]);
    let cancel = Cancel::new();
    let all = learner
        .logits(&prompt, &images, 0, &cancel)
        .expect("logits");
    let error = difference(&all, &expected["logits"]);
    assert!(error < 1e-4, "logits differ by {error}");
    // Generated tokens belong to the last turn.
    let row = |at: usize| expected["logits"].get(at).expect("a row");
    let close = |found: Vec<f32>, at: usize| {
        let found = Tensor::new(found, &Device::Cpu).expect("logits");
        let error = difference(&found, &row(at));
        assert!(error < 1e-4, "row {at} differs by {error}");
    };
    let cut = prompt.len() - 2;
    close(
        learner
            .prefill(&prompt[..cut], &images, &cancel)
            .expect("a prefill"),
        cut - 1,
    );
    learner.branch(&[0, 0]).expect("two sequences");
    for (at, &token) in prompt.iter().enumerate().skip(cut) {
        close(learner.step_branch(1, token, &cancel).expect("a step"), at);
    }
    let similarities: Vec<Vec<f32>> = expected["similarities"].to_vec2().expect("rows");
    let scores = learner.match_scores().expect("scores");
    assert_eq!(scores.len(), 3);
    for (score, wanted) in scores.iter().zip(&similarities[4][1..4]) {
        assert!((score - wanted).abs() < 1e-4, "{scores:?}");
    }
    // A prompt without images has no turns.
    learner
        .prefill(&[3, 7, 11], &[], &cancel)
        .expect("a prefill");
    assert!(learner.match_scores().expect("no scores").is_empty());
}

#[test]
fn a_learner_with_a_projected_resampler_encodes_an_image() {
    let learner = match_learner(&tensors("match.safetensors"));
    let image = rounds_imaging::load(&root().join("tests/golden/pixels/565.bmp"));
    let image = image.expect("an image");
    let encoded = learner.encode_image(&image).expect("latents");
    assert_eq!(encoded.latents.dims(), [1, 2, 12]);
    assert_eq!(encoded.vector.len(), 20);
}

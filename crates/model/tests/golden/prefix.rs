//! Prefix tuning against PyTorch, transformers, peft and the published code (tests/reference/prefix.py).

use candle_core::{DType, Device, Tensor, Var};
use candle_nn::VarBuilder;
use rounds_model::bundle::Bundle;
use rounds_model::generate::argmax;
use rounds_model::generate::clipcap::clipcap_beams;
use rounds_model::generate::penalty::Penalties;
use rounds_model::import::{ImportSummary, PrefixRequest, WeightFormat, import_prefix};
use rounds_model::prefix::{Layout, Pieces, PrefixLearner, PrefixModel};
use rounds_model::store::Store;
use rounds_model::{EncodedImage, FewShotLearner};
use rounds_support::Cancel;
use serde_json::Value;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::word_tokenizer;

fn golden(name: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
        .join("tests/golden/prefix")
        .join(name)
}

fn info() -> Value {
    let text = std::fs::read_to_string(golden("cases.json")).expect("cases.json");
    serde_json::from_str(&text).expect("JSON")
}

fn case<'a>(info: &'a Value, name: &str) -> &'a Value {
    let cases = info["cases"].as_array().expect("cases");
    let found = cases.iter().find(|case| case["name"] == name);
    found.expect("the case")
}

fn expected() -> HashMap<String, Tensor> {
    candle_core::safetensors::load(golden("expected.safetensors"), &Device::Cpu).expect("tensors")
}

fn ids(value: &Value) -> Vec<u32> {
    serde_json::from_value(value.clone()).expect("ids")
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

fn difference(a: &Tensor, b: &Tensor) -> f32 {
    assert_eq!(a.dims(), b.dims());
    let difference = (a - b).and_then(|d| d.abs()?.flatten_all()?.max(0)?.to_scalar());
    difference.expect("a number")
}

fn layout(name: &str) -> Layout {
    serde_json::from_value(Value::from(name)).expect("a layout")
}

fn request(case: &Value, checkpoint: &str, folder: &Path) -> PrefixRequest {
    word_tokenizer::write(folder, 64, &[("<|endoftext|>", 63)]);
    PrefixRequest {
        checkpoint: golden(checkpoint),
        language: golden(text(&case["language"])),
        vision: golden("vision"),
        tokenizer: Some(folder.to_path_buf()),
        out: folder.join("bundle"),
        name: "prefix".into(),
        layout: layout(text(&case["layout"])),
        vision_heads: None,
        lora_alpha: Some(32),
        keep_lora: false,
        weight_format: WeightFormat::F32,
        begin: None,
        template: None,
    }
}

struct Imported {
    learner: PrefixLearner,
    summary: ImportSummary,
    folder: tempfile::TempDir,
}

fn imported(case: &Value, change: impl FnOnce(&mut PrefixRequest)) -> Imported {
    let folder = tempfile::tempdir().expect("a folder");
    let checkpoint = format!("{}.pt", text(&case["name"]));
    let mut request = request(case, &checkpoint, folder.path());
    change(&mut request);
    let summary = import_prefix(&request, &Cancel::new(), &mut |_, _| {});
    let summary = summary.unwrap_or_else(|e| panic!("{}: {e}", case["name"]));
    let bundle = Bundle::open(Some(&request.out)).expect("a bundle");
    Imported {
        learner: PrefixLearner::load(&bundle, &Device::Cpu).expect("a learner"),
        summary,
        folder,
    }
}

fn images(learner: &PrefixLearner, pixels: &Tensor, count: usize) -> Vec<Arc<EncodedImage>> {
    let one = |i: usize| {
        let pixels = pixels.narrow(0, i, 1).expect("an image");
        Arc::new(learner.encode_pixels(&pixels).expect("encoded"))
    };
    (0..count).map(one).collect()
}

fn logits_differ(imported: &mut Imported, case: &Value, wanted: &Tensor, pixels: &Tensor) -> f32 {
    let learner = &mut imported.learner;
    let count = case["images"].as_u64().expect("a number") as usize;
    let images = images(learner, pixels, count);
    let prompt = ids(&case["ids"]);
    let found = learner.logits(&prompt, &images, &Cancel::new());
    let found = found.expect("logits");
    assert_eq!(found.dim(0).expect("rows"), learner.positions(&prompt));
    difference(&found, wanted)
}

#[test]
fn every_decoder_mapper_layout_and_tuning_gives_the_published_logits_ids_and_beams() {
    let (info, expected) = (info(), expected());
    let cases = info["cases"].as_array().expect("cases");
    assert!(cases.len() >= 20);
    let count = info["beams"].as_u64().expect("a number") as usize;
    let entry = info["entry_length"].as_u64().expect("a number") as usize;
    let cancel = Cancel::new();
    for case in cases {
        let name = text(&case["name"]);
        let mut imported = imported(case, |_| ());
        let wanted = &expected[&format!("{name}.logits")];
        let apart = logits_differ(&mut imported, case, wanted, &expected["pixels"]);
        assert!(apart < 1e-4, "{name}: logits differ by {apart}");
        let learner = &mut imported.learner;
        let number = case["images"].as_u64().expect("a number") as usize;
        let images = images(learner, &expected["pixels"], number);
        if let (Some(image), Some(wanted)) =
            (images.first(), expected.get(&format!("{name}.image")))
        {
            let apart = difference(&image.latents, wanted);
            assert!(apart < 1e-4, "{name}: the image differs by {apart}");
            let dims = learner.manifest().config.latent_dims();
            assert_eq!(image.latents.dims(), dims);
        }
        let prompt = ids(&case["ids"]);
        let mut row = learner.prefill(&prompt, &images, &cancel).expect("logits");
        let wanted = ids(&case["greedy"]);
        let mut greedy = Vec::new();
        while greedy.len() < wanted.len() {
            let best = argmax(&row);
            greedy.push(best);
            row = learner.step(best, &cancel).expect("a step");
        }
        assert_eq!(greedy, wanted, "{name}: greedy");
        let stops = ids(&case["stops"]);
        for (stop, wanted) in stops.iter().zip(case["beams"].as_array().expect("beams")) {
            let row = learner.prefill(&prompt, &images, &cancel).expect("logits");
            let none = Penalties::default();
            let found = clipcap_beams(
                learner,
                row,
                &prompt,
                count,
                &none,
                &[*stop],
                entry,
                &cancel,
            );
            let found: Vec<Vec<u32>> = found.expect("beams").into_iter().map(|h| h.ids).collect();
            let wanted: Vec<Vec<u32>> = serde_json::from_value(wanted.clone()).expect("beams");
            assert_eq!(found, wanted, "{name}: beams that end at {stop}");
        }
    }
}

#[test]
fn a_layout_puts_the_pieces_together_as_published() {
    let info = info();
    let piece = |name: &str| ids(&info["pieces"][name]);
    let (before, question) = (piece("before_question"), piece("question"));
    let (image, answer) = (piece("before_image"), piece("before_answer"));
    let pieces = Pieces {
        before_question: &before,
        question: &question,
        before_image: &image,
        image: 64,
        before_answer: &answer,
    };
    let mut seen = Vec::new();
    for case in info["cases"].as_array().expect("cases") {
        let layout = layout(text(&case["layout"]));
        assert_eq!(layout.sequence(&pieces), ids(&case["ids"]), "{layout:?}");
        seen.push(layout);
    }
    assert!(Layout::ALL.iter().all(|layout| seen.contains(layout)));
}

#[test]
fn additions_of_low_rank_that_are_kept_give_the_same_logits_as_merged_ones() {
    let (info, expected) = (info(), expected());
    for name in ["gpt2-lora", "biogpt-lora", "llama-lora-old"] {
        let case = case(&info, name);
        let mut kept = imported(case, |request| request.keep_lora = true);
        let config = &kept.learner.manifest().config;
        assert_eq!(config.language().low_rank.expect("low rank").rank, 3);
        let wanted = &expected[&format!("{name}.logits")];
        let apart = logits_differ(&mut kept, case, wanted, &expected["pixels"]);
        assert!(apart < 1e-4, "{name}: logits differ by {apart}");
    }
}

#[test]
fn integers_of_a_training_in_eight_bits_are_replaced_by_the_language_models_own_weights() {
    let (info, expected) = (info(), expected());
    let case = case(&info, "gpt2-frozen");
    let mut imported = imported(case, |request| request.checkpoint = golden("int8.pt"));
    assert!(imported.summary.ignored > 0);
    let wanted = &expected["gpt2-frozen.logits"];
    let apart = logits_differ(&mut imported, case, wanted, &expected["pixels"]);
    assert!(apart < 1e-4, "logits differ by {apart}");
}

#[test]
fn shots_stand_in_the_sequence_with_their_images() {
    let (info, expected) = (info(), expected());
    let case = case(&info, "gpt2-frozen");
    let mut imported = imported(case, |_| ());
    let learner = &mut imported.learner;
    let images = images(learner, &expected["pixels"], 2);
    let prompt = ids(&case["shots"]);
    let cancel = Cancel::new();
    let found = learner.logits(&prompt, &images, &cancel).expect("logits");
    let apart = difference(&found, &expected["shots.logits"]);
    assert!(apart < 1e-4, "logits differ by {apart}");
    assert!(learner.logits(&prompt, &images[..1], &cancel).is_err());
    assert!(!learner.manifest().config.knows_shots());
}

#[test]
fn a_checkpoint_of_another_layout_or_language_model_is_refused_by_name() {
    let info = info();
    let case = case(&info, "gpt2-frozen");
    let refused = |change: &dyn Fn(&mut PrefixRequest)| {
        let folder = tempfile::tempdir().expect("a folder");
        let mut request = request(case, "gpt2-lora.pt", folder.path());
        change(&mut request);
        let error = import_prefix(&request, &Cancel::new(), &mut |_, _| {});
        let error = error.expect_err("refused").to_string();
        assert!(!request.out.join("model.toml").exists());
        error
    };
    let error = refused(&|request| request.layout = Layout::ReplaceVisual);
    assert!(error.contains("nv_tokens"), "{error}");
    let error = refused(&|request| request.language = golden("llama"));
    assert!(
        error.contains("gpt.base_model.model.transformer"),
        "{error}"
    );
}

/// A model whose every tensor is a variable.
fn trainable(imported: &Imported) -> (PrefixModel, HashMap<String, Var>) {
    let file = imported.folder.path().join("bundle/model.safetensors");
    let tensors = candle_core::safetensors::load(file, &Device::Cpu).expect("weights");
    let vars: HashMap<String, Var> = tensors
        .into_iter()
        .map(|(name, tensor)| (name, Var::from_tensor(&tensor).expect("a variable")))
        .collect();
    let tensors = vars.iter().map(|(n, v)| (n.clone(), v.as_tensor().clone()));
    let full = VarBuilder::from_tensors(tensors.collect(), DType::F32, &Device::Cpu);
    let config = imported.learner.manifest().config.prefix();
    let model = PrefixModel::load(config.expect("prefix"), Store::full(full));
    (model.expect("a model"), vars)
}

/// Gradients by our names.
struct Gradients {
    of: HashMap<String, Tensor>,
}

impl Gradients {
    fn one(&self, name: &str) -> Tensor {
        let found = self.of.get(name);
        found
            .unwrap_or_else(|| panic!("no gradient of {name}"))
            .clone()
    }

    fn cat(&self, names: &[String], dim: usize) -> Tensor {
        let parts: Vec<Tensor> = names.iter().map(|name| self.one(name)).collect();
        Tensor::cat(&parts, dim).expect("gradients")
    }

    /// The gradient of a published parameter.
    fn published(&self, name: &str, factor: f64) -> Tensor {
        if name.starts_with("clip_project.") {
            return self.one(name);
        }
        if name.contains("prompt_encoder") {
            let ours = ["virtual.tokens", "virtual.keys_values"];
            let ours = ours.iter().find(|ours| self.of.contains_key(**ours));
            return self.one(ours.expect("virtual tokens"));
        }
        let low_rank = [("lora_A", "low_rank_down"), ("lora_B", "low_rank_up")];
        let low_rank = low_rank.iter().find(|(theirs, _)| name.contains(theirs));
        let (layer, rest) = name
            .split_once(".h.")
            .unwrap_or_else(|| name.split_once(".layers.").expect("a layer"));
        assert!(layer.starts_with("gpt."));
        let (layer, rest) = rest.split_once('.').expect("a layer");
        let root = format!("lang_encoder.model.layers.{layer}");
        let qkv = |end: &str| ["q", "k", "v"].map(|p| format!("{root}.self_attn.{p}_proj.{end}"));
        if let Some((_, end)) = low_rank {
            let scaled = |t: Tensor| match *end == "low_rank_up" {
                true => (t * factor).expect("scaled"),
                false => t,
            };
            if !rest.starts_with("attn.c_attn") {
                let part = rest.split_once(".lora_").expect("a part").0;
                return scaled(self.one(&format!("{root}.{part}.{end}")));
            }
            // One factor serves queries, keys and values.
            let [q, k, v] = qkv(end).map(|name| self.one(&name));
            return match *end {
                "low_rank_down" => ((q + k).expect("a sum") + v).expect("a sum"),
                _ => scaled(Tensor::cat(&[q, k, v], 0).expect("rows")),
            };
        }
        let (part, end) = rest.rsplit_once('.').expect("a part");
        let ours = match part {
            "attn.c_attn" => {
                let all = self.cat(&qkv(end), 0);
                return match end {
                    "weight" => all.t().expect("a matrix"),
                    _ => all,
                };
            }
            "attn.c_proj" => "self_attn.o_proj",
            "mlp.c_fc" => "mlp.up_proj",
            "mlp.c_proj" => "mlp.down_proj",
            "ln_1" => "input_layernorm",
            "ln_2" => "post_attention_layernorm",
            other => other,
        };
        let found = self.one(&format!("{root}.{ours}.{end}"));
        match (end, found.rank()) {
            ("weight", 2) => found.t().expect("a matrix"),
            _ => found,
        }
    }
}

#[test]
fn every_trainable_part_has_pytorchs_gradients() {
    let (info, expected) = (info(), expected());
    let answer = ids(&info["answer"]);
    let cases = info["cases"].as_array().expect("cases");
    let mut compared = 0;
    for case in cases.iter().filter(|case| case["grads"].is_array()) {
        let name = text(&case["name"]);
        let imported = imported(case, |request| request.keep_lora = true);
        let (model, vars) = trainable(&imported);
        let pooled = expected["pooled"].narrow(0, 0, 1).expect("an image");
        let image = model.image_embeddings(&pooled).expect("embeddings");
        let prompt = ids(&case["ids"]);
        let whole = [prompt.as_slice(), &answer].concat();
        let x = model.embeddings(&whole, 64, &[&image]).expect("a sequence");
        let loss = (|| {
            let hidden = model.hidden(&x)?;
            let from = hidden.dim(1)? - answer.len() - 1;
            let logits = model
                .language
                .logits(&hidden.narrow(1, from, answer.len())?.contiguous()?)?;
            let targets = Tensor::new(answer.as_slice(), &Device::Cpu)?;
            candle_nn::loss::cross_entropy(&logits.squeeze(0)?, &targets)
        })();
        let loss = loss.expect("a loss");
        let wanted = case["loss"].as_f64().expect("a loss") as f32;
        let found = loss.to_scalar::<f32>().expect("a loss");
        assert!((found - wanted).abs() < 1e-4, "{name}: {found} {wanted}");
        let grads = loss.backward().expect("gradients");
        let of = vars.iter();
        let of = of.filter_map(|(name, var)| Some((name.clone(), grads.get(var)?.clone())));
        let gradients = Gradients { of: of.collect() };
        let factor = info["alpha"].as_f64().expect("a number") / 3.0;
        for published in case["grads"].as_array().expect("names") {
            let published = text(published);
            let found = gradients.published(published, factor);
            let wanted = &expected[&format!("{name}.grad.{published}")];
            let size = difference(wanted, &wanted.zeros_like().expect("zeros"));
            let apart = difference(&found, wanted) / size.max(1e-6);
            assert!(apart < 1e-3, "{name}: {published} differs by {apart}");
            compared += 1;
        }
    }
    assert!(compared > 50, "{compared} gradients");
}

//! Runs on the fixtures: a resumed run is the run that was never stopped, and its bundle is a bundle.

use std::path::{Path, PathBuf};

use super::*;
use crate::optim::{AdamW, gradients};
use rounds_model::bundle::Bundle;
use rounds_model::families::load_learner;
use rounds_model::import::{PrefixRequest, import_prefix};
use rounds_model::prefix::Layout;
use rounds_support::files;

#[path = "../../../../tests/common/word_tokenizer.rs"]
#[expect(unreachable_pub, reason = "integration tests share it")]
mod word_tokenizer;

fn fixture(name: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
        .join("tests/fixtures")
        .join(name)
}

fn recipe() -> AdaptRecipe {
    AdaptRecipe {
        prefix_length: 2,
        batch: 8,
        micro_batch: 3,
        epochs: 2,
        warmup: 2,
        rate: 1e-3,
        rank: 2,
        validation: 0.2,
        ..AdaptRecipe::default()
    }
}

fn request<'a>(
    bundle: &'a Bundle,
    index: &'a Index,
    folder: &Path,
    name: &str,
) -> AdaptRequest<'a> {
    AdaptRequest {
        base: BaseSource::Bundle(bundle),
        index,
        method: Method::Lora,
        recipe: recipe(),
        run: folder.join(format!("{name}.training")),
        out: folder.join(name),
        name: name.into(),
        format: WeightFormat::F32,
        device: Device::Cpu,
    }
}

#[test]
fn a_stopped_run_goes_on_exactly_and_gives_a_bundle_that_answers() {
    let folder = tempfile::tempdir().unwrap();
    let bundle = Bundle::open(Some(&fixture("nano"))).unwrap();
    let index = Index::open(Some(&fixture("index"))).unwrap();
    let whole = request(&bundle, &index, folder.path(), "whole");
    let summary = train_adapt(&whole, &Cancel::new()).unwrap().unwrap();
    assert!(summary.loss.is_some_and(f32::is_finite) && summary.train > summary.validation);

    let parts = request(&bundle, &index, folder.path(), "parts");
    let stopped = Cancel::new();
    let watched = stopped.clone();
    let curve = parts.run.join("curve.jsonl");
    // Stops as soon as the first epoch was measured.
    let watcher = std::thread::spawn(move || {
        while !files::read_to_string(&curve).is_ok_and(|text| text.contains("validation")) {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        watched.cancel();
    });
    let first = train_adapt(&parts, &stopped).unwrap();
    watcher.join().unwrap();
    assert_eq!(first, None, "it was stopped");
    let resumed = train_adapt(&parts, &Cancel::new()).unwrap().unwrap();
    assert_eq!(resumed, summary);
    let weights = |request: &AdaptRequest| files::read(&request.out.join("model.safetensors"));
    assert_eq!(weights(&parts).unwrap(), weights(&whole).unwrap());
    assert_eq!(Bundle::verify(&parts.out).unwrap(), [""; 0]);

    let made = Bundle::open(Some(&parts.out)).unwrap();
    let mut learner = load_learner(&made, &Device::Cpu).unwrap();
    let image = learner.encode_image(&rounds_imaging::blank(64)).unwrap();
    let token = |text: &str| learner.tokenizer().token_to_id(text).unwrap();
    let prompt = [token("<image>")];
    let logits = learner
        .prefill(&prompt, &[image.into()], &Cancel::new())
        .unwrap();
    assert!(logits.iter().any(|logit| logit.is_finite()));

    let mut other = request(&bundle, &index, folder.path(), "parts");
    other.recipe.seed = 2;
    let refused = train_adapt(&other, &Cancel::new()).unwrap_err();
    assert!(refused.to_string().contains("--run"), "{refused}");
}

#[test]
fn every_way_of_tuning_trains_what_it_names_and_gives_a_bundle() {
    let folder = tempfile::tempdir().unwrap();
    let bundle = Bundle::open(Some(&fixture("nano"))).unwrap();
    let index = Index::open(Some(&fixture("index"))).unwrap();
    let mapper = 6;
    for (method, name) in [
        (Method::PromptTuning, "prompt"),
        (Method::PrefixTuning, "prefix"),
        (Method::Unfrozen, "unfrozen"),
    ] {
        let mut one = request(&bundle, &index, folder.path(), name);
        one.method = method;
        one.recipe.epochs = 1;
        // The shortest questions are enough here.
        one.recipe.max_tokens = 28;
        one.recipe.virtual_tokens = 3;
        let summary = train_adapt(&one, &Cancel::new()).unwrap().unwrap();
        assert!(summary.loss.is_some_and(f32::is_finite), "{name}");
        let best = one.run.join("best.safetensors");
        let best = candle_core::safetensors::load(best, &Device::Cpu).unwrap();
        let has = |part: &str| best.keys().filter(|name| name.contains(part)).count();
        assert_eq!(has("clip_project."), mapper, "{name}");
        assert_eq!(has("vision_encoder."), 0, "{name}");
        match method {
            Method::Unfrozen => assert_eq!(has("lang_encoder."), best.len() - mapper),
            _ => assert_eq!((has("virtual."), best.len()), (1, mapper + 1), "{name}"),
        }
        let made = Bundle::open(Some(&one.out)).unwrap();
        let tokens = made.manifest.config.prefix().unwrap().virtual_tokens;
        assert_eq!(tokens.is_some(), method != Method::Unfrozen);
        let mut learner = load_learner(&made, &Device::Cpu).unwrap();
        let image = learner.encode_image(&rounds_imaging::blank(64)).unwrap();
        let prompt = [learner.tokenizer().token_to_id("<image>").unwrap()];
        let logits = learner.prefill(&prompt, &[image.into()], &Cancel::new());
        assert!(logits.unwrap().iter().any(|logit| logit.is_finite()));
    }
    let mut refused = request(&bundle, &index, folder.path(), "refused");
    refused.method = Method::Flamingo;
    let refused = train_adapt(&refused, &Cancel::new()).unwrap_err();
    assert!(refused.to_string().contains("--method lora"), "{refused}");
}

/// The golden model `gpt2-frozen` of tests/reference/prefix.py as a bundle.
fn golden_bundle(folder: &Path) -> Bundle {
    let golden =
        Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join("tests/golden/prefix");
    word_tokenizer::write(folder, 64, &[("<|endoftext|>", 63)]);
    let request = PrefixRequest {
        checkpoint: golden.join("gpt2-frozen.pt"),
        language: golden.join("gpt2"),
        vision: golden.join("vision"),
        tokenizer: Some(folder.to_path_buf()),
        out: folder.join("bundle"),
        name: "golden".into(),
        layout: Layout::Regular,
        vision_heads: None,
        lora_alpha: Some(32),
        keep_lora: false,
        weight_format: WeightFormat::F32,
        begin: None,
        template: None,
    };
    import_prefix(&request, &Cancel::new(), &mut |_, _| {}).unwrap();
    Bundle::open(Some(&request.out)).unwrap()
}

/// The golden model in training, its samples and what tests/reference/prefix.py says of them.
struct Golden {
    recipe: AdaptRecipe,
    vars: std::sync::Arc<Vars>,
    model: PrefixModel,
    vectors: Tensor,
    samples: Vec<data::Sample>,
    steps: serde_json::Value,
}

impl Golden {
    fn new(method: Method) -> Self {
        let golden =
            Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join("tests/golden/prefix");
        let info = std::fs::read_to_string(golden.join("cases.json")).unwrap();
        let mut info: serde_json::Value = serde_json::from_str(&info).unwrap();
        let steps = info["steps"].take();
        let number = |value: &serde_json::Value| value.as_u64().unwrap() as usize;
        let recipe = AdaptRecipe {
            rate: steps["rate"].as_f64().unwrap(),
            warmup: number(&steps["warmup"]),
            ..AdaptRecipe::default()
        };
        let samples = steps["samples"].as_array().unwrap().iter().map(|sample| {
            let ids = serde_json::from_value(sample["ids"].clone()).unwrap();
            data::Sample::new(number(&sample["image"]), ids, number(&sample["answer"]))
        });
        let samples = samples.collect();
        let folder = tempfile::tempdir().unwrap();
        let bundle = golden_bundle(folder.path());
        let base = Base::read(&BaseSource::Bundle(&bundle)).unwrap();
        let config = base.config(method, &recipe).unwrap();
        let (given, constants) = base.weights(method);
        let vars = Vars::with_constants(1, given, constants);
        let expected = golden.join("expected.safetensors");
        let expected = candle_core::safetensors::load(expected, &Device::Cpu).unwrap();
        Self {
            recipe,
            model: PrefixModel::load(&config, vars.store(&Device::Cpu)).unwrap(),
            vars,
            vectors: expected["pooled"].clone(),
            samples,
            steps,
        }
    }

    fn context(&self) -> Context<'_> {
        Context {
            model: &self.model,
            vectors: &self.vectors,
            image_token: 64,
            end_token: 63,
            device: &Device::Cpu,
        }
    }
}

#[test]
fn ten_steps_have_the_losses_of_pytorch() {
    let golden = Golden::new(Method::Prefix);
    let context = golden.context();
    let wanted: Vec<f32> = serde_json::from_value(golden.steps["losses"].clone()).unwrap();
    let mut optimiser = AdamW::new(golden.vars.select(|_| true), 0.0, 1.0);
    let parts: Vec<&data::Sample> = golden.samples.iter().collect();
    let count = parts.len() as f64;
    for (step, wanted) in wanted.iter().enumerate() {
        let loss = |parts: &&[&data::Sample]| {
            let (loss, _) = context.loss(parts, &|sample: &data::Sample| sample.image, &mut Ok)?;
            Ok::<_, candle_core::Error>(((loss / count)?, Vec::new()))
        };
        let halves: Vec<&[&data::Sample]> = parts.chunks(2).collect();
        let (found, _, grads) = gradients(&optimiser.vars, &halves, Precision::Full, loss).unwrap();
        assert!(
            (found - wanted).abs() < 1e-3,
            "step {step}: {found} {wanted}"
        );
        let rate = golden.recipe.rate_at(step, 10);
        optimiser.step(&grads, rate).unwrap();
    }
    assert!(wanted[9] < wanted[0]);
}

#[test]
fn checkpointing_gives_the_loss_and_the_gradients_of_keeping_everything() {
    for method in [Method::Prefix, Method::Lora, Method::Unfrozen] {
        let golden = Golden::new(method);
        let context = golden.context();
        let vars = golden.vars.select(|_| true);
        for (name, var) in &vars {
            // As if it had been trained: it begins with zeros, and then the other factor has no gradient.
            if name.ends_with("low_rank_up") {
                let values = Tensor::randn(0f32, 0.1, var.shape(), &Device::Cpu).unwrap();
                var.set(&values).unwrap();
            }
        }
        let samples: Vec<&data::Sample> = golden.samples.iter().collect();
        let image = |sample: &data::Sample| sample.image;
        let (loss, _) = context.loss(&samples, &image, &mut Ok).unwrap();
        let loss = (loss * 0.5).unwrap();
        let grads = loss.backward().unwrap();
        let (found, sums) = context
            .checkpointed(&samples, &image, &mut Ok, 0.5, &vars)
            .unwrap();
        let wanted = loss.to_scalar::<f32>().unwrap();
        assert!((found - wanted).abs() < 1e-6 * wanted, "{found} {wanted}");
        let mut compared = 0;
        for ((name, var), found) in vars.iter().zip(&sums) {
            let Some(wanted) = grads.get(var) else {
                assert!(found.iter().all(|value| *value == 0.0), "{name}");
                continue;
            };
            let wanted: Vec<f32> = wanted.flatten_all().unwrap().to_vec1().unwrap();
            let size = wanted
                .iter()
                .fold(0f32, |size, value| size.max(value.abs()));
            assert!(size > 0.0, "{name} has no gradient");
            for (a, b) in wanted.iter().zip(found) {
                assert!((a - b).abs() < 1e-5 * size, "{name}: {a} {b}");
            }
            compared += 1;
        }
        let least = match method {
            Method::Unfrozen => 20,
            Method::Lora => 10,
            _ => 6,
        };
        assert!(compared >= least, "{compared} variables");
    }
}

#[test]
fn virtual_tokens_that_change_change_the_loss() {
    for method in [Method::PromptTuning, Method::PrefixTuning] {
        let golden = Golden::new(method);
        let samples: Vec<&data::Sample> = golden.samples.iter().collect();
        let loss = || {
            let image = |sample: &data::Sample| sample.image;
            let found = golden.context().loss(&samples, &image, &mut Ok).unwrap();
            found.0.to_scalar::<f32>().unwrap()
        };
        let before = loss();
        let (name, var) = golden
            .vars
            .select(|name| name.starts_with("virtual."))
            .remove(0);
        let changed = Tensor::randn(0f32, 1.0, var.shape(), &Device::Cpu).unwrap();
        var.set(&changed).unwrap();
        assert!((loss() - before).abs() > 1e-3, "{name}");
    }
}

#[test]
fn a_step_is_timed_without_the_first_where_there_are_others() {
    assert_eq!(run::seconds_per_step(&[9.0, 1.0, 2.0]), 1.5);
    assert_eq!(run::seconds_per_step(&[9.0]), 9.0);
}

#[test]
fn the_learning_rate_rises_and_falls_in_lines() {
    let recipe = AdaptRecipe {
        warmup: 10,
        rate: 1.0,
        ..AdaptRecipe::default()
    };
    let rates = [0, 5, 10, 60, 110].map(|step| recipe.rate_at(step, 110));
    assert_eq!(rates, [0.0, 0.5, 1.0, 0.5, 0.0]);
}

#[test]
fn training_stops_after_epochs_without_a_lower_loss() {
    let points = |losses: &[f32]| {
        let point = |(at, loss): (usize, &f32)| curve::Point {
            step: at,
            loss: None,
            validation: Some(*loss),
            right: None,
            right_with_other_images: None,
        };
        losses.iter().enumerate().map(point).collect::<Vec<_>>()
    };
    assert!(!run::is_over(&points(&[]), 2));
    assert!(!run::is_over(&points(&[3.0, 2.0, 2.5]), 2));
    assert!(run::is_over(&points(&[3.0, 2.0, 2.5, 2.1]), 2));
}

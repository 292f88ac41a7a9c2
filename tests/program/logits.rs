//! `rounds model logits` with every family: the same prompts in, the same tensors out.

use candle_core::{D, Device, Tensor};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::path::Path;

use crate::common::{fixtures, run, shared_home};
use crate::medvint::with_tiny;
use crate::prefix::with_tuned;

fn case() -> String {
    let path = fixtures::path("cases/chest-nodule.png");
    path.to_str().expect("UTF-8").to_string()
}

/// Exit code and messages of a run on one line, and what it wrote.
fn written(home: &Path, bundle: &str, line: &Value) -> (i32, String, HashMap<String, Tensor>) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| {
        let path = folder.path().join(name);
        path.to_str().expect("UTF-8").to_string()
    };
    let (prompt, out) = (path("prompt.jsonl"), path("out.safetensors"));
    std::fs::write(&prompt, line.to_string()).expect("written");
    let words = [
        "model", "logits", bundle, "--prompt", &prompt, "--out", &out, "--tokens", "3", "--device",
        "cpu",
    ];
    let (code, _, err) = run(home, &words);
    let tensors = candle_core::safetensors::load(&out, &Device::Cpu);
    (code, err, tensors.unwrap_or_default())
}

/// The tensors for an image with a text behind it, the same from the ids alone.
fn of_image_and_text(home: &Path, bundle: &str) -> HashMap<String, Tensor> {
    let line = json!({
        "segments": [{"image": case()}, {"text": "t5 t6"}], "continuations": ["t5", [7, 9]]
    });
    let (code, err, tensors) = written(home, bundle, &line);
    assert_eq!(code, 0, "{bundle}: {err}");
    let dims = |name: &str| tensors[name].dims().to_vec();
    assert_eq!(dims("0.greedy"), [3]);
    assert_eq!(dims("0.log_probabilities"), [2, 2]);
    assert_eq!(dims("0.media")[0], 1);
    let values = |tensor: &Tensor| {
        let flat = tensor.flatten_all().and_then(|t| t.to_vec1::<f32>());
        flat.expect("floats")
    };
    assert!(values(&tensors["0.logits"]).iter().all(|v| v.is_finite()));
    let line = json!({"input_ids": ids(&tensors), "images": [case()]});
    let (code, err, again) = written(home, bundle, &line);
    assert_eq!(code, 0, "{bundle}: {err}");
    assert_eq!(values(&tensors["0.logits"]), values(&again["0.logits"]));
    tensors
}

fn ids(tensors: &HashMap<String, Tensor>) -> Vec<u32> {
    tensors["0.input_ids"].to_vec1().expect("ids")
}

/// Asserts that the logits have a row for every position and that greedy decoding begins with the best token of the last.
fn ends_with_the_first_greedy_token(tensors: &HashMap<String, Tensor>) {
    let logits = &tensors["0.logits"];
    let latents = tensors["0.media"].dim(1).expect("latents");
    let rows = logits.dim(0).expect("rows");
    assert_eq!(rows, ids(tensors).len() - 1 + latents);
    let best = logits.get(rows - 1).and_then(|row| row.argmax(D::Minus1));
    let best: u32 = best.and_then(|best| best.to_scalar()).expect("a token");
    let greedy: Vec<u32> = tensors["0.greedy"].to_vec1().expect("ids");
    assert_eq!(greedy[0], best);
}

fn refuses_padding(home: &Path, bundle: &str) {
    let line = json!({"input_ids": [5, 6], "left_padding": 1});
    let (code, err, _) = written(home, bundle, &line);
    assert_ne!(code, 0);
    assert!(err.contains("take no padding in front"), "{err}");
}

#[test]
fn logits_of_a_flamingo_have_a_row_for_every_token() {
    let home = shared_home();
    let tensors = of_image_and_text(&home, "shipped");
    let rows = tensors["0.logits"].dim(0).expect("rows");
    assert_eq!(rows, ids(&tensors).len());
    let line = json!({"input_ids": [5, 5, 6], "left_padding": 1});
    let (code, err, _) = written(&home, "shipped", &line);
    assert_eq!(code, 0, "{err}");
}

#[test]
fn logits_of_a_prefix_tuned_model_have_a_row_for_every_position_of_an_image() {
    let (_folder, home) = with_tuned();
    let tensors = of_image_and_text(&home, "tuned");
    ends_with_the_first_greedy_token(&tensors);
    assert_eq!(ids(&tensors), [64, 5, 6]);
    refuses_padding(&home, "tuned");
}

#[test]
fn logits_of_medvint_begin_the_text_behind_the_image_as_published() {
    let td = with_tiny("td");
    let tensors = of_image_and_text(td.folder.path(), "tiny");
    ends_with_the_first_greedy_token(&tensors);
    assert_eq!(ids(&tensors), [96, 0, 5, 6]);
    refuses_padding(td.folder.path(), "tiny");
    let te = with_tiny("te");
    let tensors = of_image_and_text(te.folder.path(), "tiny");
    assert_eq!(ids(&tensors), [96, 1, 5, 6]);
    assert_eq!(tensors["0.logits"].dims(), [24, 96], "its padded text");
    refuses_padding(te.folder.path(), "tiny");
}

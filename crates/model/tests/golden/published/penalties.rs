//! Penalties on repeated tokens, as transformers applies them.

use candle_core::Device;
use rounds_model::generate::penalty::Penalties;
use serde_json::Value;

use super::{golden, ids};

#[test]
fn processors_agree_with_transformers() {
    let text = std::fs::read_to_string(golden("generation.json")).expect("generation.json");
    let info: Value = serde_json::from_str(&text).expect("JSON");
    let tensors = candle_core::safetensors::load(golden("generation.safetensors"), &Device::Cpu)
        .expect("generation.safetensors");
    let rows: Vec<Vec<f32>> = tensors["logits"].to_vec2().expect("rows");
    let histories: Vec<Vec<u32>> = info["histories"]
        .as_array()
        .expect("histories")
        .iter()
        .map(ids)
        .collect();
    let mut compared = 0;
    for (name, step) in info["steps"].as_object().expect("steps") {
        let kind = step["kind"].as_str().expect("a kind");
        let value = step["value"].as_f64().expect("a value");
        let penalties = match kind {
            "repetition_penalty" => Penalties {
                repetition: value as f32,
                ..Penalties::default()
            },
            "no_repeat_ngram" => Penalties {
                no_repeat_ngram: value as usize,
                ..Penalties::default()
            },
            _ => continue,
        };
        let wanted: Vec<Vec<f32>> = tensors[name.as_str()].to_vec2().expect("rows");
        for ((row, history), wanted) in rows.iter().zip(&histories).zip(&wanted) {
            let mut row = row.clone();
            penalties.apply(history, &mut row);
            for (found, wanted) in row.iter().zip(wanted) {
                let same = found == wanted || (found - wanted).abs() < 1e-6;
                assert!(same, "{name}: {found} {wanted}");
            }
        }
        compared += 1;
    }
    assert!(compared >= 4, "{compared} processors");
}
